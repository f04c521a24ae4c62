//! The trail from outside: what is written is read, whatever happens to the writer.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails says so"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use sluice_trail::event::{Ending, Event};
use sluice_trail::reader::Reader;
use sluice_trail::{
    Deed, Effect, Format, Judged, Opening, Outcome, Parameter, Session, SessionId, SessionOpening,
    Statement, Step, Text, Trail, TrailConfig, Writer,
};

const ALLOWED: Judged<'static> = Judged {
    effect: Effect::Allow,
    policy: "",
    reason: "",
    generation: 1,
    digests: &[],
    masks: None,
    keep: None,
};

fn now() -> SystemTime {
    SystemTime::now()
}

fn opening(random: u128) -> SessionOpening {
    SessionOpening {
        session: SessionId::new(now(), random),
        time: now(),
        subject: "alice".into(),
        issuer: "https://idp.example".into(),
        email: Some("alice@example.com".into()),
        groups: vec!["support".into()],
        actors: vec!["agent".into()],
        database: "shop".into(),
        role: "sluice".into(),
        client: "127.0.0.1:5000".into(),
        application: "psql".into(),
        protocol: "3.0".into(),
        tls: None,
        gateway: None,
    }
}

fn session(writer: &Writer) -> Session {
    writer.session(&opening(7)).unwrap()
}

fn ask(session: &Session, text: &str) -> sluice_trail::Entry {
    let statement = Statement::Once(text);
    session.open(&Opening {
        time: now(),
        step: Step::Query,
        statement,
    })
}

fn parameter(type_oid: u32, format: Format, value: Option<&[u8]>) -> Parameter<'_> {
    Parameter {
        type_oid,
        format,
        value,
    }
}

fn answered(tag: &str) -> Outcome<'_> {
    let duration = Duration::from_micros(5);
    Outcome {
        tag,
        rows: 1,
        bytes: 10,
        sqlstate: None,
        duration,
    }
}

fn small(dir: &Path) -> TrailConfig {
    TrailConfig {
        segment_bytes: 16 << 10,
        ..TrailConfig::new(dir)
    }
}

fn events(dir: &Path) -> Vec<Event> {
    Reader::open(dir).unwrap().poll().unwrap()
}

#[test]
fn a_request_recorded_at_once_reads_as_one_recorded_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    let writer = trail.writer().unwrap();
    let session = session(&writer);
    let (text, masks) = (Text::new("select $1"), Text::new("public.people.ssn: null"));
    let parameters = [
        parameter(23, Format::Binary, Some(&[0, 0, 0, 1])),
        parameter(0, Format::Text, None),
    ];
    let judged = Judged {
        masks: Some(&masks),
        ..ALLOWED
    };
    for statement in [Statement::Kept(&text), Statement::Once("select 1, 2")] {
        let opening = Opening {
            time: now(),
            step: Step::Bind,
            statement,
        };
        let mut stepwise = session.open(&opening);
        for parameter in &parameters {
            stepwise.parameter(parameter);
        }
        stepwise.judged(&judged).unwrap();
        let at_once = session.record(&opening, parameters.into_iter(), &judged);
        for mut entry in [stepwise, at_once.unwrap()] {
            entry.delivered(b"a result").unwrap();
            entry.close(&answered("SELECT 1"));
        }
        let read = events(dir.path());
        let [.., one, other] = &read[..] else {
            panic!("two events: {read:?}");
        };
        let renumbered = Event {
            number: one.number,
            ..other.clone()
        };
        assert_eq!(*one, renumbered);
        assert_eq!(one.delivered, b"a result");
        assert_eq!(one.parameters.len(), 2);
    }
}

#[test]
fn all_that_was_said_of_a_request_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    let writer = trail.writer().unwrap();
    let session = session(&writer);
    let (text, masks) = (Text::new("select $1"), Text::new("public.people.ssn: null"));
    let digests = [("mask".to_owned(), "sha256:00".to_owned())];
    for _ in 0..2 {
        let statement = Statement::Kept(&text);
        let mut entry = session.open(&Opening {
            time: now(),
            step: Step::Execute,
            statement,
        });
        entry.parameter(&parameter(23, Format::Binary, Some(&[0, 0, 0, 1])));
        entry.parameter(&parameter(0, Format::Text, None));
        let held = Judged {
            effect: Effect::Hold,
            policy: "guard",
            reason: "large",
            digests: &digests,
            masks: Some(&masks),
            keep: Some(4),
            ..ALLOWED
        };
        entry.judged(&held).unwrap();
        entry
            .event(
                now(),
                &Deed::Approved {
                    by: "bob".into(),
                    note: String::new(),
                },
            )
            .unwrap();
        entry
            .judged(&Judged {
                effect: Effect::Allow,
                ..held
            })
            .unwrap();
        entry.delivered(b"abc").unwrap();
        entry.delivered(b"def").unwrap();
        entry.close(&answered("SELECT 1"));
    }
    let events = events(dir.path());
    assert_eq!(
        events.iter().map(|event| event.number).collect::<Vec<_>>(),
        [1, 2]
    );
    for event in &events {
        assert_eq!(&*event.statement, "select $1");
        assert_eq!(event.parameters[0].text().unwrap(), "\\x00000001");
        assert_eq!(event.parameters[1].text(), None);
        let effects: Vec<_> = event
            .verdicts
            .iter()
            .map(|verdict| verdict.effect)
            .collect();
        assert_eq!(effects, [Effect::Hold, Effect::Allow]);
        assert_eq!(event.verdicts[0].policies.digests, digests);
        assert_eq!(&*event.verdicts[0].masks, masks.as_str());
        assert_eq!(
            event.deeds[0].1,
            Deed::Approved {
                by: "bob".into(),
                note: String::new()
            }
        );
        assert_eq!(event.delivered, b"abcd");
        assert_eq!(event.outcome().unwrap().omitted, 2);
        assert_eq!(event.outcome().unwrap().tag, "SELECT 1");
        assert_eq!(event.who(), "agent for alice@example.com");
    }
}

#[test]
fn an_entry_that_is_dropped_is_abandoned_judged_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    let session = session(&trail.writer().unwrap());
    drop(ask(&session, "one"));
    let mut entry = ask(&session, "two");
    entry.judged(&ALLOWED).unwrap();
    drop(entry);
    let events = events(dir.path());
    assert_eq!(events.len(), 2);
    assert!(
        events
            .iter()
            .all(|event| matches!(event.ending, Ending::Abandoned(_)))
    );
    assert_eq!((events[0].verdicts.len(), events[1].verdicts.len()), (0, 1));
}

#[test]
fn segments_follow_one_another_and_each_can_be_read_alone() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(small(dir.path())).unwrap();
    let writer = trail.writer().unwrap();
    let session = session(&writer);
    let mut reader = Reader::open(dir.path()).unwrap();
    let text = Text::new("select ".repeat(50));
    let mut followed = Vec::new();
    let mut across = ask(&session, "begun in the first segment");
    across.judged(&ALLOWED).unwrap();
    for number in 0..300 {
        let statement = Statement::Kept(&text);
        let mut entry = session.open(&Opening {
            time: now(),
            step: Step::Execute,
            statement,
        });
        entry.judged(&ALLOWED).unwrap();
        entry.delivered(&[7; 100]).unwrap();
        entry.close(&answered("SELECT 1"));
        if number % 7 == 0 {
            followed.extend(reader.poll().unwrap());
        }
    }
    across.close(&answered("SELECT 1"));
    followed.extend(reader.poll().unwrap());
    assert_eq!(followed.len(), 301);
    assert!(
        followed
            .iter()
            .all(|event| event.delivered.len() == 100 || event.number == 1)
    );
    drop((session, writer, trail));
    let files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(files.len() > 3, "{} segments", files.len());
    let mut files: Vec<_> = files.iter().map(std::fs::DirEntry::path).collect();
    files.sort();
    std::fs::remove_file(&files[0]).unwrap();
    let rest = events(dir.path());
    assert!(rest.len() > 200 && rest.iter().all(|event| *event.statement == *text.as_str()));
}

#[test]
fn a_record_larger_than_a_segment_gets_one_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(small(dir.path())).unwrap();
    let session = session(&trail.writer().unwrap());
    for text in ["x".repeat(100_000), "small".into(), "y".repeat(50_000)] {
        let mut entry = ask(&session, &text);
        entry.judged(&ALLOWED).unwrap();
        entry.close(&answered("SELECT 1"));
    }
    let lengths: Vec<_> = events(dir.path())
        .iter()
        .map(|event| event.statement.len())
        .collect();
    assert_eq!(lengths, [100_000, 5, 50_000]);
}

#[test]
fn a_finished_trail_leaves_only_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    drop(session(&trail.writer().unwrap()));
    drop(trail);
    let files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].metadata().unwrap().len() < 1000);
    let mut reader = Reader::open(dir.path()).unwrap();
    reader.poll().unwrap();
    assert!(reader.sessions()[0].ended.is_some());
}

#[test]
fn digests_given_once_are_known_in_every_segment() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(small(dir.path())).unwrap();
    let session = session(&trail.writer().unwrap());
    let digests = [("guard".to_owned(), "sha256:beef".to_owned())];
    assert!(!session.knows(1));
    for number in 0..300 {
        let mut entry = ask(&session, &"x".repeat(200));
        let digests = if number == 0 { &digests[..] } else { &[] };
        entry.judged(&Judged { digests, ..ALLOWED }).unwrap();
        entry.close(&answered("SELECT 1"));
        assert!(session.knows(1));
    }
    let events = events(dir.path());
    assert_eq!(events.len(), 300);
    assert!(
        events
            .iter()
            .all(|event| event.verdicts[0].policies.digests == digests)
    );
}

#[test]
fn what_is_recorded_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deep/trail");
    let trail = Trail::open(TrailConfig::new(&dir)).unwrap();
    let _writer = trail.writer().unwrap();
    let file = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap();
    let mode = |metadata: std::fs::Metadata| metadata.permissions().mode() & 0o777;
    assert_eq!(mode(dir.metadata().unwrap()), 0o700);
    assert_eq!(mode(file.metadata().unwrap()), 0o600);
}

#[test]
fn a_segment_of_another_version_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    drop(session(&trail.writer().unwrap()));
    drop(trail);
    let file = std::fs::read_dir(dir.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8] = 9;
    std::fs::write(&file, bytes).unwrap();
    let error = Reader::open(dir.path()).unwrap().poll().unwrap_err();
    assert!(error.to_string().contains("format version 9"), "{error}");
}

/// One finished segment with some requests, as bytes.
fn written(texts: &[String]) -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(small(dir.path())).unwrap();
    let session = session(&trail.writer().unwrap());
    for text in texts {
        let mut entry = ask(&session, text);
        entry.judged(&ALLOWED).unwrap();
        entry.close(&answered("SELECT 1"));
    }
    drop((session, trail));
    let file = std::fs::read_dir(dir.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&file).unwrap();
    (dir, file, bytes)
}

#[test]
fn a_segment_cut_at_any_byte_gives_what_was_whole() {
    let texts: Vec<_> = (0..5).map(|number| format!("statement {number}")).collect();
    let (dir, file, bytes) = written(&texts);
    let mut most = 0;
    for cut in 0..=bytes.len() {
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let read = events(dir.path());
        let whole: Vec<_> = read
            .iter()
            .map(|event| event.statement.to_string())
            .collect();
        assert_eq!(whole, texts[..whole.len()]);
        assert!(whole.len() >= most, "a longer segment has no fewer events");
        most = whole.len();
    }
    assert_eq!(most, 5);
}

#[test]
fn damage_at_any_byte_costs_only_the_record_it_is_in() {
    let texts: Vec<_> = (0..4).map(|number| format!("statement {number}")).collect();
    let (dir, file, bytes) = written(&texts);
    let first_request = bytes
        .windows(11)
        .position(|window| window == b"statement 0")
        .unwrap();
    for at in (first_request & !7) + 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&file, damaged).unwrap();
        assert!(events(dir.path()).len() >= 3, "at byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_request_is_read_as_it_was_written(
        text in ".{0,300}",
        policy in ".{0,20}",
        parameters in prop::collection::vec(
            (any::<u32>(), any::<bool>(), prop::option::of(prop::collection::vec(any::<u8>(), 0..50))),
            0..5,
        ),
        result in prop::collection::vec(any::<u8>(), 0..5000),
        keep in 0_u64..6000,
        outcome in (any::<u64>(), any::<u64>(), "[A-Z ]{0,20}", prop::option::of("[0-9A-Z]{5}")),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let trail = Trail::open(small(dir.path())).unwrap();
        let session = session(&trail.writer().unwrap());
        let mut entry = ask(&session, &text);
        for (oid, binary, value) in &parameters {
            let format = if *binary { Format::Binary } else { Format::Text };
            entry.parameter(&parameter(*oid, format, value.as_deref()));
        }
        let keep_some = Judged { policy: &policy, keep: Some(keep), ..ALLOWED };
        entry.judged(&keep_some).unwrap();
        entry.delivered(&result).unwrap();
        let (rows, bytes, tag, sqlstate) = &outcome;
        let (rows, bytes, sqlstate) = (*rows, *bytes, sqlstate.as_deref());
        entry.close(&Outcome { tag, rows, bytes, sqlstate, duration: Duration::from_nanos(3) });
        let read = events(dir.path()).pop().unwrap();
        prop_assert_eq!(&*read.statement, &text);
        prop_assert_eq!(&read.verdicts[0].policy, &policy);
        let values: Vec<_> = read.parameters.iter().map(|parameter| {
            (parameter.type_oid, parameter.format == Format::Binary, parameter.value.clone())
        }).collect();
        prop_assert_eq!(values, parameters);
        let kept = result.len().min(usize::try_from(keep).unwrap());
        prop_assert_eq!(&read.delivered, &result[..kept]);
        let ended = read.outcome().unwrap();
        prop_assert_eq!(ended.omitted, (result.len() - kept) as u64);
        prop_assert_eq!((ended.rows, ended.bytes, &ended.tag), (rows, bytes, tag));
        prop_assert_eq!(ended.sqlstate.as_deref(), sqlstate);
    }
}

/// Runs this test binary again, as one test that is a process's whole life.
fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("TRAIL_DIR", dir);
    command.stdout(Stdio::piped());
    command
}

fn child_dir() -> std::path::PathBuf {
    std::env::var_os("TRAIL_DIR")
        .expect("run by another test")
        .into()
}

#[test]
#[ignore = "the other process of `what_was_acknowledged_survives_sigkill`"]
fn acknowledges_until_killed() {
    let trail = Trail::open(small(&child_dir())).unwrap();
    let session = session(&trail.writer().unwrap());
    let mut out = std::io::stdout();
    for number in 0_u64.. {
        let mut entry = ask(&session, &format!("statement {number}"));
        entry.judged(&ALLOWED).unwrap();
        writeln!(out, "ack {number}").unwrap();
        out.flush().unwrap();
        entry.close(&answered("SELECT 1"));
    }
}

#[test]
fn what_was_acknowledged_survives_sigkill() {
    for round in 0_u64..5 {
        let dir = tempfile::tempdir().unwrap();
        let mut writing = child("acknowledges_until_killed", dir.path())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writing.stdout.take().unwrap()).lines();
        let enough = format!("ack {}", 300 + 170 * round);
        assert!(lines.by_ref().any(|line| line.unwrap().ends_with(&enough)));
        writing.kill().unwrap();
        let last = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("ack ")
                .and_then(|number| number.parse::<u64>().ok())
        });
        let acknowledged = last.max().unwrap_or(300 + 170 * round);
        writing.wait().unwrap();

        // Somebody opens the trail again: nothing is lost by that, and space is given back.
        let trail = Trail::open(small(dir.path())).unwrap();
        let next = trail.writer().unwrap();
        let mut reader = Reader::open(dir.path()).unwrap();
        let mut read = reader.poll().unwrap();
        let lost = reader.unfinished();
        assert!(lost.iter().all(|event| event.ending == Ending::Lost) && lost.len() <= 1);
        read.extend(lost);
        assert!(
            read.len() as u64 > acknowledged,
            "{} of {acknowledged}",
            read.len()
        );
        for (number, event) in read.iter().enumerate() {
            assert_eq!(*event.statement, format!("statement {number}"));
        }
        drop(next);
    }
}

/// What their ends need is more than a segment has: not each that comes then needs one of its own.
#[test]
fn many_open_requests_share_segments() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(small(dir.path())).unwrap();
    let session = session(&trail.writer().unwrap());
    let mut open = Vec::new();
    for _ in 0..1_000 {
        let mut entry = ask(&session, "select 1");
        entry.judged(&ALLOWED).unwrap();
        open.push(entry);
    }
    open.into_iter()
        .for_each(|entry| entry.close(&answered("SELECT 1")));
    let segments = std::fs::read_dir(dir.path()).unwrap().count();
    assert!(segments < 100, "{segments}");
    assert_eq!(events(dir.path()).len(), 1_000);
}

#[test]
#[ignore = "the other process of `a_full_disk_refuses_requests_and_still_records_ends`"]
fn fills_its_disk() {
    let dir = child_dir();
    let trail = Trail::open(TrailConfig {
        segment_bytes: 256 << 10,
        ..TrailConfig::new(&dir)
    });
    let trail = trail.unwrap();
    let session = session(&trail.writer().unwrap());
    let mut open = Vec::new();
    let refused = loop {
        let mut entry = ask(&session, &"x".repeat(1000));
        match entry.judged(&ALLOWED) {
            Ok(()) => open.push(entry),
            Err(error) => break error,
        }
    };
    let accepted = open.len();
    open.into_iter()
        .for_each(|entry| entry.close(&answered("SELECT 1")));
    println!("refused after {accepted}: {refused}");
}

/// A file system of one mebibyte needs privileges; a limit on the size of files says no in the same place.
#[test]
fn a_full_disk_refuses_requests_and_still_records_ends() {
    let dir = tempfile::tempdir().unwrap();
    // The limit lets segments of the usual size be made. What open requests keep for their ends needs larger ones in time.
    let exe = std::env::current_exe().unwrap();
    let script =
        "trap '' XFSZ; ulimit -f 600; exec \"$0\" --exact fills_its_disk --ignored --nocapture";
    let run = Command::new("sh")
        .args(["-c", script])
        .arg(exe)
        .env("TRAIL_DIR", dir.path())
        .output();
    let said = String::from_utf8(run.unwrap().stdout).unwrap();
    let accepted = said.lines().find_map(|line| {
        line.split_once("refused after ")?
            .1
            .split_once(':')?
            .0
            .parse::<usize>()
            .ok()
    });
    let accepted = accepted.unwrap_or_else(|| panic!("{said}"));
    let closed = events(dir.path());
    assert!(
        accepted > 50 && closed.len() >= accepted,
        "{accepted} {}",
        closed.len()
    );
    let ends = closed
        .iter()
        .filter(|event| matches!(event.ending, Ending::Closed(_)))
        .count();
    assert_eq!(ends, accepted);
}

use trail::{
    Effect, Entry, Judged, Opening, Outcome, Session, SessionOpening, Statement, Step, Text, Trail,
    TrailConfig,
};

use super::*;

/// Records two sessions of the shop: one with two rows and a refusal, one with nothing.
fn record(dir: &Path) -> [SessionId; 2] {
    let trail = Trail::open(TrailConfig::new(dir)).unwrap();
    let writer = trail.writer().unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let ids = [
        SessionId::new(time, 1 << 20),
        SessionId::new(time + TURN, 2 << 20),
    ];
    let sessions = ids.map(|id| writer.session(&opening(id, time)).unwrap());
    let mut rows = judged(&sessions[0], "select *\nfrom people", Effect::Allow);
    rows.delivered(b"T\0\0\0\x1d\0\x01name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
        .unwrap();
    rows.delivered(b"D\0\0\0\x0d\0\x01\0\0\0\x03***").unwrap();
    rows.close(&outcome("SELECT 1", None));
    let refused = judged(&sessions[0], "delete from people", Effect::Deny);
    refused.close(&outcome("", Some("42501")));
    ids
}

fn opening(session: SessionId, time: SystemTime) -> SessionOpening {
    SessionOpening {
        session,
        time,
        subject: "u-1".into(),
        issuer: "https://idp.example".into(),
        email: Some("alice@example.com".into()),
        groups: vec!["support".into()],
        actors: vec!["helper".into()],
        database: "shop".into(),
        role: "app".into(),
        client: "10.0.0.7:5511".into(),
        application: "psql".into(),
        protocol: "3.0".into(),
        tls: None,
        gateway: None,
    }
}

fn judged(session: &Session, text: &str, effect: Effect) -> Entry {
    let (time, statement) = (session_time(), Statement::Once(text));
    let mut entry = session.open(&Opening {
        time,
        step: Step::Query,
        statement,
    });
    let masks = Text::new("public.people.name: fixed '***'");
    let denied = effect == Effect::Deny;
    let judged = Judged {
        effect,
        policy: if denied { "guard" } else { "" },
        reason: if denied { "DELETE without WHERE" } else { "" },
        generation: 4,
        digests: &[("guard".to_owned(), "sha256:beef".to_owned())],
        masks: Some(&masks),
        keep: None,
    };
    entry.judged(&judged).unwrap();
    entry
}

fn session_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_001)
}

fn outcome<'a>(tag: &'a str, sqlstate: Option<&'a str>) -> Outcome<'a> {
    Outcome {
        tag,
        rows: 1,
        bytes: 14,
        sqlstate,
        duration: Duration::from_micros(1500),
    }
}

fn place(dir: &Path) -> Place {
    Place {
        dir: Some(dir.to_owned()),
        config: None,
    }
}

fn said(done: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> String {
    let mut out = Vec::new();
    done(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn tail_prints_one_line_a_request() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path());
    let args = |json| TailArgs {
        place: place(dir.path()),
        follow: false,
        lines: 1,
        session: None,
        json,
    };
    let lines = said(|out| tail(&args(false), out));
    assert_eq!(lines.lines().count(), 1);
    for part in [
        "/2  helper for alice@example.com  shop  deny (guard)",
        "delete from people",
    ] {
        assert!(lines.contains(part), "{lines}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&said(|out| tail(&args(true), out))).unwrap();
    assert_eq!(json["verdicts"][0]["policies"][0]["digest"], "sha256:beef");
}

#[test]
fn show_prints_verdict_masks_and_rows_as_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let [first, _] = record(dir.path());
    let end = &first.to_string()[18..];
    let args = |json| ShowArgs {
        id: format!("{end}/1"),
        place: place(dir.path()),
        json,
    };
    let page = said(|out| show(&args(false), out));
    for part in [
        "who        helper for alice@example.com\n",
        "statement  select *\n           from people\n",
        "policy     guard sha256:beef (generation 4)\n",
        "mask       public.people.name: fixed '***'\n",
        " name\n------\n ***\n(1 row)\n",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&said(|out| show(&args(true), out))).unwrap();
    assert_eq!(json["results"][0]["rows"][0][0], "***");
}

#[test]
fn sessions_are_found_by_a_part_of_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let [first, last] = record(dir.path());
    let mut reader = Reader::open(dir.path()).unwrap();
    reader.poll().unwrap();
    let sessions = reader.sessions();
    let (name, common) = (first.to_string(), &first.to_string()[..4]);
    assert_eq!(find(&sessions, &name[14..]).unwrap(), first);
    assert_eq!(find(&sessions, &name.to_lowercase()).unwrap(), first);
    assert_eq!(find(&sessions, "last").unwrap(), last);
    assert!(
        find(&sessions, common)
            .unwrap_err()
            .to_string()
            .contains("2 sessions")
    );
    assert!(find(&sessions, "nobody").is_err());
}

#[test]
fn export_leaves_out_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path());
    let args = |since| ExportArgs {
        place: place(dir.path()),
        format: Format::Ocsf,
        since,
        out: None,
        follow: false,
    };
    assert_eq!(said(|out| export(&args(None), out)).lines().count(), 2);
    let later = session_time() + TURN;
    assert_eq!(said(|out| export(&args(Some(later)), out)), "");
}

#[test]
fn the_configuration_says_where_the_trail_is() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("sluice.toml");
    std::fs::write(&config, "[trail]\ndirectory = \"record\"\n").unwrap();
    assert_eq!(directory_of(&config).unwrap(), dir.path().join("record"));
    std::fs::write(&config, "[listen]\n").unwrap();
    assert!(directory_of(&config).is_err());
}

#[test]
fn a_time_is_a_point_or_a_distance() {
    assert_eq!(
        since("2026-01-31T08:00:00Z").unwrap(),
        since("2026-01-31 08:00:00").unwrap()
    );
    assert!(since("1h").unwrap() < SystemTime::now());
    assert!(since("yesterday").is_err());
}

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::{Outcome, Policies, Verdict};
use crate::facts::Step;
use crate::record::from_micros;
use crate::{Deed, Judged, Opening, SessionId, Statement, Trail, TrailConfig};

fn session() -> SessionOpening {
    SessionOpening {
        session: SessionId(5),
        time: from_micros(1_000_000),
        subject: "u-1".into(),
        issuer: "https://idp.example".into(),
        email: Some("alice@example.com".into()),
        groups: vec!["support".into()],
        actors: vec!["helper-agent".into()],
        database: "shop".into(),
        role: "app".into(),
        client: "10.0.0.7:5511".into(),
        application: "psql".into(),
        protocol: "3.0".into(),
        tls: None,
        gateway: None,
    }
}

fn denied() -> Event {
    let policies = Policies {
        generation: 3,
        digests: vec![("guard".into(), "sha256:ab".into())],
    };
    Event {
        session: Arc::new(session()),
        number: 2,
        time: from_micros(5_000_000),
        step: Step::Query,
        statement: "delete from orders".into(),
        parameters: Vec::new(),
        verdicts: vec![Verdict {
            effect: Effect::Deny,
            policy: "guard".into(),
            reason: "no WHERE".into(),
            policies: Arc::new(policies),
            masks: "".into(),
        }],
        deeds: Vec::new(),
        delivered: Vec::new(),
        ending: Ending::Closed(Outcome {
            duration: Duration::from_micros(2500),
            rows: 0,
            bytes: 0,
            omitted: 0,
            tag: String::new(),
            sqlstate: Some("42501".into()),
        }),
    }
}

#[test]
fn a_refusal_is_datastore_activity_that_was_denied() {
    let line = ocsf(&denied());
    assert_eq!(line["class_uid"], 6005);
    assert_eq!(line["category_uid"], 6);
    assert_eq!(
        (&line["activity_id"], &line["type_uid"]),
        (&json!(7), &json!(600_507))
    );
    assert_eq!(
        (&line["time"], &line["duration"]),
        (&json!(5000), &json!(2))
    );
    assert_eq!(
        (&line["status_id"], &line["status_code"]),
        (&json!(2), &json!("42501"))
    );
    assert_eq!(
        (&line["action_id"], &line["disposition_id"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(line["actor"]["user"]["uid"], "u-1");
    assert_eq!(line["actor"]["user"]["groups"][0]["name"], "support");
    assert_eq!(line["actor"]["app_name"], "helper-agent");
    assert_eq!(
        line["src_endpoint"],
        json!({ "ip": "10.0.0.7", "port": 5511 })
    );
    assert_eq!(line["query_info"]["query_string"], "delete from orders");
    assert_eq!(line["policy"]["version"], "sha256:ab");
    assert_eq!(
        line["unmapped"]["sluice"]["verdicts"][0]["reason"],
        "no WHERE"
    );
}

#[test]
fn what_is_recorded_is_exported_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.json");
    let trail = Trail::open(TrailConfig::new(dir.path())).unwrap();
    trail.export_to(Sink::File(file.clone())).unwrap();
    let writer = trail.writer().unwrap();
    let recorded = writer.session(&session()).unwrap();
    for number in 0..10 {
        let text = format!("select {number}");
        let (time, statement) = (from_micros(number), Statement::Once(&text));
        let mut entry = recorded.open(&Opening {
            time,
            step: Step::Query,
            statement,
        });
        let judged = Judged {
            effect: Effect::Allow,
            policy: "",
            reason: "",
            generation: 1,
            digests: &[],
            masks: None,
            keep: None,
        };
        entry.judged(&judged).unwrap();
        entry.close(&crate::Outcome {
            tag: "SELECT 1",
            rows: 1,
            bytes: 9,
            sqlstate: None,
            duration: Duration::ZERO,
        });
        std::thread::sleep(Duration::from_millis(60));
    }
    drop((recorded, writer, trail));
    let lines = std::fs::read_to_string(file).unwrap();
    let texts: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            line["query_info"]["query_string"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let expected: Vec<_> = (0..10).map(|number| format!("select {number}")).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_time_that_no_clock_says_is_shown_as_the_last_one() {
    let mut event = denied();
    event.time = from_micros(u64::MAX);
    event.deeds = vec![(from_micros(u64::MAX), Deed::Expired)];
    let shown = event.json();
    assert_eq!(shown["time"], "9999-12-31T23:59:59.999999Z");
    assert!(ocsf(&event).is_object());
}

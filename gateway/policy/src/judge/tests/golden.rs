//! Components that were built for released versions of the contract still load and run.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sql::analysis::{FunctionUse, OpaqueReason, Reach};
use wire::client::Format;
use wire::upstream::{Field, RowDescription};

use super::{allowed, denied};
use crate::config::Grant;
use crate::fixture::{Bench, EMAIL, USERS, agent_of, catalog, facts_of, opaque, query, select};
use crate::judge::Judge;
use crate::plan::Recording;
use crate::request::{Parameters, Request, Step};
use crate::session::Session;
use crate::verdict::Verdict;

/// See `golden/README.md`.
const V0_1_0: &[u8] = include_bytes!("../../../golden/0.1.0.wasm");

fn judging(bench: &Bench) -> (Judge, Session) {
    let mut config = bench.module("golden", V0_1_0);
    config.settings = serde_json::json!({ "column": "email" });
    config.grants = vec![Grant::Log, Grant::Clock];
    // Zig gives a module a stack of 16 MiB.
    config.limits.memory_bytes = 32 << 20;
    let mut judge = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
    let mut identity = identity::Identity::clone(&agent_of("ana", "coder", &["staff"]));
    identity
        .claims
        .insert("team".to_owned(), serde_json::json!("blue"));
    let session = judge
        .admit(facts_of(Arc::new(identity)), &catalog())
        .unwrap();
    (judge, session)
}

fn asked(text: &str) -> Request {
    Request {
        step: Step::Execute,
        parameters: Some(Parameters {
            values: vec![Some(Bytes::from_static(b"42")), None],
            formats: Default::default(),
        }),
        ..query(text)
    }
}

#[test]
fn the_component_of_0_1_0_hears_and_says_all_of_its_contract() {
    let bench = Bench::new();
    let (mut judge, mut session) = judging(&bench);
    assert!(session.is_protected());
    let mut analysis = select(&[(EMAIL, Reach::Projected)]);
    analysis.functions.push(FunctionUse {
        schema: "pg_catalog".to_owned(),
        name: "lower".to_owned(),
        statement: 0,
        text: None,
    });
    let trusted = OpaqueReason::UnknownFunction;
    let analysis = Arc::new(opaque(analysis, trusted, "public.slugify"));
    let verdict = judge.judge(&mut session, asked("select"), analysis, &catalog());
    let permit = allowed(verdict);
    let note = permit.plan().notes()[0].text.to_string();
    let words: Vec<&str> = note.split_whitespace().collect();
    let expected = "ana https://id.example.org - staff \"blue\" coder shop psql select read \
                    public users read users email text projected lower unknown-function \
                    public.slugify 42 - executing";
    assert_eq!(words.join(" "), expected);
    assert_eq!(permit.plan().recording(), Recording::Results);
}

#[test]
fn the_component_of_0_1_0_refuses_holds_and_transforms() {
    let bench = Bench::new();
    let (mut judge, mut session) = judging(&bench);
    let analysis = || Arc::new(select(&[(EMAIL, Reach::Projected)]));
    let verdict = judge.judge(&mut session, asked("deny"), analysis(), &catalog());
    let denial = denied(verdict);
    assert_eq!(&*denial.reason, "not this");
    assert_eq!(denial.hint.as_deref(), Some("but that"));
    let verdict = judge.judge(&mut session, asked("hold"), analysis(), &catalog());
    assert!(matches!(verdict, Verdict::Hold(_)), "{verdict:?}");
    let verdict = judge.judge(&mut session, asked("select"), analysis(), &catalog());
    let permit = allowed(verdict);
    let description = RowDescription {
        fields: vec![Field {
            name: Bytes::from_static(b"email"),
            table: USERS,
            attribute: EMAIL.attribute,
            type_oid: 25,
            type_size: -1,
            type_modifier: -1,
            format: Format::Text,
        }],
    };
    let result = permit.plan().result(0).unwrap();
    let mut masker = result.bind(&description).unwrap();
    let (mut rows, mut masked, mut expected) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
    wire::write::data_row(&mut rows, &[Some(b"ana@example.org".as_slice())]).unwrap();
    wire::write::data_row(&mut expected, &[Some(b"***************".as_slice())]).unwrap();
    masker.apply(&mut judge, &rows, &mut masked).unwrap();
    assert_eq!(masked, expected);
}

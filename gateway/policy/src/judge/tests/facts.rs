//! What a policy is told, heard from the policy itself: it answers with a fact as its note.

use std::sync::Arc;

use sql::analysis::{
    Access, Analysis, Class, FunctionUse, Inner, Kind, OpaqueReason, Reach, Restriction, Use,
};

use super::allowed;
use crate::fixture::guest::{DECISION, Guest, RETURNED, fact};
use crate::fixture::{
    Bench, EMAIL, PRODUCTS, agent_of, catalog, facts_of, opaque, query, reading, select, using,
};
use crate::request::{Parameters, Request, Step};

/// A guest whose note is the string at the address that this code leaves, which it finds in what
/// the fact returned.
fn telling(function: &str, signature: &str, call: &str, address: &str) -> Guest {
    Guest {
        imports: fact(function, "fact", signature),
        functions: "(data (i32.const 64) \"team\")".to_owned(),
        before_decide: format!(
            "(if (call $judging) (then {call}
                (i64.store (i32.add (i32.const {DECISION}) (i32.const 40)) (i64.load {address}))))"
        ),
        ..Guest::default()
    }
    .knowing_when_it_judges()
}

impl Guest {
    /// In a trial there is no text, and lists are empty.
    fn knowing_when_it_judges(mut self) -> Guest {
        self.imports += &fact("text", "text", "(param i32)");
        self.functions += "(func $judging (result i32)
            (call $text (i32.const 200)) (i32.load (i32.const 204)))";
        self
    }
}

/// The string that a fact returns.
fn string(function: &str) -> String {
    if function == "text" {
        let guest = Guest {
            imports: fact("text", "text", "(param i32)"),
            before_decide: format!("(call $text (i32.add (i32.const {DECISION}) (i32.const 40)))"),
            ..Guest::default()
        };
        return told(&guest, Step::Query);
    }
    let call = format!("(call $fact (i32.const {RETURNED}))");
    told(
        &telling(
            function,
            "(param i32)",
            &call,
            &format!("(i32.const {RETURNED})"),
        ),
        Step::Query,
    )
}

/// The string at an offset of the element with this number of the list that a fact returns.
fn element(function: &str, number: usize, size: usize, offset: usize) -> String {
    let call = format!("(call $fact (i32.const {RETURNED}))");
    let at = number * size + offset;
    let address = format!("(i32.add (i32.load (i32.const {RETURNED})) (i32.const {at}))");
    told(
        &telling(function, "(param i32)", &call, &address),
        Step::Query,
    )
}

fn told(guest: &Guest, step: Step) -> String {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judge = bench.judge(&[guest]);
    let mut identity = identity::Identity::clone(&agent_of("ana", "coder", &["staff", "support"]));
    identity
        .claims
        .insert("team".to_owned(), serde_json::json!(["blue"]));
    let mut session = judge.admit(facts_of(Arc::new(identity)), &catalog).unwrap();
    let values = vec![Some(bytes::Bytes::from_static(b"42")), None];
    let parameters = Some(Parameters {
        values,
        formats: Default::default(),
    });
    let request = Request {
        step,
        parameters,
        ..query("with d as (delete ...) select")
    };
    let verdict = judge.judge(&mut session, request, Arc::new(analysis()), &catalog);
    let permit = allowed(verdict);
    permit
        .plan()
        .notes()
        .iter()
        .map(|note| note.text.to_string())
        .collect()
}

fn analysis() -> Analysis {
    let mut analysis = using(
        select(&[(EMAIL, Reach::Projected)]),
        EMAIL,
        Use::FilteredByEquality,
    );
    analysis.statements[0].inner = vec![Inner {
        kind: Kind {
            class: Class::Write,
            command: "delete",
        },
        restriction: Some(Restriction::AlwaysTrue),
    }];
    let mut deleted = reading(PRODUCTS, "products");
    deleted.access = Access::Delete;
    analysis.relations.push(deleted);
    let name = "now".to_owned();
    analysis.functions.push(FunctionUse {
        schema: "pg_catalog".to_owned(),
        name,
        statement: 0,
        text: None,
    });
    opaque(analysis, OpaqueReason::ProceduralCode, "public.trigger")
}

#[test]
fn it_hears_who_asks_and_where() {
    assert_eq!(string("subject"), "ana");
    assert_eq!(string("issuer"), "https://id.example.org");
    assert_eq!(string("database"), "shop");
    assert_eq!(string("application"), "psql");
    assert_eq!(string("text"), "with d as (delete ...) select");
    assert_eq!(element("groups", 1, 8, 0), "support");
    assert_eq!(element("actors", 0, 8, 0), "coder");
}

#[test]
fn it_hears_a_claim_as_json() {
    let call = format!("(call $fact (i32.const 64) (i32.const 4) (i32.const {RETURNED}))");
    let address = format!("(i32.const {})", RETURNED + 4);
    let guest = telling("claim", "(param i32 i32 i32)", &call, &address);
    assert_eq!(told(&guest, Step::Query), "[\"blue\"]");
}

#[test]
fn it_hears_of_statements_that_hide_in_others() {
    assert_eq!(element("statements", 0, 24, 0), "select");
    assert_eq!(element("statements", 1, 24, 0), "delete");
    assert_eq!(element("statements", 1, 24, 8), "write");
    assert_eq!(element("statements", 1, 24, 16), "always-true");
}

#[test]
fn it_hears_what_is_used_and_how() {
    assert_eq!(element("columns", 0, 52, 24), "email");
    assert_eq!(element("columns", 0, 52, 40), "projected");
    assert_eq!(element("columns", 1, 52, 40), "filtered");
    assert_eq!(element("relations", 1, 36, 16), "products");
    assert_eq!(element("relations", 1, 36, 24), "delete");
    assert_eq!(element("functions", 0, 20, 8), "now");
    assert_eq!(element("opaque", 0, 20, 0), "procedural-code");
    assert_eq!(element("opaque", 0, 20, 8), "public.trigger");
    assert_eq!(element("parameters", 0, 12, 4), "42");
}

#[test]
fn it_hears_whether_the_request_runs_now() {
    let guest = Guest {
        imports: fact("executing", "executing", "(result i32)"),
        note: "runs",
        before_decide: format!(
            "(if (i32.eqz (call $executing)) (then
                (i32.store (i32.add (i32.const {DECISION}) (i32.const 44)) (i32.const 0))))"
        ),
        ..Guest::default()
    };
    assert_eq!(told(&guest, Step::Execute), "runs");
    assert_eq!(told(&guest, Step::Query), "runs");
    assert_eq!(told(&guest, Step::Parse), "");
    assert_eq!(told(&guest, Step::Bind), "");
}

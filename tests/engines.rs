//! Policies in Rego and Cedar: the cases beside each, and a gateway that judges by them. Their modules
//! take minutes to build; where they are not built, these tests are skipped with one line.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use policy::PolicyLimits;
use sluice::cli::policy::cases::Suite;
use sluice_tests::gateway::Place;
use sluice_tests::programs::{modules, repository};
use sluice_tests::{Gateway, Person};

/// The module; none, and a line that says what to do, where it is not built.
fn module(language: &str) -> Option<PathBuf> {
    let module = modules().join(format!("sluice_policy_{language}.wasm"));
    if module.is_file() {
        return Some(module);
    }
    // Written past the harness, which keeps what tests that pass print to itself.
    let line = format!("{language}: skipped: not built; run `make policies-all`\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("it is open");
    None
}

/// Tries the cases beside a policy. Time is not what is tried here: this machine may be busy.
fn passes(language: &'static str) {
    let Some(module) = module(language) else {
        return;
    };
    let cases = repository().join(format!("policies/{language}/cases.json"));
    let run = move || {
        let limits = PolicyLimits {
            deadline_decide: Duration::from_secs(5),
            deadline_start: Duration::from_secs(60),
            ..PolicyLimits::default()
        };
        Suite::read(&cases)?.run(&module, &limits)
    };
    let thread = std::thread::Builder::new().stack_size(sql::STACK_BYTES);
    let ended = thread.spawn(run).expect("a thread starts").join();
    let report = ended
        .expect("the cases are tried")
        .unwrap_or_else(|error| panic!("{language}: {error:#}"));
    let differences: String = report.differences.iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{language}:\n{differences}");
}

#[test]
fn the_cases_of_rego_pass() {
    passes("rego");
}

#[test]
fn the_cases_of_cedar_pass() {
    passes("cedar");
}

const REGO: &str = r#"
[policies.rego]
module = "policies/rego.wasm"
limits = { decide = "5s", session = "60s" }

[policies.rego.settings]
policy = '''
package sluice

default decision := {"effect": "allow"}

decision := {"effect": "deny", "reason": "products are for sale only", "hint": "Ask the shop."} if {
    some relation in input.relations
    relation.name == "products"
    input.identity.subject == "alice"
}
'''
"#;

const CEDAR: &str = r#"
[policies.cedar]
module = "policies/cedar.wasm"
limits = { decide = "5s", session = "60s" }

[policies.cedar.settings]
policy = '''
permit (principal, action, resource);

@reason("products are for sale only") @hint("Ask the shop.")
forbid (principal == User::"alice", action, resource == Relation::"public.products");
'''
"#;

/// A gateway that judges by these rules too refuses what they refuse, and nothing else.
async fn judges(language: &str, section: &str) {
    let Some(module) = module(language) else {
        return;
    };
    let place = Place::new().await;
    place.replace_module(language, &std::fs::read(module).expect("it was built"));
    place.edit(|text| text + section);
    let gateway = Gateway::within(place).await;
    let alice = gateway.connect(Person::Alice).await;
    let refused = alice
        .simple_query("SELECT name FROM products LIMIT 1")
        .await;
    let error = refused.expect_err("she may not");
    let said = error.as_db_error().expect("an ERROR message");
    let words = format!("{said:?}");
    assert_eq!(said.code().code(), "42501", "{words}");
    for part in ["products are for sale only", "Ask the shop.", language] {
        assert!(words.contains(part), "{words}");
    }
    let open = alice
        .simple_query("SELECT status FROM orders LIMIT 1")
        .await;
    open.expect("the session lives on");
    let dora = gateway.connect(Person::Dora).await;
    let shown = dora.simple_query("SELECT name FROM products LIMIT 1").await;
    shown.expect("she may");
}

#[tokio::test]
async fn a_gateway_judges_by_rego() {
    judges("rego", REGO).await;
}

#[tokio::test]
async fn a_gateway_judges_by_cedar() {
    judges("cedar", CEDAR).await;
}

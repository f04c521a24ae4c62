//! Rules and what becomes of requests by them.

use serde_json::json;
use sluice_sdk::{Column, Effect, Facts, Mask, Policy, Reuse};

use crate::RegoPolicy;

const RULES: &str = r#"
package sluice

session := {"effect": "allow", "protections": protections}

protections := [] if "dba" in input.identity.groups
else := [{"columns": ["customers.email", "*.iban"], "mask": "keep-last 4", "filter": "equality"}]

default decision := {"effect": "allow"}

decision := {"effect": "deny", "reason": msg, "hint": "Say which rows by WHERE."} if {
    some statement in input.statements
    statement.restriction in {"none", "always-true"}
    msg := sprintf("%s without a condition", [statement.kind])
} else := {"effect": "hold", "reason": "it changes the schema", "approvers": data.approvers, "ttl": "1h"} if {
    some statement in input.statements
    statement.class == "define"
}
"#;

fn policy() -> RegoPolicy {
    let settings = json!({ "policy": RULES, "data": { "approvers": ["dba"] } });
    RegoPolicy::configure(&settings.to_string()).unwrap()
}

fn error(settings: serde_json::Value) -> String {
    RegoPolicy::configure(&settings.to_string()).unwrap_err()
}

#[test]
fn rules_allow_deny_and_hold() {
    let policy = policy();
    let read = policy.decide(&Facts::fixed().with_statement("select", "read", ""));
    assert_eq!((read.effect, read.reuse), (Effect::Allow, Reuse::Shape));
    let delete = policy.decide(&Facts::fixed().with_statement("delete", "write", "none"));
    let Effect::Deny(denial) = delete.effect else {
        panic!("it is refused")
    };
    assert_eq!(denial.reason, "delete without a condition");
    assert_eq!(denial.hint, "Say which rows by WHERE.");
    let drop = || Facts::fixed().with_statement("drop table", "define", "");
    let Effect::Hold(hold) = policy.decide(&drop()).effect else {
        panic!("it is held")
    };
    assert_eq!(
        (hold.approvers, hold.ttl_seconds),
        (vec!["dba".to_owned()], 3600)
    );
    assert_eq!(
        policy.decide(&drop().while_preparing()).effect,
        Effect::Allow
    );
}

#[test]
fn columns_are_protected_by_patterns() {
    let policy = policy();
    let catalog = || {
        [
            "public.customers.email",
            "staff.accounts.iban",
            "public.customers.name",
        ]
        .map(|path| Column::new(path, "text"))
    };
    let decision = policy.session(&Facts::fixed().with_catalog(catalog()));
    let masks: Vec<&Mask> = decision.protections.iter().map(|one| &one.mask).collect();
    assert_eq!(masks, [&Mask::KeepLast(4), &Mask::KeepLast(4)]);
    let dba = Facts::fixed().with_catalog(catalog()).with_groups(["dba"]);
    assert!(policy.session(&dba).protections.is_empty());
}

#[test]
fn wrong_text_is_named_by_line_and_column() {
    let wrong = error(json!({ "policy": "package sluice\n\ndecision := {" }));
    assert!(wrong.contains("policy:3:"), "{wrong}");
    let unsafe_variable = "package sluice\ndecision := {\"effect\": x} if { true }";
    let wrong = error(json!({ "policy": unsafe_variable }));
    assert!(wrong.contains("policy:2:"), "{wrong}");
    let wrong = error(json!({ "policy": "package other\nx := 1" }));
    assert!(wrong.contains("data.sluice.decision"), "{wrong}");
    assert!(error(json!({})).contains("policy"));
}

#[test]
fn what_is_undefined_or_makes_no_sense_is_refused() {
    for rule in [
        "decision := {\"effect\": \"allow\"} if input.database == \"x\"",
        "decision := {\"effect\": \"perhaps\"}",
        "decision := {\"effect\": \"allow\", \"more\": 1}",
        "decision := true",
        "decision := {\"effect\": \"hold\"}",
    ] {
        let settings = json!({ "policy": format!("package sluice\n{rule}") });
        let policy = RegoPolicy::configure(&settings.to_string()).unwrap();
        assert!(policy.decide(&Facts::fixed()).is_denied(), "{rule}");
    }
}

#[test]
fn what_an_answer_can_depend_on_limits_its_reuse() {
    let rule = "package sluice\ndecision := {\"effect\": \"deny\"} if contains(input.text, \"x\")
        else := {\"effect\": \"allow\"}";
    let settings = json!({ "policy": rule, "text": true });
    let policy = RegoPolicy::configure(&settings.to_string()).unwrap();
    let decision = policy.decide(&Facts::fixed().with_text("select x"));
    assert!(decision.is_denied());
    assert_eq!(decision.reuse, Reuse::Text);
    let settings = json!({ "policy": rule, "text": true, "parameters": true });
    let policy = RegoPolicy::configure(&settings.to_string()).unwrap();
    assert_eq!(policy.decide(&Facts::fixed()).reuse, Reuse::Once);
}

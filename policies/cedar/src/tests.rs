//! Policies and what becomes of requests by them.

use serde_json::json;
use sluice_sdk::{Column, Effect, Facts, Mask, Policy, Reuse};

use crate::CedarPolicy;

const POLICIES: &str = r#"
permit (principal in Group::"staff", action, resource);

@reason("it would change every row")
@hint("Say which rows by WHERE.")
forbid (principal, action in [Action::"update", Action::"delete"], resource)
when { ["none", "always-true"].contains(context.restriction) };

@reason("it changes the schema")
@hold("dba, owners")
forbid (principal, action == Action::"define", resource) unless { principal in Group::"dba" };

@columns("customers.email, *.iban")
@mask("keep-last 4")
@filter("equality")
forbid (principal, action == Action::"see", resource) unless { principal in Group::"dba" };

@reason("agents only read")
forbid (principal, action, resource == Relation::"public.orders")
when { principal.actors.containsAny(["bot"]) && action != Action::"read" };
"#;

fn policy(text: &str) -> CedarPolicy {
    CedarPolicy::configure(&json!({ "policy": text }).to_string()).unwrap()
}

fn error(text: &str) -> String {
    CedarPolicy::configure(&json!({ "policy": text }).to_string()).unwrap_err()
}

fn staff() -> Facts {
    Facts::fixed()
        .with_subject("ana")
        .with_groups(["staff"])
        .with_database("shop")
}

fn reason(policy: &CedarPolicy, facts: Facts) -> String {
    match policy.decide(&facts).effect {
        Effect::Deny(denial) => denial.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn policies_allow_deny_and_hold() {
    let policy = policy(POLICIES);
    let reading = |facts: Facts| {
        facts
            .with_statement("select", "read", "")
            .with_relation("public.orders", "read")
    };
    let read = policy.decide(&reading(staff()));
    assert_eq!((read.effect, read.reuse), (Effect::Allow, Reuse::Shape));
    let nobody = reason(&policy, reading(Facts::fixed().with_subject("eve")));
    assert_eq!(nobody, "no policy permits to read of public.orders");
    let delete = staff()
        .with_statement("delete", "write", "none")
        .with_relation("public.orders", "delete");
    assert_eq!(reason(&policy, delete), "it would change every row");
    let bounded = |facts: Facts| {
        let facts = facts.with_statement("delete", "write", "some");
        facts.with_relation("public.orders", "delete")
    };
    assert_eq!(policy.decide(&bounded(staff())).effect, Effect::Allow);
    let agent = reason(&policy, bounded(staff().with_actors(["bot"])));
    assert_eq!(agent, "agents only read");
    let drop = || {
        let facts = staff().with_statement("drop table", "define", "");
        facts.with_relation("public.orders", "define")
    };
    let Effect::Hold(hold) = policy.decide(&drop()).effect else {
        panic!("it is held")
    };
    assert_eq!(hold.approvers, ["dba", "owners"]);
    assert_eq!(
        policy.decide(&drop().while_preparing()).effect,
        Effect::Allow
    );
    let dba = drop().with_groups(["staff", "dba"]);
    assert_eq!(policy.decide(&dba).effect, Effect::Allow);
}

#[test]
fn statements_without_relations_and_sessions_are_asked_about() {
    let policy = policy(POLICIES);
    let show = |facts: Facts| facts.with_statement("show", "session", "");
    assert_eq!(policy.decide(&show(staff())).effect, Effect::Allow);
    let eve = || Facts::fixed().with_subject("eve").with_database("shop");
    assert_eq!(
        reason(&policy, show(eve())),
        "no policy permits to run show"
    );
    assert!(policy.session(&eve()).is_denied());
    assert!(!policy.session(&staff()).is_denied());
}

#[test]
fn a_forbidden_sight_is_a_mask() {
    let policy = policy(POLICIES);
    let catalog = || {
        [
            "public.customers.name",
            "public.customers.email",
            "staff.accounts.iban",
            "public.orders.id",
        ]
        .map(|path| Column::new(path, "text"))
    };
    let decision = policy.session(&staff().with_catalog(catalog()));
    let masks: Vec<&Mask> = decision.protections.iter().map(|one| &one.mask).collect();
    assert_eq!(masks, [&Mask::KeepLast(4), &Mask::KeepLast(4)]);
    let dba = staff()
        .with_groups(["staff", "dba"])
        .with_catalog(catalog());
    assert!(policy.session(&dba).protections.is_empty());
}

#[test]
fn wrong_text_is_named_by_line_and_column() {
    let wrong =
        error("permit (principal, action, resource);\npermit (principal action, resource);");
    assert!(wrong.starts_with("policy:2:19: "), "{wrong}");
    assert!(error("").contains("policy"));
    for (annotations, words) in [
        ("@mask(\"hide\") @columns(\"a\")", "@mask"),
        ("@mask(\"null\")", "@columns"),
        ("@mask(\"null\") @columns(\"a\") @filter(\"x\")", "@filter"),
        ("@hold(\"\")", "@hold"),
    ] {
        let wrong = error(&format!(
            "{annotations} forbid (principal, action, resource);"
        ));
        assert!(wrong.contains(words), "{wrong}");
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_refuses() {
    let text = "permit (principal, action, resource);
        forbid (principal, action, resource) when { principal.tenant == \"x\" };";
    let policy = policy(text);
    let facts = || {
        Facts::fixed()
            .with_subject("ana")
            .with_statement("show", "session", "")
    };
    assert!(policy.decide(&facts()).is_denied());
    assert!(policy.session(&facts()).is_denied());
    let settings = json!({ "policy": text, "claims": ["tenant"] });
    let policy = CedarPolicy::configure(&settings.to_string()).unwrap();
    let tenant = |json| facts().with_claim("tenant", json);
    assert_eq!(policy.decide(&tenant("\"y\"")).effect, Effect::Allow);
    assert!(policy.decide(&tenant("\"x\"")).is_denied());
}

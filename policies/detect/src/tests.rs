//! The policy as the gateway calls it.

use sluice_sdk::{Column, Facts, Inspect, OutputColumn, Policy, Values};

use crate::DetectPolicy;

fn policy(settings: &str) -> DetectPolicy {
    DetectPolicy::configure(settings).unwrap()
}

fn column(path: &str, type_oid: u32) -> OutputColumn {
    OutputColumn {
        position: 0,
        name: "c".to_owned(),
        column: Some(Column::new(path, "text")),
        type_oid,
        binary: false,
        masked: false,
    }
}

/// The values to send; none where all stay as they are.
type Shown = Option<Vec<Option<String>>>;

/// What becomes of these values, and what is told of them.
fn inspected(
    policy: &DetectPolicy,
    column: &OutputColumn,
    values: &[Option<&str>],
) -> (Shown, Vec<(String, u32, bool)>) {
    let scope = policy.scope(&Facts::fixed()).expect("it looks at results");
    let values: Values = values.iter().copied().collect();
    let seen = policy.inspect(&scope, column, values).unwrap();
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let shown = |values: Values| values.values().map(|value| value.map(text)).collect();
    let found = seen.found.into_iter();
    (
        seen.values.map(shown),
        found
            .map(|one| (one.kind, one.count, one.replaced))
            .collect(),
    )
}

fn owned(values: &[Option<&str>]) -> Shown {
    Some(
        values
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect(),
    )
}

#[test]
fn only_what_is_found_is_replaced_and_lengths_stay() {
    let policy = policy("{}");
    let (shown, found) = inspected(
        &policy,
        &column("public.notes.body", 25),
        &[
            Some("write ada@example.com or call +14155552671"),
            None,
            Some("nothing"),
            Some("ż@bücher.example"),
        ],
    );
    let expected = [
        Some("write *************** or call ************"),
        None,
        Some("nothing"),
        Some("******************"),
    ];
    assert_eq!(shown, owned(&expected));
    assert_eq!(
        found,
        [("email".to_owned(), 2, true), ("phone".to_owned(), 1, true)]
    );
}

#[test]
fn clean_values_are_not_sent_back() {
    let (shown, found) = inspected(
        &policy("{}"),
        &column("public.notes.body", 25),
        &[Some("x")],
    );
    assert_eq!((shown, found.len()), (None, 0));
}

#[test]
fn each_kind_has_its_action() {
    let policy = policy(r#"{"find": {"email": "report", "card": "null", "phone": "off"}}"#);
    let (shown, found) = inspected(
        &policy,
        &column("public.notes.body", 25),
        &[
            Some("ada@example.com"),
            Some("4111111111111111 it is"),
            Some("+14155552671"),
        ],
    );
    assert_eq!(
        shown,
        owned(&[Some("ada@example.com"), None, Some("+14155552671")])
    );
    let expected = [("email".to_owned(), 1, false), ("card".to_owned(), 1, true)];
    assert_eq!(found, expected);
}

#[test]
fn json_stays_json() {
    let policy = policy("{}");
    let given = r#"{"mail":"\tada@example.com","pan":4111111111111111,"n":17}"#;
    let (shown, _) = inspected(&policy, &column("public.events.data", 3802), &[Some(given)]);
    let expected = r#"{"mail":"\t***************","pan":9999999999999999,"n":17}"#;
    assert_eq!(shown, owned(&[Some(expected)]));
}

#[test]
fn groups_and_columns_are_exempt() {
    let policy = policy(
        r#"{"except-groups": ["privacy"], "except-columns": ["articles.*"],
            "find": {"phone": {"action": "mask", "except-groups": ["support"]},
                     "email": {"action": "mask", "except-columns": ["contacts.mail"]}}}"#,
    );
    let privacy = Facts::fixed().with_groups(["privacy"]);
    assert_eq!(policy.scope(&privacy), None);
    let everyone = policy.scope(&Facts::fixed()).unwrap();
    let support = Facts::fixed().with_groups(["support"]);
    let support = policy.scope(&support).unwrap();
    assert!(!policy.covers(&everyone, &column("public.articles.body", 25)));
    let mail = column("public.contacts.mail", 25);
    assert!(policy.covers(&everyone, &mail));
    let given = || [Some("ada@example.com +14155552671")].into_iter().collect();
    let seen = |scope: &str| policy.inspect(scope, &mail, given()).unwrap().found;
    assert_eq!(seen(&everyone).len(), 1);
    assert_eq!(seen(&support), []);
}

#[test]
fn what_a_protection_masks_is_left_alone() {
    let policy = policy("{}");
    let scope = policy.scope(&Facts::fixed()).unwrap();
    let masked = OutputColumn {
        masked: true,
        ..column("public.notes.body", 25)
    };
    assert!(!policy.covers(&scope, &masked));
}

#[test]
fn wrong_settings_are_named() {
    for (settings, words) in [
        (r#"{"find": {"emails": "mask"}}"#, "emails"),
        (r#"{"find": {"email": "hide"}}"#, "find.email"),
        (r#"{"least-confidence": "some"}"#, "least-confidence"),
    ] {
        let error = DetectPolicy::configure(settings).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

//! Who, when and how much: profiles, times, bulk reads, budgets.

use std::time::{Duration, UNIX_EPOCH};

use sluice_sdk::Column;
use sluice_sdk::grants::counters::CountedRows;
use sluice_sdk::grants::fixed;

use super::*;

fn email() -> Column {
    Column::new("public.people.email", "text")
}

/// A query of e-mail addresses, which are protected.
fn emails(rows: &str) -> Facts {
    Facts::fixed()
        .with_subject("ana")
        .with_query("select", rows)
        .with_protected_column(email(), "projected")
}

/// Days and hours after Thursday, 1970-01-01, midnight.
fn at(days: u64, hours: u64) {
    fixed::at(UNIX_EPOCH + Duration::from_secs((days * 24 + hours) * 3600));
}

#[test]
fn a_switch_that_denies_is_not_weakened_by_a_rule_that_holds() {
    let rules = |effect: &str| {
        format!(
            r#"{{"ddl": "deny", "approvers": ["dba"],
                "rules": [{{"effect": "{effect}", "statements": ["define"]}}]}}"#
        )
    };
    assert_eq!(outcome(&rules("hold"), &drop_table()), "deny");
    assert_eq!(outcome(&rules("allow"), &drop_table()), "allow");
    let both_hold = r#"{"ddl": "hold", "approvers": ["dba"],
        "rules": [{"effect": "hold", "statements": ["define"], "approvers": ["leads"]}]}"#;
    assert_eq!(hold(both_hold, &drop_table()).approvers, ["leads"]);
}

#[test]
fn a_profile_adds_switches_for_some_sessions() {
    let settings = r#"{"ddl": "hold", "approvers": ["dba"], "profiles": [
        {"actors": "any", "ddl": "deny", "unbounded-dml": "deny"},
        {"databases": ["prod*"], "applications": ["psql"], "read-only": true}]}"#;
    assert_eq!(outcome(settings, &drop_table()), "hold");
    assert_eq!(
        outcome(settings, &drop_table().with_actors(["claude"])),
        "deny"
    );
    assert_eq!(outcome(settings, &dml("delete", "none")), "allow");
    assert_eq!(
        outcome(settings, &dml("delete", "none").with_actors(["claude"])),
        "deny"
    );
    let prod = || dml("delete", "key").with_database("prod_eu");
    assert_eq!(outcome(settings, &prod()), "allow");
    let (reason, _) = denial(settings, &prod().with_application("psql"));
    assert!(reason.starts_with("this session may only read"), "{reason}");
    let unread = unread().with_actors(["claude"]);
    assert_eq!(
        outcome(settings, &unread),
        "deny",
        "as strict as the profile"
    );
}

#[test]
fn ddl_in_office_hours_only() {
    let settings = r#"{"rules": [{"effect": "deny", "statements": ["define"],
        "except-times": ["Mon-Fri 08:00-18:00 +02:00"]}]}"#;
    at(0, 7);
    assert_eq!(outcome(settings, &drop_table()), "allow");
    at(0, 17);
    assert_eq!(outcome(settings, &drop_table()), "deny");
    at(2, 9);
    assert_eq!(outcome(settings, &drop_table()), "deny", "a Saturday");
    assert_eq!(outcome(settings, &select()), "allow");
    let nights = r#"{"profiles": [{"times": ["daily 22:00-06:00"], "read-only": true}]}"#;
    at(0, 23);
    assert_eq!(outcome(nights, &dml("delete", "key")), "deny");
    at(0, 12);
    assert_eq!(outcome(nights, &dml("delete", "key")), "allow");
}

#[test]
fn a_bulk_read_is_a_whole_table_with_columns_that_matter() {
    let settings = r#"{"bulk-reads": "deny", "bulk-columns": ["salary"]}"#;
    let (reason, hint) = denial(settings, &emails("none"));
    assert_eq!(
        reason,
        "SELECT of every row of public.people with email is a bulk read"
    );
    assert!(hint.contains("LIMIT 100"), "{hint}");
    assert_eq!(outcome(settings, &emails("always-true")), "deny");
    assert_eq!(outcome(settings, &emails("some")), "allow");
    let query = |column: &str, used: &str| {
        let facts = Facts::fixed().with_query("copy", "none");
        facts.with_column(Column::new(column, "text"), used)
    };
    assert_eq!(
        outcome(settings, &query("public.people.name", "projected")),
        "allow"
    );
    assert_eq!(
        outcome(settings, &query("public.staff.salary", "filtered")),
        "allow"
    );
    let (_, hint) = denial(settings, &query("public.staff.salary", "whole-row"));
    assert!(hint.contains("COPY (SELECT"), "{hint}");
    let second = emails("some")
        .with_query("select", "none")
        .with_protected_column(email(), "derived");
    assert_eq!(outcome(settings, &second), "deny");
}

#[test]
fn rows_of_a_request_and_of_an_hour_are_limited_by_the_gateway() {
    let settings = r#"{"max-rows": 500, "budgets": [
        {"name": "addresses", "rows": 1000, "per": "1h", "protected": true},
        {"name": "salaries", "rows": 10, "per": "1d", "columns": ["salary"], "hint": "Ask HR."}]}"#;
    assert_eq!(outcome(settings, &emails("some")), "allow");
    let limits = fixed::row_limits();
    let [request, addresses] = &limits[..] else {
        panic!("{limits:?}")
    };
    assert_eq!((request.limit, request.window_seconds), (500, 0));
    assert_eq!(request.counted, CountedRows::Every);
    assert_eq!((addresses.limit, addresses.window_seconds), (1000, 3600));
    assert_eq!(addresses.counted, CountedRows::Protected);
    assert_eq!(addresses.key, "addresses\n\nana");
    let denial = &addresses.denial;
    assert!(
        denial
            .reason
            .contains("no more than 1000 protected rows in 1 h"),
        "{denial:?}"
    );
    assert!(denial.hint.contains("LIMIT"), "{denial:?}");
    let salary = Column::new("public.staff.salary", "numeric");
    outcome(settings, &emails("some").with_column(salary, "projected"));
    assert_eq!(fixed::row_limits()[2].denial.hint, "Ask HR.");
}

#[test]
fn one_bulk_export_a_day() {
    let settings =
        r#"{"budgets": [{"name": "exports", "requests": 1, "per": "1d", "bulk": true}]}"#;
    assert_eq!(outcome(settings, &emails("some")), "allow");
    assert_eq!(
        outcome(settings, &emails("none").while_preparing()),
        "allow"
    );
    assert_eq!(outcome(settings, &emails("none")), "allow");
    let (reason, hint) = denial(settings, &emails("none"));
    assert!(
        reason.contains("no more than 1 bulk requests in 1 d"),
        "{reason}"
    );
    assert!(hint.contains("WHERE"), "{hint}");
    assert_eq!(
        outcome(settings, &emails("none").with_subject("bob")),
        "allow"
    );
    assert_eq!(outcome(settings, &emails("some")), "allow");
}

#[test]
fn what_is_refused_anyway_takes_nothing() {
    let settings = r#"{"bulk-reads": "deny",
        "budgets": [{"name": "all", "requests": 1, "per": "1h"}]}"#;
    assert_eq!(outcome(settings, &emails("none")), "deny");
    assert_eq!(outcome(settings, &emails("some")), "allow");
    assert_eq!(outcome(settings, &emails("some")), "deny");
}

#[test]
fn what_needs_a_grant_says_which() {
    fixed::grant_only(&["log"]);
    assert!(GuardPolicy::configure(r#"{"ddl": "deny"}"#).is_ok());
    for (settings, key, grant) in [
        (r#"{"max-rows": 1}"#, "max-rows", "counters"),
        (
            r#"{"profiles": [{"max-rows": 1}]}"#,
            "profiles[0].max-rows",
            "counters",
        ),
        (
            r#"{"budgets": [{"name": "a", "rows": 1, "per": "1h"}]}"#,
            "budgets[0]",
            "counters",
        ),
        (
            r#"{"profiles": [{"times": ["Mon 8-9"]}]}"#,
            "profiles[0].times",
            "clock",
        ),
        (
            r#"{"rules": [{"effect": "deny", "except-times": ["Mon 8-9"]}]}"#,
            "rules[0].except-times",
            "clock",
        ),
    ] {
        let error = GuardPolicy::configure(settings).unwrap_err();
        assert!(
            error.starts_with(key) && error.contains(&format!("\"{grant}\"")),
            "{error}"
        );
    }
}

#[test]
fn wrong_settings_are_named_with_what_is_possible() {
    for (settings, words) in [
        (r#"{"max-rows": 0}"#, "max-rows: 0 is no number from 1"),
        (r#"{"bulk-reads": "no"}"#, "bulk-reads"),
        (r#"{"profiles": [{"ddll": "deny"}]}"#, "`ddl`"),
        (
            r#"{"profiles": [{"ddl": "hold"}]}"#,
            "profiles[0].ddl: \"hold\" needs groups",
        ),
        (
            r#"{"rules": [{"effect": "deny", "times": ["Mon"]}]}"#,
            "Mon-Fri 08:00-18:00",
        ),
        (
            r#"{"rules": [{"effect": "deny", "exception": true}]}"#,
            "rules[0].exception: it is for rules",
        ),
        (
            r#"{"budgets": [{"name": "a", "per": "1h"}]}"#,
            "budgets[0]: give either rows or requests",
        ),
        (
            r#"{"budgets": [{"name": "a", "rows": 1, "per": "40d"}]}"#,
            "more than \"31d\"",
        ),
        (
            r#"{"budgets": [{"name": "", "rows": 1, "per": "1h"}]}"#,
            "budgets[0].name",
        ),
        (
            r#"{"budgets": [{"name": "a", "rows": 1, "per": "1h"}, {"name": "a", "rows": 2, "per": "1h"}]}"#,
            "budgets[1].name: there is a budget \"a\" already",
        ),
    ] {
        let error = GuardPolicy::configure(settings).unwrap_err();
        assert!(error.contains(words), "{settings}: {error}");
    }
}

use sluice_sdk::{Column, DerivedRule, Effect, FilterRule};

use super::*;

fn policy(settings: &str) -> MaskPolicy {
    MaskPolicy::configure(settings).unwrap()
}

fn catalog() -> [Column; 6] {
    [
        Column::new("public.customers.id", "integer"),
        Column::new("public.customers.email", "text"),
        Column::new("public.customers.api_key", "character varying(64)"),
        Column::new("auth.users.password", "text"),
        Column::new("auth.users.phone", "bigint"),
        Column::new("pg_catalog.pg_authid.password", "text"),
    ]
}

/// The masked columns of the catalog, with their masks, for these facts.
fn masked(settings: &str, facts: Facts) -> Vec<(String, Mask)> {
    let catalog = catalog();
    let decision = policy(settings).session(&facts.with_catalog(catalog.clone()));
    assert_eq!(decision.effect, Effect::Allow);
    let named = |protection: &Protection| {
        let is_it = |column: &&Column| {
            column.relation_oid == protection.relation_oid
                && column.attribute == protection.attribute
        };
        let column = catalog.iter().find(is_it).unwrap();
        (
            format!("{}.{}", column.relation, column.name),
            protection.mask.clone(),
        )
    };
    decision.protections.iter().map(named).collect()
}

fn names(masked: Vec<(String, Mask)>) -> Vec<String> {
    masked.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_short_form_masks_for_everyone_by_stars() {
    let settings = r#"{"columns": ["password", "*.api_key", "public.customers.email"]}"#;
    let masked = masked(settings, Facts::fixed());
    assert_eq!(
        names(masked.clone()),
        ["customers.email", "customers.api_key", "users.password"]
    );
    assert!(
        masked
            .iter()
            .all(|(_, mask)| *mask == Mask::Fixed("***".to_owned()))
    );
}

#[test]
fn no_settings_mask_nothing_and_record_statements() {
    assert!(masked("", Facts::fixed()).is_empty());
    let decision = policy("{}").decide(&Facts::fixed());
    assert_eq!(decision.effect, Effect::Allow);
    assert_eq!(decision.recording, Recording::Statement);
    assert_eq!(decision.reuse, Reuse::Shape);
}

#[test]
fn results_are_recorded_where_asked() {
    let decision = policy(r#"{"recording": "results"}"#).decide(&Facts::fixed());
    assert_eq!(decision.recording, Recording::Results);
}

#[test]
fn system_schemas_are_masked_only_when_named() {
    let settings = r#"{"columns": ["pg_catalog.*.password"]}"#;
    assert_eq!(
        names(masked(settings, Facts::fixed())),
        ["pg_authid.password"]
    );
}

#[test]
fn every_mask_can_be_written() {
    for (text, mask) in [
        ("null", Mask::Null),
        ("fixed ***", Mask::Fixed("***".to_owned())),
        ("fixed not for you", Mask::Fixed("not for you".to_owned())),
        ("keep-first 2", Mask::KeepFirst(2)),
        ("keep-last 4", Mask::KeepLast(4)),
        ("keyed-hash", Mask::KeyedHash("default".to_owned())),
        ("keyed-hash:crm", Mask::KeyedHash("crm".to_owned())),
        ("email", Mask::Custom),
        ("digits", Mask::Custom),
    ] {
        let settings = format!(r#"{{"columns": ["email"], "mask": "{text}"}}"#);
        assert_eq!(masked(&settings, Facts::fixed())[0].1, mask, "{text}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let settings = r#"{
        "columns": ["email"],
        "rules": [
            {"columns": ["email"], "groups": ["support"], "mask": "keep-first 1"},
            {"columns": ["customers.*"], "groups": ["support"], "mask": "null"},
            {"columns": ["email"], "databases": ["demo*"], "mask": "show"}
        ]}"#;
    let support = masked(settings, Facts::fixed().with_groups(["support"]));
    assert_eq!(
        support[1],
        ("customers.email".to_owned(), Mask::KeepFirst(1))
    );
    assert_eq!(support.len(), 3);
    let other = masked(settings, Facts::fixed());
    assert_eq!(
        other,
        [("customers.email".to_owned(), Mask::Fixed("***".to_owned()))]
    );
    assert!(masked(settings, Facts::fixed().with_database("demo2")).is_empty());
}

#[test]
fn rules_are_for_whom_they_say() {
    let settings = r#"{"rules": [
        {"columns": ["password"], "except-groups": ["dba"]},
        {"columns": ["email"], "actors": ["agent-*"]}]}"#;
    let facts = Facts::fixed;
    assert_eq!(names(masked(settings, facts())), ["users.password"]);
    assert!(masked(settings, facts().with_groups(["dba"])).is_empty());
    let agent = facts().with_groups(["dba"]).with_actors(["agent-7"]);
    assert_eq!(names(masked(settings, agent)), ["customers.email"]);
}

#[test]
fn exempt_groups_see_everything() {
    let settings = r#"{"columns": ["*"], "except-groups": ["dba"]}"#;
    assert!(masked(settings, Facts::fixed().with_groups(["dba"])).is_empty());
    assert_eq!(
        masked(settings, Facts::fixed().with_groups(["db"])).len(),
        5
    );
}

#[test]
fn what_a_rule_leaves_out_comes_from_around_it() {
    let settings = r#"{
        "columns": ["password"], "mask": "null", "derived": "hold", "filter": "equality",
        "rules": [
            {"columns": ["email"]},
            {"columns": ["api_key"], "mask": "keep-last 4", "derived": "null", "filter": "allow"}
        ]}"#;
    let facts = Facts::fixed().with_catalog(catalog());
    let protections = policy(settings).session(&facts).protections;
    let told: Vec<_> = protections
        .iter()
        .map(|one| (&one.mask, one.derived, one.filter))
        .collect();
    let around = (&Mask::Null, DerivedRule::Hold, FilterRule::Equality);
    let own = (&Mask::KeepLast(4), DerivedRule::Null, FilterRule::Allow);
    assert_eq!(told, [around, own, around]);
}

#[test]
fn what_is_no_text_is_null_rather_than_transformed() {
    let settings = r#"{"columns": ["phone"], "mask": "digits"}"#;
    assert_eq!(masked(settings, Facts::fixed())[0].1, Mask::Null);
}

#[test]
fn trusted_functions_are_passed_on() {
    let decision = policy(r#"{"trusted": ["public.slugify"]}"#).session(&Facts::fixed());
    assert_eq!(decision.trusted, ["public.slugify"]);
}

#[test]
fn a_column_is_transformed_by_its_rule() {
    let settings = r#"{"rules": [
        {"columns": ["email"], "mask": "null", "groups": ["sales"]},
        {"columns": ["email"], "mask": "email", "groups": ["support"]},
        {"columns": ["api_key"], "mask": "email"},
        {"columns": ["email"], "mask": "digits"}]}"#;
    let policy = policy(settings);
    let rule = |groups: &[&str], column: usize| {
        let facts = Facts::fixed().with_groups(groups.iter().copied());
        let facts = facts.with_catalog(catalog());
        policy.session(&facts);
        facts.rule_of(&catalog()[column])
    };
    assert_eq!(rule(&["sales"], 1), None);
    assert_eq!(rule(&["support"], 1), Some(1));
    assert_eq!(rule(&[], 1), Some(3));
    assert_eq!(rule(&[], 2), Some(1), "rules that do the same");

    let transformed = |rule: u32| {
        let column = ResultColumn {
            position: 7,
            column: catalog()[1].clone(),
            type_oid: 25,
            binary: false,
        };
        let facts = Facts::fixed().with_rule(7, rule);
        let values = [Some("ada1@example.com"), None].into_iter().collect();
        let values = policy.transform(&facts, &column, values)?;
        assert_eq!(values.get(1), None);
        Ok::<_, String>(String::from_utf8(values.get(0).unwrap().to_vec()).unwrap())
    };
    assert_eq!(transformed(1).unwrap(), "a***@example.com");
    assert_eq!(transformed(3).unwrap(), "ada0@example.com");
    // Failing withholds the rows.
    for rule in [0, 4, u32::MAX] {
        assert!(transformed(rule).is_err(), "{rule}");
    }
}

#[test]
fn wrong_settings_are_named() {
    for (settings, key, value) in [
        (r#"{"colums": []}"#, "colums", "unknown field"),
        (r#"{"columns": "password"}"#, "columns", "password"),
        (r#"{"columns": ["a.b.c.d"]}"#, "columns[0]", "a.b.c.d"),
        (r#"{"mask": "keep-lst 4"}"#, "mask", "keep-lst 4"),
        (r#"{"mask": "keep-last"}"#, "mask", "keep-last"),
        (r#"{"mask": "keep-last x"}"#, "mask", "keep-last x"),
        (r#"{"mask": "keep-last -1"}"#, "mask", "keep-last -1"),
        (r#"{"mask": "fixed"}"#, "mask", "fixed"),
        (r#"{"mask": "keyed-hash:"}"#, "mask", "keyed-hash:"),
        (r#"{"mask": "custom"}"#, "mask", "custom"),
        (r#"{"derived": "allow"}"#, "derived", "allow"),
        (r#"{"filter": "hold"}"#, "filter", "hold"),
        (r#"{"recording": "all"}"#, "recording", "all"),
        (r#"{"trusted": [""]}"#, "trusted[0]", "empty"),
        (
            r#"{"rules": [{"mask": "null"}]}"#,
            "rules[0].columns",
            "at least one",
        ),
        (
            r#"{"rules": [{"columns": ["a"]}, {"columns": ["a"], "group": []}]}"#,
            "rules[1].group",
            "",
        ),
        (
            r#"{"rules": [{"columns": ["a"], "databases": [""]}]}"#,
            "rules[0].databases[0]",
            "empty",
        ),
        (
            r#"{"rules": [{"columns": ["a"], "filter": 1}]}"#,
            "rules[0].filter",
            "1",
        ),
        ("[1]", "", "invalid"),
        ("{", "", "EOF"),
    ] {
        let error = MaskPolicy::configure(settings).unwrap_err();
        assert!(
            error.starts_with(key) && error.contains(value),
            "{settings}: {error}"
        );
    }
}

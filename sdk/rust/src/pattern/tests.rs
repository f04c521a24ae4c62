use super::*;

fn name(pattern: &str, name: &str) -> bool {
    NamePattern::parse(pattern).unwrap().matches(name)
}

fn column(pattern: &str, column: &str) -> bool {
    ColumnPattern::parse(pattern)
        .unwrap()
        .matches(&Column::new(column, "text"))
}

#[test]
fn stars_match_any_run() {
    for (pattern, matching) in [
        ("password", "password"),
        ("*", ""),
        ("*", "anything"),
        ("api_*", "api_key"),
        ("*_key", "api_key"),
        ("a*b*c", "aXbYc"),
        ("a*b*c", "abbcbc"),
        ("*ab*ab", "abab"),
        ("**", "x"),
        ("*ß*", "straße"),
    ] {
        assert!(name(pattern, matching), "{pattern} {matching}");
    }
    for (pattern, other) in [
        ("password", "Password"),
        ("password", "password2"),
        ("api_*", "apikey"),
        ("a*a", "a"),
        ("*ab*ab", "ab"),
        ("a*b*c", "acb"),
    ] {
        assert!(!name(pattern, other), "{pattern} {other}");
    }
}

#[test]
fn a_column_is_named_by_one_two_or_three_parts() {
    assert!(column("email", "public.customers.email"));
    assert!(column("customers.email", "public.customers.email"));
    assert!(column("public.customers.email", "public.customers.email"));
    assert!(column("*.email", "crm.people.email"));
    assert!(column("crm.*.*", "crm.people.id"));
    assert!(!column("people.email", "public.customers.email"));
    assert!(!column("crm.customers.email", "public.customers.email"));
    assert!(!column("Email", "public.customers.email"));
}

#[test]
fn the_system_schemas_must_be_named() {
    assert!(!column("rolpassword", "pg_catalog.pg_authid.rolpassword"));
    assert!(!column(
        "*.*.rolpassword",
        "pg_catalog.pg_authid.rolpassword"
    ));
    assert!(!column(
        "pg_*.*.rolpassword",
        "pg_catalog.pg_authid.rolpassword"
    ));
    assert!(column(
        "pg_catalog.*.rolpassword",
        "pg_catalog.pg_authid.rolpassword"
    ));
    assert!(column(
        "information_schema.*.*",
        "information_schema.tables.table_name"
    ));
}

#[test]
fn quoted_parts_are_literal() {
    let pattern = ColumnPattern::parse(r#""odd.name"."with ""quotes"" and *".c"#).unwrap();
    let column = |relation: &str| Column {
        schema: "odd.name".to_owned(),
        relation: relation.to_owned(),
        ..Column::new("x.y.c", "text")
    };
    assert!(pattern.matches(&column(r#"with "quotes" and *"#)));
    assert!(!pattern.matches(&column(r#"with "quotes" and more"#)));
}

#[test]
fn a_wrong_pattern_is_named_in_the_error() {
    for wrong in [
        "", ".", "a.", ".a", "a..b", "a.b.c.d", "\"a", "\"\"", "\"a\"b", "a\"b", "a b",
    ] {
        let error = ColumnPattern::parse(wrong).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
    assert!(RelationPattern::parse("a.b.c").is_err());
    assert!(NamePattern::parse("").is_err());
}

#[test]
fn a_relation_of_unknown_schema_may_be_in_any() {
    let relation = |schema: &str| RelationUse {
        oid: None,
        schema: schema.to_owned(),
        name: "salaries".to_owned(),
        access: "read".to_owned(),
        statement: 0,
    };
    let pattern = RelationPattern::parse("payroll.*").unwrap();
    assert!(pattern.matches(&relation("payroll")));
    assert!(!pattern.matches(&relation("")));
    assert!(pattern.may_match(&relation("")));
    assert!(pattern.may_match(&relation("payroll")));
    assert!(!pattern.may_match(&relation("public")));
    assert!(!pattern.matches(&relation("public")));
    assert!(
        RelationPattern::parse("salaries")
            .unwrap()
            .matches(&relation("public"))
    );
}

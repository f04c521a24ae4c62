mod limits;

use sluice_sdk::Hold;

use super::*;

fn policy(settings: &str) -> GuardPolicy {
    GuardPolicy::configure(settings).unwrap()
}

/// "allow", "hold" or "deny", by these settings.
fn outcome(settings: &str, facts: &Facts) -> &'static str {
    match policy(settings).decide(facts).effect {
        Effect::Allow => "allow",
        Effect::Deny(_) => "deny",
        Effect::Hold(_) => "hold",
    }
}

fn denial(settings: &str, facts: &Facts) -> (String, String) {
    match policy(settings).decide(facts).effect {
        Effect::Deny(denial) => (denial.reason, denial.hint),
        other => panic!("{other:?}"),
    }
}

fn hold(settings: &str, facts: &Facts) -> Hold {
    match policy(settings).decide(facts).effect {
        Effect::Hold(hold) => hold,
        other => panic!("{other:?}"),
    }
}

fn select() -> Facts {
    Facts::fixed()
        .with_statement("select", "read", "")
        .with_relation("public.orders", "read")
}

fn drop_table() -> Facts {
    Facts::fixed()
        .with_statement("drop table", "define", "")
        .with_relation("public.orders", "define")
}

fn dml(kind: &str, restriction: &str) -> Facts {
    Facts::fixed()
        .with_statement(kind, "write", restriction)
        .with_relation("public.orders", kind)
        .with_relation("public.people", "read")
}

fn opaque(kind: &str, class: &str, reason: &str, detail: &str) -> Facts {
    Facts::fixed()
        .with_statement(kind, class, "")
        .with_opaque(reason, detail)
}

/// Text that no reader reads has no statements.
fn unread() -> Facts {
    Facts::fixed().with_opaque("unparsed", "syntax error")
}

const DDL: &str = r#"{"ddl": "hold", "approvers": ["dba"]}"#;
const UNBOUNDED: &str = r#"{"unbounded-dml": "deny"}"#;

#[test]
fn no_settings_let_everything_pass() {
    for facts in [
        select(),
        drop_table(),
        dml("delete", "none"),
        unread(),
        Facts::fixed(),
    ] {
        assert_eq!(outcome("", &facts), "allow");
    }
    assert_eq!(policy("{}").session(&Facts::fixed()).effect, Effect::Allow);
}

#[test]
fn ddl_waits_for_approval_by_one_line() {
    let held = hold(DDL, &drop_table());
    assert_eq!(
        held.reason,
        "DROP TABLE on public.orders changes definitions"
    );
    assert_eq!(held.approvers, ["dba"]);
    assert_eq!((held.approvals, held.ttl_seconds), (1, 900));
    assert_eq!(outcome(DDL, &select()), "allow");
    assert_eq!(outcome(DDL, &dml("delete", "none")), "allow");
}

#[test]
fn ddl_of_any_kind_counts() {
    let select_into = Facts::fixed()
        .with_statement("select", "write", "")
        .with_relation("public.copy", "define");
    let grant = Facts::fixed().with_statement("grant", "define", "");
    assert_eq!(outcome(DDL, &select_into), "hold");
    assert_eq!(outcome(DDL, &grant), "hold");
    for whole in ["cluster", "reindex"] {
        let facts = Facts::fixed().with_statement(whole, "utility", "");
        assert_eq!(outcome(DDL, &facts), "hold", "{whole}");
    }
}

#[test]
fn what_keeps_others_from_reading_counts_as_ddl() {
    let on = |kind: &str, relation: &str| {
        Facts::fixed()
            .with_statement(kind, "utility", "")
            .with_relation(relation, "read")
    };
    let full = on("vacuum full", "public.orders");
    assert_eq!(
        hold(DDL, &full).reason,
        "VACUUM FULL keeps everybody else from reading public.orders"
    );
    let lock = "lock in access exclusive mode";
    assert_eq!(outcome(DDL, &on(lock, "public.orders")), "hold");
    for weaker in ["vacuum", "lock"] {
        assert_eq!(outcome(DDL, &on(weaker, "public.orders")), "allow");
    }
    let temporary = r#"{"ddl": "deny", "temp-tables": "allow"}"#;
    assert_eq!(outcome(temporary, &on(lock, "pg_temp.own")), "allow");
    assert_eq!(outcome(temporary, &full), "deny");
}

#[test]
fn what_is_not_there_is_dropped_without_approval() {
    let drop = |kind: &str| Facts::fixed().with_statement(kind, "define", "");
    let rule = r#"{"rules": [{"name": "r", "statements": ["drop table"], "effect": "hold", "approvers": ["dba"]}]}"#;
    for settings in [DDL, rule] {
        let nothing = drop("drop table").with_unknown_relation("scratch", "define");
        assert_eq!(outcome(settings, &nothing), "allow");
        let something = drop("drop table")
            .with_unknown_relation("scratch", "define")
            .with_relation("public.orders", "define");
        assert_eq!(outcome(settings, &something), "hold");
        assert_eq!(outcome(settings, &drop("drop table")), "hold");
    }
    let index = drop("drop index").with_unknown_relation("scratch_key", "define");
    assert_eq!(outcome(DDL, &index), "hold", "which are not known");
}

#[test]
fn what_could_hide_ddl_is_held_too() {
    for facts in [
        unread(),
        opaque("do", "utility", "procedural-code", ""),
        opaque("select", "read", "sql-in-text", "dblink_exec"),
        opaque("execute", "utility", "unknown-name", "p"),
    ] {
        assert_eq!(outcome(DDL, &facts), "hold");
        let open = r#"{"ddl": "hold", "approvers": ["dba"], "opaque": "allow"}"#;
        assert_eq!(outcome(open, &facts), "allow");
        assert_eq!(outcome(r#"{"truncate": "deny"}"#, &facts), "deny");
        assert_eq!(outcome(r#"{"truncate": "allow"}"#, &facts), "allow");
    }
    // Functions that exist were defined by someone who could, and so were triggers.
    for facts in [
        opaque("select", "read", "unknown-function", "public.f"),
        opaque("insert", "write", "procedural-code", "trigger audit"),
        opaque("select", "read", "data-catalog", "pg_stats"),
    ] {
        assert_eq!(outcome(DDL, &facts), "allow");
    }
}

#[test]
fn what_merge_does_is_judged_as_a_statement_of_its_own() {
    let merge = |restriction| {
        Facts::fixed()
            .with_statement("merge", "write", "")
            .with_relation("public.orders", "delete")
            .with_statement("delete", "write", restriction)
    };
    let (reason, _) = denial(UNBOUNDED, &merge("always-true"));
    assert!(reason.starts_with("DELETE on public.orders"), "{reason}");
    assert_eq!(outcome(UNBOUNDED, &merge("some")), "allow");
    let rules =
        r#"{"rules": [{"effect": "hold", "statements": ["delete"], "approvers": ["dba"]}]}"#;
    assert_eq!(outcome(rules, &merge("key")), "hold");
}

#[test]
fn preparing_is_not_held_but_may_be_refused() {
    assert_eq!(outcome(DDL, &drop_table().while_preparing()), "allow");
    assert_eq!(
        outcome(r#"{"ddl": "deny"}"#, &drop_table().while_preparing()),
        "deny"
    );
}

#[test]
fn temporary_tables_may_be_let_pass() {
    let temp = Facts::fixed()
        .with_statement("create table as", "define", "")
        .with_relation("pg_temp.scratch", "define")
        .with_relation("public.orders", "read");
    let settings = r#"{"ddl": "deny", "temp-tables": "allow"}"#;
    assert_eq!(outcome(settings, &temp), "allow");
    assert_eq!(outcome(r#"{"ddl": "deny"}"#, &temp), "deny");
    let (_, hint) = denial(settings, &drop_table());
    assert!(hint.contains("CREATE TEMP TABLE"), "{hint}");
    let dropped = |relation| {
        Facts::fixed()
            .with_statement("drop table", "define", "")
            .with_relation(relation, "define")
    };
    assert_eq!(outcome(settings, &dropped("pg_temp_4.scratch")), "allow");
    assert_eq!(outcome(settings, &dropped("pg_tempo.scratch")), "deny");
    let both = drop_table().with_relation("pg_temp.scratch", "define");
    assert_eq!(outcome(settings, &both), "deny");
    // A schema outlives the temporary table that it grants.
    let schema = Facts::fixed()
        .with_statement("create schema", "define", "")
        .with_relation("pg_temp.scratch", "define");
    assert_eq!(outcome(settings, &schema), "deny");
}

#[test]
fn a_temporary_table_like_another_leaves_that_as_it_is() {
    let settings = r#"{"ddl": "deny", "temp-tables": "allow"}"#;
    let like = |kind, made| {
        Facts::fixed()
            .with_statement(kind, "define", "")
            .with_relation(made, "define")
            .with_relation("public.orders", "define")
    };
    assert_eq!(
        outcome(settings, &like("create table", "pg_temp.scratch")),
        "allow"
    );
    assert_eq!(
        outcome(settings, &like("create table", "public.scratch")),
        "deny"
    );
    assert_eq!(
        outcome(settings, &like("drop table", "pg_temp.scratch")),
        "deny"
    );
    let none = r#"{"ddl": "deny"}"#;
    assert_eq!(
        outcome(none, &like("create table", "pg_temp.scratch")),
        "deny"
    );
}

#[test]
fn every_row_of_a_temporary_table_may_go() {
    let settings = r#"{"unbounded-dml": "deny", "truncate": "deny", "temp-tables": "allow"}"#;
    let dml = |kind: &str, schema: &str, restriction| {
        Facts::fixed()
            .with_statement(kind, "write", restriction)
            .with_relation("public.orders", "read")
            .with_relation(&format!("{schema}.scratch"), kind)
    };
    for (kind, restriction) in [
        ("delete", "none"),
        ("update", "always-true"),
        ("truncate", ""),
    ] {
        assert_eq!(
            outcome(settings, &dml(kind, "pg_temp_3", restriction)),
            "allow",
            "{kind}"
        );
        assert_eq!(
            outcome(settings, &dml(kind, "public", restriction)),
            "deny",
            "{kind}"
        );
        let both = dml(kind, "pg_temp_3", restriction).with_relation("public.scratch", kind);
        assert_eq!(outcome(settings, &both), "deny", "{kind}");
        let no_word = r#"{"unbounded-dml": "deny", "truncate": "deny"}"#;
        assert_eq!(
            outcome(no_word, &dml(kind, "pg_temp_3", restriction)),
            "deny",
            "{kind}"
        );
    }
}

#[test]
fn dml_without_a_condition_is_refused_with_the_way_out() {
    let (reason, hint) = denial(UNBOUNDED, &dml("delete", "none"));
    assert_eq!(
        reason,
        "DELETE on public.orders has no WHERE: it would remove every row"
    );
    assert!(
        hint.contains("DELETE FROM public.orders WHERE id = 42"),
        "{hint}"
    );
    let (reason, hint) = denial(UNBOUNDED, &dml("update", "always-true"));
    assert!(
        reason.contains("has a WHERE that hardly tells its rows apart"),
        "{reason}"
    );
    assert!(
        hint.contains("UPDATE public.orders SET ... WHERE id = 42"),
        "{hint}"
    );
    for restriction in ["some", "key"] {
        assert_eq!(outcome(UNBOUNDED, &dml("delete", restriction)), "allow");
    }
}

#[test]
fn dml_within_another_statement_is_found() {
    let hidden = select().with_statement("delete", "write", "none");
    assert_eq!(outcome(UNBOUNDED, &hidden), "deny");
}

#[test]
fn names_that_need_quotes_are_quoted_in_hints() {
    let facts = Facts::fixed()
        .with_statement("delete", "write", "none")
        .with_relation("public.Order \"x\"", "delete");
    let (_, hint) = denial(UNBOUNDED, &facts);
    assert!(
        hint.contains(r#"DELETE FROM public."Order ""x""" WHERE"#),
        "{hint}"
    );
}

#[test]
fn truncate_is_its_own_switch() {
    let facts = Facts::fixed()
        .with_statement("truncate", "write", "")
        .with_relation("public.orders", "truncate");
    let (reason, hint) = denial(r#"{"truncate": "deny"}"#, &facts);
    assert_eq!(reason, "TRUNCATE on public.orders would remove every row");
    assert!(hint.contains("DELETE FROM public.orders WHERE id = 42"));
    assert_eq!(outcome(UNBOUNDED, &facts), "allow");
}

#[test]
fn opaque_covers_every_reason_but_the_trusted_names() {
    let settings = r#"{"opaque": "deny", "trusted": ["public.slug*", "syntax*"]}"#;
    let call = |name: &str| opaque("select", "read", "unknown-function", name);
    let (reason, hint) = denial(settings, &call("public.evil"));
    assert!(
        reason.ends_with("(unknown-function: public.evil)"),
        "{reason}"
    );
    assert!(!hint.is_empty());
    assert_eq!(outcome(settings, &call("public.slugify")), "allow");
    assert_eq!(outcome(settings, &call("slugify")), "deny");
    // A message is no name.
    assert_eq!(outcome(settings, &unread()), "deny");
    assert_eq!(
        outcome(settings, &opaque("x", "", "a-reason-of-tomorrow", "")),
        "deny"
    );
}

#[test]
fn readers_only_read() {
    let settings = r#"{"read-only-groups": ["analysts"]}"#;
    let analyst = |facts: Facts| facts.with_groups(["analysts"]);
    for facts in [
        select(),
        Facts::fixed().with_statement("begin", "transaction", ""),
        Facts::fixed().with_statement("set", "session", ""),
        Facts::fixed().with_statement("explain", "utility", ""),
        opaque("select", "read", "data-catalog", "pg_stat_activity"),
    ] {
        assert_eq!(outcome(settings, &analyst(facts)), "allow");
    }
    for facts in [
        dml("update", "key"),
        drop_table(),
        unread(),
        Facts::fixed().with_statement("vacuum", "utility", ""),
        Facts::fixed()
            .with_statement("explain", "utility", "")
            .with_statement("delete", "write", ""),
        Facts::fixed()
            .with_statement("select", "read", "")
            .with_relation("t", "insert"),
        opaque("select", "read", "unknown-function", "public.f"),
    ] {
        assert_eq!(outcome(settings, &analyst(facts)), "deny");
    }
    assert_eq!(outcome(settings, &dml("update", "key")), "allow");
    let (reason, _) = denial(settings, &analyst(dml("update", "key")));
    assert_eq!(
        reason,
        "members of group analysts may only read, and UPDATE does more"
    );
}

#[test]
fn exempt_groups_pass_the_switches_but_not_the_rules() {
    let settings = r#"{
        "ddl": "deny", "unbounded-dml": "deny", "opaque": "deny", "except-groups": ["dba"],
        "rules": [{"statements": ["drop database"], "effect": "deny"}]}"#;
    let dba = |facts: Facts| facts.with_groups(["dba"]);
    assert_eq!(outcome(settings, &dba(drop_table())), "allow");
    assert_eq!(outcome(settings, &drop_table()), "deny");
    let drop = Facts::fixed().with_statement("drop database", "define", "");
    assert_eq!(outcome(settings, &dba(drop)), "deny");
    let ddl_only = r#"{"ddl": "deny", "except-groups": ["dba"]}"#;
    assert_eq!(outcome(ddl_only, &dba(unread())), "allow");
}

#[test]
fn the_first_rule_that_matches_decides() {
    let settings = r#"{"ddl": "deny", "rules": [
        {"statements": ["create index"], "groups": ["dev"], "effect": "allow"},
        {"statements": ["define"], "effect": "hold", "exception": true, "approvers": ["dba", "leads"],
         "approvals": 2, "ttl": "1h", "name": "definitions"}]}"#;
    let create = || Facts::fixed().with_statement("create index", "define", "");
    assert_eq!(outcome(settings, &create().with_groups(["dev"])), "allow");
    let held = hold(settings, &create());
    assert_eq!(held.reason, "rule \"definitions\" holds CREATE INDEX");
    assert_eq!(held.approvers, ["dba", "leads"]);
    assert_eq!((held.approvals, held.ttl_seconds), (2, 3600));
    let note = policy(settings).decide(&create()).note;
    assert_eq!(note, "rule \"definitions\"");
}

#[test]
fn an_exception_is_none_to_what_temporary_tables_are_spared() {
    let settings = |switches: &str| {
        format!(
            r#"{{"ddl": "deny", {switches} "rules": [{{"statements": ["drop table"],
            "effect": "hold", "exception": true, "approvers": ["dba"]}}]}}"#
        )
    };
    let dropped = |relation: &str| {
        Facts::fixed()
            .with_statement("drop table", "define", "")
            .with_relation(relation, "define")
    };
    let own = dropped("pg_temp_4.scratch");
    let spared = settings(r#""temp-tables": "allow","#);
    assert_eq!(outcome(&spared, &own), "allow");
    assert_eq!(outcome(&spared, &dropped("public.orders")), "hold");
    let both = dropped("pg_temp_4.orders").with_relation("public.orders", "define");
    assert_eq!(outcome(&spared, &both), "hold");
    assert_eq!(outcome(&settings(""), &own), "hold");
    let denied = settings(r#""temp-tables": "deny","#);
    assert_eq!(outcome(&denied, &own), "hold");
}

#[test]
fn commands_match_by_their_first_words() {
    for (pattern, expected) in [
        ("drop", "deny"),
        ("DROP  Table", "deny"),
        ("drop *", "deny"),
        ("*", "deny"),
        ("define", "deny"),
        ("drop ta*", "deny"),
        ("drop index", "allow"),
        ("create", "allow"),
    ] {
        let rules = format!(r#"{{"rules": [{{"statements": ["{pattern}"], "effect": "deny"}}]}}"#);
        assert_eq!(outcome(&rules, &drop_table()), expected, "{pattern}");
    }
}

#[test]
fn relations_need_one_match_to_refuse_and_all_to_allow() {
    let deny = r#"{"rules": [{"relations": ["payroll.*"], "effect": "deny"}]}"#;
    let touching = |relations: &[&str]| {
        let insert = Facts::fixed().with_statement("insert", "write", "");
        relations
            .iter()
            .fold(insert, |facts, name| facts.with_relation(name, "read"))
    };
    assert_eq!(outcome(deny, &touching(&["public.a", "payroll.b"])), "deny");
    assert_eq!(outcome(deny, &touching(&["public.b"])), "allow");
    // Of unknown schema: perhaps this one.
    assert_eq!(outcome(deny, &touching(&["b"])), "deny");
    let allow = r#"{"rules": [
        {"relations": ["staging.*"], "effect": "allow"}, {"effect": "deny"}]}"#;
    assert_eq!(
        outcome(allow, &touching(&["staging.a", "staging.b"])),
        "allow"
    );
    assert_eq!(outcome(allow, &touching(&["staging.a", "prod.b"])), "deny");
    assert_eq!(outcome(allow, &touching(&["a"])), "deny");
    assert_eq!(outcome(allow, &touching(&[])), "deny");
}

#[test]
fn a_statement_within_another_counts_as_using_its_relations() {
    let settings =
        r#"{"rules": [{"statements": ["delete"], "relations": ["payroll.*"], "effect": "deny"}]}"#;
    let facts = Facts::fixed()
        .with_statement("select", "read", "")
        .with_relation("payroll.salaries", "delete")
        .with_statement("delete", "write", "some");
    assert_eq!(outcome(settings, &facts), "deny");
}

#[test]
fn looks_are_no_ground_to_allow_what_may_hide_something() {
    let settings = r#"{"ddl": "deny", "rules": [{"statements": ["read"], "effect": "allow"}]}"#;
    let differs = opaque("select", "read", "readers-differ", "");
    assert_eq!(outcome(settings, &select()), "allow");
    assert_eq!(outcome(settings, &differs), "deny");
    let named = r#"{"ddl": "deny", "rules": [{"opaque": ["readers-differ"], "effect": "allow"}]}"#;
    assert_eq!(outcome(named, &differs), "allow");
    let group = r#"{"ddl": "deny", "rules": [{"groups": ["dba"], "effect": "allow"}]}"#;
    assert_eq!(outcome(group, &differs.with_groups(["dba"])), "allow");
}

#[test]
fn rules_can_be_about_agents() {
    let any = r#"{"rules": [{"actors": "any", "statements": ["write"], "effect": "deny"}]}"#;
    let some = r#"{"rules": [{"actors": ["agent-*"], "statements": ["write"], "effect": "deny"}]}"#;
    let by = |actor: &str| dml("update", "key").with_actors([actor]);
    assert_eq!(outcome(any, &by("proxy")), "deny");
    assert_eq!(outcome(any, &dml("update", "key")), "allow");
    assert_eq!(outcome(some, &by("agent-7")), "deny");
    assert_eq!(outcome(some, &by("proxy")), "allow");
}

#[test]
fn rules_can_be_about_conditions_and_databases() {
    let settings = r#"{"rules": [{"statements": ["delete"], "restriction": ["some", "none"],
        "databases": ["prod"], "effect": "deny", "reason": "by key only", "hint": "WHERE id ="}]}"#;
    let on = |restriction: &str| dml("delete", restriction).with_database("prod");
    assert_eq!(
        denial(settings, &on("some")),
        ("by key only".into(), "WHERE id =".into())
    );
    assert_eq!(outcome(settings, &on("key")), "allow");
    assert_eq!(outcome(settings, &dml("delete", "some")), "allow");
}

#[test]
fn the_strictest_statement_of_a_request_decides() {
    let settings = r#"{"ddl": "hold", "unbounded-dml": "deny", "approvers": ["dba"]}"#;
    let both = drop_table().with_statement("update", "write", "none");
    assert_eq!(outcome(settings, &both), "deny");
    let twice = drop_table()
        .with_statement("drop index", "define", "")
        .with_relation("public.i", "define");
    assert_eq!(
        hold(settings, &twice).reason,
        "DROP TABLE on public.orders changes definitions; DROP INDEX on public.i changes definitions"
    );
}

#[test]
fn one_request_cannot_wait_for_two_sets_of_approvers() {
    let settings = r#"{"ddl": "hold", "approvers": ["dba"],
        "rules": [{"statements": ["delete"], "effect": "hold", "approvers": ["owners"]}]}"#;
    let (reason, hint) = denial(
        settings,
        &drop_table().with_statement("delete", "write", "key"),
    );
    assert!(reason.contains("different groups"), "{reason}");
    assert_eq!(hint, "Send the statements one at a time.");
}

#[test]
fn recording_and_reuse_are_told() {
    let decision = policy(r#"{"recording": "results"}"#).decide(&select());
    assert_eq!(
        (decision.recording, decision.reuse),
        (Recording::Results, Reuse::Shape)
    );
}

/// Checks that the error begins with the key and names the value.
fn check_errors(wrong: &[(&str, &str, &str)]) {
    for (settings, key, value) in wrong {
        let error = GuardPolicy::configure(settings).unwrap_err();
        assert!(
            error.starts_with(key) && error.contains(value),
            "{settings}: {error}"
        );
    }
}

#[test]
fn wrong_switches_are_named() {
    check_errors(&[
        (r#"{"dll": "hold"}"#, "dll", "unknown field"),
        (r#"{"ddl": "ask"}"#, "ddl", "ask"),
        (r#"{"ddl": "hold"}"#, "ddl", "approvers"),
        (
            r#"{"opaque": "hold", "approvers": [" "]}"#,
            "opaque",
            "approvers",
        ),
        (r#"{"approvals": 0}"#, "approvals", "0"),
        (r#"{"approvals": -1}"#, "approvals", "-1"),
        (r#"{"ttl": "15"}"#, "ttl", "15"),
        (r#"{"ttl": "31d"}"#, "ttl", "31d"),
        (r#"{"ttl": 900}"#, "ttl", "900"),
        (r#"{"trusted": [""]}"#, "trusted[0]", "empty"),
        (r#"{"recording": true}"#, "recording", "true"),
    ]);
}

#[test]
fn wrong_rules_are_named() {
    check_errors(&[
        (r#"{"rules": [{}]}"#, "rules[0]", "effect"),
        (
            r#"{"rules": [{"effect": "refuse"}]}"#,
            "rules[0].effect",
            "refuse",
        ),
        (
            r#"{"rules": [{"effect": "hold"}]}"#,
            "rules[0].effect",
            "approvers",
        ),
        (
            r#"{"rules": [{"effect": "deny", "stmts": []}]}"#,
            "rules[0].stmts",
            "unknown",
        ),
        (
            r#"{"rules": [{"effect": "deny", "statements": ["dorp table"]}]}"#,
            "rules[0].statements[0]",
            "dorp table",
        ),
        (
            r#"{"rules": [{"effect": "deny", "statements": [""]}]}"#,
            "rules[0].statements[0]",
            "none of",
        ),
        (
            r#"{"rules": [{"effect": "deny", "relations": ["a.b.c"]}]}"#,
            "rules[0].relations[0]",
            "a.b.c",
        ),
        (
            r#"{"rules": [{"effect": "deny", "restriction": ["all"]}]}"#,
            "rules[0].restriction[0]",
            "all",
        ),
        (
            r#"{"rules": [{"effect": "deny", "opaque": false}]}"#,
            "rules[0].opaque",
            "false",
        ),
        (
            r#"{"rules": [{"effect": "deny", "opaque": []}]}"#,
            "rules[0].opaque",
            "[]",
        ),
        (
            r#"{"rules": [{"effect": "deny", "opaque": ["magic"]}]}"#,
            "rules[0].opaque",
            "magic",
        ),
        (
            r#"{"rules": [{"effect": "deny", "actors": "agents"}]}"#,
            "rules[0].actors",
            "agents",
        ),
        (
            r#"{"rules": [{"effect": "deny", "actors": [1]}]}"#,
            "rules[0].actors",
            "1",
        ),
    ]);
}

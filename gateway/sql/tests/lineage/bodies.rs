//! Functions whose bodies do nothing but make a value, and those that only look as if.

use sluice_sql::analysis::Use;
use sluice_sql::analyze;
use sluice_sql::catalog::{Catalog, CatalogRows, FunctionRow, RowSet, TriggerRow};

use crate::support::{on_big_stack, rows};

const TEXT: u32 = 25;
const TRIGGER: u32 = 2279;

/// Of `pg_trigger.tgtype`.
const ROW_BEFORE_INSERT: i16 = 7;
const ROW_ON_DELETE: i16 = 9;

fn function(name: &str, language: &str, source: &str) -> FunctionRow {
    FunctionRow {
        oid: 0,
        schema: "public".to_owned(),
        name: name.to_owned(),
        language: language.to_owned(),
        kind: 'f',
        extension: String::new(),
        source: source.to_owned(),
        definition: String::new(),
        defaults: String::new(),
        arguments: vec!["a".to_owned(), "b".to_owned()],
        types: vec![TEXT],
    }
}

fn with(functions: Vec<FunctionRow>) -> Catalog {
    let mut rows: CatalogRows = rows();
    for (oid, function) in (900_000..).zip(functions) {
        rows.functions.push(FunctionRow { oid, ..function });
    }
    Catalog::from_rows(rows)
}

fn is_clean(text: &str, functions: Vec<FunctionRow>) -> bool {
    analyze(text, &with(functions)).opaque.is_empty()
}

/// Whether a function of this body is clean.
fn sql(source: &str) -> bool {
    is_clean("SELECT f('x', 'y')", vec![function("f", "sql", source)])
}

fn plpgsql(source: &str) -> bool {
    is_clean("SELECT f('x', 'y')", vec![function("f", "plpgsql", source)])
}

/// Adds a trigger for each row, and the function of this number that it runs.
pub(crate) fn add_trigger<'r>(
    rows: &'r mut CatalogRows,
    relation: u32,
    (function_oid, source): (u32, &str),
    events: i16,
) -> &'r mut TriggerRow {
    rows.functions.push(FunctionRow {
        oid: function_oid,
        arguments: Vec::new(),
        types: vec![TRIGGER],
        ..function("on_write", "plpgsql", source)
    });
    rows.triggers.push(TriggerRow {
        oid: function_oid + 100,
        relation,
        function: function_oid,
        events,
        attributes: Vec::new(),
        calls: Vec::new(),
        asked: Vec::new(),
        compared: Vec::new(),
    });
    rows.triggers.last_mut().expect("it was added")
}

/// Whether a trigger of this body on `triggered` is clean, and what it reads.
fn trigger(source: &str) -> Option<Vec<(String, Use)>> {
    let mut rows = rows();
    let users = rows.relations.iter().find(|one| one.name == "users");
    let users = users.unwrap().oid;
    add_trigger(&mut rows, users, (900_000, source), ROW_ON_DELETE);
    let catalog = Catalog::from_rows(rows);
    let analysis = analyze("DELETE FROM users", &catalog);
    let used = analysis.columns.iter().map(|one| {
        let column = catalog.column(one.column).unwrap();
        (column.name.to_owned(), one.used)
    });
    analysis.opaque.is_empty().then(|| used.collect())
}

#[test]
fn queries_of_nothing_but_arguments_are_clean() {
    on_big_stack(|| {
        for source in [
            "SELECT 1",
            "SELECT lower($1) || $2",
            "SELECT a || upper(b)",
            "SELECT f.a",
            "SELECT 1; SELECT $1;",
            "SELECT CASE WHEN a = b THEN now()::text ELSE current_user END",
            "SELECT (SELECT max(x) FROM (VALUES (1), (2)) v (x))::text",
            "WITH c AS (SELECT $1 AS x) SELECT x FROM c -- it's said",
            "VALUES ($1)",
            "SELECT slug($1)",
            "SELECT $1::slug_text || ''",
            "SELECT string_agg(part, '') FROM regexp_split_to_table($1, ',') AS part",
        ] {
            assert!(sql(source), "{source}");
        }
    });
}

#[test]
fn queries_of_anything_else_are_not() {
    on_big_stack(|| {
        for source in [
            "",
            "-- nothing",
            "SELECT name FROM users",
            "SELECT mail FROM people",
            "SELECT (SELECT email FROM users LIMIT 1)",
            "SELECT $1; SELECT email FROM users",
            "SELECT email INTO x FROM users",
            "SELECT 1 INTO x",
            "WITH c AS (DELETE FROM users RETURNING email) SELECT email FROM c",
            "DELETE FROM users RETURNING email",
            "TABLE users",
            "SELECT unknown",
            "SELECT unknown(1)",
            "SELECT 1 <~> 2",
            "SELECT 1 OPERATOR(public.<~>) 2",
            "SELECT $1::nowhere",
            "SELECT query_to_xml('SELECT * FROM users', true, true, '')::text",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT set_config('application_name', $1, false)",
            "SELECT pg_notify('c', $1)::text",
            "SELECT pg_advisory_lock(length($1))::text",
            "SELECT setval('s', length($1))::text",
            "SELECT lo_get(1)::text",
            "SELECT 1_000",
            "SELECT a.email_lower",
            "SELECT ($1).slug_or_so.whatever FROM unknown",
            "EXECUTE p",
            "NOTIFY c",
            "COPY users TO STDOUT",
            "SET ROLE someone",
            "SELECT '",
            "SELECT tidy()",
        ] {
            let is_field = source == "SELECT a.email_lower";
            assert_eq!(sql(source), is_field, "{source}");
        }
    });
}

#[test]
fn all_names_are_known_that_change_what_a_clean_body_does() {
    on_big_stack(|| {
        let text_of = |functions| {
            let analysis = analyze("SELECT f('x')", &with(functions));
            analysis.functions[0].text.clone()
        };
        let g = function("g", "sql", "SELECT lower($1)");
        let text = text_of(vec![function("f", "sql", "SELECT g($1)"), g]).expect("a text");
        for name in ["f", "g", "lower"] {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(words.any(|word| word == name), "{name}: {text}");
        }
        let other = FunctionRow {
            schema: "other".to_owned(),
            ..function("f", "sql", "SELECT upper($1)")
        };
        let text = text_of(vec![function("f", "sql", "SELECT 1"), other]).expect("a text");
        assert!(text.contains("upper"), "{text}");
        let unread = function("f", "c", "x");
        assert_eq!(
            text_of(vec![function("f", "sql", "SELECT 1"), unread]),
            None
        );
        // Each calls the one before it twice.
        let many = (1..40).map(|number| {
            let before = number - 1;
            let source = format!("SELECT f{before}(f{before}($1)) || '{}'", "x".repeat(4096));
            function(&format!("f{number}"), "sql", &source)
        });
        let mut many: Vec<_> = many.collect();
        many.push(function("f0", "sql", "SELECT $1"));
        many.push(function("f", "sql", "SELECT f39($1)"));
        assert_eq!(text_of(many), None);
    });
}

#[test]
fn what_is_called_by_a_clean_body_is_clean_wherever_it_is() {
    on_big_stack(|| {
        let f = || function("f", "sql", "SELECT g($1)");
        let g = || function("g", "sql", "SELECT lower($1)");
        let reads = || function("g", "sql", "SELECT email FROM users");
        let elsewhere = |one| FunctionRow {
            schema: "other".to_owned(),
            ..one
        };
        let call = "SELECT f('x')";
        assert!(is_clean(call, vec![f(), g()]));
        assert!(is_clean(call, vec![f(), g(), elsewhere(g())]));
        assert!(!is_clean(call, vec![f(), reads()]));
        assert!(!is_clean(call, vec![f(), g(), elsewhere(reads())]));
        assert!(!is_clean(
            call,
            vec![f(), g(), elsewhere(function("lower", "c", "x"))]
        ));
        assert!(!is_clean(call, vec![f(), g(), reads()]), "an overload");
        assert!(!is_clean(
            call,
            vec![f(), g(), elsewhere(function("f", "c", "x"))]
        ));
        assert!(
            !is_clean(call, vec![f(), function("g", "sql", "SELECT f($1)")]),
            "a circle"
        );
        assert!(
            !is_clean(call, vec![function("f", "sql", "SELECT f($1)")]),
            "itself"
        );
        assert!(!is_clean(
            call,
            vec![f(), function("g", "internal", "lower")]
        ));
        let dangerous = function("lo_mine", "sql", "SELECT $1");
        assert!(!is_clean("SELECT lo_mine('x')", vec![dangerous]));
        assert!(is_clean(
            "SELECT first('x')",
            (0..40)
                .map(|number| {
                    let name = |number| match number {
                        0 => "first".to_owned(),
                        number => format!("f{number}"),
                    };
                    let body = match number {
                        39 => "SELECT $1".to_owned(),
                        number => format!("SELECT {}($1)", name(number + 1)),
                    };
                    function(&name(number), "sql", &body)
                })
                .collect()
        ));
    });
}

#[test]
fn what_runs_around_a_body_counts() {
    on_big_stack(|| {
        let call = "SELECT f('x')";
        let one = |change: fn(&mut FunctionRow)| {
            let mut row = function("f", "sql", "SELECT $1");
            change(&mut row);
            is_clean(call, vec![row])
        };
        assert!(one(|_| ()));
        assert!(one(|row| row.defaults = "'x'::text, now()".to_owned()));
        assert!(!one(
            |row| row.defaults = "public.near(1, 2), leak()".to_owned()
        ));
        assert!(!one(
            |row| row.defaults = "(SELECT email FROM users)".to_owned()
        ));
        assert!(!one(|row| row.types.push(1)), "a type that is not known");
        assert!(!one(|row| row.source.clear()));
        assert!(!one(|row| row.language = "c".to_owned()));
        let parsed = "CREATE OR REPLACE FUNCTION public.f(a text)\n RETURNS text\n LANGUAGE sql\n";
        let parsed = |body: &str| {
            let row = FunctionRow {
                definition: format!("{parsed}{body}"),
                ..function("f", "sql", "")
            };
            is_clean(call, vec![row])
        };
        assert!(parsed("RETURN lower(a)"));
        assert!(parsed(
            "BEGIN ATOMIC\n SELECT 1;\n SELECT upper(f.a);\nEND\n"
        ));
        assert!(!parsed("RETURN ( SELECT email FROM users)"));
        assert!(!parsed(
            "BEGIN ATOMIC\n SELECT 1;\n DELETE FROM users;\nEND\n"
        ));
        assert!(!parsed("AS $function$$function$"));
    });
}

#[test]
fn a_block_that_only_sets_fields_is_clean() {
    on_big_stack(|| {
        for (source, reads) in [
            ("BEGIN NEW.name := now(); RETURN NEW; END;", vec![]),
            (
                "begin new.name = current_timestamp; return new; end",
                vec![],
            ),
            (
                "BEGIN\n  -- a note; END\n  NEW.\"name\" := 'it''s; END';\n RETURN OLD; END;",
                vec![],
            ),
            ("BEGIN RETURN NULL; END", vec![]),
            ("BEGIN NEW.id := OLD.id; RETURN NEW; END", vec![]),
            ("BEGIN NULL; RETURN NEW; END", vec![]),
            (
                "BEGIN IF TG_OP = 'UPDATE' THEN NEW.name := user; END IF; RETURN NEW; END",
                vec![],
            ),
            (
                "BEGIN NEW.name := NEW.name || OLD.id; RETURN NEW; END",
                vec![("id", Use::Copied), ("name", Use::Copied)],
            ),
            (
                "BEGIN NEW.name := NEW.name || current_setting('a.b'); RETURN NEW; END",
                vec![("name", Use::Copied)],
            ),
            (
                "BEGIN NEW.name := NEW.name || /*'*/ now() /*'*/; RETURN NEW; END",
                vec![("name", Use::Copied)],
            ),
            (
                "BEGIN NEW.name := NEW.name::date::text; RETURN NEW; END",
                vec![("name", Use::Copied)],
            ),
            (
                "BEGIN NEW.name := coalesce(trim(NEW.name), 'it''s 1'); RETURN NEW; END",
                vec![],
            ),
            (
                "BEGIN IF NEW.name IS NOT NULL THEN NEW.name := lower(NEW.name); \
                 ELSIF NEW.name IS NULL THEN NEW.name := 'x'; END IF; RETURN NEW; END",
                vec![],
            ),
            (
                "BEGIN IF NEW.name = '' THEN NEW.name := 'x'; RETURN NULL; END IF; RETURN NEW; END",
                vec![("name", Use::Filtered)],
            ),
            (
                "BEGIN IF NEW.name = '' THEN NEW.name := 'x'; ELSE NEW.id := 1; END IF; RETURN NEW; END",
                vec![("name", Use::Filtered)],
            ),
            (
                "BEGIN IF NEW.name = tg_argv[0] THEN NEW.name := 'x'; END IF; RETURN NEW; END",
                vec![("name", Use::Filtered)],
            ),
            (
                "BEGIN NEW.name := lower(\"new\".password); RETURN NEW; END",
                vec![("password", Use::Copied)],
            ),
            (
                "BEGIN IF NEW.email <> OLD.email THEN NEW.name := ''; ELSIF old.id = 1 THEN NULL; \
                 ELSE RETURN NULL; END IF; RETURN NEW; END",
                vec![("id", Use::Filtered), ("email", Use::Filtered)],
            ),
        ] {
            let reads: Vec<_> = reads
                .into_iter()
                .map(|(name, used)| (name.to_owned(), used))
                .collect();
            assert_eq!(trigger(source), Some(reads), "{source}");
        }
        assert!(plpgsql("BEGIN RETURN lower($1); END"));
        assert!(plpgsql(
            "BEGIN IF a = '' THEN RETURN NULL; END IF; RETURN b || a; END;"
        ));
    });
}

#[test]
fn a_block_may_raise_what_is_always_the_same_and_count() {
    on_big_stack(|| {
        let filtered = Some(vec![("name".to_owned(), Use::Filtered)]);
        let counts = "BEGIN NEW.id := nextval('numbers'); RETURN NEW; END";
        assert_eq!(trigger(counts), Some(Vec::new()));
        for raised in ["EXCEPTION 'empty'", "NOTICE 'empty'; NEW.name := 'x'"] {
            let source =
                format!("BEGIN IF NEW.name = '' THEN RAISE {raised}; END IF; RETURN NEW; END");
            assert_eq!(trigger(&source), filtered, "{source}");
        }
    });
}

#[test]
fn what_would_go_on_when_done_again_is_read() {
    on_big_stack(|| {
        let reads = |made: &str| {
            let source = format!("BEGIN NEW.name := {made}; RETURN NEW; END");
            let read = trigger(&source).unwrap_or_else(|| panic!("{source} is clean"));
            !read.is_empty()
        };
        for made in [
            "NEW.name + 1",
            "- OLD.name",
            "left(NEW.name, 9)",
            "coalesce(trim(NEW.name), 'it''s 1') || '-'",
            "regexp_replace(NEW.name, '.', '', 'g')",
            "regexp_replace(NEW.name, '[a]', '')",
            "regexp_replace(NEW.name, '[a]', 'ab', 'g')",
            "regexp_replace(NEW.name, coalesce('[a]', '', 'g'), 'b')",
            "replace(NEW.name, 'ab', '')",
            "replace(NEW.name, 'a', 'aa')",
        ] {
            assert!(reads(made), "{made}");
        }
        for made in [
            "regexp_replace(trim(NEW.name), '[^0-9+]+', '', 'g')",
            "REGEXP_REPLACE(NEW.name, '\\D', '', 'g')",
            "replace(NEW.name, ' ', '')",
            "nullif(lower(NEW.name), '')",
        ] {
            assert!(!reads(made), "{made}");
        }
    });
}

#[test]
fn a_block_that_does_anything_else_is_not() {
    on_big_stack(|| {
        for source in [
            "",
            "BEGIN",
            "BEGIN END; x",
            "BEGIN END END",
            "DECLARE x text; BEGIN RETURN NEW; END",
            "<<b>> BEGIN RETURN NEW; END",
            "#variable_conflict use_column BEGIN RETURN NEW; END",
            "BEGIN NEW := ROW(1, (SELECT email FROM users)); RETURN NEW; END",
            "BEGIN NEW := OLD; RETURN NEW; END",
            "BEGIN NEW.name := (SELECT email FROM users LIMIT 1); RETURN NEW; END",
            "BEGIN NEW.name := email FROM users LIMIT 1; RETURN NEW; END",
            "BEGIN NEW.name := NEW; RETURN NEW; END",
            "BEGIN NEW.name := NEW IS DISTINCT FROM OLD AND NEW IS NULL; RETURN NEW; END",
            "BEGIN NEW.name := NEW::text; RETURN NEW; END",
            "BEGIN NEW.name := (NEW).password; RETURN NEW; END",
            "BEGIN NEW.name := row_to_json(OLD.*); RETURN NEW; END",
            "BEGIN NEW.name := U&\"n\\0065w\".password; RETURN NEW; END",
            "BEGIN NEW.name := U&\"n\\0065w\"::text; RETURN NEW; END",
            "BEGIN NEW.name := password; RETURN NEW; END",
            "BEGIN NEW.name := OLD.nowhere; RETURN NEW; END",
            "BEGIN NEW.name := OLD.home.street; RETURN NEW; END",
            "BEGIN NEW.name := leak(); RETURN NEW; END",
            "BEGIN NEW.name := 1 <~> 2; RETURN NEW; END",
            "BEGIN NEW.name := set_config('a.b', OLD.password, false); RETURN NEW; END",
            "BEGIN NEW.home.street := ''; RETURN NEW; END",
            "BEGIN NEW.name[1] := ''; RETURN NEW; END",
            "BEGIN OLD.name := ''; RETURN NEW; END",
            "BEGIN /* ; */ PERFORM leak(); RETURN NEW; END",
            "BEGIN NEW.name := ''; -- x\nPERFORM leak(); RETURN NEW; END",
            "BEGIN NEW.name := '-- '; PERFORM leak(); -- ';\nRETURN NEW; END",
            "BEGIN NEW.name := $$x$$; RAISE NOTICE '%', OLD.password; RETURN NEW; END",
            "BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END",
            "BEGIN RAISE EXCEPTION '%', NEW.name; END",
            "BEGIN RAISE EXCEPTION 'x' USING DETAIL = NEW.name; END",
            "BEGIN RAISE NEW; END",
            "BEGIN NEW.id := setval('numbers', 1); RETURN NEW; END",
            "BEGIN RETURN NEW; EXCEPTION WHEN others THEN RETURN OLD; END",
            "BEGIN BEGIN RETURN NEW; END; END",
            "BEGIN INSERT INTO twin VALUES (1); RETURN NEW; END",
            "BEGIN SELECT email INTO NEW.name FROM users; RETURN NEW; END",
            "BEGIN RETURN ROW(1); END",
            "BEGIN RETURN (SELECT u FROM users u LIMIT 1); END",
            "BEGIN IF (SELECT true FROM users) THEN NULL; END IF; RETURN NEW; END",
            "BEGIN IF true THEN PERFORM leak(); END IF; RETURN NEW; END",
            "BEGIN IF true THEN NEW.name := ''; RETURN NEW; END",
            "BEGIN FOR i IN 1..2 LOOP NULL; END LOOP; RETURN NEW; END",
            "BEGIN ASSERT false, OLD.password; RETURN NEW; END",
            "BEGIN NEW.name := (1; 2); RETURN NEW; END",
            "BEGIN NEW.name := 1) + (2; RETURN NEW; END",
            "BEGIN NEW.name :=; RETURN NEW; END",
            "BEGIN NEW.name := 'x; RETURN NEW; END",
        ] {
            assert_eq!(trigger(source), None, "{source}");
        }
        for source in [
            "BEGIN RETURN; END",
            "BEGIN RETURN (SELECT email FROM users LIMIT 1); END",
            "BEGIN RETURN QUERY SELECT email FROM users; END",
            "BEGIN RETURN NEXT 'x'; END",
            "BEGIN a := 'x'; RETURN a; END",
            "BEGIN NEW.a := 'x'; RETURN 'x'; END",
            "BEGIN RETURN NEW; END",
        ] {
            assert!(!plpgsql(source), "{source}");
        }
    });
}

#[test]
fn the_condition_of_a_trigger_is_judged_by_what_it_calls() {
    on_big_stack(|| {
        let is_opaque = |change: &dyn Fn(&mut CatalogRows, u32)| {
            let mut rows = rows();
            let trigger = rows
                .triggers
                .iter()
                .find(|one| one.events == ROW_BEFORE_INSERT);
            let trigger = trigger.unwrap().oid;
            change(&mut rows, trigger);
            let catalog = Catalog::from_rows(rows);
            let analysis = analyze("INSERT INTO triggered VALUES (1)", &catalog);
            !analysis.opaque.is_empty()
        };
        assert!(!is_opaque(&|_, _| {}));
        let builtin = |name: &str| {
            is_opaque(&|rows, trigger| {
                let owner = trigger.to_string();
                let values = [&owner, "c", name, "0"].map(Some);
                rows.push(RowSet::Made, &values).unwrap();
            })
        };
        assert!(!builtin("lower"));
        assert!(!builtin("nextval"));
        assert!(builtin("set_config"));
        assert!(builtin("pg_notify"));
        assert!(builtin("query_to_xml"));
        assert!(is_opaque(&|rows, trigger| {
            let unknown = function("unknown", "plpgsql", "BEGIN PERFORM 1; END");
            rows.functions.push(FunctionRow {
                oid: 900_000,
                ..unknown
            });
            let mut triggers = rows.triggers.iter_mut();
            let trigger = triggers.find(|one| one.oid == trigger);
            trigger.unwrap().calls = vec![900_000];
        }));
    });
}

#[test]
fn what_policies_and_defaults_make_counts_where_they_are_computed() {
    on_big_stack(|| {
        let is_opaque = |table: &str, part: &str, name: &str, made: &str, text: &str| {
            let mut rows = rows();
            let table = rows.relations.iter().find(|one| one.name == table);
            let owner = table.unwrap().oid.to_string();
            let made = rows.types.iter().find(|one| one.name == made);
            let made = made.map_or(0, |one| one.oid).to_string();
            let values = [&owner, part, name, &made].map(Some);
            rows.push(RowSet::Made, &values).unwrap();
            let mut checks = rows.functions.iter_mut();
            let check = checks.find(|one| one.name == "is_slug").unwrap();
            check.source = "SELECT $1 = email FROM users".to_owned();
            !analyze(text, &Catalog::from_rows(rows)).opaque.is_empty()
        };
        let read = "SELECT FROM orders";
        let write = "INSERT INTO orders (id) VALUES (1)";
        let delete = "DELETE FROM orders";
        for (name, made) in [("query_to_xml", ""), ("", "slug_text")] {
            assert!(is_opaque("orders", "p", name, made, read), "{name}");
            assert!(is_opaque("orders", "p", name, made, write), "{name}");
            assert!(!is_opaque("orders", "w", name, made, read), "{name}");
            assert!(is_opaque("orders", "w", name, made, write), "{name}");
            assert!(!is_opaque("orders", "w", name, made, delete), "{name}");
        }
        assert!(!is_opaque("orders", "w", "now", "", write));
        assert!(!is_opaque("orders", "w", "", "mood", write));
    });
}

#[test]
fn what_is_defined_earlier_in_a_text_may_be_called_later() {
    on_big_stack(|| {
        let catalog = with(vec![function("f", "sql", "SELECT $1")]);
        let is_opaque = |text: &str| !analyze(text, &catalog).opaque.is_empty();
        assert!(!is_opaque("SELECT f('x'); SELECT lower('x')"));
        for change in [
            "ALTER FUNCTION other.g(text) RENAME TO f",
            "ALTER FUNCTION other.g(text) SET SCHEMA public",
        ] {
            assert!(is_opaque(change), "{change}");
        }
        let change = "ALTER TYPE other.t RENAME TO text";
        assert!(!is_opaque(change), "{change}");
        for after in [
            "SELECT f('x')",
            "SELECT lower('x')",
            "SELECT 'x'::text",
            "SELECT 1 + 2",
        ] {
            assert!(
                is_opaque(&format!("{change}; {after}")),
                "{change}; {after}"
            );
        }
        assert!(!is_opaque(&format!("{change}; COMMIT; SHOW search_path")));
    });
}

#[test]
fn a_domain_is_judged_by_what_its_checks_call() {
    on_big_stack(|| {
        let is_opaque = |text: &str, source: &str| {
            let mut rows = rows();
            let mut checks = rows.functions.iter_mut();
            let check = checks.find(|one| one.name == "is_slug").unwrap();
            check.source = source.to_owned();
            let (check, tables) = (check.oid, rows.relations.iter_mut());
            for table in tables.filter(|one| one.name == "twin") {
                table.computes = vec![check];
            }
            let mut domains = rows.types.iter().filter(|one| one.name == "slug_text");
            let domain = domains.next().unwrap().oid;
            let function = FunctionRow {
                oid: 900_000,
                types: vec![domain],
                ..function("f", "sql", "SELECT 'x'")
            };
            rows.functions.push(function);
            !analyze(text, &Catalog::from_rows(rows)).opaque.is_empty()
        };
        for text in [
            "SELECT 'x'::slug_text",
            "INSERT INTO twin (a) VALUES (1)",
            "SELECT f()",
        ] {
            assert!(!is_opaque(text, "SELECT $1 = lower($1)"), "{text}");
            assert!(is_opaque(text, "SELECT $1 = email FROM users"), "{text}");
        }
        assert!(!is_opaque(
            "DELETE FROM twin",
            "SELECT $1 = email FROM users"
        ));
    });
}

#[test]
fn what_a_literal_may_run_is_noted_of_each_statement() {
    on_big_stack(|| {
        let mut rows = rows();
        let mut checks = rows.functions.iter_mut();
        let check = checks.find(|one| one.name == "is_slug").unwrap();
        check.source = "SELECT $1 = email FROM users".to_owned();
        let mut tables = rows.relations.iter();
        let twin = tables.find(|one| one.name == "odd_twin").unwrap().oid;
        let columns = rows.columns.iter_mut();
        for column in columns.filter(|one| one.relation == twin && one.name == "b") {
            (column.type_oid, column.type_name) = (900_001, "slug_text[]".to_owned());
        }
        let catalog = Catalog::from_rows(rows);
        let text = "DELETE FROM public.odd_twin WHERE b = '{}'";
        assert!(!analyze(text, &catalog).opaque.is_empty());
        crate::promises::check_twice(text, &catalog);
    });
}

#[test]
fn what_a_domain_must_be_is_asked_of_its_values() {
    on_big_stack(|| {
        let mut rows = rows();
        let domain = rows.types.iter().find(|one| one.name == "slug_text");
        let domain = domain.unwrap().oid;
        rows.columns
            .iter_mut()
            .find(|one| one.name == "email")
            .unwrap()
            .type_oid = domain;
        let catalog = Catalog::from_rows(rows);
        let asks = |text: &str| {
            let analysis = analyze(text, &catalog);
            assert!(analysis.opaque.is_empty(), "{text}: {:?}", analysis.opaque);
            analysis.columns.iter().any(|one| one.used == Use::Filtered)
        };
        assert!(asks("ALTER DOMAIN slug_text ADD CHECK (VALUE <> 'x')"));
        assert!(asks("ALTER DOMAIN slug_text SET NOT NULL"));
        assert!(asks("ALTER DOMAIN slug_text VALIDATE CONSTRAINT c"));
        assert!(!asks("ALTER DOMAIN slug_text DROP NOT NULL"));
        assert!(!asks("ALTER DOMAIN slug_text SET DEFAULT 'x'"));
        for text in [
            "ALTER DOMAIN no_such SET NOT NULL",
            "ALTER DOMAIN slug_text ADD CHECK (query_to_xml(VALUE, true, true, '') IS NULL)",
            "ALTER DOMAIN slug_text SET DEFAULT query_to_xml('', true, true, '')::text",
        ] {
            assert!(!analyze(text, &catalog).opaque.is_empty(), "{text}");
        }
    });
}

//! The catalog's own answers, and names resolved.

use std::sync::Arc;

use sluice_sql::analysis::{ColumnId, OpaqueReason, Outputs, Reach, Source, Touched, Use};
use sluice_sql::catalog::{
    Catalog, CatalogRows, ColumnRow, Error, InheritRow, RelationRow, RowSet,
};
use sluice_sql::{Strings, analyze, analyze_as, analyze_briefly};

use crate::bodies::add_trigger;
use crate::support::{catalog, on_big_stack, rows};

/// Of `pg_trigger.tgtype`.
const ROW_BEFORE_UPDATE: i16 = 19;

fn column(catalog: &Catalog, relation: &str, name: &str) -> ColumnId {
    let mut found = catalog
        .columns()
        .filter(|one| one.relation == relation && one.name == name);
    found.next().unwrap().id
}

fn family(catalog: &Catalog, relation: &str, name: &str) -> Vec<String> {
    let columns = catalog.family(column(catalog, relation, name));
    let columns = columns.map(|id| catalog.column(id).unwrap());
    let mut names: Vec<String> = columns
        .map(|one| format!("{}.{}", one.relation, one.name))
        .collect();
    names.sort();
    names
}

#[test]
fn what_restricts_the_rows_of_a_query() {
    on_big_stack(|| {
        let catalog = catalog();
        for (text, rows) in [
            ("SELECT * FROM users", "none"),
            ("TABLE users", "none"),
            ("SELECT * FROM (SELECT * FROM users) u", "none"),
            ("SELECT * FROM users WHERE true", "always-true"),
            ("SELECT * FROM users WHERE id > 4", "some"),
            ("SELECT * FROM users LIMIT 4", "some"),
            ("SELECT * FROM users LIMIT $1", "some"),
            (
                "SELECT * FROM users WHERE id = 1 UNION ALL SELECT * FROM users",
                "none",
            ),
            ("COPY users TO STDOUT", "none"),
            ("COPY (SELECT * FROM users LIMIT 4) TO STDOUT", "some"),
            ("COPY users FROM STDIN", ""),
            ("UPDATE users SET email = 'a' RETURNING email", ""),
            ("EXPLAIN SELECT * FROM users", ""),
            ("DECLARE c CURSOR FOR SELECT * FROM users", ""),
        ] {
            let analysis = analyze(text, &catalog);
            let found = analysis.statements[0].rows.map(|rows| rows.as_str());
            assert_eq!(found.unwrap_or_default(), rows, "{text}");
        }
        let text = "PREPARE p AS SELECT * FROM users; EXECUTE p";
        let analysis = analyze(text, &catalog).resolve(&|_, _| None);
        let rows = analysis.statements[1].rows.map(|rows| rows.as_str());
        assert_eq!(rows, Some("none"));
    });
}

#[test]
fn a_family_is_what_holds_the_column_too() {
    on_big_stack(|| {
        let catalog = catalog();
        let of = |relation, name| family(&catalog, relation, name).join(" ");
        assert_eq!(of("events", "secret"), "events.secret events_2024.secret");
        assert_eq!(
            of("events_2024", "secret"),
            "events.secret events_2024.secret"
        );
        assert_eq!(of("child", "b"), "child.b parent.b");
        assert_eq!(of("child", "c"), "child.c");
        assert_eq!(
            of("users", "password"),
            "happy_people.secret people.secret user_copies.p users.password"
        );
        assert_eq!(
            of("users", "email"),
            "happy_people.mail people.mail users.email users.email_lower"
        );
        assert_eq!(of("people", "mail"), "happy_people.mail people.mail");
    });
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut rows = CatalogRows::default();
    let short = rows.push(RowSet::Inherits, &[Some("1")]);
    assert_eq!(
        short,
        Err(Error::Arity {
            set: RowSet::Inherits,
            found: 1,
            wanted: 2
        })
    );
    let odd = rows.push(RowSet::Inherits, &[Some("1"), Some("x")]);
    assert_eq!(
        odd,
        Err(Error::Value {
            set: RowSet::Inherits,
            position: 1
        })
    );
}

#[test]
fn equal_rows_have_one_version() {
    on_big_stack(|| {
        assert_eq!(catalog().version(), catalog().version());
        let mut rows = CatalogRows::default();
        rows.push(RowSet::Inherits, &[Some("1"), Some("2")])
            .unwrap();
        assert_ne!(Catalog::from_rows(rows).version(), catalog().version());
    });
}

#[test]
fn names_defined_in_the_same_text_are_resolved() {
    on_big_stack(|| {
        let catalog = catalog();
        let text = "PREPARE p AS SELECT password FROM users WHERE email = $1; EXECUTE p('x'); \
                    DEALLOCATE p; EXECUTE p('x')";
        let analysis = analyze(text, &catalog).resolve(&|_, _| None);
        let password = column(&catalog, "users", "password");
        let Outputs::Columns(columns) = &analysis.statements[1].outputs else {
            panic!()
        };
        assert_eq!(
            columns[0].sources,
            [Source {
                column: password,
                how: Reach::Projected
            }]
        );
        let uses: Vec<Use> = analysis
            .columns
            .iter()
            .filter(|one| one.statement == 1)
            .map(|one| one.used)
            .collect();
        assert_eq!(uses, [Use::FilteredByEquality, Use::Projected]);
        assert_eq!(analysis.opaque.len(), 1);
        assert_eq!(analysis.opaque[0].reason, OpaqueReason::UnknownName);
        assert_eq!(analysis.opaque[0].statement, 3);
        assert_eq!(analysis.statements[3].outputs, Outputs::Unknown);
    });
}

#[test]
fn names_that_the_session_knows_are_resolved() {
    on_big_stack(|| {
        let catalog = catalog();
        let remembered = Arc::new(analyze("DELETE FROM users RETURNING password", &catalog));
        let names = |_, name: &str| (name == "p").then(|| remembered.clone());
        let analysis = analyze("EXECUTE p", &catalog).resolve(&names);
        assert!(analysis.opaque.is_empty());
        assert_eq!(analysis.statements[0].inner[0].kind.command, "delete");
        let copied = analyze("CREATE TABLE t AS EXECUTE p", &catalog).resolve(&names);
        assert!(copied.columns.iter().any(|one| one.used == Use::Copied));
        let plan = analyze("EXPLAIN EXECUTE p", &catalog).resolve(&names);
        assert!(plan.columns.iter().all(|one| one.used != Use::Projected));
        assert!(
            !analyze("EXECUTE q", &catalog)
                .resolve(&names)
                .opaque
                .is_empty()
        );
    });
}

/// Each brings all that it stands for: a few bytes must not bring it a hundred thousand times.
#[test]
fn only_so_many_names_of_a_text_are_resolved() {
    on_big_stack(|| {
        let catalog = catalog();
        let remembered = Arc::new(analyze("SELECT * FROM users", &catalog));
        let names = |_, _: &str| Some(remembered.clone());
        let known = |times: usize| {
            let analysis = analyze(&"EXECUTE p;".repeat(times), &catalog).resolve(&names);
            let mut opaque = analysis.opaque.iter();
            !opaque.any(|one| one.reason == OpaqueReason::UnknownName)
        };
        assert!(known(100));
        assert!(!known(9_000));
    });
}

#[test]
fn names_are_cut_and_folded_as_postgresql_does() {
    on_big_stack(|| {
        let catalog = catalog();
        // U+212A, the Kelvin sign, is not a k; and no letter beyond ASCII is folded.
        for text in [
            "SELECT \u{212A} FROM (SELECT 1 AS k) t",
            "SELECT É FROM (SELECT 1 AS é) t",
        ] {
            assert_eq!(
                analyze(text, &catalog).opaque[0].reason,
                OpaqueReason::UnknownColumn
            );
        }
        let long = "x".repeat(63);
        let text = format!("SELECT {long}yz FROM (SELECT password AS {long}ab FROM users) t");
        let analysis = analyze(&text, &catalog);
        assert!(analysis.opaque.is_empty(), "{:?}", analysis.opaque);
        assert_eq!(analysis.columns[0].used, Use::Projected);
    });
}

#[test]
fn a_function_called_by_number_is_a_call_in_text() {
    on_big_stack(|| {
        let mut rows = CatalogRows::default();
        let lo_creat = [Some("957"), Some("lo_creat")];
        rows.push(RowSet::Numbers, &lo_creat).unwrap();
        let own = ["20000", "odd \"schema\"", "f", "sql", "f", ""];
        let own = [&own[..], &[""; 5]].concat();
        let own: Vec<_> = own.into_iter().map(Some).collect();
        rows.push(RowSet::Functions, &own).unwrap();
        let catalog = Catalog::from_rows(rows);
        let text = catalog.function_call(957, 1).unwrap();
        assert_eq!(text, "SELECT \"pg_catalog\".\"lo_creat\"($1)");
        assert_eq!(
            analyze(&text, &catalog).opaque[0].reason,
            OpaqueReason::ServerFile
        );
        let text = catalog.function_call(20000, 2).unwrap();
        assert_eq!(text, "SELECT \"odd \"\"schema\"\"\".\"f\"($1, $2)");
        assert_eq!(
            analyze(&text, &catalog).opaque[0].reason,
            OpaqueReason::UnknownFunction
        );
        assert_eq!(catalog.function_call(89, 0), None);
    });
}

#[test]
fn strings_with_escapes_are_read_and_never_certain() {
    on_big_stack(|| {
        let catalog = catalog();
        let text = r"SELECT 'a\', '; DELETE FROM users; --'";
        let kinds = |strings| -> Vec<_> {
            let analysis = analyze_as(text, strings, &catalog);
            let statements = analysis.statements.iter();
            statements.map(|one| one.kind.command).collect()
        };
        assert_eq!(kinds(Strings::Standard), ["select"]);
        assert_eq!(kinds(Strings::Escaped), ["select", "delete"]);
        let certain = analyze_as("SELECT 1", Strings::Escaped, &catalog);
        assert_eq!(certain.opaque[0].reason, OpaqueReason::ReadersDiffer);
        let long = format!("SELECT {}", "'\\((', ".repeat(1000));
        let refused = analyze_as(&long, Strings::Escaped, &catalog);
        assert_eq!(refused.opaque[0].reason, OpaqueReason::TooComplex);
    });
}

#[test]
fn a_view_without_a_definition_is_opaque() {
    on_big_stack(|| {
        let mut rows = CatalogRows::default();
        let view = ["20001", "public", "v", "v", "false", "", "", "", ""].map(Some);
        rows.push(RowSet::Relations, &view).unwrap();
        let locked = Catalog::from_rows(rows.clone());
        assert!(!locked.is_complete());
        let opaque = analyze("SELECT FROM v", &locked).opaque;
        assert_eq!(opaque[0].reason, OpaqueReason::Unsupported);
        // As PostgreSQL prints some, though its grammar refuses it.
        let definition = ["20001", "SELEC", "", ""].map(Some);
        rows.push(RowSet::Views, &definition).unwrap();
        let unreadable = Catalog::from_rows(rows);
        assert!(unreadable.is_complete());
        let opaque = analyze("SELECT FROM v", &unreadable).opaque;
        assert_eq!(opaque[0].reason, OpaqueReason::Unsupported);
    });
}

#[test]
fn temporary_views_are_soon_read_or_not_at_all() {
    on_big_stack(|| {
        let wide: Vec<_> = (0..400).map(|column| format!("1 a{column}")).collect();
        let copies: Vec<_> = (0..200)
            .map(|copy| format!("d{copy} AS (SELECT * FROM c)"))
            .collect();
        let (wide, copies) = (wide.join(", "), copies.join(", "));
        let definition = format!("WITH c AS (SELECT {wide}), {copies} SELECT 1 AS a FROM c");
        let is_opaque = |schema: &str, definition: &str| {
            let mut rows = CatalogRows::default();
            let view = ["20001", schema, "v", "v", "false", "", "", "", ""].map(Some);
            rows.push(RowSet::Relations, &view).unwrap();
            let definition = ["20001", definition, "", ""].map(Some);
            rows.push(RowSet::Views, &definition).unwrap();
            let catalog = Catalog::from_rows(rows);
            !analyze("SELECT FROM v", &catalog).opaque.is_empty()
        };
        assert!(!is_opaque("public", &definition));
        assert!(is_opaque("pg_temp_3", &definition));
        assert!(!is_opaque("pg_temp_3", "SELECT 1 AS a"));
    });
}

#[test]
fn what_gives_code_another_name_cannot_be_known() {
    on_big_stack(|| {
        let catalog = catalog();
        for (text, reason) in [
            (
                "ALTER FUNCTION f(text) RENAME TO g",
                OpaqueReason::ProceduralCode,
            ),
            (
                "ALTER ROUTINE f(text) SET SCHEMA b",
                OpaqueReason::ProceduralCode,
            ),
            (
                "ALTER AGGREGATE f(text) RENAME TO g",
                OpaqueReason::ProceduralCode,
            ),
            (
                "ALTER EXTENSION hstore SET SCHEMA b",
                OpaqueReason::ProceduralCode,
            ),
            (
                "ALTER TABLESPACE pg_default SET (random_page_cost = 0)",
                OpaqueReason::SessionState,
            ),
            ("EXPLAIN (ANALYZE, WAL) SELECT 1", OpaqueReason::Unsupported),
            (
                "SELECT pg_stat_get_progress_info('COPY')",
                OpaqueReason::DataCatalog,
            ),
        ] {
            let analysis = analyze(text, &catalog);
            let found = analysis.opaque.iter().any(|one| one.reason == reason);
            assert!(found, "{text}: {:?}", analysis.opaque);
        }
        for text in [
            "EXPLAIN (ANALYZE, WAL off) SELECT 1",
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "SET TRANSACTION READ WRITE",
        ] {
            assert_eq!(analyze(text, &catalog).opaque, [], "{text}");
        }
    });
}

/// Which blocks of an index a row goes to that is written tells of what is in any of its columns.
#[test]
fn what_a_write_costs_follows_from_the_whole_row() {
    on_big_stack(|| {
        let catalog = catalog();
        let write = "UPDATE users SET name = name WHERE id = 1";
        let derives = |text: &str| {
            let analysis = analyze(text, &catalog);
            let columns = analysis.columns.iter();
            let derived = columns.filter(|one| one.used == Use::Derived);
            derived.count() > 5
        };
        assert!(derives(&format!("EXPLAIN ANALYZE {write}")));
        assert!(!derives(&format!("EXPLAIN {write}")));
        assert!(!derives("EXPLAIN ANALYZE DELETE FROM users"));
        let prepared = format!("PREPARE p AS {write}; EXPLAIN ANALYZE EXECUTE p");
        let analysis = analyze(&prepared, &catalog).resolve(&|_, _| None);
        let mut opaque = analysis.opaque.iter();
        assert!(opaque.any(|one| one.reason == OpaqueReason::Unsupported));
    });
}

#[test]
fn what_is_kept_may_follow_from_any_expression() {
    on_big_stack(|| {
        let catalog = catalog();
        for (text, copied) in [
            (
                "SELECT email LIKE 'a%' AND nextval('s') > 0 FROM users",
                true,
            ),
            (
                "SELECT email LIKE 'a%' AND pg_try_advisory_lock(7) FROM users",
                true,
            ),
            ("SELECT email, nextval('s') FROM users", false),
            ("SELECT email LIKE 'a%' FROM users", false),
        ] {
            let columns = analyze(text, &catalog).columns;
            let found = columns.iter().any(|one| one.used == Use::Copied);
            assert_eq!(found, copied, "{text}: {columns:?}");
        }
    });
}

#[test]
fn names_that_a_definition_may_touch_are_told_or_may_be_any() {
    on_big_stack(|| {
        let names = [
            ("CREATE TABLE t (id serial, a text)", Some("t")),
            ("CREATE TABLE IF NOT EXISTS users (id int)", Some("users")),
            (
                "CREATE TABLE t (a text, b orders, c mood[])",
                Some("mood orders t"),
            ),
            ("CREATE TABLE t AS SELECT id FROM users", Some("t")),
            ("SELECT id INTO t FROM users", Some("t")),
            ("CREATE VIEW v AS SELECT id FROM users", Some("v")),
            ("DROP TABLE orders, other.twin", Some("orders twin")),
            ("DROP VIEW people", Some("people")),
            ("ALTER TABLE orders ADD COLUMN b int", Some("orders")),
            (
                "ALTER TABLE orders RENAME COLUMN amount TO a",
                Some("orders"),
            ),
            ("ALTER TABLE orders RENAME TO t", Some("orders t")),
            (
                "ALTER VIEW people RENAME TO t",
                Some("happy_people people t"),
            ),
            ("GRANT SELECT ON users TO PUBLIC", Some("")),
            (
                "CREATE TEMP TABLE t AS SELECT * FROM users",
                Some("pg_temp"),
            ),
            ("ALTER TABLE orders SET (fillfactor = 70)", Some("orders")),
            ("CREATE SEQUENCE s", Some("s")),
            ("CREATE TYPE t AS ENUM ('a')", Some("t")),
            (
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                Some("f"),
            ),
            ("DROP FUNCTION slug(text)", Some("slug")),
        ];
        names_are(&names);
    });
}

#[test]
fn names_of_what_depends_are_told_or_may_be_any() {
    on_big_stack(|| {
        let names = [
            // A view may have the whole row.
            (
                "ALTER TABLE users ADD COLUMN b int",
                Some("happy_people people slugs user_copies users"),
            ),
            // What inherits has its columns changed as well.
            (
                "ALTER TABLE parent RENAME COLUMN a TO x",
                Some("child parent"),
            ),
            ("CREATE TABLE t (a int) INHERITS (parent)", Some("parent t")),
            (
                "CREATE TABLE t PARTITION OF events DEFAULT",
                Some("events t"),
            ),
            (
                "CREATE OR REPLACE VIEW people AS SELECT 1 AS id",
                Some("happy_people people"),
            ),
            ("ALTER TYPE address RENAME ATTRIBUTE town TO city", None),
            ("CREATE TABLE t (LIKE users)", None),
            // They are tied to their types.
            (
                "CREATE TABLE t (a serial, b text[], c mood)",
                Some("mood t"),
            ),
            ("CREATE TABLE t (a users[])", Some("t users")),
            ("CREATE TABLE t (a made_meanwhile)", None),
            ("ALTER TABLE orders INHERIT parent", None),
            ("ALTER TABLE nothing_known ADD COLUMN b int", None),
            ("DROP TABLE orders CASCADE", None),
            ("ALTER TABLE orders DROP COLUMN amount CASCADE", None),
            ("DROP TYPE mood", Some("mood")),
            ("DROP TYPE mood CASCADE", None),
            ("DROP SCHEMA other", Some("")),
            ("DROP SCHEMA other CASCADE", None),
            ("DROP INDEX other.odd", Some("odd")),
            ("ALTER SEQUENCE s RESTART", Some("s")),
            ("ALTER TYPE mood ADD VALUE 'calm'", Some("mood")),
            ("DROP TRIGGER odd ON orders", Some("orders")),
            ("DROP TRIGGER odd ON public.parent", Some("child parent")),
            (
                "CREATE TRIGGER odd BEFORE INSERT ON orders EXECUTE FUNCTION f()",
                Some("orders"),
            ),
            ("ALTER TABLE orders OWNER TO somebody", Some("orders")),
            (
                "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
                Some("orders"),
            ),
            (
                "ALTER VIEW people SET (security_barrier)",
                Some("happy_people people"),
            ),
            ("ALTER INDEX odd RENAME TO other", None),
            ("ALTER TABLE orders SET SCHEMA other", None),
            // What PostgreSQL makes of it may have another name.
            (
                "CREATE TABLE a_name_that_is_so_long_that_others_are_cut (a int)",
                None,
            ),
        ];
        names_are(&names);
    });
}

/// A policy may name a column of a view, or a generated one, and what these are made of is protected by that.
#[test]
fn what_cascade_may_drop_is_defined() {
    on_big_stack(|| {
        let catalog = catalog();
        let all = "happy_people people slugs user_copies users";
        let drops = [
            ("DROP TABLE users CASCADE", all),
            ("DROP TABLE users", "users"),
            ("DROP VIEW people CASCADE", all),
            ("ALTER TABLE users DROP COLUMN name CASCADE", all),
            ("ALTER TABLE users DROP COLUMN name", "users"),
            ("DROP VIEW slugs CASCADE", all),
            ("DROP TABLE IF EXISTS nothing CASCADE", ""),
            ("DROP FUNCTION slug(text) CASCADE", all),
            ("DROP FUNCTION slug(text)", ""),
            ("DROP TYPE mood CASCADE", all),
            ("DROP SCHEMA public CASCADE", all),
            ("DROP OWNED BY somebody", all),
            ("DROP TRIGGER odd ON users CASCADE", "users"),
        ];
        for (text, expected) in drops {
            let analysis = analyze(text, &catalog);
            let defined = analysis.relations.iter().filter(|one| one.oid.is_some());
            let mut defined: Vec<&str> = defined.map(|one| one.name.as_str()).collect();
            defined.sort_unstable();
            defined.retain(|name| all.contains(name));
            assert_eq!(defined.join(" "), expected, "{text}");
        }
    });
}

fn names_are(expected: &[(&str, Option<&str>)]) {
    let catalog = catalog();
    for (text, names) in expected {
        let touched = &analyze(text, &catalog).statements[0].touched;
        let told = match touched {
            Touched::Relations(names) => Some(names.join(" ")),
            Touched::Anything => None,
        };
        assert_eq!(told.as_deref(), *names, "{text}");
    }
}

/// A write of many columns once took work by the square of the number of partitions for each.
#[test]
fn what_a_write_of_many_partitions_does_is_soon_known() {
    on_big_stack(|| {
        let mut rows = CatalogRows::default();
        for oid in 20_000..22_000 {
            let name = format!("part_{oid}");
            let kind = if oid == 20_000 { 'p' } else { 'r' };
            rows.relations.push(RelationRow {
                kind,
                ..RelationRow::table(oid, "public", &name)
            });
            rows.columns.extend((1..=12).map(|attribute| ColumnRow {
                relation: oid,
                attribute,
                name: format!("c{attribute}"),
                type_oid: 23,
                type_name: "integer".to_owned(),
                generated: false,
                default: false,
                made_from: Vec::new(),
                required: false,
            }));
            rows.inherits.push(InheritRow {
                child: oid,
                parent: 20_000,
            });
        }
        rows.inherits.remove(0);
        let catalog = Catalog::from_rows(rows);
        let columns: Vec<String> = (1..=12).map(|number| format!("c{number} = 1")).collect();
        let text = format!("UPDATE part_20000 SET {}", columns.join(", "));
        let analysis = analyze_briefly(&text, Strings::Standard, &catalog);
        assert_eq!(analysis.expect("little work").relations.len(), 2_000);
    });
}

#[test]
fn what_is_set_in_part_is_still_what_it_was() {
    on_big_stack(|| {
        let mut rows = rows();
        let users = rows.relations.iter().find(|one| one.name == "users");
        let users = users.unwrap().oid;
        let source = "BEGIN NEW.org_id := NEW.email; RETURN NEW; END";
        add_trigger(&mut rows, users, (900_000, source), ROW_BEFORE_UPDATE);
        let catalog = Catalog::from_rows(rows);
        let copies = |text: &str| {
            let analysis = analyze(text, &catalog);
            let mut copied = analysis.columns.iter();
            copied.any(|one| {
                let column = catalog.column(one.column).unwrap();
                one.used == Use::Copied && column.name == "email"
            })
        };
        assert!(!copies("UPDATE users SET email = ''"));
        assert!(copies("UPDATE users SET email[1] = ''"));
        assert!(copies("UPDATE users SET (name, email.part) = ('', '')"));
    });
}

#[test]
fn views_that_are_read_by_two_others_are_read_in_any_order() {
    on_big_stack(|| {
        let definitions = [
            ("20001", "a", "SELECT b.x, c.x AS y FROM public.b, public.c"),
            ("20002", "c", "SELECT b.x FROM public.b"),
            ("20003", "b", "SELECT users.email AS x FROM public.users"),
        ];
        let columns = [
            ("20001", "1", "x"),
            ("20001", "2", "y"),
            ("20002", "1", "x"),
            ("20003", "1", "x"),
        ];
        // The order is one of chance.
        for _ in 0..50 {
            let mut rows = rows();
            for (oid, name, definition) in definitions {
                let view = [oid, "public", name, "v", "false", "", "", "", ""].map(Some);
                rows.push(RowSet::Relations, &view).unwrap();
                rows.push(RowSet::Views, &[oid, definition, "", ""].map(Some))
                    .unwrap();
            }
            for (oid, attribute, name) in columns {
                let column = [
                    oid, attribute, name, "25", "text", "false", "false", "", "false",
                ]
                .map(Some);
                rows.push(RowSet::Columns, &column).unwrap();
            }
            let analysis = analyze("SELECT x, y FROM a", &Catalog::from_rows(rows));
            assert!(analysis.opaque.is_empty(), "{:?}", analysis.opaque);
        }
    });
}

#[test]
fn what_a_view_is_made_from_that_cannot_be_read_is_all_that_it_reads() {
    on_big_stack(|| {
        for definition in ["", "SELEC"] {
            let mut rows = rows();
            let users = rows.relations.iter().find(|one| one.name == "users");
            let users = users.unwrap().oid;
            let view = ["20001", "public", "v", "v", "false", "", "", "", ""].map(Some);
            rows.push(RowSet::Relations, &view).unwrap();
            let column = [
                "20001", "1", "x", "25", "text", "false", "false", "", "false",
            ]
            .map(Some);
            rows.push(RowSet::Columns, &column).unwrap();
            let reads = format!("20001,{users}");
            rows.push(RowSet::Views, &["20001", definition, &reads, ""].map(Some))
                .unwrap();
            let catalog = Catalog::from_rows(rows);
            let email = catalog
                .columns()
                .find(|one| one.relation == "users" && one.name == "email");
            let made = ColumnId {
                relation: 20_001,
                attribute: 1,
            };
            assert!(catalog.dependents(email.unwrap().id).contains(&made));
        }
    });
}

#[test]
fn what_is_renamed_without_end_makes_nothing_else_forgotten() {
    let renamed = |name: &str, passing: &str| {
        let mut rows = rows();
        for row in &mut rows.relations {
            match row.name.as_str() {
                "users" => row.name = name.to_owned(),
                "orders" => row.name = passing.to_owned(),
                _ => {}
            }
        }
        for row in &mut rows.columns {
            if name != "users" && row.name == "password" {
                row.name = "secret".to_owned();
            }
        }
        Catalog::from_rows(rows)
    };
    let mut catalog = renamed("users", "orders");
    for number in 0..200 {
        let mut next = renamed("members", &format!("passing_{number}"));
        next.remember(&catalog);
        catalog = next;
    }
    let told = |relation: &str, column: &str| {
        let mut told = catalog.former();
        told.any(|one| (one.relation, one.name) == (relation, column))
    };
    assert!(told("users", "password"));
    assert!(told("members", "password") && told("users", "secret"));
    assert!(!told("members", "secret"), "as it is now");
    assert!(told("passing_198", "amount") && !told("passing_199", "amount"));
    assert!(!told("orders", "amount"), "the oldest of too many");

    let first = renamed("users", "orders");
    let mut back = renamed("users", "orders");
    back.remember(&catalog);
    assert_eq!(back.rows_version(), first.rows_version());
    assert_ne!(back.version(), first.version(), "what was judged before");
}

#[test]
fn a_view_that_is_locked_is_what_it_was_where_nothing_has_changed() {
    let rows_of = |definition: &str, rules: &str, column: &str| {
        let mut rows = rows();
        for view in rows.views.iter_mut().filter(|view| view.relation == 16445) {
            view.definition = definition.to_owned();
            view.rules = rules.to_owned();
            view.reads = vec![16413, 16445];
        }
        for one in rows.columns.iter_mut().filter(|one| one.name == "password") {
            one.name = column.to_owned();
        }
        rows
    };
    let printed = rows().views.into_iter().find(|view| view.relation == 16445);
    let printed = printed.unwrap().definition;
    let before = Catalog::from_rows(rows_of(&printed, "1.1", "password"));
    let kept = |rules: &str, column: &str| {
        let mut rows = rows_of("", rules, column);
        rows.keep_views(&before);
        Catalog::from_rows(rows)
    };
    assert_eq!(kept("1.1", "password").version(), before.version());
    assert!(
        !kept("1.2", "password").is_complete(),
        "its rule is another"
    );
    assert!(!kept("1.1", "p").is_complete(), "a column has another name");
    let mut rows = rows_of("", "1.1", "password");
    let slug = rows.functions.iter_mut().find(|one| one.name == "slug");
    slug.unwrap().name = "other".to_owned();
    rows.keep_views(&before);
    assert!(!Catalog::from_rows(rows).is_complete(), "code has another");
}

#[test]
fn what_is_only_feared_of_a_locked_view_is_not_known() {
    on_big_stack(|| {
        let id = |catalog: &Catalog, relation: &str, column: &str| {
            let mut columns = catalog.columns();
            let found = columns.find(|one| one.relation == relation && one.name == column);
            found.unwrap().id
        };
        let read = catalog();
        let [mail, email] = [("happy_people", "mail"), ("users", "email")]
            .map(|(relation, column)| id(&read, relation, column));
        assert!(read.is_of(mail, email) && read.holds_same(mail, email));
        let lower = id(&read, "users", "email_lower");
        assert!(read.is_of(lower, email) && !read.holds_same(lower, email));
        let mut rows = rows();
        for view in rows.views.iter_mut().filter(|view| view.relation == 16445) {
            view.definition.clear();
            view.reads = vec![16413];
        }
        let locked = Catalog::from_rows(rows);
        assert!(locked.family(email).any(|one| one == mail), "it is feared");
        assert!(!locked.is_of(mail, email));
    });
}

//! Texts that would overflow a stack or a parser are refused or read, never a crash.

use sluice_sql::analysis::OpaqueReason;
use sluice_sql::analyze;
use sluice_sql::catalog::{Catalog, RowSet};

use crate::support::{catalog, on_big_stack, rows};

fn repeated(prefix: &str, part: &str, times: usize, suffix: &str) -> String {
    format!("{prefix}{}{suffix}", part.repeat(times))
}

/// Texts of which each is nested by `times`.
fn nested(times: usize) -> Vec<String> {
    vec![
        format!("SELECT {}1{}", "(".repeat(times), ")".repeat(times)),
        format!("SELECT {}1{}", "(SELECT ".repeat(times), ")".repeat(times)),
        format!("SELECT {}1{}", "abs(".repeat(times), ")".repeat(times)),
        format!("SELECT {}1{}", "ARRAY[".repeat(times), "]".repeat(times)),
        format!(
            "SELECT {}1{}",
            "CASE WHEN true THEN ".repeat(times),
            " END".repeat(times)
        ),
        format!(
            "SELECT * FROM {}users{}",
            "(".repeat(times),
            " JOIN orgs ON true)".repeat(times)
        ),
        repeated("SELECT 1", " + 1", times, ""),
        repeated("SELECT 'a'", " || 'a'", times, ""),
        repeated("SELECT 1", " UNION SELECT 1", times, ""),
        repeated("SELECT ", "NOT ", times, "true"),
        repeated("SELECT ", "- ", times, "1"),
        repeated("SELECT ", "@ ", times, "1"),
        repeated("SELECT 1", "::int", times, ""),
        repeated("SELECT '1'", " IS NULL", times, ""),
        repeated("SELECT 'a'", " COLLATE \"C\"", times, ""),
        repeated("SELECT now()", " AT TIME ZONE 'UTC'", times, ""),
        repeated("SELECT * FROM users", " CROSS JOIN orgs", times, ""),
        repeated(
            "SELECT * FROM users",
            " JOIN orgs",
            times,
            &" ON true".repeat(times),
        ),
        repeated("SELECT x", "[1]", times, " FROM users"),
        repeated("SELECT (x)", ".y", times, " FROM users"),
        repeated("SELECT ", "a.", times, "b FROM users"),
        repeated("SELECT ", "(", times, ""),
        repeated("SELECT ", "/*", times, ""),
        repeated("SELECT ", "ROW(", times, ""),
        repeated("SELECT 1", " + 1)", times, ""),
        format!(
            "{}SELECT 1{}",
            "WITH a AS (".repeat(times),
            ") SELECT 1".repeat(times)
        ),
        format!("{}SELECT 1{}", "EXPLAIN ".repeat(times), ""),
        // Words that part what stands beside each other, where they do not.
        repeated("SELECT 1", " + t.when", times, " FROM t"),
        repeated("SELECT 1", " + t . /* */ or", times, " FROM t"),
        repeated("SELECT 1", " = NOT NOT NOT t.union", times, " FROM t"),
        repeated("SELECT 1", " = NOT NOT NOT NOT join(1)", times, ""),
        repeated("SELECT 1", " = NOT NOT NOT NOT '1'::join", times, ""),
        repeated("SELECT 1", " || t.end || (t).case", times, " FROM t"),
        repeated("SELECT ", "CASE WHEN true OR ", times, "true"),
        repeated("SELECT ", "CASE WHEN true AND ", times, "true"),
        repeated("SELECT true", " BETWEEN false AND true IS TRUE", times, ""),
        repeated("SELECT 1", " + t . /* */ and", times, " FROM t"),
        repeated(
            "SELECT 1 ",
            "UNION SELECT 1 case UNION SELECT 1 end ",
            times,
            "",
        ),
        repeated(
            "SELECT ",
            "1 end, (SELECT ",
            times,
            &format!("1{}", ")".repeat(times)),
        ),
        repeated(
            "SELECT ",
            "1 case, (SELECT ",
            times,
            &format!("1{}", ")".repeat(times)),
        ),
        repeated(
            "SELECT 1 FROM users",
            " JOIN orgs ON true OR false",
            times,
            "",
        ),
    ]
}

#[test]
fn deep_texts_end_in_an_analysis() {
    on_big_stack(|| {
        let catalog = catalog();
        for times in [40, 400, 900, 1_400, 2_900, 20_000, 100_000] {
            for text in nested(times) {
                let analysis = analyze(&text, &catalog);
                let shown: String = text.chars().take(40).collect();
                assert!(
                    !analysis.opaque.is_empty() || !analysis.statements.is_empty(),
                    "{times} {shown}"
                );
                if times >= 20_000 {
                    let refused = analysis.opaque.iter().any(|one| {
                        matches!(
                            one.reason,
                            OpaqueReason::TooComplex | OpaqueReason::Unparsed
                        )
                    });
                    assert!(refused, "{times} {shown}");
                }
            }
        }
    });
}

#[test]
fn wide_texts_are_read() {
    on_big_stack(|| {
        let catalog = catalog();
        for text in [
            repeated(
                "SELECT CASE id",
                " WHEN 1 THEN 'x'",
                10_000,
                " ELSE 'y' END FROM users",
            ),
            repeated(
                "SELECT id FROM users WHERE id = 1",
                " OR id = 1 AND name = 'x'",
                10_000,
                "",
            ),
            repeated(
                "SELECT 1 FROM users WHERE true",
                " OR name = 'x'",
                20_000,
                "",
            ),
            repeated(
                "SELECT id FROM users WHERE true",
                " AND id <> 1",
                20_000,
                "",
            ),
            repeated(
                "SELECT id FROM users WHERE false",
                " OR users IS NULL",
                60_000,
                "",
            ),
            repeated("SELECT 1 AS x", " UNION ALL SELECT 1 AS x", 1_000, ""),
        ] {
            let analysis = analyze(&text, &catalog);
            assert!(analysis.opaque.is_empty(), "{:?}", analysis.opaque);
        }
        let rows = vec!["(1, 'x')"; 20_000].join(", ");
        let analysis = analyze(
            &format!("INSERT INTO users (id, name) VALUES {rows}"),
            &catalog,
        );
        assert!(analysis.opaque.is_empty(), "{:?}", analysis.opaque);
        let list = vec!["$1"; 20_000].join(", ");
        let analysis = analyze(
            &format!("SELECT id FROM users WHERE id IN ({list})"),
            &catalog,
        );
        assert!(analysis.opaque.is_empty(), "{:?}", analysis.opaque);
    });
}

/// What is noted of each name must not be compared with what was noted of all others: these texts would take minutes.
#[test]
fn texts_of_many_names_are_read_in_time() {
    on_big_stack(|| {
        let catalog = catalog();
        let names = |before: &str, after: &str| -> String {
            let names = (0..80_000).map(|number| format!("{before}{number}{after}"));
            names.collect::<Vec<_>>().join(", ")
        };
        for text in [
            format!("SELECT 1 FROM users WHERE 1 IN ({})", names("a", "")),
            format!("SELECT 1 FROM users WHERE 1 IN ({})", names("f", "()")),
            format!("SELECT 1 FROM {}", names("t", "")),
            format!("DROP TABLE {}", names("t", "")),
        ] {
            let analysis = analyze(&text, &catalog);
            assert!(analysis.opaque.len() + analysis.relations.len() >= 80_000);
        }
    });
}

fn is_too_complex(text: &str) -> bool {
    let analysis = analyze(text, &catalog());
    let mut opaque = analysis.opaque.iter();
    opaque.any(|one| one.reason == OpaqueReason::TooComplex)
}

/// `parts` numbered columns, names or such.
fn numbered(parts: usize, one: impl Fn(usize) -> String) -> String {
    (0..parts).map(one).collect::<Vec<_>>().join(", ")
}

/// What little text multiplies into is not made: each of these would take gigabytes or minutes.
#[test]
fn small_texts_of_much_work_are_too_complex() {
    on_big_stack(|| {
        let wide = numbered(1_600, |number| format!("1 a{number}"));
        let with = format!("WITH c AS (SELECT {wide})");
        let texts = [
            // The same columns joined again and again.
            format!("{with} SELECT 1 FROM c {}", "JOIN c ON true ".repeat(160)),
            format!("{with} SELECT 1 FROM c {}", "NATURAL JOIN c ".repeat(900)),
            // Stars of many things.
            format!("{with} SELECT * FROM {}", vec!["c"; 8_000].join(", ")),
            format!("{with} SELECT {} FROM c", vec!["*"; 4_000].join(", ")),
            // Copies of copies.
            format!(
                "{with}, {} SELECT 1",
                numbered(2_000, |number| format!("d{number} AS (SELECT * FROM c)"))
            ),
            format!(
                "{with} SELECT 1 FROM {}",
                numbered(2_000, |number| format!("c AS d{number} (x)"))
            ),
            // What LATERAL sees.
            format!("SELECT 1 FROM {}", vec!["now()"; 8_000].join(", ")),
            // Looked up in all there is.
            format!(
                "{with} SELECT 1 FROM c WHERE 1 IN ({})",
                vec!["a1599"; 100_000].join(", ")
            ),
            format!(
                "WITH {} SELECT 1 FROM {}",
                numbered(40_000, |number| format!("w{number} AS (SELECT 1)")),
                vec!["w0"; 40_000].join(", ")
            ),
            // Statements of one text.
            "SELECT * FROM users, users b;".repeat(30_000),
            // Rows of rows.
            format!(
                "SELECT {} FROM users",
                vec!["ROW(users.*)"; 70_000].join(", ")
            ),
        ];
        for text in texts {
            let shown: String = text.chars().rev().take(60).collect();
            assert!(text.len() <= 1 << 20, "{} {shown}", text.len());
            assert!(is_too_complex(&text), "{shown}");
        }
    });
}

#[test]
fn large_texts_of_people_are_read() {
    on_big_stack(|| {
        let columns = numbered(50, |number| format!("1 a{number}"));
        let with = format!("WITH c AS (SELECT {columns})");
        let texts = [
            format!(
                "{with} SELECT 1 FROM c {}",
                numbered(60, |number| format!(
                    "JOIN c AS j{number} ON j{number}.a1 = c.a2"
                ))
                .replace(", ", " ")
            ),
            format!("{with} SELECT * FROM {}", vec!["c"; 33].join(", ")),
            format!(
                "{with}, {} SELECT * FROM d99",
                numbered(100, |number| format!("d{number} AS (SELECT * FROM c)"))
            ),
            "SELECT * FROM users;".repeat(1_000),
        ];
        for text in texts {
            let shown: String = text.chars().take(60).collect();
            assert!(!is_too_complex(&text), "{shown}");
        }
    });
}

/// Rows within rows share their parts: comparing them part by part would not end.
#[test]
fn rows_within_rows_are_compared_in_time() {
    on_big_stack(|| {
        let mut rows = "SELECT users AS x, users AS y FROM users".to_owned();
        for _ in 0..60 {
            rows = format!("SELECT r AS x, r AS y FROM ({rows}) r");
        }
        let analysis = analyze(&format!("{rows} UNION ALL {rows}"), &catalog());
        assert_eq!(analysis.statements.len(), 1);
    });
}

/// Nor what is written again and again be looked up each time: these texts would take hours.
#[test]
fn texts_that_say_the_same_again_are_read_in_time() {
    on_big_stack(|| {
        let catalog = catalog();
        let same = |part: &str, times| vec![part; times].join(", ");
        let (outputs, items, keys) = (same("a", 1_600), same("twin", 4_000), same("a", 60));
        let within = (1..45).map(|at| {
            let one = format!("SELECT id FROM c{}", at - 1);
            format!("c{at} AS ({one} UNION {one})")
        });
        let within: Vec<_> = within.collect();
        let first = "SELECT id FROM users WHERE id = 1";
        for text in [
            format!("SELECT {outputs} FROM child, {items} ORDER BY {keys}"),
            format!(
                "DELETE FROM users WHERE id IN (WITH c0 AS ({first}), {} SELECT id FROM c44)",
                within.join(", ")
            ),
        ] {
            assert!(!analyze(&text, &catalog).statements.is_empty());
        }
        let sum = vec!["1"; 600].join(" + ");
        let wide = format!("WHERE coalesce({}) IS NOT NULL", same("z", 4_000));
        let mut levels = "id > 5".to_owned();
        for _ in 0..150 {
            levels = format!("(({levels} AND 1 = 1){})", " OR id = 1".repeat(100));
        }
        for text in [
            format!("DELETE FROM users WHERE ({sum}) IN ({})", same("0", 60_000)),
            format!("DELETE FROM users USING {} {wide}", same("twin", 4_000)),
            format!("DELETE FROM users WHERE {levels}"),
        ] {
            let analysis = analyze(&text, &catalog);
            assert!(!analysis.statements.is_empty() || !analysis.opaque.is_empty());
        }
        let known = [
            "abs", "lower", "upper", "sqrt", "floor", "round", "md5", "length",
        ];
        let known = known.map(|name| format!("pg_catalog.{name}(1)")).join(", ");
        let again = format!("SELECT {known}, now();") + &"SELECT abs(1);".repeat(3_000);
        assert!(!analyze(&again, &catalog).statements.is_empty());
        let calls: Vec<_> = (0..5_000).map(|number| format!("a{number}()")).collect();
        let prepare = format!("PREPARE p AS SELECT {};", calls.join(", "));
        let text = prepare + &"EXECUTE p;".repeat(100);
        let analysis = analyze(&text, &catalog).resolve(&|_, _| None);
        assert!(
            analysis
                .opaque
                .iter()
                .any(|one| one.reason == OpaqueReason::UnknownName)
        );
    });
}

/// The catalog of the tests with a table of as many columns as PostgreSQL allows.
fn catalog_with_wide() -> Catalog {
    let mut rows = rows();
    let mut push = |set, values: &str| {
        let values: Vec<_> = values.split(' ').map(Some).collect();
        rows.push(set, &values).unwrap();
    };
    push(RowSet::Relations, "99999 public wide r false    ");
    for number in 1..=1_600 {
        let column = format!("99999 {number} c{number} 23 integer false false  false");
        push(RowSet::Columns, &column);
    }
    // One name that means several.
    for version in 0..8 {
        let oid = 70_000 + version;
        push(
            RowSet::Relations,
            &format!("{oid} s{version} versions r false    "),
        );
        for number in 1..=1_600 {
            let column =
                format!("{oid} {number} v{version}_{number} 23 integer false false  false");
            push(RowSet::Columns, &column);
        }
    }
    // Rows in rows in rows.
    for level in 1..=7 {
        let (table, row) = (90_000 + level, 80_000 + level);
        push(
            RowSet::Relations,
            &format!("{table} public level{level} r false    "),
        );
        push(
            RowSet::Types,
            &format!("{row} public level{level} c 0 {table}   "),
        );
        for number in 1..=40 {
            let of = match level {
                1 => "23 integer".to_owned(),
                _ => format!("{} level{}", row - 1, level - 1),
            };
            let column = format!("{table} {number} c{number} {of} false false  false");
            push(RowSet::Columns, &column);
        }
    }
    Catalog::from_rows(rows)
}

/// Common tables of which the last has 1,600 columns, each a row of rows.
fn rows_in_rows(name: &str) -> String {
    let of = |part: &str, times| vec![part; times].join(", ");
    format!(
        "{name}1 AS (VALUES ({})), {name}2 AS (SELECT {} FROM {name}1 x), \
         {name}3 AS (SELECT {} FROM {name}2 y), {name}4 AS (SELECT {} FROM {name}3 z)",
        of("1", 100),
        of("x", 100),
        of("y", 40),
        of("z.*", 40)
    )
}

/// Nor do sources of many columns multiply: each of these would take minutes, and gigabytes.
#[test]
fn texts_of_many_sources_are_read_in_time() {
    on_big_stack(|| {
        let catalog = catalog_with_wide();
        let arms = "SELECT * FROM wide UNION ALL ".repeat(700);
        let short = "SELECT 1 UNION ALL ".repeat(700);
        let names = numbered(1_600, |number| format!("n{number}"));
        let any = "(SELECT 1 UNION ALL SELECT * FROM wide)";
        let items: Vec<_> = (0..40).map(|at| format!("{any} a{at}({names})")).collect();
        for text in [
            format!("{arms} SELECT 1"),
            format!("SELECT 1 UNION ALL {arms} {short} SELECT 1"),
            format!("SELECT n1 FROM {}", items.join(", ")),
            format!(
                "SELECT 1 FROM wide a, LATERAL (VALUES {}) v",
                vec!["(a.*)"; 5_000].join(", ")
            ),
            format!(
                "SELECT 1 FROM wide a, nosuch() g, LATERAL (VALUES {}) v",
                vec!["(a.*), (g.*)"; 5_000].join(", ")
            ),
            "SELECT 1 FROM level7".to_owned(),
            format!(
                "WITH {}, {} SELECT * FROM p4 {}",
                rows_in_rows("p"),
                rows_in_rows("q"),
                "UNION ALL TABLE q4 ".repeat(250)
            ),
            format!(
                "SELECT 1 FROM {}",
                numbered(400, |number| format!("versions x{number}"))
            ),
        ] {
            let analysis = analyze(&text, &catalog);
            assert!(!analysis.statements.is_empty(), "{:?}", analysis.opaque);
        }
    });
}

//! Texts that would overflow a stack or a parser are refused or read, never a crash.

use sluice_sql::analysis::OpaqueReason;
use sluice_sql::analyze;

use crate::support::{catalog, on_big_stack};

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
        repeated(
            "SELECT 1 FROM users WHERE true",
            " AND name = 'x'",
            times,
            "",
        ),
        repeated(
            "SELECT 1 FROM users WHERE true",
            " OR name = 'x'",
            times,
            "",
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

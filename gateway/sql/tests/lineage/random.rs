//! Whatever the text, there is an analysis.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use sluice_sql::{analyze, shape};

use crate::promises::check;
use crate::support::{catalog, on_big_stack};

/// Pieces that random texts are made of.
const PIECES: &[&str] = &[
    "SELECT",
    "FROM",
    "users",
    "u",
    "WHERE",
    "password",
    "email",
    "=",
    "'x'",
    "1",
    "(",
    ")",
    ",",
    "*",
    ".",
    "JOIN",
    "ON",
    "USING",
    "(id)",
    "LEFT",
    "NATURAL",
    "UNION",
    "ALL",
    "VALUES",
    "WITH",
    "RECURSIVE",
    "AS",
    "INSERT INTO",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "RETURNING",
    "GROUP BY",
    "ORDER BY",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "EXISTS",
    "IN",
    "NOT",
    "AND",
    "OR",
    "::text",
    "[1]",
    "count",
    "lower",
    "LATERAL",
    "generate_series",
    "json_each",
    "people",
    "twin",
    "odd_twin",
    "MERGE INTO",
    "COPY",
    "TO STDOUT",
    "EXPLAIN ANALYZE",
    "PREPARE p AS",
    "EXECUTE p",
    ";",
    "$1",
    "\"",
    "'",
    "--",
    "/*",
    "$$",
    "E'\\'",
    "U&\"",
    "é",
    "\u{0}",
    "OPERATOR(public.<~>)",
    "DISTINCT",
    "LIMIT",
    "OVER",
    "WINDOW",
    "w",
    "FILTER",
    "ROW",
    "ARRAY",
    "IS NULL",
    "BETWEEN",
    "LIKE",
    "NULL",
];

fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.join(" "))
}

#[test]
fn random_texts_keep_the_promises() {
    on_big_stack(|| {
        let catalog = catalog();
        let mut runner = TestRunner::new(ProptestConfig::with_cases(3_000));
        let run = runner.run(&texts(), |text| {
            check(&text, &catalog);
            Ok(())
        });
        run.unwrap();
    });
}

/// Every text of the data files, cut and mixed with itself.
#[test]
fn mutated_texts_keep_the_promises() {
    on_big_stack(|| {
        let catalog = catalog();
        let clients = include_str!("../data/clients.sql");
        let known: Vec<&str> = include_str!("../data/select.sql.txt")
            .lines()
            .chain(include_str!("../data/write.sql.txt").lines())
            .filter(|line| !line.starts_with([' ', '#']))
            .chain(clients.split("\n\n"))
            .collect();
        let strategy = (
            prop::sample::select(known.clone()),
            prop::sample::select(known),
            any::<prop::sample::Index>(),
            any::<prop::sample::Index>(),
        );
        let mut runner = TestRunner::new(ProptestConfig::with_cases(2_000));
        let run = runner.run(&strategy, |(one, two, from, to)| {
            let cut = |text: &str, at: prop::sample::Index| {
                let mut at = at.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let text = format!("{}{}", &one[..cut(one, from)], &two[cut(two, to)..]);
            check(&text, &catalog);
            Ok(())
        });
        run.unwrap();
    });
}

#[test]
fn texts_of_one_shape_have_one_analysis() {
    on_big_stack(|| {
        let catalog = catalog();
        let pieces: Vec<&'static str> = PIECES
            .iter()
            .copied()
            .chain(["#n", "#s", "#n", "#s", "id = #n", "name = #s"])
            .collect();
        let templates = prop::collection::vec(prop::sample::select(pieces), 1..12)
            .prop_map(|pieces| pieces.join(" "));
        let starts = prop::sample::select(vec![
            "SELECT id, name FROM users WHERE",
            "SELECT id, name FROM users",
            "SELECT",
            "DELETE FROM users WHERE",
            "UPDATE users SET name = #s WHERE",
            "INSERT INTO users (id, name) VALUES (#n, #s)",
        ]);
        let strategy = (
            starts,
            templates,
            (0u8..4, 0u8..4),
            prop::sample::select(vec![('t', 'f'), ('%', 'x')]),
        );
        let mut runner = TestRunner::new(ProptestConfig::with_cases(6_000));
        let run = runner.run(&strategy, |(start, template, numbers, strings)| {
            let template = format!("{start} {template}");
            let filled = |number: u8, string: char| {
                template
                    .replace("#n", &number.to_string())
                    .replace("#s", &format!("'{string}'"))
            };
            let texts = [filled(numbers.0, strings.0), filled(numbers.1, strings.1)];
            if let (Some(one), Some(two)) = (shape(&texts[0]), shape(&texts[1]))
                && one == two
            {
                prop_assert_eq!(analyze(&texts[0], &catalog), analyze(&texts[1], &catalog));
            }
            Ok(())
        });
        run.unwrap();
    });
}

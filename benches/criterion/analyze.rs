//! Reading a text for the first time, by its size.
//!
//! Beside it the same text with an error at its end: the bounds and the grammar still see all of
//! it, but there is no tree, no second reader and no lineage.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Throughput};
use sluice_benches::people;
use sluice_benches::timing::run;

fn main() {
    run(|criterion| {
        let catalog = people::catalog();
        for (name, text) in texts() {
            let mut group = criterion.benchmark_group("analyze");
            group.throughput(Throughput::Bytes(text.len() as u64));
            let opaque = sql::analyze(&text, &catalog).opaque;
            assert!(
                opaque.is_empty(),
                "{name} is not read to its end: {opaque:?}"
            );
            let broken = format!("{text} )");
            let id = BenchmarkId::new(name, text.len());
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(sql::analyze(black_box(&text), &catalog)));
            });
            let id = BenchmarkId::new(format!("{name}, grammar alone"), text.len());
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(sql::analyze(black_box(&broken), &catalog)));
            });
            let id = BenchmarkId::new(format!("{name}, shape"), text.len());
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(sql::shape(black_box(&text))));
            });
        }
    });
}

/// Statements, small to large.
fn texts() -> [(&'static str, String); 8] {
    let lookup = "SELECT abalance FROM pgbench_accounts WHERE aid = 424242;";
    let join = "SELECT p.name, p.city, a.abalance FROM people AS p JOIN pgbench_accounts AS a \
        ON a.aid = p.id WHERE p.city = 'Berlin' AND a.abalance > 100 ORDER BY p.name LIMIT 20";
    [
        ("100 bytes", conditions(100)),
        ("1 kB", conditions(1_000)),
        ("10 kB", conditions(10_000)),
        ("lookup", lookup.to_owned()),
        ("join", join.to_owned()),
        ("report", report()),
        ("list of 1000", list()),
        ("insert of 1000", insert()),
    ]
}

/// A lookup with as many conditions as fit in so many bytes.
fn conditions(bytes: usize) -> String {
    let mut text = "SELECT name, city, balance FROM people WHERE id = 1".to_owned();
    let condition = |n: u32| format!(" AND (city <> 'City {n}' OR balance > {n})");
    for condition in (2..).map(condition) {
        if text.len() + condition.len() > bytes {
            break;
        }
        text += &condition;
    }
    text
}

/// What a reporting tool writes: common table expressions over each other.
fn report() -> String {
    let mut text = "WITH step0 AS (SELECT id, name, city, balance FROM people)".to_owned();
    for n in 1..10 {
        let before = n - 1;
        write!(
            text,
            ", step{n} AS (SELECT s.id, s.name, s.city, s.balance + {n} AS balance \
             FROM step{before} AS s JOIN pgbench_accounts AS a ON a.aid = s.id \
             WHERE CASE WHEN s.balance > {n} THEN true ELSE a.bid = {n} END)"
        )
        .expect("a String takes all");
    }
    text + " SELECT id, name, city, balance FROM step9 WHERE city <> 'Rome'"
}

fn list() -> String {
    let ids: Vec<String> = (0..1000).map(|n| (n * 37).to_string()).collect();
    format!("SELECT name FROM people WHERE id IN ({})", ids.join(", "))
}

fn insert() -> String {
    let row = |n: u32| format!("({n}, 'Person {n}', 'person{n}@example.com', 'City {n}')");
    let rows: Vec<String> = (0..1000).map(row).collect();
    let rows = rows.join(", ");
    format!("INSERT INTO people (id, name, email, city) VALUES {rows}")
}

//! COPY in both directions, among other requests.

use sluice_tests::Both;
use sluice_tests::both::same;
use sluice_tests::wire_client::{Format, bind, execute, flush, message, parse, query, sync};

use crate::SETUP;

const INTO: &str = "COPY numbers FROM STDIN";

fn data(text: &str) -> Vec<u8> {
    message(b'd', text.as_bytes())
}

fn done() -> Vec<u8> {
    message(b'c', b"")
}

fn fail() -> Vec<u8> {
    message(b'f', b"had enough\0")
}

fn extended(text: &str) -> Vec<u8> {
    let parts = [parse("", text), bind("", "", &[], Format::Text)];
    [parts.concat(), execute("", 0)].concat()
}

/// Each case in one write and in many.
async fn same_in_any_parts<const N: usize>(cases: [(&str, Vec<Vec<u8>>); N]) {
    let both = Both::start(SETUP).await;
    for (what, parts) in cases {
        both.same(&format!("{what}, one write"), &[parts.concat()])
            .await;
        both.same(&format!("{what}, many writes"), &parts).await;
    }
}

#[tokio::test]
async fn copies_into_tables_are_mixed_with_errors_and_pipelined() {
    let one = || query("SELECT 1");
    let several = format!("{INTO}; SELECT 2; {INTO}");
    same_in_any_parts([
        (
            "well",
            vec![query(INTO), data("1\n2\n"), data("3\n"), done(), one()],
        ),
        ("failed", vec![query(INTO), data("1\n"), fail(), one()]),
        (
            "bad data",
            vec![query(INTO), data("x\n"), data("2\n"), done(), one()],
        ),
        (
            "row in pieces",
            vec![query(INTO), data("10"), data("1\n"), done(), one()],
        ),
        ("outside", vec![data("1\n"), done(), fail(), one()]),
        (
            "flush, sync",
            vec![query(INTO), flush(), sync(), data("201\n"), done(), one()],
        ),
        (
            "several",
            vec![
                query(&several),
                data("401\n"),
                done(),
                data("402\n"),
                done(),
                query("TABLE numbers"),
            ],
        ),
        (
            "in a transaction",
            vec![
                query("BEGIN"),
                query(INTO),
                data("1\n\n"),
                done(),
                one(),
                query("END"),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn copies_into_tables_by_the_extended_protocol_are_too() {
    let one = || query("SELECT 1");
    let copy = || extended(INTO);
    same_in_any_parts([
        ("well", vec![copy(), data("301\n"), done(), sync(), one()]),
        ("failed", vec![copy(), data("302\n"), fail(), sync(), one()]),
        (
            "bad data",
            vec![copy(), data("x\n"), data("5\n"), done(), sync(), one()],
        ),
        (
            "sync before",
            vec![copy(), sync(), data("303\n"), done(), sync(), one()],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_message_among_copy_data_ends_the_session() {
    let both = Both::start(SETUP).await;
    for copy in [query(INTO), extended(INTO)] {
        for stray in [query("SELECT 1"), parse("", "SELECT 1")] {
            // Version 13 skips to a Sync.
            let more = [query("SELECT 2"), sync()].concat();
            let parts = [[copy.clone(), flush()].concat(), stray, more];
            let (expected, said) = both.conversation(&parts).await;
            assert_eq!(said.last().unwrap().field(b'C'), Some("08P01"), "{said:?}");
            assert_eq!(said.last().unwrap().field(b'V'), Some("FATAL"), "{said:?}");
            // Version 13 goes on.
            if expected.last().unwrap().field(b'V') == Some("FATAL") {
                same("stray message", &expected, &said);
            }
        }
    }
}

#[tokio::test]
async fn copies_out_are_mixed_with_errors_and_pipelined() {
    let both = Both::start(SETUP).await;
    let out = "COPY (SELECT n, repeat('y', n) FROM generate_series(1, 3000) n) TO STDOUT";
    let breaks =
        "COPY (SELECT 1 / (2000 - n) FROM generate_series(1, 3000) n) TO STDOUT (FORMAT csv)";
    let parts = [
        query(out),
        query(breaks),
        extended(out),
        extended(breaks),
        extended(out),
        sync(),
        query(&format!("{out}; SELECT 1; {breaks}; SELECT 2")),
        query("SELECT 3"),
    ];
    both.same("one write", &[parts.concat()]).await;
    both.same("many writes", &parts).await;
}

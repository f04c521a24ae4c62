//! COPY in both directions, among other requests.

use std::time::Duration;

use sluice_tests::both::same;
use sluice_tests::wire_client::{
    Kind, Message, WireClient, close, flush, message, parse, query, sync, tags,
};
use sluice_tests::{Both, Person};

use crate::conversations::is_stray;
use crate::{SETUP, extended};

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
                // Where the gateway has put another before it, PostgreSQL names that.
                let without_it = |all: &[Message]| -> Vec<_> {
                    let is_it = |one: &&Message| !is_stray(one);
                    all.iter().filter(is_it).cloned().collect()
                };
                same("stray message", &without_it(&expected), &without_it(&said));
                assert_eq!(tags(&said), tags(&expected));
            }
        }
    }
}

/// PostgreSQL ignores each of them; what would be owed is bounded.
#[tokio::test]
async fn more_syncs_among_copy_data_than_anybody_sends_end_the_session() {
    let both = Both::start(SETUP).await;
    let begun = [query(INTO), flush()].concat();
    let (_, said) = both.conversation(&[begun, sync().repeat(2_000)]).await;
    let last = said.last().unwrap();
    assert_eq!(
        (last.field(b'C'), last.field(b'V')),
        (Some("08P01"), Some("FATAL"))
    );
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

#[tokio::test]
async fn binary_rows_that_postgresql_cannot_read_end_the_copy_and_no_more() {
    let both = Both::start(SETUP).await;
    let begins = [b"PGCOPY\n\xff\r\n\0".as_slice(), &[0; 8]].concat();
    let rows = |value: &[u8]| {
        let length = i32::try_from(value.len()).unwrap().to_be_bytes();
        let row = [&[0, 1], length.as_slice(), value, &[0xff, 0xff]].concat();
        let copy = query("COPY numbers FROM STDIN (FORMAT binary)");
        let data = message(b'd', &[begins.clone(), row].concat());
        [copy, data, message(b'c', b"")].concat()
    };
    let parts = [
        query("BEGIN"),
        query("SAVEPOINT here"),
        rows(&[0, 7]),
        query("ROLLBACK TO here"),
        rows(&[0, 0, 0, 7]),
        query("COMMIT"),
        query("SELECT * FROM numbers"),
        [
            query("COPY numbers FROM STDIN"),
            message(b'f', b"without an end"),
        ]
        .concat(),
        query("SELECT 1"),
    ];
    both.same("one write", &[parts.concat()]).await;
    both.same("many writes", &parts).await;
}

#[tokio::test]
async fn a_sync_among_data_of_a_copy_that_fails_keeps_nothing_waiting() {
    let both = Both::start(SETUP).await;
    let parts = [
        query("COPY notes (text) FROM STDIN"),
        sync(),
        message(b'f', b"no\0"),
        query("FETCH 1 FROM nothing"),
        query("SELECT 'another'"),
    ];
    both.same("simple", &[parts.concat()]).await;
    let parts = [
        extended("COPY notes (text) FROM STDIN"),
        sync(),
        message(b'f', b"no\0"),
        sync(),
        query("END; FETCH 1 FROM nothing"),
        query("SELECT 'yet another'"),
    ];
    both.same("extended", &[parts.concat()]).await;
    for copy in [query(INTO), extended(INTO)] {
        for syncs in 0..4 {
            for bad in [data("x\n"), fail(), [data("x\n"), done()].concat()] {
                for ends in 0..3 {
                    let parts = [
                        copy.clone(),
                        sync().repeat(syncs),
                        bad.clone(),
                        sync().repeat(ends),
                        query("SELECT 1 / 0"),
                        extended("SELECT 'skipped?'"),
                        sync(),
                        query("SELECT 'last'"),
                    ];
                    let what = format!("{syncs} and {ends} Syncs");
                    both.same(&what, &[parts.concat()]).await;
                    both.same(&what, &parts).await;
                }
            }
        }
    }
}

/// Shows a hidden value, and nothing but the text's judgement says so.
const MASKED: &str =
    "SELECT email FROM customers WHERE id = 1 UNION ALL SELECT email FROM customers WHERE id = 1";

/// Has the same shape, and shows nothing.
const PLAIN: &str = "SELECT 'a'::text AS email UNION ALL SELECT 'b'::text";

/// What [`MASKED`] shows where nothing is hidden.
async fn hidden_value(both: &Both) -> String {
    let direct = both.gateway.place().direct().await;
    direct.query(MASKED, &[]).await.unwrap()[0].get(0)
}

/// A session of someone from whom it is hidden, by whom these texts were asked before.
async fn alice_knows(both: &Both, texts: &[&str]) -> WireClient {
    let mut client = WireClient::log_in(&both.gateway, Person::Alice).await;
    for text in texts {
        client.query(text).await.expect("it is answered");
    }
    client
}

fn shows_nothing(said: &[Message], raw: &str, what: &str) {
    let shows = |one: &Message| {
        let mut parts = one.body.windows(raw.len());
        parts.any(|part| part == raw.as_bytes())
    };
    assert!(!said.iter().any(shows), "{what}: {said:?}");
}

#[tokio::test]
async fn what_a_copy_that_fails_has_skipped_is_not_taken_for_answered() {
    let both = Both::start(SETUP).await;
    let raw = hidden_value(&both).await;
    for begin in ["SELECT 1", "SET statement_timeout = '300ms'"] {
        let texts = ["CREATE TEMP TABLE staged (x text)", PLAIN, MASKED, begin];
        let mut client = alice_knows(&both, &texts).await;
        let copy = [extended("COPY staged FROM STDIN"), sync()].concat();
        client.send(&copy).await;
        if begin == "SELECT 1" {
            client.send(&fail()).await;
        } else {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.send(&data("late\n")).await;
            while client.message().await.expect("an error").tag != b'E' {}
        }
        let rest = [
            query(PLAIN),
            sync(),
            query(MASKED),
            query(PLAIN),
            message(b'X', b""),
        ];
        let said = client.converse(&[rest.concat()]).await;
        shows_nothing(&said, &raw, begin);
        let answers = tags(&said);
        assert!(answers.ends_with("ZTDDCZTDDCZ"), "{begin}: {answers}");
    }
}

#[tokio::test]
async fn an_error_that_comes_of_time_among_messages_is_not_taken_for_one_of_a_query() {
    let both = Both::start(SETUP).await;
    let raw = hidden_value(&both).await;
    let nothing = || close(Kind::Statement, "nothing");
    let by_query = || [query(PLAIN), query(PLAIN), sync(), query(MASKED), flush()];
    let by_close = || [nothing(), query(MASKED), sync(), nothing(), query(PLAIN)];
    let by_execute = || {
        let [masked, plain] = [MASKED, PLAIN].map(extended);
        [nothing(), masked, sync(), nothing(), plain]
    };
    // What PostgreSQL ignores where it reads no COPY data is not sent.
    let cases = [
        (vec![], by_query(), "1EZTDDCZZTDDCZZ"),
        (flush(), by_query(), "1EZTDDCZZ"),
        (done(), by_query(), "1EZTDDCZZTDDCZZ"),
        (fail(), by_query(), "1EZTDDCZZTDDCZZ"),
        (data("x\n"), by_query(), "1EZTDDCZZTDDCZZ"),
        (done(), by_close(), "1EZ3TDDCZZ"),
        (fail(), by_close(), "1EZ3TDDCZZ"),
        (data("x\n"), by_close(), "1EZ3TDDCZZ"),
        (flush(), by_execute(), "1EZ312DDCZ"),
        (done(), by_execute(), "1EZ312DDCZ"),
        (data("x\n"), by_execute(), "1EZ312DDCZ"),
    ];
    for (number, (between, then, expected)) in (0..).zip(cases) {
        let texts = [PLAIN, MASKED, "SET statement_timeout = '200ms'"];
        let mut client = alice_knows(&both, &texts).await;
        client.send(&parse("", "SELECT 1")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let rest = [between, then.concat(), sync(), message(b'X', b"")];
        let said = client.converse(&[rest.concat()]).await;
        shows_nothing(&said, &raw, &format!("case {number}"));
        assert_eq!(tags(&said), expected, "case {number}: {said:?}");
    }
}

/// A timer may strike when a Query has run, but for the end of it: then the error comes with what is read next.
#[tokio::test]
async fn an_error_that_comes_of_time_behind_a_query_is_not_taken_for_one_of_the_next() {
    let both = Both::start(SETUP).await;
    let raw = hidden_value(&both).await;
    let slow = "DECLARE k CURSOR FOR
        SELECT md5(repeat(repeat('x', 1000), 150000 + g)) FROM generate_series(1, 3) g";
    let cases = [
        (vec![flush()], vec![sync()]),
        (vec![done()], vec![]),
        (vec![data("x\n"), fail()], vec![]),
        (vec![flush(), done()], vec![sync()]),
    ];
    for (number, (between, then)) in (0..).zip(cases) {
        let timeout = "SET statement_timeout = '200ms'";
        let texts = [PLAIN, MASKED, timeout, "BEGIN", slow];
        let client = alice_knows(&both, &texts).await;
        let end = || query("ROLLBACK");
        let rest = [
            query("FETCH 1 FROM k"),
            between.concat(),
            [end(), end(), query(PLAIN), then.concat()].concat(),
            [end(), query(MASKED), query(PLAIN), query(MASKED)].concat(),
            message(b'X', b""),
        ];
        let said = client.converse(&[rest.concat()]).await;
        shows_nothing(&said, &raw, &format!("case {number}"));
        assert!(
            tags(&said).ends_with("TDDCZTDDCZTDDCZ"),
            "case {number}: {said:?}"
        );
    }
}

#[tokio::test]
async fn what_comes_behind_the_end_of_a_copy_goes_nowhere() {
    let both = Both::start(SETUP).await;
    let raw = hidden_value(&both).await;
    for more in [done(), data("x\n"), fail()] {
        let timeout = "SET statement_timeout = '200ms'";
        let texts = ["CREATE TEMP TABLE staged (x text)", PLAIN, MASKED, timeout];
        let mut client = alice_knows(&both, &texts).await;
        client.send(&query("COPY staged FROM STDIN")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let rest = [
            done(),
            more,
            query("SELECT 1"),
            query(MASKED),
            query(PLAIN),
            query(MASKED),
            message(b'X', b""),
        ];
        let said = client.converse(&[rest.concat()]).await;
        shows_nothing(&said, &raw, "behind the end");
        assert!(tags(&said).ends_with("TDDCZTDDCZTDDCZ"), "{said:?}");
    }
}

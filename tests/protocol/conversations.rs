//! Conversations made up at random.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sluice_tests::both::same;
use sluice_tests::wire_client::{
    Format, Kind, Message, WireClient, bind, close, describe, execute, flush, message, parse,
    query, sync,
};
use sluice_tests::{Both, Person};

use crate::{SETUP, extended};

const TEXTS: [&str; 28] = [
    "SELECT 1",
    "SELECT n, n::text FROM generate_series(1, 5) n",
    "SELECT 1 / 0",
    "SELECT 10 / (3 - n) FROM generate_series(1, 5) n",
    "SELEC",
    "",
    "SELECT * FROM nowhere",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT here",
    "ROLLBACK TO here",
    "INSERT INTO numbers SELECT count(*) FROM numbers RETURNING n",
    "INSERT INTO numbers SELECT min(n) FROM numbers",
    "DECLARE many CURSOR FOR SELECT * FROM generate_series(1, 9)",
    "FETCH 2 FROM many",
    "SET application_name TO 'babble'",
    "DO $$ BEGIN RAISE NOTICE 'hear, hear'; END $$",
    "LISTEN news",
    "NOTIFY news",
    "COPY (SELECT * FROM generate_series(1, 3)) TO STDOUT",
    "SET LOCAL work_mem TO '1MB'",
    "SET TIME ZONE 'UTC'",
    "DEALLOCATE ALL",
    "DECLARE hold CURSOR WITH HOLD FOR SELECT * FROM generate_series(1, 9)",
    "FETCH 1 FROM hold",
    "COPY numbers FROM STDIN",
    "COPY notes (text) FROM STDIN",
];

/// Texts for someone from whom columns are hidden: what shows them, where nothing but the text's judgement says
/// so, beside what has the same shape and shows nothing.
const HIDDEN: [&str; 18] = [
    "SELECT email FROM customers WHERE id < 4 UNION ALL SELECT phone FROM customers WHERE id < 4",
    "SELECT 'a'::text AS email UNION ALL SELECT 'b'::text",
    "SELECT name FROM products WHERE id < 4",
    "SELECT email FROM customers WHERE id < 4 ORDER BY id",
    "COPY (SELECT email FROM customers WHERE id < 4) TO STDOUT",
    "COPY (SELECT 'x'::text) TO STDOUT",
    "DECLARE many CURSOR FOR SELECT email FROM customers WHERE id < 4 UNION ALL SELECT 'z'",
    "DECLARE many CURSOR WITH HOLD FOR SELECT 'z'::text AS email UNION ALL SELECT 'y'",
    "FETCH 2 FROM many",
    "CLOSE many",
    "PREPARE known AS SELECT email FROM customers WHERE id < 4 UNION ALL SELECT 'v'",
    "PREPARE known AS SELECT 'u'::text AS email UNION ALL SELECT 'v'",
    "EXECUTE known",
    "DEALLOCATE known",
    "SET statement_timeout TO '2ms'",
    "RESET statement_timeout",
    "COPY notes (text) FROM STDIN",
    "COPY notes (text) FROM STDIN",
];

/// Everything a client may say in a random order, most of it sensible.
fn babble(dice: &mut StdRng, texts: &[&str]) -> Vec<u8> {
    let statement = |dice: &mut StdRng| *["", "a", "b"].choose(dice).unwrap();
    // Not the unnamed portal: PostgreSQL 16 to 18 crash where one that a failed Query has left is
    // executed.
    let portal = |dice: &mut StdRng| *["c", "d"].choose(dice).unwrap();
    let text = *texts.choose(dice).unwrap();
    match dice.random_range(0..26) {
        0..5 => parse(statement(dice), text),
        5..9 => bind(portal(dice), statement(dice), &[], Format::Text),
        9 => describe(Kind::Statement, statement(dice)),
        10 => describe(Kind::Portal, portal(dice)),
        11..15 => execute(portal(dice), dice.random_range(0..3)),
        15 if dice.random_bool(0.5) => close(Kind::Statement, statement(dice)),
        15 => close(Kind::Portal, portal(dice)),
        16 => flush(),
        17..19 => sync(),
        19 => query(text),
        20 => query(&format!("{text}; {}", texts.choose(dice).unwrap())),
        21 => {
            let data = [
                message(b'd', b"1\n"),
                message(b'd', b"x\n"),
                message(b'c', b""),
                message(b'f', b"no\0"),
            ];
            data.choose(dice).unwrap().clone()
        }
        22 => {
            let end = [message(b'c', b""), message(b'f', b"no\0")];
            let copy = query("COPY notes (text) FROM STDIN");
            [
                copy,
                message(b'd', b"note\n"),
                end.choose(dice).unwrap().clone(),
            ]
            .concat()
        }
        23 => {
            // As libpq does: what the upstream ignores where it reads COPY data, and an end of the sequence.
            let ends = [
                message(b'c', b""),
                message(b'f', b"no\0"),
                message(b'f', b"no"),
            ];
            [
                extended("COPY notes (text) FROM STDIN"),
                if dice.random_bool(0.5) {
                    sync()
                } else {
                    flush()
                },
                message(b'd', b"note\n"),
                ends.choose(dice).unwrap().clone(),
                sync(),
            ]
            .concat()
        }
        24 => {
            let rows: &[u8] = if dice.random_bool(0.5) {
                b"8\n"
            } else {
                b"x\n"
            };
            let copy = query("COPY numbers FROM STDIN; SELECT 'and more'");
            [copy, message(b'd', rows), sync(), message(b'c', b"")].concat()
        }
        _ => [extended(text), sync()].concat(),
    }
}

/// A random conversation, in random parts.
fn conversation(seed: u64, texts: &[&str]) -> Vec<Vec<u8>> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut parts = vec![Vec::new()];
    for _ in 0..dice.random_range(10..80) {
        if dice.random_bool(0.2) {
            parts.push(Vec::new());
        }
        parts.last_mut().unwrap().extend(babble(&mut dice, texts));
    }
    // What PostgreSQL holds back until it is asked may come earlier from the gateway.
    parts.last_mut().unwrap().extend(sync());
    parts
}

/// True for the error about a message among COPY data that is no part of them. After that PostgreSQL 13 goes on,
/// and the gateway never does.
pub(crate) fn is_stray(said: &Message) -> bool {
    let begins = b"unexpected message type";
    said.body.windows(begins.len()).any(|part| part == begins)
}

/// True where whoever hangs up may take back what was said last, as not all was read.
fn is_cut(said: &[Message]) -> bool {
    let last = said.last().filter(|last| last.tag == b'E');
    said.iter().any(is_stray) || last.is_some_and(|last| last.field(b'V') == Some("FATAL"))
}

async fn babbles(seeds: Range<u64>) {
    let both = Both::start(SETUP).await;
    for seed in seeds {
        let parts = conversation(seed, &TEXTS);
        let (mut expected, mut said) = both.conversation(&parts).await;
        if is_cut(&expected) || is_cut(&said) {
            let whole = |all: &[Message]| all.iter().take_while(|one| !is_stray(one)).count();
            let heard = whole(&expected).min(whole(&said));
            expected.truncate(heard);
            said.truncate(heard);
        }
        same(&format!("seed {seed}"), &expected, &said);
    }
}

/// Says at random what shows hidden values and what does not: none comes back, and nothing hangs.
async fn babbles_of_hidden_values(seeds: Range<u64>) {
    let both = Both::start(SETUP).await;
    let direct = both.gateway.place().direct().await;
    let text = "SELECT email FROM customers WHERE id < 4 UNION ALL SELECT phone FROM customers WHERE id < 4";
    let rows = direct.query(text, &[]).await.unwrap();
    let raw: Vec<String> = rows.iter().filter_map(|row| row.get(0)).collect();
    assert_eq!(raw.len(), 6);
    let texts = [&TEXTS[..], &HIDDEN, &HIDDEN].concat();
    let mut shown = 0;
    for seed in seeds {
        let parts = [conversation(seed, &texts), vec![message(b'X', b"")]].concat();
        let client = WireClient::log_in(&both.gateway, Person::Alice).await;
        for said in client.converse(&parts).await {
            let holds = |value: &[u8]| said.body.windows(value.len()).any(|part| part == value);
            let leaks = raw.iter().any(|value| holds(value.as_bytes()));
            assert!(!leaks, "seed {seed}: {said:?}");
            shown += usize::from(said.tag == b'D' && holds(b"***"));
        }
    }
    assert!(shown > 0);
}

#[tokio::test]
async fn whatever_a_client_says_it_hears_what_postgresql_answers() {
    babbles(0..40).await;
}

#[tokio::test]
async fn whatever_a_client_says_no_hidden_value_comes_back() {
    babbles_of_hidden_values(0..40).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn whatever_a_client_says_for_minutes_it_hears_what_postgresql_answers() {
    babbles(1000..3000).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn whatever_a_client_says_for_minutes_no_hidden_value_comes_back() {
    babbles_of_hidden_values(1000..3000).await;
}

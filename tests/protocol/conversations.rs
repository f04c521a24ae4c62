//! Conversations made up at random.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sluice_tests::Both;
use sluice_tests::wire_client::{
    Format, Kind, bind, close, describe, execute, flush, message, parse, query, sync,
};

use crate::SETUP;

/// Everything a client may say in a random order, most of it sensible.
fn babble(dice: &mut StdRng) -> Vec<u8> {
    const TEXTS: [&str; 22] = [
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
    ];
    let statement = |dice: &mut StdRng| *["", "a", "b"].choose(dice).unwrap();
    // Not the unnamed portal: PostgreSQL 16 to 18 crash where one that a failed Query has left is
    // executed.
    let portal = |dice: &mut StdRng| *["c", "d"].choose(dice).unwrap();
    let text = *TEXTS.choose(dice).unwrap();
    match dice.random_range(0..24) {
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
        20 => query(&format!("{text}; {}", TEXTS.choose(dice).unwrap())),
        21 => message(b'd', b"1\n"),
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
        _ => {
            let parts = [
                parse("", text),
                bind("", "", &[], Format::Text),
                execute("", 0),
            ];
            [parts.concat(), sync()].concat()
        }
    }
}

/// Random conversations, each in random parts.
async fn babbles(seeds: std::ops::Range<u64>) {
    let both = Both::start(SETUP).await;
    for seed in seeds {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut parts = vec![Vec::new()];
        for _ in 0..dice.random_range(10..80) {
            if dice.random_bool(0.2) {
                parts.push(Vec::new());
            }
            parts.last_mut().unwrap().extend(babble(&mut dice));
        }
        // What PostgreSQL holds back until it is asked may come earlier from the gateway.
        parts.last_mut().unwrap().extend(sync());
        both.same(&format!("seed {seed}"), &parts).await;
    }
}

#[tokio::test]
async fn whatever_a_client_says_it_hears_what_postgresql_answers() {
    babbles(0..40).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn whatever_a_client_says_for_minutes_it_hears_what_postgresql_answers() {
    babbles(1000..3000).await;
}

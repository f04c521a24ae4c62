//! What a change of definitions came before shows nothing.

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::wire_client::{
    Format, Message, WireClient, bind, execute, message, parse, query, sync, tags,
};
use sluice_tests::{Gateway, Person, sqlstate};
use tokio_postgres::{Client, NoTls};

use super::turns::hold;
use super::{gateway, one, rows, run, said, secrets, set_up, until};

/// A table whose column is renamed to that of another session, and what shows a value then.
pub(super) const RENAMED: &str =
    "CREATE TABLE mine (a text, b int); INSERT INTO mine VALUES ('x', 1);";
pub(super) const RENAME: &str = "ALTER TABLE mine RENAME COLUMN a TO c";
pub(super) const SHOWS: &str = "SELECT upper((SELECT a FROM mine LIMIT 1)) \
                     FROM (SELECT email AS a FROM customers) q LIMIT 1";

const IS_RENAMED: &str = "SELECT EXISTS (SELECT FROM pg_attribute \
                          WHERE attrelid = 'mine'::regclass AND attname = 'c')";

/// Somebody waits for a lock on `mine`.
pub(super) const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks \
                     WHERE NOT granted AND relation = 'mine'::regclass)";

/// A gateway, configured so, and a session that reads by the old name.
pub(super) async fn before_it_changes(edit: impl FnOnce(String) -> String) -> (Gateway, Client) {
    let place = Place::new().await;
    set_up(&place, Role::Application, RENAMED).await;
    place.edit(edit);
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    assert_eq!(one(&alice, SHOWS).await, "X");
    (gateway, alice)
}

/// Neither the session that asked before nor a new one reads by the old name.
async fn is_known(gateway: &Gateway, alice: &Client) {
    assert_eq!(sqlstate(said(alice, SHOWS).await), "42501");
    let another = gateway.connect(Person::Alice).await;
    assert_eq!(sqlstate(said(&another, SHOWS).await), "42501");
}

#[tokio::test]
async fn a_change_whose_client_is_gone_is_known_when_it_comes() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    run(&alice, &["BEGIN", "SELECT b FROM mine"]).await;
    let mut gone = WireClient::log_in(&gateway, Person::Alice).await;
    gone.send(&query(RENAME)).await;
    until(&direct, WAITS).await;
    gone.stream.set_zero_linger().expect("a socket");
    drop(gone);
    // Others go on meanwhile.
    assert_eq!(
        one(&alice, "SELECT count(*) FROM orders WHERE id < 0").await,
        "0"
    );
    assert_eq!(one(&alice, SHOWS).await, "X");
    run(&alice, &["COMMIT"]).await;
    until(&direct, IS_RENAMED).await;
    is_known(&gateway, &alice).await;
}

#[tokio::test]
async fn a_change_is_known_although_its_client_reads_nothing() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    let mut slow = WireClient::log_in(&gateway, Person::Alice).await;
    let socket = socket2::SockRef::from(&slow.stream);
    socket.set_recv_buffer_size(4096).expect("a socket");
    let much = query("SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    slow.send(&[much, query(RENAME)].concat()).await;
    until(&direct, IS_RENAMED).await;
    is_known(&gateway, &alice).await;
    drop(slow);
    is_known(&gateway, &alice).await;
}

#[tokio::test]
async fn a_change_is_known_by_every_name_of_the_database() {
    let (gateway, alice) = before_it_changes(|text| {
        let begin = text.find("[databases.shop]").expect("a database");
        let end = text[begin..].find("\n\n").expect("its end") + begin;
        let twin = text[begin..end].replace("[databases.shop]", "[databases.twin]");
        format!("{text}\n{twin}\n")
    })
    .await;
    let mut settings = gateway.settings(Person::Alice);
    let connected = settings.dbname("twin").connect(NoTls).await;
    let (twin, connection) = connected.expect("the database by its other name");
    tokio::spawn(connection);
    run(&twin, &[RENAME]).await;
    is_known(&gateway, &alice).await;
}

#[tokio::test]
async fn what_may_go_with_a_temporary_type_is_not_read() {
    let gateway = gateway(Place::new().await).await;
    let alice = gateway.connect(Person::Alice).await;
    let dora = gateway.connect(Person::Dora).await;
    let makes = [
        "CREATE TEMP TABLE kind (a int)",
        "CREATE TYPE pair AS (k kind, n int)",
        "CREATE TABLE mine (a kind, b int)",
        "CREATE TABLE pairs (a pair[], b int)",
        "CREATE TABLE made (a text GENERATED ALWAYS AS \
         (CASE WHEN (NULL::kind) IS NULL THEN 'h' END) STORED, b int)",
        "CREATE VIEW viewed AS SELECT CASE WHEN (NULL::kind) IS NULL THEN 'h' END AS a",
    ];
    run(&dora, &makes).await;
    let shows = SHOWS.replace("SELECT a FROM", "SELECT a::text FROM");
    for table in ["mine", "pairs", "made", "viewed"] {
        let shows = shows.replace("mine", table);
        assert_eq!(sqlstate(said(&alice, &shows).await), "42501", "{table}");
    }
    let casts = shows.replace("FROM mine", "FROM (SELECT (NULL::made).*) z");
    assert_eq!(sqlstate(said(&alice, &casts).await), "42501");
    let own = [
        "CREATE TEMP TABLE sort (a int)",
        "CREATE TEMP TABLE own (a sort)",
    ];
    run(&alice, &own).await;
    assert_eq!(rows(&alice, "SELECT a FROM own").await.len(), 0);
}

#[tokio::test]
async fn what_execute_means_is_asked_when_its_turn_comes() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let mut waits = WireClient::log_in(&gateway, Person::Alice).await;
    let prepared = waits.query(&format!("PREPARE shows AS {SHOWS}")).await;
    assert_eq!(tags(&prepared.expect("an answer")), "C");
    let direct = gateway.place().direct().await;
    send_behind(&mut waits, &direct, &[query("EXECUTE shows")]).await;
    run(&alice, &[RENAME]).await;
    assert!(waits.until_ready().await.is_some());
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(tags(&answer), "E", "{answer:?}");
}

#[tokio::test]
async fn changes_by_others_refuse_nobody() {
    let gateway = gateway(Place::new().await).await;
    let (changed, watched) = tokio::sync::watch::channel(());
    let mut changes = Vec::new();
    for number in 0..4 {
        let dora = gateway.connect(Person::Dora).await;
        let watched = watched.clone();
        changes.push(tokio::spawn(async move {
            let (makes, drops) = (
                format!("CREATE TABLE passing_{number} (a int)"),
                format!("DROP TABLE passing_{number}"),
            );
            while watched.has_changed().is_ok() {
                run(&dora, &[&makes, &drops]).await;
            }
        }));
    }
    drop(watched);
    for person in [Person::Dora, Person::Alice] {
        let client = gateway.connect(person).await;
        for number in 0..20 {
            let asks = format!("SELECT count(*) AS n{number} FROM customers WHERE id < 0");
            assert_eq!(one(&client, &asks).await, "0");
        }
    }
    drop(changed);
    for change in changes {
        change.await.expect("changes go on until told");
    }
}

#[tokio::test]
async fn a_result_is_withheld_whose_names_changed_before_its_turn() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    let mut waits = waits_behind(&gateway, &direct, &[query(SHOWS)]).await;
    run(&alice, &[RENAME]).await;
    assert!(waits.until_ready().await.is_some());
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(tags(&answer), "E", "{answer:?}");
}

#[tokio::test]
async fn what_waits_for_a_change_means_what_it_meant_before() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let dora = gateway.connect(Person::Dora).await;
    let direct = gateway.place().direct().await;
    run(&alice, &["CREATE TABLE kept (a text)"]).await;
    let keeps = format!("INSERT INTO kept {SHOWS}");
    let ways = [
        vec![SHOWS],
        vec!["BEGIN", SHOWS],
        vec![&*keeps],
        vec!["BEGIN", &keeps],
    ];
    for texts in ways {
        let mut waits = WireClient::log_in(&gateway, Person::Alice).await;
        for begin in &texts[..texts.len() - 1] {
            assert_eq!(tags(&waits.query(begin).await.expect("an answer")), "C");
        }
        let another = "CREATE TABLE IF NOT EXISTS another (b int)";
        run(&dora, &["BEGIN", RENAME, another]).await;
        waits.send(&query(texts[texts.len() - 1])).await;
        until(&direct, WAITS).await;
        run(&dora, &["COMMIT"]).await;
        let answer = waits.until_ready().await.expect("an answer");
        assert_eq!(tags(&answer), "E", "{texts:?}: {answer:?}");
        drop(waits);
        run(&alice, &["ALTER TABLE mine RENAME COLUMN c TO a"]).await;
        assert_eq!(one(&direct, "SELECT count(*) FROM kept").await, "0");
    }
}

#[tokio::test]
async fn what_was_just_made_past_the_gateway_is_found() {
    let gateway = gateway(Place::new().await).await;
    let (direct, alice) = (
        gateway.place().direct().await,
        gateway.connect(Person::Alice).await,
    );
    for number in 0..3 {
        let counts = format!("SELECT count(*) FROM just_made_{number}");
        assert_eq!(sqlstate(alice.simple_query(&counts).await), "42P01");
        run(
            &direct,
            &[&format!("CREATE TABLE just_made_{number} (a int)")],
        )
        .await;
        assert_eq!(one(&alice, &counts).await, "0");
    }
    let function = "CREATE FUNCTION just_made(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1'";
    let missing = alice.simple_query("SELECT just_made(1)").await;
    assert_eq!(sqlstate(missing), "42883");
    run(&direct, &[function]).await;
    assert_eq!(one(&alice, "SELECT just_made(1)").await, "2");
}

/// A temporary table that is gone hides nothing that has its name now.
#[tokio::test]
async fn what_was_just_made_past_the_gateway_is_found_behind_a_temporary_table() {
    let gateway = gateway(Place::new().await).await;
    let (direct, alice) = (
        gateway.place().direct().await,
        gateway.connect(Person::Alice).await,
    );
    const READ: &str = "SELECT f::text FROM NAME f";
    const NOW: &str = "SET LOCAL statement_timeout = 1";
    // Cancelled before it runs.
    let late = format!("SAVEPOINT s /*{}*/", "x".repeat(1_000_000));
    let make = "CREATE TEMP TABLE NAME (id int, other text)";
    for (number, texts) in [
        vec!["ROLLBACK TO s", READ],
        vec!["DROP TABLE NAME", READ],
        vec!["SELECT 1 / 0", "SAVEPOINT s", "ROLLBACK TO s", READ],
        vec![NOW, &*late, "ROLLBACK TO s", READ],
        vec![
            "SAVEPOINT t",
            "ROLLBACK TO none",
            "ROLLBACK TO t",
            "ROLLBACK TO s",
            READ,
        ],
        vec![
            "SELECT 1; SAVEPOINT x",
            "SAVEPOINT y",
            "ROLLBACK TO x",
            "SELECT 1; SAVEPOINT y",
            make,
            "ROLLBACK TO y",
            READ,
        ],
        vec!["ROLLBACK AND CHAIN", READ],
        vec!["ROLLBACK TO s", "SELECT * FROM NAME; SELECT 1"],
        vec!["ROLLBACK TO s; SELECT * FROM NAME"],
        vec!["ROLLBACK TO s", "CREATE TEMP TABLE b AS SELECT * FROM NAME"],
        vec!["PREPARE p AS TABLE NAME", "ROLLBACK TO s", "EXECUTE p"],
    ]
    .iter()
    .enumerate()
    {
        let name = format!("fresh_{number}");
        let named = |text: &&str| text.replace("NAME", &name);
        let before = ["BEGIN", "SAVEPOINT s", make, "TABLE NAME"];
        let (last, gone) = texts.split_last().expect("some");
        for text in before.iter().chain(gone).map(named) {
            // One fails, and what comes after it up to ROLLBACK.
            let _ = said(&alice, &text).await;
        }
        let made = "CREATE TABLE public.NAME AS SELECT 1 AS id, 'raw' AS salary";
        run(&direct, &[&named(&made)]).await;
        // Which of the two it reads is not known.
        let answer = said(&alice, &named(last)).await;
        assert_eq!(sqlstate(answer), "42501", "{texts:?}");
        run(&alice, &["ROLLBACK"]).await;
    }
}

/// Rows that PostgreSQL says come from what the catalog does not have are not given.
#[tokio::test]
async fn what_was_just_made_past_the_gateway_gives_nothing_in_the_place_of_another() {
    let gateway = gateway(Place::new().await).await;
    let direct = gateway.place().direct().await;
    let known = "CREATE SCHEMA first; CREATE TABLE known AS SELECT 1 AS id, 'x' AS other; \
                 CREATE TABLE also AS SELECT 1 AS id, 'x' AS other; \
                 CREATE TABLE third AS SELECT 1 AS id, 'x' AS other";
    run(&direct, &[known]).await;
    let alice = gateway.connect(Person::Alice).await;
    const READS: &str = "SELECT * FROM known";
    run(&alice, &["SET search_path = first, public"]).await;
    assert_eq!(rows(&alice, READS).await, [["1", "x"]]);
    let made = "CREATE TABLE first.known AS SELECT 1 AS id, 'raw' AS salary";
    run(&direct, &[made]).await;
    assert_eq!(sqlstate(said(&alice, READS).await), "40001");
    let named = "SELECT id, salary FROM known";
    assert_eq!(rows(&alice, named).await, [["1", "NULL"]]);
    // What the session has made itself vouches for itself only.
    let own = "CREATE TEMP TABLE own AS SELECT 1 AS a";
    run(&alice, &["BEGIN", own]).await;
    let made = "CREATE TABLE first.also AS SELECT 1 AS id, 'raw' AS salary";
    run(&direct, &[made]).await;
    let both = said(&alice, "SELECT k.*, own.a FROM also k, own").await;
    assert_eq!(sqlstate(both), "40001");
    run(&alice, &["ROLLBACK"]).await;
    // What is done must not be done again.
    let filled = "INSERT INTO third VALUES (1, 'x') RETURNING id";
    let made = "CREATE TABLE first.third AS SELECT 1 AS id, 'raw' AS other";
    assert_eq!(rows(&alice, filled).await, [["1"]]);
    run(&direct, &[made]).await;
    assert_eq!(sqlstate(said(&alice, filled).await), "55000");
    assert_eq!(one(&direct, "SELECT count(*) FROM first.third").await, "2");
}

/// What protects a column is not taken away under a name that it was given a moment ago.
#[tokio::test]
async fn what_was_just_renamed_past_the_gateway_is_found_in_a_transaction() {
    let place = Place::new().await;
    let setup = "CREATE TABLE kept AS SELECT 1 AS id, 'raw' AS secret; \
                 CREATE TABLE beside AS SELECT 1 AS b; \
                 CREATE VIEW naming AS SELECT id, secret AS salary, b FROM kept, beside";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let (direct, alice) = (
        gateway.place().direct().await,
        gateway.connect(Person::Alice).await,
    );
    for (rename, change) in [
        ("ALTER VIEW naming RENAME TO first", "DROP VIEW first"),
        (
            "ALTER VIEW first RENAME TO second",
            "CREATE OR REPLACE VIEW second AS SELECT 1 AS id, 'x' AS salary, 1 AS b",
        ),
        (
            "ALTER TABLE beside RENAME TO third",
            "DROP TABLE third CASCADE",
        ),
    ] {
        run(&alice, &["BEGIN", "CREATE TEMP TABLE own (a int)"]).await;
        run(&direct, &[rename]).await;
        assert_eq!(sqlstate(said(&alice, change).await), "42501", "{change}");
        run(&alice, &["ROLLBACK"]).await;
        assert_eq!(one(&alice, "SELECT secret FROM kept").await, "NULL");
    }
}

/// What changes `mine`, by a client that does not read that it is done.
async fn rename_unread(gateway: &Gateway, direct: &Client) -> WireClient {
    let mut slow = WireClient::log_in(gateway, Person::Alice).await;
    let socket = socket2::SockRef::from(&slow.stream);
    socket.set_recv_buffer_size(4096).expect("a socket");
    let much = query("SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    slow.send(&[much, query(RENAME)].concat()).await;
    until(direct, IS_RENAMED).await;
    slow
}

/// Sends messages behind one that takes long, and waits until that runs.
async fn send_behind(waits: &mut WireClient, direct: &Client, messages: &[Vec<u8>]) {
    let sleep = query("SELECT pg_sleep(2)");
    waits.send(&[&[sleep], messages].concat().concat()).await;
    let sleeps = "SELECT EXISTS (SELECT FROM pg_stat_activity \
                  WHERE datname = current_database() AND wait_event = 'PgSleep')";
    until(direct, sleeps).await;
}

/// A client whose text waits behind another of its own.
pub(super) async fn waits_behind(
    gateway: &Gateway,
    direct: &Client,
    messages: &[Vec<u8>],
) -> WireClient {
    let mut waits = WireClient::log_in(gateway, Person::Alice).await;
    send_behind(&mut waits, direct, messages).await;
    waits
}

#[tokio::test]
async fn a_newer_request_does_not_vouch_for_an_older_one() {
    let (gateway, _alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    let mut waits = waits_behind(&gateway, &direct, &[query(SHOWS)]).await;
    let _slow = rename_unread(&gateway, &direct).await;
    waits
        .send(&query("SELECT count(c) FROM mine, customers"))
        .await;
    waits.until_ready().await.expect("an answer");
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(tags(&answer), "E", "{answer:?}");
}

#[tokio::test]
async fn what_takes_long_to_read_is_judged_by_what_it_then_means() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    let numbers: Vec<String> = (1000..30_000).map(|number| number.to_string()).collect();
    let long = SHOWS.replace(
        "LIMIT 1",
        &format!("WHERE 2 NOT IN ({})", numbers.join(", ")),
    );
    let long = format!("{long} LIMIT 1");
    let mut asks = WireClient::log_in(&gateway, Person::Alice).await;
    asks.send(&query(&long)).await;
    let _slow = rename_unread(&gateway, &direct).await;
    let answer = asks.until_ready().await.expect("an answer");
    let bytes: Vec<u8> = answer.iter().flat_map(|one| one.body.clone()).collect();
    let bytes = bytes.to_ascii_lowercase();
    for secret in secrets(&gateway).await {
        let secret = secret.to_ascii_lowercase();
        let mut parts = bytes.windows(secret.len());
        assert!(!parts.any(|part| part == secret.as_bytes()), "{answer:?}");
    }
    assert_eq!(sqlstate(said(&alice, &long).await), "42501");
}

#[tokio::test]
async fn names_are_found_however_they_are_written() {
    let place = Place::new().await;
    let odd = RENAMED.replace("mine", "\"mi\"\"ne\"");
    set_up(&place, Role::Application, &odd).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let alice = gateway.connect(Person::Alice).await;
    let shows = SHOWS.replace("mine", "\"mi\"\"ne\"");
    let mut waits = waits_behind(&gateway, &direct, &[query(&shows)]).await;
    run(&alice, &[&RENAME.replace("mine", "\"mi\"\"ne\"")]).await;
    waits.until_ready().await.expect("an answer");
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(tags(&answer), "E", "{answer:?}");
}

#[tokio::test]
async fn cursors_that_a_change_came_before_are_not_read() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    let again = "ALTER TABLE mine RENAME COLUMN c TO a";
    for before in ["", "SELECT count(*) FROM mine, customers;"] {
        let declare = format!("{before} CLOSE c; DECLARE c CURSOR WITH HOLD FOR {SHOWS}");
        let mut waits = WireClient::log_in(&gateway, Person::Alice).await;
        waits
            .query("DECLARE c CURSOR WITH HOLD FOR SELECT 1")
            .await
            .expect("an answer");
        waits
            .send(&[query("SELECT pg_sleep(1.5)"), query(&declare)].concat())
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        run(&alice, &[RENAME]).await;
        for _ in 0..2 {
            waits.until_ready().await.expect("an answer");
        }
        let answer = waits.query("FETCH ALL FROM c").await.expect("an answer");
        assert_eq!(tags(&answer), "E", "{answer:?}");
        run(&alice, &[again]).await;
    }

    let mut waits = WireClient::log_in(&gateway, Person::Alice).await;
    waits.query("BEGIN").await.expect("an answer");
    let parse = message(b'P', &[b"\0", SHOWS.as_bytes(), b"\0\0\0"].concat());
    let bind = message(b'B', b"c\0\0\0\0\0\0\0\0");
    let sync = message(b'S', b"");
    let sleep = query("SELECT pg_sleep(1.5)");
    waits.send(&[sleep, parse, bind, sync].concat()).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    run(&alice, &[RENAME]).await;
    for _ in 0..2 {
        waits.until_ready().await.expect("an answer");
    }
    let answer = waits.query("FETCH ALL FROM c").await.expect("an answer");
    assert_eq!(tags(&answer), "E", "{answer:?}");
    drop(direct);
}

#[tokio::test]
async fn what_a_withheld_result_has_called_is_not_seen() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    run(&alice, &["CREATE SEQUENCE bit"]).await;
    let calls = "SELECT CASE WHEN 'x' <> (SELECT a FROM mine LIMIT 1) THEN nextval('bit') END \
                 FROM (SELECT email AS a FROM customers) q LIMIT 1";
    let mut waits = waits_behind(&gateway, &direct, &[query(calls)]).await;
    run(&alice, &[RENAME]).await;
    waits.until_ready().await.expect("an answer");
    waits.until_ready().await.expect("an answer");
    assert_eq!(one(&direct, "SELECT is_called FROM bit").await, "f");
}

#[tokio::test]
async fn a_view_that_is_replaced_shows_nothing_to_what_came_before() {
    let place = Place::new().await;
    let setup = "CREATE TABLE plain (e text); INSERT INTO plain VALUES ('x'); \
                 CREATE TABLE kept (a text); CREATE VIEW shown AS SELECT e FROM plain; \
                 CREATE VIEW whole AS SELECT to_jsonb(c)::text AS e FROM shown c;";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let dora = gateway.connect(Person::Dora).await;
    let replace = "CREATE OR REPLACE VIEW shown AS SELECT email AS e FROM customers";
    let back = "CREATE OR REPLACE VIEW shown AS SELECT e FROM plain";
    for view in ["shown", "whole"] {
        let shows = query(&format!("SELECT upper(e) FROM {view} LIMIT 1"));
        let mut waits = waits_behind(&gateway, &direct, &[shows]).await;
        run(&dora, &[replace]).await;
        waits.until_ready().await.expect("an answer");
        let answer = waits.until_ready().await.expect("an answer");
        assert_eq!(tags(&answer), "E", "{view}: {answer:?}");
        run(&dora, &[back]).await;
        let keeps = query(&format!("INSERT INTO kept SELECT upper(e) FROM {view}"));
        let mut waits = waits_behind(&gateway, &direct, &[keeps]).await;
        run(&dora, &[replace]).await;
        waits.until_ready().await.expect("an answer");
        waits.until_ready().await.expect("an answer");
        run(&dora, &[back]).await;
    }
    let secrets = secrets(&gateway).await;
    for kept in rows(&direct, "SELECT lower(a) FROM kept").await {
        assert!(
            !secrets.iter().any(|secret| kept[0].contains(secret)),
            "{kept:?}"
        );
    }
}

#[tokio::test]
async fn a_statement_that_was_parsed_too_late_is_parsed_anew() {
    let place = Place::new().await;
    let setup = "CREATE TYPE pair AS (a text, b text)";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let dora = gateway.connect(Person::Dora).await;
    let shows = "SELECT upper((SELECT a FROM (SELECT (NULL::pair).*) z)::text) \
                 FROM (SELECT email AS a FROM customers) q LIMIT 1";
    let parses = [parse("late", shows), sync()].concat();
    let mut waits = waits_behind(&gateway, &direct, &[parses]).await;
    let renames = ["a TO c", "c TO a"].map(|how| format!("ALTER TYPE pair RENAME ATTRIBUTE {how}"));
    run(&dora, &[&renames[0]]).await;
    waits.until_ready().await.expect("an answer");
    waits.until_ready().await.expect("an answer");
    run(&dora, &[&renames[1]]).await;
    let runs = [bind("", "late", &[], Format::Text), execute("", 0), sync()];
    waits.send(&runs.concat()).await;
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(tags(&answer), "2DC", "{answer:?}");
    // The attribute of the row, which is NULL, and not the e-mail.
    assert_eq!(answer[1].body, [0, 1, 255, 255, 255, 255]);
    waits.send(&query("EXECUTE late")).await;
    let answer = waits.until_ready().await.expect("an answer");
    assert_eq!(answer[1].body, [0, 1, 255, 255, 255, 255]);
}

/// A function that is harmless, and then is not.
const LETTER: &str = "CREATE OR REPLACE FUNCTION letter(int) RETURNS text LANGUAGE sql \
                      AS 'SELECT chr(96 + $1) LIMIT 1'";
const EMAIL: &str = "CREATE OR REPLACE FUNCTION letter(int) RETURNS text LANGUAGE sql \
                     AS 'SELECT email FROM customers WHERE id = $1 LIMIT 1'";

#[tokio::test]
async fn a_function_that_is_called_first_at_a_later_row_shows_nothing() {
    let place = Place::new().await;
    set_up(&place, Role::Application, LETTER).await;
    let gateway = gateway(place).await;
    let secrets = secrets(&gateway).await;
    for said in called_late(&gateway, EMAIL).await {
        for secret in &secrets {
            let shown = |one: &Message| {
                let mut parts = one.body.windows(secret.len());
                parts.any(|part| part == secret.as_bytes())
            };
            assert!(!said.iter().any(shown), "{secret}: {}", tags(&said));
        }
    }
}

#[tokio::test]
async fn a_function_is_called_whatever_changes_that_it_does_not_name() {
    let place = Place::new().await;
    set_up(&place, Role::Application, LETTER).await;
    let gateway = gateway(place).await;
    let other = "CREATE TABLE IF NOT EXISTS other (a int); DROP TABLE other";
    for said in called_late(&gateway, other).await {
        assert!(!tags(&said).contains('E'), "{said:?}");
    }
}

/// What is said where a function is called after definitions have changed: by cursors, portals and a result
/// that have begun before.
async fn called_late(gateway: &Gateway, change: &str) -> Vec<Vec<Message>> {
    let dora = gateway.connect(Person::Dora).await;
    let shows = "SELECT n, repeat('x', 5000), CASE WHEN n = 9 THEN pg_sleep(1)::text END, \
                 CASE WHEN n > 9 THEN letter(n) END FROM generate_series(1, 12) n";
    let open = |shows| [query("BEGIN"), query(shows)];
    let suspended = [
        parse("p", shows),
        bind("p", "p", &[], Format::Text),
        execute("p", 1),
        sync(),
    ];
    let declare = format!("DECLARE p CURSOR FOR {shows}");
    let hold = format!("DECLARE p CURSOR WITH HOLD FOR {shows}");
    let execute = || vec![[execute("p", 0), sync()].concat()];
    let fetch = || vec![query("FETCH ALL FROM p")];
    let mut all = Vec::new();
    for (before, after) in [
        (open(&declare), fetch()),
        (open(&hold), vec![query("COMMIT"), fetch().concat()]),
        ([query("BEGIN"), suspended.concat()], execute()),
        ([query("BEGIN"), suspended.concat()], fetch()),
        ([query("SELECT 1"), query(shows)], Vec::new()),
    ] {
        run(&dora, &[LETTER]).await;
        let mut alice = WireClient::log_in(gateway, Person::Alice).await;
        alice.send(&before.concat()).await;
        alice.until_ready().await.expect("an answer");
        let mut said = Vec::new();
        if after.is_empty() {
            said.push(alice.message().await.expect("a row"));
        } else {
            said.extend(alice.until_ready().await.expect("an answer"));
        }
        run(&dora, &[change]).await;
        alice.send(&after.concat()).await;
        for _ in 0..after.len().max(1) {
            said.extend(alice.until_ready().await.expect("an answer"));
        }
        all.push(said);
    }
    all
}

#[tokio::test]
async fn what_is_tied_to_a_table_before_a_commit_goes_with_it() {
    for pipelined in [false, true] {
        let place = Place::new().await;
        // Not wherever a column has that name.
        place.edit(|text| text.replace("[\"email\"]", "[\"customers.email\"]"));
        let setup = "CREATE TABLE parent (LIKE customers) PARTITION BY LIST (id); \
                     CREATE TABLE gate (a int)";
        set_up(&place, Role::Application, setup).await;
        let gateway = gateway(place).await;
        let direct = gateway.place().direct().await;
        let other = gateway.connect(Person::Dora).await;
        let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
        let mut holders = [
            gateway.place().direct().await,
            gateway.place().direct().await,
        ];
        let [gate, customers] = &mut holders;
        let gate = hold(gate, "gate IN ACCESS EXCLUSIVE MODE").await;
        let customers = hold(customers, "customers IN ACCESS SHARE MODE").await;
        let changes = [
            "SELECT 1",
            "BEGIN",
            "ALTER TABLE parent ATTACH PARTITION customers DEFAULT",
        ]
        .map(query);
        let view = "CREATE VIEW tied AS SELECT id, email FROM parent";
        match pipelined {
            true => dora.send(&changes.concat()).await,
            false => {
                for change in &changes {
                    dora.send(change).await;
                }
            }
        }
        until(&direct, &WAITS.replace("mine", "customers")).await;
        run(&other, &[view]).await;
        drop(customers);
        for _ in 0..3 {
            dora.until_ready().await.expect("an answer");
        }
        let mut reads = WireClient::log_in(&gateway, Person::Alice).await;
        let shows = ["SELECT a FROM gate", "SELECT id, email FROM tied"].map(query);
        reads.send(&shows.concat()).await;
        until(&direct, &WAITS.replace("mine", "gate")).await;
        dora.query("COMMIT").await.expect("an answer");
        drop(gate);
        reads.until_ready().await.expect("an answer");
        let answer = reads.until_ready().await.expect("an answer");
        assert_eq!(tags(&answer), "E", "{pipelined}: {answer:?}");
    }
}

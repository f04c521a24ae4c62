//! Whose turn it is: a write keeps its meaning, and a change waits for it.

use std::time::Duration;

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::wire_client::{Message, WireClient, query, tags};
use sluice_tests::{Gateway, Person, sqlstate};
use tokio_postgres::{Client, NoTls, Transaction};

use super::overtaken::{RENAME, RENAMED, SHOWS, WAITS, before_it_changes, waits_behind};
use super::{gateway, one, rows, run, said, secrets, set_up, until};

#[tokio::test]
async fn a_write_keeps_its_meaning_when_its_client_is_gone() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    let direct = gateway.place().direct().await;
    run(&alice, &["CREATE TABLE kept (a text)"]).await;
    let keeps = query(&format!("INSERT INTO kept {SHOWS}"));
    let waits = waits_behind(&gateway, &direct, &[keeps]).await;
    waits.stream.set_zero_linger().expect("a socket");
    drop(waits);
    run(&alice, &[RENAME]).await;
    let is_done = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(2)%')";
    until(&direct, is_done).await;
    let kept = rows(&direct, "SELECT a FROM kept").await;
    assert!(kept.is_empty() || kept == [["X"]], "{kept:?}");
}

/// A table of which nothing is protected, and what gives its name to that of the customers.
const OWN: &str = "CREATE TABLE own (id int, name text, email text, phone text); \
                   INSERT INTO own SELECT id, 'x', 'y', 'z' FROM customers;";
const SWAP: &str = "BEGIN; ALTER TABLE own RENAME TO own_before; \
                    ALTER TABLE customers RENAME TO own; COMMIT";

#[tokio::test]
async fn a_table_that_is_swapped_is_not_what_an_earlier_write_was_about() {
    let place = Place::new().await;
    set_up(&place, Role::Application, OWN).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let secrets = secrets(&gateway).await;
    let dora = gateway.connect(Person::Dora).await;
    let writes = query("UPDATE own SET name = upper(email)");
    let mut waits = waits_behind(&gateway, &direct, &[writes]).await;
    run(&dora, &[SWAP]).await;
    waits.until_ready().await.expect("an answer");
    waits.until_ready().await.expect("an answer");
    for name in rows(&direct, "SELECT lower(name) FROM own").await {
        assert!(!secrets.contains(&name[0]), "{name:?}");
    }
}

#[tokio::test]
async fn a_function_that_is_made_meanwhile_is_not_called_unseen() {
    let place = Place::new().await;
    let setup = "CREATE TABLE kept (a text); CREATE TABLE gate (a int)";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let dora = gateway.connect(Person::Dora).await;
    let make = "CREATE FUNCTION upper(varchar) RETURNS text LANGUAGE sql IMMUTABLE \
                AS 'SELECT email FROM customers LIMIT 1'";
    for calls in [
        "SELECT upper('x'::varchar)",
        "EXPLAIN VERBOSE SELECT upper('x'::varchar)",
    ] {
        let answer = behind_a_gate(&gateway, &direct, calls, run(&dora, &[make])).await;
        assert_eq!(tags(&answer), "E", "{calls}: {answer:?}");
        run(&dora, &["DROP FUNCTION upper(varchar)"]).await;
    }
    let keeps = query("INSERT INTO kept VALUES (upper('x'::varchar))");
    let mut waits = waits_behind(&gateway, &direct, &[keeps]).await;
    run(&dora, &[make]).await;
    waits.until_ready().await.expect("an answer");
    waits.until_ready().await.expect("an answer");
    let kept = rows(&direct, "SELECT a FROM kept").await;
    assert!(kept.is_empty() || kept == [["X"]], "{kept:?}");
}

#[tokio::test]
async fn a_change_that_fails_overtakes_nothing() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    run(&alice, &["CREATE TABLE gate (a int)"]).await;
    let direct = gateway.place().direct().await;
    for fails in [
        "DROP OPERATOR === (text, text)",
        "DROP TABLE nothing CASCADE",
        "ALTER TABLE mine RENAME COLUMN nothing TO a",
        "BEGIN; ALTER TABLE mine RENAME COLUMN a TO c; ROLLBACK TO nothing",
    ] {
        let answer = behind_a_gate(&gateway, &direct, SHOWS, async {
            said(&alice, fails).await.expect_err("it fails");
            alice
                .simple_query("ROLLBACK")
                .await
                .expect("no transaction");
        });
        let answer = answer.await;
        assert_eq!(tags(&answer), "TDC", "{fails}: {answer:?}");
    }
    // What came into force before the failure did.
    let half = format!("BEGIN; {RENAME}; COMMIT; ROLLBACK TO nothing");
    let answer = behind_a_gate(&gateway, &direct, SHOWS, async {
        assert_ne!(sqlstate(said(&alice, &half).await), "42501");
    });
    let answer = answer.await;
    assert_eq!(tags(&answer), "E", "{answer:?}");
}

/// What a client of its own reads, behind a table that is locked while something is done.
async fn behind_a_gate(
    gateway: &Gateway,
    direct: &Client,
    shows: &str,
    done: impl Future<Output = ()>,
) -> Vec<Message> {
    let mut holds = gateway.place().direct().await;
    let held = hold(&mut holds, "gate").await;
    let mut waits = WireClient::log_in(gateway, Person::Alice).await;
    let messages = [query("SELECT a FROM gate"), query(shows)];
    waits.send(&messages.concat()).await;
    until(direct, &WAITS.replace("mine", "gate")).await;
    done.await;
    held.rollback().await.expect("the lock is gone");
    waits.until_ready().await.expect("an answer");
    waits.until_ready().await.expect("an answer")
}

#[tokio::test]
async fn a_transaction_goes_on_writing_what_a_change_waits_for() {
    let place = Place::new().await;
    set_up(&place, Role::Application, &format!("{RENAMED}{OWN}")).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    let secrets = secrets(&gateway).await;
    let alice = gateway.connect(Person::Alice).await;
    let dora = gateway.connect(Person::Dora).await;
    run(&alice, &["BEGIN", "UPDATE mine SET b = b + 1"]).await;
    let adds = "ALTER TABLE mine ADD COLUMN d int";
    let change = tokio::spawn(async move { said(&dora, adds).await });
    until(&direct, WAITS).await;
    run(&alice, &["UPDATE mine SET b = b + 1"]).await;
    let text = "UPDATE mine SET b = b + $1";
    assert_eq!(alice.execute(text, &[&1]).await.expect("it goes on"), 1);
    run(&alice, &["COMMIT"]).await;
    change.await.expect("it ends").expect("it is made");
    assert_eq!(one(&direct, "SELECT b FROM mine").await, "4");
    // What was swapped meanwhile is undone.
    let other = gateway.connect(Person::Dora).await;
    let mut holds = gateway.place().direct().await;
    let held = hold(&mut holds, "own").await;
    run(&alice, &["BEGIN", "UPDATE mine SET b = b + 1"]).await;
    let swap = tokio::spawn(async move { said(&other, SWAP).await });
    let waits = WAITS.replace("mine", "own");
    until(&direct, &waits).await;
    let writes = tokio::spawn(async move {
        let written = said(&alice, "UPDATE own SET name = upper(email)").await;
        let ended = said(&alice, "COMMIT").await;
        (alice, written, ended)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    held.rollback().await.expect("the lock is gone");
    swap.await.expect("it ends").expect("it is swapped");
    let (_alice, written, _) = writes.await.expect("an answer");
    for name in rows(&direct, "SELECT lower(name) FROM own").await {
        assert!(!secrets.contains(&name[0]), "{name:?} {written:?}");
    }
}

#[tokio::test]
async fn code_that_a_write_would_reach_is_not_made_meanwhile() {
    let setup = "CREATE TABLE kept (a text); CREATE TABLE indexed (a int); \
                 CREATE TABLE whole (a int) PARTITION BY RANGE (a); \
                 CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (9); \
                 CREATE TABLE referred (a int PRIMARY KEY); INSERT INTO referred VALUES (1); \
                 CREATE TABLE refers (a int REFERENCES referred ON DELETE CASCADE); \
                 INSERT INTO refers VALUES (1); \
                 CREATE FUNCTION clean(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 LIMIT 1'; \
                 CREATE FUNCTION takes() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN INSERT INTO kept SELECT email FROM customers; RETURN NULL; END'; \
                 CREATE FUNCTION computes(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
                 'BEGIN INSERT INTO kept SELECT email FROM customers; RETURN $1; END'";
    let place = Place::new().await;
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let direct = gateway.place().direct().await;
    for (writes, changes) in [
        (
            "INSERT INTO whole SELECT 1 FROM pg_sleep(2)",
            &["CREATE TRIGGER t AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION takes()"][..],
        ),
        (
            "DELETE FROM referred USING pg_sleep(2)",
            &["CREATE TRIGGER t AFTER DELETE ON refers FOR EACH ROW EXECUTE FUNCTION takes()"],
        ),
        (
            "SELECT clean(1) FROM pg_sleep(2)",
            &[
                "CREATE OR REPLACE FUNCTION clean(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
               'BEGIN INSERT INTO kept SELECT email FROM customers; RETURN $1; END'",
            ],
        ),
        (
            "INSERT INTO indexed SELECT 1 FROM pg_sleep(0.1)",
            &["BEGIN", "CREATE INDEX ON indexed (computes(a))", "COMMIT"],
        ),
    ] {
        let dora = gateway.connect(Person::Dora).await;
        let (before, last) = changes.split_at(changes.len() - 1);
        run(&dora, before).await;
        let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
        alice.send(&query(writes)).await;
        let is_sent = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query = '{writes}')"
        );
        until(&direct, &is_sent).await;
        run(&dora, last).await;
        let answer = alice.until_ready().await.expect("an answer");
        let kept = rows(&direct, "SELECT a FROM kept").await;
        assert!(kept.is_empty(), "{writes}: {answer:?}");
    }
}

#[tokio::test]
async fn a_cancel_request_ends_the_wait_for_a_turn() {
    let (gateway, alice) = before_it_changes(|text| text).await;
    run(&alice, &["CREATE TABLE kept (a text)"]).await;
    let direct = gateway.place().direct().await;
    let mut holds = gateway.place().direct().await;
    let held = hold(&mut holds, "mine").await;
    let dora = gateway.connect(Person::Dora).await;
    let change = tokio::spawn(async move { said(&dora, RENAME).await });
    until(&direct, WAITS).await;
    let cancel = alice.cancel_token();
    let mut write = std::pin::pin!(said(&alice, "INSERT INTO kept SELECT a FROM mine"));
    let answer = loop {
        let pause = Duration::from_millis(100);
        match tokio::time::timeout(pause, &mut write).await {
            Ok(answer) => break answer,
            Err(_) => cancel.cancel_query(NoTls).await.expect("a connection"),
        }
    };
    assert_eq!(sqlstate(answer), "57014");
    held.rollback().await.expect("the lock is gone");
    change.await.expect("it ends").expect("it is renamed");
    assert_eq!(one(&alice, "SELECT count(*) FROM kept").await, "0");
}

/// Holds a table for as long as the transaction is open.
pub(super) async fn hold<'a>(holds: &'a mut Client, table: &str) -> Transaction<'a> {
    let held = holds.transaction().await.expect("a transaction");
    let lock = format!("LOCK TABLE {table}");
    held.batch_execute(&lock).await.expect("a lock");
    held
}

#[tokio::test]
async fn a_change_that_waits_for_a_write_is_under_way_whatever_is_answered_meanwhile() {
    let shows = "SELECT upper((SELECT a FROM (SELECT (NULL::pair).*) z)::text) \
                 FROM (SELECT email AS a FROM customers) q LIMIT 1";
    let is_renamed = "SELECT EXISTS (SELECT FROM pg_attribute \
                      WHERE attrelid = 'pair'::regclass AND attname = 'c')";
    for (who, first) in [
        (Person::Dora, "SELECT count(*) FROM gate1"),
        (Person::Alice, "SELECT 1 / count(*) FROM gate1"),
    ] {
        let place = Place::new().await;
        let setup = "CREATE TYPE pair AS (a text, b text); CREATE TABLE kept (pair text); \
                     CREATE TABLE gate1 (a int); CREATE TABLE gate2 (a int); \
                     CREATE TABLE gate3 (a int)";
        set_up(&place, Role::Application, setup).await;
        let gateway = gateway(place).await;
        let direct = gateway.place().direct().await;
        let mut holders = Vec::new();
        for _ in 0..3 {
            holders.push(gateway.place().direct().await);
        }
        let mut held = Vec::new();
        for (number, holder) in holders.iter_mut().enumerate() {
            held.push(hold(holder, &format!("gate{}", number + 1)).await);
        }
        let is_at = |gate: &str| WAITS.replace("mine", gate);
        let mut writes = WireClient::log_in(&gateway, Person::Alice).await;
        let mut reads = WireClient::log_in(&gateway, Person::Alice).await;
        let before = reads.query(shows).await.expect("an answer");
        assert_eq!(tags(&before), "TDC", "{before:?}");
        let mut changes = WireClient::log_in(&gateway, who).await;
        for how in ["a TO c", "c TO a"] {
            let known = format!("ALTER TYPE pair RENAME ATTRIBUTE {how}");
            changes.query(&known).await.expect("an answer");
        }
        let write = "UPDATE kept SET pair = pair WHERE EXISTS (SELECT FROM gate2)";
        writes.send(&query(write)).await;
        until(&direct, &is_at("gate2")).await;
        changes.send(&query(first)).await;
        until(&direct, &is_at("gate1")).await;
        changes
            .send(&query("ALTER TYPE pair RENAME ATTRIBUTE a TO c"))
            .await;
        // So that it waits for the write when the first answer comes.
        tokio::time::sleep(Duration::from_millis(600)).await;
        drop(held.remove(0));
        changes.until_ready().await.expect("an answer");
        let messages = [query("SELECT a FROM gate3"), query(shows)];
        reads.send(&messages.concat()).await;
        until(&direct, &is_at("gate3")).await;
        drop(held.remove(0));
        until(&direct, is_renamed).await;
        drop(held);
        changes.until_ready().await.expect("an answer");
        reads.until_ready().await.expect("an answer");
        let answer = reads.until_ready().await.expect("an answer");
        assert_eq!(tags(&answer), "E", "{who:?}: {answer:?}");
    }
}

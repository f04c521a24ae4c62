//! Requests that wait for a person.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_tests::wire_client::{
    Format, WireClient, bind, execute, message, parse, query, sync, tags, terminated,
};
use sluice_tests::{Gateway, Person, eventually, sqlstate};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls};

/// What the demo's guard holds.
const HELD: &str = "DELETE FROM orders WHERE status = 'returned'";

/// Starts a statement that is held, and waits until it is on the list.
async fn hold(gateway: &Gateway, text: &'static str) -> (u64, JoinHandle<Result<u64, Error>>) {
    let client = gateway.connect(Person::Agent).await;
    let waiting = tokio::spawn(async move { client.execute(text, &[]).await });
    (listed(gateway).await, waiting)
}

/// The number of the one request that waits.
async fn listed(gateway: &Gateway) -> u64 {
    eventually("a request waits", || async {
        !holds(gateway).await.is_empty()
    })
    .await;
    let holds = holds(gateway).await;
    assert_eq!(holds.len(), 1, "{holds:?}");
    holds[0]["number"].as_u64().unwrap()
}

/// A text waits for approval, and its client goes.
async fn waits(gateway: &Gateway, client: Client, text: &str) {
    let text = text.to_owned();
    let waiting = tokio::spawn(async move { client.batch_execute(&text).await });
    listed(gateway).await;
    waiting.abort();
}

/// Where Dora, for whom nothing is masked, may change definitions, but not drop tables.
async fn guarding_dora() -> Gateway {
    Gateway::with(|text| {
        let exempt = "ddl = \"deny\"\ntemp-tables = \"allow\"\nexcept-groups = [\"dba\"]";
        assert!(text.contains(exempt));
        text.replace(exempt, "ddl = \"allow\"\ntemp-tables = \"allow\"")
    })
    .await
}

async fn holds(gateway: &Gateway) -> Vec<Value> {
    let (status, answer) = gateway.ask(Person::Dora, "GET", "holds", Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer["holds"].as_array().unwrap().clone()
}

async fn approve(gateway: &Gateway, person: Person, number: u64) -> u16 {
    gateway
        .ask(
            person,
            "POST",
            &format!("holds/{number}/approve"),
            Value::Null,
        )
        .await
        .0
}

async fn count(client: &Client) -> i64 {
    let returned = "SELECT count(*) FROM orders WHERE status = 'returned'";
    client.query_one(returned, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn an_approved_request_runs() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute("DELETE FROM payments").await.unwrap();
    assert!(count(&direct).await > 0);
    let (number, waiting) = hold(&gateway, HELD).await;
    assert!(count(&direct).await > 0, "it waits");
    assert_eq!(approve(&gateway, Person::Dora, number).await, 200);
    assert!(waiting.await.unwrap().unwrap() > 0);
    assert_eq!(count(&direct).await, 0);
}

#[tokio::test]
async fn a_table_is_dropped_once_that_was_approved() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    let client = gateway.connect(Person::Alice).await;
    let waiting =
        tokio::spawn(async move { client.simple_query("DROP TABLE orders_import").await });
    let number = listed(&gateway).await;
    direct
        .batch_execute("SELECT FROM orders_import")
        .await
        .unwrap();
    assert_eq!(approve(&gateway, Person::Dora, number).await, 200);
    waiting.await.unwrap().unwrap();
    let gone = direct.batch_execute("SELECT FROM orders_import").await;
    assert_eq!(sqlstate(gone), "42P01");
}

/// What is not there is dropped at once, and what was made a moment ago, and not through the gateway, is there.
#[tokio::test]
async fn only_what_is_there_waits_to_be_dropped() {
    const DROP: &str = "DROP TABLE IF EXISTS made_past_the_gateway";
    let gateway = Gateway::start().await;
    let alice = gateway.connect(Person::Alice).await;
    alice.batch_execute(DROP).await.expect("nothing is there");
    let prepared = alice.prepare(DROP).await.expect("a statement");
    let direct = gateway.place().direct().await;
    let table = "CREATE TABLE made_past_the_gateway (id integer)";
    direct.batch_execute(table).await.expect("a table");
    let waiting = tokio::spawn(async move { alice.execute(&prepared, &[]).await });
    let number = listed(&gateway).await;
    assert_eq!(approve(&gateway, Person::Dora, number).await, 200);
    waiting.await.unwrap().expect("it was approved");
}

/// What an open transaction has made is known by its text, and everything else by another look.
#[tokio::test]
async fn what_was_made_past_the_gateway_waits_to_be_dropped_in_a_transaction_too() {
    let gateway = Gateway::start().await;
    let alice = gateway.connect(Person::Alice).await;
    let direct = gateway.place().direct().await;
    let begin = "BEGIN; CREATE TEMP TABLE own (id integer)";
    alice.batch_execute(begin).await.expect("a table");
    let table = "CREATE TABLE made_meanwhile (id integer)";
    direct.batch_execute(table).await.expect("a table");
    alice
        .batch_execute("DROP TABLE own")
        .await
        .expect("its own");
    waits(&gateway, alice, "DROP TABLE made_meanwhile").await;
    let there = direct.batch_execute("SELECT FROM made_meanwhile").await;
    there.expect("it is there");
}

/// Only the transaction itself sees to what it has given another name.
#[tokio::test]
async fn what_the_transaction_has_renamed_waits_to_be_dropped() {
    let gateway = guarding_dora().await;
    let dora = gateway.connect(Person::Dora).await;
    let renamed = "BEGIN; ALTER TABLE orders_import RENAME TO other";
    dora.batch_execute(renamed).await.expect("another name");
    waits(&gateway, dora, "DROP TABLE other").await;
}

/// What is doubted in one transaction is judged anew elsewhere, and functions that are read leave no doubt.
#[tokio::test]
async fn what_is_not_there_is_doubted_only_where_it_may_be_there() {
    const FUNCTIONS: &str = "CREATE FUNCTION unread() RETURNS void LANGUAGE plpgsql
        AS $$ BEGIN EXECUTE 'SELECT 1'; END $$;
        CREATE FUNCTION one_more(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';";
    const DROP: &str = "DROP TABLE IF EXISTS not_there";
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(FUNCTIONS).await.expect("functions");
    let agent = gateway.connect(Person::Agent).await;
    let begun = "BEGIN; SELECT one_more(1)";
    agent.batch_execute(begun).await.expect("it runs");
    agent.batch_execute(DROP).await.expect("nothing is there");
    agent.batch_execute("ROLLBACK").await.expect("an end");
    let alice = gateway.connect(Person::Alice).await;
    let refused = alice
        .batch_execute("SELECT unread(); DROP TABLE IF EXISTS not_there")
        .await;
    assert!(refused.is_err(), "nobody knows what it does");
    alice.batch_execute(DROP).await.expect("nothing is there");
}

/// What a function has given another name, only this transaction knows by it.
#[tokio::test]
async fn what_a_function_may_have_renamed_waits_to_be_dropped() {
    const FUNCTION: &str = "CREATE TABLE named_before (id integer);
        CREATE FUNCTION rename_it() RETURNS void LANGUAGE plpgsql
        AS $$ BEGIN EXECUTE 'ALTER TABLE named_before RENAME TO named_after'; END $$;
        CREATE FUNCTION rename_for_row() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN EXECUTE 'ALTER TABLE named_before RENAME TO named_after'; RETURN NEW; END $$;
        CREATE TABLE renaming (id integer);
        CREATE TRIGGER renames BEFORE INSERT ON renaming
        FOR EACH ROW EXECUTE FUNCTION rename_for_row();";
    const DROP: &str = "DROP TABLE named_after";
    for texts in [
        vec!["SELECT rename_it()", DROP],
        vec!["SELECT rename_it(); DROP TABLE named_after"],
        vec!["INSERT INTO renaming VALUES (1)", DROP],
        vec!["DECLARE c CURSOR FOR SELECT rename_it()", "FETCH c", DROP],
    ] {
        let gateway = guarding_dora().await;
        let direct = gateway.place().direct().await;
        direct.batch_execute(FUNCTION).await.expect("a function");
        let dora = gateway.connect(Person::Dora).await;
        dora.batch_execute("BEGIN").await.expect("a transaction");
        let (last, before) = texts.split_last().expect("there are some");
        for text in before {
            dora.batch_execute(text).await.expect(text);
        }
        waits(&gateway, dora, last).await;
    }
}

#[tokio::test]
async fn the_approver_sees_who_asks_for_what_and_on_whose_behalf() {
    let gateway = Gateway::start().await;
    let (number, waiting) = hold(&gateway, HELD).await;
    let path = format!("holds/{number}");
    let (status, hold) = gateway.ask(Person::Dora, "GET", &path, Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(hold["statement"], HELD);
    assert_eq!(hold["requester"]["subject"], "alice");
    assert_eq!(hold["requester"]["actors"], json!(["reporting-agent"]));
    waiting.abort();
}

#[tokio::test]
async fn nobody_approves_their_own_request() {
    let gateway = Gateway::start().await;
    let (number, waiting) = hold(&gateway, HELD).await;
    for person in [Person::Alice, Person::Agent] {
        let status = approve(&gateway, person, number).await;
        assert!(matches!(status, 403 | 404 | 409), "{person:?}: {status}");
    }
    assert_eq!(holds(&gateway).await.len(), 1);
    waiting.abort();
}

#[tokio::test]
async fn a_denied_request_is_refused_with_the_reason() {
    let gateway = Gateway::start().await;
    let (number, waiting) = hold(&gateway, HELD).await;
    let reason = json!({ "reason": "use the archive" });
    let path = format!("holds/{number}/deny");
    assert_eq!(
        gateway.ask(Person::Dora, "POST", &path, reason).await.0,
        200
    );
    let error = waiting.await.unwrap().unwrap_err();
    let said = error.as_db_error().unwrap();
    let text = format!("{} {}", said.message(), said.detail().unwrap_or_default());
    assert!(text.contains("use the archive"), "{text}");
    assert_eq!(sqlstate(Err::<(), _>(error)), "42501");
}

#[tokio::test]
async fn an_approval_is_used_once() {
    let gateway = Gateway::start().await;
    let (number, waiting) = hold(&gateway, HELD).await;
    assert_eq!(approve(&gateway, Person::Dora, number).await, 200);
    waiting.await.unwrap().ok();
    assert_ne!(approve(&gateway, Person::Dora, number).await, 200);
    let (second, waiting) = hold(&gateway, HELD).await;
    assert_ne!(second, number);
    waiting.abort();
}

#[tokio::test]
async fn a_request_that_nobody_answers_expires() {
    let gateway =
        Gateway::with(|text| text.replace("max-wait = \"15m\"", "max-wait = \"1s\"")).await;
    let client = gateway.connect(Person::Agent).await;
    assert_eq!(sqlstate(client.execute(HELD, &[]).await), "42501");
    assert!(holds(&gateway).await.is_empty());
    client.query_one("SELECT 1", &[]).await.unwrap();
}

#[tokio::test]
async fn a_cancel_ends_the_wait() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Agent).await;
    let cancel = client.cancel_token();
    let waiting = tokio::spawn(async move { client.execute(HELD, &[]).await });
    listed(&gateway).await;
    cancel.cancel_query(NoTls).await.unwrap();
    assert_eq!(sqlstate(waiting.await.unwrap()), "57014");
    eventually("it is off the list", || async {
        holds(&gateway).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    let gateway = Gateway::start().await;
    // A driver would go on waiting for the answer: here the socket closes.
    let mut client = WireClient::log_in(&gateway, Person::Agent).await;
    client.send(&message(b'Q', &terminated(HELD))).await;
    listed(&gateway).await;
    drop(client);
    eventually("it is off the list", || async {
        holds(&gateway).await.is_empty()
    })
    .await;
}

/// The name of a temporary table may be another's by the time that it is dropped or emptied.
#[tokio::test]
async fn what_has_got_the_name_of_a_temporary_table_waits_to_be_dropped() {
    const MAKE: &str = "CREATE TEMP TABLE own (id integer)";
    const RENAME: &str = "ALTER TABLE orders_import RENAME TO own";
    const DROP: &str = "DROP TABLE own";
    let prefer = "SET search_path = public, pg_temp";
    let prepare = "PREPARE empty AS DELETE FROM own";
    for (texts, is_held) in [
        (vec!["BEGIN", MAKE, DROP, RENAME, DROP], true),
        (vec!["BEGIN", MAKE, RENAME, DROP], true),
        (vec![prefer, MAKE, "BEGIN", RENAME, DROP], true),
        (
            vec![MAKE, "BEGIN", "ALTER TABLE own RENAME TO b", RENAME, DROP],
            true,
        ),
        (
            vec!["BEGIN", "SAVEPOINT s", MAKE, "ROLLBACK TO s", RENAME, DROP],
            true,
        ),
        (
            vec![
                "BEGIN",
                MAKE,
                "DROP TABLE own; ALTER TABLE orders_import RENAME TO own; DROP TABLE own",
            ],
            true,
        ),
        (
            vec![
                "BEGIN; CREATE TEMP TABLE own (id integer); ROLLBACK; \
                 ALTER TABLE orders_import RENAME TO own; DROP TABLE own",
            ],
            true,
        ),
        (vec!["BEGIN", MAKE, DROP, RENAME, "DELETE FROM own"], false),
        (
            vec!["BEGIN", MAKE, prepare, DROP, RENAME, "EXECUTE empty"],
            false,
        ),
    ] {
        let gateway = guarding_dora().await;
        let dora = gateway.connect(Person::Dora).await;
        let (last, before) = texts.split_last().expect("there are some");
        for text in before {
            dora.batch_execute(text).await.expect(text);
        }
        if !is_held {
            let refused = dora.batch_execute(last).await;
            assert_eq!(sqlstate(refused), "42501", "{texts:?}");
            continue;
        }
        waits(&gateway, dora, last).await;
    }
}

/// Who approves has read a name.
#[tokio::test]
async fn an_approved_request_does_nothing_to_what_has_got_the_name_meanwhile() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    let twins = "CREATE SCHEMA one; CREATE TABLE one.orders AS TABLE orders; \
                 CREATE SCHEMA two; CREATE TABLE two.orders AS TABLE orders";
    direct.batch_execute(twins).await.unwrap();
    for (text, swap) in [
        (
            HELD,
            "ALTER TABLE orders RENAME TO former; CREATE TABLE orders AS TABLE former",
        ),
        (
            "DELETE FROM one.orders WHERE status = 'returned'; SELECT count(*) FROM two.orders",
            "ALTER TABLE one.orders RENAME TO former; ALTER TABLE two.orders SET SCHEMA one; \
             ALTER TABLE one.former RENAME TO other; ALTER TABLE one.other SET SCHEMA two; \
             ALTER TABLE two.other RENAME TO orders",
        ),
    ] {
        let client = gateway.connect(Person::Agent).await;
        let waiting = tokio::spawn(async move { client.batch_execute(text).await });
        let number = listed(&gateway).await;
        direct.batch_execute(swap).await.unwrap();
        assert_eq!(approve(&gateway, Person::Dora, number).await, 200);
        assert_eq!(sqlstate(waiting.await.unwrap()), "42501", "{text}");
    }
    assert!(count(&direct).await > 0);
}

/// A temporary table stays its session's own affair.
#[tokio::test]
async fn temporary_tables_that_are_made_again_wait_for_nobody() {
    const MAKE: &str = "CREATE TEMP TABLE own (id integer)";
    let gateway = guarding_dora().await;
    for person in [Person::Dora, Person::Alice] {
        let client = gateway.connect(person).await;
        let again = ["BEGIN", MAKE, "DROP TABLE own", MAKE, "DELETE FROM own"];
        for text in again.into_iter().chain(["DROP TABLE own", "COMMIT"]) {
            client.batch_execute(text).await.expect(text);
        }
        let undone = ["BEGIN", MAKE, "SAVEPOINT s", "INSERT INTO own VALUES (1)"];
        let after = [
            "ROLLBACK TO s",
            "RELEASE s",
            "DELETE FROM own",
            "DROP TABLE own",
        ];
        for text in undone.into_iter().chain(after).chain(["COMMIT"]) {
            client.batch_execute(text).await.expect(text);
        }
        // As pgjdbc marks what it goes back to.
        for text in ["BEGIN", MAKE, "SAVEPOINT auto", "DELETE FROM own"] {
            client.execute(text, &[]).await.expect(text);
        }
        client.batch_execute("ROLLBACK TO auto").await.expect("one");
        for text in ["SELECT * FROM own", "DROP TABLE own", "COMMIT"] {
            client.execute(text, &[]).await.expect(text);
        }
        let one_text = [MAKE, "DROP TABLE own", MAKE, "DROP TABLE own"].join(";");
        client.batch_execute(&one_text).await.expect("its own");
    }
    let dora = gateway.connect(Person::Dora).await;
    for text in [
        "BEGIN",
        MAKE,
        "ALTER TABLE own ADD COLUMN b integer",
        "CREATE TABLE lasting (LIKE own)",
        "DROP TABLE own",
        "ROLLBACK",
    ] {
        dora.batch_execute(text).await.expect(text);
    }
    assert!(holds(&gateway).await.is_empty());
}

/// What waits behind its own pipeline is looked for when its turn comes.
#[tokio::test]
async fn what_gets_its_name_meanwhile_waits_to_be_dropped() {
    const DROP: &str = "DROP TABLE IF EXISTS other";
    let gateway = guarding_dora().await;
    let mut waits = WireClient::log_in(&gateway, Person::Dora).await;
    let dora = gateway.connect(Person::Dora).await;
    let both = [query("SELECT pg_sleep(1)"), query(DROP)].concat();
    waits.send(&both).await;
    let rename = "ALTER TABLE orders_import RENAME TO other";
    dora.batch_execute(rename).await.expect("another name");
    listed(&gateway).await;
}

/// The end of what was sent before does not undo the doubt.
#[tokio::test]
async fn what_a_function_may_have_renamed_waits_to_be_dropped_in_a_pipeline_too() {
    const FUNCTION: &str = "CREATE TABLE named_before (id integer);
        CREATE FUNCTION rename_it() RETURNS void LANGUAGE plpgsql
        AS $$ BEGIN EXECUTE 'ALTER TABLE named_before RENAME TO named_after'; END $$;";
    const DROP: &str = "DROP TABLE IF EXISTS named_after";
    for first in ["SELECT 1", "SELECT pg_sleep(0.5)"] {
        let gateway = guarding_dora().await;
        let direct = gateway.place().direct().await;
        direct.batch_execute(FUNCTION).await.expect("a function");
        let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
        let before = [first, "BEGIN", "SELECT rename_it()"].map(query).concat();
        if first == "SELECT 1" {
            dora.send(&before).await;
            for _ in 0..3 {
                dora.until_ready().await.expect("they run");
            }
            dora.send(&query(DROP)).await;
        } else {
            dora.send(&[before, query(DROP)].concat()).await;
        }
        listed(&gateway).await;
    }
}

#[tokio::test]
async fn a_held_session_hears_a_notice_with_the_number() {
    let gateway = Gateway::start().await;
    let asking = gateway.psql(Person::Agent, HELD);
    let answering = async {
        let number = listed(&gateway).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let path = format!("holds/{number}/deny");
        gateway
            .ask(Person::Dora, "POST", &path, json!({ "reason": "no" }))
            .await;
        number
    };
    let (said, number) = tokio::join!(asking, answering);
    assert!(said.err.contains("NOTICE"), "{}", said.err);
    assert!(said.err.contains(&number.to_string()), "{}", said.err);
}

#[tokio::test]
async fn a_request_that_waits_behind_an_error_is_skipped_as_postgresql_skips_it() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    let before = count(&direct).await;
    let mut client = WireClient::log_in(&gateway, Person::Agent).await;
    let one = |text| {
        let parts = [parse("", text), bind("", "", &[], Format::Text)];
        [parts.concat(), execute("", 0)].concat()
    };
    let pipeline = [one("SELECT 1 / 0"), one(HELD), one("SELECT 2"), sync()];
    client.send(&pipeline.concat()).await;
    let said = client
        .until_ready()
        .await
        .expect("nobody has to approve it");
    let errors: Vec<_> = said.iter().filter(|message| message.tag == b'E').collect();
    assert_eq!(errors.len(), 1, "{said:?}");
    assert_eq!(errors[0].field(b'C'), Some("22012"), "{said:?}");
    assert!(holds(&gateway).await.is_empty());
    let said = client
        .query("SELECT 3")
        .await
        .expect("the session lives on");
    assert_eq!(tags(&said), "TDC");
    assert_eq!(count(&direct).await, before);
}

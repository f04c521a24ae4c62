//! Rows are counted as they are delivered, whichever way they come.

use serde_json::Value;
use sluice_tests::wire_client::{Format, Message, WireClient, bind, execute, parse, sync};
use sluice_tests::{Gateway, Person};
use tokio_postgres::{Client, SimpleQueryMessage};

/// A gateway whose guard has these settings too, and these grants.
async fn guarded(grants: &str, settings: &str, budgets: &str) -> Gateway {
    Gateway::with(|text| {
        let module = "module = \"policies/guard.wasm\"\n";
        let section = "[policies.guard.settings]\n";
        text.replace(module, &format!("{module}grants = {grants}\n"))
            .replace(section, &format!("{section}{settings}\n"))
            .replace("[trail]\n", &format!("{budgets}\n[trail]\n"))
    })
    .await
}

/// One that lets an identity have ten rows with protected columns an hour, and one bulk read a day.
async fn budgeted() -> Gateway {
    let budgets = r#"
[[policies.guard.settings.budgets]]
name = "customers"
rows = 10
per = "1h"
protected = true

[[policies.guard.settings.budgets]]
name = "exports"
requests = 1
per = "1d"
bulk = true
databases = ["shop"]
"#;
    guarded("[\"counters\"]", "", budgets).await
}

/// How many rows came, and the SQLSTATE of the error that ended them.
fn outcome(messages: &[Message]) -> (usize, Option<String>) {
    let rows = messages
        .iter()
        .filter(|message| matches!(message.tag, b'D' | b'd'));
    let error = messages.iter().find(|message| message.tag == b'E');
    let state = error.and_then(|error| error.field(b'C'));
    (rows.count(), state.map(str::to_owned))
}

async fn rows(client: &Client, text: &str) -> Result<usize, tokio_postgres::Error> {
    let messages = client.simple_query(text).await?;
    let rows = messages.iter();
    Ok(rows
        .filter(|message| matches!(message, SimpleQueryMessage::Row(_)))
        .count())
}

const SIX: &str = "SELECT email FROM customers ORDER BY id LIMIT 6";

#[tokio::test]
async fn a_budget_of_rows_is_shared_by_all_sessions_and_survives_a_swap() {
    let gateway = budgeted().await;
    let alice = gateway.connect(Person::Alice).await;
    assert_eq!(rows(&alice, SIX).await.unwrap(), 6);
    let generation = gateway.generation().await;
    gateway
        .place()
        .edit(|text| text.replace("rows = 10", "rows = 9"));
    sluice_tests::eventually("the policies are replaced", || async {
        gateway.generation().await > generation
    })
    .await;
    let mut agent = WireClient::log_in(&gateway, Person::Agent).await;
    let said = agent.query(SIX).await.unwrap();
    assert_eq!(outcome(&said), (3, Some("53400".to_owned())));
    let error = said.iter().find(|message| message.tag == b'E').unwrap();
    let reason = error.field(b'M').unwrap();
    assert!(
        reason.contains("no more than 9 protected rows in 1 h"),
        "{reason}"
    );
    assert!(
        error.field(b'D').unwrap().contains("\"guard\""),
        "{error:?}"
    );
    assert!(error.field(b'H').unwrap().contains("LIMIT"), "{error:?}");
    // Nothing else is counted, and the session lives on.
    assert_eq!(
        outcome(&agent.query("SELECT id FROM orders LIMIT 50").await.unwrap()),
        (50, None)
    );
    let error = rows(&alice, "SELECT email FROM customers WHERE id = 1").await;
    assert_eq!(sluice_tests::sqlstate(error), "53400");
    let dora = gateway.connect(Person::Dora).await;
    assert_eq!(
        rows(&dora, "SELECT email FROM customers LIMIT 50")
            .await
            .unwrap(),
        50
    );
}

#[tokio::test]
async fn one_bulk_read_a_day() {
    let gateway = budgeted().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let whole = "COPY api_tokens (id, api_key) TO STDOUT";
    let first = alice.query(whole).await.unwrap();
    assert_eq!(outcome(&first), (10, Some("53400".to_owned())), "of more");
    let said = alice.query(whole).await.unwrap();
    assert_eq!(outcome(&said), (0, Some("42501".to_owned())));
    let error = said.iter().find(|message| message.tag == b'E').unwrap();
    let reason = error.field(b'M').unwrap();
    assert!(
        reason.contains("no more than 1 bulk requests in 1 d"),
        "{reason}"
    );
    assert!(error.field(b'H').unwrap().contains("WHERE"), "{error:?}");
}

#[tokio::test]
async fn every_way_to_rows_is_counted() {
    let gateway = guarded("[\"counters\"]", "max-rows = 5", "").await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    for (text, extra) in [
        ("SELECT id FROM products ORDER BY id LIMIT {n}", 0),
        ("SELECT repeat('x', 100000) FROM generate_series(1, {n})", 0),
        ("SELECT email, id FROM customers ORDER BY id LIMIT {n}", 0),
        ("COPY (SELECT id FROM products LIMIT {n}) TO STDOUT", 0),
        (
            "COPY (SELECT repeat('x', 100000) FROM generate_series(1, {n})) TO STDOUT",
            0,
        ),
        (
            "COPY (SELECT id, email FROM customers LIMIT {n}) TO STDOUT (FORMAT csv, HEADER)",
            1,
        ),
        (
            "COPY (SELECT id FROM products LIMIT {n}) TO STDOUT (FORMAT csv, HEADER)",
            1,
        ),
        (
            "COPY (SELECT id FROM products LIMIT {n}) TO STDOUT (FORMAT binary)",
            1,
        ),
        ("SELECT 1; SELECT id FROM products LIMIT {n} - 1", 0),
        (
            "INSERT INTO products SELECT 70000 + i, 'x', 'y', 1 FROM generate_series(1, {n}) i RETURNING id",
            0,
        ),
    ] {
        let ask = |n: &str| format!("BEGIN; {}; ROLLBACK", text.replace("{n}", n));
        let fitting = client.query(&ask("5")).await.unwrap();
        assert_eq!(outcome(&fitting), (5 + extra, None), "{text}");
        let ended = client.query(&ask("6")).await.unwrap();
        // What ends binary data comes after the last row.
        let came = if text.contains("binary") {
            5
        } else {
            5 + extra
        };
        assert_eq!(outcome(&ended), (came, Some("53400".to_owned())), "{text}");
        client.query("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn pipelines_and_portals_are_counted() {
    let gateway = budgeted().await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    let portal = |rows: u32| execute("p", rows);
    let text = "SELECT email FROM customers ORDER BY id LIMIT 100";
    let messages = [
        parse("s", text),
        bind("p", "s", &[], Format::Binary),
        portal(4),
        portal(4),
        portal(4),
        portal(4),
        sync(),
    ];
    client.send(&messages.concat()).await;
    let said = client.until_ready().await.unwrap();
    assert_eq!(outcome(&said), (10, Some("53400".to_owned())));
    let ends = |said: &[Message]| said.iter().filter(|one| one.tag == b'E').count();
    assert_eq!(ends(&said), 1, "the rest is passed over");
    let said = client.query(&format!("{SIX}; {SIX}")).await.unwrap();
    assert_eq!(ends(&said), 1, "{said:?}");
    client
        .send(&[bind("", "s", &[], Format::Text), execute("", 0), sync()].concat())
        .await;
    let said = client.until_ready().await.unwrap();
    assert_eq!(outcome(&said), (0, Some("53400".to_owned())));
    assert_eq!(outcome(&client.query("SELECT 1").await.unwrap()), (1, None));
}

/// What PostgreSQL passes over after an error does not run, and is not counted.
#[tokio::test]
async fn what_is_passed_over_after_an_error_is_given_back() {
    let gateway = budgeted().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let bulk = "SELECT api_key FROM api_tokens";
    let messages = [
        parse("bad", "SELECT 1 / (id - id) FROM orders"),
        parse("bulk", bulk),
        sync(),
        bind("", "bad", &[], Format::Text),
        execute("", 0),
        bind("", "bulk", &[], Format::Text),
        execute("", 0),
        sync(),
    ];
    alice.send(&messages.concat()).await;
    alice.until_ready().await.unwrap();
    let said = alice.until_ready().await.unwrap();
    assert_eq!(outcome(&said), (0, Some("22012".to_owned())));
    let said = alice.query(bulk).await.unwrap();
    assert_eq!(outcome(&said), (10, Some("53400".to_owned())));
}

/// A statement whose result was ended does not run on: these would for a day. Nothing later is hit.
#[tokio::test]
async fn what_was_ended_is_cancelled_and_nothing_else() {
    let gateway = guarded("[\"counters\"]", "max-rows = 5", "").await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    let text = "SELECT repeat('x', 1000) FROM generate_series(1, 50) \
                UNION ALL SELECT pg_sleep(86400)::text";
    for around in 0..4 {
        let said = match around % 2 {
            0 => client.query(text).await.unwrap(),
            _ => {
                let messages = [
                    parse("", text),
                    bind("", "", &[], Format::Text),
                    execute("", 0),
                    execute("", 0),
                    sync(),
                ];
                client.send(&messages.concat()).await;
                client.until_ready().await.unwrap()
            }
        };
        assert_eq!(outcome(&said), (5, Some("53400".to_owned())));
        for _ in 0..10 {
            let said = client.query("SELECT 1").await.unwrap();
            assert_eq!(outcome(&said), (1, None));
        }
    }
    client.query("BEGIN").await.unwrap();
    assert_eq!(outcome(&client.query(text).await.unwrap()).0, 5);
    let said = client.query("SELECT 1").await.unwrap();
    assert_eq!(outcome(&said), (0, Some("25P02".to_owned())));
    assert_eq!(outcome(&client.query("ROLLBACK").await.unwrap()), (0, None));
    assert_eq!(outcome(&client.query("SELECT 1").await.unwrap()), (1, None));
}

#[tokio::test]
async fn without_the_grant_the_guard_loads_and_its_budgets_do_not() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    let section = "[policies.guard.settings]\n";
    gateway
        .place()
        .edit(|text| text.replace(section, &format!("{section}max-rows = 5\n")));
    sluice_tests::eventually("the new policies are rejected", || async {
        gateway.policies().await["rejected"] != Value::Null
    })
    .await;
    let answer = gateway.policies().await;
    let reason = answer["rejected"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("max-rows: this needs what is not granted"),
        "{reason}"
    );
    assert!(
        reason.contains("add \"counters\" to the policy's grants"),
        "{reason}"
    );
    assert_eq!(gateway.generation().await, generation);
}

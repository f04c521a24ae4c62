//! Prepared statements mean what they did at their Parse, or nothing, to one from whom columns are
//! protected.

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::wire_client::{
    Format, Kind, Message, WireClient, bind, describe, execute, message, parse, query, sync, tags,
};
use sluice_tests::{Gateway, Person};

use super::overtaken::WAITS;
use super::turns::hold;
use super::{one, set_up, until};

const SETUP: &str = "CREATE TABLE plain (a text, b text); INSERT INTO plain VALUES ('x', 'y'); \
                     CREATE TYPE pair AS (c text, b text); \
                     CREATE TABLE own (c text, b text); CREATE TABLE rows (r own); \
                     CREATE TABLE parted (a int) PARTITION BY LIST (a); \
                     CREATE TABLE first PARTITION OF parted FOR VALUES IN (1); \
                     INSERT INTO parted VALUES (1);";

/// A gateway without the guard, and a client of one from whom e-mails are protected.
async fn gateway() -> (Gateway, WireClient) {
    open(Place::new().await).await
}

async fn open(place: Place) -> (Gateway, WireClient) {
    set_up(&place, Role::Application, SETUP).await;
    let gateway = super::gateway(place).await;
    let alice = WireClient::log_in(&gateway, Person::Alice).await;
    (gateway, alice)
}

async fn answer(client: &mut WireClient, messages: &[Vec<u8>]) -> Vec<Message> {
    client.send(&messages.concat()).await;
    client.until_ready().await.expect("an answer")
}

/// Runs a statement that was prepared.
async fn run(client: &mut WireClient, name: &str) -> Vec<Message> {
    let messages = [bind("", name, &[], Format::Text), execute("", 0), sync()];
    answer(client, &messages).await
}

fn has(answer: &[Message], text: &str) -> bool {
    let bytes = |one: &Message| {
        one.body
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    answer.iter().any(bytes)
}

/// Those that nobody may see.
async fn emails(gateway: &Gateway) -> Vec<String> {
    let direct = gateway.place().direct().await;
    let rows = direct.query("SELECT email FROM customers WHERE id < 4", &[]);
    let rows = rows.await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// The e-mail is the third column for as long as the rows before it have two.
fn third(rows: &str) -> String {
    format!(
        "SELECT name FROM customers WHERE id = 1 UNION ALL SELECT c3 \
         FROM (SELECT {rows}, q.email, q.name FROM customers q WHERE q.id < 4) z(c1, c2, c3, c4)"
    )
}

#[tokio::test]
async fn a_row_type_that_grows_moves_no_column_of_a_statement_parsed_before() {
    let (gateway, mut alice) = gateway().await;
    let emails = emails(&gateway).await;
    let grown = [
        ("(NULL::pair).*", "ALTER TYPE pair ADD ATTRIBUTE w text"),
        ("(NULL::made).*", "ALTER TABLE made ADD COLUMN w text"),
        (
            "(NULL::made).*",
            "DISCARD TEMP; CREATE TEMP TABLE made (c text, b text, w text)",
        ),
        (
            "(SELECT r FROM rows LIMIT 1).*",
            "ALTER TABLE own ADD COLUMN w text",
        ),
    ];
    for (number, (rows, grow)) in grown.into_iter().enumerate() {
        for text in [
            "DROP TABLE IF EXISTS made",
            "CREATE TEMP TABLE made (c text, b text)",
        ] {
            answer(&mut alice, &[query(text)]).await;
        }
        let name = format!("s{number}");
        let parsed = answer(&mut alice, &[parse(&name, &third(rows)), sync()]).await;
        if tags(&parsed) == "E" {
            continue;
        }
        let before = run(&mut alice, &name).await;
        for text in grow.split("; ") {
            answer(&mut alice, &[query(text)]).await;
        }
        let described = [describe(Kind::Statement, &name), sync()];
        let after = [
            run(&mut alice, &name).await,
            answer(&mut alice, &described).await,
            answer(&mut alice, &[query(&format!("EXECUTE {name}"))]).await,
        ];
        for said in after.iter().chain([&before]) {
            let leaks = emails.iter().any(|email| has(said, email));
            assert!(!leaks, "{rows}, {grow}: {said:?}");
        }
    }
}

#[tokio::test]
async fn drivers_are_told_to_prepare_what_means_something_else() {
    let (gateway, mut alice) = gateway().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let text = "SELECT (NULL::pair).*, name FROM customers LIMIT 1";
    let prepares = [parse("s", text), describe(Kind::Statement, "s"), sync()];
    assert_eq!(tags(&answer(&mut alice, &prepares).await), "1tT");
    assert_eq!(
        tags(&answer(&mut alice, &[parse("u", text), sync()]).await),
        "1"
    );
    assert_eq!(tags(&run(&mut alice, "s").await), "2DC");
    for grow in ["ADD ATTRIBUTE w text", "DROP ATTRIBUTE w"] {
        answer(&mut dora, &[query(&format!("ALTER TYPE pair {grow}"))]).await;
    }
    assert_eq!(tags(&run(&mut alice, "s").await), "2DC");
    answer(&mut dora, &[query("ALTER TYPE pair ADD ATTRIBUTE w text")]).await;
    // Who was told no shape hears the new one.
    let said = answer(
        &mut alice,
        &[
            bind("", "u", &[], Format::Text),
            describe(Kind::Portal, ""),
            execute("", 0),
            sync(),
        ],
    )
    .await;
    assert_eq!(tags(&said), "2TDC", "{said:?}");
    for messages in [
        vec![bind("", "s", &[], Format::Text), execute("", 0), sync()],
        vec![bind("", "s", &[], Format::Text), execute("", 0), sync()],
        vec![describe(Kind::Statement, "s"), sync()],
    ] {
        let said = answer(&mut alice, &messages).await;
        assert_eq!(tags(&said), "E", "{said:?}");
        let fields = [b'C', b'M', b'R'].map(|field| said[0].field(field).unwrap_or_default());
        let expected = [
            "0A000",
            "cached plan must not change result type",
            "RevalidateCachedQuery",
        ];
        assert_eq!(fields, expected);
    }
    let again = [parse("t", text), sync()];
    assert_eq!(tags(&answer(&mut alice, &again).await), "1");
    assert_eq!(tags(&run(&mut alice, "t").await), "2DC");
}

#[tokio::test]
async fn what_means_the_same_stays_prepared() {
    let (gateway, mut alice) = gateway().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let text = "SELECT c.id, p.a FROM customers c, plain p WHERE c.id = 1";
    answer(&mut alice, &[parse("s", text), sync()]).await;
    let text = "SELECT c.email, p.a FROM customers c, parted p WHERE c.id = 1";
    answer(&mut alice, &[parse("parted", text), sync()]).await;
    for change in [
        "CREATE TABLE other (a int)",
        "ALTER TABLE plain ADD COLUMN w text",
        "ALTER TABLE other ADD COLUMN b int",
        "DROP TABLE other",
        "CREATE TEMP TABLE plain (a int)",
        "DROP TABLE pg_temp.plain",
        "CREATE TABLE part PARTITION OF parted FOR VALUES IN (2)",
    ] {
        answer(&mut dora, &[query(change)]).await;
        for name in ["s", "parted"] {
            let described = [describe(Kind::Statement, name), sync()];
            let said = answer(&mut alice, &described).await;
            assert_eq!(tags(&said), "tT", "{change}, {name}: {said:?}");
            let said = run(&mut alice, name).await;
            assert_eq!(tags(&said), "2DC", "{change}, {name}: {said:?}");
        }
    }
}

#[tokio::test]
async fn what_was_prepared_before_something_was_protected_is_parsed_anew() {
    let place = Place::new().await;
    let mask = "module = \"policies/mask.wasm\"\n";
    let off = format!("{mask}mode = \"off\"\n");
    place.edit(|text| text.replace(mask, &off));
    let (gateway, mut alice) = open(place).await;
    answer(&mut alice, &[parse("s", &third("(NULL::pair).*")), sync()]).await;
    assert_eq!(tags(&run(&mut alice, "s").await), "2DDDDC");
    let grow = query("ALTER TYPE pair ADD ATTRIBUTE w text");
    answer(&mut alice, &[grow]).await;
    assert_eq!(tags(&run(&mut alice, "s").await), "2DDDDC");
    gateway.place().edit(|text| text.replace(&off, mask));
    sluice_tests::eventually("something is protected", || async {
        let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
        let shown = alice
            .query("SELECT email FROM customers WHERE id = 1")
            .await;
        has(&shown.expect("an answer"), "***")
    })
    .await;
    let said = run(&mut alice, "s").await;
    let emails = emails(&gateway).await;
    assert!(!emails.iter().any(|email| has(&said, email)), "{said:?}");
}

#[tokio::test]
async fn the_error_of_a_bind_that_came_too_late_has_no_value() {
    let (gateway, mut alice) = gateway().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let calls = parse("", "SELECT upper('x'::varchar)::int");
    let messages = [
        query("SELECT pg_sleep(2)"),
        calls,
        bind("", "", &[], Format::Text),
        sync(),
    ];
    alice.send(&messages.concat()).await;
    let make = "CREATE FUNCTION upper(varchar) RETURNS text IMMUTABLE LANGUAGE sql \
                AS 'SELECT email FROM customers ORDER BY id LIMIT 1'";
    answer(&mut dora, &[query(make)]).await;
    alice.until_ready().await.expect("an answer");
    let said = alice.until_ready().await.expect("an answer");
    assert!(!has(&said, "@"), "{said:?}");
}

#[tokio::test]
async fn a_long_name_is_the_name_that_postgresql_keeps() {
    let (gateway, mut alice) = gateway().await;
    let emails = emails(&gateway).await;
    let name = "n".repeat(70);
    answer(&mut alice, &[query("ALTER TYPE pair ADD ATTRIBUTE w text")]).await;
    let text = third("(NULL::pair).*").replace("z(c1, c2, c3, c4)", "z(c1, c2, c3)");
    answer(&mut alice, &[parse(&name, &text), sync()]).await;
    for change in ["DROP ATTRIBUTE w", "ADD ATTRIBUTE w text"] {
        answer(&mut alice, &[query(&format!("ALTER TYPE pair {change}"))]).await;
        let said = run(&mut alice, &name).await;
        assert!(
            !emails.iter().any(|email| has(&said, email)),
            "{change}: {said:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_parsed_anew_now_can_be_later() {
    let (gateway, mut alice) = gateway().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let text = "SELECT c.email, p.a FROM customers c, parted p WHERE c.id = 1";
    answer(&mut alice, &[parse("s", text), sync()]).await;
    let makes = "CREATE TABLE second PARTITION OF parted FOR VALUES IN (2)";
    answer(&mut dora, &[query(makes)]).await;
    answer(&mut alice, &[query("SET lock_timeout = 100")]).await;
    let mut holds = gateway.place().direct().await;
    let held = holds.transaction().await.expect("a transaction");
    held.batch_execute("LOCK TABLE parted")
        .await
        .expect("a lock");
    let said = run(&mut alice, "s").await;
    assert_eq!(tags(&said), "E", "{said:?}");
    held.rollback().await.expect("the lock is gone");
    let said = run(&mut alice, "s").await;
    assert_eq!(tags(&said), "2DC", "{said:?}");
}

#[tokio::test]
async fn who_was_told_the_rows_of_a_portal_gets_no_others() {
    let (gateway, mut alice) = gateway().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    answer(&mut alice, &[parse("s", "SELECT * FROM plain"), sync()]).await;
    let described = [
        bind("", "s", &[], Format::Binary),
        describe(Kind::Portal, ""),
        execute("", 0),
        sync(),
    ];
    assert_eq!(tags(&answer(&mut alice, &described).await), "2TDC");
    assert_eq!(tags(&run(&mut alice, "s").await), "2DC");
    let changes = query("ALTER TABLE plain DROP COLUMN a, ADD COLUMN c int DEFAULT 7");
    answer(&mut dora, &[changes]).await;
    for _ in 0..2 {
        let said = run(&mut alice, "s").await;
        assert_eq!(said[0].field(b'C'), Some("0A000"), "{said:?}");
    }
}

#[tokio::test]
async fn a_description_by_what_is_not_in_force_is_forgotten() {
    let (gateway, mut alice) = gateway().await;
    let emails = emails(&gateway).await;
    let shows = "SELECT upper((SELECT a FROM (SELECT (NULL::made).*) z LIMIT 1)::text) \
                 FROM (SELECT email AS a FROM customers WHERE id < 4) q";
    let make = query("CREATE TEMP TABLE made (a text, b text)");
    answer(&mut alice, &[make]).await;
    let there = || query("ALTER TABLE made RENAME COLUMN a TO c");
    let back = || query("ALTER TABLE made RENAME COLUMN c TO a");
    let by_sql = || query("EXECUTE s");
    let by_name = || vec![[parse("e", "EXECUTE s"), sync()].concat()];
    let of_name = || [describe(Kind::Statement, "e"), sync()].concat();
    let describe = || [describe(Kind::Statement, "s"), sync()].concat();
    let runs = || [bind("", "s", &[], Format::Text), execute("", 0), sync()].concat();
    let prepare = || vec![query(&format!("PREPARE s AS {shows}")), by_sql()];
    let parse = || vec![[parse("s", shows), sync()].concat(), runs()];
    // Another than at its Parse has PostgreSQL analyse a statement anew.
    let path = || query("SET search_path = public, pg_catalog");
    let undone = |prepares| {
        [
            prepares,
            vec![path()],
            vec![query("BEGIN")],
            vec![there()],
            vec![describe()],
            vec![query("ROLLBACK")],
        ]
    };
    let ways: [Vec<Vec<Vec<u8>>>; 7] = [
        vec![
            prepare(),
            vec![path()],
            vec![there()],
            vec![describe()],
            vec![back()],
        ],
        undone(prepare()).into(),
        undone(parse()).into(),
        vec![
            parse(),
            vec![path()],
            vec![there(), describe()],
            vec![back()],
        ],
        vec![prepare(), vec![path(), there(), describe(), back()]],
        vec![
            prepare(),
            by_name(),
            vec![path(), there(), of_name(), back()],
        ],
        vec![
            parse(),
            by_name(),
            vec![path()],
            vec![there()],
            vec![of_name()],
            vec![back()],
        ],
    ];
    for messages in [prepare().remove(0), describe()] {
        answer(&mut alice, &[messages]).await;
    }
    let said = answer(&mut alice, &[by_sql()]).await;
    assert_eq!(tags(&said), "TDDDC", "nothing has changed: {said:?}");
    answer(&mut alice, &[query("DEALLOCATE ALL")]).await;
    for (number, messages) in ways.into_iter().enumerate() {
        for sent in messages {
            alice.send(&sent.concat()).await;
            for _ in &sent {
                alice.until_ready().await.expect("an answer");
            }
        }
        let mut said = answer(&mut alice, &[by_sql()]).await;
        said.extend(run(&mut alice, "s").await);
        for email in &emails {
            assert!(!has(&said, &email.to_uppercase()), "{number}: {said:?}");
        }
        for clear in ["DEALLOCATE ALL", "RESET search_path"] {
            answer(&mut alice, &[query(clear)]).await;
        }
    }
}

#[tokio::test]
async fn what_was_executed_too_late_is_forgotten() {
    let (gateway, mut alice) = gateway().await;
    let emails = emails(&gateway).await;
    let direct = gateway.place().direct().await;
    let mut holds = gateway.place().direct().await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let shows = "SELECT upper((SELECT c FROM (SELECT (NULL::pair).*) z)::text) \
                 FROM (SELECT email AS c FROM customers WHERE id < 4) q";
    let prepare = format!("PREPARE s AS {shows}");
    for text in [
        &prepare,
        "EXECUTE s",
        "SET search_path = public, pg_catalog",
    ] {
        answer(&mut alice, &[query(text)]).await;
    }
    answer(&mut dora, &[query("CREATE TABLE gate (a int)")]).await;
    let held = hold(&mut holds, "gate").await;
    let late = ["SELECT a FROM gate", "EXECUTE s"].map(query);
    alice.send(&late.concat()).await;
    until(&direct, &WAITS.replace("mine", "gate")).await;
    let there = query("ALTER TYPE pair RENAME ATTRIBUTE c TO d");
    answer(&mut dora, &[there]).await;
    drop(held);
    let mut said = alice.until_ready().await.expect("an answer");
    said.extend(alice.until_ready().await.expect("an answer"));
    let back = query("ALTER TYPE pair RENAME ATTRIBUTE d TO c");
    answer(&mut dora, &[back]).await;
    said.extend(answer(&mut alice, &[query("EXECUTE s")]).await);
    for email in &emails {
        assert!(!has(&said, &email.to_uppercase()), "{said:?}");
    }
}

#[tokio::test]
async fn what_the_type_of_a_parameter_runs_is_known() {
    let place = Place::new().await;
    let setup = "CREATE TYPE refers AS (id int); CREATE TYPE colour AS ENUM ('red'); \
                 CREATE TABLE painted (colours colour[]); \
                 CREATE FUNCTION email_of(refers) RETURNS text LANGUAGE sql STABLE AS \
                 'SELECT email FROM customers WHERE id = ($1).id';";
    let cast = "CREATE CAST (refers AS text) WITH FUNCTION email_of(refers)";
    set_up(&place, Role::Application, setup).await;
    let (gateway, mut alice) = open(place).await;
    let direct = gateway.place().direct().await;
    let number = async |name: &str| {
        let asked = format!("SELECT '{name}'::regtype::oid::text");
        one(&direct, &asked).await.parse::<u32>().expect("a number")
    };
    let typed = |number: u32, text: &str| {
        let types = [&1u16.to_be_bytes()[..], &number.to_be_bytes()].concat();
        message(b'P', &[b"\0", text.as_bytes(), b"\0", &types].concat())
    };
    let asked = |parse: Vec<u8>, value: &str| {
        [
            parse,
            bind("", "", &[value], Format::Text),
            execute("", 0),
            sync(),
        ]
    };
    for (name, value) in [("colour", "red"), ("colour[]", "{red}")] {
        let parse = typed(number(name).await, "SELECT $1");
        let said = answer(&mut alice, &asked(parse, value)).await;
        assert!(has(&said, "red"), "{name}: {said:?}");
    }
    let parse = typed(number("refers").await, "SELECT $1::text");
    let said = answer(&mut alice, &asked(parse, "(1)")).await;
    assert!(has(&said, "(1)"), "{said:?}");
    let emails = emails(&gateway).await;
    super::run(&gateway.connect(Person::Dora).await, &[cast]).await;
    for text in ["SELECT $1::text", "SELECT upper($1::text)"] {
        let parse = typed(number("refers").await, text);
        let said = answer(&mut alice, &asked(parse, "(1)")).await;
        assert_eq!(said[0].field(b'C'), Some("42501"), "{said:?}");
        assert!(!has(&said, &emails[0]), "{said:?}");
    }
}

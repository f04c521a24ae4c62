//! The third line: a role that PostgreSQL itself keeps from protected columns.
//!
//! The second function of `LEAKS` stands for an analysis that is wrong: it is called harmless, and
//! shows a protected column.

use sluice_tests::gateway::Place;
use sluice_tests::programs::{said, sluice};
use sluice_tests::wire_client::{
    Format, Message, WireClient, bind, execute, message, parse, sync, tags, terminated,
};
use sluice_tests::{Gateway, Person, Said};
use tokio::process::Command;

/// Functions that policies are told to trust.
const LEAKS: &str = "
    CREATE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
    CREATE FUNCTION leak() RETURNS text LANGUAGE sql AS
        'SELECT email || '''' FROM public.customers ORDER BY id LIMIT 1';";

/// What the second function says to who may read it.
async fn secret(gateway: &Gateway) -> String {
    let direct = gateway.place().direct().await;
    direct
        .query_one("SELECT leak()", &[])
        .await
        .expect("the owner may read it")
        .get(0)
}

async fn harden(gateway: &Gateway, more: &[&str]) -> Said {
    let mut command = Command::new(sluice());
    command
        .args(["harden", "--config"])
        .arg(gateway.place().file())
        .args(more);
    said(command).await
}

/// A gateway whose masked sessions live under a role of their own.
async fn hardened() -> (Gateway, String) {
    let place = Place::new().await;
    place.edit(|text| {
        text.replace(
            "[policies.mask.settings]\n",
            "[policies.mask.settings]\ntrusted = [\"public.who\", \"public.leak\"]\n",
        )
        .replace("ddl = \"deny\"", "opaque = \"allow\"")
    });
    let direct = place.direct().await;
    direct.batch_execute(LEAKS).await.expect("they are made");
    let role = place.limit().await;
    (Gateway::within(place).await, role)
}

fn query(text: &str) -> Vec<u8> {
    message(b'Q', &terminated(text))
}

/// Sends messages in one write; the rows and the errors of all up to as many ReadyForQuery.
async fn answers(client: &mut WireClient, parts: &[Vec<u8>]) -> (Vec<String>, Vec<String>) {
    let ends = parts.iter().filter(|part| matches!(part[0], b'S' | b'Q'));
    let ends = ends.count();
    client.send(&parts.concat()).await;
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for _ in 0..ends {
        let said = client.until_ready().await.expect("the session lives");
        rows.extend(said.iter().filter(|one| one.tag == b'D').map(first_value));
        let failed = said.iter().filter(|one| one.tag == b'E');
        errors.extend(failed.map(|one| one.field(b'M').unwrap_or_default().to_owned()));
    }
    (rows, errors)
}

/// The first value of a row, as text.
fn first_value(row: &Message) -> String {
    let length = i32::from_be_bytes(row.body[2..6].try_into().expect("four bytes"));
    let length = usize::try_from(length).unwrap_or_default();
    String::from_utf8(row.body[6..6 + length].to_vec()).expect("text")
}

async fn ask(client: &mut WireClient, text: &str) -> (Vec<String>, Vec<String>) {
    answers(client, &[query(text)]).await
}

/// The session lives under the limited role, which cannot read what is protected.
async fn is_limited(client: &mut WireClient, role: &str, after: &str) {
    let (rows, errors) = ask(client, "SELECT who()").await;
    assert_eq!((rows, errors), (vec![role.to_owned()], vec![]), "{after}");
    let (rows, errors) = ask(client, "SELECT leak()").await;
    assert_eq!(rows, [""; 0], "{after}");
    assert_eq!(errors.len(), 1, "{after}");
}

#[tokio::test]
async fn what_analysis_lets_through_postgresql_refuses() {
    let (gateway, role) = hardened().await;
    let secret = secret(&gateway).await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    is_limited(&mut alice, &role, "at first").await;
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let (rows, _) = ask(&mut dora, "SELECT leak()").await;
    assert_eq!(rows, [secret], "nothing is protected from her");
}

#[tokio::test]
async fn masked_columns_are_read_and_the_role_is_limited_again() {
    let (gateway, role) = hardened().await;
    let secret = secret(&gateway).await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    for text in [
        "SELECT email FROM customers ORDER BY id LIMIT 2",
        "SELECT phone FROM customers WHERE email = 'x' OR id < 3",
        "COPY (SELECT email FROM customers LIMIT 2) TO STDOUT",
        "UPDATE customers SET email = 'x@example.org' WHERE id = 3 RETURNING email",
        "EXPLAIN SELECT email FROM customers",
        "PREPARE p AS SELECT email FROM customers LIMIT 1",
        "EXECUTE p",
    ] {
        let (rows, errors) = ask(&mut alice, text).await;
        assert!(!rows.contains(&secret), "{text}");
        let filtered = errors.iter().all(|one| one.contains("in a condition"));
        assert!(errors.is_empty() || filtered, "{text}: {errors:?}");
        is_limited(&mut alice, &role, text).await;
    }
    for text in ["SELECT 1/0 FROM customers WHERE id = 1", "SELECT nothing"] {
        ask(&mut alice, text).await;
        is_limited(&mut alice, &role, text).await;
    }
}

#[tokio::test]
async fn ordinary_work_goes_on() {
    let (gateway, _) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    for text in [
        "SELECT count(*) FROM customers",
        "SELECT id, name FROM customers WHERE id = 1",
        "INSERT INTO products VALUES (9001, 'Oak lamp', 'lighting', 12.50)",
        "UPDATE orders SET status = 'shipped' WHERE id = 5",
        "DELETE FROM products WHERE id = 9001",
        "CREATE TEMP TABLE mine (a int)",
        "INSERT INTO mine VALUES (1)",
        "SELECT a FROM mine",
        "SELECT * FROM recent_payments LIMIT 1",
        "BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT",
        "BEGIN",
        "CREATE TEMP TABLE picked AS SELECT id FROM customers LIMIT 3",
        "INSERT INTO picked VALUES (4)",
        "CREATE INDEX ON picked (id)",
        "SELECT c.email FROM customers c JOIN picked USING (id)",
        "COMMIT",
        "SELECT id FROM picked",
        // What is selected and used by nobody.
        "SELECT count(*) FROM (SELECT * FROM customers) c",
        "WITH c AS (SELECT * FROM customers) SELECT name FROM c ORDER BY id LIMIT 1",
        "SELECT EXISTS (SELECT * FROM customers WHERE id = 1)",
        "PREPARE one AS SELECT name FROM (SELECT id, name, email FROM customers) c LIMIT 1",
        "EXECUTE one",
    ] {
        let (_, errors) = ask(&mut alice, text).await;
        assert_eq!(errors, [""; 0], "{text}");
    }
}

#[tokio::test]
async fn transactions_take_the_role_back_with_them() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let masked = "SELECT email FROM customers LIMIT 1";
    for way in [
        vec!["BEGIN", masked, "COMMIT"],
        vec!["BEGIN", masked, "ROLLBACK"],
        vec!["BEGIN", masked, "SELECT 1/0", masked, "ROLLBACK"],
        vec![
            "BEGIN",
            "SAVEPOINT s",
            masked,
            "SELECT 1/0",
            "ROLLBACK TO s",
            masked,
            "COMMIT",
        ],
        vec![
            "BEGIN",
            "SAVEPOINT s",
            masked,
            "RELEASE s",
            masked,
            "ROLLBACK",
        ],
        vec![
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT email FROM customers",
            "FETCH c",
            "COMMIT",
        ],
    ] {
        for text in &way {
            ask(&mut alice, text).await;
        }
        is_limited(&mut alice, &role, &way.join("; ")).await;
        let together: Vec<_> = way.iter().map(|text| query(text)).collect();
        answers(&mut alice, &together).await;
        is_limited(&mut alice, &role, &way.join("; ")).await;
    }
}

#[tokio::test]
async fn a_cursor_over_a_masked_column_alone_can_be_declared_and_read() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    for text in [
        "BEGIN",
        "DECLARE d CURSOR FOR SELECT id, email FROM customers",
    ] {
        let (_, errors) = ask(&mut alice, text).await;
        assert!(errors.is_empty(), "{text}: {errors:?}");
    }
    let (rows, errors) = ask(&mut alice, "FETCH 2 FROM d").await;
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(rows.len(), 2);
    ask(&mut alice, "COMMIT").await;
    is_limited(&mut alice, &role, "a cursor").await;
}

#[tokio::test]
async fn pipelines_switch_within_their_transaction() {
    let (gateway, role) = hardened().await;
    let secret = secret(&gateway).await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let masked = "SELECT email FROM customers ORDER BY id LIMIT 2";
    let run = |text: &str| {
        [
            parse("", text),
            bind("", "", &[], Format::Text),
            execute("", 0),
        ]
        .concat()
    };
    let good = [run(masked), run("SELECT who()"), run(masked), sync()];
    let (rows, errors) = answers(&mut alice, &good).await;
    assert_eq!(errors, [""; 0]);
    assert_eq!((rows.len(), rows[2].as_str()), (5, role.as_str()));
    assert!(!rows.contains(&secret));
    let bad = [run(masked), run("SELECT 1/0"), run(masked), sync()];
    answers(&mut alice, &bad).await;
    is_limited(&mut alice, &role, "an error in a pipeline").await;

    // A portal that is suspended and resumed across another statement.
    let (rows, errors) = answers(
        &mut alice,
        &[
            query("BEGIN"),
            [
                parse("s", masked),
                bind("p", "s", &[], Format::Text),
                execute("p", 1),
                run("SELECT who()"),
                execute("p", 1),
            ]
            .concat(),
            sync(),
        ],
    )
    .await;
    assert_eq!(errors, [""; 0]);
    assert_eq!((rows.len(), rows[1].as_str()), (3, role.as_str()));
    answers(&mut alice, &[query("ROLLBACK")]).await;
    is_limited(&mut alice, &role, "a portal").await;
}

#[tokio::test]
async fn clients_reach_no_other_role() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    for text in [
        "SET ROLE NONE",
        "SET ROLE app",
        "SET SESSION AUTHORIZATION app",
        "SELECT set_config('role', 'none', false)",
        "SELECT set_config('role', 'app', true)",
        "DO $$ BEGIN EXECUTE 'SET ROLE NONE'; END $$",
        "RESET ROLE",
        "SET ROLE TO DEFAULT",
        "SET SESSION AUTHORIZATION DEFAULT",
        "RESET SESSION AUTHORIZATION",
        "RESET ALL",
        "DISCARD ALL",
        "BEGIN; RESET SESSION AUTHORIZATION; ROLLBACK",
        "BEGIN; SET LOCAL SESSION AUTHORIZATION DEFAULT; COMMIT",
    ] {
        ask(&mut alice, text).await;
        is_limited(&mut alice, &role, text).await;
        let mut pieces: Vec<_> = text.split("; ").map(query).collect();
        if pieces.len() > 1 {
            pieces.push(query("SELECT who()"));
            let (rows, _) = answers(&mut alice, &pieces).await;
            assert_eq!(rows, [role.as_str()], "{text}");
            is_limited(&mut alice, &role, text).await;
        }
    }
}

#[tokio::test]
async fn what_the_role_may_do_is_not_for_it_to_change() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    for text in [
        format!("GRANT SELECT ON customers TO {role}"),
        "GRANT SELECT ON staff.employees TO PUBLIC".to_owned(),
        format!("DROP OWNED BY {role}"),
        format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}"),
    ] {
        let (_, errors) = ask(&mut alice, &text).await;
        assert_eq!(errors.len(), 1, "{text}");
        is_limited(&mut alice, &role, &text).await;
    }
}

#[tokio::test]
async fn several_statements_do_not_share_the_role_that_reads() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let (rows, errors) = ask(
        &mut alice,
        "SELECT email FROM customers LIMIT 1; SELECT leak()",
    )
    .await;
    assert_eq!((rows.len(), errors.len()), (0, 1), "{errors:?}");
    is_limited(&mut alice, &role, "several statements").await;
}

#[tokio::test]
async fn what_changes_settings_is_not_sent_with_a_copy() {
    let (gateway, role) = hardened().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    ask(&mut alice, "CREATE TEMP TABLE taken (id integer)").await;
    let text = "SET application_name TO 'x'; COPY taken FROM STDIN";
    let (_, errors) = ask(&mut alice, text).await;
    assert!(errors[0].contains("data that COPY reads"), "{errors:?}");
    is_limited(&mut alice, &role, text).await;
}

#[tokio::test]
async fn harden_says_what_is_still_open() {
    let gateway = Gateway::start().await;
    let refused = harden(&gateway, &["--apply"]).await;
    assert!(!refused.content, "the demo's role may make no other");
    assert!(refused.err.contains("administrator"), "{}", refused.err);
    let none = harden(&gateway, &["--as", "dora", "--group", "dba"]).await;
    assert!(none.err.contains("nothing is protected"), "{}", none.err);
    let printed = harden(&gateway, &["--as", "x"]).await.expect("statements");
    assert!(
        printed.contains("GRANT SELECT (\"id\", \"name\""),
        "{printed}"
    );
    assert!(
        !printed
            .contains("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON \"public\".\"customers\"")
    );
}

#[tokio::test]
async fn what_is_refused_for_a_role_is_in_the_way_of_nobody() {
    let (gateway, role) = hardened().await;
    let direct = gateway.place().direct().await;
    let own = format!("CREATE TABLE own (a int); GRANT ALL ON own TO {role}");
    direct.batch_execute(&own).await.expect("a table");
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let mut another = WireClient::log_in(&gateway, Person::Alice).await;
    let (_, errors) = ask(&mut alice, &format!("DROP OWNED BY {role}")).await;
    assert_eq!(errors.len(), 1);
    let (_, errors) = ask(&mut another, "INSERT INTO own VALUES (1)").await;
    assert_eq!(errors, [""; 0]);
}

#[tokio::test]
async fn a_session_goes_on_after_a_masked_result_that_was_stopped() {
    let (gateway, role) = hardened().await;
    let mut holds = gateway.place().direct().await;
    let gate = format!("CREATE TABLE gate (a int); GRANT SELECT ON gate TO {role}");
    holds.batch_execute(&gate).await.expect("a table");
    let direct = gateway.place().direct().await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let dora = gateway.connect(Person::Dora).await;
    ask(&mut alice, "BEGIN").await;
    let held = holds.transaction().await.expect("a transaction");
    held.batch_execute("LOCK TABLE gate").await.expect("a lock");
    let shows = "SELECT email FROM customers WHERE NOT EXISTS (SELECT FROM gate)";
    alice.send(&query(shows)).await;
    let waits = "SELECT EXISTS (SELECT FROM pg_locks \
                 WHERE NOT granted AND relation = 'gate'::regclass)";
    sluice_tests::eventually(waits, || async {
        let row = direct.query_one(waits, &[]).await;
        row.expect("locks").get::<_, bool>(0)
    })
    .await;
    // Whose names are not known.
    let make = "CREATE TABLE made (LIKE customers)";
    dora.batch_execute(make).await.expect("it is made");
    held.rollback().await.expect("the lock is gone");
    let answer = alice.until_ready().await.expect("an answer");
    // Up to PostgreSQL 13 a switch of roles tells of a parameter.
    let heard = tags(&answer).replace('S', "");
    assert_eq!(heard, "E", "{answer:?}");
    let (_, errors) = ask(&mut alice, "SELECT who()").await;
    assert_eq!(errors.len(), 1, "the transaction has failed");
    ask(&mut alice, "ROLLBACK").await;
    is_limited(&mut alice, &role, "a result was stopped").await;
}

//! Temporary tables that a transaction makes and uses at once, by one from whom columns are protected.

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::server::postgres;
use sluice_tests::wire_client::{
    Format, Message, WireClient, bind, execute, message, parse, query, sync, tags,
};
use sluice_tests::{Gateway, Person, sqlstate};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A gateway without the guard, which would hold what drops a table.
async fn gateway(place: Place) -> Gateway {
    let guard = "module = \"policies/guard.wasm\"\n";
    place.edit(|text| text.replace(guard, &format!("{guard}mode = \"off\"\n")));
    Gateway::within(place).await
}

/// Makes what a test needs in the database.
async fn set_up(place: &Place, role: Role, setup: &str) {
    let made = postgres().await.run(role, place.database(), setup).await;
    made.unwrap_or_else(|error| panic!("{error:?}"));
}

/// What a text gives, row by row; or the error.
async fn said(client: &Client, text: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let mut rows = Vec::new();
    for message in client.simple_query(text).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let cells = (0..row.len()).map(|place| row.get(place).unwrap_or("NULL").to_owned());
            rows.push(cells.collect());
        }
    }
    Ok(rows)
}

async fn rows(client: &Client, text: &str) -> Vec<Vec<String>> {
    let said = said(client, text).await;
    said.unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

async fn one(client: &Client, text: &str) -> String {
    rows(client, text).await.remove(0).remove(0)
}

async fn run(client: &Client, texts: &[&str]) {
    for text in texts {
        rows(client, text).await;
    }
}

/// The values that nobody but Dora may see.
async fn secrets(gateway: &Gateway) -> Vec<String> {
    let direct = gateway.place().direct().await;
    let rows = direct.query("SELECT email FROM customers", &[]).await;
    rows.expect("emails").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_table_is_made_filled_and_read_in_one_transaction() {
    let gateway = gateway(Place::new().await).await;
    let secrets = secrets(&gateway).await;
    let alice = gateway.connect(Person::Alice).await;
    run(
        &alice,
        &[
            "BEGIN",
            "CREATE TEMP TABLE picked (id int PRIMARY KEY, note varchar(9) DEFAULT 'new' NOT NULL, \
             at timestamptz DEFAULT now(), tags text[], CHECK (id > 0)) ON COMMIT DROP",
            "INSERT INTO picked (id) SELECT id FROM customers WHERE id <= 3",
            "CREATE INDEX ON picked (note)",
            "ANALYZE picked",
            "UPDATE picked SET note = 'old' WHERE id = 2",
        ],
    )
    .await;
    let notes = "SELECT id, note FROM picked ORDER BY id";
    assert_eq!(rows(&alice, notes).await[1], ["2", "old"]);
    let both = "SELECT c.id, c.email FROM customers c JOIN picked USING (id) ORDER BY c.id";
    let joined = rows(&alice, both).await;
    assert_eq!(joined.len(), 3);
    assert!(
        joined.iter().all(|row| !secrets.contains(&row[1])),
        "{joined:?}"
    );
    let fills = "INSERT INTO picked (id, note) SELECT id + 100, email FROM customers WHERE id < 3";
    assert_eq!(sqlstate(said(&alice, fills).await), "42501");
    run(&alice, &["ROLLBACK"]).await;
    assert_eq!(sqlstate(said(&alice, notes).await), "42P01");
}

#[tokio::test]
async fn tables_are_made_of_queries_of_others_and_of_each_other() {
    let gateway = gateway(Place::new().await).await;
    let alice = gateway.connect(Person::Alice).await;
    run(
        &alice,
        &[
            "BEGIN",
            "DROP TABLE IF EXISTS part",
            "CREATE TEMP TABLE part AS SELECT id, country AS land, count(*) OVER () FROM customers",
            "CREATE TEMPORARY TABLE land (name, n) AS SELECT land, count(*) FROM part GROUP BY land",
            "SELECT id, 'x' AS kind INTO TEMP kinds FROM part",
            "CREATE TEMP TABLE staged (LIKE products INCLUDING ALL)",
            "INSERT INTO staged SELECT * FROM products",
            "CREATE TEMP TABLE numbered (id serial, big bigint GENERATED ALWAYS AS IDENTITY, a text)",
            "INSERT INTO numbered (a) VALUES ('one'), ('two')",
        ],
    )
    .await;
    for (text, like) in [
        (
            "SELECT count(*) FROM part",
            "SELECT count(*) FROM customers",
        ),
        ("SELECT sum(n) FROM land", "SELECT count(*) FROM customers"),
        (
            "SELECT count(*) FROM kinds JOIN part USING (id)",
            "SELECT count(*) FROM customers",
        ),
        (
            "SELECT max(price) FROM staged",
            "SELECT max(price) FROM products",
        ),
        ("SELECT max(id) FROM pg_temp.numbered", "SELECT 2"),
        ("SELECT last_value FROM numbered_id_seq", "SELECT 2"),
    ] {
        assert_eq!(one(&alice, text).await, one(&alice, like).await, "{text}");
    }
    run(
        &alice,
        &[
            "DROP TABLE kinds",
            "SAVEPOINT s",
            "CREATE TEMP TABLE kinds (other int)",
            "ROLLBACK TO SAVEPOINT s",
            "COMMIT",
        ],
    )
    .await;
    assert_eq!(one(&alice, "SELECT count(*) FROM numbered").await, "2");
}

#[tokio::test]
async fn one_text_makes_and_uses_a_table() {
    let gateway = gateway(Place::new().await).await;
    let alice = gateway.connect(Person::Alice).await;
    let text = "CREATE TEMP TABLE a (id int); INSERT INTO a VALUES (1), (2); \
                CREATE TEMP TABLE b AS SELECT id + 1 AS id FROM a; SELECT sum(id) FROM b";
    assert_eq!(one(&alice, text).await, "5");
    let text = format!("BEGIN; DROP TABLE a, b; {text}; COMMIT");
    assert_eq!(one(&alice, &text).await, "5");
    assert_eq!(one(&alice, "SELECT count(*) FROM b").await, "2");
}

#[tokio::test]
async fn drivers_prepare_statements_on_a_table_just_made() {
    let gateway = gateway(Place::new().await).await;
    let mut alice = gateway.connect(Person::Alice).await;
    for _ in 0..2 {
        let transaction = alice.transaction().await.expect("BEGIN");
        let make = "CREATE TEMP TABLE picked (id int, name text) ON COMMIT DROP";
        transaction.execute(make, &[]).await.expect("CREATE");
        let fill = transaction
            .prepare("INSERT INTO picked VALUES ($1, $2)")
            .await;
        let fill = fill.expect("a statement");
        for id in 1..=3_i32 {
            let done = transaction.execute(&fill, &[&id, &"x"]).await;
            assert_eq!(done.expect("INSERT"), 1);
        }
        let found = transaction.query(
            "SELECT c.email FROM picked JOIN customers c USING (id)",
            &[],
        );
        assert_eq!(found.await.expect("rows").len(), 3);
        transaction.commit().await.expect("COMMIT");
    }
}

/// What a definition does that its text does not tell is not guessed.
#[tokio::test]
async fn what_a_text_does_not_tell_is_waited_for() {
    let place = Place::new().await;
    let setup = "CREATE DOMAIN positive AS int CHECK (VALUE > 0); \
                 CREATE FUNCTION told(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; \
                 CREATE TABLE typed (id positive, twice int GENERATED ALWAYS AS (1 + 1) STORED);";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    for text in [
        "CREATE TABLE lasting (id int)",
        "CREATE TEMP VIEW v AS SELECT 1 AS id",
        "CREATE TEMP TABLE v (id positive)",
        "CREATE TEMP TABLE v AS SELECT id FROM typed",
        "CREATE TEMP TABLE v (LIKE typed INCLUDING GENERATED)",
        "CREATE TEMP TABLE v (id int, twice int GENERATED ALWAYS AS (id * 2) STORED)",
        "CREATE TEMP TABLE v () INHERITS (products)",
        "CREATE TEMP TABLE v (id int) PARTITION BY LIST (id)",
        "CREATE TEMP TABLE v (id int DEFAULT told(1))",
        "CREATE TEMP TABLE v (id int); ALTER TABLE v ADD COLUMN a int",
    ] {
        run(&alice, &["BEGIN"]).await;
        if let Err(error) = said(&alice, text).await {
            let code = error.code().map(|code| code.code().to_owned());
            assert_eq!(code.as_deref(), Some("42501"), "{text}: {error:?}");
        } else {
            let after = said(&alice, "SELECT count(*) FROM products").await;
            let error = after.expect_err(text);
            let hint = error.as_db_error().and_then(|error| error.hint());
            assert!(
                hint.is_some_and(|hint| hint.starts_with("COMMIT first")),
                "{text}: {error:?}"
            );
        }
        run(&alice, &["ROLLBACK"]).await;
    }
}

/// A trigger on definitions may make something else of them than their text says.
#[tokio::test]
async fn where_triggers_watch_definitions_their_texts_do_not_tell() {
    let place = Place::new().await;
    let setup = "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
                 CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch();";
    set_up(&place, Role::Superuser, setup).await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    run(&alice, &["BEGIN", "CREATE TEMP TABLE picked (id int)"]).await;
    let after = said(&alice, "SELECT count(*) FROM picked").await;
    assert_eq!(sqlstate(after), "42501");
    run(&alice, &["ROLLBACK"]).await;
}

/// A name may mean the new table, or what it hides, or what is left once it is gone.
#[tokio::test]
async fn tables_that_hide_others_hide_no_column_of_theirs() {
    let place = Place::new().await;
    let setup = "CREATE TABLE n_id_seq1 (category text); CREATE TABLE n_id_seq (category text); \
                 INSERT INTO n_id_seq VALUES ('x'); INSERT INTO n_id_seq1 VALUES ('x')";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let secrets = secrets(&gateway).await;
    let alice = gateway.connect(Person::Alice).await;
    let leak = |table: &str| {
        format!(
            "SELECT (SELECT upper(category) FROM {table} LIMIT 1) \
             FROM (SELECT email AS category FROM customers LIMIT 2) c"
        )
    };
    let ways = [
        (
            vec![
                "CREATE TEMP TABLE products (z int)",
                "INSERT INTO products VALUES (1)",
            ],
            "products",
        ),
        (
            vec![
                "SAVEPOINT s",
                "CREATE TEMP TABLE products (category text)",
                "ROLLBACK TO SAVEPOINT s",
                "CREATE TEMP TABLE products (z int)",
                "INSERT INTO products VALUES (1)",
            ],
            "products",
        ),
        (
            vec![
                "CREATE TEMP TABLE products (category text)",
                "DROP TABLE products",
                "CREATE TEMP TABLE products AS SELECT 1 AS z",
            ],
            "products",
        ),
        (vec!["CREATE TEMP TABLE n (id serial)"], "n_id_seq"),
        (
            vec![
                "CREATE TEMP TABLE n_id_seq (id int)",
                "CREATE TEMP TABLE n (id serial)",
            ],
            "n_id_seq1",
        ),
        (
            vec!["CREATE TEMP TABLE customer (LIKE products INCLUDING ALL)"],
            "customer",
        ),
    ];
    for (texts, table) in ways {
        run(&alice, &["BEGIN"]).await;
        for text in &texts {
            run(&alice, &["SAVEPOINT one"]).await;
            if said(&alice, text).await.is_err() {
                run(&alice, &["ROLLBACK TO SAVEPOINT one"]).await;
            }
        }
        for row in said(&alice, &leak(table)).await.unwrap_or_default() {
            let value = row[0].to_lowercase();
            assert!(!secrets.contains(&value), "{texts:?}: {value}");
        }
        run(&alice, &["ROLLBACK"]).await;
    }
}

/// A table whose column is renamed to that of another session, and what shows a value then.
const RENAMED: &str = "CREATE TABLE mine (a text, b int); INSERT INTO mine VALUES ('x', 1);";
const RENAME: &str = "ALTER TABLE mine RENAME COLUMN a TO c";
const SHOWS: &str = "SELECT upper((SELECT a FROM mine LIMIT 1)) \
                     FROM (SELECT email AS a FROM customers) q LIMIT 1";

/// Waits until the server answers with yes.
async fn until(direct: &Client, asked: &str) {
    sluice_tests::eventually(asked, || async { one(direct, asked).await == "t" }).await;
}

const IS_RENAMED: &str = "SELECT EXISTS (SELECT FROM pg_attribute \
                          WHERE attrelid = 'mine'::regclass AND attname = 'c')";

/// Somebody waits for a lock on `mine`.
const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks \
                     WHERE NOT granted AND relation = 'mine'::regclass)";

/// A gateway, configured so, and a session that reads by the old name.
async fn before_it_changes(edit: impl FnOnce(String) -> String) -> (Gateway, Client) {
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
        run(
            &direct,
            &[&format!("CREATE TABLE just_made_{number} (a int)")],
        )
        .await;
        let counts = format!("SELECT count(*) FROM just_made_{number}");
        assert_eq!(one(&alice, &counts).await, "0");
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
async fn waits_behind(gateway: &Gateway, direct: &Client, messages: &[Vec<u8>]) -> WireClient {
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
    let held = holds.transaction().await.expect("a transaction");
    held.batch_execute("LOCK TABLE gate").await.expect("a lock");
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
    let held = holds.transaction().await.expect("a transaction");
    held.batch_execute("LOCK TABLE own").await.expect("a lock");
    run(&alice, &["BEGIN", "UPDATE mine SET b = b + 1"]).await;
    let swap = tokio::spawn(async move { said(&other, SWAP).await });
    let waits = WAITS.replace("mine", "own");
    until(&direct, &waits).await;
    let writes = tokio::spawn(async move {
        let written = said(&alice, "UPDATE own SET name = upper(email)").await;
        let ended = said(&alice, "COMMIT").await;
        (alice, written, ended)
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    held.rollback().await.expect("the lock is gone");
    swap.await.expect("it ends").expect("it is swapped");
    let (_alice, written, _) = writes.await.expect("an answer");
    for name in rows(&direct, "SELECT lower(name) FROM own").await {
        assert!(!secrets.contains(&name[0]), "{name:?} {written:?}");
    }
}

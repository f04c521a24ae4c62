//! Faults that were found and mended, each kept out by a test that says what it guards.

use sluice_tests::wire_client::{Message, WireClient, message, terminated};
use sluice_tests::{Gateway, Person, eventually, sqlstate};
use tokio_postgres::Client;

const IDS: &str = "SELECT id::text FROM customers ORDER BY id LIMIT 3";
const EMAILS: &str = "SELECT email FROM customers ORDER BY id LIMIT 3";

/// The values that nobody but Dora may see.
async fn emails(direct: &Client) -> Vec<String> {
    let rows = direct.query(EMAILS, &[]).await.expect("an answer");
    rows.iter().map(|row| row.get(0)).collect()
}

/// A gateway, Alice's connection to it, and what she must not see.
async fn setting() -> (Gateway, WireClient, Vec<String>) {
    let gateway = Gateway::start().await;
    let secrets = emails(&gateway.place().direct().await).await;
    let alice = WireClient::log_in(&gateway, Person::Alice).await;
    (gateway, alice, secrets)
}

#[track_caller]
fn no_secret(said: &[Message], secrets: &[String]) {
    for message in said {
        let text = message.body.escape_ascii().to_string();
        let shown = secrets.iter().find(|secret| text.contains(*secret));
        assert_eq!(shown, None, "{text}");
    }
}

fn rows(said: &[Message]) -> usize {
    said.iter().filter(|message| message.tag == b'D').count()
}

/// The SQLSTATEs of the errors among some messages.
fn errors(said: &[Message]) -> Vec<&str> {
    let errors = said.iter().filter(|message| message.tag == b'E');
    errors.filter_map(|message| message.field(b'C')).collect()
}

fn query(text: &str) -> Vec<u8> {
    message(b'Q', &terminated(text))
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    let body = [terminated(name), terminated(text), vec![0, 0]];
    message(b'P', &body.concat())
}

fn bind(portal: &str, statement: &str) -> Vec<u8> {
    let body = [terminated(portal), terminated(statement), vec![0; 6]];
    message(b'B', &body.concat())
}

fn describe_portal(portal: &str) -> Vec<u8> {
    message(b'D', &[&b"P"[..], &terminated(portal)].concat())
}

fn execute(portal: &str) -> Vec<u8> {
    message(b'E', &[terminated(portal), vec![0; 4]].concat())
}

fn close_statement(name: &str) -> Vec<u8> {
    message(b'C', &[&b"S"[..], &terminated(name)].concat())
}

fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// Sends messages in one write and gives the answers up to as many ReadyForQuery.
async fn answers(client: &mut WireClient, parts: &[Vec<u8>]) -> Vec<Message> {
    let ends = parts
        .iter()
        .filter(|part| matches!(part.first(), Some(b'S' | b'Q')));
    let ends = ends.count();
    client.send(&parts.concat()).await;
    let mut said = Vec::new();
    for _ in 0..ends {
        said.extend(client.until_ready().await.expect("the session lives"));
    }
    said
}

#[tokio::test]
async fn a_statement_redefined_in_a_pipeline_is_masked_as_the_new_one() {
    let (_gateway, mut alice, secrets) = setting().await;
    let said = answers(&mut alice, &[parse("s", IDS), sync()]).await;
    assert_eq!(errors(&said), [""; 0]);
    let said = answers(
        &mut alice,
        &[
            bind("", "s"),
            execute(""),
            close_statement("s"),
            parse("s", EMAILS),
            bind("", "s"),
            execute(""),
            sync(),
        ],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 6));
    no_secret(&said, &secrets);
}

#[tokio::test]
async fn a_statement_redefined_by_sql_in_a_pipeline_is_masked_as_the_new_one() {
    let (_gateway, mut alice, secrets) = setting().await;
    let said = answers(&mut alice, &[query(&format!("PREPARE p AS {IDS}"))]).await;
    assert_eq!(errors(&said), [""; 0]);
    let again = format!("DEALLOCATE p; PREPARE p AS {EMAILS}");
    let said = answers(
        &mut alice,
        &[query("EXECUTE p"), query(&again), query("EXECUTE p")],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 6));
    no_secret(&said, &secrets);
}

#[tokio::test]
async fn a_portal_described_and_bound_again_is_masked_by_its_new_shape() {
    let (_gateway, mut alice, secrets) = setting().await;
    let said = answers(
        &mut alice,
        &[
            parse("ids", IDS),
            parse("emails", EMAILS),
            bind("", "ids"),
            describe_portal(""),
            bind("", "emails"),
            execute(""),
            sync(),
        ],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 3));
    no_secret(&said, &secrets);
}

#[tokio::test]
async fn a_portal_that_rollback_to_took_away_is_not_mistaken_for_a_later_cursor() {
    let (_gateway, mut alice, secrets) = setting().await;
    let said = answers(
        &mut alice,
        &[
            query("BEGIN; SAVEPOINT a"),
            parse("ids", IDS),
            bind("p", "ids"),
            sync(),
            query("ROLLBACK TO a"),
        ],
    )
    .await;
    assert_eq!(errors(&said), [""; 0]);
    // PostgreSQL knows the portal no more, and the transaction fails by it.
    let said = answers(&mut alice, &[execute("p"), sync()]).await;
    assert_eq!((errors(&said), rows(&said)), (vec!["34000"], 0));
    let declare = format!("DECLARE p CURSOR FOR {EMAILS}");
    let said = answers(
        &mut alice,
        &[
            query("ROLLBACK TO a"),
            query(&declare),
            query("FETCH ALL p"),
            query("COMMIT"),
        ],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 3));
    no_secret(&said, &secrets);
}

#[tokio::test]
async fn the_same_fetch_is_judged_anew_when_its_cursor_is_another() {
    let (_gateway, mut alice, secrets) = setting().await;
    for text in [IDS, EMAILS, IDS, EMAILS] {
        let declare = format!("DECLARE c CURSOR FOR {text}");
        let said = answers(
            &mut alice,
            &[
                query("BEGIN"),
                query(&declare),
                query("FETCH 3 FROM c"),
                query("COMMIT"),
            ],
        )
        .await;
        assert_eq!((errors(&said), rows(&said)), (vec![], 3), "{text}");
        no_secret(&said, &secrets);
    }
}

#[tokio::test]
async fn the_same_execute_is_judged_anew_when_its_statement_is_another() {
    let (_gateway, mut alice, secrets) = setting().await;
    for text in [IDS, EMAILS, IDS, EMAILS] {
        let prepare = format!("PREPARE p AS {text}");
        let said = answers(
            &mut alice,
            &[query(&prepare), query("EXECUTE p"), query("DEALLOCATE p")],
        )
        .await;
        assert_eq!((errors(&said), rows(&said)), (vec![], 3), "{text}");
        no_secret(&said, &secrets);
    }
}

#[tokio::test]
async fn names_that_are_one_after_63_bytes_are_one_here_too() {
    let (_gateway, mut alice, secrets) = setting().await;
    let [one, other] = ["1", "2"].map(|end| format!("{}{end}", "n".repeat(63)));
    let said = answers(
        &mut alice,
        &[
            parse(&one, IDS),
            close_statement(&other),
            parse(&other, EMAILS),
            bind(&one, &one),
            execute(&other),
            sync(),
        ],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 3));
    no_secret(&said, &secrets);
    // By SQL as well, and across the two.
    let said = answers(
        &mut alice,
        &[
            query(&format!("DEALLOCATE {one}")),
            query(&format!("PREPARE {other} AS {EMAILS}")),
            query(&format!("EXECUTE {one}")),
        ],
    )
    .await;
    assert_eq!((errors(&said), rows(&said)), (vec![], 3));
    no_secret(&said, &secrets);
}

#[tokio::test]
async fn a_name_that_would_be_cut_within_a_character_is_refused() {
    let (_gateway, mut alice, _) = setting().await;
    let name = format!("{}é", "n".repeat(62));
    let said = answers(&mut alice, &[parse(&name, IDS), sync()]).await;
    assert_eq!(errors(&said), ["42622"]);
    let said = answers(&mut alice, &[query("SELECT 1")]).await;
    assert_eq!(rows(&said), 1);
}

/// A gateway whose catalog is old: another session has let two columns change places.
async fn outdated() -> (Gateway, WireClient, Vec<String>) {
    let gateway = Gateway::with(|text| {
        text.replace(
            "tls = \"disable\"",
            "tls = \"disable\"\ncatalog-refresh = \"1h\"",
        )
    })
    .await;
    let direct = gateway.place().direct().await;
    let secrets = emails(&direct).await;
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let said = answers(&mut alice, &[query("SELECT name FROM customers LIMIT 1")]).await;
    assert_eq!(rows(&said), 1);
    let swap = "BEGIN; ALTER TABLE customers RENAME name TO aside; \
                ALTER TABLE customers RENAME email TO name; \
                ALTER TABLE customers RENAME aside TO email; COMMIT";
    direct
        .batch_execute(swap)
        .await
        .expect("columns change places");
    (gateway, alice, secrets)
}

const NAMES: &str = "SELECT name FROM customers ORDER BY id LIMIT 3";

#[tokio::test]
async fn a_result_of_another_origin_than_judged_is_stopped() {
    let (_gateway, mut alice, secrets) = outdated().await;
    for parts in [
        vec![query(NAMES)],
        vec![parse("", NAMES), bind("", ""), execute(""), sync()],
    ] {
        let said = answers(&mut alice, &parts).await;
        assert_eq!((errors(&said), rows(&said)), (vec!["42501"], 0));
        no_secret(&said, &secrets);
    }
    let said = answers(&mut alice, &[query("SELECT 1")]).await;
    assert_eq!(rows(&said), 1);
}

/// When a result is stopped, the gateway makes the upstream skip to the next Sync. In the middle of a
/// message of the client's it must not: the rest of it would be read as messages that nobody judged.
/// What is said up to a message of this kind, or to the end.
async fn up_to(client: &mut WireClient, tag: u8) -> Vec<Message> {
    let mut said = Vec::new();
    while let Some(message) = client.message().await {
        said.push(message);
        if said.last().is_some_and(|last| last.tag == tag) {
            break;
        }
    }
    said
}

#[tokio::test]
async fn half_a_copy_data_message_hides_nothing_behind_a_stopped_result() {
    for copy in ["", "COPY smuggled FROM STDIN"] {
        let (gateway, mut alice, secrets) = outdated().await;
        let direct = gateway.place().direct().await;
        let table = direct.batch_execute("CREATE TABLE smuggled (word text)");
        table.await.expect("a table");
        let smuggled = query("INSERT INTO smuggled VALUES ('in')");
        // Whatever the gateway would write in between, one of these stands where the message then ends.
        let data = message(b'd', &smuggled.repeat(50));
        let (half, rest) = data.split_at(5 + smuggled.len() / 2);
        let run = |text| [parse("", text), bind("", ""), execute("")].concat();
        let ahead = [run(NAMES), run(copy), message(b'H', b"")].concat();
        alice.send(&[&ahead[..], half].concat()).await;
        let mut said = up_to(&mut alice, b'E').await;
        alice.send(&[rest, &sync()].concat()).await;
        said.extend(up_to(&mut alice, b'Z').await);
        no_secret(&said, &secrets);
        assert_eq!(rows(&said), 0);
        let count = "SELECT count(*) FROM smuggled";
        let found: i64 = direct.query_one(count, &[]).await.expect("a row").get(0);
        assert_eq!(found, 0);
    }
}

#[tokio::test]
async fn a_lock_of_a_client_keeps_nobody_from_the_catalog_for_ever() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    let dora = gateway.connect(Person::Dora).await;
    // Reading a view's definition waits for this.
    let lock = "BEGIN; LOCK TABLE payments, recent_payments IN ACCESS EXCLUSIVE MODE";
    dora.batch_execute(lock).await.expect("a lock");
    let other = gateway.connect(Person::Dora).await;
    let table = "CREATE TABLE newcomer (id integer)";
    other.batch_execute(table).await.expect("a table");
    // Both need the catalog again now. Answered or refused, they go on, and so does the lock's owner.
    for client in [&other, &dora] {
        let answer = client.simple_query("SELECT count(*) FROM newcomer").await;
        assert!(answer.is_ok() || sqlstate(answer) == "42501");
    }
    dora.batch_execute("ROLLBACK").await.expect("an end");
    eventually("the catalog is read again", || async {
        other
            .simple_query("SELECT count(*) FROM newcomer")
            .await
            .is_ok()
    })
    .await;
    drop(direct);
}

/// A verdict that holds for a shape must not be had by one setting and used for another.
#[tokio::test]
async fn a_harmless_setting_is_no_key_to_a_dangerous_one() {
    let (_gateway, mut alice, _) = setting().await;
    for name in ["set_config", "\"set_config\"", "pg_catalog.\"set_config\""] {
        let set = |setting: &str, value: &str| {
            query(&format!("SELECT {name}('{setting}', '{value}', false)"))
        };
        let said = answers(&mut alice, &[set("work_mem", "1MB")]).await;
        assert_eq!((errors(&said), rows(&said)), (vec![], 1), "{name}");
        let said = answers(&mut alice, &[set("session_replication_role", "replica")]).await;
        assert_eq!((errors(&said), rows(&said)), (vec!["42501"], 0), "{name}");
        let said = answers(&mut alice, &[set("standard_conforming_strings", "off")]).await;
        assert_eq!((errors(&said), rows(&said)), (vec!["42501"], 0), "{name}");
    }
}

#[tokio::test]
async fn stars_over_stars_are_refused_before_they_double_for_ever() {
    let (_gateway, mut alice, _) = setting().await;
    let depth = 60;
    let text = format!(
        "{}customers{}",
        "SELECT *, * FROM (".repeat(depth) + "SELECT * FROM ",
        ") AS s".repeat(depth)
    );
    let said = answers(&mut alice, &[query(&text), query("SELECT 1")]).await;
    assert_eq!((errors(&said), rows(&said)), (vec!["54001"], 1));
}

#[tokio::test]
async fn one_change_of_the_configuration_is_loaded_once() {
    let gateway = Gateway::start().await;
    let first = gateway.generation().await;
    for turn in 1..=2 {
        // Reading a policy's file must not count as a change of it.
        gateway
            .place()
            .edit(|text| format!("{text}\n# turn {turn}\n"));
        eventually("the policies are swapped", || async {
            gateway.generation().await >= first + turn
        })
        .await;
        let client = gateway.connect(Person::Alice).await;
        client.simple_query("SELECT 1").await.expect("an answer");
        assert_eq!(gateway.generation().await, first + turn);
    }
}

/// Values without an origin that the second line could see.
const BARE_EMAILS: &str = "SELECT email FROM customers UNION ALL SELECT email FROM customers";
const BARE_NAMES: &str = "SELECT name FROM customers UNION ALL SELECT name FROM customers";

/// The upstream tells of settings only when it is ready for a query: in a pipeline nobody would hear
/// of a change that is taken back.
#[tokio::test]
async fn what_set_config_is_given_must_stand_there_as_it_is() {
    let (_gateway, mut alice, secrets) = setting().await;
    let strings = "standard_conforming_strings";
    let doors = [
        format!("SELECT set_config('{strings}X'::varchar(27), '?', false)"),
        format!("SELECT set_config('{strings}', lower('?'), false)"),
        format!("SELECT set_config('{strings}', '?x'::varchar(2), false)"),
        format!(
            "SELECT set_config(name, '?', false) FROM pg_settings \
             WHERE name = '{strings}X'::varchar(27)"
        ),
        format!(
            "SELECT (SELECT 1 FROM (VALUES ('{strings}')) t(name) \
             WHERE set_config(t.name, '?', false) IS NOT NULL) \
             FROM pg_settings WHERE name = 'DateStyle'"
        ),
        format!(
            "SELECT (SELECT set_config(v.name, '?', false) FROM pg_settings WHERE name = 'jit') \
             FROM (VALUES ('{strings}')) v(name)"
        ),
        format!(
            "SELECT set_config(name, '?', false) FROM pg_settings p(x, name) WHERE x = '{strings}'"
        ),
        "SELECT set_config('role', lower('X'), false)".to_owned(),
        "SELECT set_config('client_min_messages', lower('DEBUG5'), false)".to_owned(),
    ];
    let hidden = r"SELECT '\' AS a, ' , email::text || $$x$$ FROM customers LIMIT 2 --' AS b";
    for door in doors {
        let (off, on) = (door.replace('?', "off"), door.replace('?', "on"));
        let mut messages = Vec::new();
        for text in [off.as_str(), hidden, on.as_str()] {
            messages.extend([parse("", text), bind("", ""), execute("")]);
        }
        messages.push(sync());
        let said = answers(&mut alice, &messages).await;
        assert_eq!((errors(&said), rows(&said)), (vec!["42501"], 0), "{door}");
        no_secret(&said, &secrets);
    }
}

#[tokio::test]
async fn explaining_a_cursor_declares_none() {
    let (_gateway, mut alice, secrets) = setting().await;
    let texts = [
        "BEGIN".to_owned(),
        format!("DECLARE c CURSOR FOR {BARE_EMAILS}"),
        format!("EXPLAIN DECLARE c CURSOR FOR {BARE_NAMES}"),
        "FETCH 3 FROM c".to_owned(),
    ];
    for text in texts {
        let said = answers(&mut alice, &[query(&text)]).await;
        assert_eq!(errors(&said), [""; 0], "{text}");
        no_secret(&said, &secrets);
    }
}

#[tokio::test]
async fn a_portal_goes_on_with_what_its_names_meant() {
    let (_gateway, mut alice, secrets) = setting().await;
    let rewritten = [
        (
            format!("PREPARE p AS {BARE_EMAILS}"),
            "EXECUTE p",
            format!("DEALLOCATE p; PREPARE p AS {BARE_NAMES}"),
        ),
        (
            format!("DECLARE p CURSOR FOR {BARE_EMAILS}"),
            "FETCH 100 FROM p",
            format!("CLOSE p; DECLARE p CURSOR FOR {BARE_NAMES}"),
        ),
    ];
    for (define, run, again) in rewritten {
        let some = |count: i32| {
            let body = [terminated("portal"), count.to_be_bytes().to_vec()];
            message(b'E', &body.concat())
        };
        let begun = answers(&mut alice, &[query("BEGIN"), query(&define)]).await;
        assert_eq!(errors(&begun), [""; 0], "{define}");
        let first = [parse("s", run), bind("portal", "s"), some(1), sync()];
        let first = answers(&mut alice, &first).await;
        assert_eq!((errors(&first), rows(&first)), (vec![], 1), "{run}");
        answers(&mut alice, &[query(&again)]).await;
        let rest = answers(&mut alice, &[some(3), sync()]).await;
        assert_eq!((errors(&rest), rows(&rest)), (vec![], 3), "{run}");
        no_secret(&[first, rest].concat(), &secrets);
        answers(
            &mut alice,
            &[query("ROLLBACK"), close_statement("s"), sync()],
        )
        .await;
    }
}

/// A statement of the protocol may itself execute, fetch, declare or close something by name.
#[tokio::test]
async fn execute_of_a_statement_that_depends_on_names_is_unknown() {
    let (_gateway, mut alice, secrets) = setting().await;
    for (before, statement, after, run) in [
        (
            format!("PREPARE p AS {BARE_NAMES}"),
            "EXECUTE p".to_owned(),
            format!("DEALLOCATE p; PREPARE p AS {BARE_EMAILS}"),
            vec!["EXECUTE s"],
        ),
        (
            format!("DECLARE c CURSOR FOR {BARE_NAMES}"),
            "FETCH 5 FROM c".to_owned(),
            format!("CLOSE c; DECLARE c CURSOR FOR {BARE_EMAILS}"),
            vec!["EXECUTE s"],
        ),
        (
            format!("DECLARE c CURSOR FOR {BARE_NAMES}"),
            "CLOSE c".to_owned(),
            String::new(),
            vec!["EXECUTE s", "FETCH 3 FROM c"],
        ),
        (
            String::new(),
            format!("DECLARE d CURSOR FOR {BARE_EMAILS}"),
            String::new(),
            vec!["EXECUTE s", "FETCH 3 FROM d"],
        ),
    ] {
        answers(&mut alice, &[query("BEGIN"), query(&before)]).await;
        answers(&mut alice, &[parse("s", &statement), sync(), query(&after)]).await;
        for text in run {
            let said = answers(&mut alice, &[query(text)]).await;
            assert!(!errors(&said).is_empty(), "{statement}: {text}");
            no_secret(&said, &secrets);
        }
        let end = [
            query("ROLLBACK"),
            query("DEALLOCATE ALL"),
            query("CLOSE ALL"),
        ];
        answers(&mut alice, &end).await;
    }
}

/// A temporary table that hides `orders`, so that `status` is the e-mail of the query outside.
const SHADOWED: &str = "SELECT (SELECT status FROM (SELECT 1) one LEFT JOIN orders ON true LIMIT 1) \
     FROM (SELECT email FROM customers UNION ALL SELECT email FROM customers) x(status) LIMIT 3";

#[tokio::test]
async fn no_request_of_a_session_is_judged_before_its_own_definitions_are_known() {
    let (gateway, _, secrets) = setting().await;
    let slow =
        "CREATE TEMP TABLE orders AS SELECT 1 AS id FROM (SELECT pg_sleep(0.6)) s WHERE false";
    let ways = [
        vec!["CREATE TEMP TABLE orders (id int)"],
        vec!["BEGIN", "CREATE TEMP TABLE orders (id int)", "COMMIT"],
        vec!["SELECT pg_sleep(0.2)", slow],
    ];
    for way in ways {
        let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
        answers(&mut alice, &[query("SELECT 1 FROM orders LIMIT 1")]).await;
        let mut texts: Vec<_> = way.iter().map(|text| query(text)).collect();
        texts.push(query(SHADOWED));
        let said = answers(&mut alice, &texts).await;
        no_secret(&said, &secrets);
        let later = answers(&mut alice, &[query(SHADOWED)]).await;
        no_secret(&later, &secrets);
    }
    let mut alice = WireClient::log_in(&gateway, Person::Alice).await;
    let text = format!("PREPARE p AS {SHADOWED}");
    answers(&mut alice, &[query(&text)]).await;
    let text = "CREATE TEMP TABLE orders (id int); EXECUTE p";
    no_secret(&answers(&mut alice, &[query(text)]).await, &secrets);
}

#[tokio::test]
async fn a_row_type_of_which_there_are_two_leaves_the_columns_behind_it_unknown() {
    let (_gateway, mut alice, secrets) = setting().await;
    let rows = format!(
        "SELECT (NULL::orders).*, email, (NULL::products).* FROM ({BARE_EMAILS}) e LIMIT 3"
    );
    for text in [
        "CREATE TEMP TABLE orders (a int, b int, c int, d int)",
        "CREATE TEMP TABLE products (a int, b int, c int, d int, e int, f int)",
        "SET search_path = public, pg_temp",
        &rows,
        &format!("COPY ({rows}) TO STDOUT"),
        "SET search_path = pg_temp, public",
        &rows,
    ] {
        no_secret(&answers(&mut alice, &[query(text)]).await, &secrets);
    }
}

#[tokio::test]
async fn a_column_named_limit_lends_no_verdict() {
    let (_gateway, mut alice, _) = setting().await;
    let by = |place: u32| {
        format!(
            "SELECT id, email FROM (SELECT id, email, 1 AS \"limit\" FROM customers) t \
             ORDER BY t.limit, {place} LIMIT 3"
        )
    };
    for (place, fate) in [(1, vec![]), (2, vec!["42501"]), (1, vec![])] {
        let said = answers(&mut alice, &[query(&by(place))]).await;
        assert_eq!(errors(&said), fate, "{}", by(place));
    }
}

/// Policies name columns; whoever renames one, its relation or its schema does not bare it.
#[tokio::test]
async fn a_column_stays_protected_under_another_name() {
    let (gateway, mut alice, secrets) = setting().await;
    let dora = gateway.connect(Person::Dora).await;
    for (change, query_text) in [
        (
            "ALTER TABLE customers RENAME email TO contact",
            "SELECT contact FROM customers ORDER BY id LIMIT 3",
        ),
        (
            "ALTER TABLE customers RENAME TO people",
            "SELECT contact FROM people ORDER BY id LIMIT 3",
        ),
        (
            "CREATE SCHEMA elsewhere; ALTER TABLE people SET SCHEMA elsewhere",
            "SELECT * FROM elsewhere.people ORDER BY id LIMIT 3",
        ),
    ] {
        dora.batch_execute(change).await.expect("she may");
        let said = answers(&mut alice, &[query(query_text)]).await;
        no_secret(&said, &secrets);
        let mut newcomer = WireClient::log_in(&gateway, Person::Alice).await;
        let said = answers(&mut newcomer, &[query(query_text)]).await;
        no_secret(&said, &secrets);
    }
}

#[tokio::test]
async fn names_that_nobody_knows_are_told_as_postgresql_does() {
    let (_gateway, mut alice, _) = setting().await;
    for (text, code) in [
        ("SELECT * FROM nosuch", "42P01"),
        ("SELECT nosuch(1)", "42883"),
        ("SELECT nosuch FROM customers", "42703"),
    ] {
        let said = answers(&mut alice, &[query(text)]).await;
        assert_eq!(errors(&said), [code], "{text}");
    }
}

/// Names meant the temporary relations of other sessions, too: one could have all others refused.
#[tokio::test]
async fn temporary_tables_are_no_concern_of_other_sessions() {
    let (gateway, mut alice, _) = setting().await;
    let other = gateway.connect(Person::Agent).await;
    let products = "SELECT * FROM products ORDER BY id LIMIT 3";
    let before = other.query(products, &[]).await.unwrap().len();
    let made = "CREATE TEMP TABLE products (email text, id int)";
    assert_eq!(errors(&answers(&mut alice, &[query(made)]).await), [""; 0]);
    let after = other.query(products, &[]).await.unwrap().len();
    assert_eq!((before, after), (3, 3));
    other
        .query("SELECT lower(name) FROM products LIMIT 1", &[])
        .await
        .unwrap();
    let third = gateway.connect(Person::Alice).await;
    third.query(products, &[]).await.unwrap();
    // Nor are views, for whoever has made something, too.
    let view = "CREATE TEMP VIEW spoils (phone, email) AS SELECT id, name FROM public.products";
    assert_eq!(errors(&answers(&mut alice, &[query(view)]).await), [""; 0]);
    let own = "CREATE TEMP TABLE own (a int)";
    other.batch_execute(own).await.unwrap();
    let text = "SELECT lower(name) FROM public.products WHERE id > 0";
    assert!(!other.query(text, &[]).await.unwrap().is_empty());
    // Her own she sees, by the name that it took over, and masked.
    let filled = "INSERT INTO products VALUES ('alice@quartzzebra.org', 1)";
    answers(&mut alice, &[query(filled)]).await;
    let said = answers(&mut alice, &[query("SELECT email FROM pg_temp.products")]).await;
    assert_eq!(rows(&said), 1, "{:?}", errors(&said));
    no_secret(&said, &["alice@quartzzebra.org".to_owned()]);
    let said = answers(&mut alice, &[query(products)]).await;
    no_secret(&said, &["alice@quartzzebra.org".to_owned()]);
}

/// Rules are part of what a view stands for: that of `pg_settings` sets.
#[tokio::test]
async fn a_view_hides_no_rule() {
    let (_gateway, mut alice, secrets) = setting().await;
    let view = "CREATE TEMP VIEW ps AS SELECT name, setting FROM pg_settings";
    let said = answers(&mut alice, &[query(view)]).await;
    assert_eq!(errors(&said), [""; 0]);
    let update = "UPDATE ps SET setting = 'debug1' WHERE name = 'client_min_messages'";
    let said = answers(&mut alice, &[query(update)]).await;
    assert_eq!(errors(&said), ["42501"]);
    no_secret(&said, &secrets);
}

/// What is set is heard of only when the upstream is ready for a query.
#[tokio::test]
async fn a_text_is_not_read_in_one_way_and_run_in_another() {
    let (gateway, _, _) = setting().await;
    let direct = gateway.place().direct().await;
    let table = "CREATE TABLE kept AS SELECT 1 AS a";
    direct.batch_execute(table).await.expect("a table");
    let mut dora = WireClient::log_in(&gateway, Person::Dora).await;
    let hidden =
        r"WITH a AS (SELECT '\', '), d AS (DELETE FROM kept RETURNING 1) SELECT 1 --') SELECT 1";
    let run = |text: &str| [parse("", text), bind("", ""), execute("")].concat();
    for set in [
        "SET standard_conforming_strings = off",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
    ] {
        let messages = [run(set), run(hidden), sync()];
        let said = answers(&mut dora, &messages).await;
        assert_eq!(errors(&said), ["42501"], "{set}");
        let count = "SELECT count(*) FROM kept";
        let left: i64 = direct.query_one(count, &[]).await.unwrap().get(0);
        assert_eq!(left, 1, "{set}");
        answers(&mut dora, &[query("RESET ALL")]).await;
    }
}

/// A trigger may tell anything to who listens.
#[tokio::test]
async fn payloads_are_not_for_those_from_whom_something_is_protected() {
    let (gateway, mut alice, secrets) = setting().await;
    let said = answers(&mut alice, &[query("LISTEN changes")]).await;
    assert_eq!(errors(&said), [""; 0]);
    let direct = gateway.place().direct().await;
    let notify = "SELECT pg_notify('changes', email) FROM customers WHERE id = 1";
    direct.batch_execute(notify).await.expect("it notifies");
    let told = |said: &[Message]| said.iter().filter(|one| one.tag == b'A').count();
    let mut heard = Vec::new();
    for _ in 0..50 {
        heard.extend(answers(&mut alice, &[query("SELECT 1")]).await);
        if told(&heard) > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(told(&heard), 1);
    no_secret(&heard, &secrets);
}

const FETCHED: &str = "FETCH 3 FROM c";
const OPEN: &str =
    "DECLARE c CURSOR FOR SELECT name, city FROM customers UNION ALL SELECT 'a', 'b'";
const SECRET: &str =
    "DECLARE c CURSOR FOR SELECT email, phone FROM customers UNION ALL SELECT 'a', 'b'";

/// A portal's names were given their meaning when its Execute was judged, which PostgreSQL may skip.
#[tokio::test]
async fn a_portal_that_did_not_run_keeps_no_meaning() {
    let (_gateway, mut alice, secrets) = setting().await;
    for text in ["BEGIN", OPEN] {
        answers(&mut alice, &[query(text)]).await;
    }
    answers(&mut alice, &[parse("f", FETCHED), bind("p", "f"), sync()]).await;
    answers(&mut alice, &[query("SAVEPOINT sp")]).await;
    let failing = "SELECT 1 / (id - id) FROM products";
    let run = [
        parse("", failing),
        bind("", ""),
        execute(""),
        execute("p"),
        sync(),
    ];
    let said = answers(&mut alice, &run).await;
    assert_eq!(errors(&said), ["22012"]);
    for text in ["ROLLBACK TO sp", "CLOSE c", SECRET] {
        let said = answers(&mut alice, &[query(text)]).await;
        assert!(errors(&said).is_empty(), "{text}");
    }
    let said = answers(&mut alice, &[execute("p"), sync()]).await;
    no_secret(&said, &secrets);
}

/// What has begun goes on with the meaning that its name had.
#[tokio::test]
async fn a_portal_that_was_suspended_keeps_its_meaning() {
    let (_gateway, mut alice, secrets) = setting().await;
    for text in ["BEGIN", SECRET] {
        answers(&mut alice, &[query(text)]).await;
    }
    let some = message(b'E', &[terminated("p"), vec![0, 0, 0, 1]].concat());
    let begin = [parse("f", FETCHED), bind("p", "f"), some, sync()];
    let said = answers(&mut alice, &begin).await;
    assert_eq!(rows(&said), 1);
    no_secret(&said, &secrets);
    for text in ["CLOSE c", OPEN] {
        let said = answers(&mut alice, &[query(text)]).await;
        assert!(errors(&said).is_empty(), "{text}");
    }
    let said = answers(&mut alice, &[execute("p"), sync()]).await;
    assert_eq!(rows(&said), 2);
    no_secret(&said, &secrets);
}

/// FETCH of a portal was judged by what its statement meant when it was parsed.
#[tokio::test]
async fn fetch_of_a_portal_means_what_was_bound() {
    let (gateway, mut alice, secrets) = setting().await;
    let dora = gateway.connect(Person::Dora).await;
    let harmless = "CREATE VIEW shown AS SELECT id, name AS w FROM customers";
    dora.batch_execute(harmless).await.expect("a view");
    let text = "SELECT id, w FROM shown UNION ALL SELECT 0, 'z' LIMIT 4";
    let said = answers(&mut alice, &[parse("s", text), sync()]).await;
    assert!(errors(&said).is_empty());
    let other = "DROP VIEW shown; CREATE VIEW shown AS SELECT id, email AS w FROM customers";
    for text in other.split("; ") {
        dora.batch_execute(text).await.expect("dora may");
    }
    for text in ["SELECT 1", "BEGIN"] {
        answers(&mut alice, &[query(text)]).await;
    }
    answers(&mut alice, &[bind("p", "s"), sync()]).await;
    let said = answers(&mut alice, &[query("FETCH ALL FROM p")]).await;
    no_secret(&said, &secrets);
}

/// A cursor WITH HOLD outlived the column that it shows, and with it the protection.
#[tokio::test]
async fn a_cursor_shows_no_column_that_is_no_more() {
    let (gateway, mut alice, _) = setting().await;
    let dora = gateway.connect(Person::Dora).await;
    let made =
        "CREATE TABLE fleeting (id int, email text); INSERT INTO fleeting VALUES (1, 'quartz')";
    for text in made.split("; ") {
        dora.batch_execute(text).await.expect("dora may");
    }
    let hold = "DECLARE c CURSOR WITH HOLD FOR SELECT id, email FROM fleeting";
    let said = answers(&mut alice, &[query(hold)]).await;
    assert!(errors(&said).is_empty());
    let drop = dora.batch_execute("ALTER TABLE fleeting DROP COLUMN email");
    drop.await.expect("dora may");
    let said = answers(&mut alice, &[query("FETCH ALL FROM c")]).await;
    no_secret(&said, &["quartz".to_owned()]);
    assert_eq!(errors(&said), ["42501"]);
}

/// Row security read protected columns in the statement's place: an oracle, and an error's text.
#[tokio::test]
async fn policies_of_row_security_are_conditions_of_the_statement() {
    let (gateway, mut alice, secrets) = setting().await;
    let dora = gateway.connect(Person::Dora).await;
    let of_email = "(SELECT email FROM customers c WHERE c.id = sheltered.id)::int > 1";
    let of_row = "EXISTS (SELECT FROM customers c WHERE c.id = whole.id AND c::text LIKE '%a%')";
    let of_other = "EXISTS (SELECT FROM sheltered s WHERE s.id = nested.id)";
    let of_view = "EXISTS (SELECT FROM chosen c WHERE c.id = viewed.id)";
    let of_rows = "(SELECT count(*) FROM chosen) > 0";
    let view = "CREATE VIEW chosen AS SELECT id FROM customers WHERE email LIKE 'a%'";
    dora.batch_execute(view).await.expect("dora may");
    for (table, policy) in [
        ("sheltered", of_email),
        ("whole", of_row),
        ("nested", of_other),
        ("viewed", of_view),
        ("counted", of_rows),
    ] {
        let made = format!(
            "CREATE TABLE {table} (id int); INSERT INTO {table} VALUES (1);
             ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
             CREATE POLICY p ON {table} USING ({policy})"
        );
        for text in made.split(';') {
            dora.batch_execute(text).await.expect("dora may");
        }
    }
    for table in ["sheltered", "whole", "nested", "viewed", "counted"] {
        for text in [
            format!("SELECT * FROM {table}"),
            format!("DELETE FROM {table} WHERE id = 1"),
        ] {
            let said = answers(&mut alice, &[query(&text)]).await;
            no_secret(&said, &secrets);
            assert_eq!(errors(&said), ["42501"], "{text}");
        }
    }
}

/// A text of very many statements took gigabytes before any of them was judged.
#[tokio::test]
async fn a_text_of_too_many_statements_is_refused() {
    let (_gateway, mut alice, _) = setting().await;
    let said = answers(&mut alice, &[query(&"SELECT 1;".repeat(50_000))]).await;
    assert_eq!(errors(&said), ["54001"]);
    let said = answers(&mut alice, &[query(&"SELECT 1;".repeat(1_000))]).await;
    assert!(errors(&said).is_empty());
}

//! Where nothing is protected and the policies allow, nobody can tell the gateway from PostgreSQL:
//! what `make regress` shows at large, in small. And what must hold all the same.

use sluice_tests::wire_client::{WireClient, message, terminated};
use sluice_tests::{Gateway, Person};
use tokio_postgres::Client;
use tokio_postgres::error::DbError;

/// A gateway whose policies allow Dora everything.
async fn permissive() -> Gateway {
    Gateway::with(|text| {
        let rules = text.find("[[policies.guard.settings.rules]]");
        let after = text.find("[trail]");
        let (rules, after) = rules.zip(after).expect("the demo has rules");
        format!("{}{}", &text[..rules], &text[after..])
    })
    .await
}

fn db_error<T>(answer: Result<T, tokio_postgres::Error>) -> DbError {
    let error = answer.err().expect("an error");
    error.as_db_error().expect("an ERROR message").clone()
}

/// Where a simple query fails, and how.
async fn failure(client: &Client, text: &str) -> DbError {
    db_error(client.simple_query(text).await)
}

const UNREADABLE: [&str; 7] = [
    "SELEC 1",
    "SELECT 1 FROM",
    "SELECT 'unterminated",
    "SELECT \"\"",
    "SELECT 1; SELEC 2",
    "SELECT U&'wrong: \\061'  UESCAPE '+'",
    "SELECT 1 /* open",
];

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_postgresql_s_words() {
    let gateway = permissive().await;
    let direct = gateway.place().direct().await;
    let client = gateway.connect(Person::Dora).await;
    for text in UNREADABLE {
        let expected = failure(&direct, text).await;
        assert_eq!(failure(&client, text).await, expected, "{text}");
        let prepared = db_error(direct.prepare(text).await);
        assert_eq!(db_error(client.prepare(text).await), prepared, "{text}");
    }
    client.batch_execute("BEGIN").await.unwrap();
    failure(&client, "SELEC 1").await;
    let state = failure(&client, "SELECT 1").await;
    assert_eq!(state.code().code(), "25P02");
    client.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_does_not_run() {
    let gateway = permissive().await;
    let client = gateway.connect(Person::Dora).await;
    client
        .batch_execute("CREATE TABLE unread (id integer)")
        .await
        .unwrap();
    failure(&client, "INSERT INTO unread VALUES (1); SELEC").await;
    let row = client.query_one("SELECT count(*) FROM unread", &[]).await;
    assert_eq!(row.unwrap().get::<_, i64>(0), 0);
}

/// PostgreSQL prints it in a way that its own grammar refuses: `SET again TO 'Y'::text`.
const CIRCLES: &str = "
    CREATE VIEW circles AS
    WITH RECURSIVE steps (a, b) AS (SELECT 1, 2 UNION ALL SELECT b, a FROM steps)
        CYCLE a, b SET again TO 'Y' DEFAULT 'N' USING path
    SELECT a, b FROM steps";

#[tokio::test]
async fn a_view_that_cannot_be_read_is_no_text_that_cannot_be_read() {
    let gateway = permissive().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(CIRCLES).await.unwrap();
    let text = "SELECT count(*) > 0 FROM circles";
    let client = gateway.connect(Person::Dora).await;
    assert!(client.query_one(text, &[]).await.unwrap().get::<_, bool>(0));
    let client = gateway.connect(Person::Alice).await;
    assert_eq!(failure(&client, text).await.code().code(), "42501");
}

#[tokio::test]
async fn where_something_is_protected_the_gateway_keeps_to_its_own_words() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let error = failure(&client, "SELEC 1").await;
    assert_eq!(error.code().code(), "42601");
    assert!(error.position().is_none(), "{error:?}");
}

/// Rows of one text column, of a simple query that was sent at once with one before it.
async fn after(client: &mut WireClient, before: &str, text: &str) -> Vec<Vec<u8>> {
    let both = [
        message(b'Q', &terminated(before)),
        message(b'Q', &terminated(text)),
    ];
    client.send(&both.concat()).await;
    client.until_ready().await.expect("an answer");
    let said = client.until_ready().await.expect("an answer");
    let rows = said.into_iter().filter(|message| message.tag == b'D');
    rows.map(|row| row.body[6..].to_vec()).collect()
}

#[tokio::test]
async fn strings_are_read_as_the_session_reads_them() {
    let gateway = permissive().await;
    let mut client = WireClient::log_in(&gateway, Person::Dora).await;
    let text = r"SELECT 'a\'b'";
    let off = "SET standard_conforming_strings = off";
    assert_eq!(after(&mut client, off, text).await, [b"a'b"]);
    let plain = "SELECT 'a\\b'";
    let on = "SET standard_conforming_strings = on";
    assert_eq!(after(&mut client, on, plain).await, [b"a\\b"]);
    let begin = "BEGIN; SET LOCAL standard_conforming_strings = off";
    assert_eq!(after(&mut client, begin, text).await, [b"a'b"]);
    assert_eq!(after(&mut client, "ROLLBACK", plain).await, [b"a\\b"]);
}

#[tokio::test]
async fn a_statement_that_strings_could_hide_is_judged_as_it_runs() {
    let gateway = Gateway::with(|text| {
        let exempt = "temp-tables = \"allow\"\nexcept-groups = [\"dba\"]";
        assert!(text.contains(exempt));
        text.replace(exempt, "opaque = \"allow\"")
    })
    .await;
    let direct = gateway.place().direct().await;
    direct
        .batch_execute(
            "CREATE FUNCTION bend() RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('standard_conforming_strings', 'off', false) $$",
        )
        .await
        .unwrap();
    // Where a backslash is a character, the DELETE is part of a string.
    let text = r"SELECT 'a\', '; DELETE FROM orders; --'";
    let mut client = WireClient::log_in(&gateway, Person::Dora).await;
    let both = [
        message(b'Q', &terminated("SELECT bend()")),
        message(b'Q', &terminated(text)),
    ];
    client.send(&both.concat()).await;
    let bent = client.until_ready().await.expect("an answer");
    assert!(bent.iter().any(|message| message.tag == b'D'), "{bent:?}");
    let said = client.until_ready().await.expect("an answer");
    let refusal = said.iter().find(|message| message.tag == b'E');
    let code = refusal.and_then(|refusal| refusal.field(b'C'));
    assert_eq!(code, Some("42501"), "{said:?}");
    let row = direct.query_one("SELECT count(*) FROM orders", &[]).await;
    assert!(row.unwrap().get::<_, i64>(0) > 0);
}

#[tokio::test]
async fn strings_stay_as_they_are_where_something_is_protected() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    for text in [
        "SET standard_conforming_strings = off",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
    ] {
        assert_eq!(
            failure(&client, text).await.code().code(),
            "42501",
            "{text}"
        );
    }
}

#[tokio::test]
async fn large_objects_are_judged_as_what_they_are() {
    let gateway = permissive().await;
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    std::fs::write(&there, b"some bytes").unwrap();
    let command = format!(
        "\\lo_import '{}'\n\\lo_export :LASTOID '{}'\n\\lo_unlink :LASTOID\n",
        there.display(),
        back.display()
    );
    let script = folder.path().join("script");
    std::fs::write(&script, command).unwrap();
    let script = script.display().to_string();
    let arguments = ["-X", "-v", "ON_ERROR_STOP=1", "-f", script.as_str()];
    let said = gateway.run(Person::Alice, "psql", &arguments).await;
    assert!(!said.content, "{}", said.out);
    let said = gateway.run(Person::Dora, "psql", &arguments).await;
    assert!(said.content, "{}\n{}", said.out, said.err);
    assert_eq!(std::fs::read(&back).unwrap(), b"some bytes");
}

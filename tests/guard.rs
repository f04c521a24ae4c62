//! What is too dangerous to run by mistake.

use sluice_tests::{Gateway, Person};
use tokio_postgres::Client;

/// The SQLSTATE, message, detail and hint of a refusal; none where the statement ran.
async fn refusal(client: &Client, text: &str) -> Option<(String, String)> {
    let error = client.simple_query(text).await.err()?;
    let said = error.as_db_error().expect("an ERROR message");
    let words = [
        said.message(),
        said.detail().unwrap_or_default(),
        said.hint().unwrap_or_default(),
    ];
    Some((said.code().code().to_owned(), words.join(" ")))
}

#[tokio::test]
async fn statements_that_destroy_are_refused_and_nothing_is_lost() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let direct = gateway.place().direct().await;
    for text in [
        "DELETE FROM api_tokens",
        "DELETE FROM api_tokens WHERE true",
        "DELETE FROM api_tokens WHERE 1 = 1",
        "DELETE FROM api_tokens WHERE true = 't'",
        "DELETE FROM api_tokens USING (SELECT 1 AS k) one WHERE k = 1",
        "MERGE INTO api_tokens USING (SELECT 1) q ON true WHEN MATCHED THEN DELETE",
        "MERGE INTO api_tokens USING (SELECT 1) q ON true WHEN MATCHED THEN UPDATE SET scopes = '{}'",
        "INSERT INTO products SELECT * FROM products ON CONFLICT (id) DO UPDATE SET price = 0",
        "UPDATE orders SET status = 'open'",
        "WITH gone AS (DELETE FROM api_tokens RETURNING id) SELECT count(*) FROM gone",
        "TRUNCATE api_tokens",
        "ALTER TABLE api_tokens DROP COLUMN api_key",
        "DROP SCHEMA staff CASCADE",
        "SELECT 1; DROP SCHEMA staff CASCADE",
    ] {
        let (code, words) = refusal(&client, text)
            .await
            .unwrap_or_else(|| panic!("{text} ran"));
        assert_eq!(code, "42501", "{text}: {words}");
        assert!(
            words.contains("guard"),
            "{text} is refused by name: {words}"
        );
    }
    let left = "SELECT (SELECT count(*) FROM api_tokens) > 0 \
                AND (SELECT count(DISTINCT status) FROM orders) > 1";
    assert!(direct.query_one(left, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn work_goes_on() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let version = "SELECT current_setting('server_version_num')::int >= 150000";
    let has_merge: bool = client.query_one(version, &[]).await.unwrap().get(0);
    for text in [
        "SELECT count(*) FROM orders",
        "INSERT INTO products VALUES (9001, 'Oak lamp', 'lighting', 12.50)",
        "INSERT INTO products VALUES (9001, 'Oak lamp', 'lighting', 13) \
         ON CONFLICT (id) DO UPDATE SET price = excluded.price",
        "MERGE INTO products p USING (VALUES (9001)) v (id) ON p.id = v.id \
         WHEN MATCHED THEN UPDATE SET price = 14",
        "UPDATE orders SET status = 'shipped' WHERE id = 5",
        "DELETE FROM products WHERE id = 9001",
        "BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT",
        "SHOW search_path",
        "CREATE TEMP TABLE likewise (LIKE customers INCLUDING ALL)",
        "CREATE TEMP SEQUENCE numbers",
        "CREATE TEMP TABLE scratch (LIKE products INCLUDING ALL)",
        "INSERT INTO scratch SELECT nextval('numbers') + 70000, name, category, price FROM products",
        "UPDATE scratch SET name = ''",
        "DELETE FROM scratch",
        "BEGIN; TRUNCATE scratch; COMMIT",
        "CREATE INDEX ON scratch (name)",
    ]
    .into_iter()
    .filter(|text| has_merge || !text.starts_with("MERGE"))
    {
        assert_eq!(refusal(&client, text).await, None, "{text}");
    }
    for lasting in [
        "CREATE TABLE lasting (LIKE scratch)",
        "BEGIN; CREATE TEMP TABLE more (a int); CREATE TABLE lasting (LIKE more); COMMIT",
    ] {
        let refused = refusal(&client, lasting).await;
        assert!(
            refused.is_some_and(|(code, _)| code == "42501"),
            "{lasting}"
        );
        client.simple_query("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_says_how_it_would_go() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Agent).await;
    let error = client
        .simple_query("DELETE FROM api_tokens")
        .await
        .unwrap_err();
    let said = error.as_db_error().unwrap();
    assert!(
        said.detail().is_some_and(|detail| !detail.is_empty()),
        "{said:?}"
    );
    assert!(
        said.hint().is_some_and(|hint| hint.contains("WHERE")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_refusal_in_a_transaction_fails_the_transaction() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    client.batch_execute("BEGIN").await.unwrap();
    client
        .batch_execute("UPDATE orders SET status = 'open' WHERE id = 5")
        .await
        .unwrap();
    assert_eq!(
        refusal(&client, "DELETE FROM api_tokens").await.unwrap().0,
        "42501"
    );
    let next = refusal(&client, "SELECT 1")
        .await
        .expect("the transaction failed");
    assert_eq!(next.0, "25P02");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(refusal(&client, "SELECT 1").await, None);
}

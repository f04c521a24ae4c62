//! Drivers as people use them, unchanged, through the gateway.

use std::path::Path;

use bytes::Bytes;
use futures_util::SinkExt as _;
use sluice_tests::programs::{node_package, python, repository};
use sluice_tests::{Gateway, Person, Said, sqlstate};
use tokio_postgres::types::Type;

const CONTACTS: &str = "SELECT id, name, email, phone FROM customers ORDER BY id LIMIT 5";

/// Values that must not come back to Alice.
async fn raw_values(gateway: &Gateway) -> Vec<String> {
    let direct = gateway.place().direct().await;
    let rows = direct
        .query("SELECT email, phone FROM customers WHERE id <= 5", &[])
        .await;
    let rows = rows.expect("the sample data is there");
    let value = |row: &tokio_postgres::Row, at| row.get::<_, Option<String>>(at);
    rows.iter()
        .flat_map(|row| [value(row, 0), value(row, 1)])
        .flatten()
        .collect()
}

/// The program is content, and said nothing that is protected.
async fn content_and_masked(gateway: &Gateway, said: Said) {
    assert!(said.content, "{}\n{}", said.out, said.err);
    for raw in raw_values(gateway).await {
        assert!(
            !said.out.contains(&raw) && !said.err.contains(&raw),
            "{raw}\n{}",
            said.out
        );
    }
}

#[tokio::test]
async fn psql_queries_describes_and_copies() {
    let gateway = Gateway::start().await;
    let commands = [
        "SELECT 1",
        CONTACTS,
        "\\d customers",
        "\\dt *.*",
        "\\df",
        "\\du",
        "\\conninfo",
        "\\copy (SELECT id, email FROM customers LIMIT 5) TO STDOUT",
        "\\copy (SELECT id, email FROM customers LIMIT 5) TO STDOUT CSV HEADER",
        "BEGIN; SELECT count(*) FROM orders; COMMIT",
    ];
    for command in commands {
        content_and_masked(&gateway, gateway.psql(Person::Alice, command).await).await;
    }
    // An older psql asks a newer server for columns that are gone.
    let direct = gateway.psql(Person::Dora, "\\l").await;
    assert!(
        direct.content || direct.err.contains("daticulocale"),
        "{}",
        direct.err
    );
    if direct.content {
        content_and_masked(&gateway, gateway.psql(Person::Alice, "\\l").await).await;
    }
}

#[tokio::test]
async fn psql_goes_on_after_a_refusal() {
    let gateway = Gateway::start().await;
    let arguments = [
        "-X",
        "-A",
        "-t",
        "-c",
        "SELECT upper(email) FROM customers",
        "-c",
        "SELECT 7",
    ];
    let said = gateway.run(Person::Alice, "psql", &arguments).await;
    assert!(
        said.err.contains("ERROR") && said.err.contains("DETAIL"),
        "{}",
        said.err
    );
    assert_eq!(said.out.trim(), "7");
}

#[tokio::test]
async fn pgbench_runs_in_each_of_its_modes() {
    let gateway = Gateway::start().await;
    let script = gateway.place().folder().join("script.sql");
    let text = "\\set id random(1, 500)\n\
        SELECT email, name FROM customers WHERE id = :id;\n\
        BEGIN;\nUPDATE orders SET quantity = 2 WHERE id = :id;\n\
        SELECT quantity FROM orders WHERE id = :id;\nEND;\n";
    std::fs::write(&script, text).unwrap();
    for mode in ["simple", "extended", "prepared"] {
        let arguments = [
            "-n",
            "-M",
            mode,
            "-c",
            "4",
            "-t",
            "100",
            "-f",
            script.to_str().expect("UTF-8"),
        ];
        let said = gateway
            .run(Person::Alice, "pgbench", &arguments)
            .await
            .expect(mode);
        assert!(said.contains("400/400"), "{mode}: {said}");
        assert!(!said.contains("failed transactions: ") || said.contains("transactions: 0 "));
    }
}

#[tokio::test]
async fn tokio_postgres_prepares_pipelines_and_copies() {
    let gateway = Gateway::start().await;
    let mut client = gateway.connect(Person::Alice).await;
    let raw = raw_values(&gateway).await;

    let statement = client.prepare(CONTACTS).await.unwrap();
    assert_eq!(statement.columns()[2].type_(), &Type::TEXT);
    let rows = client.query(&statement, &[]).await.unwrap();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| !raw.contains(&row.get(2))));

    let texts: Vec<String> = (0..100)
        .map(|i| format!("SELECT {i}::bigint + $1::bigint"))
        .collect();
    let mut pending = tokio::task::JoinSet::new();
    let shared = std::sync::Arc::new(gateway.connect(Person::Alice).await);
    for (i, text) in texts.into_iter().enumerate() {
        let client = std::sync::Arc::clone(&shared);
        pending.spawn(async move { (i, client.query_one(&text, &[&1i64]).await) });
    }
    while let Some(answer) = pending.join_next().await {
        let (i, row) = answer.unwrap();
        assert_eq!(row.unwrap().get::<_, i64>(0), i64::try_from(i).unwrap() + 1);
    }

    let refused = client
        .query("SELECT upper(email) FROM customers", &[])
        .await;
    assert_eq!(sqlstate(refused), "42501");

    let table = "CREATE TEMPORARY TABLE inward (n integer)";
    client.batch_execute(table).await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind(&statement, &[]).await.unwrap();
    assert_eq!(transaction.query_portal(&portal, 2).await.unwrap().len(), 2);
    assert_eq!(
        transaction.query_portal(&portal, 10).await.unwrap().len(),
        3
    );
    let sink = transaction
        .copy_in::<_, Bytes>("COPY inward FROM STDIN")
        .await
        .unwrap();
    let mut sink = std::pin::pin!(sink);
    sink.send(Bytes::from_static(b"1\n2\n3\n")).await.unwrap();
    sink.close().await.unwrap();
    let sum = transaction
        .query_one("SELECT sum(n) FROM inward", &[])
        .await
        .unwrap();
    assert_eq!(sum.get::<_, i64>(0), 6);
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn a_cancel_request_ends_the_statement_and_not_the_session() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let cancel = client.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        cancel.cancel_query(tokio_postgres::NoTls).await.unwrap();
    });
    let ended = client.query("SELECT pg_sleep(30)", &[]).await;
    assert_eq!(sqlstate(ended), "57014");
    client.query_one("SELECT 1", &[]).await.unwrap();
}

/// Runs a program of a driver's language as Alice.
async fn run(gateway: &Gateway, program: &Path, script: &Path) -> Said {
    gateway
        .run(
            Person::Alice,
            program.to_str().expect("UTF-8"),
            &[script.to_str().expect("UTF-8")],
        )
        .await
}

#[tokio::test]
async fn psycopg_does_what_its_users_do() {
    let Some(python) = python().await else { return };
    let gateway = Gateway::start().await;
    let script = repository().join("tests/clients/python/psycopg_client.py");
    let said = run(&gateway, &python, &script).await;
    content_and_masked(&gateway, said).await;
}

#[tokio::test]
async fn asyncpg_does_what_its_users_do() {
    let Some(python) = python().await else { return };
    let gateway = Gateway::start().await;
    let script = repository().join("tests/clients/python/asyncpg_client.py");
    let said = run(&gateway, &python, &script).await;
    content_and_masked(&gateway, said).await;
}

#[tokio::test]
async fn sqlalchemy_does_what_its_users_do() {
    let Some(python) = python().await else { return };
    let gateway = Gateway::start().await;
    let script = repository().join("tests/clients/python/sqlalchemy_client.py");
    let said = run(&gateway, &python, &script).await;
    content_and_masked(&gateway, said).await;
}

#[tokio::test]
async fn node_postgres_does_what_its_users_do() {
    let Some(folder) = node_package("node").await else {
        return;
    };
    let gateway = Gateway::start().await;
    let said = run(&gateway, Path::new("node"), &folder.join("client.mjs")).await;
    content_and_masked(&gateway, said).await;
}

#[tokio::test]
async fn prisma_does_what_its_users_do() {
    let Some(folder) = node_package("prisma").await else {
        return;
    };
    let gateway = Gateway::start().await;
    let said = run(&gateway, Path::new("node"), &folder.join("client.mjs")).await;
    content_and_masked(&gateway, said).await;
}

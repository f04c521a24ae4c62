//! Cancel requests hit what runs, and nothing later.

use sluice::demo::postgres::Role;
use sluice_tests::gateway::DATABASE;
use sluice_tests::server::postgres;
use sluice_tests::wire_client::{
    Format, WireClient, bind, execute, message, parse, query, startup_with, sync, tags,
};
use sluice_tests::{Gateway, Person};

/// A session of a protocol version, and what cancels its statements.
async fn cancellable(gateway: &Gateway, minor: u16) -> (WireClient, Vec<u8>) {
    let startup = startup_with(minor, &[("user", "dora"), ("database", DATABASE)]);
    let place = gateway.place();
    let (client, said) =
        WireClient::log_in_with(place, gateway.address(), Person::Dora, &startup).await;
    let key = said
        .iter()
        .find(|message| message.tag == b'K')
        .expect("a key");
    (client, key.body.clone())
}

/// Sends a cancel request, and waits until it has been acted on.
async fn cancel(gateway: &Gateway, key: &[u8]) {
    let mut client = WireClient::connect(gateway.address()).await;
    let code = [&1234u16.to_be_bytes()[..], &5678u16.to_be_bytes(), key].concat();
    client.send(&message(b'?', &code)[1..]).await;
    assert_eq!(client.message().await, None);
}

/// Waits until PostgreSQL runs a statement with this text.
async fn until_running(text: &str) {
    let admin = postgres()
        .await
        .connect(Role::Superuser, "postgres")
        .await
        .unwrap();
    let running = "SELECT count(*) FROM pg_stat_activity
                   WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()";
    sluice_tests::eventually("it runs", || async {
        let row = admin
            .query_one(running, &[&format!("{text}%")])
            .await
            .unwrap();
        row.get::<_, i64>(0) > 0
    })
    .await;
}

#[tokio::test]
async fn a_cancel_request_hits_what_runs_and_nothing_later() {
    let gateway = Gateway::start().await;
    for minor in [0, 2] {
        let (mut client, key) = cancellable(&gateway, minor).await;
        assert_eq!(key.len(), if minor == 2 { 4 + 32 } else { 8 });
        let text = format!("SELECT pg_sleep(40.{minor})");
        client
            .send(&[query(&text), query("SELECT 'next'")].concat())
            .await;
        until_running(&text).await;
        let mut wrong = key.clone();
        *wrong.last_mut().unwrap() ^= 1;
        cancel(&gateway, &wrong).await;
        cancel(&gateway, &key).await;
        let said = client.until_ready().await.unwrap();
        assert_eq!(said.last().unwrap().field(b'C'), Some("57014"), "{said:?}");
        let said = client.until_ready().await.unwrap();
        assert!(said.iter().any(|message| message.tag == b'D'), "{said:?}");
        for _ in 0..20 {
            cancel(&gateway, &key).await;
            let said = client.query("SELECT count(*) FROM orders").await.unwrap();
            assert!(said.iter().all(|message| message.tag != b'E'), "{said:?}");
        }
        // The session is over, and its key with it.
        client.send(&message(b'X', b"")).await;
        assert_eq!(client.message().await, None);
        cancel(&gateway, &key).await;
    }
}

#[tokio::test]
async fn a_cancel_request_within_a_pipeline_skips_to_its_sync() {
    let gateway = Gateway::start().await;
    let (mut client, key) = cancellable(&gateway, 0).await;
    let text = "SELECT pg_sleep(41.5)";
    let parts = [
        [
            parse("", "SELECT 1"),
            bind("", "", &[], Format::Text),
            execute("", 0),
        ]
        .concat(),
        [
            parse("", text),
            bind("", "", &[], Format::Text),
            execute("", 0),
        ]
        .concat(),
        [
            parse("", "SELECT 2"),
            bind("", "", &[], Format::Text),
            execute("", 0),
        ]
        .concat(),
        sync(),
        query("SELECT 3"),
    ];
    client.send(&parts.concat()).await;
    until_running(text).await;
    cancel(&gateway, &key).await;
    let said = client.until_ready().await.unwrap();
    assert_eq!(tags(&said), "12DC12E", "{said:?}");
    assert_eq!(client.until_ready().await.unwrap().len(), 3);
}

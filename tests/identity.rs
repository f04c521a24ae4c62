//! Who is let in, and who is not.

use std::process::Stdio;
use std::time::Duration;

use identity::issuer::{Claims, DevIssuer};
use sluice_tests::programs::node_package;
use sluice_tests::{Gateway, Person, eventually, sqlstate};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_postgres::NoTls;

/// Tries to get in with a password.
async fn knock(gateway: &Gateway, password: &str) -> Result<(), tokio_postgres::Error> {
    let mut settings = gateway.settings(Person::Alice);
    let (client, connection) = settings.password(password).connect(NoTls).await?;
    let driving = tokio::spawn(async move { connection.await.ok() });
    client.query_one("SELECT 1", &[]).await?;
    driving.abort();
    Ok(())
}

/// What a person hears who is not let in.
async fn refusal(gateway: &Gateway, password: &str) -> String {
    sqlstate(knock(gateway, password).await)
}

#[tokio::test]
async fn a_good_token_opens_the_door() {
    let gateway = Gateway::start().await;
    for person in Person::ALL {
        let token = gateway.place().provider().token(person);
        knock(&gateway, &token).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_token_does_not() {
    let gateway = Gateway::start().await;
    for password in [
        "secret",
        "a.b.c",
        "",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
    ] {
        assert_eq!(refusal(&gateway, password).await, "28P01", "{password}");
    }
}

#[tokio::test]
async fn expired_foreign_and_altered_tokens_do_not() {
    let gateway = Gateway::start().await;
    let provider = gateway.place().provider();
    let alice = Claims::about("alice").in_groups(["analysts"]);

    let mut expired = Person::Alice.claims();
    expired.extra.insert("exp".to_owned(), 1_000_000_000.into());
    assert_eq!(
        refusal(&gateway, &provider.token_of(&expired)).await,
        "28P01"
    );

    let mut elsewhere = Person::Alice.claims();
    elsewhere
        .extra
        .insert("aud".to_owned(), "another-service".into());
    assert_eq!(
        refusal(&gateway, &provider.token_of(&elsewhere)).await,
        "28P01"
    );

    let now = std::time::SystemTime::now();
    let impostor = DevIssuer::new(provider.url());
    assert_eq!(
        refusal(&gateway, &impostor.issue(&alice, now)).await,
        "28P01"
    );
    let stranger = DevIssuer::new("http://127.0.0.1:9/");
    assert_eq!(
        refusal(&gateway, &stranger.issue(&alice, now)).await,
        "28P01"
    );

    let token = provider.token(Person::Alice);
    let dora = provider.token(Person::Dora);
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = [parts[0], dora.split('.').nth(1).unwrap(), parts[2]].join(".");
    assert_eq!(refusal(&gateway, &swapped).await, "28P01");
}

#[tokio::test]
async fn a_session_ends_when_its_token_does() {
    let gateway = Gateway::with(|text| {
        text.replace(
            "audience = \"sluice\"",
            "audience = \"sluice\"\nleeway = \"0s\"",
        )
    })
    .await;
    let short = Person::Alice.claims().for_time(Duration::from_secs(3));
    let token = gateway.place().provider().token_of(&short);
    let mut settings = gateway.settings(Person::Alice);
    let (client, connection) = settings.password(token).connect(NoTls).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    client.query_one("SELECT 1", &[]).await.unwrap();
    eventually("the session ends", || async {
        client.query_one("SELECT 1", &[]).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_not_configured_is_not_there() {
    let gateway = Gateway::start().await;
    let mut settings = gateway.settings(Person::Alice);
    let refused = settings.dbname("postgres").connect(NoTls).await.map(|_| ());
    assert_eq!(sqlstate(refused), "3D000");
}

#[tokio::test]
async fn a_certified_provider_is_understood() {
    let Some(folder) = node_package("oidc").await else {
        return;
    };
    let mut provider = tokio::process::Command::new("node")
        .arg("provider.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(provider.stdout.take().unwrap()).lines();
    let issuer = lines.next_line().await.unwrap().expect("its address");
    let gateway = Gateway::with(|text| {
        let written = text
            .lines()
            .find(|line| line.starts_with("issuer"))
            .unwrap()
            .to_owned();
        text.replace(&written, &format!("issuer = {issuer:?}"))
    })
    .await;
    let answer = reqwest::Client::new()
        .post(format!("{issuer}/token"))
        .basic_auth("nightly-report", Some("a-secret-of-the-test"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap();
    knock(&gateway, token).await.unwrap();
    let ours = gateway.place().provider().token(Person::Alice);
    assert_eq!(refusal(&gateway, &ours).await, "28P01");
}

//! Values that must never pass.

use sluice_tests::gateway::Place;
use sluice_tests::{Gateway, Person};

/// A gateway that watches for a value in an open column, as if masking had failed.
async fn watched() -> Gateway {
    let place = Place::new().await;
    let direct = place.direct().await;
    let put = "UPDATE customers SET city = 'canary-7351928' WHERE id = 3";
    direct
        .batch_execute(put)
        .await
        .expect("the value is put there");
    let file = place.folder().join("canaries");
    std::fs::write(file, "canary-7351928\n").expect("a file");
    place.edit(|text| format!("{text}\n[canaries]\nfile = \"canaries\"\n"));
    Gateway::within(place).await
}

#[tokio::test]
async fn a_canary_ends_the_session_before_it_is_sent() {
    let gateway = watched().await;
    let alice = gateway.connect(Person::Alice).await;
    let cities = "SELECT city FROM customers ORDER BY id LIMIT 2";
    alice.simple_query(cities).await.expect("there is none");
    for text in [
        "SELECT city FROM customers ORDER BY id",
        "SELECT id, city, repeat('x', 70000) FROM customers ORDER BY id",
    ] {
        let alice = gateway.connect(Person::Alice).await;
        let said = alice.simple_query(text).await;
        let error = format!("{:?}", said.expect_err("the session ends"));
        assert!(!error.contains("canary-7351928"), "{error}");
        assert!(alice.simple_query("SELECT 1").await.is_err());
    }
    let dora = gateway.connect(Person::Dora).await;
    let seen = dora.simple_query("SELECT city FROM customers").await;
    seen.expect("she may see everything");
}

#[tokio::test]
async fn a_list_that_cannot_be_used_keeps_the_gateway_from_starting() {
    let place = Place::new().await;
    std::fs::write(place.folder().join("canaries"), "short\n").expect("a file");
    place.edit(|text| format!("{text}\n[canaries]\nfile = \"canaries\"\n"));
    let config = sluice::config::Config::read(&place.file()).expect("it is well formed");
    let refused = sluice::gateway::Gateway::start(config).await;
    let why = refused.expect_err("a canary of five bytes").to_string();
    assert!(why.contains("line 1"), "{why}");
}

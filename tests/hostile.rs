//! Clients that break the protocol, servers that vanish, and what must go on meanwhile.

use std::time::Duration;

use sluice_tests::gateway::Place;
use sluice_tests::wire_client::{
    Format, Kind, WireClient, bind, close, execute, message, parse, query, startup, sync, tags,
    terminated,
};
use sluice_tests::{Gateway, PATIENCE, Person};
use tokio::io::AsyncReadExt as _;

/// The gateway serves others as if nothing had happened.
async fn serves(gateway: &Gateway) {
    let client = gateway.connect(Person::Dora).await;
    let row = client
        .query_one("SELECT count(*) FROM orders", &[])
        .await
        .expect("an ordinary statement runs");
    assert!(row.get::<_, i64>(0) > 0);
}

#[tokio::test]
async fn a_startup_cut_at_every_byte_hurts_nobody() {
    let gateway = Gateway::start().await;
    let bytes = startup("alice");
    for cut in 0..bytes.len() {
        let mut client = WireClient::connect(gateway.address()).await;
        client.send(&bytes[..cut]).await;
    }
    serves(&gateway).await;
}

#[tokio::test]
async fn a_query_cut_at_every_byte_is_never_run() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    direct
        .batch_execute("CREATE TABLE cut (at integer)")
        .await
        .unwrap();
    let bytes = message(b'Q', &terminated("INSERT INTO cut VALUES (1)"));
    for cut in 0..bytes.len() {
        let mut client = WireClient::log_in(&gateway, Person::Dora).await;
        client.send(&bytes[..cut]).await;
    }
    serves(&gateway).await;
    let row = direct
        .query_one("SELECT count(*) FROM cut", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_query_that_comes_byte_by_byte_is_run_once() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::log_in(&gateway, Person::Dora).await;
    client.stream.set_nodelay(true).unwrap();
    for byte in message(b'Q', &terminated("SELECT 41 + 1")) {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let said = client.until_ready().await.unwrap();
    let row = said.iter().find(|message| message.tag == b'D').unwrap();
    assert_eq!(row.body, [&[0, 1, 0, 0, 0, 2][..], b"42"].concat());
}

#[tokio::test]
async fn lengths_that_cannot_be_end_the_session_with_an_error() {
    let gateway = Gateway::start().await;
    for length in [0u32, 3, 0x7fff_ffff, 0xffff_ffff] {
        let mut client = WireClient::log_in(&gateway, Person::Alice).await;
        client
            .send(&[&b"Q"[..], &length.to_be_bytes()].concat())
            .await;
        let said = client.message().await;
        assert!(
            said.as_ref().is_none_or(|message| message.tag == b'E'),
            "{length}: {said:?}"
        );
        assert_eq!(client.message().await, None, "{length}");
    }
    serves(&gateway).await;
}

#[tokio::test]
async fn a_startup_longer_than_postgresql_takes_is_refused() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::connect(gateway.address()).await;
    client.send(&startup(&"a".repeat(20_000))).await;
    let said = client.message().await;
    assert!(said.is_none_or(|message| message.tag == b'E'));
    serves(&gateway).await;
}

#[tokio::test]
async fn tags_that_clients_do_not_send_are_refused() {
    let gateway = Gateway::start().await;
    for tag in (0..=u8::MAX).filter(|tag| !b"BCDEFHPQSXcdfp".contains(tag)) {
        let mut client = WireClient::log_in(&gateway, Person::Alice).await;
        client.send(&message(tag, b"")).await;
        client.send(&message(b'S', b"")).await;
        let said = client.message().await;
        assert!(
            said.as_ref().is_none_or(|message| message.tag == b'E'),
            "{tag}: {said:?}"
        );
    }
    serves(&gateway).await;
}

#[tokio::test]
async fn the_fast_path_is_refused() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    // FunctionCall of version() (OID 89) without arguments, result as text.
    let body = [&89u32.to_be_bytes()[..], &[0, 0], &[0, 0], &[0, 0]].concat();
    client.send(&message(b'F', &body)).await;
    let said = client.message().await.unwrap();
    assert_eq!(said.tag, b'E', "{said:?}");
}

#[tokio::test]
async fn a_function_call_that_is_passed_over_leaves_each_answer_to_its_request() {
    let place = Place::new().await;
    let direct = place.direct().await;
    let make = "CREATE FUNCTION next(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'";
    direct.batch_execute(make).await.expect("it is made");
    let number = "SELECT 'next(int)'::regprocedure::oid";
    let number: u32 = direct.query_one(number, &[]).await.expect("it").get(0);
    let gateway = Gateway::within(place).await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    let run = |text: &str| {
        let bound = bind("", "", &[], Format::Text);
        [parse("", text), bound, execute("", 0)].concat()
    };
    let number = number.to_be_bytes();
    let body = [&number[..], &[0, 0, 0, 1, 0, 0, 0, 1], b"1", &[0, 0]].concat();
    let messages = [
        run("SELECT 1 / (count(*) - 1) FROM pg_sleep(0.3)"),
        // What is judged next has to wait for it.
        run("SET search_path = public"),
        message(b'F', &body),
        sync(),
    ];
    client.send(&messages.concat()).await;
    client.until_ready().await.expect("an answer");
    for (text, answer) in [
        ("SELECT (1 / 0)::text", "E"),
        ("SELECT 5", "TDC"),
        ("", "I"),
    ] {
        let said = client.query(text).await.expect("an answer");
        assert_eq!(tags(&said), answer, "{text}: {said:?}");
    }
}

#[tokio::test]
async fn what_is_no_copy_data_ends_the_session() {
    let place = Place::new().await;
    let direct = place.direct().await;
    let make = "CREATE TABLE own (v text)";
    direct.batch_execute(make).await.expect("it is made");
    let gateway = Gateway::within(place).await;
    for strays in [parse("", "FETCH 1 FROM c"), query("FETCH 1 FROM c")] {
        let mut client = WireClient::log_in(&gateway, Person::Alice).await;
        let copy = query("COPY own (v) FROM STDIN");
        client.send(&[copy, strays, sync()].concat()).await;
        let ended = async {
            let mut said = Vec::new();
            while let Some(message) = client.message().await {
                said.push(message);
            }
            said
        };
        let said = tokio::time::timeout(PATIENCE, ended).await;
        let said = said.expect("the session ends");
        assert!(tags(&said).contains('E'), "{said:?}");
    }
    serves(&gateway).await;
}

#[tokio::test]
async fn replication_is_refused() {
    let gateway = Gateway::start().await;
    let mut body = vec![0, 3, 0, 0];
    for text in [
        "user",
        "dora",
        "database",
        "shop",
        "replication",
        "database",
    ] {
        body.extend(terminated(text));
    }
    body.push(0);
    let mut client = WireClient::connect(gateway.address()).await;
    client.send(&message(b'?', &body)[1..]).await;
    let mut said = client.message().await.unwrap();
    if said.tag == b'R' {
        let token = gateway.place().provider().token(Person::Dora);
        client.send(&message(b'p', &terminated(&token))).await;
        said = client.message().await.unwrap();
    }
    assert_eq!(said.tag, b'E', "{said:?}");
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused_and_the_session_lives() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    client.send(&message(b'Q', b"SELECT '\xff\xfe'\0")).await;
    let said = client.until_ready().await;
    let Some(said) = said else { return };
    assert!(said.iter().any(|message| message.tag == b'E'), "{said:?}");
    assert!(client.query("SELECT 1").await.is_some());
}

#[tokio::test]
async fn deep_nesting_is_refused_and_the_session_lives() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    for (open, close) in [
        ("(", ")"),
        ("ARRAY[", "]"),
        ("NOT ", ""),
        ("CASE WHEN true THEN ", " END"),
    ] {
        let depth = 100_000;
        let text = format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth));
        let said = client.query(&text).await.expect("the session lives");
        assert!(said.iter().any(|message| message.tag == b'E'), "{open}");
    }
    let nested = format!("SELECT {}", "(SELECT ".repeat(50_000));
    assert!(client.query(&nested).await.is_some());
    assert!(
        client
            .query("SELECT 1")
            .await
            .unwrap()
            .iter()
            .any(|message| message.tag == b'D')
    );
}

#[tokio::test]
async fn a_reader_that_does_not_read_costs_nobody_else() {
    let gateway = Gateway::start().await;
    let mut slow = WireClient::log_in(&gateway, Person::Dora).await;
    let many = "SELECT repeat('x', 1000) FROM generate_series(1, 200000)";
    slow.send(&message(b'Q', &terminated(many))).await;
    for _ in 0..20 {
        serves(&gateway).await;
    }
    let mut rest = vec![0; 1 << 16];
    let mut total = 0;
    // It gets all of it when it reads at last.
    while total < 200_000 * 1000 {
        let read = slow.stream.read(&mut rest);
        total += tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn clients_that_vanish_leave_no_session_upstream() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    for _ in 0..20 {
        let mut client = WireClient::log_in(&gateway, Person::Dora).await;
        client
            .send(&message(b'Q', &terminated("SELECT pg_sleep(0.2)")))
            .await;
    }
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND query LIKE '%pg_sleep(0.2)%' AND pid <> pg_backend_pid()";
    sluice_tests::eventually("no session is left upstream", || async {
        direct
            .query_one(others, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
    })
    .await;
}

#[tokio::test]
async fn a_backend_that_dies_in_a_result_ends_that_session_only() {
    let gateway = Gateway::start().await;
    let direct = gateway.place().direct().await;
    let mut doomed = WireClient::log_in(&gateway, Person::Dora).await;
    let slow = "SELECT repeat('x', 1000), pg_sleep(0.001) FROM generate_series(1, 100000)";
    doomed.send(&message(b'Q', &terminated(slow))).await;
    assert_eq!(doomed.message().await.unwrap().tag, b'T');
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE query LIKE '%pg_sleep(0.001)%' AND pid <> pg_backend_pid()";
    let row = direct.query_one(kill, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    let mut last = None;
    while let Some(message) = doomed.message().await {
        last = Some(message);
    }
    let last = last.expect("rows, then an error");
    assert_eq!(
        (last.tag, last.field(b'C')),
        (b'E', Some("57P01")),
        "{last:?}"
    );
    serves(&gateway).await;
}

#[tokio::test]
async fn a_silent_client_is_shown_the_door() {
    let gateway = Gateway::with(|text| format!("{text}\n[limits]\nlogin = \"300ms\"\n")).await;
    let mut client = WireClient::connect(gateway.address()).await;
    let hung_up = async { while client.message().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), hung_up)
        .await
        .expect("the gateway hangs up");
    serves(&gateway).await;
}

/// The gateway keeps them to judge by until their portals are closed.
#[tokio::test]
async fn the_parameters_of_portals_are_together_no_longer_than_a_message() {
    let gateway = Gateway::with(|text| format!("{text}\n[limits]\nmessage = \"2MiB\"\n")).await;
    let mut client = WireClient::log_in(&gateway, Person::Alice).await;
    let long = "x".repeat(1 << 20);
    let parsed = [query("BEGIN"), parse("long", "SELECT $1::text")].concat();
    client.send(&[parsed, sync()].concat()).await;
    for _ in 0..2 {
        client.until_ready().await.expect("an answer");
    }
    for (portal, before, expected) in [
        ("one", vec![], "2"),
        ("two", close(Kind::Portal, "one"), "32"),
        ("three", vec![], "E"),
    ] {
        let bound = bind(portal, "long", &[&long], Format::Text);
        client.send(&[before, bound, sync()].concat()).await;
        let said = client.until_ready().await.expect("an answer");
        assert_eq!(tags(&said), expected, "{portal}");
    }
    serves(&gateway).await;
}

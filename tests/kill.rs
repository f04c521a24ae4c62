//! A gateway that is killed under load leaves a complete record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluice_tests::gateway::Place;
use sluice_tests::programs::serve;
use sluice_tests::{Person, programs, server};
use tokio::process::Command;
use tokio_postgres::NoTls;

/// How often each marked statement is in a text.
fn marks<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in lines {
        let Some((_, after)) = line.split_once("/* mark ") else {
            continue;
        };
        let Some((mark, _)) = after.split_once(" */") else {
            continue;
        };
        *found.entry(mark.to_owned()).or_insert(0) += 1;
    }
    found
}

/// The statements on the record.
fn recorded(trail: &Path) -> Vec<String> {
    let mut reader = trail::reader::Reader::open(trail).expect("the trail can be opened");
    let mut events = reader.poll().expect("the trail can be read");
    events.extend(reader.unfinished());
    events
        .iter()
        .map(|event| event.statement.to_string())
        .collect()
}

#[tokio::test]
async fn every_statement_that_postgresql_ran_is_on_the_record_of_a_killed_gateway() {
    for round in 0..3 {
        let place = Place::new().await;
        let admin = server::postgres().await;
        let role = sluice::demo::postgres::Role::Superuser;
        let setting = "ALTER ROLE app SET log_statement = 'all'";
        admin.run(role, "postgres", setting).await.unwrap();
        let (mut gateway, address) = serve(&place).await;

        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..8 {
            let settings = place.settings(address, Person::Dora);
            let (client, connection) = settings.connect(NoTls).await.unwrap();
            tokio::spawn(async move { connection.await.ok() });
            let stop = Arc::clone(&stop);
            clients.spawn(async move {
                let mut mine = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mark = format!("{round}-{number}-{mine}");
                    let text = format!(
                        "/* mark {mark} */ UPDATE orders SET quantity = 3 WHERE id = {}",
                        mine % 1000 + 1
                    );
                    // Both protocols, in turn; it ends with the gateway.
                    let answer = if mine % 2 == 0 {
                        client.batch_execute(&text).await
                    } else {
                        client.execute(&text, &[]).await.map(|_| ())
                    };
                    if answer.is_err() {
                        break;
                    }
                    mine += 1;
                }
                mine
            });
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        // Tokio's kill is SIGKILL.
        gateway.kill().await.unwrap();
        stop.store(true, Ordering::Relaxed);
        let mut answered = 0;
        while let Some(mine) = clients.join_next().await {
            answered += mine.unwrap();
        }
        assert!(answered > 100, "there was load: {answered}");

        // The server finishes what it was sent.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let log = std::fs::read_to_string(admin.log()).unwrap();
        let this_round = format!("/* mark {round}-");
        let ran = marks(log.lines().filter(|line| line.contains(&this_round)));
        let record = recorded(&place.trail());
        let record = marks(record.iter().map(String::as_str));
        assert!(
            ran.len() >= answered,
            "{} ran, {answered} answered",
            ran.len()
        );
        for mark in ran.keys() {
            assert!(
                record.contains_key(mark),
                "PostgreSQL ran {mark}, the trail lacks it"
            );
        }
    }
}

#[tokio::test]
async fn a_gateway_that_is_told_to_stop_ends_in_good_order() {
    let place = Place::new().await;
    let (mut gateway, address) = serve(&place).await;
    let settings = place.settings(address, Person::Dora);
    let (client, connection) = settings.connect(NoTls).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    client.query_one("SELECT 1", &[]).await.unwrap();
    drop(client);
    let id = gateway.id().unwrap().to_string();
    let mut tell = Command::new("kill");
    tell.args(["-TERM", &id]);
    assert!(programs::said(tell).await.content);
    let ended = tokio::time::timeout(Duration::from_secs(15), gateway.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}

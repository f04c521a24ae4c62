//! What a gateway keeps in memory when one side does not read: little, whatever the other side sends.
//!
//! The gateway runs as a program of its own, so that its memory is not that of the test.

use std::time::Duration;

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::programs::serve;
use sluice_tests::wire_client::{
    Format, WireClient, bind, execute, message, parse, query, startup, sync,
};
use sluice_tests::{Gateway, Person, eventually, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

const MIB: usize = 1 << 20;

/// What a gateway may keep for one session that is stuck, beside what it began with.
const BOUND: usize = 48 * MIB;

/// A gateway of its own process, and a client that has made it ready for what comes.
struct Measured {
    place: Place,
    gateway: Child,
    client: WireClient,
    before: usize,
}

impl Measured {
    /// None where the system does not tell how much memory a process takes.
    async fn start(person: Person) -> Option<Self> {
        let place = Place::new().await;
        let (gateway, address) = serve(&place).await;
        let startup = startup(person.name());
        let (mut client, _) = WireClient::log_in_with(&place, address, person, &startup).await;
        client
            .query("SELECT name FROM customers LIMIT 1")
            .await
            .unwrap();
        // Forgets what starting took.
        std::fs::write(format!("/proc/{}/clear_refs", gateway.id()?), "5").ok();
        let before = peak(&gateway)?;
        Some(Self {
            place,
            gateway,
            client,
            before,
        })
    }

    /// Says that memory has stayed within the bound.
    fn assert_bounded(&self, what: &str) {
        let now = peak(&self.gateway).expect("it could be measured before");
        let more = now.saturating_sub(self.before);
        println!(
            "{what}: from {} MiB to {} MiB",
            self.before / MIB,
            now / MIB
        );
        assert!(more < BOUND, "{what}: {} MiB more", more / MIB);
    }

    /// Waits until PostgreSQL can send no more of the result of a statement.
    async fn until_stuck(&self, text: &str) {
        let admin = server::postgres().await;
        let admin = admin.connect(Role::Superuser, "postgres").await.unwrap();
        let stuck = "SELECT count(*) FROM pg_stat_activity \
                     WHERE wait_event = 'ClientWrite' AND query LIKE '%' || $1 || '%'";
        eventually("PostgreSQL waits for its client", || async {
            admin
                .query_one(stuck, &[&text])
                .await
                .unwrap()
                .get::<_, i64>(0)
                > 0
        })
        .await;
    }
}

/// The most memory that a process has had, in bytes.
fn peak(process: &Child) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()?));
    let Ok(status) = status else {
        println!("SKIPPED: there is no /proc/<pid>/status");
        return None;
    };
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// A client asks for a large result and reads it late and slowly.
async fn read_slowly(person: Person, text: &str, total: usize) {
    let Some(mut measured) = Measured::start(person).await else {
        return;
    };
    measured.client.send(&query(text)).await;
    measured.until_stuck(text).await;
    measured.assert_bounded("before the client reads");
    let mut buffer = vec![0; MIB];
    let mut seen = 0;
    while seen < total {
        let reading = measured.client.stream.read(&mut buffer);
        let read = tokio::time::timeout(sluice_tests::PATIENCE, reading).await;
        let read = read
            .expect("the result goes on")
            .expect("the gateway lives");
        assert!(read > 0, "the gateway hung up after {seen} bytes");
        seen += read;
    }
    measured.assert_bounded("after it has read all");
}

#[tokio::test]
async fn a_large_result_waits_for_its_reader() {
    let text = "SELECT repeat('x', 1000) FROM generate_series(1, 250000)";
    read_slowly(Person::Dora, text, 250 * 1000 * 1000).await;
}

#[tokio::test]
async fn a_large_masked_result_waits_for_its_reader() {
    let text = "SELECT c.email, repeat('x', 1000) FROM customers c, generate_series(1, 120)";
    read_slowly(Person::Alice, text, 60 * 1000 * 1000).await;
}

#[tokio::test]
async fn a_large_copy_waits_for_its_reader() {
    let text = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT";
    read_slowly(Person::Dora, text, 100 * 1000 * 1000).await;
}

#[tokio::test]
#[ignore = "takes minutes: 10 GiB"]
async fn a_huge_result_waits_for_its_reader() {
    let text = "SELECT repeat('x', 10000) FROM generate_series(1, 1100000)";
    read_slowly(Person::Dora, text, 10 << 30).await;
}

#[tokio::test]
async fn copy_data_wait_for_an_upstream_that_does_not_read() {
    let Some(mut measured) = Measured::start(Person::Dora).await else {
        return;
    };
    let direct = measured.place.direct().await;
    direct
        .batch_execute("CREATE TABLE inward (t text)")
        .await
        .unwrap();
    let into = "COPY inward FROM STDIN";
    // Once, so that nothing has to be looked up when the table is locked.
    let parts = [query(into), message(b'c', b"")].concat();
    measured.client.send(&parts).await;
    measured.client.until_ready().await.unwrap();
    direct
        .batch_execute("BEGIN; LOCK TABLE inward")
        .await
        .unwrap();
    measured.client.send(&query(into)).await;
    let line = [&b"y".repeat(9_999)[..], b"\n"].concat();
    let data = message(b'd', &line).repeat(100);
    let rounds = 200;
    let mut sent = 0;
    // It stops taking data at some time, before the end or at it.
    for _ in 0..rounds * data.len() / (64 << 10) + 1 {
        let at = sent % data.len();
        let part = &data[at..data.len().min(at + (64 << 10))];
        let writing = measured.client.stream.write(part);
        match tokio::time::timeout(Duration::from_secs(2), writing).await {
            Ok(written) => sent += written.expect("the gateway lives"),
            Err(_) => break,
        }
        if sent >= rounds * data.len() {
            break;
        }
    }
    println!("{} MiB were taken", sent / MIB);
    measured.assert_bounded("while PostgreSQL does not read");
    direct.batch_execute("COMMIT").await.unwrap();
    let rest = data[sent % data.len()..].to_vec();
    measured.client.send(&rest).await;
    measured.client.send(&message(b'c', b"")).await;
    let said = measured.client.until_ready().await.unwrap();
    assert!(said.iter().any(|m| m.tag == b'C'), "{said:?}");
    measured.assert_bounded("after PostgreSQL has read all");
}

#[tokio::test]
async fn requests_wait_for_a_client_that_reads_no_answers() {
    let Some(mut measured) = Measured::start(Person::Dora).await else {
        return;
    };
    // Each answer is large, and what asks for it is small.
    let prepare = [parse("large", "SELECT repeat('z', 20000)"), sync()].concat();
    measured.client.send(&prepare).await;
    measured.client.until_ready().await.unwrap();
    let one = [bind("", "large", &[], Format::Text), execute("", 0)].concat();
    let many = one.repeat(1000);
    let mut sent = 0;
    for _ in 0..1000 {
        let writing = measured.client.stream.write(&many[sent % many.len()..]);
        match tokio::time::timeout(Duration::from_secs(2), writing).await {
            Ok(written) => sent += written.expect("the gateway lives"),
            Err(_) => break,
        }
    }
    println!("{} requests were taken", sent / one.len());
    measured.assert_bounded("while the client reads nothing");
}

/// A long result goes to the client in large pieces; PostgreSQL itself keeps back up to 8 KiB.
#[tokio::test]
async fn what_a_long_result_has_shown_is_not_held_back_while_it_goes_on() {
    let gateway = Gateway::start().await;
    let mut client = WireClient::log_in(&gateway, Person::Dora).await;
    let text = "SELECT repeat('x', 1000) FROM generate_series(1, 1000) \
                UNION ALL SELECT pg_sleep(60)::text";
    client.send(&query(text)).await;
    let mut rows = 0;
    while rows < 990 {
        let message = client.message().await.expect("an answer");
        rows += usize::from(message.tag == b'D');
    }
}

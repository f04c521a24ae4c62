//! The PostgreSQL of a test binary, and a database for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use sluice::demo::postgres::{Options, Postgres};
use tokio::sync::OnceCell;

/// How much sample data a test database has: 500 customers.
const SCALE: f64 = 0.01;

/// The database that others are copied from.
const SAMPLE: &str = "sample";

static SERVER: OnceCell<Postgres> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The server that the tests of one binary share. It ends with the process.
///
/// # Panics
/// PostgreSQL is not installed and cannot be fetched; the message says what to install.
pub async fn postgres() -> &'static Postgres {
    SERVER
        .get_or_init(|| async {
            let server = Postgres::start(Options::default()).await;
            let server = server.unwrap_or_else(|error| panic!("{error}"));
            sluice::demo::fill(&server, SAMPLE, SCALE)
                .await
                .expect("the sample data is loaded");
            server
        })
        .await
}

/// A new database with the sample data, for one test.
///
/// # Panics
/// The server is gone.
pub async fn new_database() -> String {
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let made = postgres().await.create_database(&name, Some(SAMPLE)).await;
    made.expect("the server makes databases");
    name
}

//! The program from outside: real PostgreSQL, real drivers, a gateway in this process or beside it.
//!
//! Fixtures own what they start. Everything listens on a free port and every test has a database of
//! its own, so tests run side by side. Only edges are doubled: a client that sends nonsense
//! ([`wire_client`]), a policy that misbehaves ([`modules`]).

pub mod both;
pub mod gateway;
pub mod modules;
pub mod programs;
pub mod server;
pub mod wire_client;

pub use both::Both;
pub use gateway::Gateway;
pub use programs::Said;
pub use sluice::demo::people::Person;

use std::time::Duration;

/// How long anything may take to come about before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds, looking again and again.
///
/// # Panics
/// It never came about.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// The SQLSTATE of a refused statement.
///
/// # Panics
/// It was not refused by an ERROR message.
#[must_use]
pub fn sqlstate<T>(answer: Result<T, tokio_postgres::Error>) -> String {
    let error = answer.err().expect("a refusal");
    let code = error
        .code()
        .unwrap_or_else(|| panic!("an ERROR message, not {error:?}"));
    code.code().to_owned()
}

//! HTTP: the API for holds, policies and metrics, and the routes of the development issuer.
//!
//! [`router`] makes the API from what it needs of the gateway ([`State`]); [`serve`] serves it until
//! told to stop. Who may do what: health and metrics are open; everything under `/api/` asks for a token
//! as the gateway itself does. Members of the reader groups see everything; others see their own
//! requests and those they may approve. Whether an approval counts is decided by [`policy::Holds`].

mod api;
mod caller;
mod issuer;
mod problem;
pub mod view;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

pub use api::router;
pub use issuer::dev_issuer_router;

/// What the API needs of the gateway. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// Says who calls.
    pub verifier: identity::Verifier,
    /// The requests that wait.
    pub holds: policy::Holds,
    /// The policies in force.
    pub policies: Arc<policy::Policies>,
    /// Groups whose members see everything. Give the deployment's approvers too.
    pub readers: Arc<[String]>,
    /// The metrics as Prometheus reads them.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether the gateway can serve, asked each time.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// Whether the gateway can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot; in a few words, why. Anyone can read them.
    NotReady(String),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("verifier", &self.verifier)
            .field("holds", &self.holds)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// Serves until `shutdown` completes and the requests under way are answered.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown)
        .await
}

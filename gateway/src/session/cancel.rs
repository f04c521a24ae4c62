//! Cancel keys: ours to the client, theirs upstream (protocol documentation, "Canceling Requests
//! in Progress").

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rand::Rng as _;
use tokio::sync::Notify;
use wire::upstream::BackendKeyData;

use crate::database::DatabaseState;
use crate::error::SessionError;

/// Every session that can be cancelled, by the key its client was given.
#[derive(Default)]
pub(crate) struct Cancels {
    sessions: Mutex<HashMap<(u32, Bytes), Arc<Cancel>>>,
}

/// What a cancel request does to one session.
pub(crate) struct Cancel {
    database: Arc<DatabaseState>,
    upstream: Option<BackendKeyData>,
    /// Lifts the hold that the session waits in, where it does.
    held: Mutex<Option<Arc<Notify>>>,
}

/// A session's entry; dropping it takes the key out of use.
pub(crate) struct CancelKey {
    cancels: Arc<Cancels>,
    key: (u32, Bytes),
    cancel: Arc<Cancel>,
}

impl Cancels {
    /// Makes a key for a session whose upstream has the key `upstream`. The secret has 32 bytes
    /// where the protocol allows that (3.2), else 4.
    pub(crate) fn register(
        self: &Arc<Self>,
        database: Arc<DatabaseState>,
        upstream: Option<BackendKeyData>,
        long: bool,
    ) -> CancelKey {
        let pid = upstream.as_ref().map_or(0, |key| key.pid);
        let cancel = Arc::new(Cancel {
            database,
            upstream,
            held: Mutex::default(),
        });
        let mut secret = [0; 32];
        rand::rng().fill(&mut secret);
        let secret = Bytes::copy_from_slice(&secret[..if long { 32 } else { 4 }]);
        let key = (pid, secret);
        self.lock().insert(key.clone(), Arc::clone(&cancel));
        CancelKey {
            cancels: Arc::clone(self),
            key,
            cancel,
        }
    }

    /// Acts on a cancel request. One with a wrong key does nothing, as PostgreSQL has it.
    pub(crate) async fn cancel(&self, pid: u32, secret: Bytes) {
        let Some(cancel) = self.lock().get(&(pid, secret)).cloned() else {
            tracing::info!(pid, "cancel request with an unknown key");
            return;
        };
        let held = cancel
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(lift) = held {
            lift.notify_one();
        } else if let Some(key) = &cancel.upstream
            && let Err(error) = cancel.database.dialer.cancel(key).await
        {
            tracing::warn!(%error, "cancel request not delivered");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(u32, Bytes), Arc<Cancel>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelKey {
    /// What the client is told.
    pub(crate) fn data(&self) -> BackendKeyData {
        BackendKeyData {
            pid: self.key.0,
            secret: self.key.1.clone(),
        }
    }

    /// What others may cancel the session's statement by.
    pub(crate) fn shared(&self) -> &Arc<Cancel> {
        &self.cancel
    }

    /// Waits for a cancel request, which until then means the hold and not the upstream.
    pub(crate) async fn while_held(&self) {
        let lift = Arc::new(Notify::new());
        let _held = Held::begin(&self.cancel, &lift);
        lift.notified().await;
    }
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.cancels.lock().remove(&self.key);
    }
}

struct Held<'a>(&'a Cancel);

impl<'a> Held<'a> {
    fn begin(cancel: &'a Cancel, lift: &Arc<Notify>) -> Self {
        cancel.hold(Some(Arc::clone(lift)));
        Self(cancel)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.hold(None);
    }
}

impl Cancel {
    /// Cancels what the upstream runs; none where it has given no key. Once this is done, nothing that
    /// is sent later can be hit.
    pub(crate) fn of_upstream(
        self: &Arc<Self>,
    ) -> Option<impl Future<Output = Result<(), SessionError>> + Send + use<>> {
        let cancel = Arc::clone(self);
        let key = cancel.upstream.clone()?;
        Some(async move { cancel.database.dialer.cancel(&key).await })
    }

    fn hold(&self, lift: Option<Arc<Notify>>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = lift;
    }
}

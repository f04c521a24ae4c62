//! The provider's keys, kept fresh: by a timer, and when a token names a key that we do not know.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use openidconnect::core::CoreJsonWebKey;
use openidconnect::{JsonWebKey as _, JwsSigningAlgorithm as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::algorithm::Algorithm;
use crate::error::{Error, shown};
use crate::provider::Provider;
use crate::token::Token;
use crate::verifier::Refresh;

/// Tokens that may wait for a refresh at one time; more are told that their key is unknown.
const MOST_WAITING: usize = 64;
/// How soon to ask again after the provider failed to answer.
const RETRY: Duration = Duration::from_secs(15);

/// The keys of one provider. When this is dropped, the keeper ends.
pub(crate) struct Keys {
    issuer: String,
    current: Arc<ArcSwap<KeySet>>,
    asks: mpsc::Sender<oneshot::Sender<()>>,
    max_age: Duration,
}

struct KeySet {
    keys: Vec<CoreJsonWebKey>,
    fetched: Instant,
}

/// What the keys at hand say of a signature.
enum Match {
    Good,
    Bad,
    /// No key that could have made it.
    Unknown,
}

impl Keys {
    /// Fetches the keys and starts the keeper on the runtime of the caller.
    pub(crate) async fn start(provider: Provider, refresh: Refresh) -> Result<Self, Error> {
        let keys = provider.keys().await?;
        let current = Arc::new(ArcSwap::from_pointee(KeySet {
            keys,
            fetched: Instant::now(),
        }));
        let (asks, asked) = mpsc::channel(MOST_WAITING);
        let issuer = provider.issuer().to_owned();
        let keeper = Keeper {
            provider,
            refresh,
            current: Arc::clone(&current),
            asked,
        };
        tokio::spawn(keeper.run());
        Ok(Self {
            issuer,
            current,
            asks,
            max_age: refresh.max_age,
        })
    }

    /// Checks the signature of a token, fetching the keys anew if they lack the one it names.
    pub(crate) async fn check(&self, token: &Token<'_>, algorithm: Algorithm) -> Result<(), Error> {
        let found = match self.current.load().check(token, algorithm) {
            Match::Unknown => {
                self.refreshed().await;
                self.current.load().check(token, algorithm)
            }
            found @ (Match::Good | Match::Bad) => found,
        };
        match found {
            Match::Good => self.check_age(),
            Match::Bad => Err(Error::Signature),
            Match::Unknown => Err(Error::UnknownKey(
                token
                    .header
                    .kid
                    .as_deref()
                    .map_or_else(|| "(unnamed)".to_owned(), shown),
            )),
        }
    }

    /// Returns when the keeper has asked the provider, or did so just now. Safe to cancel.
    async fn refreshed(&self) {
        let (done, finished) = oneshot::channel();
        if self.asks.try_send(done).is_ok() {
            // An error means that the keeper is gone: what is at hand decides.
            let _gone = finished.await;
        }
    }

    /// A key may have been withdrawn while the provider could not be reached.
    fn check_age(&self) -> Result<(), Error> {
        let age = self.current.load().fetched.elapsed();
        if age <= self.max_age {
            Ok(())
        } else {
            Err(Error::StaleKeys {
                issuer: self.issuer.clone(),
                age,
            })
        }
    }
}

impl KeySet {
    fn check(&self, token: &Token<'_>, algorithm: Algorithm) -> Match {
        let jose = algorithm.jose();
        let kid = token.header.kid.as_deref();
        let mut candidates = self
            .keys
            .iter()
            .filter(|key| jose.key_type().as_ref() == Some(key.key_type()))
            .filter(|key| kid.is_none() || kid == key.key_id().map(|id| id.as_str()))
            .peekable();
        if candidates.peek().is_none() {
            return Match::Unknown;
        }
        let message = token.signed.as_bytes();
        let good = candidates.any(|key| {
            key.verify_signature(&jose, message, &token.signature)
                .is_ok()
        });
        match (good, kid) {
            (true, _) => Match::Good,
            (false, Some(_)) => Match::Bad,
            // Without a name, "none fits" and "made with a newer key" look the same.
            (false, None) => Match::Unknown,
        }
    }
}

/// The one task that asks the provider.
struct Keeper {
    provider: Provider,
    refresh: Refresh,
    current: Arc<ArcSwap<KeySet>>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Keeper {
    /// Runs until every verifier is gone.
    async fn run(mut self) {
        let mut next = Instant::now() + self.refresh.every;
        let mut last_asked: Option<Instant> = None;
        loop {
            let done = match tokio::time::timeout_at(next, self.asked.recv()).await {
                Ok(None) => return,
                Ok(Some(done)) => {
                    let too_soon =
                        last_asked.is_some_and(|last| last.elapsed() < self.refresh.at_most_every);
                    if too_soon {
                        continue; // Dropping `done` is the answer.
                    }
                    Some(done)
                }
                Err(_elapsed) => None,
            };
            next = Instant::now() + self.fetch().await;
            if let Some(done) = done {
                last_asked = Some(Instant::now());
                // The asker may have left.
                let _left = done.send(());
            }
        }
    }

    /// Replaces the keys, or keeps the old ones and says so. Gives the time to the next timed fetch.
    async fn fetch(&self) -> Duration {
        match self.provider.keys().await {
            Ok(keys) => {
                self.current.store(Arc::new(KeySet {
                    keys,
                    fetched: Instant::now(),
                }));
                self.refresh.every
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "keys not refreshed; the old ones stay in use");
                self.refresh.every.min(RETRY)
            }
        }
    }
}

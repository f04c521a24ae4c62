//! A token -> an identity.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::algorithm::{Algorithm, names};
use crate::claims::Expected;
use crate::error::{Error, shown};
use crate::identity::Identity;
use crate::keys::Keys;
use crate::provider::{Provider, check_address};
use crate::token::Token;

/// Which provider to trust, and for what.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// Its address, exactly as its tokens name it in `iss`.
    pub issuer: String,
    /// A token must be made for one of these.
    pub audiences: Vec<String>,
    /// The claim that lists the groups: its name, or a dotted path such as `realm_access.roles`.
    pub groups_claim: String,
    /// The signature algorithms allowed.
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of the provider and of this machine may differ.
    pub leeway: Duration,
    /// Certificates to trust for the provider's address, beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// Where the provider may be asked without TLS.
    pub plain_http: PlainHttp,
    /// When its keys are fetched again.
    pub refresh: Refresh,
}

/// Where a provider may be asked without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// On this machine.
    #[default]
    Loopback,
    /// Anywhere: whoever sits between can then make tokens.
    Anywhere,
}

/// When the keys of a provider are fetched again.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    /// By the timer.
    pub every: Duration,
    /// The least time between two fetches that unknown keys ask for.
    pub at_most_every: Duration,
    /// For how long the keys count while the provider does not answer.
    pub max_age: Duration,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(5 * 60),
            at_most_every: Duration::from_secs(10),
            max_age: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl IssuerConfig {
    /// The provider at this address, tokens for this audience, and the defaults for the rest: groups in
    /// `groups`, the [default algorithms](Algorithm::DEFAULT), 30 seconds of leeway.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            groups_claim: "groups".to_owned(),
            algorithms: Algorithm::DEFAULT.to_vec(),
            leeway: Duration::from_secs(30),
            ca_file: None,
            plain_http: PlainHttp::default(),
            refresh: Refresh::default(),
        }
    }

    /// Whether it can be used, as far as can be known without asking the provider.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Error> {
        let problem = if self.audiences.is_empty() {
            "at least one audience is needed"
        } else if self.audiences.iter().any(String::is_empty) {
            "an audience must not be empty"
        } else if self.algorithms.is_empty() {
            "at least one algorithm is needed"
        } else if self.groups_claim.is_empty() {
            "the groups claim must have a name"
        } else if self.refresh.every.is_zero() {
            "keys cannot be fetched every 0 seconds"
        } else {
            return check_address(&self.issuer, self.plain_http).map_err(Error::Configuration);
        };
        Err(Error::Configuration(problem.to_owned()))
    }

    /// The algorithm of this name, where tokens may use it.
    pub(crate) fn allowed(&self, name: &str) -> Result<Algorithm, Error> {
        self.algorithms
            .iter()
            .copied()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| Error::Algorithm {
                found: shown(name),
                allowed: names(&self.algorithms),
            })
    }

    /// What claims must meet.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: &self.issuer,
            audiences: &self.audiences,
            groups_claim: &self.groups_claim,
            leeway: self.leeway,
        }
    }
}

/// Verifies tokens of one provider. Cheap to clone; all clones share the keys.
#[derive(Clone)]
pub struct Verifier {
    shared: Arc<Shared>,
}

struct Shared {
    config: IssuerConfig,
    keys: Keys,
}

impl Verifier {
    /// Asks the provider for its keys, and keeps them fresh on the runtime of the caller.
    ///
    /// # Errors
    /// A configuration that cannot be used, or a provider that does not answer as one.
    pub async fn discover(config: IssuerConfig) -> Result<Self, Error> {
        config.check()?;
        let keys = Keys::start(Provider::new(&config)?, config.refresh).await?;
        Ok(Self {
            shared: Arc::new(Shared { config, keys }),
        })
    }

    /// Verifies a token: its signature by the provider's keys, issuer, audience, times and purpose.
    /// Waits only if it names a key that is not known yet. Safe to cancel.
    ///
    /// # Errors
    /// What is wrong with it; [`Error::fault`] says whether the client should hear.
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Error> {
        let token = Token::parse(token)?;
        let config = &self.shared.config;
        let algorithm = config.allowed(&token.header.alg)?;
        let expected = config.expected();
        expected.check_issuer(&token.claims)?;
        self.shared.keys.check(&token, algorithm).await?;
        expected.identity(token.claims, now)
    }

    /// The address of the provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.shared.config.issuer
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

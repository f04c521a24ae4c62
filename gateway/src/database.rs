//! A database that clients may ask for, as all sessions share it.

use std::sync::Arc;

use crate::catalog::CatalogKeeper;
use crate::config::{Database, Limits};
use crate::session::upstream::Dialer;

/// A configured database with what is known of it.
pub(crate) struct DatabaseState {
    /// The name that clients ask for.
    pub(crate) name: Arc<str>,
    /// As configured.
    pub(crate) config: Database,
    /// Connects to it.
    pub(crate) dialer: Dialer,
    /// Its catalog.
    pub(crate) catalog: CatalogKeeper,
}

impl DatabaseState {
    /// # Errors
    /// Certificates that cannot be read.
    pub(crate) fn new(
        name: &str,
        config: &Database,
        limits: &Limits,
    ) -> Result<Self, crate::tls::Error> {
        Ok(Self {
            name: name.into(),
            dialer: Dialer::new(config.upstream.clone(), limits.connect)?,
            config: config.clone(),
            catalog: CatalogKeeper::new(),
        })
    }
}

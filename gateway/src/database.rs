//! A database that clients may ask for, as all sessions share it.

use std::sync::Arc;

use crate::catalog::CatalogKeeper;
use crate::config::{Database, Limits};
use crate::session::upstream::{Dialer, Role, RoleSwitch};

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
    /// To the role that logs in and to the limited one, where there is one.
    switches: Option<[RoleSwitch; 2]>,
}

impl DatabaseState {
    /// Among others, which may be the same database by other names.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub(crate) fn new<'a>(
        name: &str,
        config: &Database,
        limits: &Limits,
        mut others: impl Iterator<Item = &'a Arc<DatabaseState>>,
    ) -> Result<Self, crate::tls::Error> {
        let is_same = |other: &&Arc<DatabaseState>| {
            other.config.name == config.name
                && other.config.upstream.address == config.upstream.address
        };
        let same = others.find(is_same).map(|other| &other.catalog);
        Ok(Self {
            name: name.into(),
            dialer: Dialer::new(config.upstream.clone(), limits.connect)?,
            config: config.clone(),
            catalog: CatalogKeeper::new(same),
            switches: config
                .limited_role
                .as_deref()
                .map(|role| [RoleSwitch::to_login(), RoleSwitch::to(role)]),
        })
    }

    /// True where sessions for which columns are protected live under a role of their own.
    pub(crate) fn has_limited_role(&self) -> bool {
        self.switches.is_some()
    }

    /// What switches to a role, where there are two.
    pub(crate) fn role_switch(&self, to: Role) -> Option<&RoleSwitch> {
        let [login, limited] = self.switches.as_ref()?;
        Some(match to {
            Role::Login => login,
            Role::Limited => limited,
        })
    }
}

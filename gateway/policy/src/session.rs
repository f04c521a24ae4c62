//! Who asks, and what is protected from them for as long as they stay.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use identity::Identity;
use sql::analysis::ColumnId;

use crate::inspection::Inspector;
use crate::ledger::Taken;
use crate::plan::Note;
use crate::protection::Protections;
use crate::set::Generation;
use crate::shadow::Told;

/// What policies may know about a session.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Who asks.
    pub identity: Arc<Identity>,
    /// The database as the client named it.
    pub database: Arc<str>,
    /// The application name, as the client claims it.
    pub application: Arc<str>,
}

/// A session that the policies have admitted.
#[derive(Debug)]
pub struct Session {
    pub(crate) facts: Arc<SessionFacts>,
    pub(crate) class: Arc<Class>,
    /// What policies have taken of counters to let it in: given back where it does not open.
    pub(crate) taken: Vec<Taken>,
}

impl Session {
    /// It opens: what policies have taken of counters for that stays taken.
    pub fn opens(&mut self) {
        for taken in self.taken.drain(..) {
            taken.spend();
        }
    }

    /// Who asks, as the policies see it.
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }

    /// The generation of policies that admitted it last.
    pub fn generation(&self) -> Generation {
        self.class.generation
    }

    /// The columns that are protected for all of the session, and those that hold the same values.
    pub fn protected(&self) -> impl Iterator<Item = ColumnId> {
        self.class.protections.columns()
    }

    /// True where a column of this relation is protected for all of the session.
    pub fn protects(&self, relation: u32) -> bool {
        self.class.protections.reaches(relation)
    }

    /// True where at least one column is protected for all of the session.
    pub fn is_protected(&self) -> bool {
        !self.class.protections.is_empty()
    }
}

/// What sessions share for which the policies cannot tell a difference: the same generation, the
/// same catalog, the same facts.
#[derive(Debug)]
pub(crate) struct Class {
    /// Never given twice, by no judge, so it stands for all of the above in cache keys.
    pub(crate) id: u64,
    pub(crate) generation: Generation,
    pub(crate) catalog: u64,
    /// Joined over all enforcing policies.
    pub(crate) protections: Arc<Protections>,
    /// What each policy trusts, by its place in the set.
    pub(crate) trusted: Vec<Arc<HashSet<String>>>,
    /// The policies that look at results.
    pub(crate) inspectors: Arc<[Inspector]>,
    /// True where a policy looked at what no record holds to say all this.
    pub(crate) reads_unrecorded: bool,
    /// What the policies with a shadow protect by themselves, and what their shadows would, by the
    /// place of the policy in the set.
    pub(crate) shadows: HashMap<usize, Standing>,
    /// What observed policies would have said, and where shadows differ.
    pub(crate) notes: Vec<Note>,
}

/// What a policy and its shadow each protect for all of a session.
#[derive(Debug)]
pub(crate) struct Standing {
    /// What the policy has said of the session, to be compared with what its shadow says.
    pub(crate) told: Told,
    pub(crate) own: Protected,
    /// None yet where the shadow has failed to say it.
    pub(crate) shadow: OnceLock<Protected>,
}

/// What one version protects for all of a session, and what it trusts.
#[derive(Debug, Default)]
pub(crate) struct Protected {
    pub(crate) protections: Protections,
    pub(crate) trusted: Arc<HashSet<String>>,
}

//! Sessions that policies cannot tell apart share a class, and with it kept verdicts.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use identity::{Actor, Identity};
use sql::catalog::Catalog;

use crate::facts::is_per_token;
use crate::session::{Class, SessionFacts};

/// How many classes are remembered; beyond it they are forgotten all at once, which costs their
/// sessions a question to the policies each.
const MOST: usize = 4096;

/// How many of them a new set is asked about before it takes effect: the latest.
const ASKED: usize = 64;

/// The classes of one set of policies.
#[derive(Clone, Default)]
pub(super) struct Classes {
    known: HashMap<(Member, u64), Arc<Class>>,
}

impl Classes {
    /// The class of these facts under that catalog.
    pub(super) fn find(&self, facts: &Arc<SessionFacts>, catalog: u64) -> Option<Arc<Class>> {
        self.known
            .get(&(Member(Arc::clone(facts)), catalog))
            .map(Arc::clone)
    }

    /// Remembers a class, unless it must not be shared.
    pub(super) fn keep(
        &mut self,
        facts: &Arc<SessionFacts>,
        class: Class,
        shared: bool,
    ) -> Arc<Class> {
        let class = Arc::new(class);
        if shared {
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(
                (Member(Arc::clone(facts)), class.catalog),
                Arc::clone(&class),
            );
        }
        class
    }
}

/// What policies were asked about last, by all judges: one session of each class.
#[derive(Default)]
pub(crate) struct Asked {
    latest: VecDeque<(Member, Weak<Catalog>)>,
}

impl Asked {
    /// Notes a session that policies were asked about.
    pub(crate) fn note(&mut self, facts: &Arc<SessionFacts>, catalog: &Arc<Catalog>) {
        let member = Member(Arc::clone(facts));
        self.latest.retain(|(other, _)| *other != member);
        self.latest.push_back((member, Arc::downgrade(catalog)));
        if self.latest.len() > ASKED {
            self.latest.pop_front();
        }
    }

    /// The sessions, each with its catalog, as long as that is in use.
    pub(crate) fn sessions(&self) -> Vec<(Arc<SessionFacts>, Arc<Catalog>)> {
        let session = |(member, catalog): &(Member, Weak<Catalog>)| {
            Some((Arc::clone(&member.0), catalog.upgrade()?))
        };
        self.latest.iter().filter_map(session).collect()
    }
}

/// Session facts, equal where a policy cannot tell them apart, claims that differ between any two
/// tokens left aside: who reads one of those is not shared.
#[derive(Clone)]
struct Member(Arc<SessionFacts>);

impl Member {
    fn claims(&self) -> impl Iterator<Item = (&String, &serde_json::Value)> {
        self.0
            .identity
            .claims
            .iter()
            .filter(|(name, _)| !is_per_token(name))
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Member) -> bool {
        let parts =
            |facts: &SessionFacts| (Arc::clone(&facts.database), Arc::clone(&facts.application));
        parts(&self.0) == parts(&other.0)
            && same_person(&self.0.identity, &other.0.identity)
            && self.claims().eq(other.claims())
    }
}

impl Eq for Member {}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let identity = &self.0.identity;
        identity.subject.hash(state);
        identity.issuer.hash(state);
        identity.groups.hash(state);
        self.0.database.hash(state);
        self.0.application.hash(state);
    }
}

fn same_person(one: &Identity, other: &Identity) -> bool {
    let parts = |identity: &Identity| -> (String, String, Option<String>, Vec<String>, Vec<Actor>) {
        let Identity {
            subject,
            issuer,
            email,
            groups,
            actors,
            ..
        } = identity.clone();
        (subject, issuer, email, groups, actors)
    };
    parts(one) == parts(other)
}

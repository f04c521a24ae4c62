//! Requests that wait for approval, and who may release them.

mod registry;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::plan::Note;
use crate::request::Request;
use crate::session::SessionFacts;
use crate::set::{Digest, Generation};

pub use registry::{
    Approval, HoldError, HoldNumber, HoldView, Holds, HoldsConfig, Outcome, Progress, Waiter,
};

/// A request that waits for approval.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What was asked.
    pub(crate) request: Request,
    /// Who asks.
    pub(crate) facts: Arc<SessionFacts>,
    /// All of these must be met.
    pub(crate) demands: Arc<[Demand]>,
    /// How long it may wait.
    pub(crate) ttl: Duration,
    /// The policies that hold it.
    pub(crate) generation: Generation,
    /// What an approval is bound to.
    pub(crate) digest: Digest,
    /// What is to be noted in the trail beside it.
    pub(crate) notes: Arc<[Note]>,
}

impl Hold {
    pub(crate) fn new(
        request: Request,
        facts: Arc<SessionFacts>,
        demands: Arc<[Demand]>,
        ttl: Duration,
        generation: Generation,
    ) -> Hold {
        let digest = bind(&request, &facts);
        Hold {
            request,
            facts,
            demands,
            ttl,
            generation,
            digest,
            notes: Arc::default(),
        }
    }

    /// With what is to be noted in the trail.
    pub(crate) fn noting(self, notes: Arc<[Note]>) -> Hold {
        Hold { notes, ..self }
    }

    /// What is to be noted in the trail beside it.
    pub fn notes(&self) -> &Arc<[Note]> {
        &self.notes
    }

    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Who asks.
    pub fn facts(&self) -> &Arc<SessionFacts> {
        &self.facts
    }

    /// Everything that must be met before it may go.
    pub fn demands(&self) -> &Arc<[Demand]> {
        &self.demands
    }

    /// How long it may wait.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The policies that hold it.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// What an approval is bound to: the bytes, the parameters, the identity and the database.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What one policy demands before a request may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The policy.
    pub policy: Arc<str>,
    /// One sentence for the approver.
    pub reason: Arc<str>,
    /// Groups whose members may approve; empty for the deployment's own.
    pub approvers: Arc<[String]>,
    /// How many different people must.
    pub approvals: u32,
}

impl Demand {
    /// True where whoever met `self` has met the other too.
    pub(crate) fn covers(&self, other: &Demand) -> bool {
        self.policy == other.policy
            && self.approvers == other.approvers
            && self.approvals >= other.approvals
            && self.reason == other.reason
    }
}

/// The digest over everything an approver says yes to. Each part goes in with its length, so that
/// no two requests can share one.
fn bind(request: &Request, facts: &SessionFacts) -> Digest {
    let mut sha = Sha256::new();
    let mut part = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_be_bytes());
        sha.update(bytes);
    };
    part(facts.identity.issuer.as_bytes());
    part(facts.identity.subject.as_bytes());
    for actor in &facts.identity.actors {
        part(b"actor");
        part(actor.issuer.as_deref().unwrap_or_default().as_bytes());
        part(actor.subject.as_bytes());
    }
    part(b"database");
    part(facts.database.as_bytes());
    part(request.text.as_bytes());
    part(&request.frames);
    for (index, value) in request
        .parameters
        .iter()
        .flat_map(|p| p.values.iter().enumerate())
    {
        let format = request.parameters.as_ref().map(|p| p.formats.format(index));
        part(format!("{format:?}").as_bytes());
        match value {
            Some(value) => {
                part(b"value");
                part(value);
            }
            None => part(b"null"),
        }
    }
    Digest::from_bytes(sha.finalize().into())
}

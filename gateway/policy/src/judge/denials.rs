//! Words for refusals and failures.

use std::sync::Arc;

use crate::instance::Failed;
use crate::opinion::{Effect, Refusal, Stance};
use crate::plan::Note;
use crate::set::{Policy, PolicySet};
use crate::soundness::Unsound;
use crate::verdict::{Denial, Failure, SqlState};

pub(super) fn observed_stance(policy: &Policy, stance: &Stance) -> Option<Note> {
    let denied = match &stance.effect {
        Effect::Deny(refusal) => Some(format!("observed: deny session: {}", refusal.reason)),
        Effect::Allow | Effect::Hold(..) => None,
    };
    denied.map(|text| Note {
        policy: Arc::clone(&policy.name),
        text: text.into(),
    })
}

pub(super) fn observed_failure(policy: &Policy, failed: &Failed) -> Note {
    let text = format!("observed: failed ({}): {}", failed.failure, failed.reason);
    Note {
        policy: Arc::clone(&policy.name),
        text: text.into(),
    }
}

pub(super) fn refused(set: &PolicySet, policy: &Policy, refusal: Refusal) -> Denial {
    Denial {
        policy: Arc::clone(&policy.name),
        reason: refusal.reason,
        hint: refusal.hint,
        sqlstate: SqlState::INSUFFICIENT_PRIVILEGE,
        failure: None,
        notes: Arc::default(),
        digests: Arc::clone(set.digests()),
    }
}

/// The denial that a failed policy becomes. The client hears what kind of failure it is; the
/// guest's own words are for the log.
pub(super) fn broken(set: &PolicySet, policy: &Policy, failed: Failed) -> Denial {
    tracing::warn!(
        policy = &*policy.name,
        failure = failed.failure.as_str(),
        reason = failed.reason,
        "a policy failed"
    );
    let words = match failed.failure {
        Failure::Answer => format!(": {}", failed.reason),
        Failure::Start | Failure::Deadline | Failure::Memory | Failure::Trap | Failure::Output => {
            String::new()
        }
    };
    let reason = format!("policy {} failed ({}){words}", policy.name, failed.failure);
    Denial {
        policy: Arc::clone(&policy.name),
        reason: reason.into(),
        hint: Some("This is no fault of the statement; tell whoever runs the gateway.".into()),
        sqlstate: SqlState::INSUFFICIENT_PRIVILEGE,
        failure: Some(failed.failure),
        notes: Arc::default(),
        digests: Arc::clone(set.digests()),
    }
}

pub(super) fn unsound_denial(set: &PolicySet, unsound: Unsound) -> Denial {
    let name = match unsound.policy {
        Some(index) => Arc::clone(&set.policies()[index].name),
        None => Denial::GATEWAY.into(),
    };
    Denial {
        policy: name,
        reason: unsound.reason.into(),
        hint: unsound.hint.map(Into::into),
        sqlstate: unsound.sqlstate,
        failure: None,
        notes: Arc::default(),
        digests: Arc::clone(set.digests()),
    }
}

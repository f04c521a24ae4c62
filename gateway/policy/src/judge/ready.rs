//! What is ready before a set takes effect, so that no statement waits for policies to start.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::classes::Classes;
use super::{Instances, Judge};
use crate::set::{Policies, PolicySet};

/// Sets whose instances may be there at once: one that a judge at rest has, one in force, one made ready.
const SETS: u32 = 3;

/// How long sessions are asked about in all: a slow policy must not keep a change back.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long instances are started in all; judges start what they miss.
const PATIENCE_TO_START: Duration = Duration::from_secs(10);

/// What a judge begins a set with: instances of its policies, and what they say about the sessions that
/// there are.
#[derive(Default)]
pub(crate) struct Ready {
    pub(super) instances: Instances,
    pub(super) classes: Classes,
}

/// Makes ready what each judge will need of a set that is not in force yet; nothing where instances would
/// become scarce. What fails here is asked again by the judges, and refused by them.
pub(crate) fn ready(policies: &Arc<Policies>, set: &Arc<PolicySet>) -> Vec<Ready> {
    let judges = policies.judges();
    if !has_room(set, judges) {
        return Vec::new();
    }
    let mut judge = Judge::beside(policies, set);
    let began = Instant::now();
    for (facts, catalog) in policies.asked() {
        let _ = judge.class(&facts, &catalog);
        if began.elapsed() > PATIENCE {
            break;
        }
    }
    let began = Instant::now();
    let started = || match began.elapsed() < PATIENCE_TO_START {
        true => Instances::started(set),
        false => Instances::default(),
    };
    let ready = |_| Ready {
        instances: started(),
        classes: judge.classes.clone(),
    };
    (0..judges).map(ready).collect()
}

fn has_room(set: &PolicySet, judges: u32) -> bool {
    let memories = set.running().map(|(_, policy)| policy.compiled.memories());
    let needed = memories.sum::<u32>().saturating_mul(judges);
    needed.saturating_mul(SETS) <= set.engine().config().instances
}

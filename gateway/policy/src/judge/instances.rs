//! Warm instances of the policies.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::instance::{Failed, Instance};
use crate::set::{Generation, Policy, PolicySet};
use crate::shadow::Shadow;

/// One instance of each policy, made when first needed and made anew when worn or broken. An older
/// generation may still be here: its results are still coming.
#[derive(Default)]
pub(crate) struct Instances {
    idle: HashMap<Place, Instance>,
    /// Nobody meets what they answer: failures are not counted.
    ask_for_nobody: bool,
}

/// Which instance: that of the policy at that place of the set, or that of its shadow.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Policy(Generation, usize),
    Shadow(Generation, usize),
}

impl Instances {
    /// Those of a judge that serves nobody.
    pub(crate) fn for_nobody() -> Instances {
        Instances {
            ask_for_nobody: true,
            ..Instances::default()
        }
    }

    /// Runs a call on the instance of the policy at that place of the set. An instance that fails
    /// is gone.
    pub(crate) fn run<T>(
        &mut self,
        set: &PolicySet,
        index: usize,
        call: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let place = Place::Policy(set.generation(), index);
        self.run_at(place, set, &set.policies()[index], call)
    }

    /// Runs a call on the instance of the shadow of the policy at that place.
    pub(crate) fn run_shadow<T>(
        &mut self,
        set: &PolicySet,
        index: usize,
        shadow: &Shadow,
        call: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let place = Place::Shadow(set.generation(), index);
        self.run_at(place, set, &shadow.policy, call)
    }

    fn run_at<T>(
        &mut self,
        place: Place,
        set: &PolicySet,
        policy: &Arc<Policy>,
        call: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let instance = match self.idle.remove(&place) {
            Some(instance) => Ok(instance),
            None => match place {
                Place::Policy(..) => Instance::start(set.engine(), policy),
                Place::Shadow(..) => Instance::start_shadow(set.engine(), policy),
            },
        };
        let answer = instance.and_then(|mut instance| {
            let answer = call(&mut instance)?;
            if !instance.is_worn() {
                self.idle.insert(place, instance);
            }
            Ok(answer)
        });
        answer.inspect_err(|failed| {
            let name = match place {
                Place::Policy(..) => Cow::Borrowed(&*policy.name),
                Place::Shadow(..) => Cow::Owned(format!("{}.shadow", policy.name)),
            };
            if !self.ask_for_nobody {
                policy.counters.failed(&name, failed.failure);
            }
        })
    }

    /// One of each policy that runs and of its shadow, started; those that do not start are tried again when
    /// needed.
    pub(crate) fn started(set: &PolicySet) -> Instances {
        let mut idle = HashMap::new();
        for (index, policy) in set.running() {
            if let Ok(instance) = Instance::start_warm(set.engine(), policy) {
                idle.insert(Place::Policy(set.generation(), index), instance);
            }
            let shadow = policy.shadow.as_ref();
            let shadow = shadow.map(|one| Instance::start_shadow(set.engine(), &one.policy));
            if let Some(Ok(instance)) = shadow {
                idle.insert(Place::Shadow(set.generation(), index), instance);
            }
        }
        Instances {
            idle,
            ask_for_nobody: false,
        }
    }
}

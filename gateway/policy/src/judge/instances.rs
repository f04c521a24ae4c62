//! Warm instances of the policies.

use std::collections::HashMap;

use crate::instance::{Failed, Instance};
use crate::set::{Generation, PolicySet};

/// One instance of each policy, made when first needed and made anew when worn or broken. An older
/// generation may still be here: its results are still coming.
#[derive(Default)]
pub(crate) struct Instances {
    idle: HashMap<(Generation, usize), Instance>,
}

impl Instances {
    /// Runs a call on the instance of the policy at that place of the set. An instance that fails
    /// is gone.
    pub(crate) fn run<T>(
        &mut self,
        set: &PolicySet,
        index: usize,
        call: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let policy = &set.policies()[index];
        let place = (set.generation(), index);
        let instance = match self.idle.remove(&place) {
            Some(instance) => Ok(instance),
            None => Instance::start(set.engine(), policy),
        };
        let answer = instance.and_then(|mut instance| {
            let answer = call(&mut instance)?;
            if !instance.is_worn() {
                self.idle.insert(place, instance);
            }
            Ok(answer)
        });
        answer.inspect_err(|failed| policy.counters.failed(&policy.name, failed.failure))
    }

    /// Lets go of all instances and gives them back, to be dropped elsewhere.
    pub(crate) fn clear(&mut self) -> impl Send + 'static {
        std::mem::take(&mut self.idle)
    }
}

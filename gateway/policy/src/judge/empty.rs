//! A call over nothing: the least that calling a policy takes.

use std::sync::Arc;

use super::Judge;
use crate::facts::{Facts, RequestFacts};
use crate::meter::Hook;
use crate::verdict::Failure;

impl Judge {
    /// Calls the first policy over nothing, and says what was called: `batch` with no columns where it
    /// transforms, else `decide` over no facts. For measuring.
    pub fn call_empty(&mut self) -> Result<Hook, Failure> {
        self.follow();
        let set = Arc::clone(&self.set);
        let first = set.policies().first().ok_or(Failure::Start)?;
        let called = self.instances.run(&set, 0, |instance| {
            if first.compiled.transforms() {
                return instance.batch(&[], &[], &[]).map(|_| Hook::Batch);
            }
            let facts = Facts {
                request: Some(RequestFacts::nothing()),
                ..Facts::default()
            };
            instance.decide(facts).map(|_| Hook::Decide)
        });
        called.map_err(|failed| failed.failure)
    }
}

//! Why a request gets the verdict that it gets: what each policy says by itself, what protects the
//! columns that it uses, and what comes of all that together.

use std::collections::BTreeSet;
use std::sync::Arc;

use sql::analysis::{Analysis, ColumnId};
use sql::catalog::Catalog;

use super::{Judge, verdict};
use crate::config::Mode;
use crate::facts::Counting;
use crate::instance::Failed;
use crate::mask::Mask;
use crate::opinion::{Effect, Opinion};
use crate::protection::{DerivedRule, FilterRule};
use crate::request::Request;
use crate::session::Session;
use crate::verdict::{Denial, Verdict};

/// Why a request gets its verdict.
#[derive(Debug)]
pub struct Explanation {
    /// What each policy says by itself, in the order of the set; those that are off say nothing.
    pub opinions: Vec<OpinionView>,
    /// What protects the columns that the request uses.
    pub guards: Vec<GuardView>,
    /// What comes of it together.
    pub verdict: Verdict<'static>,
}

/// What one policy says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpinionView {
    /// The policy.
    pub policy: Arc<str>,
    /// Whether it counts.
    pub mode: Mode,
    /// "allow", "deny", "hold" or "failed".
    pub effect: &'static str,
    /// Why, where it does not allow.
    pub reason: Option<Arc<str>>,
    /// Its remark for the trail.
    pub note: Option<Arc<str>>,
}

/// What protects a column: of every part the strictest that any policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardView {
    /// The column.
    pub column: ColumnId,
    /// What comes back in its place.
    pub mask: Mask,
    /// What expressions over it, whole rows and copies get.
    pub derived: DerivedRule,
    /// What filters, joins, orders and groups over it get.
    pub filter: FilterRule,
    /// The policy whose mask it is.
    pub policy: Arc<str>,
}

impl Judge {
    /// Judges a request as [`Judge::judge`] does, and says why. Nothing is kept or counted.
    ///
    /// # Errors
    /// The policies do not let this identity open the database.
    pub fn explain(
        &mut self,
        session: &mut Session,
        request: Request,
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> Result<Explanation, Denial> {
        self.counting = Counting::Ignored;
        let explained = self.explained(session, request, analysis, catalog);
        self.counting = Counting::Kept;
        explained
    }

    fn explained(
        &mut self,
        session: &mut Session,
        request: Request,
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> Result<Explanation, Denial> {
        self.renew(session, catalog)?;
        self.read_unrecorded |= session.class.reads_unrecorded;
        let set = Arc::clone(&self.set);
        let mut opinions = Vec::new();
        for (index, policy) in set.running() {
            let (said, _) = self.opinion(&set, index, session, &request, analysis, catalog);
            opinions.push(view(&policy.name, policy.mode, said));
        }
        let (kept, _) = self.conclude(session, &request, analysis, catalog, None);
        let used: BTreeSet<ColumnId> = analysis.columns.iter().map(|used| used.column).collect();
        let guards = used.into_iter().filter_map(|column| {
            let guard = session.class.protections.of(column)?;
            let policy = set.policies().get(guard.mask.1)?;
            Some(GuardView {
                column,
                mask: guard.mask.0.clone(),
                derived: guard.derived.0,
                filter: guard.filter.0,
                policy: Arc::clone(&policy.name),
            })
        });
        Ok(Explanation {
            opinions,
            guards: guards.collect(),
            verdict: verdict(kept, session, request, set.generation()),
        })
    }

    /// True where the policies have looked at claims of a token, the clock or counters since this was
    /// last asked. Who judges by a record, which holds none of these, learns by it what it cannot.
    pub fn has_read_unrecorded(&mut self) -> bool {
        std::mem::take(&mut self.read_unrecorded)
    }
}

fn view(policy: &Arc<str>, mode: Mode, said: Result<Opinion, Failed>) -> OpinionView {
    let (effect, reason, note) = match said {
        Ok(opinion) => {
            let reason = match &opinion.effect {
                Effect::Allow => None,
                Effect::Deny(refusal) => Some(Arc::clone(&refusal.reason)),
                Effect::Hold(demand, _) => Some(Arc::clone(&demand.reason)),
            };
            (opinion.effect.as_str(), reason, opinion.note)
        }
        Err(failed) => ("failed", Some(failed.to_string().into()), None),
    };
    OpinionView {
        policy: Arc::clone(policy),
        mode,
        effect,
        reason,
        note,
    }
}

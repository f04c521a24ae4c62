//! What the policies say together: deny over hold over allow, protections joined.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sql::analysis::Analysis;
use sql::catalog::Catalog;

use super::denials::{refused, unsound_denial};
use crate::cache::Kept;
use crate::grants::Claims;
use crate::hold::{Approval, Demand};
use crate::mask::Mask;
use crate::opinion::{Effect, Opinion, Reuse};
use crate::plan::{self, Note, Plan, Recording};
use crate::protection::{DerivedRule, FilterRule, Guard, Protection, Protections, Widening};
use crate::request::Request;
use crate::session::{Class, Session};
use crate::set::{Policy, PolicySet};
use crate::soundness::{Sound, Unsound};
use crate::verdict::Denial;

/// What the policies said so far.
pub(super) struct Said {
    denial: Option<Denial>,
    demands: Vec<Demand>,
    ttl: Duration,
    pub(super) protections: Arc<Protections>,
    recording: Recording,
    pub(super) notes: Vec<Note>,
    pub(super) reuse: Reuse,
    claims: Claims,
}

/// How long a request waits that the host holds by a policy's rule.
const HOLD_BY_RULE: Duration = Duration::from_secs(15 * 60);

impl Said {
    pub(super) fn new(session: &Session) -> Said {
        Said {
            denial: None,
            demands: Vec::new(),
            ttl: Duration::MAX,
            protections: Arc::clone(&session.class.protections),
            recording: Recording::Statement,
            notes: session.class.notes.clone(),
            reuse: Reuse::Shape,
            claims: Claims::default(),
        }
    }

    /// Takes an opinion that counts.
    pub(super) fn heed(
        &mut self,
        set: &PolicySet,
        index: usize,
        opinion: Opinion,
        reuse: Reuse,
        class: &Class,
        catalog: &Catalog,
    ) {
        let policy = &set.policies()[index];
        self.reuse = self.reuse.min(reuse);
        self.recording = self.recording.max(opinion.recording);
        self.claims.taken.extend(opinion.claims.taken);
        self.claims.row_limits.extend(opinion.claims.row_limits);
        if let Some(text) = opinion.note {
            self.notes.push(Note {
                policy: Arc::clone(&policy.name),
                text,
            });
        }
        if !opinion.protections.is_empty() {
            let protections = Arc::make_mut(&mut self.protections);
            protect(
                protections,
                index,
                &opinion.protections,
                &class.trusted[index],
                catalog,
            );
        }
        match opinion.effect {
            Effect::Allow => {}
            Effect::Deny(refusal) => {
                self.denial
                    .get_or_insert_with(|| refused(set, policy, refusal));
            }
            Effect::Hold(demand, ttl) => {
                self.ttl = self.ttl.min(ttl);
                self.demands.push(demand);
            }
        }
    }

    /// Notes an opinion that does not count; what it takes of its counters is taken, so that its
    /// next opinion is what it would be.
    pub(super) fn observe(&mut self, policy: &Policy, opinion: Opinion, reuse: Reuse) {
        self.reuse = self.reuse.min(reuse);
        self.claims.taken.extend(opinion.claims.taken);
        let limits = opinion.claims.row_limits.len();
        let reason = match &opinion.effect {
            Effect::Allow if opinion.protections.is_empty() && limits == 0 => return,
            Effect::Allow => "",
            Effect::Deny(refusal) => &refusal.reason,
            Effect::Hold(demand, _) => &demand.reason,
        };
        let limits = match limits {
            0 => String::new(),
            limits => format!(", {limits} row limits"),
        };
        let text = format!(
            "observed: {}, {} protections{limits}: {reason}",
            opinion.effect.as_str(),
            opinion.protections.len()
        );
        self.notes.push(Note {
            policy: Arc::clone(&policy.name),
            text: text.into(),
        });
    }

    /// Deny over hold over allow. Only what runs spends what was taken for it.
    pub(super) fn conclude(
        mut self,
        set: &Arc<PolicySet>,
        sound: Result<Sound, Unsound>,
        request: &Request,
        analysis: &Arc<Analysis>,
        approval: Option<&Approval>,
    ) -> Kept {
        let notes: Arc<[Note]> = self.notes.into();
        let sound = match (self.denial, sound) {
            (None, Ok(sound)) => sound,
            (Some(denial), _) => return Kept::Deny(Denial { notes, ..denial }),
            (None, Err(unsound)) => {
                let denial = unsound_denial(set, unsound);
                return Kept::Deny(Denial { notes, ..denial });
            }
        };
        let met = |demand: &Demand| approval.is_some_and(|approval| approval.meets(demand));
        let mut ttl = self.ttl;
        let mut demands: Vec<Demand> = self
            .demands
            .into_iter()
            .filter(|demand| !met(demand))
            .collect();
        if !sound.demands.is_empty() {
            ttl = ttl.min(HOLD_BY_RULE);
            demands.extend(sound.demands);
        }
        if !demands.is_empty() {
            return Kept::Hold(demands.into(), ttl, notes);
        }
        let row_limits = std::mem::take(&mut self.claims.row_limits).into();
        let spent = match request.step.executes() {
            true => self.claims.spend(),
            false => Vec::new(),
        };
        Kept::Allow(Arc::new(Plan {
            row_limits,
            spent: Mutex::new(spent),
            masks: plan::describe(&sound.results),
            results: sound.results,
            scrub_errors: sound.scrub_errors,
            needs_login_role: sound.needs_login_role,
            recording: self.recording,
            notes,
            text: Arc::clone(&request.text),
            analysis: Arc::clone(analysis),
            set: Arc::clone(set),
        }))
    }
}

/// Adds a policy's protections, widened to the columns that hold the same values.
pub(super) fn protect(
    protections: &mut Protections,
    index: usize,
    added: &[Protection],
    trusted: &Arc<HashSet<String>>,
    catalog: &Catalog,
) {
    let widening = Widening::over(catalog);
    let guards = added.iter();
    let guards = guards.map(|protection| (protection.column, Guard::new(protection, index)));
    for group in widening.groups(guards) {
        for column in group.columns {
            protections.add(column, &group.guard);
        }
    }
    if !added.is_empty() {
        protections.trust(index, trusted);
        for column in catalog.telling_columns() {
            let protection = Protection {
                column,
                mask: Mask::Null,
                derived: DerivedRule::Null,
                filter: FilterRule::Deny,
            };
            protections.add(column, &Guard::new(&protection, index));
        }
    }
}

//! Asks the shadows of policies, beside them.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sql::analysis::{Analysis, ColumnId};
use sql::catalog::Catalog;

use super::Judge;
use super::said::protect;
use crate::facts::{Counting, Facts};
use crate::instance::{Failed, Instance};
use crate::opinion::{Check, Opinion, Stance};
use crate::plan::Note;
use crate::protection::Protections;
use crate::request::Request;
use crate::session::{Protected, Session, SessionFacts, Standing};
use crate::set::{Policy, PolicySet};
use crate::shadow::{Question, Shadow, Told, compare, shape_of};

impl Judge {
    /// Asks the shadow of a policy about a session, where there is one: before the policy, so that both
    /// find the same counters.
    pub(super) fn shadow_stance(
        &mut self,
        (set, index): (&PolicySet, usize),
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> Option<Stance> {
        let shadow = set.policies()[index].shadow.as_ref()?;
        self.ask_about_session((set, index), shadow, facts, catalog)
    }

    /// Asks the shadow of a policy about a request, where there is one: before the policy. Where it was not
    /// asked about the session yet, it is now, with what is to be noted of that.
    pub(super) fn shadow_opinion(
        &mut self,
        (set, index): (&PolicySet, usize),
        (session, request): (&Session, &Request),
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> (Option<Opinion>, Option<Note>) {
        let policy = &set.policies()[index];
        let standing = session.class.shadows.get(&index);
        let (Some(shadow), Some(standing)) = (&policy.shadow, standing) else {
            return (None, None);
        };
        let mut late = None;
        if standing.shadow.get().is_none() {
            let facts = &session.facts;
            let Some(said) = self.ask_about_session((set, index), shadow, facts, catalog) else {
                return (None, None);
            };
            late = compare_effects(policy, shadow, (facts, catalog), &standing.told, &said);
            standing
                .shadow
                .get_or_init(|| protected(index, &said, catalog));
        }
        let check = check(set, shadow, catalog);
        // It sees the policy's counters, and adds nothing to them.
        let counting = Counting::Ignored;
        let facts = Facts::of_request(session, request, analysis, catalog, counting);
        let opinion = self.ask((set, index), shadow, |instance| {
            let answer = instance.decide(facts)?;
            check.opinion(answer, instance.claims(), &instance.rules())
        });
        (opinion, late)
    }

    fn ask_about_session(
        &mut self,
        (set, index): (&PolicySet, usize),
        shadow: &Shadow,
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> Option<Stance> {
        let check = check(set, shadow, catalog);
        let facts = Facts {
            who: Some(Arc::clone(facts)),
            catalog: Some(Arc::clone(catalog)),
            ..Facts::default()
        };
        self.ask((set, index), shadow, |instance| {
            let answer = instance.session(facts)?;
            check.stance(answer, &instance.rules())
        })
    }

    /// Asks a shadow, unless it is paused; none too where it fails. Nobody else is hurt by that. Where
    /// answers have no effect, none is asked: what shadows say is counted.
    fn ask<T>(
        &mut self,
        (set, index): (&PolicySet, usize),
        shadow: &Shadow,
        call: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> Option<T> {
        if self.counting == Counting::Ignored || !shadow.tally.ask() {
            return None;
        }
        let call = |instance: &mut Instance| {
            let said = call(instance)?;
            // Another must be started for it then, which those wait for who are served here.
            instance.check_memory()?;
            Ok(said)
        };
        match self.instances.run_shadow(set, index, shadow, call) {
            Ok(said) => {
                shadow.tally.answered();
                Some(said)
            }
            Err(failed) => {
                shadow.tally.failed(&shadow.policy.name, &failed);
                None
            }
        }
    }
}

/// What a policy and its shadow protect in a session, where it has one; and what is to be noted where the
/// shadow `said` something else.
pub(super) fn compare_stances(
    (policy, index): (&Policy, usize),
    facts: &SessionFacts,
    catalog: &Catalog,
    own: &Result<Stance, Failed>,
    said: Option<&Stance>,
) -> (Option<Standing>, Option<Note>) {
    let Some(shadow) = &policy.shadow else {
        return (None, None);
    };
    let told = || match own {
        Ok(own) => Told::effect(&own.effect),
        Err(failed) => Told::failure(failed),
    };
    let standing = own.as_ref().ok().map(|own| Standing {
        told: told(),
        own: protected(index, own, catalog),
        shadow: OnceLock::new(),
    });
    let Some(said) = said else {
        return (standing, None);
    };
    let note = compare_effects(policy, shadow, (facts, catalog), &told(), said);
    if let Some(standing) = &standing {
        standing
            .shadow
            .get_or_init(|| protected(index, said, catalog));
    }
    (standing, note)
}

/// What is to be noted where the shadow of a policy `said` something else about a session.
fn compare_effects(
    policy: &Policy,
    shadow: &Shadow,
    (facts, catalog): (&SessionFacts, &Catalog),
    own: &Told,
    said: &Stance,
) -> Option<Note> {
    let asked = Question {
        who: &facts.identity.subject,
        shape: "(a session opens)".to_owned(),
        catalog,
    };
    let note = compare(shadow, &asked, own, &Told::effect(&said.effect));
    note.map(|text| noted(policy, text))
}

/// What is to be noted where the shadow of a policy `said` something else about a request.
pub(super) fn compare_opinions(
    (policy, index): (&Policy, usize),
    (session, request): (&Session, &Request),
    analysis: &Analysis,
    catalog: &Catalog,
    own: &Result<Opinion, Failed>,
    said: &Opinion,
) -> Option<Note> {
    let shadow = policy.shadow.as_ref()?;
    let standing = session.class.shadows.get(&index)?;
    let used: BTreeSet<ColumnId> = analysis.columns.iter().map(|used| used.column).collect();
    let guarded = |standing: &Protected, opinion: &Opinion| {
        let mut joined = standing.protections.clone();
        let trusted = &standing.trusted;
        protect(&mut joined, index, &opinion.protections, trusted, catalog);
        joined
    };
    let told = match own {
        Ok(own) => Told::opinion(own, &guarded(&standing.own, own), &used),
        Err(failed) => Told::failure(failed),
    };
    let would = Told::opinion(said, &guarded(standing.shadow.get()?, said), &used);
    let asked = Question {
        who: &session.facts.identity.subject,
        shape: shape_of(&request.text, analysis),
        catalog,
    };
    compare(shadow, &asked, &told, &would).map(|text| noted(policy, text))
}

fn check<'a>(set: &'a PolicySet, shadow: &'a Shadow, catalog: &'a Catalog) -> Check<'a> {
    Check {
        policy: &shadow.policy,
        catalog,
        keys: set.keys(),
    }
}

fn noted(policy: &Policy, text: Arc<str>) -> Note {
    Note {
        policy: Arc::clone(&policy.name),
        text,
    }
}

/// What a stance alone protects.
fn protected(index: usize, stance: &Stance, catalog: &Catalog) -> Protected {
    let mut protections = Protections::default();
    let trusted = &stance.trusted;
    protect(
        &mut protections,
        index,
        &stance.protections,
        trusted,
        catalog,
    );
    Protected {
        protections,
        trusted: Arc::clone(trusted),
    }
}

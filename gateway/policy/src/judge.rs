//! Asks every policy, combines what they say, makes it sound, and refuses on failure.

mod classes;
mod denials;
mod empty;
mod explain;
mod instances;
mod ready;
mod said;
mod shadows;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use sql::Strings;
use sql::analysis::{Access, Analysis, NameUse, Opaque, OpaqueReason};
use sql::catalog::Catalog;

pub(crate) use self::classes::Asked as AskedAbout;
use self::classes::Classes;
use self::denials::{broken, observed_failure, observed_stance, refused, unsound_denial};
pub use self::explain::{Explanation, GuardView, OpinionView};
pub(crate) use self::instances::Instances;
pub(crate) use self::ready::{Ready, ready};
use self::said::{Said, protect};
use self::shadows::{compare_opinions, compare_stances};
use crate::cache::{Kept, Key, VerdictCache};
use crate::config::Mode;
use crate::facts::{Counting, Facts};
use crate::hold::{Approval, Hold};
use crate::inspection::Inspector;
use crate::instance::Failed;
use crate::known::{KnownText, Templates};
use crate::ledger::Taken;
use crate::opinion::{Check, Effect, Opinion, Reuse, Stance};
use crate::protection::Protections;
use crate::request::{Asked, Request, Step};
use crate::session::{Class, Session, SessionFacts};
use crate::set::{Generation, Policies, PolicySet, Present};
use crate::soundness::{Examination, unreadable};
use crate::verdict::{Denial, Permit, Verdict};

/// Bytes of verdicts that a judge keeps unless told otherwise.
const CACHE_BYTES: usize = 8 << 20;

/// Judges requests; one a core. It keeps instances of the policies warm and verdicts at hand.
pub struct Judge {
    policies: Arc<Policies>,
    current: Cache<Arc<ArcSwap<PolicySet>>, Arc<PolicySet>>,
    /// The set that classes, kept verdicts and idle instances belong to.
    set: Arc<PolicySet>,
    pub(crate) instances: Instances,
    classes: Classes,
    verdicts: VerdictCache,
    templates: Templates,
    shaper: sql::Shaper,
    /// True once a policy has looked at what no record holds, until asked.
    read_unrecorded: bool,
    /// What policies have taken of counters to say what they say about a session.
    taken: Vec<Taken>,
    counting: Counting,
    /// None where it serves nobody.
    _present: Option<Present>,
}

impl Judge {
    /// A judge over these policies.
    pub fn new(policies: Arc<Policies>) -> Judge {
        Judge::with_cache(policies, CACHE_BYTES)
    }

    /// A judge that keeps about so many bytes of verdicts.
    pub fn with_cache(policies: Arc<Policies>, bytes: usize) -> Judge {
        Judge {
            verdicts: VerdictCache::new(bytes),
            instances: Instances::default(),
            counting: Counting::Kept,
            _present: Some(policies.present()),
            ..Judge::beside(&policies, &policies.current())
        }
    }

    /// A judge by a set that need not be in force, which keeps no verdicts and counts nothing.
    fn beside(policies: &Arc<Policies>, set: &Arc<PolicySet>) -> Judge {
        Judge {
            current: Cache::new(Arc::clone(policies.holder())),
            policies: Arc::clone(policies),
            set: Arc::clone(set),
            instances: Instances::for_nobody(),
            classes: Classes::default(),
            verdicts: VerdictCache::new(0),
            templates: Templates::default(),
            shaper: sql::Shaper::default(),
            read_unrecorded: false,
            taken: Vec::new(),
            counting: Counting::Ignored,
            _present: None,
        }
    }

    /// The policies that it judges by.
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Asks the policies whether this session may be, and what is protected from it.
    pub fn admit(
        &mut self,
        facts: SessionFacts,
        catalog: &Arc<Catalog>,
    ) -> Result<Session, Denial> {
        self.follow();
        let facts = Arc::new(facts);
        let class = self.class(&facts, catalog);
        let taken = std::mem::take(&mut self.taken);
        Ok(Session {
            class: class?,
            facts,
            taken,
        })
    }

    /// The verdict given before for the same text, if it holds for this request too: the same
    /// policies, the same catalog, nothing that policies could tell apart between the sessions.
    pub fn recall<'a>(
        &mut self,
        session: &Session,
        asked: Asked<'a>,
        catalog: &Arc<Catalog>,
    ) -> Option<Verdict<'a>> {
        let class = self.class_in_force(session, catalog)?;
        if asked.strings != Strings::Standard {
            // Verdicts are kept for texts as most sessions read them.
            return None;
        }
        let query = asked.step == Step::Query;
        if query && let Some(plan) = self.templates.find(class.id, asked.text) {
            return Some(Verdict::Allow(Permit::here(asked.frames, plan)));
        }
        let text = key(class, asked.step, asked.text.as_bytes());
        let kept = match self.verdicts.get(text) {
            Some(kept) => kept,
            None if query => {
                let shape = self.shaper.shape(asked.text)?;
                let kept = self.verdicts.get(key(class, asked.step, shape))?;
                if let Kept::Allow(plan) = &kept {
                    self.templates.keep(class.id, asked.text, shape, plan);
                }
                kept
            }
            None => return None,
        };
        match kept {
            Kept::Allow(plan) => Some(Verdict::Allow(Permit::here(asked.frames, plan))),
            Kept::Deny(denial) => Some(Verdict::Deny(denial)),
            Kept::Hold(..) => None,
        }
    }

    /// As [`recall`](Self::recall), for a text that remembers what was found for it.
    pub fn recall_known<'a>(
        &mut self,
        session: &Session,
        (frames, step): (&'a [u8], Step),
        (known, strings): (&KnownText, Strings),
        catalog: &Arc<Catalog>,
    ) -> Option<Verdict<'a>> {
        let class = self.class_in_force(session, catalog)?.id;
        if strings == Strings::Standard
            && let Some(plan) = known.find(class, step)
        {
            return Some(Verdict::Allow(Permit::here(frames, plan)));
        }
        let asked = Asked {
            frames,
            step,
            text: known.text(),
            strings,
        };
        match self.recall(session, asked, catalog)? {
            Verdict::Allow(permit) => {
                let plan = Arc::clone(permit.plan());
                known.remember(class, step, &plan);
                Some(Verdict::Allow(Permit::here(frames, plan)))
            }
            Verdict::Deny(denial) => Some(Verdict::Deny(denial)),
            Verdict::Hold(hold) => Some(Verdict::Hold(hold)),
        }
    }

    /// The session's class, where it is that of the policies and the catalog in force.
    fn class_in_force<'s>(
        &mut self,
        session: &'s Session,
        catalog: &Arc<Catalog>,
    ) -> Option<&'s Class> {
        let generation = self.current.load().generation();
        let class = &*session.class;
        let current = class.generation == generation && class.catalog == catalog.version();
        current.then_some(class)
    }

    /// Judges a request by the policies in force now, whatever was in force when the session began.
    pub fn judge(
        &mut self,
        session: &mut Session,
        request: Request,
        analysis: Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> Verdict<'static> {
        if let Err(denial) = self.renew(session, catalog) {
            return Verdict::Deny(denial);
        }
        let (kept, reuse) = self.conclude(session, &request, &analysis, catalog, None);
        self.keep(session, &request, &analysis, &kept, reuse);
        verdict(kept, session, request, self.set.generation())
    }

    /// Judges a held request again, now that it was approved. An approval of another request, or
    /// one that came too late, leaves it held.
    pub fn release(
        &mut self,
        session: &mut Session,
        hold: Hold,
        approval: Approval,
        analysis: Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> Verdict<'static> {
        if let Err(denial) = self.renew(session, catalog) {
            return Verdict::Deny(denial);
        }
        let of_session = session.facts.identity.is_same_subject(&hold.facts.identity)
            && session.facts.database == hold.facts.database;
        let approval = Some(&approval).filter(|approval| of_session && approval.is_of(&hold));
        let request = hold.request;
        let (kept, _) = self.conclude(session, &request, &analysis, catalog, approval);
        verdict(kept, session, request, self.set.generation())
    }

    /// Notices that another set has taken effect and lets go of all that belongs to the old one.
    /// Judging does so by itself; a judge that has nothing to judge keeps the old set until told.
    pub fn follow(&mut self) {
        let current = self.current.load();
        if current.generation() == self.set.generation() {
            return;
        }
        let current = Arc::clone(current);
        let engine = current.engine().clone();
        let ready = current.take_ready();
        let old = std::mem::replace(&mut self.set, current);
        let instances = std::mem::replace(&mut self.instances, ready.instances);
        let classes = std::mem::replace(&mut self.classes, ready.classes);
        let verdicts = self.verdicts.clear();
        self.templates.clear();
        engine.discard(Box::new((instances, classes, verdicts, old)));
    }

    /// Sees to it that the session's class is that of the set and catalog in force.
    fn renew(&mut self, session: &mut Session, catalog: &Arc<Catalog>) -> Result<(), Denial> {
        self.follow();
        let class = &session.class;
        if class.generation == self.set.generation() && class.catalog == catalog.version() {
            return Ok(());
        }
        let counting = match self.counting {
            Counting::Kept => Counting::KeptBefore,
            other => other,
        };
        let counting = std::mem::replace(&mut self.counting, counting);
        let class = self.class(&Arc::clone(&session.facts), catalog);
        self.counting = counting;
        let taken = std::mem::take(&mut self.taken);
        session.class = class?;
        session.taken.extend(taken);
        session.opens();
        Ok(())
    }

    /// The class of sessions that these facts belong to, asking the policies where it is new.
    fn class(
        &mut self,
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> Result<Arc<Class>, Denial> {
        if let Some(class) = self.classes.find(facts, catalog.version()) {
            return Ok(class);
        }
        let before = std::mem::take(&mut self.read_unrecorded);
        let made = self.new_class(facts, catalog);
        self.read_unrecorded |= before;
        made
    }

    fn new_class(
        &mut self,
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> Result<Arc<Class>, Denial> {
        let set = Arc::clone(&self.set);
        let mut protections = Protections::default();
        let mut trusted = Vec::with_capacity(set.policies().len());
        trusted.resize_with(set.policies().len(), Arc::default);
        let mut inspectors = Vec::new();
        let mut notes = Vec::new();
        let mut shadows = HashMap::new();
        let mut shared = true;
        for (index, policy) in set.running() {
            let said = self.shadow_stance((&set, index), facts, catalog);
            let (stance, repeatable) = self.stance(&set, index, facts, catalog);
            shared &= repeatable;
            let at = (&**policy, index);
            let (standing, note) = compare_stances(at, facts, catalog, &stance, said.as_ref());
            shadows.extend(standing.map(|standing| (index, standing)));
            notes.extend(note);
            match (policy.mode, stance) {
                (Mode::Observe, Ok(stance)) => notes.extend(observed_stance(policy, &stance)),
                (Mode::Observe, Err(failed)) => {
                    // The next session may meet an answer.
                    shared = false;
                    notes.push(observed_failure(policy, &failed));
                }
                (Mode::Enforce | Mode::Off, Ok(stance)) => {
                    if let Effect::Deny(refusal) = stance.effect {
                        return Err(refused(&set, policy, refusal));
                    }
                    protect(
                        &mut protections,
                        index,
                        &stance.protections,
                        &stance.trusted,
                        catalog,
                    );
                    trusted[index] = stance.trusted;
                    let (scope, repeatable) = self.scope(&set, index, facts, catalog);
                    shared &= repeatable;
                    match scope {
                        Ok(scope) => inspectors.extend(Inspector::new(index, scope)),
                        Err(failed) => return Err(broken(&set, policy, failed)),
                    }
                }
                (Mode::Enforce | Mode::Off, Err(failed)) => {
                    return Err(broken(&set, policy, failed));
                }
            }
        }
        let class = Class {
            id: self.policies.next_class(),
            generation: set.generation(),
            catalog: catalog.version(),
            protections: Arc::new(protections),
            trusted,
            inspectors: inspectors.into(),
            reads_unrecorded: self.read_unrecorded,
            shadows,
            notes,
        };
        if shared {
            self.policies.note(facts, catalog);
        }
        Ok(self.classes.keep(facts, class, shared))
    }

    fn stance(
        &mut self,
        set: &PolicySet,
        index: usize,
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> (Result<Stance, Failed>, bool) {
        let facts = Facts {
            who: Some(Arc::clone(facts)),
            catalog: Some(Arc::clone(catalog)),
            counting: self.counting,
            ..Facts::default()
        };
        let check = Check {
            policy: &set.policies()[index],
            catalog,
            keys: set.keys(),
        };
        let mut repeatable = false;
        let (read_unrecorded, taken) = (&mut self.read_unrecorded, &mut self.taken);
        let stance = self.instances.run(set, index, |instance| {
            let answer = instance.session(facts);
            repeatable = !instance.is_unrepeatable();
            *read_unrecorded |= instance.read_unrecorded();
            let stance = check.stance(answer?, &instance.rules())?;
            taken.extend(instance.claims().taken);
            Ok(stance)
        });
        (stance, repeatable)
    }

    /// Whether a policy looks at the results of the session, and as what.
    fn scope(
        &mut self,
        set: &PolicySet,
        index: usize,
        facts: &Arc<SessionFacts>,
        catalog: &Arc<Catalog>,
    ) -> (Result<Option<String>, Failed>, bool) {
        if set.policies()[index].compiled.inspect().is_none() {
            return (Ok(None), true);
        }
        let facts = Facts {
            who: Some(Arc::clone(facts)),
            catalog: Some(Arc::clone(catalog)),
            ..Facts::default()
        };
        let mut repeatable = false;
        let scope = self.instances.run(set, index, |instance| {
            let scope = instance.scope(facts)?;
            repeatable = !instance.is_unrepeatable();
            Ok(scope)
        });
        (scope, repeatable)
    }

    /// What the policies and the host say together, and how far that may be used again.
    fn conclude(
        &mut self,
        session: &Session,
        request: &Request,
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
        approval: Option<&Approval>,
    ) -> (Kept, Reuse) {
        let set = Arc::clone(&self.set);
        if set.enforces()
            && let Some(unsound) = unreadable(analysis)
        {
            return (Kept::Deny(unsound_denial(&set, unsound)), Reuse::Text);
        }
        let mut said = Said::new(session);
        for (index, policy) in set.running() {
            let asked = (session, request);
            let (shadow, late) = self.shadow_opinion((&set, index), asked, analysis, catalog);
            said.notes.extend(late);
            let opinion = self.opinion(&set, index, session, request, analysis, catalog);
            said.notes.extend(shadow.and_then(|shadow| {
                compare_opinions(
                    (policy, index),
                    asked,
                    analysis,
                    catalog,
                    &opinion.0,
                    &shadow,
                )
            }));
            match (policy.mode, opinion) {
                (Mode::Observe, (Ok(opinion), reuse)) => said.observe(policy, opinion, reuse),
                (Mode::Observe, (Err(failed), _)) => {
                    said.reuse = Reuse::Once;
                    said.notes.push(observed_failure(policy, &failed));
                }
                (Mode::Enforce | Mode::Off, (Ok(opinion), reuse)) => {
                    said.heed(&set, index, opinion, reuse, &session.class, catalog);
                }
                (Mode::Enforce | Mode::Off, (Err(failed), _)) => {
                    let denial = broken(&set, policy, failed);
                    let notes = said.notes.into();
                    return (Kept::Deny(Denial { notes, ..denial }), Reuse::Once);
                }
            }
        }
        let examination = Examination {
            set: &set,
            protections: &said.protections,
            inspectors: &session.class.inspectors,
            catalog,
            approval,
        };
        let sound = examination.examine(analysis);
        let reuse = if approval.is_some() {
            Reuse::Once
        } else {
            said.reuse
        };
        let kept = said.conclude(&set, sound, request, analysis, approval);
        (kept, reuse)
    }

    fn opinion(
        &mut self,
        set: &PolicySet,
        index: usize,
        session: &Session,
        request: &Request,
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> (Result<Opinion, Failed>, Reuse) {
        let policy = &set.policies()[index];
        let facts = Facts::of_request(session, request, analysis, catalog, self.counting);
        let check = Check {
            policy,
            catalog,
            keys: set.keys(),
        };
        let mut most = Reuse::Once;
        let read_unrecorded = &mut self.read_unrecorded;
        let opinion = self.instances.run(set, index, |instance| {
            let answer = instance.decide(facts);
            most = match instance.is_unrepeatable() {
                true => Reuse::Once,
                false if instance.is_by_literals() => Reuse::Text,
                false => Reuse::Shape,
            };
            *read_unrecorded |= instance.read_unrecorded();
            let answer = answer?;
            check.opinion(answer, instance.claims(), &instance.rules())
        });
        let reuse = match &opinion {
            Ok(opinion) => opinion.reuse.min(most),
            Err(_) => Reuse::Once,
        };
        (opinion, reuse)
    }

    fn keep(
        &mut self,
        session: &Session,
        request: &Request,
        analysis: &Analysis,
        kept: &Kept,
        reuse: Reuse,
    ) {
        // A hold keeps its request, so that nothing is won by keeping the verdict too.
        let usual = request.strings == Strings::Standard;
        let is_own = analysis.doubted || depends_on_names(analysis);
        let may_be_found = matches!(kept, Kept::Deny(_)) && has_unknown_name(analysis);
        // What a name means that is defined, an open transaction may change.
        let defines = analysis.relations.iter();
        let defines = defines.map(|one| one.access).any(|it| it == Access::Define);
        if !usual || matches!(kept, Kept::Hold(..)) || is_own || may_be_found || defines {
            return;
        }
        let shape = match (reuse, request.step) {
            (Reuse::Once, _) => return,
            (Reuse::Shape, Step::Query) => self.shaper.shape(&request.text),
            (Reuse::Shape, Step::Parse | Step::Bind | Step::Execute) | (Reuse::Text, _) => None,
        };
        let text = shape.unwrap_or(request.text.as_bytes());
        let key = key(&session.class, request.step, text);
        self.verdicts.keep(key, kept.clone(), analysis.weight());
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("set", &self.set)
            .finish_non_exhaustive()
    }
}

/// True where the same text does something else once a name of the session means something else.
fn depends_on_names(analysis: &Analysis) -> bool {
    analysis
        .statements
        .iter()
        .any(|statement| statement.names.iter().any(NameUse::is_by_name))
}

/// True where a name in it is not known, which another reading of the catalog might know.
fn has_unknown_name(analysis: &Analysis) -> bool {
    let unknown = |opaque: &Opaque| {
        matches!(
            opaque.reason,
            OpaqueReason::UnknownRelation
                | OpaqueReason::UnknownColumn
                | OpaqueReason::UnknownFunction
        )
    };
    analysis.opaque.iter().any(unknown)
}

fn key<'a>(class: &Class, step: Step, text: &'a [u8]) -> Key<'a> {
    Key {
        class: class.id,
        executing: step.executes(),
        text,
    }
}

fn verdict(
    kept: Kept,
    session: &Session,
    request: Request,
    generation: Generation,
) -> Verdict<'static> {
    match kept {
        Kept::Allow(plan) => Verdict::Allow(Permit::kept(request.frames, plan)),
        Kept::Deny(denial) => Verdict::Deny(denial),
        Kept::Hold(demands, ttl, notes) => {
            let facts = Arc::clone(&session.facts);
            let hold = Hold::new(request, facts, demands, ttl, generation);
            Verdict::Hold(hold.noting(notes))
        }
    }
}

#[cfg(test)]
mod tests;

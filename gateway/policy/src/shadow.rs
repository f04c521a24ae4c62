//! A second version of a policy: it judges beside the one in force, on the same facts, and never
//! decides. What it would have said otherwise is noted, counted, and kept by a few examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sql::analysis::{Analysis, ColumnId};
use sql::catalog::Catalog;
use tokio::time::Instant;

use crate::config::PolicyLimits;
use crate::hold::Demand;
use crate::instance::Failed;
use crate::mask::Mask;
use crate::opinion::{Effect, Opinion, Refusal};
use crate::plan::SourceColumn;
use crate::protection::{DerivedRule, FilterRule, Protections};
use crate::set::{Digest, Policy};
use crate::verdict::Failure;

/// The most time that a shadow may take for one decision, whatever its policy may take.
const LONGEST_DECISION: Duration = Duration::from_millis(10);
/// The most time that it may take to start, or for one session.
const LONGEST_START: Duration = Duration::from_millis(500);
/// What a failure counts for: as much as so many answers make good.
const FAILURE: u32 = 10;
/// From here on it is paused: about one call in ten failed, of late.
const TOO_MUCH: u32 = 3 * FAILURE;
/// For how long it is paused. If it fails again soon after that, it is paused at once.
const PAUSE: Duration = Duration::from_secs(60);
/// Examples that are kept, each of another shape or another difference.
const MOST_EXAMPLES: usize = 20;
/// Bytes of a text in an example or a note.
const MOST_TEXT: usize = 256;

/// The second version, and what is known of it.
pub(crate) struct Shadow {
    /// It runs like a policy, with limits of its own.
    pub(crate) policy: Arc<Policy>,
    pub(crate) tally: Arc<Tally>,
}

/// What a shadow may use: what its policy may, and less time.
pub(crate) fn limits(limits: &PolicyLimits) -> PolicyLimits {
    PolicyLimits {
        deadline_decide: limits.deadline_decide.min(LONGEST_DECISION),
        deadline_start: limits.deadline_start.min(LONGEST_START),
        ..limits.clone()
    }
}

/// In what two versions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// One allows, denies or holds what the other does not.
    Effect,
    /// They protect the columns that a request uses in different ways.
    Protections,
    /// They do the same for another reason, with another hint, or on other terms.
    Reason,
}

impl DifferenceKind {
    /// Every kind, in a fixed order.
    pub const ALL: [DifferenceKind; 3] = [
        DifferenceKind::Effect,
        DifferenceKind::Protections,
        DifferenceKind::Reason,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            DifferenceKind::Effect => "effect",
            DifferenceKind::Protections => "protections",
            DifferenceKind::Reason => "reason",
        }
    }
}

/// A difference, by its first example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In what they differ.
    pub kind: DifferenceKind,
    /// What was asked: the shape of the text, or its commands and relations. No literals.
    pub shape: String,
    /// Who asked first.
    pub who: String,
    /// What the policy said.
    pub was: String,
    /// What its shadow would have.
    pub would: String,
    /// How often.
    pub requests: u64,
    /// When it was seen first.
    pub since: SystemTime,
}

/// What is known of a shadow, as people see it.
#[derive(Clone, Debug)]
pub struct ShadowStatus {
    /// Its module.
    pub digest: Digest,
    /// How often it was asked.
    pub asked: u64,
    /// How often it differed, by kind.
    pub differences: Vec<(DifferenceKind, u64)>,
    /// The first examples.
    pub examples: Vec<Difference>,
    /// Failed calls, by kind.
    pub failures: Vec<(Failure, u64)>,
    /// True while it is not asked because it failed.
    pub paused: bool,
}

impl Shadow {
    /// As people see it.
    pub(crate) fn status(&self) -> ShadowStatus {
        let known = self.tally.known();
        let count = |kind: DifferenceKind| (kind, known.differences[kind as usize]);
        ShadowStatus {
            digest: self.policy.compiled.digest(),
            asked: known.asked,
            differences: DifferenceKind::ALL.into_iter().map(count).collect(),
            examples: known.examples.clone(),
            failures: self.policy.counters.failures(),
            paused: known.is_paused(),
        }
    }

    /// How notes name it.
    fn named(&self) -> String {
        let digest = self.policy.compiled.digest().to_string();
        format!("shadow {}", &digest[..12])
    }
}

/// What is counted of a shadow, by all judges together, for as long as it and its policy stay.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    asked: u64,
    differences: [u64; DifferenceKind::ALL.len()],
    examples: Vec<Difference>,
    /// Failures of late, each worth [`FAILURE`].
    trouble: u32,
    paused_until: Option<Instant>,
}

impl Known {
    fn is_paused(&self) -> bool {
        self.paused_until
            .is_some_and(|until| Instant::now() < until)
    }
}

impl Tally {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where it may be asked now; that is counted.
    pub(crate) fn ask(&self) -> bool {
        let mut known = self.known();
        if known.is_paused() {
            return false;
        }
        known.asked += 1;
        true
    }

    /// It answered: failures before are forgiven little by little.
    pub(crate) fn answered(&self) {
        let mut known = self.known();
        known.trouble = known.trouble.saturating_sub(1);
    }

    /// It failed; one that does so often is paused.
    pub(crate) fn failed(&self, policy: &str, failed: &Failed) {
        let mut known = self.known();
        known.trouble = (known.trouble + FAILURE).min(TOO_MUCH + FAILURE);
        let pauses = known.trouble >= TOO_MUCH;
        if pauses {
            known.paused_until = Some(Instant::now() + PAUSE);
        }
        drop(known);
        tracing::warn!(
            policy,
            failure = failed.failure.as_str(),
            reason = failed.reason,
            pauses,
            "the shadow of a policy failed; nobody was refused for it"
        );
    }

    fn differed(&self, difference: Difference) {
        let mut known = self.known();
        known.differences[difference.kind as usize] += 1;
        let same = |one: &&mut Difference| {
            (one.kind, &one.shape, &one.was, &one.would)
                == (
                    difference.kind,
                    &difference.shape,
                    &difference.was,
                    &difference.would,
                )
        };
        if let Some(example) = known.examples.iter_mut().find(same) {
            example.requests += 1;
        } else if known.examples.len() < MOST_EXAMPLES {
            known.examples.push(difference);
        }
    }
}

/// What one version says of a request or a session, as far as two can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    effect: &'static str,
    /// Reason, hint and terms.
    words: String,
    guards: BTreeMap<ColumnId, (Mask, DerivedRule, FilterRule)>,
}

impl Told {
    /// What an effect says.
    pub(crate) fn effect(effect: &Effect) -> Told {
        let words = match effect {
            Effect::Allow => String::new(),
            Effect::Deny(refusal) => denied(refusal),
            Effect::Hold(demand, _) => held(demand),
        };
        Told {
            effect: effect.as_str(),
            words,
            guards: BTreeMap::new(),
        }
    }

    /// What a policy says of a request that uses these columns.
    pub(crate) fn opinion(
        opinion: &Opinion,
        protections: &Protections,
        used: &BTreeSet<ColumnId>,
    ) -> Told {
        Told {
            guards: guards(protections, used),
            ..Told::effect(&opinion.effect)
        }
    }

    /// What a policy that failed says: no.
    pub(crate) fn failure(failed: &Failed) -> Told {
        Told {
            effect: "failed",
            words: failed.failure.to_string(),
            guards: BTreeMap::new(),
        }
    }
}

fn denied(refusal: &Refusal) -> String {
    match &refusal.hint {
        Some(hint) => format!("{} (hint: {hint})", refusal.reason),
        None => refusal.reason.to_string(),
    }
}

fn held(demand: &Demand) -> String {
    let (reason, approvals) = (&demand.reason, demand.approvals);
    let approvers = demand.approvers.join(", ");
    format!("{reason} (approvals: {approvals} of {approvers})")
}

fn guards(
    protections: &Protections,
    used: &BTreeSet<ColumnId>,
) -> BTreeMap<ColumnId, (Mask, DerivedRule, FilterRule)> {
    let guard = |column: &ColumnId| {
        let guard = protections.of(*column)?;
        let parts = (guard.mask.0.clone(), guard.derived.0, guard.filter.0);
        Some((*column, parts))
    };
    used.iter().filter_map(guard).collect()
}

/// What was asked of both versions.
pub(crate) struct Question<'a> {
    pub(crate) who: &'a str,
    pub(crate) shape: String,
    pub(crate) catalog: &'a Catalog,
}

/// Compares, counts, and gives the note for the record; none where both say the same.
pub(crate) fn compare(
    shadow: &Shadow,
    asked: &Question<'_>,
    own: &Told,
    other: &Told,
) -> Option<Arc<str>> {
    let mut notes = Vec::new();
    let mut differ = |kind, was: String, would: String| {
        notes.push(format!("{would}, not {was}"));
        shadow.tally.differed(Difference {
            kind,
            shape: asked.shape.clone(),
            who: short(asked.who),
            was,
            would,
            requests: 1,
            since: SystemTime::now(),
        });
    };
    if own.effect != other.effect {
        differ(DifferenceKind::Effect, said(own), said(other));
    } else if own.words != other.words {
        differ(DifferenceKind::Reason, said(own), said(other));
    }
    if own.guards != other.guards {
        let differs = |column: &&ColumnId| own.guards.get(column) != other.guards.get(column);
        let columns: BTreeSet<&ColumnId> = own.guards.keys().chain(other.guards.keys()).collect();
        let columns: Vec<ColumnId> = columns.into_iter().filter(differs).copied().collect();
        let (was, would) = (
            protected(own, &columns, asked.catalog),
            protected(other, &columns, asked.catalog),
        );
        differ(DifferenceKind::Protections, was, would);
    }
    let note = notes.join("; ");
    (!note.is_empty()).then(|| format!("{}: {note}", shadow.named()).into())
}

fn said(told: &Told) -> String {
    match told.words.is_empty() {
        true => told.effect.to_owned(),
        false => short(&format!("{} \"{}\"", told.effect, told.words)),
    }
}

fn protected(told: &Told, columns: &[ColumnId], catalog: &Catalog) -> String {
    let mut text = String::new();
    for column in columns {
        let name = SourceColumn::of(catalog, *column);
        if !text.is_empty() {
            text.push_str(", ");
        }
        let _ = match told.guards.get(column) {
            None => write!(text, "{name} raw"),
            Some((mask, derived, filter)) => {
                let (derived, filter) = (derived.as_str(), filter.as_str());
                write!(text, "{name} {mask} (derived {derived}, filter {filter})")
            }
        };
    }
    short(&text)
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(MOST_TEXT)].to_owned()
}

/// What a request is, without its literals: where the shape of its text may still hold some, or it
/// has none, its commands and relations.
pub(crate) fn shape_of(text: &str, analysis: &Analysis) -> String {
    if let Some(shape) = sql::shape(text).map(|shape| shape.readable())
        && !shape.contains('\'')
    {
        return short(&shape);
    }
    let commands: BTreeSet<&str> = analysis
        .statements
        .iter()
        .map(|one| one.kind.command)
        .collect();
    let relations: BTreeSet<String> = analysis
        .relations
        .iter()
        .map(|one| format!("{}.{}", one.schema, one.name))
        .collect();
    let list = |names: Vec<String>| names.join(", ");
    let commands = list(commands.into_iter().map(str::to_owned).collect());
    let relations = list(relations.into_iter().collect());
    match relations.is_empty() {
        true => short(&commands),
        false => short(&format!("{commands} on {relations}")),
    }
}

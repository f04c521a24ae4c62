//! What the rules say, as a decision.

use serde::Deserialize;
use sluice_sdk::{
    Column, ColumnPattern, Decision, Denial, DerivedRule, Effect, Facts, FilterRule, Hold, Mask,
    Protection, Recording, SessionDecision, settings,
};

/// `data.sluice.session`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionAnswer {
    effect: Word,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    protections: Vec<Protected>,
    #[serde(default)]
    trusted: Vec<String>,
}

/// `data.sluice.decision`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestAnswer {
    effect: Word,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    approvers: Vec<String>,
    approvals: Option<u32>,
    ttl: Option<String>,
    #[serde(default)]
    protections: Vec<Protected>,
    recording: Option<Recording>,
    #[serde(default)]
    note: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Deny,
    Hold,
}

/// Columns with what protects them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    columns: Vec<ColumnPattern>,
    mask: Mask,
    derived: Option<DerivedRule>,
    filter: Option<FilterRule>,
}

impl Protected {
    /// The protection of a column, where a pattern matches it.
    fn of(&self, column: &Column) -> Option<Protection> {
        let mut patterns = self.columns.iter();
        patterns.any(|pattern| pattern.matches(column)).then(|| {
            Protection::new(column, self.mask.clone())
                .derived(self.derived.unwrap_or(DerivedRule::Deny))
                .filter(self.filter.unwrap_or(FilterRule::Deny))
        })
    }
}

fn protections<'a>(
    all: &[Protected],
    columns: impl Iterator<Item = &'a Column>,
) -> Vec<Protection> {
    if all.is_empty() {
        return Vec::new();
    }
    columns
        .filter_map(|column| all.iter().find_map(|one| one.of(column)))
        .collect()
}

fn denial(reason: String, hint: String) -> Denial {
    let reason = match reason.is_empty() {
        true => "the rules refuse it".to_owned(),
        false => reason,
    };
    Denial { reason, hint }
}

impl SessionAnswer {
    pub(crate) fn into_decision(self, facts: &Facts) -> SessionDecision {
        match self.effect {
            Word::Allow => SessionDecision {
                effect: Effect::Allow,
                protections: protections(&self.protections, facts.catalog().iter()),
                trusted: self.trusted,
            },
            Word::Deny | Word::Hold => SessionDecision::deny(denial(self.reason, self.hint)),
        }
    }
}

impl RequestAnswer {
    pub(crate) fn into_decision(self, facts: &Facts) -> Decision {
        let used = facts.columns().iter().map(|one| &one.column);
        let protections = protections(&self.protections, used);
        let effect = match self.effect {
            Word::Allow => Effect::Allow,
            Word::Deny => Effect::Deny(denial(self.reason, self.hint)),
            // It is held when it runs; preparing it changes nothing.
            Word::Hold if !facts.executing() => Effect::Allow,
            Word::Hold => match hold(self.reason, self.approvers, self.approvals, self.ttl) {
                Ok(hold) => Effect::Hold(hold),
                Err(wrong) => Effect::Deny(denial(wrong, self.hint)),
            },
        };
        let decision = Decision {
            protections,
            ..Decision::of(effect)
        };
        let decision = decision.recording(self.recording.unwrap_or(Recording::Statement));
        decision.note(self.note)
    }
}

/// A hold that somebody may release.
fn hold(
    reason: String,
    approvers: Vec<String>,
    approvals: Option<u32>,
    ttl: Option<String>,
) -> Result<Hold, String> {
    if approvers.is_empty() {
        return Err("the rules hold it and name no approvers".to_owned());
    }
    let hold = Hold::new(denial(reason, String::new()).reason, approvers);
    let hold = hold.approvals(approvals.unwrap_or(1));
    match ttl {
        Some(text) => Ok(hold.ttl(settings::duration(&text)?)),
        None => Ok(hold),
    }
}

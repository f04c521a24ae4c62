//! What one policy answered, checked: from here on it can be relied upon.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sql::analysis::ColumnId;
use sql::catalog::{Catalog, ColumnInfo};

use crate::bindings::types;
use crate::config::Keys;
use crate::grants::Claims;
use crate::hold::Demand;
use crate::instance::Failed;
use crate::mask::{Mask, Rule};
use crate::plan::Recording;
use crate::protection::{DerivedRule, FilterRule, Protection};
use crate::rules::{Rules, Said};
use crate::set::Policy;

/// What a policy says about a request.
pub(crate) struct Opinion {
    pub(crate) effect: Effect,
    pub(crate) protections: Vec<Protection>,
    pub(crate) recording: Recording,
    pub(crate) reuse: Reuse,
    pub(crate) note: Option<Arc<str>>,
    pub(crate) claims: Claims,
}

/// What a policy says about a session.
pub(crate) struct Stance {
    pub(crate) effect: Effect,
    pub(crate) protections: Vec<Protection>,
    pub(crate) trusted: Arc<HashSet<String>>,
}

/// What a policy wants to become of it.
pub(crate) enum Effect {
    Allow,
    Deny(Refusal),
    Hold(Demand, Duration),
}

impl Effect {
    /// The word for it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny(_) => "deny",
            Effect::Hold(..) => "hold",
        }
    }
}

/// Why not.
pub(crate) struct Refusal {
    pub(crate) reason: Arc<str>,
    pub(crate) hint: Option<Arc<str>>,
}

/// How far an answer may be used again, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reuse {
    Once,
    Text,
    Shape,
}

/// The most that a sentence for a client or an approver may have.
const SENTENCE_BYTES: usize = 2048;
/// The longest hold: nobody waits for a week.
const LONGEST_HOLD: u32 = 7 * 24 * 60 * 60;

/// What an answer is checked against.
#[derive(Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) catalog: &'a Catalog,
    pub(crate) keys: &'a Keys,
}

impl Check<'_> {
    /// Checks the answer to `decide`.
    pub(crate) fn opinion(
        self,
        answer: types::Decision,
        claims: Claims,
        rules: &Rules,
    ) -> Result<Opinion, Failed> {
        Ok(Opinion {
            effect: self.effect(answer.effect)?,
            protections: self.protections(answer.protections, rules)?,
            recording: match answer.recording {
                types::Recording::Statement => Recording::Statement,
                types::Recording::Results => Recording::Results,
            },
            reuse: match answer.reuse {
                types::Reuse::Once => Reuse::Once,
                types::Reuse::Text => Reuse::Text,
                types::Reuse::Shape => Reuse::Shape,
            },
            note: sentence(&answer.note),
            claims,
        })
    }

    /// Checks the answer to `session`.
    pub(crate) fn stance(
        self,
        answer: types::SessionDecision,
        rules: &Rules,
    ) -> Result<Stance, Failed> {
        Ok(Stance {
            effect: match self.effect(answer.effect)? {
                Effect::Hold(demand, _) => Effect::Deny(Refusal {
                    reason: demand.reason,
                    hint: None,
                }),
                effect @ (Effect::Allow | Effect::Deny(_)) => effect,
            },
            protections: self.protections(answer.protections, rules)?,
            trusted: Arc::new(answer.trusted.into_iter().collect()),
        })
    }

    fn effect(self, effect: types::Effect) -> Result<Effect, Failed> {
        match effect {
            types::Effect::Allow => Ok(Effect::Allow),
            types::Effect::Deny(denial) => Ok(Effect::Deny(Refusal {
                reason: sentence(&denial.reason).unwrap_or_else(|| "it gave no reason".into()),
                hint: sentence(&denial.hint),
            })),
            types::Effect::Hold(hold) => self.hold(hold),
        }
    }

    fn hold(self, hold: types::Hold) -> Result<Effect, Failed> {
        if hold.approvals == 0 {
            return Err(Failed::answer("it holds a request for no approval at all"));
        }
        if hold.ttl_seconds == 0 {
            return Err(Failed::answer("it holds a request for no time at all"));
        }
        let demand = Demand {
            policy: Arc::clone(&self.policy.name),
            reason: sentence(&hold.reason).unwrap_or_else(|| "it gave no reason".into()),
            approvers: hold.approvers.into(),
            approvals: hold.approvals,
        };
        let ttl = Duration::from_secs(hold.ttl_seconds.min(LONGEST_HOLD).into());
        Ok(Effect::Hold(demand, ttl))
    }

    fn protections(
        self,
        answer: Vec<types::Protection>,
        rules: &Rules,
    ) -> Result<Vec<Protection>, Failed> {
        answer
            .into_iter()
            .map(|protection| self.protection(protection, rules))
            .collect()
    }

    fn protection(self, answer: types::Protection, rules: &Rules) -> Result<Protection, Failed> {
        let column = ColumnId {
            relation: answer.relation_oid,
            attribute: answer.attribute,
        };
        let Some(known) = self.catalog.column(column) else {
            return Err(Failed::answer(format!(
                "it protects attribute {} of relation {}, which the catalog does not know",
                column.attribute, column.relation
            )));
        };
        Ok(Protection {
            column,
            mask: self.mask(answer.mask, known, rules)?,
            derived: match answer.derived {
                types::DerivedRule::Deny => DerivedRule::Deny,
                types::DerivedRule::Hold => DerivedRule::Hold,
                types::DerivedRule::Null => DerivedRule::Null,
            },
            filter: match answer.filter {
                types::FilterRule::Deny => FilterRule::Deny,
                types::FilterRule::Equality => FilterRule::Equality,
                types::FilterRule::Allow => FilterRule::Allow,
            },
        })
    }

    fn mask(
        self,
        mask: types::Mask,
        column: ColumnInfo<'_>,
        rules: &Rules,
    ) -> Result<Mask, Failed> {
        match mask {
            types::Mask::Null => Ok(Mask::Null),
            types::Mask::Fixed(text) if text.contains('\0') => Err(Failed::answer(
                "a fixed mask holds a NUL character, which no text may",
            )),
            types::Mask::Fixed(text) => Ok(Mask::Fixed(text)),
            types::Mask::KeepFirst(n) => Ok(Mask::KeepFirst(n)),
            types::Mask::KeepLast(n) => Ok(Mask::KeepLast(n)),
            types::Mask::KeyedHash(key) if self.keys.get(&key).is_none() => Err(Failed::answer(
                format!("a mask names key {key:?}, which the deployment has not"),
            )),
            types::Mask::KeyedHash(key) => Ok(Mask::KeyedHash(key)),
            types::Mask::Custom if !self.policy.compiled.transforms() => Err(Failed::answer(
                "a mask is its own transform, which it does not export",
            )),
            types::Mask::Custom => Ok(match rules.of(column.id) {
                Some(Said::Rule(number)) => Mask::Custom(Rule::Number(number)),
                Some(Said::Several) => Mask::Null,
                None if self.catalog.was_renamed(column.id) => Mask::Null,
                None => Mask::Custom(Rule::Name(column.name.into())),
            }),
        }
    }
}

/// Bytes of what a policy says against its settings.
const WORDS_BYTES: usize = 4096;

/// What a policy says to operators: not too much, nothing that a terminal would heed, and no line of a log
/// but its own.
pub(crate) fn plain(words: &str) -> String {
    let words = &words[..words.floor_char_boundary(WORDS_BYTES)];
    let mut plain = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '\n' => plain.push_str("\n  "),
            control if control.is_control() => plain.extend(control.escape_default()),
            other => plain.push(other),
        }
    }
    plain
}

/// Words of a policy as they may go into a message: no NUL, not too long; none where empty.
pub(crate) fn sentence(text: &str) -> Option<Arc<str>> {
    if text.is_empty() {
        return None;
    }
    let text = &text[..text.floor_char_boundary(SENTENCE_BYTES)];
    match text.contains('\0') {
        true => Some(text.replace('\0', " ").into()),
        false => Some(text.into()),
    }
}

//! One rule: which statements of whom, and what becomes of them.

use sluice_sdk::{RelationPattern, Scope};

use crate::finding::{Action, Finding, Terms};
use crate::request::Judged;
use crate::schedule::Schedule;
use crate::statements::StatementPattern;

/// One rule. Every condition that is given must hold.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) action: Action,
    /// Where it holds: it does so although a switch denies.
    pub(crate) exception: bool,
    pub(crate) scope: Scope,
    pub(crate) schedule: Schedule,
    pub(crate) statements: Vec<StatementPattern>,
    pub(crate) relations: Vec<RelationPattern>,
    pub(crate) restriction: Vec<String>,
    pub(crate) opaque: OpaqueCondition,
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) terms: Terms,
}

/// What a rule asks of what cannot be known.
#[derive(Clone, Debug, Default)]
pub(crate) enum OpaqueCondition {
    /// Nothing.
    #[default]
    Unasked,
    /// That there is something.
    Anything,
    /// That there is something for one of these reasons.
    Reasons(Vec<String>),
}

impl Rule {
    /// True where the rule, whose scope and times are another matter, is about this statement.
    pub(crate) fn matches(&self, statement: &Judged<'_>) -> bool {
        self.names_command(statement)
            && self.names_relations(statement)
            && (self.restriction.is_empty()
                || self
                    .restriction
                    .iter()
                    .any(|one| one == statement.restriction))
            && self.names_opaque(statement)
    }

    fn names_command(&self, statement: &Judged<'_>) -> bool {
        self.statements.is_empty() || self.statements.iter().any(|one| one.matches(statement))
    }

    /// To be refused or held, one relation is enough; to be allowed, all must be named.
    fn names_relations(&self, statement: &Judged<'_>) -> bool {
        if self.relations.is_empty() {
            return true;
        }
        let mut used = statement.relations.iter();
        let named = |relation| self.relations.iter().any(|one| one.matches(relation));
        let maybe_named = |relation| self.relations.iter().any(|one| one.may_match(relation));
        match self.action {
            Action::Allow => !statement.relations.is_empty() && used.all(|one| named(one)),
            Action::Hold | Action::Deny => used.any(|one| maybe_named(one)),
        }
    }

    fn names_opaque(&self, statement: &Judged<'_>) -> bool {
        match &self.opaque {
            OpaqueCondition::Anything => !statement.opaque.is_empty(),
            OpaqueCondition::Reasons(reasons) => {
                let mut parts = statement.opaque.iter();
                let is_named = |reason: &String| reasons.contains(reason);
                match self.action {
                    Action::Allow => {
                        !statement.opaque.is_empty() && parts.all(|one| is_named(&one.reason))
                    }
                    Action::Hold | Action::Deny => parts.any(|one| is_named(&one.reason)),
                }
            }
            OpaqueCondition::Unasked => match self.action {
                // What a statement looks like is no ground to allow what it may hide.
                Action::Allow => self.allows_whatever() || statement.hiding().is_none(),
                Action::Hold | Action::Deny => true,
            },
        }
    }

    fn allows_whatever(&self) -> bool {
        self.statements.is_empty() && self.relations.is_empty() && self.restriction.is_empty()
    }

    /// What it says about a statement that it matches.
    pub(crate) fn finding(&self, statement: &Judged<'_>) -> Finding {
        let reason = self.reason.clone().unwrap_or_else(|| {
            let does = match self.action {
                Action::Allow => "allows",
                Action::Hold => "holds",
                Action::Deny => "refuses",
            };
            format!("rule \"{}\" {does} {}", self.name, statement.command())
        });
        let hint = self.hint.clone().unwrap_or_default();
        let note = format!("rule \"{}\"", self.name);
        Finding::new(self.action, reason, note, &self.terms).hint(hint)
    }
}

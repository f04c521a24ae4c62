//! The standard guarding policy: which statements are refused, or held until someone approves.
//!
//! Each statement of a request is judged by itself, those within others included. The first rule
//! that matches it decides; where none does, the switches do. The strictest finding is the answer.

mod finding;
mod request;
mod rule;
mod settings;
mod statements;
mod switches;

use sluice_sdk::{Decision, Effect, Facts, NamePattern, Policy, Recording, Reuse, SessionDecision};

use crate::finding::{Action, Finding};
use crate::request::Judged;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::switches::Switches;

/// The policy, configured.
#[derive(Debug)]
pub struct GuardPolicy {
    /// In order.
    rules: Vec<Rule>,
    switches: Switches,
    /// Names that may be used although nobody knows what they do.
    trusted: Vec<NamePattern>,
    recording: Recording,
}

sluice_sdk::export!(GuardPolicy);

impl Policy for GuardPolicy {
    fn configure(settings: &str) -> Result<Self, String> {
        Settings::parse(settings)?.into_policy()
    }

    fn session(&self, _facts: &Facts) -> SessionDecision {
        SessionDecision::allow()
    }

    fn decide(&self, facts: &Facts) -> Decision {
        let mut answer = Finding::allowed();
        for statement in request::statements(facts, &self.trusted) {
            answer = answer.and(self.judge(facts, &statement));
        }
        let note = answer.note.clone();
        let effect = match answer.into_effect() {
            // It is held when it runs; preparing it changes nothing.
            Effect::Hold(_) if !facts.executing() => Effect::Allow,
            effect => effect,
        };
        let decision = Decision::of(effect).recording(self.recording);
        decision.reuse(Reuse::Shape).note(note)
    }
}

impl GuardPolicy {
    /// What becomes of one statement.
    fn judge(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let mut in_scope = self.rules.iter().filter(|rule| rule.scope.covers(facts));
        if let Some(rule) = in_scope.find(|rule| rule.matches(statement)) {
            return rule.finding(statement);
        }
        let found = self.switches.finding(facts, statement);
        found.stricter(self.hidden(facts, statement))
    }

    /// What could hide a statement that is refused or held is treated as that statement would be,
    /// unless the switch `opaque` says otherwise.
    fn hidden(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let Some(part) = statement.hiding() else {
            return Finding::allowed();
        };
        if self.switches.decides_opaque() {
            return Finding::allowed();
        }
        let by_rules = self.rules.iter().filter(|rule| rule.scope.covers(facts));
        let by_rules = by_rules.map(|rule| (rule.action, &rule.terms));
        let strictest = self
            .switches
            .in_force(facts)
            .chain(by_rules)
            .max_by_key(|(action, _)| *action);
        match strictest {
            Some((action @ (Action::Deny | Action::Hold), terms)) => {
                switches::opaque_finding(action, part, terms)
            }
            Some((Action::Allow, _)) | None => Finding::allowed(),
        }
    }
}

#[cfg(test)]
mod tests;

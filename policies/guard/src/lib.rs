//! The standard guarding policy: which statements are refused, or held until someone approves.
//!
//! Each statement of a request is judged by itself, those within others included. The first rule
//! that matches it decides; where none does, the switches do, and a switch that denies is not weakened
//! by a rule that holds, unless that says that it is an exception. The strictest finding is the answer. Budgets count what the answer lets pass.

mod budget;
mod bulk;
mod finding;
mod request;
mod rule;
mod schedule;
mod settings;
mod statements;
mod switches;

use sluice_sdk::{
    ColumnPattern, Decision, Effect, Facts, NamePattern, Policy, Recording, Reuse, SessionDecision,
};

use crate::budget::Budget;
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
    /// Those of everybody, then those of each profile.
    switches: Vec<Switches>,
    budgets: Vec<Budget>,
    /// Columns that whole tables are not to be read with, beside those that are protected.
    bulk_columns: Vec<ColumnPattern>,
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
        let mut reuse = Reuse::Shape;
        for statement in request::statements(facts, &self.trusted) {
            if statement.drops_nothing() {
                // There may be something the next time, of which nobody hears.
                reuse = Reuse::Once;
            } else {
                answer = answer.and(self.judge(facts, &statement));
            }
        }
        if !answer.is_denied() {
            answer = answer.stricter(self.counted(facts));
        }
        let note = answer.note.clone();
        let effect = match answer.into_effect() {
            // It is held when it runs; preparing it changes nothing.
            Effect::Hold(_) if !facts.executing() => Effect::Allow,
            effect => effect,
        };
        let decision = Decision::of(effect).recording(self.recording);
        decision.reuse(reuse).note(note)
    }
}

impl GuardPolicy {
    /// What becomes of one statement.
    fn judge(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let mut in_scope = self.rules.iter().filter(|rule| rule.scope.covers(facts));
        let is_spared = |rule: &Rule| rule.exception && self.spares(facts, statement);
        let rule = in_scope
            .find(|rule| rule.matches(statement) && rule.schedule.is_now() && !is_spared(rule));
        match rule {
            Some(rule) if rule.action == Action::Hold && !rule.exception => {
                let denial = self.switched(facts, statement);
                rule.finding(statement).stricter(denial)
            }
            Some(rule) => rule.finding(statement),
            None => self.switched(facts, statement),
        }
    }

    /// Where temporary tables are let pass, there is nothing that an exception would be one to.
    fn spares(&self, facts: &Facts, statement: &Judged<'_>) -> bool {
        let is_spared = self
            .switches
            .iter()
            .any(|one| one.spares_definition(statement));
        is_spared && self.switched(facts, statement).is_allowed()
    }

    /// What the switches say about one statement.
    fn switched(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let found = self.switches.iter().map(|switches| {
            let found = switches.finding(facts, statement);
            found.stricter(switches.bulk(facts, statement, &self.bulk_columns))
        });
        let found = found.fold(Finding::allowed(), Finding::stricter);
        found.stricter(self.hidden(facts, statement))
    }

    /// What budgets say about a request that passes otherwise, and the limits of its rows.
    fn counted(&self, facts: &Facts) -> Finding {
        for switches in &self.switches {
            switches.limit_rows(facts);
        }
        let found = self
            .budgets
            .iter()
            .map(|budget| budget.finding(facts, &self.bulk_columns));
        found.fold(Finding::allowed(), Finding::stricter)
    }

    /// What could hide a statement that is refused or held is treated as that statement would be,
    /// unless the switch `opaque` says otherwise.
    fn hidden(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let Some(part) = statement.hiding() else {
            return Finding::allowed();
        };
        let rules = match self.switches.first() {
            Some(everybody) if everybody.decides_opaque() => &[],
            Some(_) | None => self.rules.as_slice(),
        };
        let by_rules = rules
            .iter()
            .filter(|rule| rule.scope.covers(facts) && rule.schedule.is_now());
        let by_rules = by_rules.map(|rule| (rule.action, &rule.terms));
        let strictest = self
            .switches
            .iter()
            .filter(|switches| !switches.decides_opaque())
            .flat_map(|switches| switches.in_force(facts))
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

//! Finds personal data and secrets in results by what they look like, whatever column they come
//! from, and masks or reports them.
//!
//! A second net behind protections that name columns: what is found by its looks is a guess, and
//! what is not found is shown.

pub mod find;
pub mod kind;
mod replace;
mod settings;

use sluice_sdk::{
    Decision, Facts, Found, Inspect, Inspected, OutputColumn, Policy, Reuse, SessionDecision,
    Values,
};

use crate::find::{Finder, Nearby};
use crate::kind::{Kind, PerKind};
use crate::settings::{Action, Rule, Settings};

/// The policy, configured.
#[derive(Debug)]
pub struct DetectPolicy {
    rules: PerKind<Rule>,
}

sluice_sdk::export!(DetectPolicy, inspect);

impl Policy for DetectPolicy {
    fn configure(settings: &str) -> Result<Self, String> {
        let settings: Settings = sluice_sdk::settings::parse(settings)?;
        Ok(DetectPolicy {
            rules: settings.into_rules(),
        })
    }

    fn session(&self, _facts: &Facts) -> SessionDecision {
        SessionDecision::allow()
    }

    fn decide(&self, _facts: &Facts) -> Decision {
        Decision::allow().reuse(Reuse::Shape)
    }
}

impl Inspect for DetectPolicy {
    /// One letter a kind: whether it is looked for in this session.
    fn scope(&self, facts: &Facts) -> Option<String> {
        let scope: String = Kind::ALL
            .iter()
            .map(|kind| match self.rules[*kind].covers(facts) {
                true => 'y',
                false => 'n',
            })
            .collect();
        scope.contains('y').then_some(scope)
    }

    fn covers(&self, scope: &str, column: &OutputColumn) -> bool {
        !column.masked
            && Kind::ALL
                .iter()
                .any(|kind| self.looks(scope, *kind, column))
    }

    fn inspect(
        &self,
        scope: &str,
        column: &OutputColumn,
        values: Values,
    ) -> Result<Inspected, String> {
        let wanted = PerKind::from_fn(|kind| {
            let rule = &self.rules[kind];
            self.looks(scope, kind, column).then_some(rule.least)
        });
        let mut finder = Finder::new(wanted, Nearby::of(column));
        let actions = PerKind::from_fn(|kind| self.rules[kind].action);
        let mut edits = replace::Edits::default();
        let mut counts = PerKind::from_fn(|_| 0_u32);
        for (row, value) in values.values().enumerate() {
            let Some(value) = value else { continue };
            for finding in finder.find(value) {
                counts[finding.kind] += 1;
                edits.add(row, finding, actions[finding.kind]);
            }
        }
        let found = Kind::ALL.iter().filter(|kind| counts[**kind] > 0);
        let found = found.map(|kind| Found {
            kind: kind.as_str().to_owned(),
            count: counts[*kind],
            replaced: actions[*kind] != Action::Report,
        });
        Ok(Inspected {
            found: found.collect(),
            values: edits.apply(values, replace::is_json(column.type_oid))?,
        })
    }
}

impl DetectPolicy {
    /// True where the kind is looked for in this column in sessions of this scope.
    fn looks(&self, scope: &str, kind: Kind, column: &OutputColumn) -> bool {
        let in_scope = scope.as_bytes().get(kind as usize) == Some(&b'y');
        let exempt = |base| self.rules[kind].exempts(base);
        in_scope && !column.column.as_ref().is_some_and(exempt)
    }
}

#[cfg(test)]
mod tests;

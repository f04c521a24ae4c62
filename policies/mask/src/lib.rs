//! The standard masking policy: which columns come back masked, how, and for whom.
//!
//! It only names columns. That no expression, filter, copy or view gets around them is the
//! gateway's work.

mod json;
mod rule;
mod settings;
mod transform;

use sluice_sdk::{
    Column, Decision, Facts, Mask, Policy, Protection, Recording, ResultColumn, Reuse,
    SessionDecision, Transform, Values,
};

use crate::rule::{Masking, Rule};
use crate::settings::Settings;

/// The policy, configured.
#[derive(Debug)]
pub struct MaskPolicy {
    /// In order: the first that is for the session and matches a column decides about it.
    rules: Vec<Rule>,
    except_groups: Vec<String>,
    trusted: Vec<String>,
    recording: Recording,
}

sluice_sdk::export!(MaskPolicy, transform);

impl Policy for MaskPolicy {
    fn configure(settings: &str) -> Result<Self, String> {
        Settings::parse(settings)?.into_policy()
    }

    fn session(&self, facts: &Facts) -> SessionDecision {
        let protections = if self.covers(facts) {
            self.protections(facts)
        } else {
            // Nothing is asked of the catalog, which may be large.
            Vec::new()
        };
        SessionDecision {
            protections,
            trusted: self.trusted.clone(),
            ..SessionDecision::allow()
        }
    }

    fn decide(&self, _facts: &Facts) -> Decision {
        Decision::allow()
            .recording(self.recording)
            .reuse(Reuse::Shape)
    }
}

impl Transform for MaskPolicy {
    fn transform(
        &self,
        facts: &Facts,
        column: &ResultColumn,
        values: Values,
    ) -> Result<Values, String> {
        match self.transforming(facts, &column.column)? {
            Masking::Email => Ok(transform::email(values)),
            Masking::Digits => Ok(transform::digits(values)),
            Masking::Json(mask) => {
                let has_version = column.binary && column.column.type_name == "jsonb";
                Ok(json::mask(mask, values, has_version))
            }
            Masking::Show | Masking::Named(_) => Err(untransformed(&column.column)),
        }
    }
}

/// The error that withholds the rows.
fn untransformed(column: &Column) -> String {
    let Column {
        schema,
        relation,
        name,
        ..
    } = column;
    format!("no one rule says how to transform column {schema}.{relation}.{name} here")
}

impl MaskPolicy {
    /// True where a rule is for this session, whatever its columns.
    fn covers(&self, facts: &Facts) -> bool {
        !self.excepts(facts) && self.rules.iter().any(|rule| rule.scope.covers(facts))
    }

    fn excepts(&self, facts: &Facts) -> bool {
        let mut groups = self.except_groups.iter();
        groups.any(|group| facts.is_member(group))
    }

    fn protections(&self, facts: &Facts) -> Vec<Protection> {
        let protections = facts.catalog().iter().filter_map(|column| {
            let rule = self.rule(facts, column)?;
            let protection = Protection::new(column, mask(rule, column)?);
            Some(protection.derived(rule.derived).filter(rule.filter))
        });
        protections.collect()
    }

    /// The rule that decides about this column in this session.
    fn rule(&self, facts: &Facts, column: &Column) -> Option<&Rule> {
        if self.excepts(facts) {
            return None;
        }
        // Names are cheaper to compare than scopes: most columns match no pattern.
        self.rules
            .iter()
            .find(|rule| rule.names(column) && rule.scope.covers(facts))
    }

    /// What the rules say about a column that is to be transformed. Where the gateway does not tell
    /// whose rows they are, the rules that name the column must agree.
    fn transforming(&self, facts: &Facts, column: &Column) -> Result<&Masking, String> {
        if !facts.subject().is_empty() {
            let rule = self
                .rule(facts, column)
                .ok_or_else(|| untransformed(column))?;
            return Ok(&rule.masking);
        }
        let transforms = |rule: &&Rule| {
            let is_own = !matches!(rule.masking, Masking::Show | Masking::Named(_));
            is_own && rule.names(column)
        };
        let mut maskings = self
            .rules
            .iter()
            .filter(transforms)
            .map(|rule| &rule.masking);
        let first = maskings.next().ok_or_else(|| untransformed(column))?;
        if maskings.any(|other| other != first) {
            return Err(untransformed(column));
        }
        Ok(first)
    }
}

/// The mask of a column under its rule; `None` where it is shown.
fn mask(rule: &Rule, column: &Column) -> Option<Mask> {
    match &rule.masking {
        Masking::Show => None,
        Masking::Named(mask) => Some(mask.clone()),
        Masking::Email | Masking::Digits if transform::takes(&column.type_name) => {
            Some(Mask::Custom)
        }
        Masking::Json(_) if json::takes(&column.type_name) => Some(Mask::Custom),
        Masking::Email | Masking::Digits | Masking::Json(_) => Some(Mask::Null),
    }
}

#[cfg(test)]
mod tests;

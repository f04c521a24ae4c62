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
        let rule = facts.transformed_by(column).map(usize::try_from);
        let rule = rule.and_then(|rule| self.rules.get(rule.ok()?));
        match rule.map(|rule| &rule.masking) {
            Some(Masking::Email) => Ok(transform::email(values)),
            Some(Masking::Digits) => Ok(transform::digits(values)),
            Some(Masking::Json(mask)) => {
                let has_version = column.binary && column.column.type_name == "jsonb";
                Ok(json::mask(mask, values, has_version))
            }
            Some(Masking::Show | Masking::Named(_)) | None => Err("no rule says how".to_owned()),
        }
    }
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
            let mask = mask(rule, column)?;
            if mask == Mask::Custom {
                facts.transform_by(column, self.number(&rule.masking));
            }
            let protection = Protection::new(column, mask);
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

    /// The first of the rules that do the same.
    fn number(&self, masking: &Masking) -> u32 {
        let first = self.rules.iter().position(|rule| rule.masking == *masking);
        first
            .and_then(|first| u32::try_from(first).ok())
            .unwrap_or(u32::MAX)
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

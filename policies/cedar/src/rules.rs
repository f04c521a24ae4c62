//! The policies, and what they say about a question.
//!
//! Annotations say what Cedar has no words for: `@reason`, `@hint`, `@hold` with the groups that may
//! approve, `@columns` and `@mask` with the rules `@derived` and `@filter`.

use std::collections::HashMap;

use cedar_policy::{Authorizer, Decision, Effect, PolicyId, PolicySet};
use miette::Diagnostic as _;
use sluice_sdk::{
    Column, ColumnPattern, Denial, DerivedRule, FilterRule, Hold, Mask, Protection, settings,
};

use crate::question::Question;

/// The policies.
pub(crate) struct Rules {
    policies: PolicySet,
    /// Those that mask.
    masking: HashMap<PolicyId, Masking>,
    authorizer: Authorizer,
}

/// What one policy masks.
#[derive(Debug)]
struct Masking {
    columns: Vec<ColumnPattern>,
    mask: Mask,
    derived: DerivedRule,
    filter: FilterRule,
}

/// The answer to a question.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Allow,
    Deny(Denial),
    Hold(Hold),
}

impl Rules {
    /// Reads the text; an error has line and column.
    pub(crate) fn parse(text: &str) -> Result<Rules, String> {
        if text.trim().is_empty() {
            return Err("policy: the text of a policy is needed".to_owned());
        }
        let policies: PolicySet = text.parse().map_err(|error| located(text, &error))?;
        let mut masking = HashMap::new();
        for policy in policies.policies() {
            let named = policy
                .annotation("id")
                .unwrap_or_else(|| policy.id().as_ref());
            let wrong = |error: String| format!("policy {named}: {error}");
            if policy.annotation("hold") == Some("") {
                return Err(wrong("@hold needs the groups that may approve".to_owned()));
            }
            let read = Masking::read(|key| policy.annotation(key)).map_err(wrong)?;
            if let Some(read) = read {
                if policy.effect() == Effect::Permit {
                    return Err(wrong(
                        "@mask belongs to a forbid of Action::\"see\"".to_owned(),
                    ));
                }
                masking.insert(policy.id().clone(), read);
            }
        }
        Ok(Rules {
            policies,
            masking,
            authorizer: Authorizer::new(),
        })
    }

    /// True where one of them masks.
    pub(crate) fn mask(&self) -> bool {
        !self.masking.is_empty()
    }

    /// True where one of them may mask the column.
    pub(crate) fn names(&self, column: &Column) -> bool {
        self.masking.values().any(|masking| masking.matches(column))
    }

    /// What they say. A policy that cannot be evaluated is a reason to refuse: it might forbid.
    pub(crate) fn ask(&self, question: &Question) -> Result<Said, String> {
        let (allowed, reasons) = self.answer(question)?;
        if allowed {
            return Ok(Said::Allow);
        }
        let annotation = |id: &PolicyId, key| self.policies.annotation(id, key);
        // It waits only where everything that forbids it lets it wait.
        let holds: Option<Vec<&str>> = reasons.iter().map(|id| annotation(id, "hold")).collect();
        let said = |key| reasons.iter().find_map(|id| annotation(id, key));
        let reason = match said("reason") {
            Some(reason) => reason.to_owned(),
            None => format!("no policy permits to {}", question.about),
        };
        match holds {
            Some(groups) if !groups.is_empty() => {
                let groups = groups.iter().flat_map(|groups| groups.split(','));
                Ok(Said::Hold(Hold::new(reason, groups.map(str::trim))))
            }
            _ => Ok(Said::Deny(
                Denial::new(reason).hint(said("hint").unwrap_or_default()),
            )),
        }
    }

    /// What those that forbid to see mask of these columns.
    pub(crate) fn masks(
        &self,
        question: &Question,
        columns: &[Column],
    ) -> Result<Vec<Protection>, String> {
        let (_, reasons) = self.answer(question)?;
        let masking: Vec<&Masking> = reasons
            .iter()
            .filter_map(|id| self.masking.get(id))
            .collect();
        let protected = columns.iter().flat_map(|column| {
            let masking = masking
                .iter()
                .filter(move |masking| masking.matches(column));
            masking.map(move |masking| masking.protection(column))
        });
        Ok(protected.collect())
    }

    /// Whether it is permitted, and which policies say so, in their order.
    fn answer(&self, question: &Question) -> Result<(bool, Vec<PolicyId>), String> {
        let Question {
            request, entities, ..
        } = question;
        let response = self
            .authorizer
            .is_authorized(request, &self.policies, entities);
        let diagnostics = response.diagnostics();
        if let Some(error) = diagnostics.errors().next() {
            return Err(format!("a policy cannot be evaluated: {error}"));
        }
        let mut reasons: Vec<PolicyId> = diagnostics.reason().cloned().collect();
        reasons.sort();
        Ok((response.decision() == Decision::Allow, reasons))
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("masking", &self.masking)
            .finish_non_exhaustive()
    }
}

impl Masking {
    /// By the annotations of a policy; none where it masks nothing.
    fn read<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Masking>, String> {
        let (mask, columns) = match (annotation("mask"), annotation("columns")) {
            (None, None) => return Ok(None),
            (Some(mask), Some(columns)) => (mask, columns),
            (Some(_), None) => return Err("@mask needs @columns(\"a, b\")".to_owned()),
            (None, Some(_)) => return Err("@columns needs a @mask".to_owned()),
        };
        let patterns: Result<Vec<_>, String> = columns
            .split(',')
            .map(|text| ColumnPattern::parse(text.trim()))
            .collect();
        Ok(Some(Masking {
            columns: patterns.map_err(|error| format!("@columns: {error}"))?,
            mask: settings::mask(mask)
                .ok_or_else(|| format!("@mask: \"{mask}\" is none of {}", settings::MASKS))?,
            derived: word("derived", annotation("derived"), DerivedRule::Deny)?,
            filter: word("filter", annotation("filter"), FilterRule::Deny)?,
        }))
    }

    fn matches(&self, column: &Column) -> bool {
        self.columns.iter().any(|pattern| pattern.matches(column))
    }

    fn protection(&self, column: &Column) -> Protection {
        Protection::new(column, self.mask.clone())
            .derived(self.derived)
            .filter(self.filter)
    }
}

/// A word of the contract.
fn word<T: serde::de::DeserializeOwned>(
    key: &str,
    text: Option<&str>,
    otherwise: T,
) -> Result<T, String> {
    match text {
        None => Ok(otherwise),
        Some(text) => settings::parse(&serde_json::json!(text).to_string())
            .map_err(|error| format!("@{key}: {error}")),
    }
}

/// Every error with the line and column where it is.
fn located(text: &str, errors: &cedar_policy::ParseErrors) -> String {
    let place = |error: &cedar_policy::ParseError| {
        let label = error.labels().and_then(|mut labels| labels.next());
        let before = text
            .get(..label.map_or(0, |label| label.offset()))
            .unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|one| *one != '\n').count() + 1;
        format!("policy:{line}:{column}: {error}")
    };
    errors.iter().map(place).collect::<Vec<_>>().join("\n")
}

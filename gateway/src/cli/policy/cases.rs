//! Cases as files: who asks what, or gets which rows, and what should come of it.

mod database;
mod trial;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use policy::PolicyLimits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use trial::Trial;

/// Cases over one small database and, unless a case says otherwise, one set of settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The tables, `schema.name`, and the type of each of their columns.
    tables: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    settings: Value,
    cases: Vec<Case>,
}

/// One case. Without a statement it is about the settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Value>,
    #[serde(default, skip_serializing_if = "Who::is_nobody")]
    who: Who,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// The statement is only prepared: it is judged again before it runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    prepared: bool,
    /// The rows that PostgreSQL would return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    expect: Outcome,
}

type Rows = Vec<Vec<Option<String>>>;

/// Who asks, from where.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Who {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    groups: Vec<String>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    claims: serde_json::Map<String, Value>,
    /// Who acts for them, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actors: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    database: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    application: String,
}

impl Who {
    fn is_nobody(&self) -> bool {
        *self == Who::default()
    }
}

/// What comes of a case. Of what should, only what is written down is compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Outcome {
    /// Part of the words in which the settings are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// "allow", "deny" or "hold".
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    /// The policy that refuses, where it is not the one under test: "gateway".
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Who may approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    approvers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The masked outputs: `schema.relation.column: mask`.
    #[serde(skip_serializing_if = "Option::is_none")]
    masks: Option<Vec<String>>,
    /// The rows that the client gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
}

/// What a run of a suite found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cases there were.
    pub cases: usize,
    /// Those that came out otherwise.
    pub differences: Vec<Difference>,
}

/// A case that came out otherwise.
#[derive(Debug)]
pub struct Difference {
    case: String,
    /// What, what should be and what is.
    lines: Vec<(&'static str, String, String)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.case)?;
        for (what, expected, found) in &self.lines {
            writeln!(f, "  {what}\n    - {expected}\n    + {found}")?;
        }
        Ok(())
    }
}

impl Suite {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// It cannot be read, or says something that cases do not have.
    pub fn read(path: &Path) -> anyhow::Result<Suite> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        serde_json::from_str(&text).with_context(name)
    }

    /// The settings that its cases have unless they say otherwise.
    #[must_use]
    pub fn settings(&self) -> &Value {
        &self.settings
    }

    /// Tries every case on the module. Reads SQL, so it needs a thread with a deep stack.
    ///
    /// # Errors
    /// The module does not load, or a case cannot be tried: what of it makes no sense.
    pub fn run(&self, module: &Path, limits: &PolicyLimits) -> anyhow::Result<Report> {
        let outcomes = self.outcomes(module, limits)?;
        let differences = self.cases.iter().zip(&outcomes).filter_map(difference);
        Ok(Report {
            cases: self.cases.len(),
            differences: differences.collect(),
        })
    }

    /// The suite as the module would have it, as text for a file.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn updated(&self, module: &Path, limits: &PolicyLimits) -> anyhow::Result<String> {
        let mut suite = self.clone();
        let outcomes = self.outcomes(module, limits)?;
        for (case, outcome) in suite.cases.iter_mut().zip(outcomes) {
            if difference((case, &outcome)).is_some() {
                case.expect = outcome;
            }
        }
        Ok(serde_json::to_string_pretty(&suite)? + "\n")
    }

    fn outcomes(&self, module: &Path, limits: &PolicyLimits) -> anyhow::Result<Vec<Outcome>> {
        let catalog = database::catalog(&self.tables)?;
        let mut trial = Trial::open(module, limits, &self.settings, catalog)?;
        let outcome = |case: &Case| {
            let settings = case.settings.as_ref().unwrap_or(&self.settings);
            trial.hear(case, settings).context(case.name.clone())
        };
        self.cases.iter().map(outcome).collect()
    }
}

/// Where the outcome is not what the case expects.
fn difference((case, found): (&Case, &Outcome)) -> Option<Difference> {
    let expected = &case.expect;
    let mut lines = Vec::new();
    let refused = |part: &Option<String>| part.clone().unwrap_or_else(|| "no error".to_owned());
    let same_error = match (&expected.error, &found.error) {
        (Some(part), Some(words)) => words.contains(part),
        (expected, found) => expected == found,
    };
    if !same_error {
        lines.push(("error", refused(&expected.error), refused(&found.error)));
    }
    let mut compare = |what, expected: Option<Value>, found: Option<Value>| {
        let words = |value: Option<Value>| value.map_or("none".to_owned(), |v| v.to_string());
        if expected.is_some() && expected != found {
            lines.push((what, words(expected), words(found)));
        }
    };
    macro_rules! compare {
        ($($field:ident),*) => {$(
            let value = |outcome: &Outcome| outcome.$field.as_ref().map(|v| serde_json::json!(v));
            compare(stringify!($field), value(expected), value(found));
        )*};
    }
    compare!(verdict, by, reason, hint, approvers, note, masks, rows);
    // A denial that was not expected says why.
    if expected.verdict != found.verdict && expected.reason.is_none() && found.reason.is_some() {
        compare(
            "reason",
            Some(Value::Null),
            found.reason.as_ref().map(|v| serde_json::json!(v)),
        );
    }
    (!lines.is_empty()).then(|| Difference {
        case: case.name.clone(),
        lines,
    })
}

//! Cases as files: who asks what, or gets which rows, and what should come of it.

mod database;
mod difference;
mod timing;
mod trial;
mod update;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use policy::{Metering, Peaks, PolicyLimits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use difference::Difference;
pub use timing::{BATCHES, RowTiming, Timings};
use trial::Trial;

/// Cases over one small database and, unless a case says otherwise, one set of settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The file as it is written.
    #[serde(skip)]
    text: String,
    /// The tables, `schema.name`, and the type of each of their columns.
    tables: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    settings: Value,
    cases: Vec<Case>,
}

/// One case. Without a statement it is about the settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    settings: Option<Value>,
    #[serde(default)]
    who: Who,
    statement: Option<String>,
    /// The statement is only prepared: it is judged again before it runs.
    #[serde(default)]
    prepared: bool,
    /// The rows that PostgreSQL would return.
    rows: Option<Rows>,
    expect: Outcome,
}

type Rows = Vec<Vec<Option<String>>>;

/// Who asks, from where.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Who {
    subject: String,
    email: Option<String>,
    groups: Vec<String>,
    claims: serde_json::Map<String, Value>,
    /// Who acts for them, nearest first.
    actors: Vec<String>,
    database: String,
    application: String,
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
    /// The most that the policy took in any of them.
    pub peaks: Peaks,
}

impl Suite {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// It cannot be read, or says something that cases do not have.
    pub fn read(path: &Path) -> anyhow::Result<Suite> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        let suite: Suite = serde_json::from_str(&text).with_context(name)?;
        Ok(Suite { text, ..suite })
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
        let (outcomes, peaks) = self.outcomes(module, limits)?;
        let differences = self.cases.iter().zip(&outcomes);
        Ok(Report {
            cases: self.cases.len(),
            differences: differences.filter_map(Difference::of).collect(),
            peaks,
        })
    }

    /// The file as the module would have it: what its cases expect is written anew where it came out
    /// otherwise, and nothing else is touched.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn updated(&self, module: &Path, limits: &PolicyLimits) -> anyhow::Result<String> {
        let (outcomes, _) = self.outcomes(module, limits)?;
        let wrong = |pair: (&Case, &Outcome)| Difference::of(pair).is_some();
        let expectations = self.cases.iter().zip(&outcomes);
        let changed = expectations.map(|(case, found)| wrong((case, found)).then_some(found));
        update::rewritten(&self.text, changed)
    }

    fn outcomes(
        &self,
        module: &Path,
        limits: &PolicyLimits,
    ) -> anyhow::Result<(Vec<Outcome>, Peaks)> {
        let mut trial = self.trial(module, limits, Metering::Fuel)?;
        let outcome = |case: &Case| {
            trial
                .hear(case, self.settings_of(case))
                .context(case.name.clone())
        };
        let outcomes: anyhow::Result<Vec<Outcome>> = self.cases.iter().map(outcome).collect();
        Ok((outcomes?, trial.peaks()))
    }

    fn trial(
        &self,
        module: &Path,
        limits: &PolicyLimits,
        metering: Metering,
    ) -> anyhow::Result<Trial> {
        let catalog = database::catalog(&self.tables)?;
        Trial::open(module, limits, metering, &self.settings, catalog)
    }

    fn settings_of<'a>(&'a self, case: &'a Case) -> &'a Value {
        case.settings.as_ref().unwrap_or(&self.settings)
    }
}

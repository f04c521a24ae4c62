//! What goes wrong: at load, against the analysis, and while masking. Judging has no errors.

use std::fmt;

/// Why a set of policies did not take effect.
#[derive(Debug, thiserror::Error)]
#[error("{}{step}: {reason}", policy.as_deref().map(|name| format!("policy {name}: ")).unwrap_or_default())]
pub struct LoadError {
    /// Which policy; none where the fault lies with the set or the engine.
    pub policy: Option<String>,
    /// Which step failed.
    pub step: Step,
    /// What is wrong, with the guest's own words where it has said some.
    pub reason: String,
}

impl LoadError {
    pub(crate) fn new(step: Step, reason: impl Into<String>) -> LoadError {
        LoadError {
            policy: None,
            step,
            reason: reason.into(),
        }
    }

    /// The same, naming the policy.
    pub(crate) fn of(mut self, policy: &str) -> LoadError {
        self.policy = Some(policy.to_owned());
        self
    }
}

/// The steps of loading a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The engine starts.
    Engine,
    /// The configuration is checked.
    Configuration,
    /// The file is read.
    Read,
    /// Its signatures are compared with those required.
    Trust,
    /// A core module is made a component.
    Componentize,
    /// It is compiled.
    Compile,
    /// What it imports is compared with what it is granted.
    Imports,
    /// What it exports is compared with the contract.
    Exports,
    /// Its imports and exports are bound.
    Link,
    /// An instance starts.
    Start,
    /// It gets its settings.
    Configure,
    /// It answers a trial `session` and `decide` over no facts.
    Trial,
}

impl Step {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Engine => "engine",
            Step::Configuration => "configuration",
            Step::Read => "read",
            Step::Trust => "trust",
            Step::Componentize => "componentize",
            Step::Compile => "compile",
            Step::Imports => "imports",
            Step::Exports => "exports",
            Step::Link => "link",
            Step::Start => "start",
            Step::Configure => "configure",
            Step::Trial => "trial",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A result that is not what the analysis said: the analysis was wrong, and nothing of the result
/// may be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// Rows came from a statement that was to give none.
    #[error("a statement that was to return nothing returns {found} columns")]
    UnexpectedRows {
        /// How many columns came.
        found: usize,
    },
    /// The number of columns differs.
    #[error("the analysis says {expected} columns, the result has {found}")]
    ColumnCount {
        /// By the analysis.
        expected: usize,
        /// By the result.
        found: usize,
    },
    /// A protected column is shown where the plan has no mask.
    #[error(
        "column {position} shows attribute {attribute} of relation {relation}, which is protected and not in the plan"
    )]
    Unplanned {
        /// Position in the result, from 0.
        position: usize,
        /// OID of the relation.
        relation: u32,
        /// Attribute number; 0 for the whole row.
        attribute: i16,
    },
    /// The result is COPY data and the statement no COPY, or the other way round.
    #[error("the result's form is not that of the statement")]
    Form,
}

/// Rows that could not be masked. The result ends here; nothing of them was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The rows are not what the description said.
    #[error("the rows cannot be read: {0}")]
    Rows(String),
    /// A policy's own transform failed.
    #[error("policy {policy} failed to transform the rows ({failure}): {reason}")]
    Transform {
        /// The policy.
        policy: String,
        /// How.
        failure: crate::verdict::Failure,
        /// What is wrong, with the guest's own words where it has said some.
        reason: String,
    },
    /// A policy that looks at results failed.
    #[error("policy {policy} failed to look at the rows ({failure}): {reason}")]
    Inspect {
        /// The policy.
        policy: String,
        /// How.
        failure: crate::verdict::Failure,
        /// What is wrong.
        reason: String,
    },
}

//! What is done to the results of a request that may go.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sql::analysis::{Analysis, ColumnId};
use sql::catalog::{Catalog, ColumnInfo};

use crate::inspection::{Inspector, Shown};
use crate::ledger::{Rations, RowLimit, Spent};
use crate::mask::Mask;
use crate::masker;
use crate::protection::{PolicyIndex, Protections};
use crate::set::{Generation, PolicyDigest, PolicySet};

/// What is done to the results of a request. It keeps its generation of policies alive, so that
/// all of a result is masked by the policies that judged it.
#[derive(Debug)]
pub struct Plan {
    pub(crate) results: Vec<ResultPlan>,
    pub(crate) row_limits: Arc<[RowLimit]>,
    /// What the request has spent of counters; a plan for which anything was is used once.
    pub(crate) spent: Mutex<Vec<Spent>>,
    pub(crate) scrub_errors: bool,
    pub(crate) needs_login_role: bool,
    pub(crate) recording: Recording,
    pub(crate) notes: Arc<[Note]>,
    pub(crate) masks: Option<Arc<str>>,
    pub(crate) text: Arc<str>,
    pub(crate) analysis: Arc<Analysis>,
    pub(crate) set: Arc<PolicySet>,
}

impl Plan {
    /// What is done to the result of the statement with this number, from 0.
    pub fn result(&self, statement: usize) -> Option<&ResultPlan> {
        self.results.get(statement)
    }

    /// The limits of the rows that it delivers; none where nothing is limited.
    pub fn rations(&self) -> Option<Rations> {
        Rations::of(&self.row_limits)
    }

    /// The request did not run after all: what was counted for it is given back.
    pub fn give_back(&self) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.drain(..).for_each(Spent::give_back);
    }

    /// True where the text of errors and notices could carry a protected value.
    pub fn scrub_errors(&self) -> bool {
        self.scrub_errors
    }

    /// True where the request does, as it was judged, what a role without a right to protected columns
    /// cannot: it uses one otherwise than to write it, or changes the definition of a relation.
    pub fn needs_login_role(&self) -> bool {
        self.needs_login_role
    }

    /// How much the trail keeps.
    pub fn recording(&self) -> Recording {
        self.recording
    }

    /// What the policies want noted in the trail.
    pub fn notes(&self) -> &Arc<[Note]> {
        &self.notes
    }

    /// What is masked, for people: a line `schema.relation.column: mask` for each output; none where
    /// nothing is.
    pub fn masks(&self) -> Option<&Arc<str>> {
        self.masks.as_ref()
    }

    /// The text that was judged; of texts that differ in literals only, any one.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The analysis that was judged.
    pub fn analysis(&self) -> &Arc<Analysis> {
        &self.analysis
    }

    /// The generation of policies that judged.
    pub fn generation(&self) -> Generation {
        self.set.generation()
    }

    /// The policies that judged.
    pub fn digests(&self) -> &Arc<[PolicyDigest]> {
        self.set.digests()
    }

    /// True where no result can need masking, checking or looking at: rows may pass untouched and unread.
    pub fn is_identity(&self) -> bool {
        self.results
            .iter()
            .all(|result| result.protections.is_empty() && result.inspectors.is_empty())
    }
}

/// What is masked, for people.
pub(crate) fn describe(results: &[ResultPlan]) -> Option<Arc<str>> {
    let outputs = results.iter().flat_map(|result| &result.outputs);
    let lines: Vec<String> = outputs
        .map(|output| {
            let source = &output.source;
            let (schema, relation, name) = (&source.schema, &source.relation, &source.name);
            format!("{schema}.{relation}.{name}: {}", output.mask)
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n").into())
}

/// A policy's remark for the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who remarks.
    pub policy: Arc<str>,
    /// The remark.
    pub text: Arc<str>,
}

/// How much of a request the trail keeps, least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recording {
    /// The statement and its verdict.
    #[default]
    Statement,
    /// The rows delivered too.
    Results,
}

/// What is done to the result of one statement.
#[derive(Clone, Debug)]
pub struct ResultPlan {
    pub(crate) expected: Expected,
    /// Sorted by position, one for each masked output.
    pub(crate) outputs: Vec<OutputMask>,
    /// Outputs that show something of a protected column because someone approved it.
    pub(crate) cleared: Vec<usize>,
    pub(crate) protections: Arc<Protections>,
    /// The policies that look at the result.
    pub(crate) inspectors: Arc<[Inspector]>,
    /// What each output shows as itself, for those policies.
    pub(crate) shown: Vec<Option<Shown>>,
    pub(crate) set: Arc<PolicySet>,
    /// The first RowDescription that was bound and left nothing to be masked.
    pub(crate) untouched: OnceLock<Box<[u8]>>,
}

impl ResultPlan {
    /// The outputs that are masked: each with its position, from 0, and its mask.
    pub fn masked(&self) -> impl Iterator<Item = (usize, &Mask)> {
        self.outputs
            .iter()
            .map(|output| (output.position, &output.mask))
    }

    /// True where the result shows something of a protected column: masked, or by approval.
    pub fn shows_protected(&self) -> bool {
        !self.outputs.is_empty() || !self.cleared.is_empty()
    }

    /// The same with a mask of the host in place of those that policies make themselves: what the host
    /// alone would do with the rows. For measuring.
    #[must_use]
    pub fn by_the_host(&self, mask: &Mask) -> ResultPlan {
        let mut plan = self.clone();
        for output in &mut plan.outputs {
            if matches!(output.mask, Mask::Custom(_)) {
                output.mask = mask.clone();
            }
        }
        plan
    }

    /// True where rows of this RowDescription are known to pass untouched.
    pub fn is_untouched(&self, description: &[u8]) -> bool {
        self.untouched
            .get()
            .is_some_and(|known| **known == *description)
    }

    /// Remembers that [binding](Self::bind) this RowDescription left nothing to be masked.
    pub fn remember_untouched(&self, description: &[u8]) {
        self.untouched.get_or_init(|| description.into());
    }
}

/// What a result should look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// No rows.
    Nothing,
    /// Rows of so many columns.
    Columns(usize),
    /// Rows of any columns.
    Anything,
}

/// The mask of one output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputMask {
    pub(crate) position: usize,
    pub(crate) mask: Mask,
    /// Whose mask it is.
    pub(crate) policy: PolicyIndex,
    /// The protected column that is shown; the first of several.
    pub(crate) column: ColumnId,
    /// As the catalog knows it.
    pub(crate) source: SourceColumn,
}

/// The column that an output shows, as the catalog knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceColumn {
    pub(crate) schema: String,
    pub(crate) relation: String,
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) type_oid: u32,
    /// The enumerated type of the column, if it has one, and its labels.
    pub(crate) enumerated: Option<(u32, Vec<String>)>,
}

impl SourceColumn {
    pub(crate) fn of(catalog: &Catalog, column: ColumnId) -> SourceColumn {
        let found = catalog.column(column);
        let enumerated = found.and_then(|one| catalog.enumerated(one.type_oid));
        SourceColumn {
            enumerated: enumerated.map(|(oid, labels)| (oid, labels.to_vec())),
            ..found.map(SourceColumn::from).unwrap_or_default()
        }
    }

    /// True where values of this type are labels and this is one of them.
    pub(crate) fn is_label(&self, type_oid: u32, text: &str) -> bool {
        let known = self.enumerated.as_ref();
        known.is_some_and(|(oid, labels)| {
            *oid == type_oid && labels.iter().any(|label| label == text)
        })
    }

    /// True where the column's values are any text.
    pub(crate) fn is_text(&self) -> bool {
        let name = self.type_name.rsplit('.').next().unwrap_or_default();
        masker::is_text(self.type_oid) || name == "citext"
    }
}

impl From<ColumnInfo<'_>> for SourceColumn {
    fn from(column: ColumnInfo<'_>) -> SourceColumn {
        SourceColumn {
            schema: column.schema.to_owned(),
            relation: column.relation.to_owned(),
            name: column.name.to_owned(),
            type_name: column.type_name.to_owned(),
            type_oid: column.type_oid,
            enumerated: None,
        }
    }
}

/// "public.users.email".
impl fmt::Display for SourceColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.schema, self.relation, self.name)
    }
}

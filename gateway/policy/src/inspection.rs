//! Policies that look at what results hold, whatever columns it comes from; and the checks on what
//! they give back.
//!
//! They restrict no statement and come after every mask: what they are given a client could get.

mod findings;

use std::sync::Arc;

use bytes::BytesMut;
use sql::analysis::ColumnId;
use wire::batch::{Batch, Index, Overwritten, Wanted, Written};
use wire::copy::{Format, Rows};

use self::findings::Findings;
use crate::bindings::{inspect, types};
use crate::copy;
use crate::error::MaskError;
use crate::instance::Failed;
use crate::judge::{Instances, Judge};
use crate::masker::{self, Kind, custom};
use crate::plan::SourceColumn;
use crate::protection::PolicyIndex;
use crate::set::PolicySet;

/// A policy that looks at the results of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspector {
    policy: PolicyIndex,
    /// What it calls the session.
    scope: Arc<str>,
}

impl Inspector {
    /// None where the policy does not look at the results of the session.
    pub(crate) fn new(policy: PolicyIndex, scope: Option<String>) -> Option<Inspector> {
        let scope = scope?.into();
        Some(Inspector { policy, scope })
    }
}

/// The base column that an output shows as itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) column: ColumnId,
    pub(crate) source: SourceColumn,
}

/// A column of a result that may hold text.
pub(crate) struct Offered {
    pub(crate) position: usize,
    pub(crate) name: String,
    pub(crate) shown: Option<Shown>,
    pub(crate) kind: Kind,
    pub(crate) masked: bool,
}

impl Offered {
    fn as_column(&self) -> inspect::OutputColumn {
        inspect::OutputColumn {
            position: u32::try_from(self.position).unwrap_or(u32::MAX),
            name: self.name.clone(),
            column: self.shown.as_ref().map(Shown::as_column),
            type_oid: self.kind.type_oid,
            binary: self.kind.binary,
            masked: self.masked,
        }
    }
}

impl Shown {
    fn as_column(&self) -> types::Column {
        masker::base_column(self.column, &self.source)
    }
}

/// True where values of the type may hold any text in that format. In text format that is every
/// type but those of numbers, times, bits, bytes, places and addresses; in binary the text types,
/// xml, json and jsonb.
pub(crate) fn may_hold_text(kind: Kind) -> bool {
    if kind.binary {
        return kind.text || matches!(kind.type_oid, 114 | 142 | 3802);
    }
    let closed = matches!(
        kind.type_oid,
        16..=18 | 20..=24 | 26..=30
            | 600..=604 | 628 | 650 | 700 | 701 | 718 | 774 | 790 | 829 | 869
            | 1000 | 1005..=1007 | 1016 | 1021 | 1022 | 1028 | 1082 | 1083 | 1114 | 1115
            | 1182..=1187 | 1231 | 1266 | 1270 | 1560 | 1562 | 1700 | 2950 | 2951
            | 3904..=3913 | 3926 | 3927 | 4451 | 4532..=4536
    );
    !closed
}

/// One policy's look at one result.
pub(crate) struct Inspection {
    inspector: Inspector,
    offered: Arc<[Offered]>,
    /// How many columns the result has.
    width: usize,
    /// What it looks at, once it has said so.
    chosen: Option<Chosen>,
    findings: Findings,
}

/// The columns that a policy looks at.
struct Chosen {
    columns: Vec<inspect::OutputColumn>,
    wanted: Wanted,
    index: Index,
    /// COPY data as far as they have come, in their form.
    rows: Option<Rows>,
}

impl Inspection {
    pub(crate) fn new(inspector: &Inspector, offered: &Arc<[Offered]>, width: usize) -> Inspection {
        Inspection {
            inspector: inspector.clone(),
            offered: Arc::clone(offered),
            width,
            chosen: None,
            findings: Findings::default(),
        }
    }

    /// Looks at whole DataRow messages; none where all stay as they are.
    pub(crate) fn rows(
        &mut self,
        judge: &mut Judge,
        set: &PolicySet,
        given: &[u8],
    ) -> Result<Option<BytesMut>, MaskError> {
        let mut chosen = self.choose(judge, set, None)?;
        let seen = self.rows_of(&mut chosen, judge, set, given);
        self.chosen = Some(chosen);
        seen
    }

    fn rows_of(
        &mut self,
        chosen: &mut Chosen,
        judge: &mut Judge,
        set: &PolicySet,
        given: &[u8],
    ) -> Result<Option<BytesMut>, MaskError> {
        if chosen.columns.is_empty() {
            return Ok(None);
        }
        let mut changed: Option<BytesMut> = None;
        let mut at = 0;
        while at < given.len() {
            let run = &given[at..][..masker::run_length(&given[at..])?];
            let batch =
                Batch::read(run, &chosen.wanted, &mut chosen.index).map_err(masker::unreadable)?;
            let (columns, rows) = (&chosen.columns, batch.rows());
            let seen = self.look(judge, set, columns, rows, |k| batch.column(k))?;
            match (seen.is_unchanged(), &mut changed) {
                (true, None) => {}
                (true, Some(out)) => out.extend_from_slice(run),
                (false, _) => {
                    let out = changed.get_or_insert_with(|| BytesMut::from(&given[..at]));
                    seen.put(&batch, out).map_err(masker::unreadable)?;
                }
            }
            at += run.len();
        }
        Ok(changed)
    }

    /// Looks at whole CopyData messages; none where all stay as they are.
    pub(crate) fn copy(
        &mut self,
        judge: &mut Judge,
        set: &PolicySet,
        format: &Format,
        given: &[u8],
    ) -> Result<Option<BytesMut>, MaskError> {
        let mut chosen = self.choose(judge, set, Some(format))?;
        let seen = self.copy_of(&mut chosen, judge, set, given);
        self.chosen = Some(chosen);
        seen
    }

    fn copy_of(
        &mut self,
        chosen: &mut Chosen,
        judge: &mut Judge,
        set: &PolicySet,
        given: &[u8],
    ) -> Result<Option<BytesMut>, MaskError> {
        let width = chosen.columns.len();
        let (Some(rows), true) = (&mut chosen.rows, width > 0) else {
            return Ok(None);
        };
        let mut before = rows.clone();
        let values = copy::values(rows, given, width).map_err(masker::unreadable)?;
        let count = values.len() / width;
        if count == 0 {
            return Ok(None);
        }
        let column = |k: usize| copy::column(&values, width, k);
        let seen = self.look(judge, set, &chosen.columns, count, column)?;
        if seen.is_unchanged() {
            return Ok(None);
        }
        let mut out = BytesMut::with_capacity(given.len());
        let mut cell = 0;
        before
            .rewrite(given, &mut out, |k, value, out| {
                let row = cell / width;
                cell += 1;
                seen.write(row, k, value, out)
            })
            .map_err(masker::unreadable)?;
        Ok(Some(out))
    }

    /// What was found so far, for the trail; none where nothing was. It begins anew after that.
    pub(crate) fn findings(&mut self, set: &PolicySet) -> Option<String> {
        let columns = &self.chosen.as_ref()?.columns;
        let found = std::mem::take(&mut self.findings).told(columns)?;
        Some(format!(
            "{}: {found}",
            set.policies()[self.inspector.policy].name
        ))
    }

    /// Asks once a result which columns it is about.
    fn choose(
        &mut self,
        judge: &mut Judge,
        set: &PolicySet,
        format: Option<&Format>,
    ) -> Result<Chosen, MaskError> {
        if let Some(chosen) = self.chosen.take() {
            return Ok(chosen);
        }
        let columns: Vec<_> = self.offered.iter().map(Offered::as_column).collect();
        let Inspector { policy, scope } = &self.inspector;
        let places = run(&mut judge.instances, set, *policy, |instance| {
            let places = instance.inspected_columns(scope, &columns)?;
            let ascending = places.is_sorted_by(|a, b| a < b);
            let last = places.last().map_or(0, |last| *last as usize + 1);
            match ascending && last <= columns.len() {
                true => Ok(places),
                false => Err(Failed::answer(
                    "the columns that it looks at are not some of those offered, ascending",
                )),
            }
        })?;
        let columns: Vec<_> = places
            .iter()
            .map(|place| columns[*place as usize].clone())
            .collect();
        let positions = columns.iter().map(|column| column.position as usize);
        let wanted = Wanted::new(self.width, positions).map_err(masker::unreadable)?;
        Ok(Chosen {
            rows: format.map(|format| Rows::new(format.clone(), wanted.clone())),
            columns,
            wanted,
            index: Index::default(),
        })
    }

    /// Lets the policy look at some rows, in one call.
    fn look<'a, V: Iterator<Item = Option<&'a [u8]>>>(
        &mut self,
        judge: &mut Judge,
        set: &PolicySet,
        columns: &[inspect::OutputColumn],
        rows: usize,
        values: impl Fn(usize) -> V,
    ) -> Result<Seen, MaskError> {
        let Inspector { policy, scope } = &self.inspector;
        let instances = &mut judge.instances;
        let inspected = run(instances, set, *policy, |instance| {
            let sent: Result<Vec<_>, _> = (0..columns.len())
                .map(|k| custom::gather(rows, values(k)))
                .collect();
            let inspected = instance.inspect(scope, columns, &sent?)?;
            check(rows, columns.len(), &inspected)?;
            Ok(inspected)
        })?;
        self.findings.add(&inspected.findings);
        Ok(Seen {
            chunks: inspected.chunks,
        })
    }
}

/// What a policy made of some rows: the host has checked that every value is there.
struct Seen {
    chunks: Vec<Option<types::Chunk>>,
}

impl Seen {
    fn is_unchanged(&self) -> bool {
        self.chunks.iter().all(Option::is_none)
    }

    /// Appends a batch with what stands in place of its values.
    fn put(&self, batch: &Batch<'_>, out: &mut BytesMut) -> Result<(), wire::Error> {
        match batch.overwrite(out, |row, k, value| self.overwrite(row, k, value)) {
            Overwritten::Done => Ok(()),
            Overwritten::Misfit => batch.rewrite(out, |row, k, out| {
                self.write(row, k, batch.value(row, k), out)
            }),
        }
    }

    /// Puts what stands in place of a value over it, where that is as long.
    fn overwrite(&self, row: usize, k: usize, value: &mut [u8]) -> Overwritten {
        let Some(Some(chunk)) = self.chunks.get(k) else {
            return Overwritten::Done;
        };
        match custom::value(chunk, row) {
            Some(new) if new.len() == value.len() => {
                value.copy_from_slice(new);
                Overwritten::Done
            }
            _ => Overwritten::Misfit,
        }
    }

    /// Writes what stands in place of a cell; NULL stays NULL.
    fn write(&self, row: usize, k: usize, value: Option<&[u8]>, out: &mut BytesMut) -> Written {
        let (Some(Some(chunk)), Some(_)) = (self.chunks.get(k), value) else {
            return Written::Kept;
        };
        match custom::value(chunk, row) {
            None => Written::Null,
            Some(new) if Some(new) == value => Written::Kept,
            Some(new) => {
                out.extend_from_slice(new);
                Written::Value
            }
        }
    }
}

/// Refuses an answer from which not every value can be read, or that finds what cannot be.
fn check(rows: usize, columns: usize, inspected: &inspect::Inspected) -> Result<(), Failed> {
    let given = inspected.chunks.len();
    if given != columns {
        let reason = format!("it was given {columns} columns and returns {given}");
        return Err(Failed::answer(reason));
    }
    let mut changed = inspected.chunks.iter().flatten();
    changed.try_for_each(|chunk| custom::check(rows, chunk, true))?;
    let fits = |finding: &inspect::Finding| {
        let kind = finding.kind.as_bytes();
        let letter = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (finding.column as usize) < columns
            && (1..=32).contains(&kind.len())
            && kind.iter().all(letter)
    };
    match inspected.findings.iter().all(fits) {
        true => Ok(()),
        false => Err(Failed::answer("a finding names no column or no kind")),
    }
}

fn run<T>(
    instances: &mut Instances,
    set: &PolicySet,
    policy: PolicyIndex,
    call: impl FnOnce(&mut crate::instance::Instance) -> Result<T, Failed>,
) -> Result<T, MaskError> {
    instances.run(set, policy, call).map_err(|failed| {
        let policy = set.policies()[policy].name.to_string();
        let Failed { failure, reason } = failed;
        tracing::warn!(
            policy,
            failure = failure.as_str(),
            reason,
            "a look at a result failed"
        );
        MaskError::Inspect {
            policy,
            failure,
            reason,
        }
    })
}

#[cfg(test)]
mod tests;

//! Masks the rows of one result.

pub(crate) mod custom;

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use postgres_types::Type;
use wire::batch::{Batch, Index, Overwritten, Wanted, Written};
use wire::upstream::{Field, Format, RowDescription};

pub(crate) use self::custom::{Custom, Transformed};
use crate::bindings::types;
use crate::error::{Defect, MaskError};
use crate::inspection::{Inspection, Offered, may_hold_text};
use crate::judge::Judge;
use crate::mask::array::{self, ArrayMask};
use crate::mask::typed::Typed;
use crate::mask::{CellMask, Mask, Masked, hidden_before_last};
use crate::plan::{Expected, OutputMask, ResultPlan, SourceColumn};
use crate::set::PolicySet;
use sql::analysis::ColumnId;

/// Masks the rows of one result: the plan, bound to the columns that PostgreSQL described.
pub struct Masker {
    pub(crate) wanted: Wanted,
    /// One for each wanted column.
    pub(crate) columns: Vec<ColumnMask>,
    pub(crate) custom: Vec<Custom>,
    pub(crate) inspections: Vec<Inspection>,
    pub(crate) set: Arc<PolicySet>,
    index: Index,
}

/// What is done to a wanted column.
pub(crate) enum ColumnMask {
    /// The host masks it.
    Native(CellMask),
    /// Column `column` of `custom[transform]`.
    Custom { transform: usize, column: usize },
}

impl ResultPlan {
    /// Binds the plan to the columns of a result, and refuses a result that the analysis was wrong
    /// about.
    pub fn bind(&self, description: &RowDescription) -> Result<Masker, Defect> {
        let fields = &description.fields;
        if !self.protections.is_empty() {
            self.check_count(fields.len())?;
            for (position, field) in fields.iter().enumerate() {
                self.check_field(position, field)?;
            }
        }
        let kinds = self.outputs.iter().filter_map(|output| {
            let field = fields.get(output.position)?;
            let same = field.type_oid == output.source.type_oid;
            let text = is_text(field.type_oid) || same && output.source.is_text();
            Some(Kind {
                type_oid: field.type_oid,
                text,
                binary: field.format == Format::Binary,
            })
        });
        let mut masker = self.masker(fields.len(), kinds)?;
        let offered = fields.iter().enumerate().map(|(position, field)| {
            let shown = self.shown.get(position).cloned().flatten();
            let source = shown.as_ref().map(|shown| &shown.source);
            let same = source.is_some_and(|source| source.type_oid == field.type_oid);
            let text = same && source.is_some_and(SourceColumn::is_text);
            Offered {
                position,
                name: String::from_utf8(field.name.to_vec()).unwrap_or_default(),
                kind: Kind {
                    type_oid: field.type_oid,
                    text: text || is_text(field.type_oid),
                    binary: field.format == Format::Binary,
                },
                masked: self.is_masked(position),
                shown,
            }
        });
        masker.inspections = self.inspections(fields.len(), offered);
        Ok(masker)
    }

    /// What is looked at in a result, after the masks.
    pub(crate) fn inspections(
        &self,
        width: usize,
        outputs: impl Iterator<Item = Offered>,
    ) -> Vec<Inspection> {
        if self.inspectors.is_empty() {
            return Vec::new();
        }
        let offered: Vec<Offered> = outputs
            .filter(|output| may_hold_text(output.kind))
            .collect();
        if offered.is_empty() {
            return Vec::new();
        }
        let offered = offered.into();
        self.inspectors
            .iter()
            .map(|inspector| Inspection::new(inspector, &offered, width))
            .collect()
    }

    /// True where the output is masked.
    pub(crate) fn is_masked(&self, position: usize) -> bool {
        let mut outputs = self.outputs.iter();
        outputs.any(|output| output.position == position)
    }

    /// Makes a masker for a result of so many columns; `kinds` says of each masked output what
    /// values it has.
    pub(crate) fn masker(
        &self,
        columns: usize,
        kinds: impl Iterator<Item = Kind>,
    ) -> Result<Masker, Defect> {
        let found = columns;
        let mut custom: Vec<Custom> = Vec::new();
        let outputs = self.outputs.iter().zip(kinds).enumerate();
        let masks = outputs.map(|(k, (output, kind))| match &output.mask {
            // The value was cut on its way.
            _ if [Type::NAME, Type::NAME_ARRAY]
                .iter()
                .any(|name| name.oid() == kind.type_oid)
                && output.source.type_oid != kind.type_oid =>
            {
                ColumnMask::Native(CellMask::Null)
            }
            Mask::Custom(rule) => Custom::place(&mut custom, (output, rule), kind, k),
            Mask::Null
            | Mask::Fixed(_)
            | Mask::KeyedHash(_)
            | Mask::KeepFirst(_)
            | Mask::KeepLast(_) => ColumnMask::Native(self.native(output, kind)),
        });
        let masks: Vec<ColumnMask> = masks.collect();
        let wanted = Wanted::new(columns, self.outputs.iter().map(|output| output.position))
            .map_err(|_| Defect::ColumnCount {
                expected: self.outputs.len(),
                found,
            })?;
        Ok(Masker {
            wanted,
            columns: masks,
            custom,
            inspections: Vec::new(),
            index: Index::default(),
            set: Arc::clone(&self.set),
        })
    }

    pub(crate) fn check_count(&self, found: usize) -> Result<(), Defect> {
        match self.expected {
            Expected::Anything => Ok(()),
            Expected::Nothing => Err(Defect::UnexpectedRows { found }),
            Expected::Columns(expected) if expected == found => Ok(()),
            Expected::Columns(expected) => Err(Defect::ColumnCount { expected, found }),
        }
    }

    /// What PostgreSQL says about where a field comes from must agree with the plan.
    fn check_field(&self, position: usize, field: &Field) -> Result<(), Defect> {
        let protected = match field.attribute {
            0 => self.protections.reaches(field.table),
            attribute => self
                .protections
                .of(ColumnId {
                    relation: field.table,
                    attribute,
                })
                .is_some(),
        };
        let planned = self.is_masked(position) || self.cleared.contains(&position);
        if protected && !planned {
            let (relation, attribute) = (field.table, field.attribute);
            return Err(Defect::Unplanned {
                position,
                relation,
                attribute,
            });
        }
        Ok(())
    }

    fn native(&self, output: &OutputMask, kind: Kind) -> CellMask {
        let known = Type::from_oid(kind.type_oid);
        let element = known.as_ref().and_then(|known| match known.kind() {
            postgres_types::Kind::Array(element) => Some(element.oid()),
            _ => None,
        });
        // Their text is that of no array.
        let element = element.filter(|_| !is_vector(kind.type_oid));
        if let Some(element) = element {
            return self.native_array(&output.mask, element, kind.binary);
        }
        match &output.mask {
            // A label is written alike in both formats.
            Mask::Fixed(text) if output.source.is_label(kind.type_oid, text) => {
                CellMask::Fixed(text.as_bytes().into())
            }
            mask if kind.text => self.native_text(mask),
            mask => self.native_typed(mask, kind.type_oid, kind.binary),
        }
    }

    fn native_text(&self, mask: &Mask) -> CellMask {
        match mask {
            Mask::Null | Mask::Custom(_) => CellMask::Null,
            Mask::Fixed(text) => CellMask::Fixed(text.as_bytes().into()),
            Mask::KeepFirst(n) => CellMask::KeepFirst(*n as usize),
            Mask::KeepLast(n) => CellMask::KeepLast(*n as usize),
            Mask::KeyedHash(name) => match self.set.keys().get(name) {
                Some(key) => CellMask::keyed_hash(key),
                None => CellMask::Null,
            },
        }
    }

    /// The mask of values that are no text: a value of their type where there is one, else NULL.
    fn native_typed(&self, mask: &Mask, type_oid: u32, binary: bool) -> CellMask {
        let Some(typed) = Typed::of(type_oid) else {
            return CellMask::Null;
        };
        match mask {
            Mask::Fixed(text) => typed
                .constant(text, binary)
                .map_or(CellMask::Null, |value| CellMask::Fixed(value.into())),
            Mask::KeyedHash(name) if typed.takes_hash() => match self.set.keys().get(name) {
                Some(key) => CellMask::typed_hash(key, typed, binary),
                None => CellMask::Null,
            },
            Mask::Null
            | Mask::Custom(_)
            | Mask::KeyedHash(_)
            | Mask::KeepFirst(_)
            | Mask::KeepLast(_) => CellMask::Null,
        }
    }

    /// The mask of an array: that of its elements, where it says something of each; a fixed one is an
    /// array of its own.
    fn native_array(&self, mask: &Mask, element_oid: u32, binary: bool) -> CellMask {
        let element = match is_text(element_oid) {
            true => self.native_text(mask),
            false => self.native_typed(mask, element_oid, binary),
        };
        let fixed = match (mask, element) {
            (Mask::Fixed(text), _) if text == "{}" => array::array_of(None, element_oid, binary),
            (_, CellMask::Null) => None,
            (_, CellMask::Fixed(value)) => array::array_of(Some(&value), element_oid, binary),
            (_, element) => return CellMask::Array(Box::new(ArrayMask::new(element, binary))),
        };
        fixed.map_or(CellMask::Null, |value| CellMask::Fixed(value.into()))
    }
}

/// What values a masked output has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) type_oid: u32,
    pub(crate) text: bool,
    pub(crate) binary: bool,
}

/// PostgreSQL's types whose values are any text, in both formats: name, text, unknown, bpchar,
/// varchar. A description gives a domain's base type.
pub(crate) fn is_text(type_oid: u32) -> bool {
    matches!(type_oid, 19 | 25 | 705 | 1042 | 1043)
}

/// The types int2vector and oidvector.
fn is_vector(type_oid: u32) -> bool {
    matches!(type_oid, 22 | 30)
}

impl Masker {
    /// True where rows pass untouched and need not be read.
    pub fn is_identity(&self) -> bool {
        self.columns.is_empty() && self.inspections.is_empty()
    }

    /// What policies found in the rows since this was asked last, a line each; for the trail.
    pub fn findings(&mut self) -> Option<String> {
        let set = &self.set;
        let inspections = self.inspections.iter_mut();
        let lines: Vec<String> = inspections.filter_map(|one| one.findings(set)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Appends the rows, which are whole DataRow messages, masked. On an error nothing is appended,
    /// and the result must end here. Takes no longer than `batch` of the policies that transform
    /// may, for each [`TRANSFORM_BYTES`] of rows.
    pub fn apply(
        &mut self,
        judge: &mut Judge,
        rows: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        if self.inspections.is_empty() {
            return self.mask(judge, rows, out);
        }
        let mut held: Option<BytesMut> = None;
        if !self.columns.is_empty() {
            let masked = held.insert(BytesMut::with_capacity(rows.len()));
            self.mask(judge, rows, masked)?;
        }
        for inspection in &mut self.inspections {
            let given = held.as_deref().unwrap_or(rows);
            if let Some(changed) = inspection.rows(judge, &self.set, given)? {
                held = Some(changed);
            }
        }
        out.extend_from_slice(held.as_deref().unwrap_or(rows));
        Ok(())
    }

    fn mask(
        &mut self,
        judge: &mut Judge,
        rows: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        if self.columns.is_empty() {
            out.extend_from_slice(rows);
            return Ok(());
        }
        let start = out.len();
        let mut rest = rows;
        while !rest.is_empty() {
            let length = match self.custom.is_empty() {
                true => rest.len(),
                false => run_length(rest)?,
            };
            let (run, after) = rest.split_at(length);
            self.apply_run(judge, run, out)
                .inspect_err(|_| out.truncate(start))?;
            rest = after;
        }
        Ok(())
    }

    fn apply_run(
        &mut self,
        judge: &mut Judge,
        rows: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        let batch = Batch::read(rows, &self.wanted, &mut self.index).map_err(unreadable)?;
        let columns = &self.columns;
        if columns.iter().all(ColumnMask::keeps_length)
            && batch.overwrite(out, |_, k, value| columns[k].overwrite(value)) == Overwritten::Done
        {
            return Ok(());
        }
        let rows = batch.rows();
        let transformed = transform(&self.custom, &self.set, judge, rows, |k| batch.column(k))?;
        batch
            .rewrite(out, |row, k, out| {
                replace(&columns[k], &transformed, row, || batch.value(row, k), out)
            })
            .map_err(unreadable)
    }
}

/// How many bytes of rows a policy gets in one call: its memory and answers have limits.
pub(crate) fn run_length(rows: &[u8]) -> Result<usize, MaskError> {
    if rows.len() <= TRANSFORM_BYTES {
        return Ok(rows.len());
    }
    let mut length = 0;
    for frame in wire::frame::frames(rows, usize::MAX) {
        let (_, message) = frame.map_err(unreadable)?;
        if length > 0 && length + message.len() > TRANSFORM_BYTES {
            return Ok(length);
        }
        length += message.len();
    }
    Ok(rows.len())
}

/// How many bytes of rows a policy transforms in one call; a larger row is a call of its own.
pub const TRANSFORM_BYTES: usize = 256 << 10;

impl ColumnMask {
    /// True where a replacement has the length of the value, if that is ASCII.
    fn keeps_length(&self) -> bool {
        match self {
            ColumnMask::Native(CellMask::KeepFirst(_) | CellMask::KeepLast(_)) => true,
            ColumnMask::Native(
                CellMask::Null
                | CellMask::Fixed(_)
                | CellMask::KeyedHash(_)
                | CellMask::TypedHash(_)
                | CellMask::Array(_),
            )
            | ColumnMask::Custom { .. } => false,
        }
    }

    /// Puts stars over the value, where that is the mask.
    fn overwrite(&self, value: &mut [u8]) -> Overwritten {
        let hidden = match self {
            _ if !value.is_ascii() => return Overwritten::Misfit,
            ColumnMask::Native(CellMask::KeepLast(n)) => {
                0..hidden_before_last(*n, value.len(), value.len())
            }
            ColumnMask::Native(CellMask::KeepFirst(n)) if value.len() > *n => *n..value.len(),
            ColumnMask::Native(CellMask::KeepFirst(_)) => 0..value.len(),
            ColumnMask::Native(
                CellMask::Null
                | CellMask::Fixed(_)
                | CellMask::KeyedHash(_)
                | CellMask::TypedHash(_)
                | CellMask::Array(_),
            )
            | ColumnMask::Custom { .. } => return Overwritten::Misfit,
        };
        value[hidden].fill(b'*');
        Overwritten::Done
    }
}

pub(crate) fn unreadable(error: wire::Error) -> MaskError {
    MaskError::Rows(error.to_string())
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker")
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

/// Lets every policy that transforms columns itself do so, in one call each; `values` gives those of
/// a wanted column.
pub(crate) fn transform<'a, V: Iterator<Item = Option<&'a [u8]>>>(
    custom: &[Custom],
    set: &PolicySet,
    judge: &mut Judge,
    rows: usize,
    values: impl Fn(usize) -> V,
) -> Result<Vec<Transformed>, MaskError> {
    custom
        .iter()
        .map(|custom| {
            custom.run(set, &mut judge.instances, rows, |column| {
                values(custom.wanted(column))
            })
        })
        .collect()
}

/// Writes what stands in place of a cell; NULL stays NULL. The value is not looked up where a policy
/// has transformed it.
#[inline]
pub(crate) fn replace<'a>(
    mask: &ColumnMask,
    transformed: &[Transformed],
    row: usize,
    value: impl FnOnce() -> Option<&'a [u8]>,
    out: &mut BytesMut,
) -> Written {
    match mask {
        ColumnMask::Native(mask) => match value().map(|value| mask.write(value, out)) {
            None | Some(Masked::Null) => Written::Null,
            Some(Masked::Value) => Written::Value,
        },
        ColumnMask::Custom { transform, column } => {
            match transformed[*transform].value(*column, row) {
                None => Written::Null,
                Some(value) => {
                    out.extend_from_slice(value);
                    Written::Value
                }
            }
        }
    }
}

/// A column of the catalog, as policies are told of it.
pub(crate) fn base_column(column: ColumnId, source: &SourceColumn) -> types::Column {
    types::Column {
        relation_oid: column.relation,
        attribute: column.attribute,
        schema: source.schema.clone(),
        relation: source.relation.clone(),
        name: source.name.clone(),
        type_name: source.type_name.clone(),
    }
}

#[cfg(test)]
mod tests;

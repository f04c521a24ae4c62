//! Columns that a policy transforms itself, and the checks on what it gives back.

use crate::bindings::types;
use crate::error::MaskError;
use crate::instance::Failed;
use crate::judge::Instances;
use crate::mask::Rule;
use crate::masker::{ColumnMask, Kind, base_column};
use crate::plan::OutputMask;
use crate::protection::PolicyIndex;
use crate::set::PolicySet;

/// The columns of a result that one policy transforms.
pub(crate) struct Custom {
    policy: PolicyIndex,
    columns: Vec<types::ResultColumn>,
    /// For each column, by which rule.
    rules: Vec<Option<u32>>,
    /// For each column, which wanted column of the masker it is.
    wanted: Vec<usize>,
    /// For each column, true where its values must be UTF-8.
    utf8: Vec<bool>,
}

/// What a policy made of the columns: the host has checked that every value is there, and what was
/// NULL is NULL.
pub(crate) struct Transformed {
    chunks: Vec<types::Chunk>,
}

impl Custom {
    /// Puts a column with the other columns of its policy.
    pub(crate) fn place(
        all: &mut Vec<Custom>,
        (output, rule): (&OutputMask, &Rule),
        kind: Kind,
        wanted: usize,
    ) -> ColumnMask {
        let known = all.iter().position(|custom| custom.policy == output.policy);
        let transform = known.unwrap_or_else(|| {
            all.push(Custom {
                policy: output.policy,
                columns: Vec::new(),
                rules: Vec::new(),
                wanted: Vec::new(),
                utf8: Vec::new(),
            });
            all.len() - 1
        });
        let custom = &mut all[transform];
        let column = custom.columns.len();
        custom.rules.push(rule.number());
        custom.columns.push(types::ResultColumn {
            position: u32::try_from(output.position).unwrap_or(u32::MAX),
            column: base_column(output.column, &output.source),
            type_oid: kind.type_oid,
            binary: kind.binary,
        });
        custom.wanted.push(wanted);
        // In text format every type is text; in binary only the text types are.
        custom.utf8.push(kind.text || !kind.binary);
        ColumnMask::Custom { transform, column }
    }

    /// Which wanted column of the masker this column is.
    pub(crate) fn wanted(&self, column: usize) -> usize {
        self.wanted[column]
    }

    /// Lets the policy transform its columns of some rows, in one call.
    pub(crate) fn run<'a, V: Iterator<Item = Option<&'a [u8]>>>(
        &self,
        set: &PolicySet,
        instances: &mut Instances,
        rows: usize,
        values: impl Fn(usize) -> V,
    ) -> Result<Transformed, MaskError> {
        let gathered: Result<Vec<types::Chunk>, Failed> = (0..self.columns.len())
            .map(|column| gather(rows, values(column)))
            .collect();
        let answer = gathered.and_then(|sent| {
            instances.run(set, self.policy, |instance| {
                let mut chunks = instance.batch(&self.columns, &self.rules, &sent)?;
                self.check(rows, &sent, &chunks)?;
                for (chunk, sent) in chunks.iter_mut().zip(&sent) {
                    keep_nulls(chunk, sent);
                }
                Ok(chunks)
            })
        });
        match answer {
            Ok(chunks) => Ok(Transformed { chunks }),
            Err(failed) => {
                let policy = set.policies()[self.policy].name.to_string();
                let Failed { failure, reason } = failed;
                tracing::warn!(
                    policy,
                    failure = failure.as_str(),
                    reason,
                    "a transform failed"
                );
                Err(MaskError::Transform {
                    policy,
                    failure,
                    reason,
                })
            }
        }
    }

    fn check(
        &self,
        rows: usize,
        sent: &[types::Chunk],
        chunks: &[types::Chunk],
    ) -> Result<(), Failed> {
        if chunks.len() != sent.len() {
            let reason = format!(
                "it was given {} columns and returns {}",
                sent.len(),
                chunks.len()
            );
            return Err(Failed::answer(reason));
        }
        chunks
            .iter()
            .zip(&self.utf8)
            .try_for_each(|(chunk, utf8)| check(rows, chunk, *utf8))
    }
}

impl Transformed {
    /// The value of that column in that row.
    #[inline]
    pub(crate) fn value(&self, column: usize, row: usize) -> Option<&[u8]> {
        value(&self.chunks[column], row)
    }
}

/// The value of that row in a chunk that was checked.
#[inline]
pub(crate) fn value(chunk: &types::Chunk, row: usize) -> Option<&[u8]> {
    if is_null(chunk, row) {
        return None;
    }
    let &[start, end] = chunk.offsets.get(row..)?.first_chunk()?;
    chunk.data.get(start as usize..end as usize)
}

#[inline]
fn is_null(chunk: &types::Chunk, row: usize) -> bool {
    chunk
        .nulls
        .get(row / 8)
        .is_some_and(|byte| byte >> (row % 8) & 1 == 1)
}

/// Makes NULL what was NULL.
fn keep_nulls(chunk: &mut types::Chunk, sent: &types::Chunk) {
    if chunk.nulls.is_empty() {
        chunk.nulls.clone_from(&sent.nulls);
        return;
    }
    let bytes = chunk.nulls.iter_mut().zip(&sent.nulls);
    bytes.for_each(|(byte, sent)| *byte |= sent);
}

/// Bytes that a value has room for before a chunk must grow.
const USUAL_BYTES: usize = 32;

/// Puts the values of a column into one chunk.
pub(crate) fn gather<'a>(
    rows: usize,
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<types::Chunk, Failed> {
    let mut chunk = types::Chunk {
        offsets: Vec::with_capacity(rows + 1),
        nulls: Vec::new(),
        data: Vec::with_capacity(rows * USUAL_BYTES),
    };
    chunk.offsets.push(0);
    for (row, value) in values.enumerate() {
        match value {
            Some(value) => chunk.data.extend_from_slice(value),
            None => {
                chunk.nulls.resize(rows.div_ceil(8), 0);
                chunk.nulls[row / 8] |= 1 << (row % 8);
            }
        }
        let end = u32::try_from(chunk.data.len())
            .map_err(|_| Failed::answer("the rows have more than 4 GiB in one column"))?;
        chunk.offsets.push(end);
    }
    Ok(chunk)
}

/// Refuses a chunk from which not every value can be read.
pub(crate) fn check(rows: usize, chunk: &types::Chunk, utf8: bool) -> Result<(), Failed> {
    let types::Chunk {
        offsets,
        nulls,
        data,
    } = chunk;
    if offsets.len() != rows + 1 {
        let reason = format!(
            "it was given {rows} rows and returns {} offsets",
            offsets.len()
        );
        return Err(Failed::answer(reason));
    }
    if offsets.first() != Some(&0)
        || offsets
            .last()
            .is_none_or(|last| *last as usize != data.len())
        || !offsets.is_sorted()
    {
        return Err(Failed::answer(
            "its offsets do not begin at 0, rise, and end at its data's end",
        ));
    }
    if !nulls.is_empty() && nulls.len() != rows.div_ceil(8) {
        let reason = format!(
            "it returns {} bytes of NULL bits for {rows} rows",
            nulls.len()
        );
        return Err(Failed::answer(reason));
    }
    if !utf8 {
        return Ok(());
    }
    match is_text(offsets, data) && memchr::memchr(0, data).is_none() {
        true => Ok(()),
        false => Err(Failed::answer(
            "a text is not UTF-8 or holds a NUL character",
        )),
    }
}

/// True where each value is UTF-8, and so all are ASCII or no offset is within a character.
fn is_text(offsets: &[u32], data: &[u8]) -> bool {
    let begins = |text: &str| {
        let mut offsets = offsets.iter();
        offsets.all(|offset| text.is_char_boundary(*offset as usize))
    };
    data.is_ascii() || std::str::from_utf8(data).is_ok_and(begins)
}

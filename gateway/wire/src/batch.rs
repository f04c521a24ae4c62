//! The rows of a result: finding the cells of a few columns, and writing the rows back with those
//! cells replaced.
//!
//! [`Batch::read`] walks whole DataRow messages once and notes where the wanted cells are; bytes
//! that are not replaced are copied in runs as long as possible. The notes live in an [`Index`] that
//! the caller keeps, so that no row and, after the first, no batch allocates.

use std::fmt;
use std::ops::Range;

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::frame::HEADER_BYTES;
use crate::write::length;

/// Where a value is in the batch's bytes, its length field not included; `None` for NULL.
pub type Cell = Option<Range<usize>>;

/// Which columns of a result are wanted; made once a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    columns: u16,
    positions: Vec<u16>,
}

impl Wanted {
    /// The wanted `positions`, from 0 and ascending, of a result with that many `columns`.
    pub fn new(columns: usize, positions: impl IntoIterator<Item = usize>) -> Result<Self, Error> {
        let bad = Error::BadWanted { columns };
        let count = u16::try_from(columns).map_err(|_| bad.clone())?;
        let positions = positions.into_iter().map(u16::try_from);
        let positions: Vec<u16> = positions
            .collect::<Result<_, _>>()
            .map_err(|_| bad.clone())?;
        let ascending = positions.is_sorted_by(|a, b| a < b);
        if !ascending || positions.last().is_some_and(|last| *last >= count) {
            return Err(bad);
        }
        Ok(Self {
            columns: count,
            positions,
        })
    }

    /// How many columns the result has.
    pub fn columns(&self) -> usize {
        self.columns.into()
    }

    /// The position of wanted column `k`.
    pub fn position(&self, k: usize) -> Option<usize> {
        self.positions.get(k).map(|position| usize::from(*position))
    }

    /// The wanted positions, ascending.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = usize> {
        self.positions.iter().map(|position| usize::from(*position))
    }
}

/// Where the rows and wanted cells of a batch are; kept by the caller to be used again.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Where each row's message begins.
    rows: Vec<u32>,
    /// The wanted cells of the first row, then of the second, ...
    cells: Vec<Found>,
}

/// A wanted cell: where its value begins, and the length field, which is -1 for NULL.
#[derive(Clone, Copy, Debug)]
struct Found {
    start: u32,
    len: i32,
}

impl Found {
    fn cell(self) -> Cell {
        let start = self.start as usize;
        usize::try_from(self.len).ok().map(|len| start..start + len)
    }
}

/// What becomes of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stays as received.
    Kept,
    /// It becomes NULL.
    Null,
    /// It becomes what was appended to the buffer, be it nothing: an empty value.
    Value,
}

/// Whether a value could be overwritten where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwritten {
    /// It was.
    Done,
    /// Its replacement has another length.
    Misfit,
}

/// Rows of a result, with the places of the wanted cells.
///
/// Wanted columns are numbered `k` from 0, in the order of their positions. `Debug` shows no values.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    bytes: &'a [u8],
    width: usize,
    index: &'a Index,
}

impl<'a> Batch<'a> {
    /// Walks `bytes`, which must be whole DataRow messages, each with the expected number of columns.
    /// Of each row the columns up to the last wanted one are read: they must lie within it.
    pub fn read(bytes: &'a [u8], wanted: &Wanted, index: &'a mut Index) -> Result<Self, Error> {
        index.rows.clear();
        index.cells.clear();
        if u32::try_from(bytes.len()).is_err() {
            let length = bytes.len() as u64;
            return Err(Error::TooLong {
                message: "batch",
                length,
                limit: u32::MAX.into(),
            });
        }
        let mut at = 0;
        while at < bytes.len() {
            index.rows.push(at as u32);
            at = read_row(bytes, at, wanted, &mut index.cells)?;
        }
        Ok(Self {
            bytes,
            width: wanted.positions.len(),
            index,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.index.rows.len()
    }

    /// How many columns are wanted.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The messages as received.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the cell of wanted column `k` is in that row; `None` too where there is no such cell.
    pub fn cell(&self, row: usize, k: usize) -> Cell {
        let found = self.row_cells(row).get(k)?;
        found.cell()
    }

    /// The value of wanted column `k` in that row; `None` too where there is no such cell.
    pub fn value(&self, row: usize, k: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.cell(row, k)?)
    }

    /// The values of wanted column `k`, one a row.
    pub fn column(&self, k: usize) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> {
        let Self {
            bytes,
            width,
            index,
        } = *self;
        let first = if k < width { k } else { index.cells.len() };
        let cells = index.cells.get(first..).unwrap_or_default().iter();
        cells
            .step_by(width.max(1))
            .map(|found| bytes.get(found.cell()?))
    }

    /// Appends the messages with wanted cells replaced, and fixes all lengths.
    ///
    /// `replacement` is asked for each wanted cell, row by row, NULLs included, and appends the new
    /// value to the buffer. It must not change what the buffer already holds. On an error nothing
    /// is appended.
    pub fn rewrite(
        &self,
        out: &mut BytesMut,
        mut replacement: impl FnMut(usize, usize, &mut BytesMut) -> Written,
    ) -> Result<(), Error> {
        out.reserve(self.bytes.len());
        let mut rewriting = Rewriting {
            bytes: self.bytes,
            copied: 0,
            start: out.len(),
            out,
        };
        for (row, at) in self.index.rows.iter().enumerate() {
            let message = rewriting.place(*at as usize);
            let mut grown = 0;
            for (k, found) in self.row_cells(row).iter().enumerate() {
                grown += rewriting.cell(*found, |out| replacement(row, k, out))?;
            }
            if grown != 0 {
                rewriting.fix_message(message, grown)?;
            }
        }
        rewriting.finish();
        Ok(())
    }

    /// Appends the messages as they are and lets `overwrite` change the bytes of each wanted value
    /// in place; NULLs stay. Where one value does not fit, nothing is appended: the caller then
    /// uses [`Batch::rewrite`].
    pub fn overwrite(
        &self,
        out: &mut BytesMut,
        mut overwrite: impl FnMut(usize, usize, &mut [u8]) -> Overwritten,
    ) -> Overwritten {
        let start = out.len();
        out.extend_from_slice(self.bytes);
        let copy = &mut out[start..];
        for row in 0..self.rows() {
            for (k, found) in self.row_cells(row).iter().enumerate() {
                let Some(cell) = found.cell() else { continue };
                match overwrite(row, k, &mut copy[cell]) {
                    Overwritten::Done => {}
                    Overwritten::Misfit => {
                        out.truncate(start);
                        return Overwritten::Misfit;
                    }
                }
            }
        }
        Overwritten::Done
    }

    fn row_cells(&self, row: usize) -> &'a [Found] {
        let first = row.saturating_mul(self.width);
        let last = first.saturating_add(self.width);
        self.index.cells.get(first..last).unwrap_or_default()
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("rows", &self.rows())
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

/// Messages on their way into a buffer: what precedes `copied` is there, unless it was replaced.
struct Rewriting<'a, 'b> {
    bytes: &'a [u8],
    copied: usize,
    start: usize,
    out: &'b mut BytesMut,
}

impl Rewriting<'_, '_> {
    /// Where the not yet copied byte `at` will be in the buffer, if nothing before it changes.
    fn place(&self, at: usize) -> usize {
        self.out.len() + (at - self.copied)
    }

    /// Replaces a cell and says by how much the row has grown.
    #[inline]
    fn cell(
        &mut self,
        found: Found,
        replacement: impl FnOnce(&mut BytesMut) -> Written,
    ) -> Result<i64, Error> {
        let value = found.start as usize;
        self.out.extend_from_slice(&self.bytes[self.copied..value]);
        self.copied = value;
        let begins = self.out.len();
        let written = replacement(self.out);
        let old = usize::try_from(found.len).unwrap_or(0);
        let (len, field) = match written {
            Written::Kept => {
                self.out.truncate(begins);
                return Ok(0);
            }
            Written::Null => {
                self.out.truncate(begins);
                (0, -1)
            }
            Written::Value => {
                let len = self.out.len() - begins;
                (
                    len,
                    length("DataRow", len).inspect_err(|_| self.out.truncate(self.start))?,
                )
            }
        };
        self.copied += old;
        if field != found.len {
            self.out[begins - 4..begins].copy_from_slice(&field.to_be_bytes());
        }
        Ok(len as i64 - old as i64)
    }

    /// Adds to the length field of the message that begins there.
    fn fix_message(&mut self, message: usize, grown: i64) -> Result<(), Error> {
        let field = message + 1..message + HEADER_BYTES;
        let old = self.out[field.clone()]
            .iter()
            .fold(0, |old, byte| old << 8 | i64::from(*byte));
        let new = usize::try_from(old + grown).unwrap_or(usize::MAX);
        let new = length("DataRow", new).inspect_err(|_| self.out.truncate(self.start))?;
        self.out[field].copy_from_slice(&new.to_be_bytes());
        Ok(())
    }

    fn finish(self) {
        self.out.put_slice(&self.bytes[self.copied..]);
    }
}

/// Walks the message at `at`, notes its wanted cells and says where the next begins.
#[inline]
fn read_row(
    bytes: &[u8],
    at: usize,
    wanted: &Wanted,
    cells: &mut Vec<Found>,
) -> Result<usize, Error> {
    let message = "DataRow";
    let (end, columns, mut rest) = read_head(&bytes[at..])?;
    let end = at + end;
    if columns != wanted.columns {
        let (expected, found) = (wanted.columns.into(), columns.into());
        return Err(Error::ColumnCount {
            message,
            expected,
            found,
        });
    }
    let mut column = 0;
    for &position in &wanted.positions {
        while column < position {
            rest = read_column(rest)?.1;
            column += 1;
        }
        let (len, after) = read_column(rest)?;
        cells.push(Found {
            start: (end - rest.len() + 4) as u32,
            len,
        });
        rest = after;
        column += 1;
    }
    Ok(end)
}

/// The length field of the column in front, and what follows the column.
#[inline]
fn read_column(rest: &[u8]) -> Result<(i32, &[u8]), Error> {
    let message = "DataRow";
    let Some((field, values)) = rest.split_first_chunk::<4>() else {
        return Err(Error::Truncated {
            message,
            field: "length of a column",
        });
    };
    let len = i32::from_be_bytes(*field);
    let after = match usize::try_from(len) {
        Ok(len) => values.get(len..).ok_or(Error::Truncated {
            message,
            field: "column",
        })?,
        Err(_) if len == -1 => values,
        Err(_) => {
            return Err(Error::BadValue {
                message,
                field: "length of a column",
                value: len.into(),
            });
        }
    };
    Ok((len, after))
}

/// The whole length of the DataRow message in front, its number of columns, and the columns.
#[inline]
fn read_head(bytes: &[u8]) -> Result<(usize, u16, &[u8]), Error> {
    let message = "DataRow";
    let Some((&[tag, a, b, c, d, high, low], _)) = bytes.split_first_chunk::<7>() else {
        return Err(Error::Truncated {
            message,
            field: "header",
        });
    };
    if tag != b'D' {
        return Err(Error::OtherTag { message, tag });
    }
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length < 6 {
        return Err(Error::LengthTooSmall {
            message,
            length: length as i64,
            least: 6,
        });
    }
    match bytes.get(7..length + 1) {
        Some(values) => Ok((length + 1, u16::from_be_bytes([high, low]), values)),
        None => Err(Error::Truncated {
            message,
            field: "row",
        }),
    }
}

#[cfg(test)]
mod tests;

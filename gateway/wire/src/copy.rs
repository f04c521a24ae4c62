//! Rows of COPY data: finding the cells of a few columns, and writing the rows back with those cells
//! replaced and the others byte for byte as they were.
//!
//! PostgreSQL sends each row of `COPY ... TO STDOUT` as one CopyData message ("COPY Operations"), in
//! the text, CSV or binary form that the COPY page describes ("File Formats"). A binary header comes
//! in front of the first row, in the same message; a text or CSV header line, and a binary trailer,
//! are messages of their own. Whatever is not exactly one row of the expected columns is an error.
//!
//! The data must be in an encoding in which bytes below 128 are ASCII wherever they stand, as in
//! UTF-8; who allows `COPY ... ENCODING` or another client encoding must not use this.

mod binary;
mod csv;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::Error;
use crate::batch::{Wanted, Written};
use crate::frame;
use crate::write::tagged;

/// The form of the data: what COPY's options say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// `FORMAT text`, the default.
    Text(Text),
    /// `FORMAT csv`.
    Csv(Csv),
    /// `FORMAT binary`.
    Binary,
}

/// The options of `FORMAT text`; the default ones are PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `DELIMITER`: between cells.
    pub delimiter: u8,
    /// `NULL`: what stands for NULL.
    pub null: Bytes,
    /// `HEADER`: whether a line of names comes first.
    pub header: bool,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            delimiter: b'\t',
            null: Bytes::from_static(b"\\N"),
            header: false,
        }
    }
}

/// The options of `FORMAT csv`; the default ones are PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// `DELIMITER`: between cells.
    pub delimiter: u8,
    /// `QUOTE`: around a cell.
    pub quote: u8,
    /// `ESCAPE`: before a quote or itself within a quoted cell; PostgreSQL takes the quote where it
    /// is not given.
    pub escape: u8,
    /// `NULL`: what, not quoted, stands for NULL.
    pub null: Bytes,
    /// `HEADER`: whether a line of names comes first.
    pub header: bool,
    /// `FORCE_QUOTE`: which cells are quoted whatever they hold.
    pub force_quote: ForceQuote,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            escape: b'"',
            null: Bytes::new(),
            header: false,
            force_quote: ForceQuote::None,
        }
    }
}

/// Which cells of CSV data are quoted even where they need not be; NULL never is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForceQuote {
    /// None.
    #[default]
    None,
    /// `FORCE_QUOTE *`.
    All,
    /// Those of the columns at these positions, from 0.
    Columns(Vec<usize>),
}

impl ForceQuote {
    fn covers(&self, position: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Columns(positions) => positions.contains(&position),
        }
    }
}

/// Reads the data of one COPY, message by message.
#[derive(Clone, Debug)]
pub struct Rows {
    format: Format,
    wanted: Wanted,
    progress: Progress,
    cells: Vec<Cell>,
}

/// How far the data have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Header,
    Rows,
    Ended,
}

/// Where a wanted cell is in a message, delimiters and length field not included.
#[derive(Clone, Debug)]
struct Cell {
    range: Range<usize>,
    form: Form,
}

/// How a cell's bytes stand for its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Null,
    Plain,
    /// With escapes or quotes.
    Coded,
}

/// What a message holds.
#[derive(Debug)]
pub enum Part<'a> {
    /// No row: a header or the end. It may pass as it is.
    Passing,
    /// A row.
    Row(Row<'a>),
}

/// A row, with the places of the wanted cells. Those are numbered `k` from 0, as in a batch. `Debug`
/// shows no values.
pub struct Row<'a> {
    format: &'a Format,
    wanted: &'a Wanted,
    data: &'a [u8],
    cells: &'a [Cell],
}

impl Rows {
    /// For the data of a COPY with this format and these wanted columns.
    pub fn new(format: Format, wanted: Wanted) -> Self {
        let header = match &format {
            Format::Text(text) => text.header,
            Format::Csv(csv) => csv.header,
            Format::Binary => true,
        };
        let progress = if header {
            Progress::Header
        } else {
            Progress::Rows
        };
        Self {
            format,
            wanted,
            progress,
            cells: Vec::new(),
        }
    }

    /// Reads the body of the next CopyData message. After an error nothing more can be read.
    pub fn read<'a>(&'a mut self, data: &'a [u8]) -> Result<Part<'a>, Error> {
        self.cells.clear();
        let progress = std::mem::replace(&mut self.progress, Progress::Ended);
        let mut cells = Cells::new(&self.wanted, &mut self.cells);
        let found = match (&self.format, progress) {
            (_, Progress::Ended) => return Err(problem("it comes after the end or an error")),
            (Format::Text(options), _) => text::read(data, options, &mut cells)?,
            (Format::Csv(options), _) => csv::read(data, options, &mut cells)?,
            (Format::Binary, Progress::Header) => {
                binary::read(data, binary::header(data)?, &mut cells)?
            }
            (Format::Binary, Progress::Rows) => binary::read(data, 0, &mut cells)?,
        };
        if let Found::Row = found {
            cells.finish()?;
        }
        if let Found::Row | Found::Header = found {
            self.progress = Progress::Rows;
        }
        let line = !matches!(self.format, Format::Binary) && progress == Progress::Header;
        match found {
            Found::Row if !line => Ok(Part::Row(Row {
                format: &self.format,
                wanted: &self.wanted,
                data,
                cells: &self.cells,
            })),
            Found::Row | Found::Header | Found::End => Ok(Part::Passing),
        }
    }

    /// Appends whole CopyData messages with wanted cells replaced, and fixes all lengths.
    ///
    /// `replacement` is asked for each wanted cell, given its number and value, and appends the new
    /// value, not escaped, to the buffer. It must not change what the buffer already holds. On an
    /// error nothing is appended.
    pub fn rewrite(
        &mut self,
        messages: &[u8],
        out: &mut BytesMut,
        mut replacement: impl FnMut(usize, Option<&[u8]>, &mut BytesMut) -> Written,
    ) -> Result<(), Error> {
        let start = out.len();
        out.reserve(messages.len());
        self.rewrite_each(messages, out, &mut replacement)
            .inspect_err(|_| out.truncate(start))
    }

    fn rewrite_each(
        &mut self,
        messages: &[u8],
        out: &mut BytesMut,
        replacement: &mut impl FnMut(usize, Option<&[u8]>, &mut BytesMut) -> Written,
    ) -> Result<(), Error> {
        let mut frames = frame::frames(messages, usize::MAX);
        for frame in &mut frames {
            let (tag, message) = frame?;
            if tag != b'd' {
                return Err(Error::OtherTag {
                    message: "CopyData",
                    tag,
                });
            }
            match self.read(&message[frame::HEADER_BYTES..])? {
                Part::Passing => out.put_slice(message),
                Part::Row(row) => row.write(out, |k, out| {
                    let value = row.value(k);
                    replacement(k, value.as_deref(), out)
                })?,
            }
        }
        match frames.rest() {
            [] => Ok(()),
            _ => Err(Error::Truncated {
                message: "CopyData",
                field: "row",
            }),
        }
    }
}

impl<'a> Row<'a> {
    /// How many columns are wanted.
    pub fn width(&self) -> usize {
        self.cells.len()
    }

    /// The value of wanted column `k`, without quotes and escapes; `None` for NULL, and where there
    /// is no such cell.
    ///
    /// In text, a `NULL` option that could also be how a value is written (`NULL ''`, `NULL 'x'`)
    /// does not tell the two apart; the cell is then taken for a value, so that it gets masked.
    pub fn value(&self, k: usize) -> Option<Cow<'a, [u8]>> {
        let cell = self.cells.get(k)?;
        let raw = &self.data[cell.range.clone()];
        match (cell.form, self.format) {
            (Form::Null, _) => None,
            (Form::Plain, _) | (Form::Coded, Format::Binary) => Some(Cow::Borrowed(raw)),
            (Form::Coded, Format::Text(_)) => Some(Cow::Owned(text::decode(raw))),
            (Form::Coded, Format::Csv(options)) => Some(csv::decode(raw, options)),
        }
    }

    /// Appends the row as a whole CopyData message with wanted cells replaced.
    ///
    /// `replacement` is asked for each wanted cell and appends the new value, not escaped, to the
    /// buffer. It must not change what the buffer already holds. On an error nothing is appended.
    pub fn write(
        &self,
        out: &mut BytesMut,
        mut replacement: impl FnMut(usize, &mut BytesMut) -> Written,
    ) -> Result<(), Error> {
        tagged(b'd', "CopyData", out, |out| {
            let mut copied = 0;
            for (k, (cell, position)) in self.cells.iter().zip(self.wanted.positions()).enumerate()
            {
                out.put_slice(&self.data[copied..cell.range.start]);
                copied = cell.range.start;
                let begins = out.len();
                match replacement(k, out) {
                    Written::Kept => {
                        out.truncate(begins);
                        continue;
                    }
                    Written::Null => {
                        out.truncate(begins);
                        self.put_null(out);
                    }
                    Written::Value => self.encode(position, begins, out)?,
                }
                copied = cell.range.end;
            }
            out.put_slice(&self.data[copied..]);
            Ok(())
        })
    }

    fn put_null(&self, out: &mut BytesMut) {
        match self.format {
            Format::Text(Text { null, .. }) | Format::Csv(Csv { null, .. }) => out.put_slice(null),
            Format::Binary => binary::put_null(out),
        }
    }

    /// Turns the value that begins there in the buffer into the format's form of it.
    fn encode(&self, position: usize, begins: usize, out: &mut BytesMut) -> Result<(), Error> {
        match self.format {
            Format::Text(options) => text::encode(options, begins, out),
            Format::Csv(options) => {
                let alone = self.wanted.columns() == 1;
                csv::encode(
                    options,
                    options.force_quote.covers(position),
                    alone,
                    begins,
                    out,
                );
            }
            Format::Binary => binary::encode(begins, out)?,
        }
        Ok(())
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("width", &self.width())
            .finish_non_exhaustive()
    }
}

/// What a message turned out to be.
enum Found {
    Header,
    Row,
    End,
}

/// Counts the cells of a row and keeps those that are wanted.
struct Cells<'a> {
    wanted: &'a Wanted,
    count: usize,
    kept: &'a mut Vec<Cell>,
}

impl<'a> Cells<'a> {
    fn new(wanted: &'a Wanted, kept: &'a mut Vec<Cell>) -> Self {
        Self {
            wanted,
            count: 0,
            kept,
        }
    }

    fn push(&mut self, range: Range<usize>, form: Form) {
        if self.wanted.position(self.kept.len()) == Some(self.count) {
            self.kept.push(Cell { range, form });
        }
        self.count += 1;
    }

    fn finish(self) -> Result<(), Error> {
        let (expected, found) = (self.wanted.columns(), self.count);
        if expected == found {
            return Ok(());
        }
        Err(Error::ColumnCount {
            message: "CopyData",
            expected,
            found,
        })
    }
}

fn problem(problem: &'static str) -> Error {
    Error::CopyRow { problem }
}

/// A row of text or CSV without the newline that ends it.
fn line(data: &[u8]) -> Result<&[u8], Error> {
    data.strip_suffix(b"\n")
        .ok_or(problem("a row does not end with a newline"))
}

#[cfg(test)]
mod tests;

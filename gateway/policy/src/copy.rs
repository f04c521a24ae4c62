//! Masks the rows of one COPY to the client.

use std::fmt;

use bytes::{Bytes, BytesMut};
use sql::analysis::CopyFormat;
use wire::batch::{Wanted, Written};
use wire::copy::{Csv, ForceQuote, Format, Part, Rows, Text};
use wire::frame;

use crate::error::{Defect, MaskError};
use crate::judge::Judge;
use crate::masker::{Kind, Masker, Transformed, replace, transform};
use crate::plan::ResultPlan;

/// Masks the rows of one COPY to the client.
pub struct CopyMasker {
    masker: Masker,
    rows: Rows,
}

impl ResultPlan {
    /// Binds the plan to COPY data of so many columns. COPY says nothing of where columns come
    /// from, so the analysis stands alone here.
    pub fn bind_copy(&self, format: &CopyFormat, columns: usize) -> Result<CopyMasker, Defect> {
        if !self.protections.is_empty() {
            self.check_count(columns)?;
        }
        let binary = *format == CopyFormat::Binary;
        let kinds = self.outputs.iter().map(|output| Kind {
            type_oid: output.source.type_oid,
            text: output.source.is_text(),
            binary,
        });
        let masker = self.masker(columns, kinds)?;
        let rows = Rows::new(form(format), masker.wanted.clone());
        Ok(CopyMasker { masker, rows })
    }
}

impl CopyMasker {
    /// True where the data pass untouched and need not be read.
    pub fn is_identity(&self) -> bool {
        self.masker.is_identity()
    }

    /// Appends the data, which are whole CopyData messages, masked. On an error nothing is
    /// appended, and the result must end here.
    pub fn apply(
        &mut self,
        judge: &mut Judge,
        messages: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        if self.is_identity() {
            out.extend_from_slice(messages);
            return Ok(());
        }
        let transformed = self.transform(judge, messages)?;
        let columns = &self.masker.columns;
        let mut cell = 0;
        self.rows
            .rewrite(messages, out, |k, value, out| {
                let row = cell / columns.len();
                cell += 1;
                match value {
                    None => Written::Kept,
                    Some(_) => replace(&columns[k], &transformed, row, value, out),
                }
            })
            .map_err(unreadable)
    }

    /// Lets policies transform their columns of all these rows, where there are any.
    fn transform(&self, judge: &mut Judge, messages: &[u8]) -> Result<Vec<Transformed>, MaskError> {
        let Masker {
            custom,
            set,
            columns,
            ..
        } = &self.masker;
        if custom.is_empty() {
            return Ok(Vec::new());
        }
        let values = values(self.rows.clone(), messages, columns.len()).map_err(unreadable)?;
        let rows = values.len() / columns.len();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let column = |k: usize| {
            values
                .iter()
                .skip(k)
                .step_by(columns.len())
                .map(Option::as_deref)
        };
        transform(custom, set, judge, rows, column)
    }
}

/// What finds the rows of COPY data of so many columns, and looks at no cell; none where there are too
/// many columns.
pub fn copy_rows(format: &CopyFormat, columns: usize) -> Option<Rows> {
    let nothing = Wanted::new(columns, []).ok()?;
    Some(Rows::new(form(format), nothing))
}

impl fmt::Debug for CopyMasker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyMasker")
            .field("masker", &self.masker)
            .finish_non_exhaustive()
    }
}

/// The wanted cells of all rows, row by row.
fn values(
    mut rows: Rows,
    messages: &[u8],
    width: usize,
) -> Result<Vec<Option<Vec<u8>>>, wire::Error> {
    let mut values = Vec::new();
    for frame in frame::frames(messages, usize::MAX) {
        let (_, message) = frame?;
        match rows.read(&message[frame::HEADER_BYTES..])? {
            Part::Passing => {}
            Part::Row(row) => {
                values.extend((0..width).map(|k| row.value(k).map(|value| value.into_owned())));
            }
        }
    }
    Ok(values)
}

fn unreadable(error: wire::Error) -> MaskError {
    MaskError::Rows(error.to_string())
}

fn form(format: &CopyFormat) -> Format {
    let null = |null: &String| Bytes::copy_from_slice(null.as_bytes());
    match format {
        CopyFormat::Text {
            delimiter,
            null: text,
            header,
        } => Format::Text(Text {
            delimiter: *delimiter,
            null: null(text),
            header: *header,
        }),
        CopyFormat::Csv {
            delimiter,
            quote,
            escape,
            null: text,
            header,
        } => Format::Csv(Csv {
            delimiter: *delimiter,
            quote: *quote,
            escape: *escape,
            null: null(text),
            header: *header,
            force_quote: ForceQuote::None,
        }),
        CopyFormat::Binary => Format::Binary,
    }
}

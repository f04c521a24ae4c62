//! Masks the rows of one COPY to the client.

use std::fmt;

use bytes::{Bytes, BytesMut};
use sql::analysis::CopyFormat;
use wire::batch::{Wanted, Written};
use wire::copy::{Csv, ForceQuote, Format, Part, Rows, Text};
use wire::frame;

use crate::error::{Defect, MaskError};
use crate::inspection::Offered;
use crate::judge::Judge;
use crate::masker::{Kind, Masker, Transformed, replace, transform};
use crate::plan::{ResultPlan, SourceColumn};

/// Masks the rows of one COPY to the client.
pub struct CopyMasker {
    masker: Masker,
    rows: Rows,
    format: Format,
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
        let mut masker = self.masker(columns, kinds)?;
        let offered = (0..columns).map(|position| {
            let shown = self.shown.get(position).cloned().flatten();
            let source = shown.as_ref().map(|shown| &shown.source);
            Offered {
                position,
                name: String::new(),
                kind: Kind {
                    type_oid: source.map_or(0, |source| source.type_oid),
                    text: source.is_some_and(SourceColumn::is_text),
                    binary,
                },
                masked: self.is_masked(position),
                shown,
            }
        });
        masker.inspections = self.inspections(columns, offered);
        let format = form(format);
        let rows = Rows::new(format.clone(), masker.wanted.clone());
        Ok(CopyMasker {
            masker,
            rows,
            format,
        })
    }
}

impl CopyMasker {
    /// True where the data pass untouched and need not be read.
    pub fn is_identity(&self) -> bool {
        self.masker.is_identity()
    }

    /// What policies found in the rows since this was asked last, a line each; for the trail.
    pub fn findings(&mut self) -> Option<String> {
        self.masker.findings()
    }

    /// Appends the data, which are whole CopyData messages, masked. On an error nothing is
    /// appended, and the result must end here.
    pub fn apply(
        &mut self,
        judge: &mut Judge,
        messages: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        if self.masker.inspections.is_empty() {
            return self.mask(judge, messages, out);
        }
        let mut held: Option<BytesMut> = None;
        if !self.masker.columns.is_empty() {
            let masked = held.insert(BytesMut::with_capacity(messages.len()));
            self.mask(judge, messages, masked)?;
        }
        let Masker {
            inspections, set, ..
        } = &mut self.masker;
        for inspection in inspections {
            let given = held.as_deref().unwrap_or(messages);
            if let Some(changed) = inspection.copy(judge, set, &self.format, given)? {
                held = Some(changed);
            }
        }
        out.extend_from_slice(held.as_deref().unwrap_or(messages));
        Ok(())
    }

    fn mask(
        &mut self,
        judge: &mut Judge,
        messages: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        if self.masker.columns.is_empty() {
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
                    Some(_) => replace(&columns[k], &transformed, row, || value, out),
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
        let values = values(&mut self.rows.clone(), messages, columns.len()).map_err(unreadable)?;
        let rows = values.len() / columns.len();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let column = |k: usize| column(&values, columns.len(), k);
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
pub(crate) fn values(
    rows: &mut Rows,
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

/// Those of wanted column `k`.
pub(crate) fn column(
    values: &[Option<Vec<u8>>],
    width: usize,
    k: usize,
) -> impl Iterator<Item = Option<&[u8]>> {
    values.iter().skip(k).step_by(width).map(Option::as_deref)
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
            quoted,
        } => Format::Csv(Csv {
            delimiter: *delimiter,
            quote: *quote,
            escape: *escape,
            null: null(text),
            header: *header,
            force_quote: ForceQuote::Columns(quoted.clone()),
        }),
        CopyFormat::Binary => Format::Binary,
    }
}

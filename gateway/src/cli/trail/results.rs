//! What was delivered to a client, as tables and messages.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trail::event::hexadecimal;
use wire::batch::{Batch, Index, Wanted};
use wire::frame::{HEADER_BYTES, frames};
use wire::upstream::{CommandComplete, ErrorFields, Field, Format, RowDescription, UpstreamTag};

use super::cell;

/// A part of a result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Rows.
    Table(Table),
    /// Rows that were copied out, as they were sent.
    Copied(Vec<String>),
    /// A command tag, an error, a notice.
    Message(String),
}

/// Rows of a result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Option<String>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    type_oid: u32,
    format: Format,
}

/// Reads the messages that were recorded. A message that was cut off by the limit ends the reading.
pub(crate) fn pieces(delivered: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for message in frames(delivered, usize::MAX) {
        let Ok((tag, message)) = message else { break };
        take(&mut pieces, tag, message);
    }
    pieces
}

fn take(pieces: &mut Vec<Piece>, tag: u8, message: &[u8]) {
    let body = &message[HEADER_BYTES..];
    match UpstreamTag::try_from(tag) {
        Ok(UpstreamTag::RowDescription) => {
            let fields = RowDescription::parse(body).map(|description| description.fields);
            let columns = fields.unwrap_or_default().iter().map(column).collect();
            pieces.push(Piece::Table(Table {
                columns,
                rows: Vec::new(),
            }));
        }
        Ok(UpstreamTag::DataRow) => {
            if !matches!(pieces.last(), Some(Piece::Table(_))) {
                pieces.push(Piece::Table(Table::default()));
            }
            if let Some(Piece::Table(table)) = pieces.last_mut() {
                table.push(message);
            }
        }
        Ok(UpstreamTag::CopyData) => {
            let text = std::str::from_utf8(body).map(|text| text.trim_end_matches('\n').to_owned());
            let line = text.unwrap_or_else(|_| hexadecimal(body));
            match pieces.last_mut() {
                Some(Piece::Copied(lines)) => lines.push(line),
                Some(Piece::Table(_) | Piece::Message(_)) | None => {
                    pieces.push(Piece::Copied(vec![line]));
                }
            }
        }
        Ok(UpstreamTag::CommandComplete) => {
            let complete = CommandComplete::parse(body).map(|complete| complete.tag.to_owned());
            pieces.extend(complete.map(Piece::Message));
        }
        Ok(UpstreamTag::ErrorResponse | UpstreamTag::NoticeResponse) => {
            pieces.extend(ErrorFields::parse(body).map(|fields| Piece::Message(said(&fields))));
        }
        // Nothing of a result.
        Ok(_) | Err(_) => {}
    }
}

fn column(field: &Field) -> Column {
    let name = std::str::from_utf8(&field.name).map(str::to_owned);
    let name = name.unwrap_or_else(|_| hexadecimal(&field.name));
    Column {
        name,
        type_oid: field.type_oid,
        format: field.format,
    }
}

/// An error or notice as psql shows it.
fn said(fields: &ErrorFields) -> String {
    let mut text = String::new();
    let parts = [
        (b'S', ""),
        (b'M', ":  "),
        (b'D', "\nDETAIL:  "),
        (b'H', "\nHINT:  "),
    ];
    for (code, before) in parts {
        if let Some(Ok(part)) = fields.get(code).map(std::str::from_utf8) {
            text.push_str(before);
            text.push_str(&cell::printable(part));
        }
    }
    text
}

impl Table {
    /// Adds a row. One that does not read is shown as what it is.
    fn push(&mut self, message: &[u8]) {
        let row = self.read(message);
        self.rows
            .push(row.unwrap_or_else(|| vec![Some(hexadecimal(message))]));
    }

    fn read(&mut self, message: &[u8]) -> Option<Vec<Option<String>>> {
        let count = message.get(HEADER_BYTES..HEADER_BYTES + 2)?;
        let count = usize::from(u16::from_be_bytes([count[0], count[1]]));
        while self.columns.len() < count {
            let name = format!("column{}", self.columns.len() + 1);
            self.columns.push(Column {
                name,
                type_oid: 0,
                format: Format::Text,
            });
        }
        let mut index = Index::default();
        let wanted = Wanted::new(count, 0..count).ok()?;
        let batch = Batch::read(message, &wanted, &mut index).ok()?;
        let columns = self.columns.iter().take(count).enumerate();
        Some(
            columns
                .map(|(k, column)| {
                    let value = batch.value(0, k)?;
                    Some(cell::text(column.type_oid, column.format, value))
                })
                .collect(),
        )
    }

    /// The table as psql draws it.
    pub(crate) fn draw(&self, out: &mut String) {
        let names: Vec<_> = self
            .columns
            .iter()
            .map(|column| cell::printable(&column.name))
            .collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| shown(row)).collect();
        let mut widths: Vec<_> = names.iter().map(|name| name.chars().count()).collect();
        for (k, cell) in rows.iter().flat_map(|row| row.iter().enumerate()) {
            if let Some(width) = widths.get_mut(k) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
        let names = names
            .iter()
            .zip(&widths)
            .map(|(name, width)| format!(" {name:^width$} "));
        line(out, names);
        out.push_str(&rule.join("+"));
        out.push('\n');
        for row in &rows {
            line(
                out,
                row.iter()
                    .enumerate()
                    .map(|(k, cell)| self.padded(k, cell, &widths)),
            );
        }
        let noun = if rows.len() == 1 { "row" } else { "rows" };
        let _ = writeln!(out, "({} {noun})", rows.len());
    }

    /// Numbers stand to the right.
    fn padded(&self, k: usize, cell: &str, widths: &[usize]) -> String {
        let width = widths.get(k).copied().unwrap_or_default();
        match self.columns.get(k).map(|column| column.type_oid) {
            Some(20 | 21 | 23 | 26 | 700 | 701 | 790 | 1700) => format!(" {cell:>width$} "),
            Some(_) | None => format!(" {cell:width$} "),
        }
    }

    fn json(&self) -> Value {
        let columns = self.columns.iter();
        let columns: Vec<_> = columns
            .map(|column| json!({ "name": column.name, "type_oid": column.type_oid }))
            .collect();
        json!({ "columns": columns, "rows": self.rows })
    }
}

fn shown(row: &[Option<String>]) -> Vec<String> {
    row.iter()
        .map(|cell| cell.as_deref().map(cell::printable).unwrap_or_default())
        .collect()
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.collect();
    out.push_str(cells.join("|").trim_end());
    out.push('\n');
}

/// Pieces as text.
pub(crate) fn draw(pieces: &[Piece], out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Table(table) => table.draw(out),
            Piece::Copied(lines) => {
                for line in lines {
                    let cells: Vec<_> = line.split('\t').map(cell::printable).collect();
                    out.push_str(&cells.join("\t"));
                    out.push('\n');
                }
            }
            Piece::Message(message) => {
                out.push_str(message);
                out.push('\n');
            }
        }
    }
}

/// Pieces as JSON.
pub(crate) fn json(pieces: &[Piece]) -> Value {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Table(table) => table.json(),
            Piece::Copied(lines) => json!({ "copied": lines }),
            Piece::Message(message) => json!({ "message": message }),
        })
        .collect()
}

#[cfg(test)]
mod tests;

//! COPY's CSV format: cells between delimiters, quoted where they need be.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use memchr::memchr2;

use super::{Cells, Csv, Form, Found, line, problem};
use crate::Error;

/// Finds the cells of a row. Quotes may begin and end anywhere in a cell, as PostgreSQL reads them;
/// a cell without any that is the string for NULL is NULL.
pub(super) fn read(data: &[u8], options: &Csv, cells: &mut Cells<'_>) -> Result<Found, Error> {
    let line = line(data)?;
    if line.is_empty() && cells.wanted.columns() == 0 {
        return Ok(Found::Row);
    }
    // Within quotes they are well; most rows have none.
    let newlines = memchr2(b'\n', b'\r', line).is_some();
    let (mut start, mut at, mut form) = (0, 0, Form::Plain);
    loop {
        let plain = memchr2(options.delimiter, options.quote, &line[at..]);
        let stop = plain.map_or(line.len(), |plain| at + plain);
        if newlines && memchr2(b'\n', b'\r', &line[at..stop]).is_some() {
            return Err(problem("there is a newline within a row"));
        }
        at = stop;
        let end = at == line.len();
        if !end && line[at] == options.quote {
            form = Form::Coded;
            at = after_quoted(line, at + 1, options)?;
            continue;
        }
        let null = form == Form::Plain && line[start..at] == options.null;
        cells.push(start..at, if null { Form::Null } else { form });
        if end {
            return Ok(Found::Row);
        }
        at += 1;
        (start, form) = (at, Form::Plain);
    }
}

/// Where the quoted part that begins at `at`, its quote not included, has ended.
fn after_quoted(line: &[u8], mut at: usize, options: &Csv) -> Result<usize, Error> {
    while let Some(byte) = line.get(at) {
        if is_escape(options, *byte, line.get(at + 1)) {
            at += 2;
        } else if *byte == options.quote {
            return Ok(at + 1);
        } else {
            at += 1;
        }
    }
    Err(problem("a quote is not closed"))
}

/// Whether a byte within quotes escapes the one after it.
fn is_escape(options: &Csv, byte: u8, next: Option<&u8>) -> bool {
    let special = |next: &u8| *next == options.quote || *next == options.escape;
    byte == options.escape && next.is_some_and(special)
}

/// The value that a cell's bytes stand for.
pub(super) fn decode<'a>(raw: &'a [u8], options: &Csv) -> Cow<'a, [u8]> {
    let special = |byte: &u8| *byte == options.quote || *byte == options.escape;
    if let [first, inner @ .., last] = raw
        && *first == options.quote
        && *last == options.quote
        && !inner.iter().any(special)
    {
        return Cow::Borrowed(inner);
    }
    let mut value = Vec::with_capacity(raw.len());
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = raw.get(at) {
        match raw.get(at + 1) {
            Some(next) if quoted && is_escape(options, *byte, Some(next)) => {
                value.push(*next);
                at += 1;
            }
            _ if *byte == options.quote => quoted = !quoted,
            _ => value.push(*byte),
        }
        at += 1;
    }
    Cow::Owned(value)
}

/// Quotes the value that begins there in the buffer where it must be: where it holds a special byte,
/// would read as NULL, or would read as the end of data because it is `\.` and alone in its row.
pub(super) fn encode(options: &Csv, force: bool, alone: bool, begins: usize, out: &mut BytesMut) {
    let Csv {
        delimiter,
        quote,
        escape,
        ref null,
        ..
    } = *options;
    let special =
        |byte: &u8| *byte == delimiter || *byte == quote || *byte == b'\n' || *byte == b'\r';
    let value = &out[begins..];
    let quoted =
        force || value == null.as_ref() || (alone && value == b"\\.") || value.iter().any(special);
    if !quoted {
        return;
    }
    let value = value.to_vec();
    out.truncate(begins);
    out.put_u8(quote);
    for byte in value {
        if byte == quote || byte == escape {
            out.put_u8(escape);
        }
        out.put_u8(byte);
    }
    out.put_u8(quote);
}

//! COPY's text format: cells between delimiters, special bytes after a backslash.

use bytes::{BufMut, BytesMut};
use memchr::{memchr2, memchr2_iter};

use super::{Cells, Form, Found, Text, line, problem};
use crate::Error;

/// Finds the cells of a row; a lone `\.` is the end.
pub(super) fn read(data: &[u8], options: &Text, cells: &mut Cells<'_>) -> Result<Found, Error> {
    let line = line(data)?;
    if line == b"\\." {
        return Ok(Found::End);
    }
    if line.is_empty() && cells.wanted.columns() == 0 {
        return Ok(Found::Row);
    }
    if memchr2(b'\n', b'\r', line).is_some() {
        return Err(problem("there is a newline within a row"));
    }
    let certain = is_certain(options);
    let (mut start, mut next, mut form) = (0, 0, Form::Plain);
    for at in memchr2_iter(options.delimiter, b'\\', line).chain([line.len()]) {
        if at < next {
            continue; // It is what the byte before it escapes.
        }
        if line.get(at) == Some(&b'\\') {
            (next, form) = (at + 2, Form::Coded);
            continue;
        }
        let null = certain && line[start..at] == options.null;
        cells.push(start..at, if null { Form::Null } else { form });
        (start, form) = (at + 1, Form::Plain);
    }
    if next > line.len() {
        return Err(problem("a row ends in an escape"));
    }
    Ok(Found::Row)
}

/// Whether the string for NULL is one that PostgreSQL writes for no value: an escape it never uses.
fn is_certain(options: &Text) -> bool {
    match options.null.as_ref() {
        [b'\\', second, ..] => *second != options.delimiter && !b"bfnrtv\\".contains(second),
        _ => false,
    }
}

/// The value that a cell's bytes stand for.
pub(super) fn decode(mut raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    while let Some((first, rest)) = raw.split_first() {
        match rest {
            [escaped, rest @ ..] if *first == b'\\' => {
                let (byte, used) = decode_escape(*escaped, rest);
                value.push(byte);
                raw = &rest[used..];
            }
            _ => {
                value.push(*first);
                raw = rest;
            }
        }
    }
    value
}

/// The byte that an escape stands for, and how many bytes after the escaped one belong to it.
fn decode_escape(escaped: u8, rest: &[u8]) -> (u8, usize) {
    match escaped {
        b'b' => (0x08, 0),
        b'f' => (0x0c, 0),
        b'n' => (b'\n', 0),
        b'r' => (b'\r', 0),
        b't' => (b'\t', 0),
        b'v' => (0x0b, 0),
        b'0'..=b'7' => decode_number(escaped - b'0', rest, 8, 2),
        b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => decode_number(0, rest, 16, 2),
        other => (other, 0),
    }
}

/// Reads up to `most` more digits; like PostgreSQL, keeps the low eight bits.
fn decode_number(first: u8, rest: &[u8], radix: u32, most: usize) -> (u8, usize) {
    let digits = rest
        .iter()
        .take(most)
        .map_while(|byte| char::from(*byte).to_digit(radix));
    let (mut number, mut used) = (u32::from(first), 0);
    for digit in digits {
        number = number * radix + digit;
        used += 1;
    }
    ((number & 0xff) as u8, used)
}

/// Escapes the value that begins there in the buffer.
pub(super) fn encode(options: &Text, begins: usize, out: &mut BytesMut) {
    let special = |byte: &u8| letter(*byte).is_some() || *byte == options.delimiter;
    let Some(first) = out[begins..].iter().position(special) else {
        return;
    };
    let tail = out[begins + first..].to_vec();
    out.truncate(begins + first);
    for byte in tail {
        if let Some(letter) = letter(byte) {
            out.put_slice(&[b'\\', letter]);
        } else if byte == options.delimiter {
            out.put_slice(&[b'\\', byte]);
        } else {
            out.put_u8(byte);
        }
    }
}

/// What stands after a backslash for a byte that is always escaped.
fn letter(byte: u8) -> Option<u8> {
    match byte {
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x0b => Some(b'v'),
        b'\\' => Some(b'\\'),
        _ => None,
    }
}

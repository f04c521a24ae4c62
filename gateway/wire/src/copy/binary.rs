//! COPY's binary format: a header, rows like those of DataRow, a trailer.

use bytes::BytesMut;

use super::{Cells, Form, Found, problem};
use crate::Error;
use crate::reader::Reader;
use crate::write::length;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// The flags that a reader must know; none is in use since PostgreSQL 12.
const CRITICAL: u32 = 0xffff_0000;

/// How long the header in front of the first row is.
pub(super) fn header(data: &[u8]) -> Result<usize, Error> {
    let mut reader = Reader::new("CopyData", data);
    if reader.array("signature")? != *SIGNATURE {
        return Err(problem("the signature of the binary format is missing"));
    }
    let flags = reader.u32("flags")?;
    if flags & CRITICAL != 0 {
        return Err(reader.bad_value("flags", flags.into()));
    }
    match reader.value("header extension")? {
        Some(_) => Ok(data.len() - reader.rest().len()),
        None => Err(reader.bad_value("length of the header extension", -1)),
    }
}

/// Finds the cells of the row that begins at `start`; the column count -1 is the end, and nothing at
/// all a header sent by itself.
pub(super) fn read(data: &[u8], start: usize, cells: &mut Cells<'_>) -> Result<Found, Error> {
    if start == data.len() && start > 0 {
        return Ok(Found::Header);
    }
    let mut reader = Reader::new("CopyData", &data[start..]);
    let count = reader.i16("number of columns")?;
    for _ in 0..count {
        let at = |reader: &Reader<'_>| data.len() - reader.rest().len();
        let begins = at(&reader) + 4;
        let form = match reader.value("column")? {
            Some(_) => Form::Plain,
            None => Form::Null,
        };
        cells.push(begins..at(&reader), form);
    }
    let found = match count {
        -1 => Found::End,
        0.. => Found::Row,
        _ => return Err(reader.bad_value("number of columns", count.into())),
    };
    reader.end()?;
    Ok(found)
}

/// Puts the length of the value that begins there in the buffer into the field before it.
pub(super) fn encode(begins: usize, out: &mut BytesMut) -> Result<(), Error> {
    let field = length("CopyData", out.len() - begins)?;
    out[begins - 4..begins].copy_from_slice(&field.to_be_bytes());
    Ok(())
}

/// Says NULL in the length field at the buffer's end.
pub(super) fn put_null(out: &mut BytesMut) {
    let field = out.len() - 4;
    out[field..].copy_from_slice(&(-1i32).to_be_bytes());
}

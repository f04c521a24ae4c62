//! Whole messages, appended to a buffer.
//!
//! A function that takes text or values can fail: a zero byte in a string would end it early and
//! turn its rest into other fields, and no message may exceed the length field. Nothing is appended
//! then. The exceptions are [`error`] and [`notice`], which leave zero bytes out and cut overlong
//! text, so that a refusal can always be said.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::client::{Formats, Target};
use crate::startup::check_secret;
use crate::upstream::{BackendKeyData, Field, Format, TxStatus};

/// The most bytes of one text in an [`ErrorResponse`].
const TEXT_BYTES: usize = 1 << 20;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// All sessions end.
    Panic,
    /// In a notice: likely a mistake.
    Warning,
    /// In a notice: worth knowing.
    Notice,
    /// In a notice: for developers.
    Debug,
    /// In a notice: asked for.
    Info,
    /// In a notice: for the operator.
    Log,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }
}

/// What an ErrorResponse or NoticeResponse of our own says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorResponse<'a> {
    severity: Severity,
    sqlstate: &'a str,
    message: &'a str,
    detail: Option<&'a str>,
    hint: Option<&'a str>,
    position: Option<u32>,
    routine: Option<&'a str>,
}

impl<'a> ErrorResponse<'a> {
    /// The three fields that are always there.
    pub fn new(severity: Severity, sqlstate: &'a str, message: &'a str) -> Self {
        Self {
            severity,
            sqlstate,
            message,
            detail: None,
            hint: None,
            position: None,
            routine: None,
        }
    }

    /// With a DETAIL: more about the problem.
    pub fn detail(self, detail: impl Into<Option<&'a str>>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }

    /// With a HINT: what to do about it.
    pub fn hint(self, hint: impl Into<Option<&'a str>>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// With the character in the statement, from 1, where the problem is.
    pub fn position(self, position: impl Into<Option<u32>>) -> Self {
        Self {
            position: position.into(),
            ..self
        }
    }

    /// With the routine of PostgreSQL's source that would say so: some drivers tell errors by it.
    pub fn routine(self, routine: impl Into<Option<&'a str>>) -> Self {
        Self {
            routine: routine.into(),
            ..self
        }
    }

    fn write(&self, tag: u8, out: &mut BytesMut) {
        let result = tagged(tag, "ErrorResponse", out, |out| {
            put_text(b'S', self.severity.word(), out);
            put_text(b'V', self.severity.word(), out);
            put_text(b'C', self.sqlstate, out);
            put_text(b'M', self.message, out);
            self.detail.inspect(|detail| put_text(b'D', detail, out));
            self.hint.inspect(|hint| put_text(b'H', hint, out));
            self.position
                .inspect(|position| put_text(b'P', &position.to_string(), out));
            self.routine.inspect(|routine| put_text(b'R', routine, out));
            out.put_u8(0);
            Ok(())
        });
        result.expect("a few texts of bounded length fit in a message");
    }
}

/// ErrorResponse.
pub fn error(out: &mut BytesMut, response: &ErrorResponse<'_>) {
    response.write(b'E', out);
}

/// NoticeResponse.
pub fn notice(out: &mut BytesMut, response: &ErrorResponse<'_>) {
    response.write(b'N', out);
}

/// ReadyForQuery.
pub fn ready_for_query(out: &mut BytesMut, status: TxStatus) {
    out.put_slice(&[b'Z', 0, 0, 0, 5, status.byte()]);
}

/// ParameterStatus.
pub fn parameter_status(out: &mut BytesMut, name: &str, value: &str) -> Result<(), Error> {
    let message = "ParameterStatus";
    tagged(b'S', message, out, |out| {
        put_string(message, "name", name, out)?;
        put_string(message, "value", value, out)
    })
}

/// BackendKeyData.
pub fn backend_key_data(out: &mut BytesMut, key: &BackendKeyData) -> Result<(), Error> {
    let message = "BackendKeyData";
    tagged(b'K', message, out, |out| {
        check_secret(message, &key.secret)?;
        out.put_u32(key.pid);
        out.put_slice(&key.secret);
        Ok(())
    })
}

/// AuthenticationOk.
pub fn authentication_ok(out: &mut BytesMut) {
    out.put_slice(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0]);
}

/// AuthenticationCleartextPassword.
pub fn authentication_cleartext_password(out: &mut BytesMut) {
    out.put_slice(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
}

/// AuthenticationMD5Password.
pub fn authentication_md5_password(out: &mut BytesMut, salt: [u8; 4]) {
    out.put_slice(&[b'R', 0, 0, 0, 12, 0, 0, 0, 5]);
    out.put_slice(&salt);
}

/// AuthenticationSASL.
pub fn authentication_sasl(out: &mut BytesMut, mechanisms: &[&str]) -> Result<(), Error> {
    let message = "AuthenticationSASL";
    tagged(b'R', message, out, |out| {
        out.put_u32(10);
        for mechanism in mechanisms {
            put_string(message, "mechanism", mechanism, out)?;
        }
        out.put_u8(0);
        Ok(())
    })
}

/// AuthenticationSASLContinue.
pub fn authentication_sasl_continue(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    put_sasl("AuthenticationSASLContinue", 11, data, out)
}

/// AuthenticationSASLFinal.
pub fn authentication_sasl_final(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    put_sasl("AuthenticationSASLFinal", 12, data, out)
}

/// NegotiateProtocolVersion: the newest version spoken and the options not known.
pub fn negotiate_protocol_version(
    out: &mut BytesMut,
    (major, minor): (u16, u16),
    unknown: &[&str],
) -> Result<(), Error> {
    let message = "NegotiateProtocolVersion";
    tagged(b'v', message, out, |out| {
        out.put_u16(major);
        out.put_u16(minor);
        out.put_i32(length(message, unknown.len())?);
        unknown
            .iter()
            .try_for_each(|option| put_string(message, "option", option, out))
    })
}

/// RowDescription.
pub fn row_description(out: &mut BytesMut, fields: &[Field]) -> Result<(), Error> {
    let message = "RowDescription";
    tagged(b'T', message, out, |out| {
        out.put_u16(count(message, fields.len())?);
        for field in fields {
            put_bytes(message, "column name", &field.name, out)?;
            out.put_u32(field.table);
            out.put_i16(field.attribute);
            out.put_u32(field.type_oid);
            out.put_i16(field.type_size);
            out.put_i32(field.type_modifier);
            out.put_i16(field.format.code());
        }
        Ok(())
    })
}

/// ParameterDescription.
pub fn parameter_description(out: &mut BytesMut, types: &[u32]) -> Result<(), Error> {
    let message = "ParameterDescription";
    tagged(b't', message, out, |out| put_types(message, types, out))
}

/// DataRow; `None` is NULL.
pub fn data_row(out: &mut BytesMut, values: &[Option<&[u8]>]) -> Result<(), Error> {
    tagged(b'D', "DataRow", out, |out| {
        put_values("DataRow", values, out)
    })
}

/// CommandComplete.
pub fn command_complete(out: &mut BytesMut, tag: &str) -> Result<(), Error> {
    let message = "CommandComplete";
    tagged(b'C', message, out, |out| {
        put_string(message, "command tag", tag, out)
    })
}

/// NotificationResponse.
pub fn notification_response(
    out: &mut BytesMut,
    pid: u32,
    channel: &str,
    payload: &str,
) -> Result<(), Error> {
    let message = "NotificationResponse";
    tagged(b'A', message, out, |out| {
        out.put_u32(pid);
        put_string(message, "channel", channel, out)?;
        put_string(message, "payload", payload, out)
    })
}

/// EmptyQueryResponse.
pub fn empty_query_response(out: &mut BytesMut) {
    put_empty(b'I', out);
}

/// ParseComplete.
pub fn parse_complete(out: &mut BytesMut) {
    put_empty(b'1', out);
}

/// BindComplete.
pub fn bind_complete(out: &mut BytesMut) {
    put_empty(b'2', out);
}

/// CloseComplete.
pub fn close_complete(out: &mut BytesMut) {
    put_empty(b'3', out);
}

/// NoData.
pub fn no_data(out: &mut BytesMut) {
    put_empty(b'n', out);
}

/// PortalSuspended.
pub fn portal_suspended(out: &mut BytesMut) {
    put_empty(b's', out);
}

/// CopyOutResponse: the format as a whole and of each column.
pub fn copy_out_response(
    out: &mut BytesMut,
    format: Format,
    columns: &[Format],
) -> Result<(), Error> {
    let message = "CopyOutResponse";
    tagged(b'H', message, out, |out| {
        out.put_u8(match format {
            Format::Text => 0,
            Format::Binary => 1,
        });
        out.put_u16(count(message, columns.len())?);
        columns.iter().for_each(|column| out.put_i16(column.code()));
        Ok(())
    })
}

/// CopyData, in either direction.
pub fn copy_data(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    tagged(b'd', "CopyData", out, |out| {
        out.put_slice(data);
        Ok(())
    })
}

/// CopyDone, in either direction.
pub fn copy_done(out: &mut BytesMut) {
    put_empty(b'c', out);
}

/// CopyFail.
pub fn copy_fail(out: &mut BytesMut, reason: &str) -> Result<(), Error> {
    tagged(b'f', "CopyFail", out, |out| {
        put_string("CopyFail", "reason", reason, out)
    })
}

/// Query.
pub fn query(out: &mut BytesMut, text: &str) -> Result<(), Error> {
    tagged(b'Q', "Query", out, |out| {
        put_string("Query", "query", text, out)
    })
}

/// Parse.
pub fn parse(out: &mut BytesMut, name: &str, text: &str, types: &[u32]) -> Result<(), Error> {
    let message = "Parse";
    tagged(b'P', message, out, |out| {
        put_string(message, "statement name", name, out)?;
        put_string(message, "query", text, out)?;
        put_types(message, types, out)
    })
}

/// Bind.
pub fn bind(
    out: &mut BytesMut,
    portal: &str,
    statement: &str,
    formats: &Formats,
    parameters: &[Option<&[u8]>],
    result_formats: &Formats,
) -> Result<(), Error> {
    let message = "Bind";
    tagged(b'B', message, out, |out| {
        put_string(message, "portal name", portal, out)?;
        put_string(message, "statement name", statement, out)?;
        put_formats(message, formats, out)?;
        put_values(message, parameters, out)?;
        put_formats(message, result_formats, out)
    })
}

/// Describe.
pub fn describe(out: &mut BytesMut, target: Target<'_>) -> Result<(), Error> {
    tagged(b'D', "Describe", out, |out| {
        put_target("Describe", target, out)
    })
}

/// Close.
pub fn close(out: &mut BytesMut, target: Target<'_>) -> Result<(), Error> {
    tagged(b'C', "Close", out, |out| put_target("Close", target, out))
}

/// Execute; no limit where `max_rows` is 0.
pub fn execute(out: &mut BytesMut, portal: &str, max_rows: i32) -> Result<(), Error> {
    tagged(b'E', "Execute", out, |out| {
        put_string("Execute", "portal name", portal, out)?;
        out.put_i32(max_rows);
        Ok(())
    })
}

/// Flush.
pub fn flush(out: &mut BytesMut) {
    put_empty(b'H', out);
}

/// Sync.
pub fn sync(out: &mut BytesMut) {
    put_empty(b'S', out);
}

/// Terminate.
pub fn terminate(out: &mut BytesMut) {
    put_empty(b'X', out);
}

/// PasswordMessage.
pub fn password(out: &mut BytesMut, password: &str) -> Result<(), Error> {
    let message = "PasswordMessage";
    tagged(b'p', message, out, |out| {
        put_string(message, "password", password, out)
    })
}

/// SASLInitialResponse.
pub fn sasl_initial_response(
    out: &mut BytesMut,
    mechanism: &str,
    data: Option<&[u8]>,
) -> Result<(), Error> {
    let message = "SASLInitialResponse";
    tagged(b'p', message, out, |out| {
        put_string(message, "mechanism", mechanism, out)?;
        put_value(message, data, out)
    })
}

/// SASLResponse.
pub fn sasl_response(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    tagged(b'p', "SASLResponse", out, |out| {
        out.put_slice(data);
        Ok(())
    })
}

/// Appends a tag, a length and a body; nothing where the body fails or is too long.
pub(crate) fn tagged(
    tag: u8,
    message: &'static str,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = out.len();
    out.put_u8(tag);
    sized(message, out, body).inspect_err(|_| out.truncate(start))
}

/// Appends a length that counts itself, and a body; nothing where the body fails or is too long.
pub(crate) fn sized(
    message: &'static str,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = out.len();
    out.put_i32(0);
    let written = body(out).and_then(|()| length(message, out.len() - start));
    match written {
        Ok(length) => {
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Appends a string and its zero byte.
pub(crate) fn put_string(
    message: &'static str,
    field: &'static str,
    string: &str,
    out: &mut BytesMut,
) -> Result<(), Error> {
    put_bytes(message, field, string.as_bytes(), out)
}

/// Appends a string that need not be UTF-8, and its zero byte.
pub(crate) fn put_bytes(
    message: &'static str,
    field: &'static str,
    string: &[u8],
    out: &mut BytesMut,
) -> Result<(), Error> {
    if string.contains(&0) {
        return Err(Error::ZeroByte { message, field });
    }
    out.put_slice(string);
    out.put_u8(0);
    Ok(())
}

/// What a length field says of `len` bytes.
pub(crate) fn length(message: &'static str, len: usize) -> Result<i32, Error> {
    let limit = i32::MAX as u64;
    i32::try_from(len).map_err(|_| Error::TooLong {
        message,
        length: len as u64,
        limit,
    })
}

fn count(message: &'static str, count: usize) -> Result<u16, Error> {
    u16::try_from(count).map_err(|_| Error::ColumnCount {
        message,
        expected: u16::MAX.into(),
        found: count,
    })
}

fn put_empty(tag: u8, out: &mut BytesMut) {
    out.put_slice(&[tag, 0, 0, 0, 4]);
}

fn put_text(code: u8, text: &str, out: &mut BytesMut) {
    let cut = text.floor_char_boundary(TEXT_BYTES);
    out.put_u8(code);
    text[..cut]
        .split('\0')
        .for_each(|part| out.put_slice(part.as_bytes()));
    out.put_u8(0);
}

fn put_sasl(
    message: &'static str,
    code: u32,
    data: &[u8],
    out: &mut BytesMut,
) -> Result<(), Error> {
    tagged(b'R', message, out, |out| {
        out.put_u32(code);
        out.put_slice(data);
        Ok(())
    })
}

fn put_types(message: &'static str, types: &[u32], out: &mut BytesMut) -> Result<(), Error> {
    out.put_u16(count(message, types.len())?);
    types.iter().for_each(|oid| out.put_u32(*oid));
    Ok(())
}

fn put_formats(message: &'static str, formats: &Formats, out: &mut BytesMut) -> Result<(), Error> {
    let formats = match formats {
        Formats::Default => &[],
        Formats::All(format) => std::slice::from_ref(format),
        Formats::Each(formats) => formats.as_slice(),
    };
    out.put_u16(count(message, formats.len())?);
    formats.iter().for_each(|format| out.put_i16(format.code()));
    Ok(())
}

fn put_values(
    message: &'static str,
    values: &[Option<&[u8]>],
    out: &mut BytesMut,
) -> Result<(), Error> {
    out.put_u16(count(message, values.len())?);
    values
        .iter()
        .try_for_each(|value| put_value(message, *value, out))
}

fn put_value(message: &'static str, value: Option<&[u8]>, out: &mut BytesMut) -> Result<(), Error> {
    match value {
        None => out.put_i32(-1),
        Some(value) => {
            out.put_i32(length(message, value.len())?);
            out.put_slice(value);
        }
    }
    Ok(())
}

fn put_target(message: &'static str, target: Target<'_>, out: &mut BytesMut) -> Result<(), Error> {
    let (kind, name) = match target {
        Target::Statement(name) => (b'S', name),
        Target::Portal(name) => (b'P', name),
    };
    out.put_u8(kind);
    put_string(message, "name", name, out)
}

#[cfg(test)]
mod tests;

//! The fields of ErrorResponse and NoticeResponse ("Error and Notice Message Fields").

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::Error;
use crate::reader::Reader;
use crate::sqlstate;
use crate::write::{put_bytes, tagged};

/// The fields of an ErrorResponse or NoticeResponse, in the order they came, as raw bytes.
///
/// `Debug` shows only severity and SQLSTATE: the rest may hold values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorFields {
    fields: Vec<(u8, Bytes)>,
}

impl ErrorFields {
    /// Reads the body. The fields share one copy of it.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let shared = Bytes::copy_from_slice(body);
        let mut reader = Reader::new("ErrorResponse or NoticeResponse", &shared);
        let mut fields = Vec::new();
        loop {
            match reader.u8("field type")? {
                0 => break,
                code => fields.push((code, shared.slice_ref(reader.string("field")?))),
            }
        }
        reader.end()?;
        Ok(Self { fields })
    }

    /// The first field with this code: `b'C'` is the SQLSTATE.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.iter()
            .find(|(given, _)| *given == code)
            .map(|(_, value)| value)
    }

    /// The SQLSTATE, where it is given and has its five letters and digits.
    pub fn sqlstate(&self) -> Option<&str> {
        let code = self.get(b'C')?;
        let valid = code.len() == 5 && code.iter().all(u8::is_ascii_alphanumeric);
        std::str::from_utf8(code).ok().filter(|_| valid)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.fields
            .iter()
            .map(|(code, value)| (*code, value.as_ref()))
    }

    /// What may be said of a statement that touches protected columns: see
    /// [`ErrorFields::scrubbed_where`], with every plain identifier taken for a name.
    pub fn scrubbed(&self) -> Self {
        self.scrubbed_where(|_, _| true)
    }

    /// What may be said of a statement that touches protected columns.
    ///
    /// Severity, SQLSTATE, position and source location stay. The names of schema, table, column,
    /// type and constraint (`s t c d n`) stay where they are plain identifiers and `is_name` says so
    /// too, given the field's code: code upstream can put any text there, so who knows the catalog
    /// should look the name up. A SQLSTATE that PostgreSQL does not define becomes its class's
    /// general one, for it can carry five characters. The message becomes a fixed text that names
    /// the condition. Everything else (detail, hint, context, queries, unknown fields, and fields
    /// given again) goes.
    pub fn scrubbed_where(&self, is_name: impl Fn(u8, &str) -> bool) -> Self {
        let mut fields: Vec<(u8, Bytes)> = Vec::with_capacity(self.fields.len());
        for (code, value) in &self.fields {
            let scrubbed = match code {
                b'C' => Some(known_state(value)),
                b'M' => Some(self.withheld()),
                _ => may_stay(*code, value, &is_name).then(|| value.clone()),
            };
            let again = fields.iter().any(|(earlier, _)| earlier == code);
            fields.extend(scrubbed.filter(|_| !again).map(|value| (*code, value)));
        }
        Self { fields }
    }

    /// Appends them as an ErrorResponse.
    pub fn write_error(&self, out: &mut BytesMut) -> Result<(), Error> {
        self.write(b'E', "ErrorResponse", out)
    }

    /// Appends them as a NoticeResponse.
    pub fn write_notice(&self, out: &mut BytesMut) -> Result<(), Error> {
        self.write(b'N', "NoticeResponse", out)
    }

    fn write(&self, tag: u8, message: &'static str, out: &mut BytesMut) -> Result<(), Error> {
        tagged(tag, message, out, |out| {
            for (code, value) in &self.fields {
                out.extend_from_slice(&[*code]);
                put_bytes(message, "field", value, out)?;
            }
            out.extend_from_slice(&[0]);
            Ok(())
        })
    }

    fn withheld(&self) -> Bytes {
        let code = self.get(b'C').unwrap_or_default();
        let condition = sqlstate::condition(code).or_else(|| sqlstate::class(code));
        let condition = condition.unwrap_or("error");
        format!("{condition} (message withheld: the statement may touch protected columns)").into()
    }
}

impl fmt::Debug for ErrorFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorFields")
            .field(
                "severity",
                &self
                    .get(b'V')
                    .and_then(|value| std::str::from_utf8(value).ok()),
            )
            .field("sqlstate", &self.sqlstate())
            .finish_non_exhaustive()
    }
}

/// The severities that are not translated.
const SEVERITIES: &[&[u8]] = &[
    b"ERROR", b"FATAL", b"PANIC", b"WARNING", b"NOTICE", b"DEBUG", b"INFO", b"LOG",
];

/// The longest name PostgreSQL keeps.
const NAME_BYTES: usize = 63;

/// Whether a field other than SQLSTATE and message can carry no value.
fn may_stay(code: u8, value: &[u8], is_name: &impl Fn(u8, &str) -> bool) -> bool {
    match code {
        b'S' => is_word(value),
        b'V' => SEVERITIES.contains(&value),
        b'P' | b'L' => is_number(value),
        b'F' => is_file_name(value),
        b'R' => identifier(value).is_some(),
        b's' | b't' | b'c' | b'd' | b'n' => {
            identifier(value).is_some_and(|name| is_name(code, name))
        }
        _ => false,
    }
}

/// The SQLSTATE as it is, or the general one of its class, or that of an internal error.
fn known_state(code: &Bytes) -> Bytes {
    if sqlstate::condition(code).is_some() {
        return code.clone();
    }
    match code.get(..2) {
        Some(class) if sqlstate::class(class).is_some() => [class, b"000"].concat().into(),
        Some(_) | None => Bytes::from_static(b"XX000"),
    }
}

/// A name that needs no quotes, case aside.
fn identifier(value: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(value).ok()?;
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    (begins && name.len() <= NAME_BYTES && name.chars().all(plain)).then_some(name)
}

/// A translated severity: letters of any script.
fn is_word(value: &[u8]) -> bool {
    let word = |text: &str| text.chars().all(char::is_alphabetic);
    value.len() <= NAME_BYTES && std::str::from_utf8(value).is_ok_and(word)
}

/// A number of at most 32 bits.
fn is_number(value: &[u8]) -> bool {
    value.len() <= 10 && value.iter().all(u8::is_ascii_digit)
}

fn is_file_name(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
    value.len() <= NAME_BYTES && value.iter().all(plain)
}

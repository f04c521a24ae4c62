//! The messages before any tag: what a client may say first, and what we say first to the upstream.
//!
//! They have a length and a code but no tag ("Message Formats": SSLRequest, GSSENCRequest,
//! CancelRequest, StartupMessage).

use bytes::{BufMut, Bytes, BytesMut};

use crate::Error;
use crate::reader::Reader;
use crate::write::{put_string, sized};

/// The most bytes that PostgreSQL accepts in such a message, its length field not counted.
pub const MAX_BYTES: usize = 10_000;

/// Protocol version 3.0.
pub const VERSION_3_0: (u16, u16) = (3, 0);

/// Protocol version 3.2, which has cancel secrets of up to 256 bytes.
pub const VERSION_3_2: (u16, u16) = (3, 2);

/// How long the secret of a CancelRequest or BackendKeyData may be; in protocol 3.0 it is 4 bytes.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 4..=256;

const CANCEL: (u16, u16) = (1234, 5678);
const SSL: (u16, u16) = (1234, 5679);
const GSS: (u16, u16) = (1234, 5680);

/// A message without a tag.
#[derive(Clone, PartialEq, Eq)]
pub enum Initial {
    /// SSLRequest: asks for TLS.
    Ssl,
    /// GSSENCRequest: asks for GSSAPI encryption.
    Gss,
    /// CancelRequest: asks to cancel what another connection runs.
    Cancel {
        /// The process id from that connection's BackendKeyData.
        pid: u32,
        /// The secret from there: 4 bytes, or 4 to 256 since protocol 3.2.
        secret: Bytes,
    },
    /// StartupMessage: begins a session.
    Startup {
        /// The protocol's major and minor version.
        version: (u16, u16),
        /// Names and values as sent and in that order, `_pq_.` options among them.
        parameters: Vec<(String, String)>,
    },
}

/// Reads the message at the front of `buf` and says how many bytes it takes; `None` where it is not
/// all there yet.
///
/// Versions other than 3.x are [`Error::Version`]: their parameters cannot be read.
pub fn parse(buf: &[u8]) -> Result<Option<(Initial, usize)>, Error> {
    let Some(length) = buf
        .first_chunk::<4>()
        .map(|bytes| u32::from_be_bytes(*bytes))
    else {
        return Ok(None);
    };
    let message = "StartupMessage";
    if length < 8 {
        return Err(Error::LengthTooSmall {
            message,
            length: length.into(),
            least: 8,
        });
    }
    let length = length as usize;
    if length > MAX_BYTES + 4 {
        let limit = MAX_BYTES as u64 + 4;
        return Err(Error::TooLong {
            message,
            length: length as u64,
            limit,
        });
    }
    match buf.get(4..length) {
        Some(body) => Ok(Some((parse_body(body)?, length))),
        None => Ok(None),
    }
}

/// True where a first byte begins a TLS handshake, which `sslnegotiation=direct` sends unasked.
///
/// No message of this module can begin so: its length would exceed [`MAX_BYTES`].
pub fn begins_tls(first: u8) -> bool {
    first == 0x16
}

impl Initial {
    /// Appends the message.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Ssl => put_code(out, SSL, |_| Ok(())),
            Self::Gss => put_code(out, GSS, |_| Ok(())),
            Self::Cancel { pid, secret } => put_code(out, CANCEL, |out| {
                check_secret("CancelRequest", secret)?;
                out.put_u32(*pid);
                out.put_slice(secret);
                Ok(())
            }),
            Self::Startup {
                version,
                parameters,
            } => put_code(out, *version, |out| put_parameters(out, parameters)),
        }
    }

    /// The value of a start-up parameter; the last, where it is given several times, as PostgreSQL
    /// takes it.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        match self {
            Self::Startup { parameters, .. } => {
                let given = parameters.iter().rfind(|(given, _)| given == name);
                given.map(|(_, value)| value.as_str())
            }
            Self::Ssl | Self::Gss | Self::Cancel { .. } => None,
        }
    }
}

/// Without the secret, which cancels whoever's statement it belongs to.
impl std::fmt::Debug for Initial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssl => f.write_str("Ssl"),
            Self::Gss => f.write_str("Gss"),
            Self::Cancel { pid, .. } => f
                .debug_struct("Cancel")
                .field("pid", pid)
                .finish_non_exhaustive(),
            Self::Startup {
                version,
                parameters,
            } => f
                .debug_struct("Startup")
                .field("version", version)
                .field("parameters", parameters)
                .finish(),
        }
    }
}

pub(crate) fn check_secret(message: &'static str, secret: &[u8]) -> Result<(), Error> {
    if SECRET_BYTES.contains(&secret.len()) {
        return Ok(());
    }
    Err(Error::BadValue {
        message,
        field: "length of the secret",
        value: secret.len() as i64,
    })
}

fn parse_body(body: &[u8]) -> Result<Initial, Error> {
    let mut reader = Reader::new("StartupMessage", body);
    match (reader.u16("version")?, reader.u16("version")?) {
        SSL => Reader::new("SSLRequest", reader.rest())
            .end()
            .map(|()| Initial::Ssl),
        GSS => Reader::new("GSSENCRequest", reader.rest())
            .end()
            .map(|()| Initial::Gss),
        CANCEL => parse_cancel(reader.rest()),
        version @ (3, _) => parse_parameters(reader).map(|parameters| Initial::Startup {
            version,
            parameters,
        }),
        (major, minor) => Err(Error::Version { major, minor }),
    }
}

fn parse_cancel(body: &[u8]) -> Result<Initial, Error> {
    let mut reader = Reader::new("CancelRequest", body);
    let pid = reader.u32("process id")?;
    let secret = reader.rest();
    check_secret("CancelRequest", secret)?;
    Ok(Initial::Cancel {
        pid,
        secret: Bytes::copy_from_slice(secret),
    })
}

fn parse_parameters(mut reader: Reader<'_>) -> Result<Vec<(String, String)>, Error> {
    let mut parameters = Vec::new();
    loop {
        let name = reader.text("parameter name")?;
        if name.is_empty() {
            reader.end()?;
            return Ok(parameters);
        }
        let value = reader.text("parameter value")?;
        parameters.push((name.to_owned(), value.to_owned()));
    }
}

fn put_code(
    out: &mut BytesMut,
    (high, low): (u16, u16),
    body: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    sized("StartupMessage", out, |out| {
        out.put_u16(high);
        out.put_u16(low);
        body(out)
    })
}

fn put_parameters(out: &mut BytesMut, parameters: &[(String, String)]) -> Result<(), Error> {
    for (name, value) in parameters {
        if name.is_empty() {
            let field = "length of a parameter name";
            return Err(Error::BadValue {
                message: "StartupMessage",
                field,
                value: 0,
            });
        }
        put_string("StartupMessage", "parameter name", name, out)?;
        put_string("StartupMessage", "parameter value", value, out)?;
    }
    out.put_u8(0);
    Ok(())
}

#[cfg(test)]
mod tests;

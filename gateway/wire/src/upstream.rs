//! Messages PostgreSQL sends after start-up (those marked B in "Message Formats").

mod error_fields;

use bytes::Bytes;

pub use self::error_fields::ErrorFields;
use crate::Error;
pub use crate::client::Format;
use crate::reader::Reader;
use crate::startup::check_secret;

/// The kinds of message PostgreSQL sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamTag {
    /// One of the Authentication messages.
    Authentication,
    /// BackendKeyData: what a CancelRequest needs.
    BackendKeyData,
    /// ParameterStatus: a setting and its value.
    ParameterStatus,
    /// ReadyForQuery: ends a step, with the state of the transaction.
    ReadyForQuery,
    /// RowDescription: the columns of a result.
    RowDescription,
    /// DataRow: one row.
    DataRow,
    /// CommandComplete: ends a statement.
    CommandComplete,
    /// EmptyQueryResponse: ends a statement that was empty.
    EmptyQueryResponse,
    /// ErrorResponse.
    ErrorResponse,
    /// NoticeResponse.
    NoticeResponse,
    /// NotificationResponse: from LISTEN.
    NotificationResponse,
    /// ParseComplete.
    ParseComplete,
    /// BindComplete.
    BindComplete,
    /// CloseComplete.
    CloseComplete,
    /// NoData: what is described returns no rows.
    NoData,
    /// ParameterDescription: the parameter types of a statement.
    ParameterDescription,
    /// PortalSuspended: Execute's limit was reached.
    PortalSuspended,
    /// CopyInResponse: the client may send COPY data.
    CopyInResponse,
    /// CopyOutResponse: COPY data follows.
    CopyOutResponse,
    /// CopyBothResponse: for replication.
    CopyBothResponse,
    /// CopyData: a piece of COPY data.
    CopyData,
    /// CopyDone: ends COPY data.
    CopyDone,
    /// NegotiateProtocolVersion: the newest minor version and the options it does not know.
    NegotiateProtocolVersion,
    /// FunctionCallResponse: the result of a FunctionCall.
    FunctionCallResponse,
}

impl UpstreamTag {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Authentication => b'R',
            Self::BackendKeyData => b'K',
            Self::ParameterStatus => b'S',
            Self::ReadyForQuery => b'Z',
            Self::RowDescription => b'T',
            Self::DataRow => b'D',
            Self::CommandComplete => b'C',
            Self::EmptyQueryResponse => b'I',
            Self::ErrorResponse => b'E',
            Self::NoticeResponse => b'N',
            Self::NotificationResponse => b'A',
            Self::ParseComplete => b'1',
            Self::BindComplete => b'2',
            Self::CloseComplete => b'3',
            Self::NoData => b'n',
            Self::ParameterDescription => b't',
            Self::PortalSuspended => b's',
            Self::CopyInResponse => b'G',
            Self::CopyOutResponse => b'H',
            Self::CopyBothResponse => b'W',
            Self::CopyData => b'd',
            Self::CopyDone => b'c',
            Self::NegotiateProtocolVersion => b'v',
            Self::FunctionCallResponse => b'V',
        }
    }
}

impl TryFrom<u8> for UpstreamTag {
    type Error = Error;

    fn try_from(tag: u8) -> Result<Self, Error> {
        match tag {
            b'R' => Ok(Self::Authentication),
            b'K' => Ok(Self::BackendKeyData),
            b'S' => Ok(Self::ParameterStatus),
            b'Z' => Ok(Self::ReadyForQuery),
            b'T' => Ok(Self::RowDescription),
            b'D' => Ok(Self::DataRow),
            b'C' => Ok(Self::CommandComplete),
            b'I' => Ok(Self::EmptyQueryResponse),
            b'E' => Ok(Self::ErrorResponse),
            b'N' => Ok(Self::NoticeResponse),
            b'A' => Ok(Self::NotificationResponse),
            b'1' => Ok(Self::ParseComplete),
            b'2' => Ok(Self::BindComplete),
            b'3' => Ok(Self::CloseComplete),
            b'n' => Ok(Self::NoData),
            b't' => Ok(Self::ParameterDescription),
            b's' => Ok(Self::PortalSuspended),
            b'G' => Ok(Self::CopyInResponse),
            b'H' => Ok(Self::CopyOutResponse),
            b'W' => Ok(Self::CopyBothResponse),
            b'd' => Ok(Self::CopyData),
            b'c' => Ok(Self::CopyDone),
            b'v' => Ok(Self::NegotiateProtocolVersion),
            b'V' => Ok(Self::FunctionCallResponse),
            tag => Err(Error::UnknownTag {
                sender: "upstream",
                tag,
            }),
        }
    }
}

/// RowDescription: the columns of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowDescription {
    /// One for each column.
    pub fields: Vec<Field>,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name, in the client's encoding.
    pub name: Bytes,
    /// OID of the relation the column comes from as itself (or, with attribute 0, as a whole row);
    /// 0 where it is an expression.
    pub table: u32,
    /// Attribute number in that relation, or 0.
    pub attribute: i16,
    /// OID of the type.
    pub type_oid: u32,
    /// `pg_type.typlen`; negative for variable lengths.
    pub type_size: i16,
    /// `pg_attribute.atttypmod`.
    pub type_modifier: i32,
    /// How values travel; always text in the answer to Describe of a statement.
    pub format: Format,
}

impl RowDescription {
    /// Reads the body. The names share one copy of it.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let shared = Bytes::copy_from_slice(body);
        let mut reader = Reader::new("RowDescription", &shared);
        let count = reader.u16("number of columns")?;
        let fields = (0..count).map(|_| Field::read(&mut reader, &shared));
        let fields = fields.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { fields })
    }
}

impl Field {
    fn read(reader: &mut Reader<'_>, shared: &Bytes) -> Result<Self, Error> {
        Ok(Self {
            name: shared.slice_ref(reader.string("column name")?),
            table: reader.u32("table OID")?,
            attribute: reader.i16("attribute number")?,
            type_oid: reader.u32("type OID")?,
            type_size: reader.i16("type size")?,
            type_modifier: reader.i32("type modifier")?,
            format: Format::read(reader, "format")?,
        })
    }
}

/// ParameterDescription: the parameter types of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterDescription {
    /// Their OIDs.
    pub types: Vec<u32>,
}

impl ParameterDescription {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("ParameterDescription", body);
        let count = reader.u16("number of parameters")?;
        let types = (0..count)
            .map(|_| reader.u32("type OID"))
            .collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { types })
    }
}

/// CommandComplete: ends a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandComplete<'a> {
    /// The command and, for most that touch rows, how many: `SELECT 3`, `INSERT 0 1`.
    pub tag: &'a str,
}

impl<'a> CommandComplete<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("CommandComplete", body);
        let tag = reader.text("command tag")?;
        reader.end()?;
        Ok(Self { tag })
    }

    /// How many rows the tag says were touched or returned.
    pub fn rows(&self) -> Option<u64> {
        self.tag
            .rsplit_once(' ')
            .and_then(|(_, count)| count.parse().ok())
    }
}

/// The state of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TxStatus {
    /// In none.
    Idle,
    /// In a transaction block.
    Transaction,
    /// In one that failed: only its end is accepted.
    Failed,
}

impl TxStatus {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::Transaction => b'T',
            Self::Failed => b'E',
        }
    }
}

/// ReadyForQuery: PostgreSQL awaits the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyForQuery {
    /// The state of the transaction.
    pub status: TxStatus,
}

impl ReadyForQuery {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("ReadyForQuery", body);
        let status = match reader.u8("status")? {
            b'I' => TxStatus::Idle,
            b'T' => TxStatus::Transaction,
            b'E' => TxStatus::Failed,
            status => return Err(reader.bad_value("status", status.into())),
        };
        reader.end()?;
        Ok(Self { status })
    }
}

/// ParameterStatus: a setting and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterStatus<'a> {
    /// The setting.
    pub name: &'a str,
    /// Its value now.
    pub value: &'a str,
}

impl<'a> ParameterStatus<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("ParameterStatus", body);
        let name = reader.text("name")?;
        let value = reader.text("value")?;
        reader.end()?;
        Ok(Self { name, value })
    }
}

/// BackendKeyData: what a CancelRequest needs. Has no `Debug`, so that no secret is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendKeyData {
    /// The process id.
    pub pid: u32,
    /// The secret: 4 bytes, or 4 to 256 since protocol 3.2.
    pub secret: Bytes,
}

impl BackendKeyData {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("BackendKeyData", body);
        let pid = reader.u32("process id")?;
        check_secret("BackendKeyData", reader.rest())?;
        Ok(Self {
            pid,
            secret: Bytes::copy_from_slice(reader.rest()),
        })
    }
}

/// The Authentication messages: what PostgreSQL wants next, or that it is satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// AuthenticationOk.
    Ok,
    /// AuthenticationCleartextPassword.
    CleartextPassword,
    /// AuthenticationMD5Password.
    Md5 {
        /// What to salt the digest with.
        salt: [u8; 4],
    },
    /// AuthenticationSASL: which mechanisms may be used, the preferred first.
    Sasl {
        /// Their names.
        mechanisms: Vec<&'a str>,
    },
    /// AuthenticationSASLContinue: the mechanism's challenge.
    SaslContinue(&'a [u8]),
    /// AuthenticationSASLFinal: the mechanism's last word.
    SaslFinal(&'a [u8]),
    /// Any other (Kerberos, GSSAPI, SSPI), by its code.
    Other(u32),
}

impl<'a> Authentication<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Authentication", body);
        let message = match reader.u32("code")? {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5 {
                salt: reader.array("salt")?,
            },
            10 => Self::Sasl {
                mechanisms: read_list(&mut reader, "mechanism")?,
            },
            11 => return Ok(Self::SaslContinue(reader.rest())),
            12 => return Ok(Self::SaslFinal(reader.rest())),
            code => return Ok(Self::Other(code)),
        };
        reader.end()?;
        Ok(message)
    }
}

/// CopyInResponse, CopyOutResponse and CopyBothResponse: how the data that follow travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyResponse {
    /// The format as a whole: text (which CSV is too) or binary.
    pub format: Format,
    /// The format of each column.
    pub columns: Vec<Format>,
}

impl CopyResponse {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("CopyResponse", body);
        let format = match reader.u8("format")? {
            0 => Format::Text,
            1 => Format::Binary,
            code => return Err(reader.bad_value("format", code.into())),
        };
        let count = reader.u16("number of columns")?;
        let columns = (0..count).map(|_| Format::read(&mut reader, "column format"));
        let columns = columns.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { format, columns })
    }
}

/// NegotiateProtocolVersion: the newest minor version and the options that are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest protocol version spoken, as major and minor.
    pub version: (u16, u16),
    /// The `_pq_.` options that are not known.
    pub unknown: Vec<&'a str>,
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// Reads the body. PostgreSQL sends the version with its major number, although the
    /// documentation long said that only the minor one is there.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("NegotiateProtocolVersion", body);
        let version = (reader.u16("version")?, reader.u16("version")?);
        let count = reader.u32("number of options")?;
        let mut unknown = Vec::new();
        for _ in 0..count {
            unknown.push(reader.text("option")?);
        }
        reader.end()?;
        Ok(Self { version, unknown })
    }
}

/// NotificationResponse: what a NOTIFY said. The payload is whatever some session put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationResponse<'a> {
    /// The process that notified.
    pub pid: u32,
    /// The channel.
    pub channel: &'a str,
    /// The text given with it.
    pub payload: &'a str,
}

impl<'a> NotificationResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("NotificationResponse", body);
        let pid = reader.u32("process id")?;
        let channel = reader.text("channel")?;
        let payload = reader.text("payload")?;
        reader.end()?;
        Ok(Self {
            pid,
            channel,
            payload,
        })
    }
}

/// Strings up to an empty one.
fn read_list<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<Vec<&'a str>, Error> {
    let mut list = Vec::new();
    loop {
        match reader.text(field)? {
            "" => return Ok(list),
            item => list.push(item),
        }
    }
}

#[cfg(test)]
mod tests;

//! Messages a client sends after start-up (those marked F in "Message Formats").

use std::fmt;

use crate::Error;
use crate::reader::Reader;

/// The kinds of message a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientTag {
    /// Query: one string of statements.
    Query,
    /// Parse: makes a prepared statement.
    Parse,
    /// Bind: makes a portal from a prepared statement and parameters.
    Bind,
    /// Describe: asks for the shape of a statement or portal.
    Describe,
    /// Execute: runs a portal.
    Execute,
    /// Close: drops a statement or portal.
    Close,
    /// Flush: asks for the replies that are ready.
    Flush,
    /// Sync: ends a step of the extended protocol.
    Sync,
    /// FunctionCall: calls a function by OID.
    FunctionCall,
    /// CopyData: a piece of COPY data.
    CopyData,
    /// CopyDone: ends COPY data.
    CopyDone,
    /// CopyFail: gives COPY up.
    CopyFail,
    /// Terminate: ends the session.
    Terminate,
    /// PasswordMessage, SASLInitialResponse, SASLResponse or GSSResponse, as the exchange has it.
    Password,
}

impl ClientTag {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Query => b'Q',
            Self::Parse => b'P',
            Self::Bind => b'B',
            Self::Describe => b'D',
            Self::Execute => b'E',
            Self::Close => b'C',
            Self::Flush => b'H',
            Self::Sync => b'S',
            Self::FunctionCall => b'F',
            Self::CopyData => b'd',
            Self::CopyDone => b'c',
            Self::CopyFail => b'f',
            Self::Terminate => b'X',
            Self::Password => b'p',
        }
    }
}

impl TryFrom<u8> for ClientTag {
    type Error = Error;

    fn try_from(tag: u8) -> Result<Self, Error> {
        match tag {
            b'Q' => Ok(Self::Query),
            b'P' => Ok(Self::Parse),
            b'B' => Ok(Self::Bind),
            b'D' => Ok(Self::Describe),
            b'E' => Ok(Self::Execute),
            b'C' => Ok(Self::Close),
            b'H' => Ok(Self::Flush),
            b'S' => Ok(Self::Sync),
            b'F' => Ok(Self::FunctionCall),
            b'd' => Ok(Self::CopyData),
            b'c' => Ok(Self::CopyDone),
            b'f' => Ok(Self::CopyFail),
            b'X' => Ok(Self::Terminate),
            b'p' => Ok(Self::Password),
            tag => Err(Error::UnknownTag {
                sender: "client",
                tag,
            }),
        }
    }
}

/// Whether a value travels as text or in its type's binary form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Code 0.
    #[default]
    Text,
    /// Code 1.
    Binary,
}

impl Format {
    /// The code that stands for it.
    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Error> {
        match reader.i16(field)? {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            code => Err(reader.bad_value(field, code.into())),
        }
    }
}

/// The formats of several values, as Bind gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Formats {
    /// None given: all are text.
    #[default]
    Default,
    /// One given, for all.
    All(Format),
    /// One for each value.
    Each(Vec<Format>),
}

impl Formats {
    /// The format of value `i`, from 0. Text where formats are given for each and `i` is beyond
    /// them; [`Formats::fit`] says beforehand whether that can be.
    pub fn format(&self, i: usize) -> Format {
        match self {
            Self::Default => Format::Text,
            Self::All(format) => *format,
            Self::Each(formats) => formats.get(i).copied().unwrap_or_default(),
        }
    }

    /// True where these formats can be those of `values` values; PostgreSQL refuses others.
    pub fn fit(&self, values: usize) -> bool {
        match self {
            Self::Default | Self::All(_) => true,
            Self::Each(formats) => formats.len() == values,
        }
    }

    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Error> {
        match reader.u16(field)? {
            0 => Ok(Self::Default),
            1 => Format::read(reader, field).map(Self::All),
            count => {
                let formats = (0..count).map(|_| Format::read(reader, field));
                formats.collect::<Result<_, _>>().map(Self::Each)
            }
        }
    }
}

/// Values that lie in a message one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Values<'a> {
    count: u16,
    bytes: &'a [u8],
}

impl<'a> Values<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count.into()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each of them; `None` is NULL.
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + Clone {
        let mut reader = Reader::new("values", self.bytes);
        // They were read before, so that none is missing.
        (0..self.count).map_while(move |_| reader.value("value").ok())
    }

    fn read(
        reader: &mut Reader<'a>,
        (number, field): (&'static str, &'static str),
    ) -> Result<Self, Error> {
        let count = reader.u16(number)?;
        let from = reader.rest();
        for _ in 0..count {
            reader.value(field)?;
        }
        let bytes = &from[..from.len() - reader.rest().len()];
        Ok(Self { count, bytes })
    }
}

/// Query: a string of statements, to be run as one implicit transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// The statements.
    pub text: &'a str,
}

impl<'a> Query<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Query", body);
        let text = reader.text("query")?;
        reader.end()?;
        Ok(Self { text })
    }
}

/// Parse: makes a prepared statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty for the unnamed one.
    pub name: &'a str,
    /// The one statement.
    pub text: &'a str,
    /// OIDs of parameter types, 0 where left open; may be fewer than the parameters.
    pub types: Vec<u32>,
}

impl<'a> Parse<'a> {
    /// Reads the body.
    #[expect(
        clippy::self_named_constructors,
        reason = "every message has a `parse`"
    )]
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Parse", body);
        let name = reader.text("statement name")?;
        let text = reader.text("query")?;
        let count = reader.u16("number of parameter types")?;
        let types = (0..count)
            .map(|_| reader.u32("parameter type"))
            .collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { name, text, types })
    }
}

/// Bind: makes a portal from a prepared statement and parameters.
///
/// `Debug` shows how many parameters there are, not their values.
#[derive(Clone, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name; empty for the unnamed one.
    pub portal: &'a str,
    /// The statement's name; empty for the unnamed one.
    pub statement: &'a str,
    /// Formats of the parameters.
    pub formats: Formats,
    /// The parameters.
    pub parameters: Values<'a>,
    /// Formats wanted for the result's columns.
    pub result_formats: Formats,
}

impl<'a> Bind<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Bind", body);
        let portal = reader.text("portal name")?;
        let statement = reader.text("statement name")?;
        let formats = Formats::read(&mut reader, "parameter formats")?;
        let parameters = Values::read(&mut reader, ("number of parameters", "parameter"))?;
        let count = parameters.count;
        if !formats.fit(parameters.len()) {
            return Err(reader.bad_value("number of parameters", count.into()));
        }
        let result_formats = Formats::read(&mut reader, "result formats")?;
        reader.end()?;
        Ok(Self {
            portal,
            statement,
            formats,
            parameters,
            result_formats,
        })
    }
}

impl fmt::Debug for Bind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bind")
            .field("portal", &self.portal)
            .field("statement", &self.statement)
            .field("formats", &self.formats)
            .field("parameters", &self.parameters.len())
            .field("result_formats", &self.result_formats)
            .finish()
    }
}

/// What Describe and Close are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The prepared statement of this name; empty for the unnamed one.
    Statement(&'a str),
    /// The portal of this name; empty for the unnamed one.
    Portal(&'a str),
}

impl<'a> Target<'a> {
    /// Reads the body of a Describe or a Close.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Describe or Close", body);
        let kind = reader.u8("kind")?;
        let name = reader.text("name")?;
        let target = match kind {
            b'S' => Self::Statement(name),
            b'P' => Self::Portal(name),
            kind => return Err(reader.bad_value("kind", kind.into())),
        };
        reader.end()?;
        Ok(target)
    }
}

/// Execute: runs a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The portal's name; empty for the unnamed one.
    pub portal: &'a str,
    /// The most rows to return now; no limit where 0 or less, as PostgreSQL takes it.
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("Execute", body);
        let portal = reader.text("portal name")?;
        let max_rows = reader.i32("most rows")?;
        reader.end()?;
        Ok(Self { portal, max_rows })
    }
}

/// FunctionCall: calls a function by its number.
///
/// `Debug` shows how many arguments there are, not their values.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    /// `pg_proc.oid`.
    pub function: u32,
    /// Formats of the arguments.
    pub formats: Formats,
    /// The arguments; `None` is NULL.
    pub arguments: Vec<Option<&'a [u8]>>,
    /// The format wanted for the result.
    pub result_format: Format,
}

impl<'a> FunctionCall<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("FunctionCall", body);
        let function = reader.u32("function")?;
        let formats = Formats::read(&mut reader, "argument formats")?;
        let count = reader.u16("number of arguments")?;
        let arguments: Vec<_> = (0..count)
            .map(|_| reader.value("argument"))
            .collect::<Result<_, _>>()?;
        if !formats.fit(arguments.len()) {
            return Err(reader.bad_value("number of arguments", count.into()));
        }
        let result_format = Format::read(&mut reader, "result format")?;
        reader.end()?;
        Ok(Self {
            function,
            formats,
            arguments,
            result_format,
        })
    }
}

impl fmt::Debug for FunctionCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionCall")
            .field("function", &self.function)
            .field("formats", &self.formats)
            .field("arguments", &self.arguments.len())
            .field("result_format", &self.result_format)
            .finish()
    }
}

/// CopyFail: why the client gives COPY up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyFail<'a> {
    /// What it says.
    pub reason: &'a str,
}

impl<'a> CopyFail<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("CopyFail", body);
        let reason = reader.text("reason")?;
        reader.end()?;
        Ok(Self { reason })
    }
}

/// PasswordMessage: a password, or a token in its place. Has no `Debug`, so that none is logged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password<'a> {
    /// The password.
    pub password: &'a str,
}

impl<'a> Password<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("PasswordMessage", body);
        let password = reader.text("password")?;
        reader.end()?;
        Ok(Self { password })
    }
}

/// SASLInitialResponse: the mechanism chosen and its first message. Has no `Debug`, for it may hold
/// a token. (The body of a SASLResponse is the mechanism's message and nothing else.)
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism's name.
    pub mechanism: &'a str,
    /// Its first message, where it comes with one.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("SASLInitialResponse", body);
        let mechanism = reader.text("mechanism")?;
        let data = reader.value("initial response")?;
        reader.end()?;
        Ok(Self { mechanism, data })
    }
}

/// Checks that the body of a message that has none (Flush, Sync, Terminate, CopyDone) is empty.
pub fn expect_empty(message: &'static str, body: &[u8]) -> Result<(), Error> {
    Reader::new(message, body).end()
}

#[cfg(test)]
mod tests;

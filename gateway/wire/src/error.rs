//! What can be wrong with the bytes.

/// What is wrong with a message, and with which one. Never holds a value from the message's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A length field counts less than what is always there.
    #[error("{message}: its length says {length}, and {least} is the least possible")]
    LengthTooSmall {
        /// The message.
        message: &'static str,
        /// What the field says.
        length: i64,
        /// The least it may say.
        least: i64,
    },
    /// A message is longer than allowed.
    #[error("{message}: {length} bytes long, and {limit} is the most allowed")]
    TooLong {
        /// The message.
        message: &'static str,
        /// How long it says it is.
        length: u64,
        /// The most allowed.
        limit: u64,
    },
    /// A tag that no message of this direction has.
    #[error("no message from the {sender} has the tag {:?}", char::from(*tag))]
    UnknownTag {
        /// Who sent it: `client` or `upstream`.
        sender: &'static str,
        /// The tag.
        tag: u8,
    },
    /// A message of another kind than the one to be read.
    #[error("{message}: expected, but the tag is {:?}", char::from(*tag))]
    OtherTag {
        /// The message that was expected.
        message: &'static str,
        /// The tag that is there.
        tag: u8,
    },
    /// The body ends before a field does.
    #[error("{message}: ends within {field}")]
    Truncated {
        /// The message.
        message: &'static str,
        /// The field that is cut.
        field: &'static str,
    },
    /// A string has no terminating zero byte.
    #[error("{message}: {field} is not terminated")]
    Unterminated {
        /// The message.
        message: &'static str,
        /// The string.
        field: &'static str,
    },
    /// Bytes follow where the message should end; a string with an inner zero byte ends so too.
    #[error("{message}: {bytes} bytes too many")]
    Trailing {
        /// The message.
        message: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A string is not UTF-8.
    #[error("{message}: {field} is not UTF-8")]
    NotUtf8 {
        /// The message.
        message: &'static str,
        /// The string.
        field: &'static str,
    },
    /// A number that means nothing in its field.
    #[error("{message}: {field} cannot be {value}")]
    BadValue {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What it says.
        value: i64,
    },
    /// A protocol version that is none of PostgreSQL's major version 3.
    #[error("protocol version {major}.{minor} is not supported")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A row has another number of columns than the result.
    #[error("{message}: {found} columns where {expected} are expected")]
    ColumnCount {
        /// The message.
        message: &'static str,
        /// How many it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Columns asked for are not in ascending order or not in the result.
    #[error("wanted columns are not ascending positions below {columns}")]
    BadWanted {
        /// How many columns the result has.
        columns: usize,
    },
    /// A string to be written holds a zero byte.
    #[error("{message}: {field} holds a zero byte")]
    ZeroByte {
        /// The message.
        message: &'static str,
        /// The string.
        field: &'static str,
    },
    /// A row of COPY data is not in its format.
    #[error("CopyData: {problem}")]
    CopyRow {
        /// What is wrong with it.
        problem: &'static str,
    },
}

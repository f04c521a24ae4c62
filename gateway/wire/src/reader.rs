//! A cursor over one message's body that cannot panic.

use crate::Error;

/// Reads fields from the front of a body; every error names the message and the field.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self {
            message,
            rest: body,
        }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(self.truncated(field))?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn i16(&mut self, field: &'static str) -> Result<i16, Error> {
        self.array(field).map(i16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, Error> {
        self.array(field).map(i32::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(self.truncated(field))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A length and that many bytes; the length -1 is NULL.
    pub(crate) fn value(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, Error> {
        match self.i32(field)? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => self.bytes(length, field).map(Some),
                Err(_) => Err(self.bad_value(field, length.into())),
            },
        }
    }

    /// The bytes up to a zero byte.
    pub(crate) fn string(&mut self, field: &'static str) -> Result<&'a [u8], Error> {
        // Most names are empty.
        if let Some((0, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(&[]);
        }
        let Some(end) = memchr::memchr(0, self.rest) else {
            return Err(Error::Unterminated {
                message: self.message,
                field,
            });
        };
        let (string, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(string)
    }

    /// The UTF-8 text up to a zero byte.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, Error> {
        let string = self.string(field)?;
        if string.is_empty() {
            return Ok("");
        }
        std::str::from_utf8(string).map_err(|_| Error::NotUtf8 {
            message: self.message,
            field,
        })
    }

    /// Says that the message ends here.
    pub(crate) fn end(self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(Error::Trailing {
                message: self.message,
                bytes,
            }),
        }
    }

    pub(crate) fn bad_value(&self, field: &'static str, value: i64) -> Error {
        Error::BadValue {
            message: self.message,
            field,
            value,
        }
    }

    fn truncated(&self, field: &'static str) -> Error {
        Error::Truncated {
            message: self.message,
            field,
        }
    }
}

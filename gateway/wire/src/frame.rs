//! Where a message begins and ends, its body not read ("Messaging Overview").

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::Error;

/// The bytes of a header: the tag and the length.
pub const HEADER_BYTES: usize = 5;

/// The tag of a message and its whole length, the tag byte and the length field included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The first byte.
    pub tag: u8,
    /// The length of the whole message, tag included.
    pub len: usize,
}

/// Reads the header at the front of `buf`; `None` where its five bytes are not all there yet.
///
/// The length must count at least itself, and the whole message may not exceed `max` bytes. The
/// body need not be in `buf`.
#[inline]
pub fn header(buf: &[u8], max: usize) -> Result<Option<Header>, Error> {
    let Some(&[tag, a, b, c, d]) = buf.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes([a, b, c, d]);
    match usize::try_from(length) {
        Ok(length) if length >= 4 && length < max => Ok(Some(Header {
            tag,
            len: length + 1,
        })),
        Ok(length) if length >= 4 => {
            let length = length as u64 + 1;
            Err(Error::TooLong {
                message: "message",
                length,
                limit: max as u64,
            })
        }
        Ok(_) | Err(_) => Err(Error::LengthTooSmall {
            message: "message",
            length: length.into(),
            least: 4,
        }),
    }
}

/// One whole message: tag and body, body not yet read. Its bytes are its own, or lie in a buffer
/// (`Frame<&[u8]>`). `Debug` does not show the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<B = Bytes> {
    bytes: B,
}

impl Frame {
    /// Takes the message at the front of `buf` out of it; `None` where it is not all there yet.
    pub fn take(buf: &mut BytesMut, max: usize) -> Result<Option<Self>, Error> {
        match header(buf, max)? {
            Some(header) if header.len <= buf.len() => Ok(Some(Self {
                bytes: buf.split_to(header.len).freeze(),
            })),
            Some(_) | None => Ok(None),
        }
    }
}

impl<'a> Frame<&'a [u8]> {
    /// The message at the front of `buf`, left where it is; `None` where it is not all there yet.
    pub fn at(buf: &'a [u8], max: usize) -> Result<Option<Self>, Error> {
        let found = header(buf, max)?;
        Ok(found.and_then(|header| {
            Some(Self {
                bytes: buf.get(..header.len)?,
            })
        }))
    }
}

impl<B: AsRef<[u8]>> Frame<B> {
    /// The bytes as one message, which they must be exactly.
    pub fn new(bytes: B) -> Result<Self, Error> {
        let whole = bytes.as_ref().len();
        match header(bytes.as_ref(), usize::MAX)? {
            Some(header) if header.len == whole => Ok(Self { bytes }),
            Some(header) if header.len < whole => Err(Error::Trailing {
                message: "message",
                bytes: whole - header.len,
            }),
            Some(_) => Err(Error::Truncated {
                message: "message",
                field: "body",
            }),
            None => Err(Error::Truncated {
                message: "message",
                field: "header",
            }),
        }
    }

    /// The first byte.
    pub fn tag(&self) -> u8 {
        self.bytes.as_ref()[0]
    }

    /// What follows the length field.
    pub fn body(&self) -> &[u8] {
        &self.bytes.as_ref()[HEADER_BYTES..]
    }

    /// The whole message.
    pub fn bytes(&self) -> &B {
        &self.bytes
    }

    /// The whole message, for keeping.
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for Frame<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("tag", &char::from(self.tag()))
            .field("len", &self.bytes.as_ref().len())
            .finish_non_exhaustive()
    }
}

/// The messages at the front of a buffer, one after the other, as tag and whole bytes. Stops before
/// a message that is not all there; [`Frames::rest`] is what is left.
#[derive(Clone)]
pub struct Frames<'a> {
    rest: &'a [u8],
    max: usize,
}

/// Walks the whole messages in `buf`, each of at most `max` bytes.
pub fn frames(buf: &[u8], max: usize) -> Frames<'_> {
    Frames { rest: buf, max }
}

impl<'a> Frames<'a> {
    /// What has not been walked over.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<(u8, &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match header(self.rest, self.max) {
            Ok(Some(header)) => {
                let (message, rest) = self.rest.split_at_checked(header.len)?;
                self.rest = rest;
                Some(Ok((header.tag, message)))
            }
            Ok(None) => None,
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;

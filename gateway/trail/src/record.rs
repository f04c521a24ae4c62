//! Records and segments as bytes. This page is the format; a change of meaning is a new version.
//!
//! A segment is a header and records, each beginning at a multiple of eight:
//!
//! ```text
//! header   magic "SLUICETR", version u32, nonce u32, begun u64 (microseconds), process u32, writer u32, 32 bytes of zero
//! record   length u32, crc u32, kind u8, version u8, payload, zeros up to a multiple of eight
//! ```
//!
//! Integers are little-endian. The length counts kind, version and payload; it is written last, so that a record cut off
//! by the death of the process has length zero. The CRC-32 is over kind, version and payload, and starts from the nonce and
//! the length, so that bytes a client sends cannot pass for a record.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first bytes of a segment.
pub(crate) const MAGIC: &[u8; 8] = b"SLUICETR";
/// The format of segments this program writes, and the only one it reads.
pub(crate) const SEGMENT_VERSION: u32 = 1;
/// The bytes of a segment before its first record.
pub(crate) const SEGMENT_HEADER: usize = 64;
/// The version of all kinds of records. Those of older versions are read too: in version 1 the end of a request had no
/// bytes of its result.
pub(crate) const RECORD_VERSION: u8 = 2;
/// Length and checksum.
pub(crate) const FRAME: usize = 8;
/// Kind and version, which the length counts.
pub(crate) const KIND: usize = 2;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How a session came to be, as JSON. Others refer to it by its offset.
    Session = 1,
    /// The end of a session: session, time.
    SessionEnd = 2,
    /// The policies of a generation, as JSON. Others refer to it by its offset.
    Generation = 3,
    /// A text, so that others can refer to it by its offset.
    Text = 4,
    /// A request and its first verdict.
    Request = 5,
    /// A later verdict on a request.
    Verdict = 6,
    /// What happened to a request, as JSON.
    Deed = 7,
    /// Bytes of a result.
    Delivered = 8,
    /// The end of a request, and bytes of its result that were not recorded before.
    Close = 9,
}

impl Kind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Session,
            2 => Self::SessionEnd,
            3 => Self::Generation,
            4 => Self::Text,
            5 => Self::Request,
            6 => Self::Verdict,
            7 => Self::Deed,
            8 => Self::Delivered,
            9 => Self::Close,
            _ => return None,
        })
    }
}

/// The bytes a record with this payload takes in a segment.
pub(crate) fn framed(payload: usize) -> usize {
    (FRAME + KIND + payload).next_multiple_of(8)
}

/// The checksum of a record.
pub(crate) fn checksum(nonce: u32, kind_and_payload: &[u8]) -> u32 {
    let start = nonce ^ kind_and_payload.len() as u32;
    let mut hasher = crc32fast::Hasher::new_with_initial(start);
    hasher.update(kind_and_payload);
    hasher.finalize()
}

/// Microseconds since 1970; earlier times are that.
pub(crate) fn to_micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_micros() as u64
}

/// The inverse of [`to_micros`]; what no clock of ours says is taken for the last moment that can be written as RFC 3339.
pub(crate) fn from_micros(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros.min(LAST_MICROS))
}

/// The end of the year 9999.
const LAST_MICROS: u64 = 253_402_300_800_000_000 - 1;

/// Times as microseconds, for serde.
pub(crate) mod micros {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(super::to_micros(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(from).map(super::from_micros)
    }
}

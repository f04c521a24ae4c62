//! Names of sessions.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of an id: 26 times 5 bits hold 128.
const LENGTH: usize = 26;

/// The name of one session, unique everywhere: 48 bits of time in milliseconds, 80 bits of chance, written as a ULID, so
/// that names sort by the time their sessions began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u128);

impl SessionId {
    /// A name for a session that begins now; of `random` the lower 80 bits count.
    #[must_use]
    pub fn new(now: SystemTime, random: u128) -> Self {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self((since.as_millis() << 80) | (random & ((1 << 80) - 1)))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; LENGTH];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            *place = DIGITS[(rest & 31) as usize];
            rest >>= 5;
        }
        f.pad(std::str::from_utf8(&text).expect("the digits are ASCII"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no session's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session's name: 26 digits and capital letters without I, L, O, U")]
pub struct NotASessionId;

impl FromStr for SessionId {
    type Err = NotASessionId;

    fn from_str(text: &str) -> Result<Self, NotASessionId> {
        if text.len() != LENGTH || text.as_bytes()[0] > b'7' {
            return Err(NotASessionId);
        }
        text.bytes()
            .try_fold(0_u128, |id, byte| {
                let digit = DIGITS.iter().position(|d| *d == byte.to_ascii_uppercase());
                Ok((id << 5) | digit.ok_or(NotASessionId)? as u128)
            })
            .map(Self)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_sorts_by_time() {
        let early = SessionId::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1), u128::MAX);
        let late = SessionId::new(SystemTime::UNIX_EPOCH + Duration::from_secs(2), 0);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!("x".parse::<SessionId>(), Err(NotASessionId));
    }
}

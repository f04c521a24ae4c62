//! What stands in place of a value.

pub(crate) mod array;
pub(crate) mod typed;

use std::fmt;
use std::ops::RangeInclusive;

use bytes::BytesMut;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use self::array::ArrayMask;
use self::typed::Typed;

/// What to put in place of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// NULL.
    Null,
    /// This text, or the value of the column's type that it stands for; NULL where there is none.
    Fixed(String),
    /// A hash under this key of the deployment: equal values stay equal. NULL for a type that no
    /// hash can be a value of.
    KeyedHash(String),
    /// The first n characters, stars for the rest; only stars where there are no more than n.
    KeepFirst(u32),
    /// The last n characters, likewise; only stars where it may be the beginning of a longer value.
    KeepLast(u32),
    /// The policy's own transform.
    Custom(Rule),
}

/// By which of its rules a policy transforms values: what belongs to columns of several is NULL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// One that it has said.
    Number(u32),
    /// It has said none: that of columns of this name.
    Name(Box<str>),
}

impl Rule {
    /// The number, if it has said one.
    pub(crate) fn number(&self) -> Option<u32> {
        match self {
            Rule::Number(number) => Some(*number),
            Rule::Name(_) => None,
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mask::Null => f.write_str("null"),
            Mask::Fixed(text) => write!(f, "fixed {text}"),
            Mask::KeyedHash(key) => write!(f, "keyed-hash {key}"),
            Mask::KeepFirst(n) => write!(f, "keep-first {n}"),
            Mask::KeepLast(n) => write!(f, "keep-last {n}"),
            Mask::Custom(_) => f.write_str("custom"),
        }
    }
}

impl Mask {
    /// How little it shows; of two masks the one with the higher number wins.
    pub(crate) fn strictness(&self) -> u8 {
        match self {
            Mask::Null => 4,
            Mask::Fixed(_) => 3,
            Mask::KeyedHash(_) => 2,
            Mask::KeepFirst(_) | Mask::KeepLast(_) => 1,
            Mask::Custom(_) => 0,
        }
    }

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Mask::Null => "null",
            Mask::Fixed(_) => "fixed",
            Mask::KeyedHash(_) => "keyed-hash",
            Mask::KeepFirst(_) => "keep-first",
            Mask::KeepLast(_) => "keep-last",
            Mask::Custom(_) => "custom",
        }
    }
}

/// Hex digits of a keyed hash: 64 bits, enough to tell values apart and useless to undo.
const HASH_BYTES: usize = 8;

/// A mask made ready for the values of one column.
#[derive(Clone)]
pub(crate) enum CellMask {
    Null,
    Fixed(Box<[u8]>),
    KeyedHash(Box<Hmac<Sha256>>),
    /// A keyed hash that is a value of the same type.
    TypedHash(Box<TypedHash>),
    /// Each element of an array.
    Array(Box<ArrayMask>),
    KeepFirst(usize),
    KeepLast(usize),
}

/// How a keyed hash becomes a value of a type that is no text.
#[derive(Clone)]
pub(crate) struct TypedHash {
    mac: Hmac<Sha256>,
    typed: Typed,
    binary: bool,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    Null,
    Value,
}

impl CellMask {
    /// The mask for text under this key.
    pub(crate) fn keyed_hash(key: &[u8]) -> CellMask {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        CellMask::KeyedHash(Box::new(mac))
    }

    /// The mask for values of another type under this key.
    pub(crate) fn typed_hash(key: &[u8], typed: Typed, binary: bool) -> CellMask {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        CellMask::TypedHash(Box::new(TypedHash { mac, typed, binary }))
    }

    /// Appends what stands in place of the value, which is not NULL.
    pub(crate) fn write(&self, value: &[u8], out: &mut BytesMut) -> Masked {
        match self {
            CellMask::Null => return Masked::Null,
            CellMask::Fixed(text) => out.extend_from_slice(text),
            CellMask::KeyedHash(mac) => write_hash(mac, value, out),
            CellMask::TypedHash(hash) => match hash.typed.hash(&hash.mac, value, hash.binary) {
                Some(hashed) => out.extend_from_slice(&hashed),
                None => return Masked::Null,
            },
            CellMask::Array(array) => return array.write(value, out),
            CellMask::KeepFirst(n) => keep_first(value, *n, out),
            CellMask::KeepLast(n) => keep_last(value, *n, out),
        }
        Masked::Value
    }
}

fn write_hash(mac: &Hmac<Sha256>, value: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut mac = mac.clone();
    mac.update(value);
    let digest = mac.finalize().into_bytes();
    for byte in digest.iter().take(HASH_BYTES) {
        let digits = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
        out.extend_from_slice(&digits);
    }
}

/// A byte that does not begin a character of UTF-8.
fn continues(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

fn stars(count: usize, out: &mut BytesMut) {
    let end = out.len() + count;
    out.resize(end, b'*');
}

/// How many bytes are left where PostgreSQL makes a `name` of a longer text, between characters: UNION does
/// where another arm is one. The last characters of such a value are not those of what it was.
const CUT_TO_A_NAME: RangeInclusive<usize> = 60..=63;

/// How many of a value's characters are hidden where the last n are kept.
pub(crate) fn hidden_before_last(n: usize, characters: usize, bytes: usize) -> usize {
    if characters > n && !CUT_TO_A_NAME.contains(&bytes) {
        characters - n
    } else {
        characters
    }
}

fn keep_last(value: &[u8], n: usize, out: &mut BytesMut) {
    if value.is_ascii() {
        let hidden = hidden_before_last(n, value.len(), value.len());
        stars(hidden, out);
        out.extend_from_slice(&value[hidden..]);
        return;
    }
    let characters = value.iter().filter(|byte| !continues(**byte)).count();
    let hidden = hidden_before_last(n, characters, value.len());
    stars(hidden, out);
    out.extend_from_slice(&value[offset_of(value, hidden)..]);
}

fn keep_first(value: &[u8], n: usize, out: &mut BytesMut) {
    let characters = value.iter().filter(|byte| !continues(**byte)).count();
    let kept = if characters > n { n } else { 0 };
    out.extend_from_slice(&value[..offset_of(value, kept)]);
    stars(characters - kept, out);
}

/// Where the character with this number begins; the end where there is none.
fn offset_of(value: &[u8], character: usize) -> usize {
    let mut starts = value
        .iter()
        .enumerate()
        .filter(|(_, byte)| !continues(**byte));
    starts
        .nth(character)
        .map_or(value.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::{CellMask, Masked};
    use bytes::BytesMut;

    fn masked(mask: &CellMask, value: &str) -> Option<String> {
        let mut out = BytesMut::new();
        match mask.write(value.as_bytes(), &mut out) {
            Masked::Null => None,
            Masked::Value => Some(String::from_utf8(out.to_vec()).unwrap()),
        }
    }

    #[test]
    fn keeping_counts_characters_not_bytes() {
        assert_eq!(
            masked(&CellMask::KeepLast(2), "Zoë Žižek").as_deref(),
            Some("*******ek")
        );
        assert_eq!(
            masked(&CellMask::KeepFirst(3), "Zoë Žižek").as_deref(),
            Some("Zoë******")
        );
        assert_eq!(
            masked(&CellMask::KeepLast(4), "4111111111111111").as_deref(),
            Some("************1111")
        );
        assert_eq!(
            masked(&CellMask::KeepFirst(0), "abc").as_deref(),
            Some("***")
        );
    }

    #[test]
    fn a_value_no_longer_than_what_is_kept_is_only_stars() {
        for n in [3, 4, 100] {
            assert_eq!(
                masked(&CellMask::KeepLast(n), "abc").as_deref(),
                Some("***")
            );
            assert_eq!(
                masked(&CellMask::KeepFirst(n), "äbc").as_deref(),
                Some("***")
            );
        }
        assert_eq!(masked(&CellMask::KeepLast(2), "").as_deref(), Some(""));
    }

    #[test]
    fn of_what_may_be_a_beginning_no_end_is_kept() {
        for value in [
            "x".repeat(63),
            format!("{}äb", "x".repeat(57)),
            "€".repeat(21),
        ] {
            let stars = "*".repeat(value.chars().count());
            assert_eq!(masked(&CellMask::KeepLast(4), &value), Some(stars));
        }
        for value in ["x".repeat(59), "x".repeat(64)] {
            let kept = masked(&CellMask::KeepLast(4), &value).unwrap();
            assert!(kept.ends_with("*xxxx"), "{kept}");
        }
    }

    #[test]
    fn a_keyed_hash_is_equal_for_equal_values_and_differs_by_key() {
        let one = CellMask::keyed_hash(b"one");
        let first = masked(&one, "a@example.org").unwrap();
        assert_eq!(first.len(), 16);
        assert_eq!(masked(&one, "a@example.org").unwrap(), first);
        assert_ne!(masked(&one, "b@example.org").unwrap(), first);
        assert_ne!(
            masked(&CellMask::keyed_hash(b"two"), "a@example.org").unwrap(),
            first
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_masked_without_panic() {
        let mut out = BytesMut::new();
        for value in [&[0x80_u8, 0x80, 0x80][..], &[0xFF, 0x80, b'a'], &[0xC3]] {
            CellMask::KeepLast(1).write(value, &mut out);
            CellMask::KeepFirst(1).write(value, &mut out);
        }
    }
}

//! Masks for values that are no text: what stands in their place must be a value of the same type, in
//! the format asked for.
//!
//! Source: the types' send functions (`src/backend/utils/adt`) and "Date/Time Types", "Numeric Types".

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// A type whose values can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
    Json,
    Jsonb,
    Bytea,
}

impl Typed {
    /// The type with this OID (pg_type.oid).
    pub(crate) fn of(type_oid: u32) -> Option<Typed> {
        Some(match type_oid {
            16 => Typed::Bool,
            17 => Typed::Bytea,
            20 => Typed::Int8,
            21 => Typed::Int2,
            23 => Typed::Int4,
            114 => Typed::Json,
            700 => Typed::Float4,
            701 => Typed::Float8,
            1082 => Typed::Date,
            1114 => Typed::Timestamp,
            1184 => Typed::TimestampTz,
            1700 => Typed::Numeric,
            2950 => Typed::Uuid,
            3802 => Typed::Jsonb,
            _ => return None,
        })
    }

    /// The value that a text stands for, in text or binary format; none where it stands for none.
    pub(crate) fn constant(self, text: &str, binary: bool) -> Option<Vec<u8>> {
        let text = text.trim();
        let encoded = match self {
            Typed::Bool => vec![u8::from(truth(text)?)],
            Typed::Int2 => text.parse::<i16>().ok()?.to_be_bytes().to_vec(),
            Typed::Int4 => text.parse::<i32>().ok()?.to_be_bytes().to_vec(),
            Typed::Int8 => text.parse::<i64>().ok()?.to_be_bytes().to_vec(),
            Typed::Float4 => text.parse::<f32>().ok()?.to_be_bytes().to_vec(),
            Typed::Float8 => text.parse::<f64>().ok()?.to_be_bytes().to_vec(),
            Typed::Numeric => numeric(text)?,
            Typed::Date => days(text)?.to_be_bytes().to_vec(),
            Typed::Timestamp | Typed::TimestampTz => {
                let midnight = i64::from(days(text)?) * MICROSECONDS_A_DAY;
                midnight.to_be_bytes().to_vec()
            }
            Typed::Uuid => uuid(text)?.to_vec(),
            Typed::Json => json(text)?.into_bytes(),
            Typed::Jsonb => [&[1], json(text)?.as_bytes()].concat(),
            Typed::Bytea => text.as_bytes().to_vec(),
        };
        if binary {
            return Some(encoded);
        }
        Some(match self {
            Typed::Bool => vec![if encoded == [1] { b't' } else { b'f' }],
            Typed::Timestamp => format!("{text} 00:00:00").into_bytes(),
            Typed::TimestampTz => format!("{text} 00:00:00+00").into_bytes(),
            Typed::Json | Typed::Jsonb => json(text)?.into_bytes(),
            Typed::Bytea => hex(&encoded),
            Typed::Uuid => hyphenated(&uuid(text)?),
            Typed::Int2
            | Typed::Int4
            | Typed::Int8
            | Typed::Float4
            | Typed::Float8
            | Typed::Numeric
            | Typed::Date => text.as_bytes().to_vec(),
        })
    }

    /// True where a keyed hash can be a value of the type.
    pub(crate) fn takes_hash(self) -> bool {
        matches!(self, Typed::Int4 | Typed::Int8 | Typed::Uuid | Typed::Bytea)
    }

    /// A value made from a keyed hash of another: the same for text and binary, and never negative.
    /// None for a value that is no value of the type.
    pub(crate) fn hash(self, mac: &Hmac<Sha256>, value: &[u8], binary: bool) -> Option<Vec<u8>> {
        let canonical = self.canonical(value, binary)?;
        let mut mac = mac.clone();
        mac.update(&canonical);
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let number = i64::from_be_bytes([a, b, c, d, e, f, g, h]) & i64::MAX;
        let four = i32::from_be_bytes([a, b, c, d]) & i32::MAX;
        Some(match (self, binary) {
            (Typed::Int4, true) => four.to_be_bytes().to_vec(),
            (Typed::Int4, false) => four.to_string().into_bytes(),
            (Typed::Int8, true) => number.to_be_bytes().to_vec(),
            (Typed::Int8, false) => number.to_string().into_bytes(),
            (Typed::Uuid, _) => {
                let id = random_uuid(&digest);
                if binary { id.to_vec() } else { hyphenated(&id) }
            }
            (Typed::Bytea, true) => digest[..16].to_vec(),
            (Typed::Bytea, false) => hex(&digest[..16]),
            _ => return None,
        })
    }

    /// A value's one form, whatever format it came in.
    fn canonical(self, value: &[u8], binary: bool) -> Option<Vec<u8>> {
        if binary {
            return Some(value.to_vec());
        }
        let text = str::from_utf8(value).ok()?;
        match self {
            Typed::Int4 => Some(text.parse::<i32>().ok()?.to_be_bytes().to_vec()),
            Typed::Int8 => Some(text.parse::<i64>().ok()?.to_be_bytes().to_vec()),
            Typed::Uuid => Some(uuid(text)?.to_vec()),
            Typed::Bytea => unhex(text.strip_prefix("\\x")?),
            _ => None,
        }
    }
}

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Days since 2000-01-01 of a date written as `2000-12-31`.
fn days(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let mut next = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let plain = part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<i32>().ok()).flatten()
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before = 365 * year + year / 4 - year / 100 + year / 400;
    let in_year = (153 * month + 2) / 5 + day - 1;
    const TO_2000: i32 = 730_425;
    Some(before + in_year - TO_2000)
}

fn json(text: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => Some(value.to_string()),
        // Any text is a string of JSON's.
        Err(_) => serde_json::to_string(text).ok(),
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    unhex(&digits)?.try_into().ok()
}

fn hyphenated(id: &[u8; 16]) -> Vec<u8> {
    let digits = digits(id);
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-").into_bytes()
}

/// A UUID of version 8, RFC 9562 section 5.8: its bits are ours.
fn random_uuid(digest: &[u8; 32]) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id[6] = id[6] & 0x0F | 0x80;
    id[8] = id[8] & 0x3F | 0x80;
    id
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    format!("\\x{}", digits(bytes)).into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    bytes.chunks(2).map(byte).collect()
}

/// A number in the binary format of `numeric`: groups of four decimal digits.
fn numeric(text: &str) -> Option<Vec<u8>> {
    const LONGEST: usize = 1000;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (0x4000_u16, digits),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || digits.len() > LONGEST || !plain(whole) || !plain(fraction) {
        return None;
    }
    let scale = u16::try_from(fraction.len()).ok()?;
    let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let fraction = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let all = format!("{whole}{fraction}");
    let mut groups: Vec<u16> = Vec::with_capacity(all.len() / 4);
    for start in (0..all.len()).step_by(4) {
        groups.push(all.get(start..start + 4)?.parse().ok()?);
    }
    let mut weight = i16::try_from(whole.len() / 4).ok()? - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= i16::try_from(leading).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (sign, weight) = if groups.is_empty() {
        (0, 0)
    } else {
        (sign, weight)
    };
    let mut encoded = Vec::with_capacity(8 + 2 * groups.len());
    encoded.extend(u16::try_from(groups.len()).ok()?.to_be_bytes());
    encoded.extend(weight.to_be_bytes());
    encoded.extend(sign.to_be_bytes());
    encoded.extend(scale.to_be_bytes());
    encoded.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::{Typed, days};
    use hmac::{Hmac, Mac as _};
    use sha2::Sha256;

    #[test]
    fn days_are_counted_from_2000() {
        for (text, wanted) in [
            ("2000-01-01", Some(0)),
            ("1999-12-31", Some(-1)),
            ("2000-03-01", Some(60)),
            ("1970-01-01", Some(-10_957)),
            ("2024-02-29", Some(8825)),
            ("2023-02-29", None),
            ("2000-13-01", None),
            ("+200-01-01", None),
            ("***", None),
        ] {
            assert_eq!(days(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_of_the_type_is_none() {
        for oid in [16, 20, 21, 23, 700, 701, 1082, 1114, 1184, 1700, 2950] {
            let typed = Typed::of(oid).unwrap();
            for binary in [false, true] {
                assert_eq!(typed.constant("***", binary), None, "{typed:?}");
            }
        }
        assert_eq!(Typed::of(25), None);
    }

    #[test]
    fn a_hash_is_the_same_in_both_formats() {
        let mac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        let as_text = Typed::Int4.hash(&mac, b"42", false).unwrap();
        let as_binary = Typed::Int4.hash(&mac, &42_i32.to_be_bytes(), true).unwrap();
        let number = i32::from_be_bytes(as_binary.try_into().unwrap());
        assert_eq!(number.to_string().into_bytes(), as_text);
        assert_eq!(Typed::Int4.hash(&mac, b"x", false), None);
        assert_eq!(Typed::Date.hash(&mac, b"2000-01-01", false), None);
    }
}

//! Masks for values that are no text: what stands in their place must be a value of the same type, in
//! the format asked for.
//!
//! Source: the types' send functions (`src/backend/utils/adt`) and "Date/Time Types", "Numeric Types".

use std::net::IpAddr;

use hmac::{Hmac, Mac as _};
use postgres_types::{Kind, Type};
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
    Time,
    TimeTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    Xml,
    Bytea,
    Bit,
    Money,
    Inet,
    Cidr,
    MacAddr,
    Range,
    Multirange,
}

impl Typed {
    /// The type with this OID (pg_type.oid).
    pub(crate) fn of(type_oid: u32) -> Option<Typed> {
        let known = Type::from_oid(type_oid)?;
        Some(match known {
            Type::BOOL => Typed::Bool,
            Type::BYTEA => Typed::Bytea,
            Type::INT8 => Typed::Int8,
            Type::INT2 => Typed::Int2,
            Type::INT4 => Typed::Int4,
            Type::JSON => Typed::Json,
            Type::JSONB => Typed::Jsonb,
            Type::XML => Typed::Xml,
            Type::FLOAT4 => Typed::Float4,
            Type::FLOAT8 => Typed::Float8,
            Type::NUMERIC => Typed::Numeric,
            Type::MONEY => Typed::Money,
            Type::DATE => Typed::Date,
            Type::TIME => Typed::Time,
            Type::TIMETZ => Typed::TimeTz,
            Type::TIMESTAMP => Typed::Timestamp,
            Type::TIMESTAMPTZ => Typed::TimestampTz,
            Type::INTERVAL => Typed::Interval,
            Type::UUID => Typed::Uuid,
            Type::BIT | Type::VARBIT => Typed::Bit,
            Type::INET => Typed::Inet,
            Type::CIDR => Typed::Cidr,
            Type::MACADDR => Typed::MacAddr,
            _ => match known.kind() {
                Kind::Range(_) => Typed::Range,
                Kind::Multirange(_) => Typed::Multirange,
                _ => return None,
            },
        })
    }

    /// The value that a text stands for, in text or binary format; none where it stands for none.
    pub(crate) fn constant(self, text: &str, binary: bool) -> Option<Vec<u8>> {
        let text = text.trim();
        let encoded = self.encoded(text)?;
        if binary {
            return Some(encoded);
        }
        Some(match self {
            Typed::Bool => vec![if encoded == [1] { b't' } else { b'f' }],
            Typed::Timestamp => moment(text).into_bytes(),
            Typed::TimestampTz => format!("{}+00", moment(text)).into_bytes(),
            Typed::TimeTz => format!("{text}+00").into_bytes(),
            Typed::Interval => b"00:00:00".to_vec(),
            Typed::Json | Typed::Jsonb => json(text)?.into_bytes(),
            Typed::Bytea => hex(&encoded),
            Typed::Uuid => hyphenated(&uuid(text)?),
            Typed::Int2
            | Typed::Int4
            | Typed::Int8
            | Typed::Float4
            | Typed::Float8
            | Typed::Numeric
            | Typed::Money
            | Typed::Date
            | Typed::Time
            | Typed::Xml
            | Typed::Bit
            | Typed::Inet
            | Typed::Cidr
            | Typed::MacAddr
            | Typed::Range
            | Typed::Multirange => text.as_bytes().to_vec(),
        })
    }

    /// The binary format of the value that a text stands for.
    fn encoded(self, text: &str) -> Option<Vec<u8>> {
        Some(match self {
            Typed::Bool => vec![u8::from(truth(text)?)],
            Typed::Int2 => text.parse::<i16>().ok()?.to_be_bytes().to_vec(),
            Typed::Int4 => text.parse::<i32>().ok()?.to_be_bytes().to_vec(),
            Typed::Int8 => text.parse::<i64>().ok()?.to_be_bytes().to_vec(),
            Typed::Float4 => text.parse::<f32>().ok()?.to_be_bytes().to_vec(),
            Typed::Float8 => text.parse::<f64>().ok()?.to_be_bytes().to_vec(),
            Typed::Numeric => numeric(text)?,
            Typed::Money => hundredths(text)?.to_be_bytes().to_vec(),
            Typed::Date => days(text)?.to_be_bytes().to_vec(),
            Typed::Timestamp | Typed::TimestampTz => {
                let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, MIDNIGHT));
                let midnight = i64::from(days(date)?) * MICROSECONDS_A_DAY;
                (midnight + microseconds(time)?).to_be_bytes().to_vec()
            }
            Typed::Time => microseconds(text)?.to_be_bytes().to_vec(),
            Typed::TimeTz => [&microseconds(text)?.to_be_bytes()[..], &[0; 4]].concat(),
            Typed::Interval => (text == "0").then(|| vec![0; 16])?,
            Typed::Uuid => uuid(text)?.to_vec(),
            Typed::Json => json(text)?.into_bytes(),
            Typed::Jsonb => [&[1], json(text)?.as_bytes()].concat(),
            Typed::Xml => (!text.contains(['<', '>', '&'])).then(|| text.as_bytes().to_vec())?,
            Typed::Bytea => text.as_bytes().to_vec(),
            Typed::Bit => bits(text)?,
            Typed::Inet => network(text, false)?,
            Typed::Cidr => network(text, true)?,
            Typed::MacAddr => mac_address(text)?,
            Typed::Range => (text == "empty").then(|| vec![EMPTY_RANGE])?,
            Typed::Multirange => (text == "{}").then(|| vec![0; 4])?,
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
const MIDNIGHT: &str = "00:00:00";
/// The flag of `range_send` for a range that holds nothing.
const EMPTY_RANGE: u8 = 1;

/// A date, or a date and a time, as PostgreSQL prints it in ISO style.
fn moment(text: &str) -> String {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, MIDNIGHT));
    format!("{date} {time}")
}

/// Microseconds since midnight of a time written as `23:59:59`.
fn microseconds(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let mut next = |limit: i64| {
        let part = parts.next().filter(|part| part.len() == 2)?;
        let number = part.parse::<u8>().ok()?;
        Some(i64::from(number)).filter(|number| *number < limit)
    };
    let (hours, minutes, seconds) = (next(24)?, next(60)?, next(60)?);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000)
}

/// A sum with up to two decimals, in hundredths.
fn hundredths(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || fraction.len() > 2 {
        return None;
    }
    let hundredths: i64 = format!("{fraction:0<2}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    Some(sign * whole.checked_mul(100)?.checked_add(hundredths)?)
}

/// How many bits, and the bits from the highest of the first byte on.
fn bits(text: &str) -> Option<Vec<u8>> {
    let count = i32::try_from(text.len()).ok()?;
    if !text.bytes().all(|bit| matches!(bit, b'0' | b'1')) {
        return None;
    }
    let byte = |eight: &[u8]| {
        let ones = eight.iter().enumerate().filter(|(_, bit)| **bit == b'1');
        ones.fold(0, |byte, (place, _)| byte | 0x80 >> place)
    };
    let mut encoded = count.to_be_bytes().to_vec();
    encoded.extend(text.as_bytes().chunks(8).map(byte));
    Some(encoded)
}

/// An address with the length of its network: family, length, whether it is of type cidr, bytes.
fn network(text: &str, is_cidr: bool) -> Option<Vec<u8>> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let (family, bytes) = match address.parse().ok()? {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (3, address.octets().to_vec()),
    };
    let all = u8::try_from(bytes.len() * 8).ok()?;
    let length = length.unwrap_or(all);
    let set = bytes.iter().rev().try_fold(0, |zeros, byte| match byte {
        0 => Ok(zeros + 8),
        _ => Err(zeros + byte.trailing_zeros()),
    });
    let network_bits = u32::from(all) - set.unwrap_or_else(|zeros| zeros);
    if length > all || is_cidr && network_bits > u32::from(length) {
        return None;
    }
    let head = [family, length, u8::from(is_cidr), all / 8];
    Some([&head[..], &bytes].concat())
}

/// Six bytes written as `08:00:2b:01:02:03`.
fn mac_address(text: &str) -> Option<Vec<u8>> {
    let groups: Vec<&str> = text.split(':').collect();
    let plain = groups.len() == 6 && groups.iter().all(|group| group.len() == 2);
    plain.then(|| unhex(&groups.concat()))?
}

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
        // Booleans, numbers, times, UUID, bits, addresses, ranges.
        for oid in [
            16, 20, 21, 23, 700, 701, 790, 829, 650, 869, 1082, 1083, 1114, 1184, 1186, 1266, 1560,
            1700, 2950, 3904, 4451,
        ] {
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

//! The masks that this policy makes itself: e-mail addresses and digits.

use sluice_sdk::{Values, append};

/// True where values of this type (a name as format_type() prints it) are any text.
pub(crate) fn takes(type_name: &str) -> bool {
    let name = type_name.split('(').next().unwrap_or_default();
    match name {
        "text" | "character varying" | "character" | "bpchar" | "citext" => !is_array(type_name),
        // An extension may be in any schema.
        other => other.ends_with(".citext"),
    }
}

fn is_array(type_name: &str) -> bool {
    type_name.ends_with("[]")
}

/// Keeps the first letter of the mailbox and the domain: `ada@example.com` -> `a***@example.com`.
/// What is no address becomes `***`.
#[inline(never)]
pub(crate) fn email(values: Values) -> Values {
    values.map(|value, masked| match address(value) {
        Some((first, at_domain)) => {
            append(masked, first);
            append(masked, b"***");
            append(masked, at_domain);
        }
        None => append(masked, b"***"),
    })
}

/// The first letter of the mailbox, none where it is the whole mailbox; and `@domain`.
fn address(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = trimmed(value);
    // Free text after an @ must not pass for a domain.
    let at = last_outside_domain(value)?;
    let (mailbox, at_domain) = value.split_at(at);
    if at_domain[0] != b'@' || at_domain.len() == 1 || !is_domain(&at_domain[1..]) {
        return None;
    }
    let first = first_character(mailbox);
    let first = if first.len() < mailbox.len() {
        first
    } else {
        &[]
    };
    Some((first, at_domain))
}

/// The longest domain in bytes (RFC 1035 section 2.3.4, without the root's label).
const LONGEST_DOMAIN: usize = 253;

/// Whether it is no longer than a domain may be, and all that is no ASCII in it are letters that are seen.
fn is_domain(text: &[u8]) -> bool {
    const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    let is_letter = |one: char| one.is_alphabetic() && !FILLERS.contains(&one);
    let of_domain = |text: &str| text.chars().all(|one| one.is_ascii() || is_letter(one));
    text.len() <= LONGEST_DOMAIN
        && (text.is_ascii() || std::str::from_utf8(text).is_ok_and(of_domain))
}

/// Without white space around it, which is rare.
fn trimmed(value: &[u8]) -> &[u8] {
    match value {
        [first, .., last] if *first > b' ' && *last > b' ' => value,
        _ => value.trim_ascii(),
    }
}

/// Where the last byte is that may not be in a domain: eight at a time, as an address ends in many
/// that may.
fn last_outside_domain(value: &[u8]) -> Option<usize> {
    let (rest, words) = value.as_rchunks::<8>();
    for (k, word) in words.iter().enumerate().rev() {
        let outside = !in_domain(u64::from_le_bytes(*word)) & (EACH << 7);
        if outside != 0 {
            let byte = 7 - outside.leading_zeros() as usize / 8;
            return Some(rest.len() + 8 * k + byte);
        }
    }
    rest.iter()
        .rposition(|byte| in_domain(u64::from(*byte)) & 0x80 == 0)
}

/// For each byte, in its highest bit, whether it may be in a domain: a letter or digit, '-', '.' or
/// no ASCII.
fn in_domain(word: u64) -> u64 {
    let ascii = word & !(EACH << 7);
    let within = |word: u64, first: u8, last: u8| {
        let from_first = word + u64::from(0x80 - first) * EACH;
        let above_last = word + u64::from(0x7f - last) * EACH;
        from_first & !above_last
    };
    let letter = within(ascii | (0x20 * EACH), b'a', b'z');
    letter | within(ascii, b'0', b'9') | within(ascii, b'-', b'.') | word
}

/// The bytes of the first character of UTF-8.
fn first_character(bytes: &[u8]) -> &[u8] {
    let is_start = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    let rest = bytes.get(1..).unwrap_or_default();
    let length = rest
        .iter()
        .position(is_start)
        .map_or(bytes.len(), |at| at + 1);
    &bytes[..length]
}

/// Puts 0 in place of every digit, so that the shape of a number stays and nothing else:
/// `+49 (170) 55-12` -> `+00 (000) 00-00`.
pub(crate) fn digits(mut values: Values) -> Values {
    if values.is_ascii() {
        zero_digits(values.bytes_mut());
        return values;
    }
    values.map(|value, masked| match std::str::from_utf8(value) {
        Ok(text) => text.chars().for_each(|character| {
            // Numbers of any script, and signs such as a half.
            let shown = if character.is_numeric() {
                '0'
            } else {
                character
            };
            masked.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }),
        Err(_) => masked.extend_from_slice(b"***"),
    })
}

/// Eight bytes of this value; times a number below 256, eight of that number.
const EACH: u64 = 0x0101_0101_0101_0101;

/// 8 bytes at a time; all of them ASCII, so that no sum carries into the next byte.
fn zero_digits(bytes: &mut [u8]) {
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        let from_zero = word + (0x80 - u64::from(b'0')) * EACH;
        let above_nine = word + (0x7f - u64::from(b'9')) * EACH;
        let is_digit = (from_zero & !above_nine) >> 7 & EACH;
        // '0' to '9' differ in the low four bits only.
        chunk.copy_from_slice(&(word & !(is_digit * 0x0f)).to_le_bytes());
    }
    for byte in words.into_remainder() {
        if byte.is_ascii_digit() {
            *byte = b'0';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &Values) -> Vec<Option<&str>> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        values.values().map(|value| value.map(text)).collect()
    }

    fn one(mask: fn(Values) -> Values, value: &str) -> String {
        let values = mask([Some(value)].into_iter().collect());
        texts(&values)[0].unwrap().to_owned()
    }

    #[test]
    fn an_address_keeps_a_letter_and_the_domain() {
        for (value, masked) in [
            ("ada.lovelace@example.com", "a***@example.com"),
            ("a@example.com", "***@example.com"),
            ("żaneta@example.com", "ż***@example.com"),
            ("ż@example.com", "***@example.com"),
            ("ada@bücher.example", "a***@bücher.example"),
            ("ada@हिन्दी.example", "***"),
            ("ada@例え.example", "a***@例え.example"),
            ("  ada@example.com  ", "a***@example.com"),
            ("\"a@b\"@example.com", "\"***@example.com"),
        ] {
            assert_eq!(one(email, value), masked);
        }
    }

    #[test]
    fn what_is_no_address_shows_nothing() {
        for value in [
            "",
            "ada",
            "ada@",
            "@",
            "Ada <ada@example.com>",
            "x@y then a secret",
            "a@b/c",
            "ada@example.org\u{a0}PIN4711",
            "ada@example.org\u{ff0c}PIN4711",
            "ada@example.org\u{200b}PIN4711",
            "ada@example.org\u{3164}PIN4711",
            "ada@example.org\u{b2}\u{b3}",
            &format!("ada@{}", "x".repeat(254)),
        ] {
            assert_eq!(one(email, value), "***", "{value}");
        }
        assert_eq!(one(email, "@example.com"), "***@example.com");
    }

    #[test]
    fn digits_become_zeros_and_the_shape_stays() {
        for (value, masked) in [
            ("+49 (170) 55-12", "+00 (000) 00-00"),
            ("4111111111111111", "0000000000000000"),
            ("9:/;A", "0:/;A"),
            ("", ""),
            ("٤٢ ½ Ⅷ é1", "00 0 0 é0"),
        ] {
            assert_eq!(one(digits, value), masked);
        }
    }

    #[test]
    fn every_ascii_byte_in_every_place_is_read_right() {
        for byte in 0..128_u8 {
            for place in 0..11 {
                let mut bytes = *b"/0:9A/0:9A/";
                bytes[place] = byte;
                let by_one = bytes.map(|b| if b.is_ascii_digit() { b'0' } else { b });
                zero_digits(&mut bytes);
                assert_eq!(bytes, by_one);
            }
        }
    }

    #[test]
    fn every_byte_in_every_place_is_known_to_be_in_a_domain_or_not() {
        for byte in 0..=u8::MAX {
            let within = byte.is_ascii_alphanumeric() || b"-.".contains(&byte) || !byte.is_ascii();
            for place in 0..21 {
                let mut value = *b"azAZ09.-azAZ09.-azAZ0";
                value[place] = byte;
                let last = (!within).then_some(place);
                assert_eq!(last_outside_domain(&value), last, "{byte} at {place}");
            }
        }
        assert_eq!(last_outside_domain(b"@ab.example@cd"), Some(11));
    }

    #[test]
    fn values_beside_each_other_do_not_mix() {
        let values = [Some("12"), None, Some("a3"), Some("")]
            .into_iter()
            .collect();
        assert_eq!(
            texts(&digits(values)),
            [Some("00"), None, Some("a0"), Some("")]
        );
        let values = [Some("ab@c"), None, Some("x")].into_iter().collect();
        assert_eq!(texts(&email(values)), [Some("a***@c"), None, Some("***")]);
    }

    #[test]
    fn only_texts_are_transformed() {
        for name in [
            "text",
            "character varying(20)",
            "character(3)",
            "citext",
            "ext.citext",
        ] {
            assert!(takes(name), "{name}");
        }
        for name in [
            "integer",
            "numeric(10,2)",
            "text[]",
            "character varying(20)[]",
            "jsonb",
        ] {
            assert!(!takes(name), "{name}");
        }
    }
}

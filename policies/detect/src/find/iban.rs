//! International bank account numbers (ISO 13616).

use std::ops::Range;

use super::is_word;
use super::words::Words;
use crate::kind::{Confidence, Kind};

/// Countries, in order, with the length of their numbers.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Finds a number that begins with that word: in one piece, or in groups of four.
pub(super) fn find(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some(word) = words.get(at).filter(|word| !word.digits) else {
        return;
    };
    let text = &value[word.start..word.end];
    let Some(length) = length_of(text) else {
        return;
    };
    let range = match text.len() {
        4 => grouped(words, value, at, length),
        whole if whole == length => Some(word.start..word.end),
        _ => None,
    };
    if let Some(range) = range
        && !is_word(value.get(range.end))
        && remainder(&value[range.clone()]) == 1
    {
        keep(Kind::Iban, range, Confidence::High);
    }
}

/// The length of the numbers of the country that the text begins with, check digits following.
fn length_of(text: &[u8]) -> Option<usize> {
    let (country, rest) = text.split_first_chunk::<2>()?;
    let checked = rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_digit);
    if !checked {
        return None;
    }
    let country = country.map(|letter| letter.to_ascii_uppercase());
    let place = LENGTHS.binary_search_by_key(&&country, |(name, _)| name);
    place.ok().map(|place| LENGTHS[place].1)
}

fn grouped(words: &Words, value: &[u8], at: usize, length: usize) -> Option<Range<usize>> {
    let last = at + length.div_ceil(4) - 1;
    for place in at..last {
        let (word, next) = (words.get(place)?, words.get(place + 1)?);
        let gap = &value[word.end..next.start];
        if word.end - word.start != 4 || !(gap == b" " || gap == b"-") {
            return None;
        }
    }
    let word = words.get(last)?;
    let rest = length - (length.div_ceil(4) - 1) * 4;
    (word.end - word.start == rest).then(|| words.get(at).map(|first| first.start..word.end))?
}

/// The number with its first four characters at the end, letters as 10 to 35, modulo 97.
fn remainder(text: &[u8]) -> u32 {
    let plain = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let moved = plain.clone().skip(4).chain(plain.take(4));
    moved.fold(0, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        letter => (sum * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::LENGTHS;

    #[test]
    fn countries_are_in_order() {
        assert!(LENGTHS.is_sorted_by(|(one, _), (next, _)| one < next));
    }
}

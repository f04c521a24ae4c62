//! National numbers of persons: of the United States, Brazil, Spain, France and Italy.

use std::ops::Range;

use super::is_word;
use super::words::{Word, Words, digits_of};
use crate::kind::{Confidence, Kind};

/// Finds a number that begins with that word.
pub(super) fn find(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some(word) = words.get(at) else { return };
    let before = word.start.checked_sub(1).and_then(|at| value.get(at));
    if is_word(before) {
        return;
    }
    let found = match word.digits {
        // Whole or in groups, each kind begins with so many digits.
        true => match word.end - word.start {
            3 => us_ssn(words, value, at).or_else(|| br_cpf(words, value, at)),
            9 => us_ssn(words, value, at),
            11 => br_cpf(words, value, at),
            1 | 15 => fr_nir(words, value, at),
            _ => None,
        }
        .or_else(|| es_dni(words, value, at)),
        false => it_codice_fiscale(words, value, at).or_else(|| es_dni(words, value, at)),
    };
    if let Some((range, sure)) = found
        && !is_word(value.get(range.end))
    {
        keep(Kind::NationalId, range, sure);
    }
}

type Found = Option<(Range<usize>, Confidence)>;

fn whole_word(words: &Words, at: usize, length: usize) -> Option<Range<usize>> {
    let word = words.get(at)?;
    (word.end - word.start == length).then_some(word.start..word.end)
}

/// Social security number: 3-2-4 digits; area not 000, 666 or 900 to 999, group not 00, serial not
/// 0000. It has no check digit.
fn us_ssn(words: &Words, value: &[u8], at: usize) -> Found {
    let shaped = |byte| {
        let range = words.shape(value, at, &[3, 2, 4], &[byte; 2])?;
        (!words.goes_on(value, &range, b'-')).then_some(range)
    };
    let (range, sure) = match (shaped(b'-'), shaped(b' ')) {
        (Some(range), _) => (range, Confidence::Medium),
        (None, Some(range)) => (range, Confidence::Low),
        (None, None) => (whole_word(words, at, 9)?, Confidence::Low),
    };
    let number = digits_of(&value[range.clone()]).fold(0, |sum, digit| sum * 10 + digit);
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let valid = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    // Numbers that were printed in advertisements, and so given to nobody.
    let printed = matches!(number, 78_051_120 | 219_099_999 | 123_456_789);
    (valid && !printed).then_some((range, sure))
}

/// Cadastro de Pessoas Físicas: 11 digits, the last two are checks.
fn br_cpf(words: &Words, value: &[u8], at: usize) -> Found {
    let (range, sure) = match words.shape(value, at, &[3, 3, 3, 2], b"..-") {
        Some(range) => (range, Confidence::High),
        None => (whole_word(words, at, 11)?, Confidence::Low),
    };
    let digits: Vec<u32> = digits_of(&value[range.clone()]).collect();
    let check = |count: usize| {
        let weighed = digits[..count].iter().zip((2..=count as u32 + 1).rev());
        let sum: u32 = weighed.map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    let varied = digits.iter().any(|digit| *digit != digits[0]);
    (varied && check(9) == digits[9] && check(10) == digits[10]).then_some((range, sure))
}

/// Documento nacional de identidad, 8 digits and a letter; of foreigners X, Y or Z, 7 and a letter.
fn es_dni(words: &Words, value: &[u8], at: usize) -> Found {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    // "12345678-Z", "X-1234567-L" and "X1234567-L" are "12345678Z" and "X1234567L" in pieces.
    let Word { start, end, .. } = *words.get(at)?;
    let mut plain = [0; 9];
    if end - start != plain.len() && value.get(end) != Some(&b'-') {
        return None;
    }
    let mut filled = 0;
    let mut end = start;
    for place in at.. {
        let word = words.get(place)?;
        if place > at && value[end..word.start] != *b"-" {
            return None;
        }
        end = word.end;
        let text = &value[word.start..word.end];
        plain
            .get_mut(filled..filled + text.len())?
            .copy_from_slice(text);
        filled += text.len();
        if filled == plain.len() {
            break;
        }
    }
    let [head, middle @ .., letter] = &plain;
    let head = match head.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u32::from(digit - b'0'),
        foreign @ b'X'..=b'Z' => u32::from(foreign - b'X'),
        _ => return None,
    };
    if !middle.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits_of(middle).fold(head, |sum, digit| sum * 10 + digit);
    let right = LETTERS[(number % 23) as usize] == letter.to_ascii_uppercase();
    right.then_some((start..end, Confidence::Medium))
}

/// Numéro d'inscription au répertoire: 13 digits and two that check them.
fn fr_nir(words: &Words, value: &[u8], at: usize) -> Found {
    let shaped = words.shape(value, at, &[1, 2, 2, 2, 3, 3, 2], &[b' '; 6]);
    let (range, sure) = match shaped {
        Some(range) => (range, Confidence::High),
        None => (whole_word(words, at, 15)?, Confidence::Medium),
    };
    let digits = digits_of(&value[range.clone()]);
    let number = digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit));
    let (body, check) = (number / 100, number % 100);
    let month = body / 100_000_000 % 100;
    let sex = body / 1_000_000_000_000;
    let valid = matches!(sex, 1..=4 | 7 | 8) && matches!(month, 1..=12 | 20..=42 | 50..);
    (valid && 97 - body % 97 == check).then_some((range, sure))
}

/// Codice fiscale: 16 letters and digits, the last of which checks the others.
fn it_codice_fiscale(words: &Words, value: &[u8], at: usize) -> Found {
    let range = whole_word(words, at, 16)?;
    let code: Vec<u8> = value[range.clone()]
        .iter()
        .map(u8::to_ascii_uppercase)
        .collect();
    // Where two persons would have the same code, letters stand for digits.
    let shape = b"AAAAAA00A00A000A";
    let fits = code.iter().zip(shape).all(|(byte, place)| match place {
        b'0' => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
        _ => byte.is_ascii_uppercase(),
    });
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(place, byte)| weight(place, *byte))
        .sum();
    (fits && u32::from(code[15] - b'A') == sum % 26).then_some((range, Confidence::High))
}

/// What a character counts: as itself in even places, by a table in odd ones, counted from 1.
fn weight(place: usize, byte: u8) -> u32 {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let number = match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte.wrapping_sub(b'A') % 26,
    };
    match place % 2 {
        0 => ODD[usize::from(number)],
        _ => u32::from(number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is found where each reader is asked, however long the word is.
    fn each_asked(words: &Words, value: &[u8], at: usize) -> Found {
        us_ssn(words, value, at)
            .or_else(|| br_cpf(words, value, at))
            .or_else(|| fr_nir(words, value, at))
            .or_else(|| es_dni(words, value, at))
    }

    /// Numbers with a check that is right, and digits in their shapes and in others.
    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "536-90-4399",
                "536904399",
                "529.982.247-25",
                "52998224725",
                "2 55 08 14 168 025 38",
                "255081416802538",
                "12345678-Z",
                "1-2345678-Z",
            ])
            .prop_map(str::to_owned),
            "[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}",
            "[0-9]{1,16}",
            "[0-9 .-]{0,20}[A-Z]?",
        ]
    }

    proptest! {
        #[test]
        fn by_its_length_a_word_misses_no_reader(numbers in prop::collection::vec(number(), 1..4)) {
            let value = numbers.join(" ").into_bytes();
            let mut words = Words::default();
            words.read(&value);
            for at in (0..words.len()).filter(|at| words.get(*at).is_some_and(|word| word.digits)) {
                let expected = each_asked(&words, &value, at);
                let expected = expected.filter(|(range, _)| !is_word(value.get(range.end)));
                let mut found = None;
                find(&words, &value, at, &mut |_, range, sure| found = Some((range, sure)));
                prop_assert_eq!(found, expected);
            }
        }
    }
}

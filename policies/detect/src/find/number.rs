//! Numbers of payment cards.

use std::ops::Range;

use super::is_word;
use super::words::{Words, digits_of, luhn};
use crate::kind::{Confidence, Kind};

/// How the groups of a card's number are printed.
const SHAPES: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// Finds a number that begins with that word.
pub(super) fn find(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some(word) = words.get(at) else { return };
    let length = word.end - word.start;
    if !word.digits || !(length == 4 || (13..=19).contains(&length)) {
        return;
    }
    if length > 4 {
        let range = word.start..word.end;
        if is_apart(words, value, &range) && is_number(&value[range.clone()]) {
            let alone = range.len() == value.len();
            keep(Kind::Card, range.clone(), sureness(&value[range], alone));
        }
        return;
    }
    for between in [b' ', b'-', b'.'] {
        for lengths in SHAPES {
            let gaps = [between; 4];
            let shape = words.shape(value, at, lengths, &gaps[..lengths.len() - 1]);
            let Some(range) = shape else { continue };
            let whole = between == b' ' || !words.goes_on(value, &range, between);
            if whole && is_number(&value[range.clone()]) {
                keep(Kind::Card, range.clone(), sureness(&value[range], true));
                return;
            }
        }
    }
}

/// True where no decimal point and no letter joins it.
fn is_apart(words: &Words, value: &[u8], range: &Range<usize>) -> bool {
    let before = range.start.checked_sub(1).and_then(|at| value.get(at));
    !words.goes_on(value, range, b'.') && !is_word(before) && !is_word(value.get(range.end))
}

fn is_number(text: &[u8]) -> bool {
    let digits = digits_of(text);
    let all_the_same = digits
        .clone()
        .all(|digit| Some(digit) == digits.clone().next());
    !all_the_same && luhn(digits)
}

/// By the network that gives out such numbers; `shaped` where it is printed as one, or stands alone.
fn sureness(text: &[u8], shaped: bool) -> Confidence {
    let count = digits_of(text).count();
    let head = |length: usize| digits_of(text).take(length).fold(0, |sum, d| sum * 10 + d);
    let network = match (head(1), head(2), head(4)) {
        (4, ..) => matches!(count, 13 | 16 | 19),
        (_, 34 | 37, _) => count == 15,
        (_, 51..=55, _) | (.., 2221..=2720) => count == 16,
        (_, 36 | 38 | 39, _) | (.., 3000..=3059 | 3095) => count == 14 || count == 16,
        (.., 6011) | (_, 64 | 65, _) => (16..=19).contains(&count),
        (.., 3528..=3589) => (16..=19).contains(&count),
        (_, 62 | 81, _) => (16..=19).contains(&count),
        (_, 50 | 56..=58 | 67, _) | (.., 6304 | 6390 | 6759..=6763) => count >= 13,
        (.., 2200..=2204) => (16..=19).contains(&count),
        _ => false,
    };
    match (network, shaped) {
        (true, true) => Confidence::High,
        (true, false) => Confidence::Medium,
        (false, _) => Confidence::Low,
    }
}

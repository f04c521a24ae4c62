//! Telephone numbers: as E.164 has them, and as they are commonly written.

use std::ops::Range;

use super::is_word;
use super::words::Words;
use crate::kind::{Confidence, Kind};

/// Digits that E.164 allows, the country's code included.
const LONGEST: usize = 15;
const SHORTEST: usize = 8;

/// Finds a number that begins with that word.
pub(super) fn find(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some(word) = words.get(at).filter(|word| word.digits) else {
        return;
    };
    let before = word.start.checked_sub(1).map(|at| value[at]);
    if before == Some(b'+') {
        international(words, value, at, keep);
        return;
    }
    if is_word(before.as_ref()) || before == Some(b'.') {
        return;
    }
    // The rest of a number that was found from an earlier word.
    if !word.joins || before == Some(b'(') {
        national(words, value, at, keep);
    }
}

/// `+` and a country's code: of the groups that follow, as many as a number has.
fn international(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some(first) = words.get(at) else { return };
    let start = first.start - 1;
    let outside = start.checked_sub(1).and_then(|at| value.get(at));
    if is_word(outside) {
        return;
    }
    let Some((end, count)) = extent(words, at) else {
        return;
    };
    if count < SHORTEST || is_word(value.get(end)) {
        return;
    }
    let sure = match has_country(&value[first.start..first.end]) {
        true => Confidence::High,
        false => Confidence::Low,
    };
    keep(Kind::Phone, start..end, sure);
}

/// Without a country's code: as in North America, or with a leading 0, or nothing but digits.
fn national(
    words: &Words,
    value: &[u8],
    at: usize,
    keep: &mut impl FnMut(Kind, Range<usize>, Confidence),
) {
    let Some((end, count)) = extent(words, at) else {
        return;
    };
    let Some(word) = words.get(at) else { return };
    if is_word(value.get(end)) {
        return;
    }
    let opened = word.start > 0 && value[word.start - 1] == b'(';
    let start = word.start - usize::from(opened);
    let mut lengths = [0; LONGEST];
    let groups = words.groups(at, end, &mut lengths);
    let american = match groups {
        [3, 3, 4] => Some(word),
        [1, 3, 3, 4] if value[word.start] == b'1' => words.get(at + 1),
        _ => None,
    };
    if let Some(area) = american {
        let exchange = value[area.end..].iter().find(|byte| byte.is_ascii_digit());
        let valid = |digit: &u8| (b'2'..=b'9').contains(digit);
        if valid(&value[area.start]) && exchange.is_some_and(valid) {
            let sure = match value.get(area.end) {
                Some(b')') => Confidence::High,
                Some(b' ') => Confidence::Low,
                _ => Confidence::Medium,
            };
            keep(Kind::Phone, start..end, sure);
        }
        return;
    }
    let local = value[word.start] == b'0' && groups.len() >= 2;
    let plain = groups.len() == 1;
    if (local || plain) && (9..=12).contains(&count) {
        keep(Kind::Phone, start..end, Confidence::Low);
    }
}

/// Where the groups of digits that belong together end, and how many digits they have: no more than
/// a number may.
fn extent(words: &Words, at: usize) -> Option<(usize, usize)> {
    let first = words.get(at)?;
    let mut last = first;
    let mut count = first.end - first.start;
    if count > LONGEST {
        return None;
    }
    let mut place = at + 1;
    while let Some(next) = words.get(place) {
        let more = next.end - next.start;
        if !next.joins || count + more > LONGEST {
            break;
        }
        count += more;
        last = next;
        place += 1;
    }
    Some((last.end, count))
}

/// True where the digits begin with a code that a country has.
fn has_country(digits: &[u8]) -> bool {
    let [first, rest @ ..] = digits else {
        return false;
    };
    match (first, rest.first()) {
        (b'1' | b'7', _) => true,
        (b'2', Some(second)) => matches!(second, b'0'..=b'7' | b'9'),
        (b'3' | b'4' | b'5' | b'6' | b'9', Some(_)) => true,
        (b'8', Some(second)) => matches!(second, b'0'..=b'2' | b'4'..=b'8'),
        _ => false,
    }
}

impl Words {
    /// The lengths of the words from `at` to where they end.
    fn groups<'a>(&self, at: usize, end: usize, lengths: &'a mut [usize]) -> &'a [usize] {
        let words = (at..).map_while(|place| self.get(place));
        let words = words.take_while(|word| word.end <= end);
        let mut count = 0;
        for (length, word) in lengths.iter_mut().zip(words) {
            *length = word.end - word.start;
            count += 1;
        }
        &lengths[..count]
    }
}

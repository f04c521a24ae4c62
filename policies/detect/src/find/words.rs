//! A value cut into its words: runs of ASCII letters and digits.

use std::ops::Range;

use super::{DIGIT, PLAIN, is_of};

/// The words of a value.
#[derive(Debug, Default)]
pub(super) struct Words {
    words: Vec<Word>,
}

/// One word.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// True where it has only digits.
    pub(super) digits: bool,
    /// True where it goes on with the number of the word before.
    pub(super) joins: bool,
}

impl Words {
    pub(super) fn read(&mut self, value: &[u8]) {
        self.words.clear();
        let mut at = 0;
        while at < value.len() {
            let start = at;
            let mut digits = true;
            while at < value.len() && is_of(PLAIN, value[at]) {
                digits &= is_of(DIGIT, value[at]);
                at += 1;
            }
            if at > start {
                let goes_on = |last: &Word| last.digits && is_gap(&value[last.end..start]);
                let joins = digits && self.words.last().is_some_and(goes_on);
                self.words.push(Word {
                    start,
                    end: at,
                    digits,
                    joins,
                });
            }
            at += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Word> {
        self.words.get(at)
    }

    /// The words from `at` on where they are all digits of these lengths with this one byte between
    /// each two.
    pub(super) fn shape(
        &self,
        value: &[u8],
        at: usize,
        lengths: &[usize],
        between: &[u8],
    ) -> Option<Range<usize>> {
        let words = self.words.get(at..at + lengths.len())?;
        let fits = words
            .iter()
            .zip(lengths)
            .all(|(word, length)| word.digits && word.end - word.start == *length);
        let joined = words
            .windows(2)
            .zip(between)
            .all(|(pair, byte)| value[pair[0].end..pair[1].start] == [*byte]);
        (fits && joined && words.len() == between.len() + 1)
            .then(|| words[0].start..words[words.len() - 1].end)
    }

    /// True where the words before or after the range go on as a number does, with this byte: what
    /// looks whole may be a part.
    pub(super) fn goes_on(&self, value: &[u8], range: &Range<usize>, byte: u8) -> bool {
        let before = range.start >= 2
            && value[range.start - 1] == byte
            && value[range.start - 2].is_ascii_digit();
        let after = value.get(range.end) == Some(&byte)
            && value.get(range.end + 1).is_some_and(u8::is_ascii_digit);
        before || after
    }
}

/// True where this may stand between the groups of one number.
fn is_gap(between: &[u8]) -> bool {
    match between {
        [one] => matches!(one, b' ' | b'-' | b'.' | b'/' | b'(' | b')'),
        [b')', one] => matches!(one, b' ' | b'-'),
        [b' ', b'('] | [b' ', b'-', b' '] => true,
        _ => false,
    }
}

/// The digits of a range, as numbers, whatever stands between them.
pub(super) fn digits_of(bytes: &[u8]) -> impl DoubleEndedIterator<Item = u32> + Clone {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
    digits.map(|byte| u32::from(byte - b'0'))
}

/// The check of ISO/IEC 7812: from the right, every second digit counts twice.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let each = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        });
    each.sum::<u32>() % 10 == 0
}

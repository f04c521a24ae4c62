//! Finds what is looked for in one value after another.
//!
//! A value is first sieved in one pass that costs about a nanosecond for eight bytes: has it an
//! `@`, dashes, enough digits? Only where those could be part of a finding are the slower readers
//! asked, each for what it can find.

mod email;
mod iban;
mod key;
mod national;
mod number;
mod phone;
mod sieve;
mod token;
mod words;

use std::ops::Range;

use memchr::memmem;
use sluice_sdk::OutputColumn;

use self::sieve::sieve;
use self::words::Words;
use crate::kind::{Confidence, Kind, PerKind};

/// Something found in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Where: whole characters, where the value is UTF-8.
    pub range: Range<usize>,
    /// How sure.
    pub confidence: Confidence,
}

/// Which kinds the place of the values makes likelier.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nearby(PerKind<bool>);

impl Nearby {
    /// By the names of the column: its own and that in the result.
    #[must_use]
    pub fn of(column: &OutputColumn) -> Nearby {
        let base = column.column.as_ref().map(|base| base.name.as_str());
        let names = format!("{} {}", base.unwrap_or_default(), column.name).to_ascii_lowercase();
        Nearby(PerKind::from_fn(|kind| speaks_of(kind, names.as_bytes())))
    }
}

/// True where the text, in lower case, has a word of the kind.
fn speaks_of(kind: Kind, text: &[u8]) -> bool {
    let has = |word: &&str| text.windows(word.len()).any(|part| part == word.as_bytes());
    kind.words().iter().any(has)
}

/// How many bytes before a text are looked at for words that make a kind likelier.
const BEFORE: usize = 24;

/// Finds what is wanted in the values of one column.
#[derive(Debug)]
pub struct Finder {
    /// The least sure finding of each kind that counts; none where it is not looked for.
    wanted: PerKind<Option<Confidence>>,
    nearby: Nearby,
    found: Vec<Finding>,
    words: Words,
}

/// A letter or a digit.
const PLAIN: u8 = 1;
const DIGIT: u8 = 2;
/// What tokens are made of.
const TOKEN: u8 = 4;
/// What stands in the two parts of an e-mail address.
const LOCAL: u8 = 8;
const DOMAIN: u8 = 16;
/// A letter, a digit, or part of a character beyond ASCII.
const WORD: u8 = 32;

/// The classes of each byte.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [WORD | LOCAL | DOMAIN; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'0'..=b'9' => WORD | PLAIN | DIGIT | TOKEN | LOCAL | DOMAIN,
            b'a'..=b'z' | b'A'..=b'Z' => WORD | PLAIN | TOKEN | LOCAL | DOMAIN,
            b'.' | b'-' => TOKEN | LOCAL | DOMAIN,
            b'_' | b'+' => TOKEN | LOCAL,
            b'/' | b'=' => TOKEN,
            b'%' | b'\'' | b'&' | b'~' | b'#' | b'!' | b'$' => LOCAL,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

/// True where the byte is of one of these classes.
#[inline]
fn is_of(classes: u8, byte: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// Digits that a number of a person, an account or a telephone has at least.
const FEWEST_DIGITS: usize = 7;

impl Finder {
    /// Finds these kinds.
    #[must_use]
    pub fn new(wanted: PerKind<Option<Confidence>>, nearby: Nearby) -> Finder {
        Finder {
            wanted,
            nearby,
            found: Vec::new(),
            words: Words::default(),
        }
    }

    /// What is in the value, in order; no two overlap.
    pub fn find(&mut self, value: &[u8]) -> &[Finding] {
        self.found.clear();
        let sieved = sieve(value);
        if sieved.at && self.wants(Kind::Email) {
            email::find(value, |range, sure| {
                self.keep(value, Kind::Email, range, sure)
            });
        }
        if sieved.dashes && self.wants(Kind::PrivateKey) {
            self.private_keys(value);
        }
        if self.wants(Kind::Token) || self.wants(Kind::Secret) {
            token::find(value, |kind, range, sure| {
                self.keep(value, kind, range, sure)
            });
        }
        if sieved.digits >= FEWEST_DIGITS {
            self.numbers(value);
        }
        self.settle();
        &self.found
    }

    fn private_keys(&mut self, value: &[u8]) {
        if memmem::find(value, key::BEGIN).is_some() {
            key::find(value, |range| {
                self.keep(value, Kind::PrivateKey, range, Confidence::High);
            });
        }
    }

    fn numbers(&mut self, value: &[u8]) {
        let mut words = std::mem::take(&mut self.words);
        words.read(value);
        for at in 0..words.len() {
            let mut keep = |kind, range, sure| self.keep(value, kind, range, sure);
            iban::find(&words, value, at, &mut keep);
            number::find(&words, value, at, &mut keep);
            national::find(&words, value, at, &mut keep);
            phone::find(&words, value, at, &mut keep);
        }
        self.words = words;
    }

    fn wants(&self, kind: Kind) -> bool {
        self.wanted[kind].is_some()
    }

    /// Keeps what is wanted and sure enough, words nearby considered.
    #[inline(never)] // Once, and not in each reader: their loop is the faster.
    fn keep(&mut self, value: &[u8], kind: Kind, range: Range<usize>, sure: Confidence) {
        let Some(least) = self.wanted[kind] else {
            return;
        };
        let confidence = match sure {
            Confidence::High => sure,
            Confidence::Low | Confidence::Medium if self.is_likely(value, kind, &range) => {
                Confidence::High
            }
            Confidence::Low | Confidence::Medium => sure,
        };
        if confidence >= least {
            self.found.push(Finding {
                kind,
                range,
                confidence,
            });
        }
    }

    fn is_likely(&self, value: &[u8], kind: Kind, range: &Range<usize>) -> bool {
        if self.nearby.0[kind] {
            return true;
        }
        let before = &value[range.start.saturating_sub(BEFORE)..range.start];
        // No word is shorter than three letters, and numbers follow numbers often.
        let mut threes = before.windows(3);
        if !threes.any(|three| three.iter().all(u8::is_ascii_alphabetic)) {
            return false;
        }
        let mut lower = [0; BEFORE];
        let lower = &mut lower[..before.len()];
        lower.copy_from_slice(before);
        lower.make_ascii_lowercase();
        speaks_of(kind, lower)
    }

    /// In order, and of those that overlap the surest kind.
    fn settle(&mut self) {
        if self.found.len() < 2 {
            return;
        }
        self.found.sort_by_key(|one| (one.range.start, one.kind));
        self.found.dedup_by(|next, last| {
            let overlap = next.range.start < last.range.end;
            if overlap && next.kind < last.kind {
                std::mem::swap(next, last);
            }
            overlap
        });
    }
}

/// Whether a byte can be part of a word: letters and digits, and all that is not ASCII.
fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| is_of(WORD, *byte))
}

#[cfg(test)]
mod tests;

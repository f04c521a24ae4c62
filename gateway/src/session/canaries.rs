//! Values that must never pass: an alarm that should never ring.
//!
//! An operator puts made-up values into protected columns and lists them. Every byte for a client from
//! whom columns are protected is searched for them, after all masking and before it is written. One
//! that is found has got past everything else: the session ends, and nothing of it is sent.

use std::path::Path;

use aho_corasick::AhoCorasick;

/// A shorter value stands in harmless bytes by chance.
const SHORTEST: usize = 6;

/// The values.
#[derive(Debug)]
pub(crate) struct Canaries {
    automaton: AhoCorasick,
    longest: usize,
}

/// A list of canaries that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// A value is too short to be told from others.
    #[error("line {line}: a canary has {SHORTEST} bytes or more")]
    Short {
        /// The line, from 1.
        line: usize,
    },
    /// There is none.
    #[error("it lists no value; write one a line")]
    Empty,
    /// There are too many.
    #[error("{0}")]
    TooMany(#[from] aho_corasick::BuildError),
}

impl Canaries {
    /// Reads a file: one value a line.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)?;
        let mut values: Vec<&str> = Vec::new();
        for (number, value) in text.lines().enumerate() {
            if value.is_empty() {
                continue;
            }
            if value.len() < SHORTEST {
                return Err(Error::Short { line: number + 1 });
            }
            values.push(value);
        }
        let Some(longest) = values.iter().map(|value| value.len()).max() else {
            return Err(Error::Empty);
        };
        Ok(Self {
            automaton: AhoCorasick::new(&values)?,
            longest,
        })
    }
}

/// What one client has been sent last, as a value may lie across two writes.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    tail: Vec<u8>,
}

impl Watch {
    /// True where one stands in these bytes, or across what was sent before and them.
    pub(crate) fn rings(&mut self, canaries: &Canaries, bytes: &[u8]) -> bool {
        let keep = canaries.longest - 1;
        let seam = &bytes[..bytes.len().min(keep)];
        self.tail.extend_from_slice(seam);
        if canaries.automaton.is_match(&self.tail) || canaries.automaton.is_match(bytes) {
            return true;
        }
        if bytes.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - keep..]);
        } else {
            let surplus = self.tail.len().saturating_sub(keep);
            self.tail.drain(..surplus);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Canaries, Error, Watch};

    fn canaries(text: &str) -> Result<Canaries, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Canaries::read(file.path())
    }

    #[test]
    fn a_value_is_found_wherever_it_is_cut() {
        let canaries = canaries("quartzzebra\nother-value\n").unwrap();
        let text = b"some bytes before quartzzebra and after";
        for cut in 0..text.len() {
            for second in cut..text.len() {
                let mut watch = Watch::default();
                let parts = [&text[..cut], &text[cut..second], &text[second..]];
                let rang = parts.iter().any(|part| watch.rings(&canaries, part));
                assert!(rang, "cut at {cut} and {second}");
            }
        }
        let mut watch = Watch::default();
        for byte in b"quartzzebr quartz zebra othervalue" {
            assert!(!watch.rings(&canaries, &[*byte]));
        }
    }

    #[test]
    fn lists_that_cannot_be_used_say_why() {
        assert!(matches!(canaries("\n\n"), Err(Error::Empty)));
        assert!(matches!(
            canaries("long enough\nshort"),
            Err(Error::Short { line: 2 })
        ));
    }
}

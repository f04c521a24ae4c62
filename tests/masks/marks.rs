//! Marked values, and all spellings in which they may be told.

use std::collections::HashMap;

use sluice_tests::wire_client::{Format, Message};

use crate::walk::{Protocol, Talk, rows, values};

/// The word in every protected text value; masks keep less of a value than this.
const MARK: &str = "quartzzebra";

/// The digits in every protected number.
const DIGITS: &str = "73519284";

/// Values of fewer bytes are told by chance.
const SHORTEST: usize = 4;

/// Finds marks in answers.
#[derive(Debug)]
pub struct Marks {
    /// What may stand in a message.
    raw: Needles,
    /// What may stand in its letters and digits.
    squeezed: Needles,
}

impl Marks {
    /// The marks in every spelling, and every value of every type as the server itself tells it.
    pub async fn of(direct: &mut Talk) -> Self {
        let mut raw: Vec<Vec<u8>> = vec![MARK.into(), DIGITS.into(), reversed(MARK).into()];
        raw.extend(base64());
        // The salaries in binary, 735192840 and its neighbours.
        raw.extend((0..10).map(|i| (735_192_840_i32 + i).to_be_bytes().to_vec()));
        let everything = "SELECT * FROM vault.types";
        for format in [Format::Text, Format::Binary] {
            let answer = direct.say(everything, Protocol::Extended(format)).await;
            for row in rows(&answer.messages) {
                // The first two are open.
                raw.extend(row.into_iter().skip(2).flatten().map(<[u8]>::to_vec));
            }
        }
        raw.retain(|value| value.len() >= SHORTEST);
        Self {
            raw: Needles::new(raw),
            squeezed: Needles::new(squeezed_spellings()),
        }
    }

    /// The first mark that stands in what was said.
    pub fn find(&self, said: &[Message]) -> Option<String> {
        let bodies = said.iter().map(|message| &message.body[..]);
        let raw = bodies.clone().find_map(|body| self.raw.find(body));
        raw.or_else(|| {
            let all = said.iter().flat_map(values);
            self.squeezed.find(&squeeze(all, u8::is_ascii_alphanumeric))
        })
        .or_else(|| {
            let all = said.iter().flat_map(values);
            self.squeezed.find(&squeeze(all, u8::is_ascii_alphabetic))
        })
        .or_else(|| self.find_in_columns(said))
    }

    /// Marks that stand one character below the other.
    fn find_in_columns(&self, said: &[Message]) -> Option<String> {
        let rows: Vec<_> = rows(said).collect();
        let width = rows.iter().map(Vec::len).max().unwrap_or_default();
        (1..width).find_map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column).copied()?);
            self.squeezed
                .find(&squeeze(cells, u8::is_ascii_alphanumeric))
        })
    }
}

/// Byte strings to be found, by their first two bytes.
#[derive(Debug)]
struct Needles {
    by_start: HashMap<[u8; 2], Vec<Vec<u8>>>,
    starts: Vec<bool>,
}

impl Needles {
    fn new(needles: Vec<Vec<u8>>) -> Self {
        let mut by_start: HashMap<_, Vec<Vec<u8>>> = HashMap::new();
        let mut starts = vec![false; 1 << 16];
        for needle in needles {
            let start = [needle[0], needle[1]];
            starts[usize::from(u16::from_be_bytes(start))] = true;
            by_start.entry(start).or_default().push(needle);
        }
        Self { by_start, starts }
    }

    fn find(&self, bytes: &[u8]) -> Option<String> {
        for (place, pair) in bytes.windows(2).enumerate() {
            let start = [pair[0], pair[1]];
            if !self.starts[usize::from(u16::from_be_bytes(start))] {
                continue;
            }
            let here = self.by_start.get(&start).into_iter().flatten();
            if let Some(found) = here.into_iter().find(|one| bytes[place..].starts_with(one)) {
                return Some(found.escape_ascii().to_string());
            }
        }
        None
    }
}

/// The letters in lower case, and the digits, as far as they are kept.
fn squeeze<'a>(parts: impl Iterator<Item = &'a [u8]>, kept: fn(&u8) -> bool) -> Vec<u8> {
    let bytes = parts.flatten().filter(|byte| kept(byte));
    bytes.map(u8::to_ascii_lowercase).collect()
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// base64 of the mark at each of the three offsets, less the characters its neighbours share.
fn base64() -> impl Iterator<Item = Vec<u8>> {
    ["cXVhcnR6emVicm", "F1YXJ0enplYnJh", "xdWFydHp6ZWJyY"]
        .into_iter()
        .map(|text| text.as_bytes().to_vec())
}

/// The marks as letters and digits alone: through any quoting, separators, rows and columns.
fn squeezed_spellings() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for word in [MARK, DIGITS] {
        let upper = word.to_uppercase();
        let each =
            |text: &str, spell: fn(u8) -> String| text.bytes().map(spell).collect::<String>();
        found.extend([word.to_owned(), reversed(word)]);
        for word in [word, &upper] {
            // Hexadecimal, also quoted-printable and in URLs.
            found.push(each(word, |byte| format!("{byte:02x}")));
            found.push(each(word, |byte| format!("x{byte:02x}")));
            // UTF-16 and JSON's escapes.
            found.push(each(word, |byte| format!("{byte:04x}")));
            found.push(each(word, |byte| format!("u{byte:04x}")));
            // Codes in decimal, octal and binary.
            found.push(each(word, |byte| format!("{byte}")));
            found.push(each(word, |byte| format!("{byte:o}")));
            found.push(each(word, |byte| format!("{byte:03o}")));
            found.push(each(word, |byte| format!("{byte:08b}")));
        }
        found.push(each(&reversed(word), |byte| format!("{byte:02x}")));
        found.push(each(&reversed(word), |byte| format!("{byte}")));
    }
    found.extend(base64().map(|text| {
        let text = text.to_ascii_lowercase();
        String::from_utf8(text).expect("base64 is ASCII")
    }));
    found.into_iter().map(String::into_bytes).collect()
}

//! Keys under which texts that differ in plain literals only are the same.

use std::mem;

mod template;
#[cfg(test)]
mod tests;

pub use template::Template;

/// The longest text that is given a shape.
const LONGEST: usize = 1 << 20;

/// Marks that no text with a shape contains. Whole numbers that fit 32 bits are a token of their own in PostgreSQL's
/// grammar, the only one that it takes in some places.
const INTEGER: u8 = 1;
const DECIMAL: u8 = 2;
const STRING: u8 = 3;

/// What is left of a text when its plain literals are folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The text with a mark in place of every plain literal.
    pub key: Box<[u8]>,
}

impl Shape {
    /// The text for people, with `?` in place of every plain literal.
    pub fn readable(&self) -> String {
        let folded = self.key.iter().map(|byte| match *byte {
            INTEGER | DECIMAL | STRING => '?',
            byte => char::from(byte),
        });
        folded.collect()
    }
}

/// Makes shapes, one after the other in the same memory.
#[derive(Debug, Default)]
pub struct Shaper {
    key: Vec<u8>,
    pending: Vec<Folded>,
}

/// The shape of a text; none where the text itself must be the key.
///
/// Texts of one shape have the same analysis, but for what restricts the rows of their queries
/// (`Statement::rows`). Plain numbers and plain strings are folded where they
/// only are values: not after BY or DISTINCT, where a number is a position, and in texts that update
/// or delete only in `column = literal`, so that what is always true stays in the key.
pub fn shape(text: &str) -> Option<Shape> {
    let mut shaper = Shaper::default();
    let key = shaper.shape(text)?.into();
    Some(Shape { key })
}

impl Shaper {
    /// The [key](Shape::key) of a text's [`shape`].
    pub fn shape(&mut self, text: &str) -> Option<&[u8]> {
        if text.len() > LONGEST {
            return None;
        }
        let (mut key, mut pending) = (mem::take(&mut self.key), mem::take(&mut self.pending));
        key.clear();
        pending.clear();
        let mut scan = Scan {
            bytes: text.as_bytes(),
            place: 0,
            copied: 0,
            key,
            folds: Folds::Everywhere,
            after_limit: false,
            first_word: true,
            raw: false,
            pending,
        };
        let found = scan.run();
        (self.key, self.pending) = (scan.key, scan.pending);
        found.map(|()| self.key.as_slice())
    }
}

/// The function whose literals decide what it does.
const SET_CONFIG: &[u8] = b"set_config";

/// Where literals may be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folds {
    /// Wherever they are.
    Everywhere,
    /// In `column = literal` only.
    Equalities,
}

struct Scan<'a> {
    bytes: &'a [u8],
    place: usize,
    /// What comes before is in the key.
    copied: usize,
    key: Vec<u8>,
    folds: Folds,
    /// The last word was LIMIT or OFFSET.
    after_limit: bool,
    first_word: bool,
    /// After BY or DISTINCT: literals stay as they are.
    raw: bool,
    /// Folded so far: place in the key, the literal, whether it is in `column = literal`.
    pending: Vec<Folded>,
}

#[derive(Debug)]
struct Folded {
    /// Its place in the key.
    at: usize,
    /// Its place in the text.
    from: usize,
    length: usize,
    equality: bool,
}

impl Scan<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(&byte) = self.bytes.get(self.place) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word()?,
                b'0'..=b'9' => self.number()?,
                b'\'' => self.string()?,
                b'"' => self.quoted()?,
                b'$' => self.parameter()?,
                b'-' if self.next_is(b'-') => return None,
                b'/' if self.next_is(b'*') => return None,
                b';' if !self.is_last() => return None,
                b' ' | b'\n' | b'\t' | b'\r' => self.place += 1,
                0x21..=0x7e => {
                    self.after_limit = false;
                    self.place += 1;
                }
                _ => return None,
            }
        }
        self.copy();
        if self.folds == Folds::Equalities {
            self.unfold();
        }
        Some(())
    }

    /// Whether nothing follows: in another statement a literal may be anything.
    fn is_last(&self) -> bool {
        self.bytes[self.place + 1..].trim_ascii().is_empty()
    }

    fn next_is(&self, byte: u8) -> bool {
        self.bytes.get(self.place + 1) == Some(&byte)
    }

    /// Copies what was walked over into the key.
    fn copy(&mut self) {
        self.key
            .extend_from_slice(&self.bytes[self.copied..self.place]);
        self.copied = self.place;
    }

    fn word(&mut self) -> Option<()> {
        let rest = &self.bytes[self.place..];
        let length = name_length(rest);
        let word = &rest[..length];
        // E'', B'', X'', N'', U&'' and U&"".
        match rest.get(length) {
            Some(b'\'' | b'"') => return None,
            Some(b'&') if word.eq_ignore_ascii_case(b"u") => return None,
            Some(byte) if !byte.is_ascii() => return None,
            _ => {}
        }
        let word = Word::of(word);
        // Behind a dot it names a column.
        let is_name = self.place > 0 && self.bytes[self.place - 1] == b'.';
        self.after_limit = word == Word::Limit && !is_name;
        let begins = matches!(word, Word::Reads | Word::Changes);
        if mem::take(&mut self.first_word) && !begins {
            return None;
        }
        match word {
            Word::Position => self.raw = true,
            Word::Changes => self.folds = Folds::Equalities,
            Word::Unfoldable => return None,
            Word::Limit | Word::Reads | Word::Other => {}
        }
        self.place += length;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.bytes[self.place..];
        let mut length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if rest.get(length) == Some(&b'.') {
            let fraction = rest[length + 1..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if fraction == 0 {
                return None;
            }
            length += 1 + fraction;
        }
        let before = self.place.checked_sub(1).map(|place| self.bytes[place]);
        let odd = |byte: u8| is_name_byte(byte) || byte == b'.' || !byte.is_ascii();
        if before.is_some_and(odd) || rest.get(length).copied().is_some_and(odd) {
            return None;
        }
        let is_integer =
            str::from_utf8(&rest[..length]).is_ok_and(|digits| digits.parse::<i32>().is_ok());
        self.fold(length, if is_integer { INTEGER } else { DECIMAL });
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let rest = &self.bytes[self.place..];
        let mut length = 1;
        loop {
            match rest.get(length)? {
                b'\'' if rest.get(length + 1) == Some(&b'\'') => length += 2,
                b'\'' => break,
                b'\\' | 0..=0x1f | 0x7f => return None,
                _ => length += 1,
            }
        }
        length += 1;
        if rest[..length].windows(2).any(|pair| pair == b"/*") {
            // Whoever counts comments may take it for one.
            return None;
        }
        // Another string may continue this one.
        let after = rest[length..]
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        if after == Some(&b'\'') {
            return None;
        }
        self.fold(length, STRING);
        Some(())
    }

    fn quoted(&mut self) -> Option<()> {
        let rest = &self.bytes[self.place..];
        let length = rest[1..].iter().position(|byte| *byte == b'"')? + 2;
        let name = &rest[1..length - 1];
        if name == SET_CONFIG || name.iter().any(u8::is_ascii_control) {
            return None;
        }
        self.after_limit = false;
        self.place += length;
        Some(())
    }

    fn parameter(&mut self) -> Option<()> {
        let rest = &self.bytes[self.place + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0
            || rest
                .get(digits)
                .copied()
                .is_some_and(|byte| is_name_byte(byte) || byte == b'.')
        {
            return None;
        }
        self.place += 1 + digits;
        Some(())
    }

    fn fold(&mut self, length: usize, mark: u8) {
        if self.raw && !self.after_limit {
            self.place += length;
            return;
        }
        self.copy();
        let equality =
            follows_equals(&self.key) && ends_condition(&self.bytes[self.place + length..]);
        self.pending.push(Folded {
            at: self.key.len(),
            from: self.place,
            length,
            equality,
        });
        self.key.push(mark);
        self.place += length;
        self.copied = self.place;
        self.after_limit = false;
    }

    /// Puts literals back where what they are may matter: in a text that updates or deletes, all but
    /// those in plain equalities, and these too where anything but AND joins conditions.
    fn unfold(&mut self) {
        let plain = !has_other_conditions(&self.key);
        let folded = mem::take(&mut self.key);
        let mut from = 0;
        for one in self.pending.iter().filter(|one| !(plain && one.equality)) {
            self.key.extend_from_slice(&folded[from..one.at]);
            let literal = &self.bytes[one.from..one.from + one.length];
            self.key.extend_from_slice(literal);
            from = one.at + 1;
        }
        self.key.extend_from_slice(&folded[from..]);
    }
}

/// A word, as far as it says where literals may be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// LIMIT and OFFSET: a number behind it is one.
    Limit,
    /// BY and DISTINCT: numbers behind it may be positions.
    Position,
    /// Begins a statement that reads or inserts.
    Reads,
    /// Begins a statement that updates or deletes, or such a part of one.
    Changes,
    /// No literal may be folded where it stands.
    Unfoldable,
    /// Any other.
    Other,
}

impl Word {
    fn of(word: &[u8]) -> Self {
        let is = |known: &[&[u8]]| is_one_of(word, known);
        match word.len() {
            2 if is(&[b"by"]) => Self::Position,
            4 if is(&[b"with"]) => Self::Reads,
            5 if is(&[b"limit"]) => Self::Limit,
            // The grammar itself makes types of different names of FLOAT(n), or refuses it.
            5 if is(&[b"merge", b"float"]) => Self::Unfoldable,
            6 if is(&[b"offset"]) => Self::Limit,
            6 if is(&[b"select", b"insert", b"values"]) => Self::Reads,
            6 if is(&[b"update", b"delete"]) => Self::Changes,
            7 if is(&[b"uescape"]) => Self::Unfoldable,
            8 if is(&[b"distinct"]) => Self::Position,
            10 if is(&[SET_CONFIG]) => Self::Unfoldable,
            _ => Self::Other,
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES[usize::from(byte)]
}

/// The bytes of a name at the front.
fn name_length(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| !is_name_byte(*byte));
    end.unwrap_or(bytes.len())
}

/// Letters, digits, `_` and `$`.
static NAME_BYTES: [bool; 256] = name_bytes();

const fn name_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_name = (byte as u8).is_ascii_alphanumeric();
        table[byte] = is_name || byte == b'_' as usize || byte == b'$' as usize;
        byte += 1;
    }
    table
}

fn is_one_of(word: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// Whether a key so far ends in `column =`.
fn follows_equals(key: &[u8]) -> bool {
    let key = key.trim_ascii_end();
    let Some(key) = key.strip_suffix(b"=") else {
        return false;
    };
    let key = key.trim_ascii_end();
    let word = key
        .iter()
        .rev()
        .take_while(|byte| is_name_byte(**byte))
        .count();
    let first = key.get(key.len() - word).copied();
    word > 0 && first.is_some_and(|byte| !byte.is_ascii_digit() && byte != b'$')
        || key.ends_with(b"\"")
}

/// Whether nothing but another condition, or the end of them, comes next.
fn ends_condition(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let word = name_length(rest);
    match rest.first() {
        None | Some(b',' | b')' | b';') => true,
        Some(_) => is_one_of(&rest[..word], &[b"and", b"where", b"returning", b"from"]),
    }
}

/// Whether a key has words or operators that make conditions of other kinds.
fn has_other_conditions(key: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"or",
        b"not",
        b"case",
        b"coalesce",
        b"nullif",
        b"is",
        b"isnull",
        b"notnull",
        b"in",
        b"between",
        b"like",
        b"ilike",
        b"similar",
        b"any",
        b"all",
        b"some",
        b"exists",
        b"select",
        b"values",
        b"greatest",
        b"least",
        b"row",
        b"array",
        b"union",
        b"except",
        b"intersect",
    ];
    if key
        .iter()
        .any(|byte| matches!(byte, b'<' | b'>' | b'!' | b'~' | b'@' | b'|' | b'&'))
    {
        return true;
    }
    key.split(|byte| !is_name_byte(*byte))
        .any(|word| is_one_of(word, WORDS))
}

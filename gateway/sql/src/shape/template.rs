//! A shape as a template, which other texts of the same shape fit.

use super::{DECIMAL, INTEGER, LONGEST, STRING};

/// Longer shapes make no template.
const LONGEST_KEY: usize = 1 << 10;
/// Whole numbers of so many digits fit 32 bits.
const SHORT_DIGITS: usize = 9;

/// A shape, taken apart at its marks.
#[derive(Clone, Debug)]
pub struct Template {
    key: Box<[u8]>,
    /// The places of the marks.
    marks: Box<[usize]>,
}

impl Template {
    /// The template of a [key](super::Shape::key); none of a long one.
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() > LONGEST_KEY {
            return None;
        }
        let is_mark = |(_, byte): &(usize, &u8)| matches!(**byte, INTEGER | DECIMAL | STRING);
        let marks = key.iter().enumerate().filter(is_mark);
        Some(Self {
            key: key.into(),
            marks: marks.map(|(place, _)| place).collect(),
        })
    }

    /// True only where the [`shape`](super::shape) of the text is this one. Found faster than a shape;
    /// some texts of the shape are missed.
    ///
    /// What a scan finds in a text depends on what lies between its literals, and of a literal only on
    /// its kind. So a text that is the same between them, with plain literals of the same kinds, has
    /// the same shape.
    pub fn fits(&self, text: &str) -> bool {
        if text.len() > LONGEST {
            return false;
        }
        let mut rest = text.as_bytes();
        let mut from = 0;
        for &mark in &self.marks {
            let Some(behind) = rest.strip_prefix(&self.key[from..mark]) else {
                return false;
            };
            let length = match self.key[mark] {
                INTEGER => integer(behind),
                DECIMAL => decimal(behind),
                _ => string(behind),
            };
            let Some(length) = length else {
                return false;
            };
            rest = &behind[length..];
            from = mark + 1;
        }
        *rest == self.key[from..]
    }
}

/// How many digits stand at the front.
fn digits(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit());
    end.unwrap_or(bytes.len())
}

/// The length of a whole number that fits 32 bits.
fn integer(bytes: &[u8]) -> Option<usize> {
    let length = digits(bytes);
    (1..=SHORT_DIGITS).contains(&length).then_some(length)
}

/// The length of a number with a fraction.
fn decimal(bytes: &[u8]) -> Option<usize> {
    let whole = digits(bytes);
    let fraction = digits(bytes[whole..].strip_prefix(b".")?);
    (whole > 0 && fraction > 0).then_some(whole + 1 + fraction)
}

/// The length of a string without anything in it that needs a closer look.
fn string(bytes: &[u8]) -> Option<usize> {
    let inside = bytes.strip_prefix(b"'")?;
    let length = inside.iter().position(|byte| *byte == b'\'')?;
    let (inside, behind) = inside.split_at(length);
    let odd = |byte: &u8| matches!(byte, b'\\' | b'/' | 0..=0x1f | 0x7f);
    let doubled = behind.get(1) == Some(&b'\'');
    (!doubled && !inside.iter().any(odd)).then_some(length + 2)
}

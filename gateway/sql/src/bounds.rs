//! How deep a text may be nested before a reader sees it.

use crate::parse::{self, Strings};

/// The longest text, in bytes.
const LONGEST: usize = 1 << 20;

/// How often a comment may begin.
const MOST_COMMENTS: usize = 500;

/// The most statements in one text: each takes memory of its own before any is judged.
const MOST_STATEMENTS: usize = 10_000;

/// The deepest tree that a text may make, in levels.
pub(crate) const DEEPEST: usize = 3_000;

/// Whether a text may be read; else why not.
pub(crate) fn check(text: &str, strings: Strings) -> Result<(), &'static str> {
    if text.len() > LONGEST {
        return Err("the text is longer than 1 MiB");
    }
    // The scanner's time for nested comments is quadratic.
    if text.matches("/*").count() > MOST_COMMENTS {
        return Err("too many comments");
    }
    // A level takes at least a byte.
    if text.len() <= DEEPEST {
        return Ok(());
    }
    if strings == Strings::Escaped {
        // The scanner knows no such strings, and would find brackets within them.
        return Err("the text is long, and standard_conforming_strings is off");
    }
    let Ok(tokens) = parse::tokens(text) else {
        // The scanner refuses it and so will the reader, before it makes a tree.
        return Ok(());
    };
    let words = tokens
        .iter()
        .map(|token| cut(text.as_bytes(), token.start, token.end));
    if words.clone().filter(|word| *word == b";").count() > MOST_STATEMENTS {
        return Err("the text has more than 10,000 statements");
    }
    let parts = words.map(word);
    if depth(parts) > DEEPEST {
        return Err("the text is nested too deeply");
    }
    Ok(())
}

/// A token, as far as it matters for depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `(` or `[`.
    Open,
    /// `)` or `]`.
    Close,
    /// `,` or `;`: what follows is beside what was before, not inside.
    Beside,
    /// A set operation or a body: it nests across commas.
    Chain,
    /// A comment.
    Nothing,
    /// Anything else: at most one level.
    Other,
}

fn cut(text: &[u8], start: i32, end: i32) -> &[u8] {
    let place = |at: i32| usize::try_from(at).unwrap_or(0).min(text.len());
    let (start, end) = (place(start), place(end));
    text.get(start..end).unwrap_or_default()
}

/// What a token is by its text.
pub(crate) fn word(token: &[u8]) -> Part {
    match token {
        b"(" | b"[" => Part::Open,
        b")" | b"]" => Part::Close,
        b"," | b";" => Part::Beside,
        _ if token.starts_with(b"--") || token.starts_with(b"/*") => Part::Nothing,
        _ if [
            &b"union"[..],
            b"intersect",
            b"except",
            b"atomic",
            b"create",
            b"with",
        ]
        .iter()
        .any(|word| token.eq_ignore_ascii_case(word)) =>
        {
            Part::Chain
        }
        _ => Part::Other,
    }
}

/// One level of brackets.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Tokens since the last comma.
    here: usize,
    /// The deepest brackets since the last comma.
    inside: usize,
    /// The deepest between any two commas.
    deepest: usize,
    /// What nests across commas.
    chain: usize,
}

impl Level {
    fn next(&mut self) {
        self.deepest = self.deepest.max(self.here + self.inside);
        (self.here, self.inside) = (0, 0);
    }

    fn depth(mut self) -> usize {
        self.next();
        self.deepest + self.chain
    }
}

/// A bound on the depth of the tree that some tokens make: tokens side by side count as nested in
/// each other, except across commas.
pub(crate) fn depth(parts: impl Iterator<Item = Part>) -> usize {
    let mut levels = Vec::new();
    let mut level = Level::default();
    for part in parts {
        match part {
            Part::Open => levels.push(std::mem::take(&mut level)),
            Part::Close => {
                let inside = level.depth() + 1;
                level = levels.pop().unwrap_or_default();
                level.here += 1;
                level.inside = level.inside.max(inside);
            }
            Part::Beside => level.next(),
            Part::Chain => level.chain += 1,
            Part::Other => level.here += 1,
            Part::Nothing => {}
        }
    }
    // Brackets that were never closed.
    while let Some(mut outer) = levels.pop() {
        outer.inside = outer.inside.max(level.depth() + 1);
        level = outer;
    }
    level.depth()
}

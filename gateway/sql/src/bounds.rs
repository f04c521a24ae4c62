//! How deep a text may be nested before a reader sees it.

use crate::parse::{self, Strings};

/// The longest text, in bytes.
const LONGEST: usize = 1 << 20;

/// How often a comment may begin.
const MOST_COMMENTS: usize = 500;

/// The most statements in one text: each takes memory of its own before any is judged.
const MOST_STATEMENTS: usize = 10_000;

/// How many levels a set operation or a join is, beside whatever else is around it: they take more of
/// the stack than an expression.
const CHAIN_LEVELS: usize = 2;

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
    // The AND of a BETWEEN nests.
    let and_is_flat = !words.clone().any(|word| is_any(word, &["between"]));
    let parts = flat(words, and_is_flat);
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
    /// What nests across commas, as a join or a body does, and by how many levels.
    Chain(usize),
    /// A set operation, which nests across commas: what it stands between are beside each other, inside
    /// of it.
    Between,
    /// `CASE`.
    Case,
    /// `WHEN`, `THEN` or `ELSE`: what follows is beside what was before, within a `CASE`.
    Arm,
    /// `END`, which may end a `CASE`.
    End,
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

/// What a token is by its text, for a reader that nests whatever has no comma between.
pub(crate) fn word(token: &[u8]) -> Part {
    match token {
        b"(" | b"[" => Part::Open,
        b")" | b"]" => Part::Close,
        b"," | b";" => Part::Beside,
        _ if token.starts_with(b"--") || token.starts_with(b"/*") => Part::Nothing,
        _ if is_any(
            token,
            &["union", "intersect", "except", "atomic", "create", "with"],
        ) =>
        {
            Part::Chain(1)
        }
        _ => Part::Other,
    }
}

/// What tokens are to PostgreSQL's grammar, which makes one list of what `OR` joins, or `AND`, and of the
/// arms of a `CASE`. These words are reserved: they are names after a dot only, or where an expression ends.
fn flat<'a>(
    tokens: impl Iterator<Item = &'a [u8]>,
    and_is_flat: bool,
) -> impl Iterator<Item = Part> {
    let mut is_name = false;
    tokens.map(move |token| {
        let part = match token {
            _ if is_name => word(token),
            _ if is_any(token, &["union", "intersect", "except"]) => Part::Between,
            // A function may have this name.
            _ if is_any(token, &["join"]) => Part::Chain(CHAIN_LEVELS),
            _ if is_any(token, &["or"]) => Part::Beside,
            _ if and_is_flat && is_any(token, &["and"]) => Part::Beside,
            _ if is_any(token, &["case"]) => Part::Case,
            _ if is_any(token, &["when", "then", "else"]) => Part::Arm,
            _ if is_any(token, &["end"]) => Part::End,
            _ => word(token),
        };
        if part != Part::Nothing {
            is_name = token == b".";
        }
        part
    })
}

fn is_any(token: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| token.eq_ignore_ascii_case(word.as_bytes()))
}

/// One level of brackets, or of `CASE` and `END`.
#[derive(Clone, Copy, Default)]
struct Level {
    is_case: bool,
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

/// Levels within each other, the innermost last.
struct Levels {
    outer: Vec<Level>,
    level: Level,
}

impl Levels {
    fn open(&mut self, is_case: bool) {
        let level = Level {
            is_case,
            ..Level::default()
        };
        self.outer.push(std::mem::replace(&mut self.level, level));
    }

    fn close(&mut self) {
        let mut closed = self.level;
        self.level = self.outer.pop().unwrap_or_default();
        if closed.is_case {
            // Nothing chains within a real one: the words were names of columns.
            self.level.chain += std::mem::take(&mut closed.chain);
        }
        self.level.here += 1;
        self.level.inside = self.level.inside.max(closed.depth() + 1);
    }

    /// A bracket ends each `CASE` in it.
    fn close_bracket(&mut self) {
        while self.level.is_case {
            self.close();
        }
        self.close();
    }
}

/// A bound on the depth of the tree that some tokens make: tokens side by side count as nested in
/// each other, except across what parts them.
pub(crate) fn depth(parts: impl Iterator<Item = Part>) -> usize {
    let mut levels = Levels {
        outer: Vec::new(),
        level: Level::default(),
    };
    for part in parts {
        match part {
            Part::Open => levels.open(false),
            Part::Case => levels.open(true),
            Part::Close => levels.close_bracket(),
            Part::End if levels.level.is_case => levels.close(),
            Part::Arm if levels.level.is_case => levels.level.next(),
            Part::Beside => levels.level.next(),
            Part::Chain(by) => levels.level.chain += by,
            Part::Between => {
                levels.level.next();
                levels.level.chain += CHAIN_LEVELS;
            }
            Part::End | Part::Arm | Part::Other => levels.level.here += 1,
            Part::Nothing => {}
        }
    }
    // What was never closed.
    while !levels.outer.is_empty() {
        levels.close();
    }
    levels.level.depth()
}

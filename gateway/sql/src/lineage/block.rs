//! The PL/pgSQL that trigger functions are mostly made of: assignments, IF, RETURN. Whatever else
//! stands in a block, it is not read at all.

use crate::analysis::Use;
use crate::bounds;
use crate::catalog::WHOLE_ROW;
use crate::parse::{self, Strings};

/// How deep IF may be nested.
const DEEPEST: usize = 8;

/// What a block does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'t> {
    pub(super) parts: Vec<Part<'t>>,
    /// It may return OLD, other than where a row is deleted.
    pub(super) returns_old: bool,
}

/// An expression of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    /// As it stands.
    pub(super) text: &'t str,
    /// The fields of NEW and OLD in it.
    pub(super) fields: Vec<Field>,
    /// What they are used for.
    pub(super) used: Use,
    /// The field of NEW that it is assigned to, or for which alone it decides what is assigned.
    pub(super) into: Option<String>,
    /// It asks of an updated row whether a field, or the whole row, is the same in both, and nothing else.
    pub(super) compared: Option<Compared>,
    /// It is assigned only where the field was not the same in both.
    pub(super) where_it_differs: bool,
}

/// What is asked of a field in both rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// Whether it differs.
    Differs,
    /// Whether it does not.
    Same,
}

/// A field of NEW or OLD.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// It is one of OLD.
    pub(super) old: bool,
}

/// A function's block; none where it does anything but assign to fields of NEW, raise what is always the same
/// and return NEW, OLD or NULL, or, where it is no trigger's, return a value.
pub(super) fn read(text: &str, is_trigger: bool) -> Option<Block<'_>> {
    let start = text.trim_start();
    let begins = |word: &str| {
        start
            .get(..word.len())
            .is_some_and(|one| one.eq_ignore_ascii_case(word))
    };
    if !["begin", "--", "/*"].into_iter().any(begins) {
        // Most declare something: no need to look for its tokens.
        return None;
    }
    bounds::check(text, Strings::Standard).ok()?;
    let mut words = Vec::new();
    for token in parse::tokens(text).ok()? {
        let start = usize::try_from(token.start).ok()?;
        let end = usize::try_from(token.end).ok()?;
        let word = Word {
            start,
            text: text.get(start..end)?,
        };
        let first = word.text.get(..2).unwrap_or_default();
        // Names with escapes are not followed.
        if first.eq_ignore_ascii_case("u&") {
            return None;
        }
        if first != "--" && first != "/*" {
            words.push(word);
        }
    }
    let mut reader = Reader {
        text,
        words: &words,
        is_trigger,
        parts: Vec::new(),
        results: 0,
        returns_old: false,
    };
    reader.keyword("begin")?;
    reader.statements(0)?;
    reader.keyword("end")?;
    if !reader.words.is_empty() {
        reader.sign(";")?;
    }
    reader.words.is_empty().then_some(Block {
        parts: reader.parts,
        returns_old: reader.returns_old,
    })
}

/// A token that is no comment.
#[derive(Clone, Copy)]
struct Word<'t> {
    start: usize,
    text: &'t str,
}

impl Word<'_> {
    fn is(self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    /// The name that it is, as PostgreSQL folds it.
    fn name(self) -> Option<String> {
        if let Some(quoted) = self.text.strip_prefix('"') {
            return Some(quoted.strip_suffix('"')?.replace("\"\"", "\""));
        }
        let mut letters = self.text.bytes();
        let first = letters.next()?;
        let starts = first.is_ascii_alphabetic() || first == b'_';
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (starts && letters.all(plain)).then(|| self.text.to_ascii_lowercase())
    }

    fn is_row(self) -> bool {
        self.name()
            .is_some_and(|name| matches!(name.as_str(), "new" | "old"))
    }
}

struct Reader<'t, 'w> {
    text: &'t str,
    /// What is left.
    words: &'w [Word<'t>],
    is_trigger: bool,
    parts: Vec<Part<'t>>,
    /// How much there was that tells that it was reached, whatever fields get: RETURN, RAISE, `nextval()`.
    results: usize,
    returns_old: bool,
}

impl Part<'_> {
    /// The field of which it asks whether it differs.
    fn differing(&self) -> Option<&str> {
        let first = self.fields.first()?;
        (self.compared == Some(Compared::Differs)).then_some(&first.name)
    }
}

impl<'t, 'w> Reader<'t, 'w> {
    fn next(&mut self) -> Option<Word<'t>> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    fn keyword(&mut self, keyword: &str) -> Option<()> {
        self.next()?.is(keyword).then_some(())
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        (self.next()?.text == sign).then_some(())
    }

    /// Statements up to what ends them.
    fn statements(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        loop {
            let first = *self.words.first()?;
            if ["end", "else", "elsif", "elseif"]
                .iter()
                .any(|word| first.is(word))
            {
                return Some(());
            }
            self.next();
            if first.is("if") {
                self.branches(depth)?;
            } else if first.is("return") {
                self.result()?;
            } else if first.is("null") {
                self.sign(";")?;
            } else if self.is_trigger && first.is("raise") {
                self.raised()?;
            } else if self.is_trigger && first.name()? == "new" {
                self.sign(".")?;
                let into = self.next()?.name()?;
                let sign = self.next()?;
                if !matches!(sign.text, ":=" | "=") {
                    return None;
                }
                self.expression(";", Use::Copied)?;
                self.parts.last_mut()?.into = Some(into);
            } else {
                return None;
            }
        }
    }

    /// IF, of which the word itself is read.
    fn branches(&mut self, depth: usize) -> Option<()> {
        let (first, results) = (self.parts.len(), self.results);
        let mut conditions = vec![first];
        self.expression("then", Use::Filtered)?;
        loop {
            let returned_old = self.returns_old;
            let condition = self.parts.last()?;
            let is_deleted = is_of_delete(condition.text);
            let differing = condition.differing().map(str::to_owned);
            let inside = self.parts.len();
            self.statements(depth + 1)?;
            for part in &mut self.parts[inside..] {
                part.where_it_differs |= differing.is_some() && part.into == differing;
            }
            if is_deleted {
                self.returns_old = returned_old;
            }
            let next = self.next()?;
            if next.is("end") {
                break;
            }
            if next.is("else") {
                self.statements(depth + 1)?;
                self.keyword("end")?;
                break;
            }
            conditions.push(self.parts.len());
            self.expression("then", Use::Filtered)?;
        }
        if self.results == results {
            self.decided(first, &conditions);
        }
        self.keyword("if")?;
        self.sign(";")
    }

    /// Where all that conditions decide is what one field gets, they are parts of what is assigned to it.
    fn decided(&mut self, first: usize, conditions: &[usize]) {
        let inside = self.parts.iter().enumerate().skip(first);
        let mut assigned = inside
            .filter(|(place, _)| !conditions.contains(place))
            .map(|(_, part)| part.into.clone());
        let Some(Some(into)) = assigned.next() else {
            return;
        };
        if assigned.all(|other| other.as_ref() == Some(&into)) {
            for &place in conditions {
                self.parts[place].into = Some(into.clone());
            }
        }
    }

    fn result(&mut self) -> Option<()> {
        self.results += 1;
        if !self.is_trigger {
            return self.expression(";", Use::Derived);
        }
        let word = self.next()?;
        let whole = word.is_row() || word.is("null");
        self.returns_old |= word.name()? == "old";
        whole.then_some(())?;
        self.sign(";")
    }

    /// A text that says nothing but that it is said, of which RAISE is read.
    fn raised(&mut self) -> Option<()> {
        const LEVELS: [&str; 6] = ["debug", "exception", "info", "log", "notice", "warning"];
        // It may be all that conditions decide, as RETURN.
        self.results += 1;
        let level = self.next()?;
        let is_known = LEVELS.iter().any(|one| level.is(one));
        let is_plain = self.next()?.text.starts_with('\'');
        (is_known && is_plain).then_some(())?;
        self.sign(";")
    }

    /// An expression up to the word that ends it, outside of brackets.
    fn expression(&mut self, end: &str, used: Use) -> Option<()> {
        let mut depth = 0_usize;
        let mut length = 0;
        for word in self.words {
            match word.text {
                _ if depth == 0 && word.is(end) => break,
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.checked_sub(1)?,
                ";" => return None,
                _ => {}
            }
            length += 1;
        }
        let (inside, rest) = self.words.split_at(length);
        let draws = |word: &&Word<'_>| word.name().as_deref() == Some("nextval");
        self.results += inside.iter().filter(draws).count();
        let (last, rest) = rest.split_first()?;
        self.words = rest;
        let asked = match used {
            Use::Filtered => without_operation(inside),
            _ => inside,
        };
        let compares = comparison(asked, used).filter(|_| self.is_trigger);
        let found = match &compares {
            Some((name, _)) => [false, true]
                .map(|old| Field {
                    name: name.clone(),
                    old,
                })
                .into(),
            None => fields(inside)?,
        };
        let text = self.text.get(inside.first()?.start..last.start)?;
        self.parts.push(Part {
            text,
            fields: found,
            used,
            into: None,
            compared: compares.map(|(_, compared)| compared),
            where_it_differs: false,
        });
        Some(())
    }
}

/// Whether a condition holds only where a row is deleted.
fn is_of_delete(condition: &str) -> bool {
    let inside = condition.trim().strip_prefix('(');
    let inside = inside.and_then(|inside| inside.strip_suffix(')'));
    let sides = inside.unwrap_or(condition).split_once('=');
    sides.is_some_and(|(operation, name)| {
        operation.trim().eq_ignore_ascii_case("tg_op") && name.trim() == "'DELETE'"
    })
}

/// What is left of a condition where a row is updated: without `TG_OP = 'INSERT' OR` and
/// `TG_OP = 'UPDATE' AND`.
fn without_operation<'w, 't>(words: &'w [Word<'t>]) -> &'w [Word<'t>] {
    let [told, equals, operation, and, rest @ ..] = words else {
        return words;
    };
    let is_left = told.is("tg_op") && equals.text == "=";
    let is_right = match operation.text {
        "'INSERT'" => and.is("or"),
        "'UPDATE'" => and.is("and"),
        _ => false,
    };
    if is_left && is_right { rest } else { words }
}

/// The field that an expression compares in NEW and OLD, if that is all of it. In a condition, no value is as
/// good as the same one.
fn comparison(words: &[Word<'_>], used: Use) -> Option<(String, Compared)> {
    if let [open, inside @ .., close] = words
        && (open.text, close.text) == ("(", ")")
        && let Some(found) = comparison(inside, used)
    {
        return Some(found);
    }
    let is_unequal = |word: &Word<'_>| matches!(word.text, "<>" | "!=");
    let place = words
        .iter()
        .position(|word| word.is("is") || is_unequal(word))?;
    let (first, rest) = words.split_at(place);
    let (second, asked) = match rest {
        [sign, second @ ..] if is_unequal(sign) && used == Use::Filtered => {
            (second, Compared::Differs)
        }
        [is, distinct, from, second @ ..]
            if is.is("is") && distinct.is("distinct") && from.is("from") =>
        {
            (second, Compared::Differs)
        }
        [is, not, distinct, from, second @ ..]
            if is.is("is") && not.is("not") && distinct.is("distinct") && from.is("from") =>
        {
            (second, Compared::Same)
        }
        _ => return None,
    };
    let name = compared(first)?;
    (compared(second)? == name).then_some((name, asked))
}

/// The field of NEW or OLD that these words are, or the whole row.
fn compared(words: &[Word<'_>]) -> Option<String> {
    match words {
        [row] if row.is_row() => Some(WHOLE_ROW.to_owned()),
        [row, dot, field] if row.is_row() && dot.text == "." => match field.text {
            WHOLE_ROW => Some(WHOLE_ROW.to_owned()),
            _ => field.name(),
        },
        [make, open, inside @ .., close]
            if make.is("row") && open.text == "(" && close.text == ")" =>
        {
            compared(inside)
        }
        _ => None,
    }
}

/// The fields of NEW and OLD that stand in an expression; none where a whole row does.
fn fields(words: &[Word<'_>]) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate() {
        if !word.is_row() {
            continue;
        }
        let after = words.get(place + 1..)?;
        let [dot, field, ..] = after else {
            return None;
        };
        if dot.text != "." {
            return None;
        }
        found.push(Field {
            name: field.name()?,
            old: word.name()? == "old",
        });
    }
    Some(found)
}

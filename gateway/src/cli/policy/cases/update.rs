//! A file of cases whose expectations are written anew, in their places.

use std::io;

use anyhow::Context as _;
use serde::{Deserialize, Serialize as _};
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;

use super::Outcome;

/// The expectations of a file, where they stand.
#[derive(Deserialize)]
struct Places<'a> {
    #[serde(borrow)]
    cases: Vec<Place<'a>>,
}

#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    expect: &'a RawValue,
}

/// The text with other expectations for some cases; `changed` goes by the order of the cases.
pub(super) fn rewritten<'o>(
    text: &str,
    changed: impl Iterator<Item = Option<&'o Outcome>>,
) -> anyhow::Result<String> {
    let places: Places<'_> = serde_json::from_str(text)?;
    let mut updated = String::with_capacity(text.len());
    let mut done = 0;
    for (place, outcome) in places.cases.iter().zip(changed) {
        let Some(outcome) = outcome else { continue };
        let old = place.expect.get();
        let start = old.as_ptr().addr() - text.as_ptr().addr();
        let before = text.get(done..start).context("the cases overlap")?;
        updated.push_str(before);
        updated.push_str(&written(outcome, indent(&text[..start]))?);
        done = start + old.len();
    }
    updated.push_str(&text[done..]);
    Ok(updated)
}

/// The white space at the beginning of the last line.
fn indent(text: &str) -> &str {
    let line = text.rsplit('\n').next().unwrap_or_default();
    &line[..line.len() - line.trim_start().len()]
}

fn written(outcome: &Outcome, indent: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let layout = Layout {
        indent,
        depth: 0,
        is_empty: true,
    };
    outcome.serialize(&mut Serializer::with_formatter(&mut bytes, layout))?;
    Ok(String::from_utf8(bytes)?)
}

/// A field to a line, its value all on that.
struct Layout<'a> {
    indent: &'a str,
    depth: usize,
    /// True until the object has a field.
    is_empty: bool,
}

impl Formatter for Layout<'_> {
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.is_empty = false;
        let comma = if first { "" } else { "," };
        match self.depth {
            1 => write!(writer, "{comma}\n{}  ", self.indent),
            _ => write!(writer, "{comma} "),
        }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.depth == 0 && !self.is_empty {
            write!(writer, "\n{}", self.indent)?;
        }
        writer.write_all(b"}")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_expectation_stays_as_it_is_written() {
        let text = r#"{ "tables": {"b.t": {"z": "text",  "a": "text"}, "a.t": {}},
  "cases": [
    { "name": "right",   "expect": {"verdict":"allow"} },
    {
      "name": "wrong", "statement": "SELECT 'ä'",
      "expect": {
        "verdict": "deny"
      }
    }
  ]
}"#;
        let found = Outcome {
            verdict: Some("allow".to_owned()),
            masks: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..Outcome::default()
        };
        let expected = text.replace(
            "{\n        \"verdict\": \"deny\"\n      }",
            "{\n        \"verdict\": \"allow\",\n        \"masks\": [\"a\", \"b\"]\n      }",
        );
        assert_eq!(
            rewritten(text, [None, Some(&found)].into_iter()).unwrap(),
            expected
        );
        assert_eq!(rewritten(text, [None, None].into_iter()).unwrap(), text);
    }

    #[test]
    fn an_outcome_of_nothing_is_an_empty_object() {
        let text = r#"{"cases": [{"expect": {"error": "x"}}]}"#;
        let updated = rewritten(text, [Some(&Outcome::default())].into_iter()).unwrap();
        assert_eq!(updated, r#"{"cases": [{"expect": {}}]}"#);
    }
}

//! JSON of which some paths are hidden, or all but some.
//!
//! What is shown is copied as it came: numbers keep their digits, keys their order.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sluice_sdk::Values;

/// What of a document is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonMask {
    /// All but these paths, and but a scalar where a path expects an object.
    Hide(Vec<Path>),
    /// Nothing but these paths.
    Show(Vec<Path>),
}

/// Keys from the outermost object inwards. Arrays on the way are passed through: a path means each
/// of their elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Any,
    Key(String),
}

/// The version that `jsonb_send` puts in front of the text.
const JSONB_VERSION: u8 = 1;
/// Arrays within arrays that are looked into.
const DEPTH: usize = 64;
const HIDDEN: &str = "\"***\"";

impl Path {
    /// Reads paths such as `contact.email, cards.*.number, "odd.key"`.
    pub(crate) fn read_list(text: &str) -> Result<Vec<Path>, String> {
        let mut paths = Vec::new();
        let mut steps = Vec::new();
        let mut rest = text.trim();
        loop {
            let (step, after) = Step::read(rest)?;
            steps.push(step);
            rest = after.trim_start();
            match rest.chars().next() {
                None => break,
                Some('.') => {}
                Some(',') => paths.push(Path(std::mem::take(&mut steps))),
                Some(other) => {
                    return Err(format!("\"{other}\" after a key: write \".\" or \",\""));
                }
            }
            rest = rest[1..].trim_start();
        }
        paths.push(Path(steps));
        Ok(paths)
    }
}

impl Step {
    /// The key in front, and what follows it.
    fn read(text: &str) -> Result<(Step, &str), String> {
        let (key, rest) = match text.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or("a key lacks its closing double quote")?,
            None => {
                let end = text.find(['.', ',', '"', ' ']).unwrap_or(text.len());
                text.split_at(end)
            }
        };
        if key.is_empty() {
            return Err("a path lacks a key: write \"contact.email, cards.number\"".to_owned());
        }
        let step = match key {
            "*" if !text.starts_with('"') => Step::Any,
            key => Step::Key(key.to_owned()),
        };
        Ok((step, rest))
    }

    fn matches(&self, key: &str) -> bool {
        match self {
            Step::Any => true,
            Step::Key(own) => own == key,
        }
    }
}

/// True where values of this type (a name as format_type() prints it) are documents.
pub(crate) fn takes(type_name: &str) -> bool {
    matches!(type_name, "json" | "jsonb")
}

/// Masks each document; nothing is shown of what cannot be read.
pub(crate) fn mask(mask: &JsonMask, values: Values, has_version: bool) -> Values {
    values.map(|value, out| {
        let value = match value.split_first() {
            Some((&JSONB_VERSION, text)) if has_version => {
                out.push(JSONB_VERSION);
                text
            }
            _ => value,
        };
        let start = out.len();
        let written = std::str::from_utf8(value)
            .ok()
            .and_then(|text| mask.document(text, out).ok());
        if written.is_none() {
            out.truncate(start);
            out.extend_from_slice(HIDDEN.as_bytes());
        }
    })
}

impl JsonMask {
    fn document(&self, text: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let (Self::Hide(paths) | Self::Show(paths)) = self;
        let paths: Vec<&[Step]> = paths.iter().map(|path| &*path.0).collect();
        self.value(text, &paths, DEPTH, out)
    }

    /// Appends a value that the rest of these paths, none of them at its end, go through.
    fn value(
        &self,
        text: &str,
        paths: &[&[Step]],
        depth: usize,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        let text = text.trim_start();
        match text.as_bytes().first() {
            Some(b'{') => self.object(text, paths, depth, out),
            Some(b'[') if depth > 0 => {
                let elements: Vec<&RawValue> = serde_json::from_str(text)?;
                out.push(b'[');
                for (k, element) in elements.iter().enumerate() {
                    out.extend_from_slice(if k == 0 { b"" } else { b", " });
                    self.value(element.get(), paths, depth - 1, out)?;
                }
                out.push(b']');
                Ok(())
            }
            _ => {
                hide(text, out);
                Ok(())
            }
        }
    }

    fn object(
        &self,
        text: &str,
        paths: &[&[Step]],
        depth: usize,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        let mut members = serde_json::Deserializer::from_str(text);
        let members = members.deserialize_map(Members)?;
        let mut separator: &[u8] = b"";
        out.push(b'{');
        for (key, value) in members {
            let rests: Vec<&[Step]> = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(step, _)| step.matches(&key))
                .map(|(_, rest)| rest)
                .collect();
            let is_named = rests.iter().any(|rest| rest.is_empty());
            if rests.is_empty() && matches!(self, Self::Show(_)) {
                continue;
            }
            out.extend_from_slice(separator);
            separator = b", ";
            serde_json::to_writer(&mut *out, &key)?;
            out.extend_from_slice(b": ");
            match self {
                Self::Hide(_) if is_named => hide(value.get(), out),
                Self::Show(_) if is_named => out.extend_from_slice(value.get().as_bytes()),
                Self::Hide(_) if rests.is_empty() => {
                    out.extend_from_slice(value.get().as_bytes());
                }
                Self::Hide(_) | Self::Show(_) => self.value(value.get(), &rests, depth, out)?,
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// Stars for a string, null for anything else.
fn hide(value: &str, out: &mut Vec<u8>) {
    let hidden = match value.as_bytes().first() {
        Some(b'"') => HIDDEN,
        _ => "null",
    };
    out.extend_from_slice(hidden.as_bytes());
}

/// The members of an object in order, those of one name too.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom("an array is no object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(mask: &JsonMask, text: &str) -> String {
        let values = super::mask(mask, [Some(text)].into_iter().collect(), false);
        String::from_utf8(values.get(0).unwrap().to_vec()).unwrap()
    }

    fn hide(paths: &str) -> JsonMask {
        JsonMask::Hide(Path::read_list(paths).unwrap())
    }

    fn show(paths: &str) -> JsonMask {
        JsonMask::Show(Path::read_list(paths).unwrap())
    }

    #[test]
    fn hidden_paths_are_hidden_and_the_rest_is_as_it_was() {
        for (paths, text, wanted) in [
            (
                "email",
                r#"{"email": "a@b", "n": 1.50}"#,
                r#"{"email": "***", "n": 1.50}"#,
            ),
            (
                "a.b",
                r#"{"a":{"b":{"c":1},"d":2}}"#,
                r#"{"a": {"b": null, "d": 2}}"#,
            ),
            (
                "a.b",
                r#"{"a":[{"b":1},[{"b":"x"}]]}"#,
                r#"{"a": [{"b": null}, [{"b": "***"}]]}"#,
            ),
            (
                "*.b",
                r#"{"x":{"b":"s"},"y":{"c":"t"}}"#,
                r#"{"x": {"b": "***"}, "y": {"c": "t"}}"#,
            ),
            (
                "\"a.b\", c",
                r#"{"a.b":"s","c":[1],"d":1}"#,
                r#"{"a.b": "***", "c": null, "d": 1}"#,
            ),
            // Spelled otherwise, and twice.
            (
                "e",
                r#"{"\u0065":"s","e":"t"}"#,
                r#"{"e": "***", "e": "***"}"#,
            ),
            // Not where it is looked for.
            ("a.b", r#"{"a":"secret"}"#, r#"{"a": "***"}"#),
            ("a.b", r#"["secret", 7]"#, r#"["***", null]"#),
            ("a", "\"secret\"", "\"***\""),
            ("a", "secret", "null"),
            ("a", "{secret", "\"***\""),
        ] {
            assert_eq!(masked(&hide(paths), text), wanted, "{paths}: {text}");
        }
    }

    #[test]
    fn only_shown_paths_are_shown() {
        for (paths, text, wanted) in [
            (
                "id",
                r#"{"id":12345678901234567890.10,"x":1}"#,
                r#"{"id": 12345678901234567890.10}"#,
            ),
            (
                "a.b",
                r#"{"a":{"b":{"c":1},"d":2},"e":1}"#,
                r#"{"a": {"b": {"c":1}}}"#,
            ),
            (
                "a.b",
                r#"[{"a":{"b":1}},{"a":"secret"}]"#,
                r#"[{"a": {"b": 1}}, {"a": "***"}]"#,
            ),
            ("a", r#"{"x@example.com":1}"#, "{}"),
            ("a", "17", "null"),
        ] {
            assert_eq!(masked(&show(paths), text), wanted, "{paths}: {text}");
        }
    }

    #[test]
    fn deep_arrays_are_hidden_whole() {
        let deep = format!("{}\"secret\"{}", "[".repeat(200), "]".repeat(200));
        for mask in [hide("a"), show("a")] {
            let masked = masked(&mask, &deep);
            assert!(
                masked.contains("null") && !masked.contains("secret"),
                "{masked}"
            );
        }
    }

    #[test]
    fn paths_that_are_none_are_refused() {
        for text in ["", ".", "a.", "a,", "a b", "\"a", "a..b", "a\"b\""] {
            assert!(Path::read_list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_version_of_jsonb_stays_in_front() {
        let values = [Some("\u{1}{\"a\":1}"), None].into_iter().collect();
        let values = mask(&hide("a"), values, true);
        assert_eq!(values.get(0), Some(&b"\x01{\"a\": null}"[..]));
        assert_eq!(values.get(1), None);
    }
}

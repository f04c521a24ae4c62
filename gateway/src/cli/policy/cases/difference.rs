//! Where an outcome is not what its case expects, field by field.

use std::fmt;

use serde_json::{Value, json};

use super::{Case, Outcome};

/// A case that came out otherwise.
#[derive(Debug)]
pub struct Difference {
    case: String,
    fields: Vec<Field>,
}

/// A field, or a part of one, that is not what it should be.
#[derive(Debug)]
struct Field {
    name: String,
    expected: String,
    found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.case)?;
        for field in &self.fields {
            writeln!(f, "  {}", field.name)?;
            writeln!(f, "    expected  {}", field.expected)?;
            writeln!(f, "    came out  {}", field.found)?;
        }
        Ok(())
    }
}

impl Difference {
    /// What of the outcome is not what the case expects; none where all is.
    pub(super) fn of((case, found): (&Case, &Outcome)) -> Option<Difference> {
        let expected = &case.expect;
        let mut fields: Vec<Field> = error(expected, found).into_iter().collect();
        let mut compare = |name: &str, expected: Option<Value>, found: Option<Value>| {
            if let Some(expected) = expected {
                fields.extend(differing(name, &expected, &found.unwrap_or(Value::Null)));
            }
        };
        macro_rules! compare {
            ($($field:ident),*) => {$(
                let value = |outcome: &Outcome| outcome.$field.as_ref().map(|v| json!(v));
                compare(stringify!($field), value(expected), value(found));
            )*};
        }
        compare!(verdict, by, reason, hint, approvers, note, masks, rows);
        // A refusal that was not expected says why.
        if expected.verdict != found.verdict && expected.reason.is_none() {
            let reason = found.reason.as_ref().map(|reason| json!(reason));
            compare("reason", Some(Value::Null), reason);
        }
        (!fields.is_empty()).then(|| Difference {
            case: case.name.clone(),
            fields,
        })
    }
}

/// Of an error, part of the words is expected.
fn error(expected: &Outcome, found: &Outcome) -> Option<Field> {
    let same = match (&expected.error, &found.error) {
        (Some(part), Some(words)) => words.contains(part),
        (expected, found) => expected == found,
    };
    let words = |error: &Option<String>| error.clone().unwrap_or_else(|| "none".to_owned());
    (!same).then(|| Field {
        name: "error".to_owned(),
        expected: words(&expected.error),
        found: words(&found.error),
    })
}

/// The field; of two lists, only the elements that differ, counted from 1.
fn differing(name: &str, expected: &Value, found: &Value) -> Vec<Field> {
    let (Value::Array(wanted), Value::Array(got)) = (expected, found) else {
        return Field::unless_same(name.to_owned(), Some(expected), Some(found));
    };
    let element = |at: usize| {
        let name = format!("{name}, {} of {}", at + 1, wanted.len().max(got.len()));
        Field::unless_same(name, wanted.get(at), got.get(at))
    };
    (0..wanted.len().max(got.len())).flat_map(element).collect()
}

impl Field {
    fn unless_same(name: String, expected: Option<&Value>, found: Option<&Value>) -> Vec<Field> {
        if expected == found {
            return Vec::new();
        }
        let words = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        vec![Field {
            name,
            expected: words(expected),
            found: words(found),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expect: Value, found: Value) -> String {
        let case = serde_json::from_value(json!({"name": "a case", "expect": expect})).unwrap();
        let found = serde_json::from_value(found).unwrap();
        Difference::of((&case, &found)).map_or(String::new(), |difference| difference.to_string())
    }

    #[test]
    fn only_what_differs_is_said() {
        let found = json!({"verdict": "allow", "rows": [["1", "a"], ["2", null], ["3", "c"]]});
        assert_eq!(said(json!({"verdict": "allow"}), found.clone()), "");
        let rows = json!({"rows": [["1", "a"], ["2", "b"]]});
        assert_eq!(
            said(rows, found),
            "a case\n  rows, 2 of 3\n    expected  [\"2\",\"b\"]\n    came out  [\"2\",null]\n  \
             rows, 3 of 3\n    expected  none\n    came out  [\"3\",\"c\"]\n"
        );
    }

    #[test]
    fn a_refusal_that_was_not_expected_says_why() {
        let found = json!({"verdict": "deny", "reason": "no"});
        assert_eq!(
            said(json!({"verdict": "allow"}), found),
            "a case\n  verdict\n    expected  allow\n    came out  deny\n  \
             reason\n    expected  none\n    came out  no\n"
        );
    }

    #[test]
    fn of_an_error_a_part_is_enough() {
        let found = json!({"error": "group: a text is needed"});
        assert_eq!(said(json!({"error": "group"}), found.clone()), "");
        assert!(said(json!({"verdict": "allow"}), found).contains("expected  none"));
    }
}

//! Puts stars or NULL in place of what was found.

use std::ops::Range;

use sluice_sdk::{Chunk, Values, fill_with_stars};

use crate::find::Finding;
use crate::settings::Action;

/// What is to be replaced in the values of one column.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// Row, place in the value, in order of rows.
    stars: Vec<(usize, Range<usize>)>,
    nulls: Vec<usize>,
}

/// PostgreSQL's json and jsonb.
pub(crate) fn is_json(type_oid: u32) -> bool {
    matches!(type_oid, 114 | 3802)
}

impl Edits {
    pub(crate) fn add(&mut self, row: usize, finding: &Finding, action: Action) {
        match action {
            Action::Mask => self.stars.push((row, finding.range.clone())),
            Action::Null => self.nulls.push(row),
            Action::Report | Action::Off => {}
        }
    }

    /// The values with the replacements; none where there are none. Lengths stay.
    pub(crate) fn apply(self, values: Values, json: bool) -> Result<Option<Values>, String> {
        if self.stars.is_empty() && self.nulls.is_empty() {
            return Ok(None);
        }
        let rows = values.len();
        let mut chunk = values.into_chunk();
        for stars in self.stars.chunk_by(|one, next| one.0 == next.0) {
            let value = value_mut(&mut chunk, stars[0].0);
            let places = stars.iter().map(|(_, place)| place.clone());
            match json {
                true => star_json(value, &places.collect::<Vec<_>>()),
                false => places.for_each(|place| fill_with_stars(&mut value[place])),
            }
        }
        for row in self.nulls {
            fill_with_stars(value_mut(&mut chunk, row));
            chunk.nulls.resize(rows.div_ceil(8), 0);
            chunk.nulls[row / 8] |= 1 << (row % 8);
        }
        Values::new(chunk).map(Some)
    }
}

fn value_mut(chunk: &mut Chunk, row: usize) -> &mut [u8] {
    let (start, end) = (chunk.offsets[row], chunk.offsets[row + 1]);
    &mut chunk.data[start as usize..end as usize]
}

/// Within a string, stars over whole characters and whole escapes; outside, a number stays one. The
/// places are in order.
fn star_json(value: &mut [u8], places: &[Range<usize>]) {
    let mut places = places.iter().peekable();
    let mut at = 0;
    let mut in_string = false;
    while at < value.len() {
        while places.next_if(|place| place.end <= at).is_some() {}
        let Some(place) = places.peek() else { return };
        // The letter of an escape that begins before the finding is no part of it.
        let found = place.start <= at;
        let length = match value[at] {
            b'\\' if in_string => escape_length(&value[at..]),
            _ => 1,
        };
        let end = (at + length).min(value.len());
        match value[at] {
            b'"' => in_string = !in_string,
            _ if found && in_string => value[at..end].fill(b'*'),
            b'0'..=b'9' if found => value[at] = b'9',
            _ => {}
        }
        at = end;
    }
}

fn escape_length(escape: &[u8]) -> usize {
    match escape.get(1) {
        Some(b'u') => 6,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starred(text: &str, range: Range<usize>) -> String {
        let mut bytes = text.as_bytes().to_vec();
        star_json(&mut bytes, &[range]);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_stays_json() {
        for (text, found, shown) in [
            (r#"{"a":"x@y.zz"}"#, "x@y.zz", r#"{"a":"******"}"#),
            (r#"{"a":"\nx@y.zz"}"#, "nx@y.zz", r#"{"a":"\n******"}"#),
            (
                r#"{"a":"\u00e9x@y.zz"}"#,
                "9x@y.zz",
                r#"{"a":"\u00e9******"}"#,
            ),
            (r#"{"a":"q\\nb"}"#, r"\\nb", r#"{"a":"q****"}"#),
            (
                "[4111111111111111]",
                "4111111111111111",
                "[9999999999999999]",
            ),
            (r#"["a\"","12"]"#, "12", r#"["a\"","**"]"#),
        ] {
            let start = text.find(found).unwrap();
            let masked = starred(text, start..start + found.len());
            assert_eq!(masked, shown);
            assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok());
        }
    }
}

//! Credentials in statements do not go on the record.
//!
//! Only a string constant is ever left out, or a part of one: nothing that runs. What stands in a
//! comment, in another constant or in a quoted name is no keyword.

use std::borrow::Cow;

const WORD: &[u8] = b"password";
const STARS: &str = "'***'";

/// The text as it is recorded: `PASSWORD 'secret'` (CREATE ROLE, ALTER ROLE, CREATE USER MAPPING)
/// and the password of a connection string lose the secret. Nothing else changes.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    if !has_word(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut kept = String::new();
    let mut from = 0;
    let mut at = 0;
    let mut asked = false;
    while at < bytes.len() {
        let (part, length) = next(&bytes[at..]);
        let end = at + length;
        let secret = match part {
            Part::Space => None,
            Part::Text { from: start } => {
                let whole = std::mem::take(&mut asked).then_some((at, end, STARS));
                whole.or_else(|| connection_secret(bytes, at + start, end))
            }
            Part::Word => {
                asked = bytes[at..end].eq_ignore_ascii_case(WORD);
                None
            }
            Part::Other => {
                asked = false;
                None
            }
        };
        if let Some((start, stop, stars)) = secret {
            kept.push_str(&text[from..start]);
            kept.push_str(stars);
            from = stop;
        }
        at = end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

/// Whether the word stands anywhere, in any case.
fn has_word(bytes: &[u8]) -> bool {
    // Of its letters, W is the rarest.
    let rare = WORD.len() - b"word".len();
    memchr::memchr2_iter(b'w', b'W', bytes).any(|at| {
        let start = at.checked_sub(rare);
        let word = start.and_then(|start| bytes.get(start..start + WORD.len()));
        word.is_some_and(|word| word.eq_ignore_ascii_case(WORD))
    })
}

/// A part of a statement, as PostgreSQL's scanner divides it.
enum Part {
    /// White space or a comment.
    Space,
    /// A string constant; its text begins so far behind its first byte.
    Text { from: usize },
    /// A keyword or a name without quotes.
    Word,
    /// Anything else.
    Other,
}

/// The first part of what is not empty, and its length. Both its ends lie at whole characters.
fn next(bytes: &[u8]) -> (Part, usize) {
    let is_quote = |place: usize| bytes.get(place) == Some(&b'\'');
    match bytes[0] {
        byte if byte.is_ascii_whitespace() => (Part::Space, 1),
        b'-' if bytes.get(1) == Some(&b'-') => {
            let line = memchr::memchr2(b'\n', b'\r', bytes);
            (Part::Space, line.unwrap_or(bytes.len()))
        }
        b'/' if bytes.get(1) == Some(&b'*') => (Part::Space, comment(bytes)),
        b'\'' => (Part::Text { from: 1 }, constant(bytes, 0, false)),
        b'e' | b'E' if is_quote(1) => (Part::Text { from: 2 }, constant(bytes, 1, true)),
        b'n' | b'N' if is_quote(1) => (Part::Text { from: 2 }, constant(bytes, 1, false)),
        b'u' | b'U' if bytes.get(1) == Some(&b'&') && is_quote(2) => {
            (Part::Text { from: 3 }, constant(bytes, 2, false))
        }
        b'"' => (Part::Other, quoted(bytes)),
        b'$' => dollar(bytes).map_or((Part::Other, 1), |length| {
            (Part::Text { from: length }, length)
        }),
        byte if is_word(byte) => {
            let length = bytes
                .iter()
                .position(|byte| !is_word(*byte) && *byte != b'$');
            (Part::Word, length.unwrap_or(bytes.len()))
        }
        _ => (Part::Other, 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The length of a comment, others inside it included.
fn comment(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a string constant whose quote stands at `quote`; to the end where nothing ends it.
fn constant(bytes: &[u8], quote: usize, escapes: bool) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn quoted(bytes: &[u8]) -> usize {
    let end = memchr::memchr(b'"', &bytes[1..]);
    end.map_or(bytes.len(), |end| end + 2)
}

/// The length of a dollar-quoted constant; none where none begins.
fn dollar(bytes: &[u8]) -> Option<usize> {
    let tag = 1 + bytes[1..].iter().position(|byte| !is_word(*byte))?;
    if bytes.get(tag) != Some(&b'$') || bytes[1].is_ascii_digit() {
        return None;
    }
    let (tag, body) = bytes.split_at(tag + 1);
    let close = memchr::memmem::find(body, tag);
    Some(close.map_or(bytes.len(), |close| close + 2 * tag.len()))
}

/// Where the password of a connection string stands in a constant; none where it holds anything else.
/// What is left out has no white space, no quote and nothing that could be code.
fn connection_secret(bytes: &[u8], from: usize, to: usize) -> Option<(usize, usize, &'static str)> {
    let text = bytes.get(from..to)?;
    let mut at = 0;
    let mut found = None;
    for pair in text.split(|byte| byte.is_ascii_whitespace()) {
        let start = at;
        at += pair.len() + 1;
        if pair.is_empty() {
            continue;
        }
        let equals = memchr::memchr(b'=', pair)?;
        let (key, value) = (&pair[..equals], &pair[equals + 1..]);
        let plain = key
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if key.is_empty() || !plain {
            return None;
        }
        if key.eq_ignore_ascii_case(WORD) {
            let ends = |byte: &u8| matches!(byte, b'\'' | b'"' | b';' | b'(' | b')');
            let length = value.iter().position(ends).unwrap_or(value.len());
            let value = from + start + equals + 1;
            found = (length > 0).then_some((value, value + length, "***"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_are_replaced_and_nothing_else() {
        for (text, kept) in [
            (
                "ALTER ROLE a PASSWORD 'it''s'; SELECT 1",
                "ALTER ROLE a PASSWORD '***'; SELECT 1",
            ),
            (
                "alter user a password E'x\\'y' valid until 'z'",
                "alter user a password '***' valid until 'z'",
            ),
            (
                "CREATE ROLE a PASSWORD $q$se$cret$q$ LOGIN",
                "CREATE ROLE a PASSWORD '***' LOGIN",
            ),
            (
                "ALTER ROLE a PASSWORD 'unfinished",
                "ALTER ROLE a PASSWORD '***'",
            ),
            (
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'a', password /* x */ 'secret')",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'a', password /* x */ '***')",
            ),
            (
                "ALTER ROLE \"password\" PASSWORD U&'x' -- password 'y'",
                "ALTER ROLE \"password\" PASSWORD '***' -- password 'y'",
            ),
            (
                "CONNECTION 'host=h password=geheim user=u'",
                "CONNECTION 'host=h password=*** user=u'",
            ),
        ] {
            assert_eq!(redact(text), kept);
        }
    }

    #[test]
    fn ordinary_statements_stay_as_they_are() {
        for text in [
            "SELECT password FROM users WHERE password = 'x'",
            "ALTER ROLE a PASSWORD NULL",
            "SELECT 'ä' AS password",
            "password",
            "/* password '*/ DROP TABLE users --'",
            "SELECT 1 /* password=*/",
            "SELECT 'it is a password '' or not', (SELECT 1)",
            "-- password 'x\nDROP TABLE users --'",
            "SELECT \"password\" 'x'",
            "SELECT 1 WHERE password=(SELECT(email)FROM(users))",
            "DO 'BEGIN PERFORM f() WHERE password=g(1); END'",
            "SELECT $a$ /* $a$, password, '*/ x'",
            "SELECT E'\\' password ', 'y'",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}

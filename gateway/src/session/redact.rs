//! Credentials in statements do not go on the record.

use std::borrow::Cow;

const WORD: &[u8] = b"password";
const STARS: &str = "'***'";

/// The text as it is recorded: `PASSWORD 'secret'` (CREATE ROLE, ALTER ROLE, CREATE USER MAPPING)
/// and `password=secret` (connection strings) lose the secret. Nothing else changes.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut kept = String::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = find_word(bytes, at) {
        at = found + WORD.len();
        let Some((start, end, stars)) = secret_after(bytes, at) else {
            continue;
        };
        kept.push_str(&text[from..start]);
        kept.push_str(stars);
        from = end;
        at = end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

/// The next `password`, in any case, from `at` on.
fn find_word(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Of its letters, W is the rarest.
    let rare = WORD.len() - b"word".len();
    loop {
        let found = at + memchr::memchr2(b'w', b'W', bytes.get(at..)?)?;
        let start = found.checked_sub(rare).filter(|start| *start >= from);
        let word = start.and_then(|start| bytes.get(start..start + WORD.len()));
        if let (Some(start), Some(word)) = (start, word)
            && word.eq_ignore_ascii_case(WORD)
        {
            return Some(start);
        }
        at = found + 1;
    }
}

/// Where the secret behind the word stands, and what stands there instead. Both ends lie at ASCII
/// characters.
fn secret_after(bytes: &[u8], at: usize) -> Option<(usize, usize, &'static str)> {
    if bytes.get(at) == Some(&b'=') {
        let start = at + 1;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'\'' | b'"' | b';');
        let length = bytes[start..]
            .iter()
            .position(ends)
            .unwrap_or(bytes.len() - start);
        return (length > 0).then_some((start, start + length, "***"));
    }
    let spaces = bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let start = at + spaces;
    let end = literal_end(bytes, start)?;
    Some((start, end, STARS))
}

/// The end of the string constant that begins at `start`; that of the text where it has none.
fn literal_end(bytes: &[u8], start: usize) -> Option<usize> {
    let escapes = matches!(bytes.get(start)?, b'e' | b'E') && bytes.get(start + 1) == Some(&b'\'');
    let quote = if escapes { start + 1 } else { start };
    match bytes.get(quote)? {
        b'\'' => {
            let mut at = quote + 1;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'\\' if escapes => at += 2,
                    b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
                    b'\'' => return Some(at + 1),
                    _ => at += 1,
                }
            }
            Some(bytes.len())
        }
        b'$' => {
            let tag = 2 + bytes[quote + 1..].iter().position(|byte| *byte == b'$')?;
            let (tag, body) = bytes[quote..].split_at(tag);
            let close = body.windows(tag.len()).position(|window| window == tag);
            Some(close.map_or(bytes.len(), |close| quote + tag.len() + close + tag.len()))
        }
        _ => None,
    }
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
        ] {
            assert_eq!(redact(text), text);
        }
    }
}

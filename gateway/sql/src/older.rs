//! Where older versions of PostgreSQL read something else than the grammar of the reader.

use crate::parse::{self, pg, strings};

/// Whether a call is a keyword that versions before 16 read as the name of a column.
pub(crate) fn is_column_name(call: &pg::FuncCall) -> bool {
    call.args.is_empty()
        && call.funcformat() == pg::CoercionForm::CoerceSqlSyntax
        && strings(&call.funcname) == ["pg_catalog", "system_user"]
}

/// Whether a function is called by a keyword that versions before 16 read as a plain name, which
/// may mean a function of any schema.
pub(crate) fn is_plain_function(name: &str) -> bool {
    matches!(name, "json_object" | "json_array" | "json")
}

const OTHER_NUMBER: &str = "a number that older versions read otherwise";

/// A number such as `0x1F` or `1_000`, if there is one: before version 16 a column by the name
/// `x1F` begins in its midst.
pub(crate) fn other_number(text: &str) -> Option<&'static str> {
    if !may_have_one(text.as_bytes()) {
        return None;
    }
    let tokens = parse::tokens(text).ok()?;
    tokens.iter().find_map(|token| {
        let start = usize::try_from(token.start).ok()?;
        let end = usize::try_from(token.end).ok()?;
        let token = text.get(start..end)?;
        let number = token.starts_with(|first: char| first.is_ascii_digit() || first == '.');
        (number && token.bytes().any(is_letter)).then_some(OTHER_NUMBER)
    })
}

/// Whether there is such a letter in a word that begins with a digit.
fn may_have_one(text: &[u8]) -> bool {
    let is_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii();
    text.split(|byte| !is_word(byte)).any(|word| {
        word.first().is_some_and(u8::is_ascii_digit) && word.iter().copied().any(is_letter)
    })
}

fn is_letter(byte: u8) -> bool {
    matches!(byte, b'x' | b'X' | b'o' | b'O' | b'b' | b'B' | b'_')
}

/// The schema in the name of a type; none where it may be any. The word JSON is a type of PostgreSQL's
/// own since 17, and was a name as any other before.
pub(crate) fn schema_of_type<'a>(path: &[&'a str]) -> &'a str {
    match path {
        ["pg_catalog", "json"] => "",
        [.., schema, _] => schema,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::other_number;

    #[test]
    fn numbers_in_which_older_versions_see_a_name_are_found() {
        for text in [
            "SELECT 0x1F",
            "SELECT 1_000",
            "SELECT 0b1, 2",
            "SELECT 1.0_1",
            "SELECT 1e1_0",
            "SELECT .5_0",
        ] {
            assert!(other_number(text).is_some(), "{text}");
        }
    }

    #[test]
    fn names_strings_and_plain_numbers_are_let_be() {
        for text in [
            "SELECT a1_b, x0x1, $1, 1.5e10 FROM t1_x",
            "SELECT '0x1F', \"1_0\" -- 0x1F",
            "SELECT 10, 'é0b'",
        ] {
            assert_eq!(other_number(text), None, "{text}");
        }
    }
}

use proptest::prelude::*;

use super::{Template, shape};

fn same(one: &str, other: &str) -> bool {
    let (one, other) = (shape(one), shape(other));
    one.is_some() && one == other
}

#[test]
fn plain_literals_do_not_matter() {
    assert!(same(
        "SELECT a FROM t WHERE b = 1",
        "SELECT a FROM t WHERE b = 22"
    ));
    assert!(same(
        "SELECT 'x', 1.5, 2147483647 FROM t LIMIT 3",
        "SELECT 'it''s', 2.25, 0 FROM t LIMIT 4"
    ));
    assert!(same(
        "INSERT INTO t VALUES (1, 'a')",
        "INSERT INTO t VALUES (2, 'ü')"
    ));
    assert!(same(
        "UPDATE t SET a = 1 WHERE id = 2",
        "UPDATE t SET a = 5 WHERE id = 7"
    ));
    assert!(same(
        "DELETE FROM t WHERE id = 2 AND b = 'x'",
        "DELETE FROM t WHERE id = 3 AND b = 'y'"
    ));
    assert!(same(
        "SELECT a FROM t ORDER BY b LIMIT 1",
        "SELECT a FROM t ORDER BY b LIMIT 2"
    ));
}

#[test]
fn literals_that_carry_meaning_stay() {
    for (one, other) in [
        (
            "SELECT a, b FROM t ORDER BY 1",
            "SELECT a, b FROM t ORDER BY 2",
        ),
        (
            "SELECT a, b FROM t GROUP BY 1",
            "SELECT a, b FROM t GROUP BY 2",
        ),
        (
            "SELECT a, b FROM t GROUP BY (SELECT 1 LIMIT 1), 1",
            "SELECT a, b FROM t GROUP BY (SELECT 1 LIMIT 1), 2",
        ),
        (
            "SELECT DISTINCT ON (1) a, b FROM t",
            "SELECT DISTINCT ON (2) a, b FROM t",
        ),
        ("DELETE FROM t WHERE 1 = 1", "DELETE FROM t WHERE 1 = 2"),
        (
            "DELETE FROM t WHERE 'a' = 'a'",
            "DELETE FROM t WHERE 'a' = 'b'",
        ),
        (
            "DELETE FROM t WHERE id = 1 OR id <> 1",
            "DELETE FROM t WHERE id = 1 OR id <> 2",
        ),
        (
            "DELETE FROM t WHERE id = 1 OR 1 = 1",
            "DELETE FROM t WHERE id = 1 OR 1 = 2",
        ),
        ("DELETE FROM t WHERE 't'", "DELETE FROM t WHERE 'f'"),
        (
            "DELETE FROM t WHERE a LIKE '%'",
            "DELETE FROM t WHERE a LIKE 'x'",
        ),
        ("DELETE FROM t WHERE a ~ ''", "DELETE FROM t WHERE a ~ 'x'"),
        (
            "DELETE FROM t WHERE id = 1 = 1",
            "DELETE FROM t WHERE id = 1 = 2",
        ),
        (
            "UPDATE t SET a = 1 WHERE 2 > 1",
            "UPDATE t SET a = 1 WHERE 2 > 3",
        ),
        (
            "SELECT set_config('a', 'b', true)",
            "SELECT set_config('role', 'b', true)",
        ),
        (
            "SELECT \"set_config\"('a', 'b', true)",
            "SELECT \"set_config\"('role', 'b', true)",
        ),
        ("SET a = 1", "SET a = 2"),
        // The grammar takes the one and not the other.
        ("SELECT current_time(3)", "SELECT current_time(3.5)"),
        ("SELECT current_time(3)", "SELECT current_time(3000000000)"),
        ("SELECT a::float(3) FROM t", "SELECT a::float(0) FROM t"),
        ("SELECT '/*' FROM t", "SELECT 'x' FROM t"),
    ] {
        assert!(!same(one, other), "{one}");
    }
}

#[test]
fn texts_that_are_hard_to_read_have_no_shape() {
    for text in [
        "SELECT 1 -- x",
        "SELECT /* 1 */ 1",
        "SELECT E'a'",
        "SELECT U&'a'",
        "SELECT u&\"a\"",
        "SELECT B'1'",
        "SELECT $$a$$",
        "SELECT $a$b$a$",
        "SELECT 'a\\'",
        "SELECT 'a'\n'b'",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT 1e5",
        "SELECT 0x1F",
        "SELECT 1_000",
        "SELECT 1.",
        "SELECT .5",
        "SELECT é",
        "SELECT 1\u{0}",
        "SELECT 1\u{b}",
        "EXPLAIN SELECT 1",
        "COPY t TO STDOUT",
    ] {
        assert!(shape(text).is_none(), "{text}");
    }
}

#[test]
fn a_text_of_several_statements_has_no_shape() {
    assert_eq!(shape("SELECT 1; SET role = 'x'"), None);
    assert_eq!(shape("SELECT 1; COPY t TO STDOUT (DELIMITER ',')"), None);
    assert_eq!(shape("SELECT 1;;"), None);
    assert!(shape("SELECT 1; \n").is_some());
}

fn fits(one: &str, other: &str) -> bool {
    let shape = shape(one).expect("it has a shape");
    Template::new(&shape.key).is_some_and(|template| template.fits(other))
}

#[test]
fn other_literals_of_the_same_kinds_fit_a_template() {
    let text = "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d < 1.5";
    assert!(fits(
        text,
        "SELECT a FROM t WHERE b = 234 AND c = '' AND d < 20.25"
    ));
    for other in [
        "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d < 15",
        "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d < 1.5 OR true",
        "SELECT a FROM t WHERE b = 1 AND c = 'x' OR 'x' AND d < 1.5",
        "SELECT a FROM t WHERE b = 1 AND c = 'x''' AND d < 1.5",
        "SELECT a FROM t WHERE b = 1 AND c = 'x\\' AND d < 1.5",
        "SELECT a FROM t WHERE b = 1 AND c = 2 AND d < 1.5",
        "SELECT a FROM t WHERE b = 1e5 AND c = 'x' AND d < 1.5",
        "SELECT a FROM t WHERE b = AND c = 'x' AND d < 1.5",
        "SELECT a FROM t WHERE b = 99999999999 AND c = 'x' AND d < 1.5",
        "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d < 1.5.5",
        "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d <",
        "",
    ] {
        assert!(!fits(text, other), "{other}");
    }
}

/// Pieces of texts whose literals may be folded, or not.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let words = vec![
        "SELECT ",
        " FROM t WHERE a = ",
        " AND b = ",
        " OR ",
        " ORDER BY ",
        " LIMIT ",
        ", ",
        "(",
        ")",
        "UPDATE t SET a = ",
        "DELETE FROM t WHERE ",
        " = ",
        "-",
        "/",
        "*",
        ".",
        ";",
        " ",
        "\n",
        "e",
        "E",
        "\"q\"",
        "$1",
        "--",
        "/*",
        "::float(",
        " DISTINCT ",
        "set_config(",
    ];
    let piece = prop_oneof![
        4 => "[0-9]{1,11}",
        1 => r"[0-9]{1,3}\.[0-9]{0,3}",
        3 => "'[a-z ü]{0,3}'",
        1 => r"'[a-z'/*\\-]{0,4}'",
        6 => proptest::sample::select(words).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..10)
}

proptest! {
    /// Wherever a template is quicker than a shape, it says the same.
    #[test]
    fn what_fits_a_template_has_its_shape(
        verb in proptest::sample::select(vec!["SELECT ", "UPDATE t SET a = ", "INSERT INTO t VALUES ("]),
        pieces in pieces(),
        others in pieces(),
    ) {
        let is_literal =
            |piece: &&String| piece.starts_with(|c: char| c.is_ascii_digit() || c == '\'');
        // The same text with other literals in some places.
        let mut literals = others.iter().filter(is_literal);
        let mixed = pieces.iter().map(|piece| {
            let other = is_literal(&piece).then(|| literals.next()).flatten();
            other.unwrap_or(piece).as_str()
        });
        let other = format!("{verb}{}", mixed.collect::<String>());
        let one = format!("{verb}{}", pieces.concat());
        for (one, other) in [(&one, &other), (&other, &one)] {
            if let Some(found) = shape(one) {
                let template = Template::new(&found.key).unwrap();
                if template.fits(other) {
                    prop_assert_eq!(shape(other), Some(found), "{} | {}", one, other);
                }
            }
        }
    }
}

//! Functions that PostgreSQL calls when it plans, in what it keeps of a relation's indexes, statistics,
//! checks and keys of partitions: those of which no argument is a column, and what is constant in the bodies
//! that it puts in place of calls.

use super::FIRST_OWN_OID;

/// A node of an expression.
#[derive(Default)]
struct Node {
    function: Option<u32>,
    /// There is a column in it, or a parameter.
    varies: bool,
}

/// The functions in an expression, as PostgreSQL prints its nodes (`nodeToString`), that are not its own
/// and whose arguments do not vary, or whose body may take their place.
pub(super) fn functions(tree: &str, is_inlined: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open: Vec<Node> = Vec::new();
    let mut rest = tree;
    while let Some(at) = rest.find(['{', '}', ':', '\\']) {
        let (sign, after) = rest[at..].split_at(1);
        rest = after;
        match sign {
            "\\" => {
                let mut escaped = after.chars();
                escaped.next();
                rest = escaped.as_str();
            }
            "{" => open.push(Node {
                function: None,
                varies: matches!(word(after), "VAR" | "PARAM"),
            }),
            "}" => {
                let Some(node) = open.pop() else { continue };
                match open.last_mut() {
                    Some(outer) if node.varies => outer.varies = true,
                    _ => {}
                }
                let is_called = |oid: &u32| !node.varies || is_inlined(*oid);
                found.extend(node.function.filter(is_called));
            }
            _ => {
                let key = word(after);
                if matches!(key, "funcid" | "opfuncid")
                    && let Some(node) = open.last_mut()
                {
                    let number = word(after[key.len()..].trim_start()).parse().ok();
                    node.function = number.filter(|oid| *oid >= FIRST_OWN_OID);
                }
            }
        }
    }
    found
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_has_no_column_within_is_computed_at_once() {
        let own = |args: &str| format!("{{FUNCEXPR :funcid 16400 :args ({args}) :location 5}}");
        let column = "{VAR :varno 1 :varattno 2}";
        let constant = r"{CONST :consttype 23 :constvalue 4 [ 1 \} 0 ]}";
        let functions = |tree: &str| super::functions(tree, |_| false);
        assert_eq!(functions(&own(constant)), [16400]);
        assert_eq!(functions(&own("")), [16400]);
        assert!(functions(&own(column)).is_empty());
        let inlined = super::functions(&own(column), |oid| oid == 16400);
        assert_eq!(inlined, [16400]);
        let both = format!(
            "{{OPEXPR :opno 521 :opfuncid 147 :args ({column} {})}}",
            own(constant)
        );
        assert_eq!(functions(&both), [16400]);
        let operator =
            format!("{{OPEXPR :opno 17000 :opfuncid 17001 :args ({constant} {constant})}}");
        assert_eq!(functions(&operator), [17001]);
        assert!(functions("}} {FUNCEXPR :funcid").is_empty());
    }
}

//! Patterns of names, as they stand in the catalog: case counts, `*` is any run of characters.
//!
//! A part that holds a dot or a literal star is written in double quotes: `"odd.name".*`.

use std::fmt;

use crate::{Column, RelationUse};

/// A pattern of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    /// The literal runs around the stars; one run where there is no star.
    runs: Vec<String>,
}

impl NamePattern {
    /// Reads a pattern such as `agent-*`. A dot is a character like any other here.
    ///
    /// # Errors
    /// Where it is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a pattern must not be empty; \"*\" is any name".to_owned());
        }
        let runs = text.split('*').map(str::to_owned).collect();
        Ok(NamePattern { runs })
    }

    /// This name only.
    #[must_use]
    pub fn literal(name: &str) -> Self {
        let runs = vec![name.to_owned()];
        NamePattern { runs }
    }

    /// True where this pattern is one name, without a star.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.runs.len() == 1
    }

    /// True where it matches the whole name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((last, firsts)) = self.runs.split_last() else {
            return false;
        };
        let Some((first, middles)) = firsts.split_first() else {
            return name == last;
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        for middle in middles {
            // The leftmost place leaves most for what follows.
            let Some(at) = rest.find(middle.as_str()) else {
                return false;
            };
            rest = &rest[at + middle.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

/// A pattern of relations: `name` or `schema.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationPattern {
    schema: Option<NamePattern>,
    name: NamePattern,
}

impl RelationPattern {
    /// Reads `name` or `schema.name`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = parts(text)?;
        let name = parts.pop();
        match (parts.len(), name) {
            (0 | 1, Some(name)) => Ok(RelationPattern {
                schema: parts.pop(),
                name,
            }),
            _ => Err(format!("\"{text}\" is not \"name\" or \"schema.name\"")),
        }
    }

    /// True where it matches for certain: a relation whose schema is not known matches only a
    /// pattern that names none. What allows something asks this.
    #[must_use]
    pub fn matches(&self, relation: &RelationUse) -> bool {
        let in_schema = self
            .schema
            .as_ref()
            .is_none_or(|schema| !relation.schema.is_empty() && schema.matches(&relation.schema));
        in_schema && self.name.matches(&relation.name)
    }

    /// True where it matches or may: a relation whose schema is not known may be in any. What
    /// refuses something asks this.
    #[must_use]
    pub fn may_match(&self, relation: &RelationUse) -> bool {
        let may_be_anywhere = relation.schema.is_empty() && self.name.matches(&relation.name);
        may_be_anywhere || self.matches(relation)
    }
}

/// A pattern of columns: `name`, `relation.name` or `schema.relation.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPattern {
    schema: Option<NamePattern>,
    relation: Option<NamePattern>,
    name: NamePattern,
}

/// Schemas of PostgreSQL itself: a pattern reaches into them only by naming them.
const SYSTEM_SCHEMAS: [&str; 3] = ["pg_catalog", "information_schema", "pg_toast"];

impl ColumnPattern {
    /// Reads `name`, `relation.name` or `schema.relation.name`.
    ///
    /// # Errors
    /// Where it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is not \"name\", \"relation.name\" or \"schema.relation.name\"");
        let mut parts = parts(text)?;
        let name = parts.pop().ok_or_else(wrong)?;
        let relation = parts.pop();
        let schema = parts.pop();
        if !parts.is_empty() {
            return Err(wrong());
        }
        Ok(ColumnPattern {
            schema,
            relation,
            name,
        })
    }

    /// True where it matches. Columns of `pg_catalog`, `information_schema` and `pg_toast` match
    /// only a pattern that names their schema without a star.
    #[must_use]
    pub fn matches(&self, column: &Column) -> bool {
        let in_schema = match &self.schema {
            Some(schema) if is_system(column) => {
                schema.is_literal() && schema.matches(&column.schema)
            }
            Some(schema) => schema.matches(&column.schema),
            None => !is_system(column),
        };
        in_schema
            && self.name.matches(&column.name)
            && self
                .relation
                .as_ref()
                .is_none_or(|relation| relation.matches(&column.relation))
    }
}

fn is_system(column: &Column) -> bool {
    SYSTEM_SCHEMAS.contains(&column.schema.as_str())
}

/// Splits at dots outside of double quotes; within them `""` is a quote and `*` a star.
fn parts(text: &str) -> Result<Vec<NamePattern>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_part(quoted)
                .ok_or_else(|| format!("\"{text}\" has a quote without an end"))?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let part = &rest[..end];
                if part.is_empty() {
                    return Err(format!("\"{text}\" has an empty part"));
                }
                if part.contains(|c: char| c == '"' || c.is_whitespace()) {
                    return Err(format!(
                        "\"{text}\" needs double quotes around a whole part"
                    ));
                }
                (NamePattern::parse(part)?, &rest[end..])
            }
        };
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => {
                return Err(format!(
                    "\"{text}\" has something between a quote and a dot"
                ));
            }
        }
    }
}

/// The part before the closing quote, and what follows the quote.
fn quoted_part(quoted: &str) -> Option<(NamePattern, &str)> {
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None if name.is_empty() => return None,
            None => return Some((NamePattern::literal(&name), rest)),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.runs.join("*"))
    }
}

#[cfg(test)]
mod tests;

//! One rule: columns, their mask, and for whom.

use crate::json::{JsonMask, Path};
use serde::Deserialize;
use sluice_sdk::{Column, ColumnPattern, DerivedRule, FilterRule, Mask, Scope};

/// The name of the key that `keyed-hash` takes.
const DEFAULT_KEY: &str = "default";

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) columns: Vec<ColumnPattern>,
    pub(crate) masking: Masking,
    pub(crate) derived: DerivedRule,
    pub(crate) filter: FilterRule,
    pub(crate) scope: Scope,
}

impl Rule {
    /// True where one of its patterns matches the column.
    pub(crate) fn names(&self, column: &Column) -> bool {
        self.columns.iter().any(|pattern| pattern.matches(column))
    }
}

/// What a rule does to values.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Masking {
    /// Nothing: an exception to the rules that follow.
    Show,
    /// A mask that the gateway applies.
    Named(Mask),
    /// `a***@example.com`.
    Email,
    /// Zeros for digits.
    Digits,
    /// Documents with some paths hidden.
    Json(JsonMask),
}

impl Masking {
    /// `***`, where no setting says otherwise.
    pub(crate) fn stars() -> Self {
        Masking::Named(Mask::Fixed("***".to_owned()))
    }
}

impl TryFrom<String> for Masking {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let count = |text: &str| text.trim().parse::<u32>().ok();
        let paths =
            |list: &str| Path::read_list(list).map_err(|error| format!("\"{text}\": {error}"));
        let named = match text.as_str() {
            "show" => return Ok(Masking::Show),
            "email" => return Ok(Masking::Email),
            "digits" => return Ok(Masking::Digits),
            "null" => Some(Mask::Null),
            "keyed-hash" => Some(Mask::KeyedHash(DEFAULT_KEY.to_owned())),
            other => match other.split_once([' ', ':']) {
                Some(("fixed", fixed)) if !fixed.is_empty() => Some(Mask::Fixed(fixed.to_owned())),
                Some(("json-hide", list)) => {
                    return Ok(Masking::Json(JsonMask::Hide(paths(list)?)));
                }
                Some(("json-show", list)) => {
                    return Ok(Masking::Json(JsonMask::Show(paths(list)?)));
                }
                Some(("keep-first", n)) => count(n).map(Mask::KeepFirst),
                Some(("keep-last", n)) => count(n).map(Mask::KeepLast),
                Some(("keyed-hash", key)) if !key.trim().is_empty() => {
                    Some(Mask::KeyedHash(key.trim().to_owned()))
                }
                Some(_) | None => None,
            },
        };
        named.map(Masking::Named).ok_or_else(|| {
            format!(
                "\"{text}\" is no mask; there are \"null\", \"fixed TEXT\", \"keep-first N\", \
                 \"keep-last N\", \"keyed-hash\", \"keyed-hash:KEY\", \"email\", \"digits\", \
                 \"json-hide PATHS\", \"json-show PATHS\" and \"show\""
            )
        })
    }
}

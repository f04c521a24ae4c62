//! One rule: columns, their mask, and for whom.

use crate::json::{JsonMask, Path};
use serde::Deserialize;
use sluice_sdk::{Column, ColumnPattern, DerivedRule, FilterRule, Mask, Scope, settings};

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
        let paths =
            |list: &str| Path::read_list(list).map_err(|error| format!("\"{text}\": {error}"));
        match text.as_str() {
            "show" => Ok(Masking::Show),
            "email" => Ok(Masking::Email),
            "digits" => Ok(Masking::Digits),
            other => match other.split_once([' ', ':']) {
                Some(("json-hide", list)) => Ok(Masking::Json(JsonMask::Hide(paths(list)?))),
                Some(("json-show", list)) => Ok(Masking::Json(JsonMask::Show(paths(list)?))),
                _ => settings::mask(other).map(Masking::Named).ok_or_else(|| {
                    let named = settings::MASKS;
                    format!(
                        "\"{text}\" is no mask; there are {named}, \"email\", \"digits\", \
                         \"json-hide PATHS\", \"json-show PATHS\" and \"show\""
                    )
                }),
            },
        }
    }
}

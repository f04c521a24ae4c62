//! Reading settings, with errors that name the setting.

use std::time::Duration;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::{
    ColumnPattern, DerivedRule, FilterRule, Mask, NamePattern, Recording, RelationPattern,
};

/// Reads settings from JSON text; no settings at all are `{}`.
///
/// # Errors
/// Where the text is not what `T` wants: the path of the setting and what is wrong with it.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = match text.trim() {
        "" | "null" => "{}",
        text => text,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let settings = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = without_position(&error.into_inner().to_string());
        match path.as_str() {
            "." | "" => message,
            path => format!("{path}: {message}"),
        }
    })?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(settings)
}

/// The JSON was made from the operator's file, so that its lines and columns mean nothing.
fn without_position(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

/// Reads a duration: a whole number and one of `s`, `m`, `h`, `d`.
///
/// # Errors
/// Where it is none, or zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("\"{text}\" is not a duration such as \"90s\", \"15m\", \"2h\" or \"1d\"");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds_each: u64 = match text[digits.len()..].trim() {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(seconds_each).ok_or_else(wrong)?;
    if seconds == 0 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// The name of the key that `keyed-hash` takes.
const DEFAULT_KEY: &str = "default";

/// How the masks that the gateway applies are written.
pub const MASKS: &str = "\"null\", \"fixed TEXT\", \"keep-first N\", \"keep-last N\", \
                         \"keyed-hash\", \"keyed-hash:KEY\"";

/// Reads a mask that the gateway applies.
#[must_use]
pub fn mask(text: &str) -> Option<Mask> {
    let count = |text: &str| text.trim().parse::<u32>().ok();
    match text {
        "null" => Some(Mask::Null),
        "keyed-hash" => Some(Mask::KeyedHash(DEFAULT_KEY.to_owned())),
        other => match other.split_once([' ', ':'])? {
            ("fixed", fixed) if !fixed.is_empty() => Some(Mask::Fixed(fixed.to_owned())),
            ("keep-first", n) => count(n).map(Mask::KeepFirst),
            ("keep-last", n) => count(n).map(Mask::KeepLast),
            ("keyed-hash", key) if !key.trim().is_empty() => {
                Some(Mask::KeyedHash(key.trim().to_owned()))
            }
            _ => None,
        },
    }
}

/// Types of the contract, and patterns, are settings too.
macro_rules! deserialize_by {
    ($type:ty, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                let text = String::deserialize(reader)?;
                $read(&text).map_err(D::Error::custom)
            }
        }
    };
}

deserialize_by!(NamePattern, NamePattern::parse);
deserialize_by!(RelationPattern, RelationPattern::parse);
deserialize_by!(ColumnPattern, ColumnPattern::parse);
deserialize_by!(Mask, |text: &str| mask(text)
    .ok_or_else(|| format!("\"{text}\" is no mask; there are {MASKS}")));
deserialize_by!(Recording, |text: &str| match text {
    "statement" => Ok(Recording::Statement),
    "results" => Ok(Recording::Results),
    _ => Err(none_of(text, &["statement", "results"])),
});
deserialize_by!(DerivedRule, |text: &str| match text {
    "deny" => Ok(DerivedRule::Deny),
    "hold" => Ok(DerivedRule::Hold),
    "null" => Ok(DerivedRule::Null),
    _ => Err(none_of(text, &["deny", "hold", "null"])),
});
deserialize_by!(FilterRule, |text: &str| match text {
    "deny" => Ok(FilterRule::Deny),
    "equality" => Ok(FilterRule::Equality),
    "allow" => Ok(FilterRule::Allow),
    _ => Err(none_of(text, &["deny", "equality", "allow"])),
});

/// The error for a word that is none of those possible.
#[must_use]
pub fn none_of(text: &str, possible: &[&str]) -> String {
    let possible: Vec<String> = possible.iter().map(|one| format!("\"{one}\"")).collect();
    format!("\"{text}\" is none of {}", possible.join(", "))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        rules: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        #[expect(dead_code, reason = "only read")]
        n: u32,
    }

    #[test]
    fn no_settings_are_empty_settings() {
        for text in ["", " null ", "{}"] {
            assert!(parse::<Settings>(text).unwrap().rules.is_empty());
        }
    }

    #[test]
    fn an_error_names_the_path_and_the_value() {
        let error = parse::<Settings>(r#"{"rules": [{"n": 1}, {"n": "x"}]}"#).unwrap_err();
        assert_eq!(
            error,
            "rules[1].n: invalid type: string \"x\", expected u32"
        );
        let error = parse::<Settings>(r#"{"rule": []}"#).unwrap_err();
        assert_eq!(error, "rule: unknown field `rule`, expected `rules`");
    }

    #[test]
    fn words_of_the_contract_are_read() {
        assert_eq!(parse(r#""results""#), Ok(Recording::Results));
        assert_eq!(parse(r#""hold""#), Ok(DerivedRule::Hold));
        assert_eq!(parse(r#""equality""#), Ok(FilterRule::Equality));
        assert_eq!(
            parse::<DerivedRule>(r#""allow""#),
            Err(r#""allow" is none of "deny", "hold", "null""#.to_owned())
        );
        assert!(
            parse::<Vec<ColumnPattern>>(r#"["a.b", ".c"]"#)
                .unwrap_err()
                .starts_with("[1]: ")
        );
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15 m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("1d"), Ok(Duration::from_secs(86400)));
        for wrong in [
            "",
            "15",
            "m",
            "0s",
            "-1s",
            "1.5h",
            "15 minutes",
            "99999999999999999999d",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}

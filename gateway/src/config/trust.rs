//! The file that says whose signatures modules need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use policy::{Grant, Trust, TrustedKey};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrust {
    keys: BTreeMap<String, RawKey>,
    require: Option<RawRequirement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    public: String,
    grants: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRequirement {
    #[serde(default)]
    all_of: BTreeSet<String>,
    #[serde(default)]
    any_of: BTreeSet<String>,
    minimum: Option<usize>,
}

/// More than this no file of trust has.
const MOST_BYTES: u64 = 1 << 20;

/// Reads the file; gives its text, too. Where it does not say what is required, one signature by any of its
/// keys is.
///
/// # Errors
/// What is wrong with it, with its name.
pub(crate) fn read(file: &Path) -> Result<(Trust, String), String> {
    let named = |what: String| format!("{}: {what}", file.display());
    let text = policy::files::read_text(file, MOST_BYTES);
    let text = text.map_err(|error| named(error.to_string()))?;
    let trust = parse(&text).map_err(named)?;
    Ok((trust, text))
}

fn parse(text: &str) -> Result<Trust, String> {
    let raw: RawTrust = toml::from_str(text).map_err(|error| error.to_string())?;
    let requirement = raw.require.unwrap_or_else(|| RawRequirement {
        all_of: BTreeSet::new(),
        any_of: raw.keys.keys().cloned().collect(),
        minimum: None,
    });
    let any = usize::from(!requirement.any_of.is_empty());
    let keys = raw.keys.into_iter().map(|(name, key)| trusted(name, key));
    let keys: Vec<TrustedKey> = keys.collect::<Result<_, _>>()?;
    let minimum = requirement.minimum.unwrap_or(any);
    Trust::new(keys, requirement.all_of, requirement.any_of, minimum)
}

fn trusted(name: String, key: RawKey) -> Result<TrustedKey, String> {
    let wrong = |what: String| format!("keys.{name}: {what}");
    let public = key.public.parse();
    let grant =
        |grant: &String| Grant::named(grant).ok_or_else(|| wrong(format!("`{grant}` is no grant")));
    let grants = key.grants.map(|grants| grants.iter().map(grant).collect());
    Ok(TrustedKey {
        public: public.map_err(|error: policy::NotASignature| wrong(error.to_string()))?,
        grants: grants.transpose()?,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn key(seed: u8) -> String {
        policy::PrivateKey::new([seed; 32]).public().to_string()
    }

    #[test]
    fn a_file_of_trust_is_read_or_said_to_be_wrong() {
        let (one, two) = (key(1), key(2));
        let keys = format!(
            "[keys.a]\npublic = \"{one}\"\n[keys.b]\npublic = \"{two}\"\ngrants = [\"log\"]\n"
        );
        let require = |what: &str| parse(&format!("{keys}[require]\n{what}\n"));
        assert!(parse(&keys).is_ok(), "one of any");
        assert!(require("all-of = [\"a\"]").is_ok());
        assert!(require("all-of = [\"a\"]\nany-of = [\"b\"]\nminimum = 1").is_ok());
        assert!(require("any-of = [\"a\", \"b\"]\nminimum = 3").is_err());
        assert!(require("").is_err(), "nothing is required");
        assert!(require("all-off = [\"a\"]").is_err());
        assert!(parse("").is_err() && parse("[keys]").is_err());
        assert!(parse("[keys.a]\npublic = \"ed25519:AAAA\"").is_err());
    }
}

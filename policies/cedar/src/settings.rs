//! The settings as the operator writes them.

use serde::Deserialize;

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The text of the policies.
    pub(crate) policy: String,
    /// Claims of the token that the principal has as attributes.
    pub(crate) claims: Vec<String>,
    /// Names that may be used although nobody knows what they do.
    pub(crate) trusted: Vec<String>,
}

//! The settings as the operator writes them.

use std::collections::BTreeMap;

use regorus::Engine;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The text of the policy.
    policy: String,
    /// Further texts by name.
    policies: BTreeMap<String, String>,
    /// The document `data`.
    data: Map<String, Value>,
    /// Claims of the token that the input holds.
    pub(crate) claims: Vec<String>,
    /// Whether the input holds the text of the request.
    pub(crate) text: bool,
    /// Whether the input holds its parameters.
    pub(crate) parameters: bool,
}

impl Settings {
    /// Every text with its name.
    fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = [("policy", self.policy.as_str())].into_iter();
        let more = self.policies.iter();
        let more = more.map(|(name, text)| (name.as_str(), text.as_str()));
        first
            .chain(more)
            .filter(|(_, text)| !text.trim().is_empty())
    }

    /// Gives the engine all texts and data, and gives back the names of those in package `sluice`; an
    /// error has the line and column.
    pub(crate) fn load(&self, engine: &mut Engine) -> Result<Vec<&str>, String> {
        if self.policies.contains_key("policy") {
            return Err("policies.policy: this name is taken by the setting policy".to_owned());
        }
        if self.sources().next().is_none() {
            return Err("policy: the text of a policy is needed".to_owned());
        }
        let mut ours = Vec::new();
        for (name, text) in self.sources() {
            let package = engine.add_policy(name.to_owned(), text.to_owned());
            if package.map_err(|error| format!("{error:#}"))? == "data.sluice" {
                ours.push(name);
            }
        }
        let data = regorus::Value::from(Value::Object(self.data.clone()));
        engine
            .add_data(data)
            .map_err(|error| format!("data: {error:#}"))?;
        Ok(ours)
    }
}

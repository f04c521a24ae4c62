//! The settings as the operator writes them.

use serde::Deserialize;
use sluice_sdk::{ColumnPattern, DerivedRule, FilterRule, NamePattern, Recording, Scope, settings};

use crate::MaskPolicy;
use crate::rule::{Masking, Rule};

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    columns: Vec<ColumnPattern>,
    mask: Option<Masking>,
    derived: Option<DerivedRule>,
    filter: Option<FilterRule>,
    rules: Vec<WrittenRule>,
    except_groups: Vec<String>,
    trusted: Vec<String>,
    recording: Option<Recording>,
}

/// One rule as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct WrittenRule {
    columns: Vec<ColumnPattern>,
    mask: Option<Masking>,
    derived: Option<DerivedRule>,
    filter: Option<FilterRule>,
    groups: Vec<String>,
    except_groups: Vec<String>,
    databases: Vec<NamePattern>,
    applications: Vec<NamePattern>,
    actors: Vec<NamePattern>,
}

impl Settings {
    /// Reads them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        settings::parse(text)
    }

    /// Checks what one setting alone cannot know, and puts the short form last.
    pub(crate) fn into_policy(mut self) -> Result<MaskPolicy, String> {
        for (index, name) in self.trusted.iter().enumerate() {
            if name.trim().is_empty() {
                return Err(format!(
                    "trusted[{index}]: the name of a function must not be empty"
                ));
            }
        }
        let written = std::mem::take(&mut self.rules);
        let mut rules = Vec::with_capacity(written.len() + 1);
        for (index, rule) in written.into_iter().enumerate() {
            if rule.columns.is_empty() {
                return Err(format!(
                    "rules[{index}].columns: a rule needs at least one column"
                ));
            }
            rules.push(self.rule(rule));
        }
        if !self.columns.is_empty() {
            rules.push(self.short_form());
        }
        Ok(MaskPolicy {
            rules,
            except_groups: self.except_groups,
            trusted: self.trusted,
            recording: self.recording.unwrap_or(Recording::Statement),
        })
    }

    /// A written rule; what it leaves out comes from the settings around it.
    fn rule(&self, written: WrittenRule) -> Rule {
        let around = self.mask.as_ref();
        Rule {
            columns: written.columns,
            masking: written
                .mask
                .or(around.cloned())
                .unwrap_or_else(Masking::stars),
            derived: written
                .derived
                .or(self.derived)
                .unwrap_or(DerivedRule::Deny),
            filter: written.filter.or(self.filter).unwrap_or(FilterRule::Deny),
            scope: Scope {
                groups: written.groups,
                except_groups: written.except_groups,
                databases: written.databases,
                applications: written.applications,
                actors: written.actors,
            },
        }
    }

    /// The columns that are masked for everyone whom no rule before names.
    fn short_form(&mut self) -> Rule {
        let columns = std::mem::take(&mut self.columns);
        self.rule(WrittenRule {
            columns,
            ..WrittenRule::default()
        })
    }
}

//! The settings as the operator writes them.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sluice_sdk::{NamePattern, Recording, RelationPattern, Scope, settings};

use crate::GuardPolicy;
use crate::finding::{Action, Terms};
use crate::rule::{OpaqueCondition, Rule};
use crate::statements::StatementPattern;
use crate::switches::Switches;

const RESTRICTIONS: [&str; 4] = ["none", "always-true", "some", "key"];

/// Every reason of the contract for which something cannot be known.
const REASONS: [&str; 13] = [
    "unparsed",
    "too-complex",
    "readers-differ",
    "unknown-relation",
    "unknown-column",
    "unknown-function",
    "sql-in-text",
    "procedural-code",
    "server-file",
    "data-catalog",
    "unknown-name",
    "session-state",
    "unsupported",
];

const LONGEST_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    ddl: Option<Action>,
    temp_tables: Option<Action>,
    unbounded_dml: Option<Action>,
    truncate: Option<Action>,
    opaque: Option<Action>,
    read_only_groups: Vec<String>,
    except_groups: Vec<String>,
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
    trusted: Vec<NamePattern>,
    recording: Option<Recording>,
    rules: Vec<WrittenRule>,
}

/// One rule as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    effect: Action,
    name: Option<String>,
    #[serde(default)]
    statements: Vec<StatementPattern>,
    #[serde(default)]
    relations: Vec<RelationPattern>,
    #[serde(default)]
    restriction: Vec<Restriction>,
    #[serde(default)]
    opaque: OpaqueCondition,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    except_groups: Vec<String>,
    #[serde(default)]
    databases: Vec<NamePattern>,
    #[serde(default)]
    actors: Actors,
    #[serde(default)]
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
    reason: Option<String>,
    hint: Option<String>,
}

/// A number of approvers, from 1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
struct Approvals(u32);

impl TryFrom<u32> for Approvals {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            0 => Err("0 approvals would be none; there must be at least 1".to_owned()),
            number => Ok(Approvals(number)),
        }
    }
}

/// How long a hold waits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Ttl(Duration);

impl TryFrom<String> for Ttl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match settings::duration(&text)? {
            ttl if ttl > LONGEST_TTL => Err(format!("\"{text}\" is more than \"30d\"")),
            ttl => Ok(Ttl(ttl)),
        }
    }
}

/// A word of the contract about conditions.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Restriction(String);

impl TryFrom<String> for Restriction {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        one_of(text, &RESTRICTIONS).map(Restriction)
    }
}

/// Patterns of actors; `"any"` is any actor at all.
#[derive(Debug, Default)]
struct Actors(Vec<NamePattern>);

impl<'de> Deserialize<'de> for Actors {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let patterns = match Value::deserialize(reader)? {
            Value::String(text) if text == "any" => NamePattern::parse("*").map(|any| vec![any]),
            Value::Array(patterns) => patterns.iter().map(pattern).collect(),
            other => Err(format!(
                "{other} is neither \"any\" nor a list such as [\"agent-*\"]"
            )),
        };
        patterns.map(Actors).map_err(D::Error::custom)
    }
}

fn pattern(value: &Value) -> Result<NamePattern, String> {
    match value {
        Value::String(text) => NamePattern::parse(text),
        other => Err(format!("{other} is no pattern such as \"agent-*\"")),
    }
}

impl<'de> Deserialize<'de> for OpaqueCondition {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let condition = match Value::deserialize(reader)? {
            Value::Bool(true) => Ok(OpaqueCondition::Anything),
            Value::Array(reasons) if !reasons.is_empty() => {
                let reasons: Result<_, String> = reasons.into_iter().map(reason).collect();
                reasons.map(OpaqueCondition::Reasons)
            }
            other => Err(format!(
                "{other} is neither true nor a list of reasons such as [\"unknown-function\"]"
            )),
        };
        condition.map_err(D::Error::custom)
    }
}

fn reason(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => one_of(text, &REASONS),
        other => Err(format!("{other} is no reason such as \"unknown-function\"")),
    }
}

fn one_of(text: String, possible: &[&str]) -> Result<String, String> {
    if possible.contains(&text.as_str()) {
        return Ok(text);
    }
    Err(settings::none_of(&text, possible))
}

impl Settings {
    /// Reads them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        settings::parse(text)
    }

    /// Checks what one setting alone cannot know.
    pub(crate) fn into_policy(self) -> Result<GuardPolicy, String> {
        let terms = Terms {
            approvers: self.approvers,
            approvals: self.approvals.map_or(1, |approvals| approvals.0),
            ttl: self.ttl.map_or(Duration::from_secs(15 * 60), |ttl| ttl.0),
        };
        let switches = [
            ("ddl", self.ddl),
            ("temp-tables", self.temp_tables),
            ("unbounded-dml", self.unbounded_dml),
            ("truncate", self.truncate),
            ("opaque", self.opaque),
        ];
        for (key, action) in switches {
            if let Some(action) = action {
                releasable(key, action, &terms)?;
            }
        }
        let rules = self.rules.into_iter().enumerate();
        Ok(GuardPolicy {
            rules: rules
                .map(|(index, rule)| rule.into_rule(index, &terms))
                .collect::<Result<_, _>>()?,
            switches: Switches {
                ddl: self.ddl,
                temp_tables: self.temp_tables,
                unbounded_dml: self.unbounded_dml,
                truncate: self.truncate,
                opaque: self.opaque,
                read_only_groups: self.read_only_groups,
                except_groups: self.except_groups,
                terms,
            },
            trusted: self.trusted,
            recording: self.recording.unwrap_or(Recording::Statement),
        })
    }
}

impl WrittenRule {
    /// A rule; the terms that it leaves out come from the settings around it.
    fn into_rule(self, index: usize, around: &Terms) -> Result<Rule, String> {
        let own = Terms {
            approvers: self.approvers,
            approvals: self
                .approvals
                .map_or(around.approvals, |approvals| approvals.0),
            ttl: self.ttl.map_or(around.ttl, |ttl| ttl.0),
        };
        let terms = match own.approvers.is_empty() {
            true => Terms {
                approvers: around.approvers.clone(),
                ..own
            },
            false => own,
        };
        releasable(&format!("rules[{index}].effect"), self.effect, &terms)?;
        Ok(Rule {
            name: self.name.unwrap_or_else(|| (index + 1).to_string()),
            action: self.effect,
            scope: Scope {
                groups: self.groups,
                except_groups: self.except_groups,
                databases: self.databases,
                actors: self.actors.0,
            },
            statements: self.statements,
            relations: self.relations,
            restriction: self.restriction.into_iter().map(|word| word.0).collect(),
            opaque: self.opaque,
            reason: self.reason,
            hint: self.hint,
            terms,
        })
    }
}

/// A hold that nobody may release would be a denial in disguise.
fn releasable(key: &str, action: Action, terms: &Terms) -> Result<(), String> {
    let names_nobody = terms.approvers.iter().all(|group| group.trim().is_empty());
    match action {
        Action::Hold if names_nobody => Err(format!(
            "{key}: \"hold\" needs groups that may approve, e.g. approvers = [\"dba\"]"
        )),
        Action::Hold | Action::Allow | Action::Deny => Ok(()),
    }
}

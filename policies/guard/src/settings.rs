//! The settings as the operator writes them.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sluice_sdk::{ColumnPattern, NamePattern, Recording, RelationPattern, Scope, grants, settings};

use crate::GuardPolicy;
use crate::budget::{Amount, Budget};
use crate::finding::{Action, Terms};
use crate::rule::{OpaqueCondition, Rule};
use crate::schedule::{Schedule, Span};
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
/// The longest window that the gateway counts in.
const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// Bytes of a budget's name: issuer and subject must fit beside it into a counter's key.
const LONGEST_NAME: usize = 64;

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    ddl: Option<Action>,
    temp_tables: Option<Action>,
    unbounded_dml: Option<Action>,
    truncate: Option<Action>,
    opaque: Option<Action>,
    bulk_reads: Option<Action>,
    max_rows: Option<Count>,
    read_only: bool,
    read_only_groups: Vec<String>,
    except_groups: Vec<String>,
    bulk_columns: Vec<ColumnPattern>,
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
    trusted: Vec<NamePattern>,
    recording: Option<Recording>,
    profiles: Vec<WrittenProfile>,
    budgets: Vec<WrittenBudget>,
    rules: Vec<WrittenRule>,
}

/// Switches of some sessions, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct WrittenProfile {
    ddl: Option<Action>,
    temp_tables: Option<Action>,
    unbounded_dml: Option<Action>,
    truncate: Option<Action>,
    opaque: Option<Action>,
    bulk_reads: Option<Action>,
    max_rows: Option<Count>,
    read_only: bool,
    groups: Vec<String>,
    except_groups: Vec<String>,
    databases: Vec<NamePattern>,
    applications: Vec<NamePattern>,
    actors: Actors,
    times: Vec<Span>,
    except_times: Vec<Span>,
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
}

/// One budget as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenBudget {
    name: String,
    rows: Option<Count>,
    requests: Option<Count>,
    per: Per,
    #[serde(default)]
    columns: Vec<ColumnPattern>,
    #[serde(default)]
    protected: bool,
    #[serde(default)]
    bulk: bool,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    except_groups: Vec<String>,
    #[serde(default)]
    databases: Vec<NamePattern>,
    #[serde(default)]
    applications: Vec<NamePattern>,
    #[serde(default)]
    actors: Actors,
    reason: Option<String>,
    hint: Option<String>,
}

/// One rule as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    effect: Action,
    #[serde(default)]
    exception: bool,
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
    applications: Vec<NamePattern>,
    #[serde(default)]
    actors: Actors,
    #[serde(default)]
    times: Vec<Span>,
    #[serde(default)]
    except_times: Vec<Span>,
    #[serde(default)]
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
    reason: Option<String>,
    hint: Option<String>,
}

/// A number from 1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
struct Count(u64);

impl TryFrom<i64> for Count {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u64::try_from(number) {
            Ok(count) if count > 0 => Ok(Count(count)),
            _ => Err(format!("{number} is no number from 1")),
        }
    }
}

/// How long a budget lasts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Per(Duration);

impl TryFrom<String> for Per {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match settings::duration(&text)? {
            per if per > LONGEST_WINDOW => Err(format!("\"{text}\" is more than \"31d\"")),
            per => Ok(Per(per)),
        }
    }
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
        let everybody = Switches {
            ddl: self.ddl,
            temp_tables: self.temp_tables,
            unbounded_dml: self.unbounded_dml,
            truncate: self.truncate,
            opaque: self.opaque,
            bulk_reads: self.bulk_reads,
            max_rows: self.max_rows.map(|count| count.0),
            read_only: self.read_only,
            read_only_groups: self.read_only_groups,
            except_groups: self.except_groups,
            terms: terms.clone(),
            ..Switches::default()
        };
        let mut switches = vec![checked("", everybody)?];
        for (index, profile) in self.profiles.into_iter().enumerate() {
            let at = format!("profiles[{index}].");
            switches.push(checked(&at, profile.into_switches(&terms))?);
        }
        let rules = self.rules.into_iter().enumerate();
        Ok(GuardPolicy {
            rules: rules
                .map(|(index, rule)| rule.into_rule(index, &terms))
                .collect::<Result<_, _>>()?,
            switches,
            budgets: budgets(self.budgets)?,
            bulk_columns: self.bulk_columns,
            trusted: self.trusted,
            recording: self.recording.unwrap_or(Recording::Statement),
        })
    }
}

/// The switches, where holds can be released and what they need is granted.
fn checked(at: &str, switches: Switches) -> Result<Switches, String> {
    let actions = [
        ("ddl", switches.ddl),
        ("temp-tables", switches.temp_tables),
        ("unbounded-dml", switches.unbounded_dml),
        ("truncate", switches.truncate),
        ("opaque", switches.opaque),
        ("bulk-reads", switches.bulk_reads),
    ];
    for (key, action) in actions {
        if let Some(action) = action {
            releasable(&format!("{at}{key}"), action, &switches.terms)?;
        }
    }
    if switches.max_rows.is_some() {
        needs(&format!("{at}max-rows"), "counters")?;
    }
    timed(at, &switches.schedule)?;
    Ok(switches)
}

/// Times need the clock.
fn timed(at: &str, schedule: &Schedule) -> Result<(), String> {
    let key = match schedule.times.is_empty() {
        true => "except-times",
        false => "times",
    };
    match schedule.needs_clock() {
        true => needs(&format!("{at}{key}"), "clock"),
        false => Ok(()),
    }
}

fn needs(key: &str, grant: &str) -> Result<(), String> {
    if grants::granted(grant) {
        return Ok(());
    }
    Err(format!(
        "{key}: this needs what is not granted: add \"{grant}\" to the policy's grants"
    ))
}

fn budgets(written: Vec<WrittenBudget>) -> Result<Vec<Budget>, String> {
    let mut budgets: Vec<Budget> = Vec::new();
    for (index, budget) in written.into_iter().enumerate() {
        let at = format!("budgets[{index}]");
        needs(&at, "counters")?;
        let budget = budget.into_budget(&at)?;
        if budgets.iter().any(|other| other.name == budget.name) {
            let name = &budget.name;
            return Err(format!("{at}.name: there is a budget \"{name}\" already"));
        }
        budgets.push(budget);
    }
    Ok(budgets)
}

impl WrittenBudget {
    fn into_budget(self, at: &str) -> Result<Budget, String> {
        let amount = match (self.rows, self.requests) {
            (Some(rows), None) => Amount::Rows(rows.0),
            (None, Some(requests)) => Amount::Requests(requests.0),
            (Some(_), Some(_)) | (None, None) => {
                return Err(format!(
                    "{at}: give either rows or requests, e.g. rows = 1000"
                ));
            }
        };
        let is_name = !self.name.is_empty() && !self.name.contains(char::is_control);
        if !is_name || self.name.len() > LONGEST_NAME {
            return Err(format!(
                "{at}.name: a name has 1 to {LONGEST_NAME} characters, on one line"
            ));
        }
        Ok(Budget {
            name: self.name,
            scope: Scope {
                groups: self.groups,
                except_groups: self.except_groups,
                databases: self.databases,
                applications: self.applications,
                actors: self.actors.0,
            },
            amount,
            per: self.per.0,
            columns: self.columns,
            protected: self.protected,
            bulk: self.bulk,
            reason: self.reason,
            hint: self.hint,
        })
    }
}

impl WrittenProfile {
    fn into_switches(self, around: &Terms) -> Switches {
        Switches {
            scope: Scope {
                groups: self.groups,
                except_groups: self.except_groups,
                databases: self.databases,
                applications: self.applications,
                actors: self.actors.0,
            },
            schedule: Schedule {
                times: self.times,
                except_times: self.except_times,
            },
            ddl: self.ddl,
            temp_tables: self.temp_tables,
            unbounded_dml: self.unbounded_dml,
            truncate: self.truncate,
            opaque: self.opaque,
            bulk_reads: self.bulk_reads,
            max_rows: self.max_rows.map(|count| count.0),
            read_only: self.read_only,
            terms: terms(self.approvers, self.approvals, self.ttl, around),
            ..Switches::default()
        }
    }
}

/// The terms of a part; what it leaves out comes from the settings around it.
fn terms(
    approvers: Vec<String>,
    approvals: Option<Approvals>,
    ttl: Option<Ttl>,
    around: &Terms,
) -> Terms {
    Terms {
        approvers: match approvers.is_empty() {
            true => around.approvers.clone(),
            false => approvers,
        },
        approvals: approvals.map_or(around.approvals, |approvals| approvals.0),
        ttl: ttl.map_or(around.ttl, |ttl| ttl.0),
    }
}

impl WrittenRule {
    /// A rule; the terms that it leaves out come from the settings around it.
    fn into_rule(self, index: usize, around: &Terms) -> Result<Rule, String> {
        let at = format!("rules[{index}].");
        let terms = terms(self.approvers, self.approvals, self.ttl, around);
        releasable(&format!("{at}effect"), self.effect, &terms)?;
        let schedule = Schedule {
            times: self.times,
            except_times: self.except_times,
        };
        timed(&at, &schedule)?;
        if self.exception && self.effect != Action::Hold {
            return Err(format!(
                "{at}exception: it is for rules that hold; one that allows or denies decides anyway"
            ));
        }
        Ok(Rule {
            name: self.name.unwrap_or_else(|| (index + 1).to_string()),
            action: self.effect,
            exception: self.exception,
            scope: Scope {
                groups: self.groups,
                except_groups: self.except_groups,
                databases: self.databases,
                applications: self.applications,
                actors: self.actors.0,
            },
            schedule,
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

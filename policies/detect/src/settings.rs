//! The settings as the operator writes them.

use serde::Deserialize;
use sluice_sdk::{Column, ColumnPattern, Facts};

use crate::kind::{Confidence, Kind, PerKind};

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    find: Find,
    least_confidence: Option<Confidence>,
    except_columns: Vec<ColumnPattern>,
    except_groups: Vec<String>,
}

/// What becomes of each kind.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Find {
    private_key: Option<Written>,
    token: Option<Written>,
    email: Option<Written>,
    iban: Option<Written>,
    card: Option<Written>,
    national_id: Option<Written>,
    phone: Option<Written>,
    secret: Option<Written>,
}

/// One kind's rule: an action alone, or with conditions of its own.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "neither \"mask\", \"null\", \"report\", \"off\" nor a table with \
                               action, least-confidence, except-columns and except-groups"
)]
enum Written {
    Action(Action),
    Rule(WrittenRule),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    action: Action,
    least_confidence: Option<Confidence>,
    #[serde(default)]
    except_columns: Vec<ColumnPattern>,
    #[serde(default)]
    except_groups: Vec<String>,
}

/// What becomes of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// Stars in its place, the text around it stays.
    Mask,
    /// NULL in place of the whole value.
    Null,
    /// It stays, and is counted in the trail.
    Report,
    /// It is not looked for.
    Off,
}

/// What becomes of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    /// The least sure finding that counts.
    pub(crate) least: Confidence,
    except_columns: Vec<ColumnPattern>,
    except_groups: Vec<String>,
}

impl Rule {
    /// True where the kind is looked for in the session of these facts.
    pub(crate) fn covers(&self, facts: &Facts) -> bool {
        self.action != Action::Off && !self.except_groups.iter().any(|one| facts.is_member(one))
    }

    /// True where the kind is not looked for in this column.
    pub(crate) fn exempts(&self, column: &Column) -> bool {
        self.except_columns.iter().any(|one| one.matches(column))
    }
}

impl Settings {
    /// The rule of each kind.
    pub(crate) fn into_rules(self) -> PerKind<Rule> {
        let mut find = self.find;
        PerKind::from_fn(|kind| {
            let written = match kind {
                Kind::PrivateKey => find.private_key.take(),
                Kind::Token => find.token.take(),
                Kind::Email => find.email.take(),
                Kind::Iban => find.iban.take(),
                Kind::Card => find.card.take(),
                Kind::NationalId => find.national_id.take(),
                Kind::Phone => find.phone.take(),
                Kind::Secret => find.secret.take(),
            };
            let written = match written {
                Some(Written::Rule(rule)) => rule,
                Some(Written::Action(action)) => WrittenRule::new(action),
                None if kind == Kind::Secret => WrittenRule::new(Action::Report),
                None => WrittenRule::new(Action::Mask),
            };
            let least = written.least_confidence.or(self.least_confidence);
            Rule {
                action: written.action,
                least: least.unwrap_or(Confidence::Medium),
                except_columns: joined(&self.except_columns, written.except_columns),
                except_groups: joined(&self.except_groups, written.except_groups),
            }
        })
    }
}

impl WrittenRule {
    fn new(action: Action) -> WrittenRule {
        WrittenRule {
            action,
            least_confidence: None,
            except_columns: Vec::new(),
            except_groups: Vec::new(),
        }
    }
}

fn joined<T: Clone>(all: &[T], own: Vec<T>) -> Vec<T> {
    all.iter().cloned().chain(own).collect()
}

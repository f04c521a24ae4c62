//! Names and values of Cedar, made of facts.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use serde_json::Value;
use sluice_sdk::Facts;

/// `Relation::"public.orders"`.
pub(crate) fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind: EntityTypeName = kind.parse().map_err(|error| format!("{kind}: {error}"))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

pub(crate) fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

pub(crate) fn set<'a>(texts: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.into_iter().map(text))
}

/// Who asks, with groups as parents and claims as attributes.
pub(crate) fn principal(facts: &Facts, claims: &[String]) -> Result<Entity, String> {
    let mut attributes = HashMap::from([
        ("issuer".to_owned(), text(facts.issuer())),
        (
            "groups".to_owned(),
            set(facts.groups().iter().map(String::as_str)),
        ),
        (
            "actors".to_owned(),
            set(facts.actors().iter().map(String::as_str)),
        ),
    ]);
    attributes.extend(facts.email().map(|email| ("email".to_owned(), text(email))));
    for name in claims {
        let claim = facts.claim(name);
        let value = claim.and_then(|json| serde_json::from_str(&json).ok());
        attributes.extend(
            value
                .and_then(expression)
                .map(|value| (name.clone(), value)),
        );
    }
    let groups: Result<HashSet<_>, _> = facts
        .groups()
        .iter()
        .map(|group| uid("Group", group))
        .collect();
    entity(uid("User", facts.subject())?, attributes, groups?)
}

pub(crate) fn entity(
    uid: EntityUid,
    attributes: HashMap<String, RestrictedExpression>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, String> {
    Entity::new(uid, attributes, parents).map_err(|error| error.to_string())
}

/// Cedar has no null and no fractions: what holds one is left out.
fn expression(value: Value) -> Option<RestrictedExpression> {
    match value {
        Value::Bool(truth) => Some(RestrictedExpression::new_bool(truth)),
        Value::Number(number) => number.as_i64().map(RestrictedExpression::new_long),
        Value::String(text) => Some(RestrictedExpression::new_string(text)),
        Value::Array(values) => {
            let all: Option<Vec<_>> = values.into_iter().map(expression).collect();
            all.map(RestrictedExpression::new_set)
        }
        Value::Object(fields) => {
            let field = |(name, value)| Some((name, expression(value)?));
            let all: Option<Vec<_>> = fields.into_iter().map(field).collect();
            RestrictedExpression::new_record(all?).ok()
        }
        Value::Null => None,
    }
}

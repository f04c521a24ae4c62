//! The facts as the document `input`.

use serde_json::{Map, Value, json};
use sluice_sdk::Facts;

use crate::settings::Settings;

/// What is known of a session.
pub(crate) fn session(facts: &Facts, settings: &Settings) -> Value {
    let mut claims = Map::new();
    for name in &settings.claims {
        let claim = facts.claim(name);
        let value = claim.and_then(|text| serde_json::from_str(&text).ok());
        claims.extend(value.map(|value: Value| (name.clone(), value)));
    }
    json!({
        "identity": {
            "subject": facts.subject(),
            "issuer": facts.issuer(),
            "email": facts.email(),
            "groups": facts.groups(),
            "actors": facts.actors(),
            "claims": claims,
        },
        "database": facts.database(),
        "application": facts.application(),
    })
}

/// What is known of a request.
pub(crate) fn request(facts: &Facts, settings: &Settings) -> Value {
    let mut input = session(facts, settings);
    input["executing"] = facts.executing().into();
    let statement = |one: &sluice_sdk::Statement| json!({ "kind": one.kind, "class": one.class, "restriction": one.restriction });
    input["statements"] = facts.statements().iter().map(statement).collect();
    let relation = |one: &sluice_sdk::RelationUse| {
        json!({
            "schema": one.schema,
            "name": one.name,
            "access": one.access,
            "statement": one.statement,
        })
    };
    input["relations"] = facts.relations().iter().map(relation).collect();
    let column = |one: &sluice_sdk::ColumnUse| {
        json!({
            "schema": one.column.schema,
            "relation": one.column.relation,
            "name": one.column.name,
            "type": one.column.type_name,
            "used": one.used,
            "statement": one.statement,
        })
    };
    input["columns"] = facts.columns().iter().map(column).collect();
    let function = |one: &sluice_sdk::FunctionUse| json!({ "schema": one.schema, "name": one.name, "statement": one.statement });
    input["functions"] = facts.functions().iter().map(function).collect();
    let part = |one: &sluice_sdk::OpaquePart| json!({ "reason": one.reason, "detail": one.detail, "statement": one.statement });
    input["opaque"] = facts.opaque().iter().map(part).collect();
    if settings.text {
        input["text"] = facts.text().into();
    }
    if settings.parameters {
        input["parameters"] = json!(facts.parameters());
    }
    input
}

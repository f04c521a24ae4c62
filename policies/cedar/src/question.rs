//! What is asked: may this principal do this to that?

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, Request, RestrictedExpression};
use sluice_sdk::{Column, Facts, Statement};

use crate::entities::{entity, principal, set, text, uid};

/// One question, with the entities that it speaks of.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
    /// What it is about, in words: `delete of public.orders`.
    pub(crate) about: String,
}

type Attributes = HashMap<String, RestrictedExpression>;

impl Question {
    /// May this identity open the database?
    pub(crate) fn connect(facts: &Facts, claims: &[String]) -> Result<Question, String> {
        let about = format!("connect to {}", facts.database());
        let database = entity(
            uid("Database", facts.database())?,
            HashMap::new(),
            HashSet::new(),
        )?;
        ask(
            facts,
            claims,
            "connect",
            vec![database],
            HashMap::new(),
            about,
        )
    }

    /// May it see the columns of the column's relation as they are?
    pub(crate) fn see(
        facts: &Facts,
        claims: &[String],
        column: &Column,
    ) -> Result<Question, String> {
        let Column {
            schema, relation, ..
        } = column;
        let about = format!("see {schema}.{relation}");
        let resource = self::relation(facts, schema, relation)?;
        ask(facts, claims, "see", resource, HashMap::new(), about)
    }
}

/// A question for each relation of each statement, and one for each statement that uses none.
pub(crate) fn of_request(facts: &Facts, claims: &[String]) -> Result<Vec<Question>, String> {
    if facts.statements().is_empty() && !facts.opaque().is_empty() {
        return Err("the text cannot be read".to_owned());
    }
    let mut questions = Vec::new();
    for used in facts.relations() {
        let name = match used.schema.is_empty() {
            true => used.name.clone(),
            false => format!("{}.{}", used.schema, used.name),
        };
        let about = format!("{} of {name}", used.access);
        let context = context(facts, Some(used.statement), |column| {
            (&column.schema, &column.relation) == (&used.schema, &used.name)
        });
        let resource = relation(facts, &used.schema, &used.name)?;
        questions.push(ask(facts, claims, &used.access, resource, context, about)?);
    }
    for (number, statement) in (0..).zip(facts.statements()) {
        let uses = facts
            .relations()
            .iter()
            .any(|used| used.statement == number);
        if !uses {
            let about = format!("run {}", statement.kind);
            let kind = entity(
                uid("Statement", &statement.kind)?,
                class(statement),
                HashSet::new(),
            )?;
            let context = context(facts, Some(number), |_| false);
            questions.push(ask(facts, claims, "run", vec![kind], context, about)?);
        }
    }
    Ok(questions)
}

fn class(statement: &Statement) -> Attributes {
    HashMap::from([("class".to_owned(), text(&statement.class))])
}

/// The relation, in its schema, in the database.
fn relation(facts: &Facts, schema: &str, name: &str) -> Result<Vec<Entity>, String> {
    let database = uid("Database", facts.database())?;
    let within = uid("Schema", schema)?;
    let path = match schema.is_empty() {
        true => name.to_owned(),
        false => format!("{schema}.{name}"),
    };
    let attributes = HashMap::from([
        ("schema".to_owned(), text(schema)),
        ("name".to_owned(), text(name)),
    ]);
    Ok(vec![
        entity(
            uid("Relation", &path)?,
            attributes,
            HashSet::from([within.clone()]),
        )?,
        entity(within, HashMap::new(), HashSet::from([database.clone()]))?,
        entity(database, HashMap::new(), HashSet::new())?,
    ])
}

/// What else is known: of the statement, and of the columns of the relation that it uses.
fn context(
    facts: &Facts,
    statement: Option<u32>,
    of_relation: impl Fn(&Column) -> bool,
) -> Attributes {
    let number = statement.unwrap_or(u32::MAX);
    let mut context = Attributes::new();
    if let Some(statement) = facts.statements().get(number as usize) {
        context.insert("kind".to_owned(), text(&statement.kind));
        context.insert("class".to_owned(), text(&statement.class));
        context.insert("restriction".to_owned(), text(&statement.restriction));
    }
    let columns = facts.columns().iter();
    let columns = columns.filter(|one| one.statement == number && of_relation(&one.column));
    let names = |shown: bool| {
        let columns = columns.clone();
        let wanted = columns.filter(move |one| shown == (one.used != "written"));
        set(wanted.map(|one| one.column.name.as_str()))
    };
    context.insert("read".to_owned(), names(true));
    context.insert("written".to_owned(), names(false));
    let functions = facts
        .functions()
        .iter()
        .filter(|one| one.statement == number);
    context.insert(
        "functions".to_owned(),
        set(functions.map(|one| one.name.as_str())),
    );
    let opaque = facts.opaque().iter().filter(|one| one.statement == number);
    context.insert(
        "opaque".to_owned(),
        set(opaque.map(|one| one.reason.as_str())),
    );
    // Statements within others are further ones: what any of them is can be asked, too.
    let kinds = facts.statements().iter().map(|one| one.kind.as_str());
    context.insert("kinds".to_owned(), set(kinds));
    let restrictions = facts
        .statements()
        .iter()
        .map(|one| one.restriction.as_str());
    context.insert("restrictions".to_owned(), set(restrictions));
    context
}

/// The first of the entities is the resource.
fn ask(
    facts: &Facts,
    claims: &[String],
    action: &str,
    mut entities: Vec<Entity>,
    mut context: Attributes,
    about: String,
) -> Result<Question, String> {
    context.insert("database".to_owned(), text(facts.database()));
    context.insert("application".to_owned(), text(facts.application()));
    let principal = principal(facts, claims)?;
    let resource = entities
        .first()
        .map(Entity::uid)
        .ok_or("nothing to ask about")?;
    let context = Context::from_pairs(context).map_err(|error| error.to_string())?;
    let action = uid("Action", action)?;
    let request = Request::new(principal.uid(), action, resource, context, None);
    entities.push(principal);
    Ok(Question {
        request: request.map_err(|error| error.to_string())?,
        entities: Entities::from_entities(entities, None).map_err(|error| error.to_string())?,
        about,
    })
}

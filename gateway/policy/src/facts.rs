//! What a policy may know while one of its hooks runs.

use std::sync::Arc;

use sql::analysis::{Analysis, ColumnId, ColumnUse, Kind, Restriction, Use};
use sql::catalog::{Catalog, ColumnInfo};

use crate::bindings::{facts, types};
use crate::instance::Host;
use crate::protection::Protections;
use crate::request::{Parameters, Request};
use crate::session::{Session, SessionFacts};

/// What is known in one call. Empty in a trial.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) who: Option<Arc<SessionFacts>>,
    pub(crate) catalog: Option<Arc<Catalog>>,
    /// In `decide` only.
    pub(crate) request: Option<RequestFacts>,
    /// What is protected for all of the session; in `decide` only.
    pub(crate) protections: Option<Arc<Protections>>,
    pub(crate) counting: Counting,
}

/// Whether what a policy adds to its counters is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counting {
    /// It is not: the answer has no effect, or the hook is not asked about a request or session.
    #[default]
    Ignored,
    /// It is.
    Kept,
    /// It was when the session began: what is taken again is granted, and adds nothing.
    KeptBefore,
}

/// What is known of a request.
#[derive(Clone)]
pub(crate) struct RequestFacts {
    pub(crate) text: Arc<str>,
    pub(crate) parameters: Option<Parameters>,
    pub(crate) executing: bool,
    pub(crate) analysis: Arc<Analysis>,
}

impl RequestFacts {
    /// A request that nothing is known of.
    pub(crate) fn nothing() -> RequestFacts {
        RequestFacts {
            text: "".into(),
            parameters: None,
            executing: true,
            analysis: Arc::default(),
        }
    }
}

/// Claims that differ between two tokens of the same person. What depends on one of them is not
/// shared between sessions.
const PER_TOKEN: [&str; 9] = [
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "sid",
];

/// True for a claim that differs between two tokens of the same person.
pub(crate) fn is_per_token(claim: &str) -> bool {
    PER_TOKEN.contains(&claim)
}

impl Facts {
    /// What may be known of a request.
    pub(crate) fn of_request(
        session: &Session,
        request: &Request,
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
        counting: Counting,
    ) -> Facts {
        Facts {
            who: Some(Arc::clone(&session.facts)),
            catalog: Some(Arc::clone(catalog)),
            request: Some(RequestFacts {
                text: Arc::clone(&request.text),
                parameters: request.parameters.clone(),
                executing: request.step.executes(),
                analysis: Arc::clone(analysis),
            }),
            protections: Some(Arc::clone(&session.class.protections)),
            counting,
        }
    }

    /// True where what the policy adds to its counters is kept.
    pub(crate) fn counts(&self) -> bool {
        let runs = self
            .request
            .as_ref()
            .is_none_or(|request| request.executing);
        self.counting == Counting::Kept && runs
    }

    /// True in `decide`.
    pub(crate) fn decides(&self) -> bool {
        self.request.is_some()
    }

    fn analysis(&self) -> Option<&Analysis> {
        self.request
            .as_ref()
            .map(|request| request.analysis.as_ref())
    }

    /// The uses of columns that these words want.
    fn columns(&self, wanted: impl Fn(&ColumnUse) -> bool) -> Vec<types::ColumnUse> {
        let columns = self.analysis().map(|analysis| analysis.columns.as_slice());
        let used = |used: &ColumnUse| types::ColumnUse {
            column: self.column(used.column),
            used: used.used.as_str().to_owned(),
            statement: used.statement,
        };
        let columns = columns.unwrap_or_default().iter();
        columns.filter(|used| wanted(used)).map(used).collect()
    }

    fn column(&self, id: ColumnId) -> types::Column {
        let known = self.catalog.as_ref().and_then(|catalog| catalog.column(id));
        match known {
            Some(known) => column(known),
            None => types::Column {
                relation_oid: id.relation,
                attribute: id.attribute,
                schema: String::new(),
                relation: String::new(),
                name: String::new(),
                type_name: String::new(),
            },
        }
    }
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

impl facts::Host for Host {
    fn subject(&mut self) -> String {
        owned(
            self.facts
                .who
                .as_ref()
                .map(|who| who.identity.subject.as_str()),
        )
    }

    fn issuer(&mut self) -> String {
        owned(
            self.facts
                .who
                .as_ref()
                .map(|who| who.identity.issuer.as_str()),
        )
    }

    fn email(&mut self) -> Option<String> {
        self.facts
            .who
            .as_ref()
            .and_then(|who| who.identity.email.clone())
    }

    fn groups(&mut self) -> Vec<String> {
        self.facts
            .who
            .as_ref()
            .map(|who| who.identity.groups.clone())
            .unwrap_or_default()
    }

    fn claim(&mut self, name: String) -> Option<String> {
        self.unrecorded = true;
        if is_per_token(&name) {
            self.unrepeatable = true;
        }
        let claims = &self.facts.who.as_ref()?.identity.claims;
        claims.get(&name).map(ToString::to_string)
    }

    fn actors(&mut self) -> Vec<String> {
        let actors = self
            .facts
            .who
            .as_ref()
            .map(|who| who.identity.actors.as_slice());
        actors
            .unwrap_or_default()
            .iter()
            .map(|actor| actor.subject.clone())
            .collect()
    }

    fn database(&mut self) -> String {
        owned(self.facts.who.as_ref().map(|who| &*who.database))
    }

    fn application(&mut self) -> String {
        owned(self.facts.who.as_ref().map(|who| &*who.application))
    }

    fn catalog(&mut self) -> Vec<types::Column> {
        match (&self.facts.catalog, &self.facts.request) {
            (Some(catalog), None) => catalog
                .columns()
                .chain(catalog.former())
                .map(column)
                .collect(),
            (Some(_), Some(_)) | (None, _) => Vec::new(),
        }
    }

    fn statements(&mut self) -> Vec<types::Statement> {
        let statements = self
            .facts
            .analysis()
            .map(|analysis| analysis.statements.as_slice());
        let statements = statements.unwrap_or_default();
        let named = statements
            .iter()
            .map(|one| statement(one.kind, one.restriction));
        let hidden = statements.iter().flat_map(|one| &one.inner);
        named
            .chain(hidden.map(|one| statement(one.kind, one.restriction)))
            .collect()
    }

    fn relations(&mut self) -> Vec<types::RelationUse> {
        let relations = self
            .facts
            .analysis()
            .map(|analysis| analysis.relations.as_slice());
        let relation = |relation: &sql::analysis::RelationUse| types::RelationUse {
            oid: relation.oid,
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            access: relation.access.as_str().to_owned(),
            statement: relation.statement,
        };
        relations.unwrap_or_default().iter().map(relation).collect()
    }

    fn columns(&mut self) -> Vec<types::ColumnUse> {
        self.facts.columns(|_| true)
    }

    fn protected_columns(&mut self) -> Vec<types::ColumnUse> {
        match &self.facts.protections {
            Some(protections) => self
                .facts
                .columns(|used| used.used != Use::Written && protections.of(used.column).is_some()),
            None => Vec::new(),
        }
    }

    fn row_restrictions(&mut self) -> Vec<String> {
        self.by_literals = true;
        let statements = self
            .facts
            .analysis()
            .map(|analysis| analysis.statements.as_slice());
        let statements = statements.unwrap_or_default();
        let hidden = statements.iter().flat_map(|one| &one.inner).map(|_| None);
        let rows = statements.iter().map(|one| one.rows).chain(hidden);
        rows.map(word).collect()
    }

    fn functions(&mut self) -> Vec<types::FunctionUse> {
        let functions = self
            .facts
            .analysis()
            .map(|analysis| analysis.functions.as_slice());
        let function = |function: &sql::analysis::FunctionUse| types::FunctionUse {
            schema: function.schema.clone(),
            name: function.name.clone(),
            statement: function.statement,
        };
        functions.unwrap_or_default().iter().map(function).collect()
    }

    fn opaque(&mut self) -> Vec<types::OpaquePart> {
        let opaque = self
            .facts
            .analysis()
            .map(|analysis| analysis.opaque.as_slice());
        let part = |part: &sql::analysis::Opaque| types::OpaquePart {
            reason: part.reason.as_str().to_owned(),
            detail: part.detail.clone(),
            statement: part.statement,
        };
        opaque.unwrap_or_default().iter().map(part).collect()
    }

    fn text(&mut self) -> String {
        owned(self.facts.request.as_ref().map(|request| &*request.text))
    }

    fn parameters(&mut self) -> Vec<Option<String>> {
        let request = self.facts.request.as_ref();
        request
            .and_then(|request| request.parameters.as_ref())
            .map(Parameters::texts)
            .unwrap_or_default()
    }

    fn transform_by(&mut self, relation: u32, attribute: i16, rule: u32) -> wasmtime::Result<()> {
        let column = ColumnId {
            relation,
            attribute,
        };
        Ok(self.rules.say(column, rule)?)
    }

    fn transformed_by(&mut self, position: u32) -> Option<u32> {
        let mut columns = self.transformed.iter();
        let (_, rule) = columns.find(|(place, _)| *place == position)?;
        *rule
    }

    fn executing(&mut self) -> bool {
        self.facts
            .request
            .as_ref()
            .is_some_and(|request| request.executing)
    }
}

fn column(column: ColumnInfo<'_>) -> types::Column {
    types::Column {
        relation_oid: column.id.relation,
        attribute: column.id.attribute,
        schema: column.schema.to_owned(),
        relation: column.relation.to_owned(),
        name: column.name.to_owned(),
        type_name: column.type_name.to_owned(),
    }
}

fn statement(kind: Kind, restricted: Option<Restriction>) -> types::Statement {
    types::Statement {
        kind: kind.command.to_owned(),
        class: kind.class.as_str().to_owned(),
        restriction: word(restricted),
    }
}

/// The word for what a condition restricts; empty where there can be none.
fn word(restriction: Option<Restriction>) -> String {
    owned(restriction.map(Restriction::as_str))
}

//! What is known when a hook runs.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use crate::bindings::sluice::policy::facts as host;
use crate::{Column, ColumnUse, FunctionUse, OpaquePart, RelationUse, ResultColumn, Statement};

/// What is known when a hook runs. Only what is asked for is fetched, and only once a call.
///
/// The gateway hands one to every hook; tests make theirs by [`Facts::fixed`].
#[derive(Debug, Default)]
pub struct Facts {
    /// The claims of a test; `None` where the host is asked.
    claims: Option<BTreeMap<String, String>>,
    subject: OnceCell<String>,
    issuer: OnceCell<String>,
    email: OnceCell<Option<String>>,
    groups: OnceCell<Vec<String>>,
    actors: OnceCell<Vec<String>>,
    database: OnceCell<String>,
    application: OnceCell<String>,
    catalog: OnceCell<Vec<Column>>,
    statements: OnceCell<Vec<Statement>>,
    relations: OnceCell<Vec<RelationUse>>,
    columns: OnceCell<Vec<ColumnUse>>,
    functions: OnceCell<Vec<FunctionUse>>,
    opaque: OnceCell<Vec<OpaquePart>>,
    text: OnceCell<String>,
    parameters: OnceCell<Vec<Option<String>>>,
    executing: OnceCell<bool>,
    row_restrictions: OnceCell<Vec<String>>,
    protected_columns: OnceCell<Vec<ColumnUse>>,
    /// What a test's policy has said, and what it is told.
    rules: RefCell<BTreeMap<(u32, i16), u32>>,
    transformed: BTreeMap<u32, u32>,
}

impl Facts {
    /// The facts of the call under way.
    #[doc(hidden)]
    #[must_use]
    pub fn of_host() -> Self {
        Facts::default()
    }

    /// The subject of the identity (claim `sub`).
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.get_or_init(host::subject)
    }

    /// The issuer that vouches for it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.get_or_init(host::issuer)
    }

    /// The e-mail address, where the token has one.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.get_or_init(host::email).as_deref()
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.groups.get_or_init(host::groups)
    }

    /// True for a member of the group.
    #[must_use]
    pub fn is_member(&self, group: &str) -> bool {
        self.groups().iter().any(|one| one == group)
    }

    /// A claim of the token as JSON text.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<String> {
        match &self.claims {
            Some(claims) => claims.get(name).cloned(),
            None => host::claim(name),
        }
    }

    /// Who acts for the subject, nearest first (claim `act`, RFC 8693 section 4.1).
    #[must_use]
    pub fn actors(&self) -> &[String] {
        self.actors.get_or_init(host::actors)
    }

    /// The database as the client named it.
    #[must_use]
    pub fn database(&self) -> &str {
        self.database.get_or_init(host::database)
    }

    /// The startup parameter application_name, as claimed by the client.
    #[must_use]
    pub fn application(&self) -> &str {
        self.application.get_or_init(host::application)
    }

    /// Every column of the catalog. In `session` only; empty elsewhere.
    #[must_use]
    pub fn catalog(&self) -> &[Column] {
        self.catalog.get_or_init(host::catalog)
    }

    /// The statements of the request, those within others included. In `decide` only; empty
    /// elsewhere, as what follows.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        self.statements.get_or_init(host::statements)
    }

    /// The relations it uses.
    #[must_use]
    pub fn relations(&self) -> &[RelationUse] {
        self.relations.get_or_init(host::relations)
    }

    /// The base columns it uses.
    #[must_use]
    pub fn columns(&self) -> &[ColumnUse] {
        self.columns.get_or_init(host::columns)
    }

    /// The functions it calls.
    #[must_use]
    pub fn functions(&self) -> &[FunctionUse] {
        self.functions.get_or_init(host::functions)
    }

    /// What of it cannot be known.
    #[must_use]
    pub fn opaque(&self) -> &[OpaquePart] {
        self.opaque.get_or_init(host::opaque)
    }

    /// The text as the client sent it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.get_or_init(host::text)
    }

    /// The parameters in text form, where the request carries some; `None` for binary ones.
    #[must_use]
    pub fn parameters(&self) -> &[Option<String>] {
        self.parameters.get_or_init(host::parameters)
    }

    /// False while the statement is only being prepared: it is decided again before it runs.
    #[must_use]
    pub fn executing(&self) -> bool {
        *self.executing.get_or_init(host::executing)
    }

    /// For each of the statements, what restricts the rows that the client gets of it: "none",
    /// "always-true", "some" or "key"; "" where it is no query, or hides in another statement.
    #[must_use]
    pub fn row_restrictions(&self) -> &[String] {
        self.row_restrictions.get_or_init(host::row_restrictions)
    }

    /// Those uses of columns, "written" ones left out, whose column some policy protects from this
    /// session.
    #[must_use]
    pub fn protected_columns(&self) -> &[ColumnUse] {
        self.protected_columns.get_or_init(host::protected_columns)
    }

    /// Says by which rule a column is transformed that is protected by
    /// [`Mask::Custom`](crate::Mask::Custom): a number of the policy's own. A value that belongs to columns of
    /// several rules is NULL. Where nothing is said of a column its name stands for the rule. In `session`
    /// and `decide` only.
    pub fn transform_by(&self, column: &Column, rule: u32) {
        let id = (column.relation_oid, column.attribute);
        match &self.claims {
            Some(_) => {
                self.rules.borrow_mut().insert(id, rule);
            }
            None => host::transform_by(id.0, id.1, rule),
        }
    }

    /// The rule of a column that is being transformed, if the policy has said one.
    #[must_use]
    pub fn transformed_by(&self, column: &ResultColumn) -> Option<u32> {
        match &self.claims {
            Some(_) => self.transformed.get(&column.position).copied(),
            None => host::transformed_by(column.position),
        }
    }
}

/// Facts of tests.
impl Facts {
    /// Facts for a test: a request that runs, of nobody, with nothing in it. Add what matters.
    #[must_use]
    pub fn fixed() -> Self {
        Facts {
            claims: Some(BTreeMap::new()),
            subject: OnceCell::from(String::new()),
            issuer: OnceCell::from(String::new()),
            email: OnceCell::from(None),
            groups: OnceCell::from(Vec::new()),
            actors: OnceCell::from(Vec::new()),
            database: OnceCell::from(String::new()),
            application: OnceCell::from(String::new()),
            catalog: OnceCell::from(Vec::new()),
            statements: OnceCell::from(Vec::new()),
            relations: OnceCell::from(Vec::new()),
            columns: OnceCell::from(Vec::new()),
            functions: OnceCell::from(Vec::new()),
            opaque: OnceCell::from(Vec::new()),
            text: OnceCell::from(String::new()),
            parameters: OnceCell::from(Vec::new()),
            executing: OnceCell::from(true),
            row_restrictions: OnceCell::from(Vec::new()),
            protected_columns: OnceCell::from(Vec::new()),
            rules: RefCell::default(),
            transformed: BTreeMap::new(),
        }
    }

    /// The rule that was said of a column.
    #[must_use]
    pub fn rule_of(&self, column: &Column) -> Option<u32> {
        let id = (column.relation_oid, column.attribute);
        self.rules.borrow().get(&id).copied()
    }

    /// With the column at this position of the result transformed by this rule.
    #[must_use]
    pub fn with_rule(mut self, position: u32, rule: u32) -> Self {
        self.transformed.insert(position, rule);
        self
    }

    /// With this subject.
    #[must_use]
    pub fn with_subject(mut self, subject: &str) -> Self {
        self.subject = OnceCell::from(subject.to_owned());
        self
    }

    /// With this issuer.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.issuer = OnceCell::from(issuer.to_owned());
        self
    }

    /// With this e-mail address.
    #[must_use]
    pub fn with_email(mut self, email: &str) -> Self {
        self.email = OnceCell::from(Some(email.to_owned()));
        self
    }

    /// With these groups.
    #[must_use]
    pub fn with_groups<'a>(mut self, groups: impl IntoIterator<Item = &'a str>) -> Self {
        self.groups = OnceCell::from(owned(groups));
        self
    }

    /// With this claim, its value as JSON text.
    #[must_use]
    pub fn with_claim(mut self, name: &str, json: &str) -> Self {
        let claims = self.claims.get_or_insert_default();
        claims.insert(name.to_owned(), json.to_owned());
        self
    }

    /// With these actors, nearest first.
    #[must_use]
    pub fn with_actors<'a>(mut self, actors: impl IntoIterator<Item = &'a str>) -> Self {
        self.actors = OnceCell::from(owned(actors));
        self
    }

    /// On this database.
    #[must_use]
    pub fn with_database(mut self, database: &str) -> Self {
        self.database = OnceCell::from(database.to_owned());
        self
    }

    /// From this application.
    #[must_use]
    pub fn with_application(mut self, application: &str) -> Self {
        self.application = OnceCell::from(application.to_owned());
        self
    }

    /// With this catalog.
    #[must_use]
    pub fn with_catalog(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.catalog = OnceCell::from(columns.into_iter().collect::<Vec<_>>());
        self
    }

    /// With one statement more: its command, class and restriction.
    #[must_use]
    pub fn with_statement(mut self, kind: &str, class: &str, restriction: &str) -> Self {
        push(
            &mut self.statements,
            Statement {
                kind: kind.to_owned(),
                class: class.to_owned(),
                restriction: restriction.to_owned(),
            },
        );
        self
    }

    /// With one query more: its command, and what restricts its rows.
    #[must_use]
    pub fn with_query(mut self, kind: &str, rows: &str) -> Self {
        let before = self.statements.get().map_or(0, Vec::len);
        self = self.with_statement(kind, "read", "");
        let mut restrictions = self.row_restrictions.take().unwrap_or_default();
        restrictions.resize(before, String::new());
        restrictions.push(rows.to_owned());
        self.row_restrictions = OnceCell::from(restrictions);
        self
    }

    /// With one use more of a column that is protected from the session, by the statement added last.
    #[must_use]
    pub fn with_protected_column(mut self, column: Column, used: &str) -> Self {
        self = self.with_column(column, used);
        let added = self.columns().last().cloned();
        let mut protected = self.protected_columns.take().unwrap_or_default();
        protected.extend(added);
        self.protected_columns = OnceCell::from(protected);
        self
    }

    /// With one use more of a relation, `schema.name` or `name`, by the statement added last.
    #[must_use]
    pub fn with_relation(self, relation: &str, access: &str) -> Self {
        const FIRST_OWN_OID: u32 = 16_384;
        self.with_relation_of(Some(FIRST_OWN_OID), relation, access)
    }

    /// The same of a relation that the catalog does not know.
    #[must_use]
    pub fn with_unknown_relation(self, relation: &str, access: &str) -> Self {
        self.with_relation_of(None, relation, access)
    }

    fn with_relation_of(mut self, oid: Option<u32>, relation: &str, access: &str) -> Self {
        let (schema, name) = relation.split_once('.').unwrap_or(("", relation));
        let statement = self.last_statement();
        push(
            &mut self.relations,
            RelationUse {
                oid,
                schema: schema.to_owned(),
                name: name.to_owned(),
                access: access.to_owned(),
                statement,
            },
        );
        self
    }

    /// With one use more of a column, by the statement added last.
    #[must_use]
    pub fn with_column(mut self, column: Column, used: &str) -> Self {
        let statement = self.last_statement();
        push(
            &mut self.columns,
            ColumnUse {
                column,
                used: used.to_owned(),
                statement,
            },
        );
        self
    }

    /// With one call more of a function, `schema.name` or `name`, by the statement added last.
    #[must_use]
    pub fn with_function(mut self, function: &str) -> Self {
        let (schema, name) = function.split_once('.').unwrap_or(("", function));
        let statement = self.last_statement();
        push(
            &mut self.functions,
            FunctionUse {
                schema: schema.to_owned(),
                name: name.to_owned(),
                statement,
            },
        );
        self
    }

    /// With one thing more that cannot be known, in the statement added last.
    #[must_use]
    pub fn with_opaque(mut self, reason: &str, detail: &str) -> Self {
        let statement = self.last_statement();
        push(
            &mut self.opaque,
            OpaquePart {
                reason: reason.to_owned(),
                detail: detail.to_owned(),
                statement,
            },
        );
        self
    }

    /// With this text.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.text = OnceCell::from(text.to_owned());
        self
    }

    /// With these parameters.
    #[must_use]
    pub fn with_parameters<'a>(
        mut self,
        parameters: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Self {
        let parameters = parameters.into_iter().map(|one| one.map(str::to_owned));
        self.parameters = OnceCell::from(parameters.collect::<Vec<_>>());
        self
    }

    /// While it is only being prepared.
    #[must_use]
    pub fn while_preparing(mut self) -> Self {
        self.executing = OnceCell::from(false);
        self
    }

    fn last_statement(&self) -> u32 {
        let count = self.statements.get().map_or(0, Vec::len);
        u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

fn owned<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn push<T>(list: &mut OnceCell<Vec<T>>, item: T) {
    let mut items = list.take().unwrap_or_default();
    items.push(item);
    *list = OnceCell::from(items);
}

impl Column {
    /// A column for a test, by `schema.relation.name` and the name of its type. Its numbers are
    /// made from its name: the same name gives the same numbers.
    ///
    /// # Panics
    /// Where the name has not three parts.
    #[must_use]
    pub fn new(path: &str, type_name: &str) -> Self {
        let parts: Vec<&str> = path.splitn(3, '.').collect();
        let [schema, relation, name] = parts[..] else {
            panic!("{path} is not schema.relation.name");
        };
        let number = |text: &str| {
            text.bytes().fold(7_u32, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            })
        };
        Column {
            relation_oid: number(&path[..path.len() - name.len()]),
            attribute: i16::try_from(number(name) % 30_000).unwrap_or_default() + 1,
            schema: schema.to_owned(),
            relation: relation.to_owned(),
            name: name.to_owned(),
            type_name: type_name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_facts_ask_no_host() {
        let facts = Facts::fixed()
            .with_subject("ada")
            .with_claim("tenant", "7")
            .with_statement("select", "read", "")
            .with_statement("delete", "write", "none")
            .with_relation("public.orders", "delete");
        assert_eq!(facts.subject(), "ada");
        assert_eq!(facts.claim("tenant").as_deref(), Some("7"));
        assert_eq!(facts.claim("other"), None);
        assert_eq!(facts.relations()[0].statement, 1);
        assert!(facts.executing());
        assert!(facts.catalog().is_empty());
    }
}

//! What the names of a session mean: prepared statements, portals, cursors.
//!
//! A name means something new only once the upstream has said so. What is still under way lies in
//! the pipeline as a [`Change`], so that an error there takes it back as the upstream does.

use std::cell::{Cell, RefCell};
use std::rc::{self, Rc};
use std::sync::{self, Arc};

use bytes::Bytes;
use hashbrown::HashMap;
use policy::Plan;
use sql::Strings;
use sql::analysis::{Analysis, NameUse};
use trail::Entry;
use wire::client::Formats;

use super::wording::Wording;

/// More names of cursors than this are forgotten: most have ended with their transactions.
const MOST_CURSORS: usize = 10_000;

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Its text.
    pub(crate) wording: Rc<Wording>,
    /// How the upstream has read its strings.
    pub(crate) strings: Strings,
    /// The types of its parameters, as far as the client has said them.
    pub(crate) types: Box<[u32]>,
    /// What it would do, as it was parsed.
    pub(crate) analysis: Arc<Analysis>,
    /// The version of the catalog that said so last, and how many changes of definitions had ended when
    /// that was read.
    pub(crate) catalog: Cell<u64>,
    pub(crate) judged_after: Cell<u64>,
    /// Something was protected then: what came between was noted.
    pub(crate) guarded: bool,
    /// The upstream has parsed it.
    pub(crate) parsed: Cell<bool>,
    /// It may mean something else to the upstream: it has to be parsed anew.
    pub(crate) lost: Cell<bool>,
    /// What the client was told of its shape.
    pub(crate) told: Told,
    /// What its parameters look like.
    pub(crate) parameters: Description,
    /// What its rows look like, for the record.
    pub(crate) description: Description,
}

/// What a client was told of the shape of a statement: its ParameterDescription, and the
/// RowDescription of it or of a portal of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) parameters: Description,
    pub(crate) rows: Description,
}

impl Told {
    /// The client knows the same of another.
    pub(crate) fn take_over(&self, other: &Told) {
        self.parameters.answer(other.parameters.known());
        self.rows.answer(other.rows.known());
    }
}

/// A statement with its parameters.
#[derive(Debug)]
pub(crate) struct Portal {
    /// The statement.
    pub(crate) statement: Rc<Statement>,
    /// The body of the Bind message, where that has parameters.
    pub(crate) bound: Option<BindBody>,
    /// The formats its columns come in.
    pub(crate) formats: Formats,
    /// What its rows look like, once the upstream said so.
    pub(crate) description: Description,
    /// The record of its first execution, opened before the upstream saw it.
    pub(crate) entry: RefCell<Option<Entry>>,
    /// What it would do, as it was bound.
    pub(crate) analysis: Arc<Analysis>,
    /// How many changes of definitions had ended when that was read.
    pub(crate) judged_after: u64,
    /// It has begun to run: no change makes it mean something else.
    pub(crate) begun: Cell<bool>,
    /// It may have been bound after a change that made it mean something else.
    pub(crate) overtaken: Cell<bool>,
    /// What EXECUTE and FETCH meant in it when it began to run: it goes on with that.
    pub(crate) meaning: RefCell<Option<Arc<Analysis>>>,
    /// What their names stood for when it was bound: PostgreSQL reads the rows as those of that.
    pub(crate) named: Vec<Referent>,
}

/// The body of a Bind message, counted as long as it is kept.
#[derive(Debug)]
pub(crate) struct BindBody {
    bytes: Bytes,
    counter: Rc<Cell<usize>>,
}

impl BindBody {
    /// Counts it.
    pub(crate) fn new(bytes: Bytes, counter: &Rc<Cell<usize>>) -> Self {
        counter.set(counter.get() + bytes.len());
        let counter = Rc::clone(counter);
        Self { bytes, counter }
    }

    /// As it came.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Drop for BindBody {
    fn drop(&mut self) {
        self.counter.set(self.counter.get() - self.bytes.len());
    }
}

/// What a name stands for, and not what that does.
#[derive(Clone, Debug)]
pub(crate) enum Referent {
    /// What SQL has prepared or declared.
    BySql(sync::Weak<Analysis>),
    /// A prepared statement of the extended protocol.
    Statement(rc::Weak<Statement>),
    /// A portal of the extended protocol.
    Portal(rc::Weak<Portal>),
    /// Nothing that is known.
    Nothing,
}

impl Referent {
    /// True where it is known, and the other is the same.
    pub(crate) fn is(&self, other: &Referent) -> bool {
        match (self, other) {
            (Self::BySql(one), Self::BySql(other)) => one.ptr_eq(other),
            (Self::Statement(one), Self::Statement(other)) => one.ptr_eq(other),
            (Self::Portal(one), Self::Portal(other)) => one.ptr_eq(other),
            _ => false,
        }
    }
}

/// True where a prepared statement does the same whatever names mean, and changes no meaning.
fn is_plain(analysis: &Analysis) -> bool {
    let plain = |one: &sql::analysis::Statement| one.names.is_empty() && !one.changes_catalog;
    analysis.statements.iter().all(plain)
}

/// What rows look like, once the upstream has said it.
#[derive(Debug, Default)]
pub(crate) struct Description(RefCell<Option<Rc<[u8]>>>);

impl Description {
    /// Keeps the answer: the whole RowDescription, or nothing for NoData.
    pub(crate) fn answer(&self, message: Option<Rc<[u8]>>) {
        *self.0.borrow_mut() = message;
    }

    /// The whole RowDescription.
    pub(crate) fn known(&self) -> Option<Rc<[u8]>> {
        self.0.borrow().clone()
    }
}

/// What a message will have done to the names when the upstream has answered it.
#[derive(Debug)]
pub(crate) enum Change {
    /// Parse.
    Statement(String, Rc<Statement>),
    /// Bind.
    Portal(String, Rc<Portal>),
    /// Close of a statement.
    NoStatement(String),
    /// Close of a portal.
    NoPortal(String),
}

/// What the names mean, as far as the upstream has answered.
#[derive(Debug, Default)]
pub(crate) struct Names {
    statements: Named<Statement>,
    portals: Named<Portal>,
    /// By SQL: PREPARE and DECLARE.
    prepared: HashMap<String, (Arc<Analysis>, u64)>,
    /// With how many changes of definitions had ended when they were judged; none where their rows are
    /// made.
    cursors: HashMap<String, (Arc<Analysis>, Option<u64>)>,
}

/// What names mean, the empty one among them: most messages use that.
#[derive(Debug)]
struct Named<T> {
    unnamed: Option<Rc<T>>,
    named: HashMap<String, Rc<T>>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            unnamed: None,
            named: HashMap::new(),
        }
    }
}

impl<T> Named<T> {
    fn get(&self, name: &str) -> Option<&Rc<T>> {
        if name.is_empty() {
            self.unnamed.as_ref()
        } else {
            self.named.get(name)
        }
    }

    fn insert(&mut self, name: String, meaning: Rc<T>) {
        if name.is_empty() {
            self.unnamed = Some(meaning);
        } else {
            self.named.insert(name, meaning);
        }
    }

    fn remove(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    fn each(&self, see: impl Fn(&T)) {
        let all = self.named.values().chain(&self.unnamed);
        all.for_each(|one| see(one));
    }

    fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}

impl Names {
    pub(crate) fn statement(&self, name: &str) -> Option<Rc<Statement>> {
        self.statements.get(name).cloned()
    }

    pub(crate) fn portal(&self, name: &str) -> Option<Rc<Portal>> {
        self.portals.get(name).cloned()
    }

    /// What the names stand for of which a text does what they mean.
    pub(crate) fn named(&self, analysis: &Analysis) -> Vec<Referent> {
        let names = analysis.statements.iter().flat_map(|one| &one.names);
        let named = names.filter_map(|name| match name {
            NameUse::Execute(name) | NameUse::ExecuteInto(name) => Some(self.named_statement(name)),
            NameUse::Fetch(name) => Some(self.named_cursor(name)),
            _ => None,
        });
        named.collect()
    }

    fn named_statement(&self, name: &str) -> Referent {
        let by_sql = self
            .prepared
            .get(name)
            .map(|(one, _)| Referent::BySql(Arc::downgrade(one)));
        let by_protocol = || {
            Some(Referent::Statement(Rc::downgrade(
                self.statements.get(name)?,
            )))
        };
        by_sql.or_else(by_protocol).unwrap_or(Referent::Nothing)
    }

    fn named_cursor(&self, name: &str) -> Referent {
        let by_sql = self
            .cursors
            .get(name)
            .map(|(one, _)| Referent::BySql(Arc::downgrade(one)));
        let by_protocol = || Some(Referent::Portal(Rc::downgrade(self.portals.get(name)?)));
        by_sql.or_else(by_protocol).unwrap_or(Referent::Nothing)
    }

    /// What EXECUTE of a name would do, by the catalog of this version: a prepared statement is read anew
    /// after each change of definitions, and the text of one by SQL is not at hand. Those of SQL have one
    /// name space with those of the extended protocol.
    pub(crate) fn prepared(&self, name: &str, catalog: u64) -> Option<Arc<Analysis>> {
        let by_sql = self.prepared.get(name);
        let by_sql = by_sql.map(|(analysis, version)| (analysis, *version));
        let by_protocol = || {
            let statement = self.statements.get(name)?;
            let plain = is_plain(&statement.analysis) && !statement.lost.get();
            plain.then_some((&statement.analysis, statement.catalog.get()))
        };
        let (analysis, version) = by_sql.or_else(by_protocol)?;
        (version == catalog).then(|| Arc::clone(analysis))
    }

    /// What FETCH of a name would do, which runs as it was declared, and how many changes of definitions
    /// had ended when that was judged, unless its rows are made. Cursors and portals have one name space.
    pub(crate) fn cursor(&self, name: &str) -> Option<(Arc<Analysis>, Option<u64>)> {
        let by_protocol = || {
            let portal = self.portals.get(name)?;
            let is_known = is_plain(&portal.analysis) && !portal.overtaken.get();
            is_known.then(|| (Arc::clone(&portal.analysis), Some(portal.judged_after)))
        };
        self.cursors.get(name).cloned().or_else(by_protocol)
    }

    /// What a text names may have been analysed anew; not where that was by the catalog of this version.
    pub(crate) fn doubt_named(&mut self, analysis: &Analysis, catalog: Option<u64>) {
        for name in analysis.statements.iter().flat_map(|one| &one.names) {
            match name {
                NameUse::Execute(name) | NameUse::ExecuteInto(name) => self.doubt(name, catalog),
                // A portal may itself go by a name.
                NameUse::Fetch(name) if self.cursor(name).is_none() => self.doubt_prepared(),
                _ => {}
            }
        }
    }

    /// The same of one name.
    pub(crate) fn doubt(&mut self, name: &str, catalog: Option<u64>) {
        let by_sql = self.prepared.get(name);
        if by_sql.is_some_and(|(_, version)| Some(*version) != catalog) {
            self.prepared.remove(name);
        }
        if let Some(statement) = self.statements.get(name) {
            let is_same = Some(statement.catalog.get()) == catalog;
            statement.lost.set(statement.lost.get() || !is_same);
        }
    }

    /// All that is prepared may have been analysed anew.
    fn doubt_prepared(&mut self) {
        self.statements.each(|statement| statement.lost.set(true));
        self.prepared.clear();
    }

    /// The upstream has answered a message.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Statement(name, statement) => {
                if !self.prepared.is_empty() {
                    self.prepared.remove(&name);
                }
                self.statements.insert(name, statement);
            }
            Change::Portal(name, portal) => {
                if !self.cursors.is_empty() {
                    self.cursors.remove(&name);
                }
                self.portals.insert(name, portal);
            }
            Change::NoStatement(name) => {
                self.statements.remove(&name);
                self.prepared.remove(&name);
            }
            Change::NoPortal(name) => {
                self.portals.remove(&name);
                self.cursors.remove(&name);
            }
        }
    }

    /// The upstream has completed one statement of a plan, which was judged by the catalog of this version,
    /// when so many changes had ended.
    pub(crate) fn completed(
        &mut self,
        plan: &Plan,
        (catalog, ended): (u64, u64),
        statement: usize,
    ) {
        self.forget(plan, statement);
        let Some(statement) = plan.analysis().statements.get(statement) else {
            return;
        };
        for name in &statement.names {
            match name {
                NameUse::Prepare(name, inner) => {
                    let inner = Arc::new((**inner).clone());
                    self.prepared.insert(name.clone(), (inner, catalog));
                }
                NameUse::Declare(name, inner) => {
                    let inner = Arc::new((**inner).clone());
                    self.cursors.insert(name.clone(), (inner, Some(ended)));
                }
                NameUse::Deallocate(_)
                | NameUse::Close(_)
                | NameUse::Execute(_)
                | NameUse::ExecuteInto(_)
                | NameUse::Fetch(_) => {}
            }
        }
    }

    /// From now on something is protected. Nobody has noted what changed before: what the protocol has
    /// prepared is to be parsed anew, and the rest is not known.
    pub(crate) fn doubt_all(&mut self) {
        self.doubt_prepared();
        self.portals.each(|portal| portal.overtaken.set(true));
        self.cursors.clear();
    }

    /// One statement of a plan is complete, and nobody knows what the names mean that it was about.
    pub(crate) fn forget(&mut self, plan: &Plan, statement: usize) {
        let Some(statement) = plan.analysis().statements.get(statement) else {
            return;
        };
        for name in &statement.names {
            match name {
                NameUse::Prepare(name, _) | NameUse::Deallocate(Some(name)) => {
                    self.apply(Change::NoStatement(name.clone()));
                }
                NameUse::Declare(name, _) | NameUse::Close(Some(name)) => {
                    self.apply(Change::NoPortal(name.clone()));
                }
                // PostgreSQL keeps the one without a name.
                NameUse::Deallocate(None) => {
                    self.statements.named.clear();
                    self.prepared.clear();
                }
                NameUse::Close(None) => {
                    self.portals.clear();
                    self.cursors.clear();
                }
                NameUse::Execute(_) | NameUse::ExecuteInto(_) | NameUse::Fetch(_) => {}
            }
        }
    }

    /// A transaction has ended, and its portals with it. Cursors may be WITH HOLD and stay: then all their
    /// rows were made by its end, where no definition has changed since they were declared.
    pub(crate) fn transaction_ended(&mut self, is_made: impl Fn(u64) -> bool) {
        self.portals.clear();
        for (_, ended) in self.cursors.values_mut() {
            *ended = ended.filter(|ended| !is_made(*ended));
        }
        if self.cursors.len() > MOST_CURSORS {
            self.cursors.clear();
        }
    }
}

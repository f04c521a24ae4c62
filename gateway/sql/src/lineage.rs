//! Reads a text and follows what becomes of every column.

mod block;
mod body;
mod broad;
mod call;
mod command;
mod condition;
mod copy;
mod define;
mod determined;
mod dml;
mod expression;
mod from;
mod made;
mod names;
mod parameters;
mod relation;
mod restriction;
mod scope;
mod select;
mod setting;
mod statement;
mod touched;
mod utility;
mod value;
mod written;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

pub(crate) use self::body::{Body, body};
pub use self::parameters::unreviewed;
use self::scope::Levels;
pub use self::touched::touched_within;
use self::value::{Table, Value};
use crate::analysis::{
    Access, Analysis, Class, ColumnId, ColumnUse, FunctionUse, Inner, NameUse, Opaque,
    OpaqueReason, RelationUse, Restriction, Statement, Use,
};
use crate::catalog::{Catalog, MadeColumn, Relation, ViewLineage};
use crate::parse::{self, Strings, inner, pg};
use crate::{bounds, compare, older};

/// How much work a text may be before it is too complex. A unit is a node of the tree or some 16
/// bytes that are kept; views and recursive queries count each time they are followed.
const BUDGET: usize = 4_000_000;

/// How much of it is soon done.
const BRIEF: usize = 100_000;

/// What a column costs where it is copied, without its sources.
const COLUMN: usize = 8;

/// What a relation costs where its use is noted.
const RELATION: usize = 8;

/// How many columns or things in FROM are looked through for a unit.
const LOOKED_AT: usize = 8;

/// What a text would do. Call it on a thread with a stack of [`crate::STACK_BYTES`].
pub fn analyze(text: &str, catalog: &Catalog) -> Analysis {
    analyze_as(text, Strings::Standard, catalog)
}

/// What a text would do whose plain strings are read in this way.
pub fn analyze_as(text: &str, strings: Strings, catalog: &Catalog) -> Analysis {
    analyze_within(BUDGET, text, strings, catalog).0
}

/// As [`analyze_as`]; none where that is much work, of which only a little is done then.
pub fn analyze_briefly(text: &str, strings: Strings, catalog: &Catalog) -> Option<Analysis> {
    let (analysis, left) = analyze_within(BRIEF, text, strings, catalog);
    (left > 0).then_some(analysis)
}

/// What a text would do, and what is left of the work that it may be.
fn analyze_within(
    budget: usize,
    text: &str,
    strings: Strings,
    catalog: &Catalog,
) -> (Analysis, usize) {
    if let Err(detail) = bounds::check(text, strings) {
        return (refused(OpaqueReason::TooComplex, detail), budget);
    }
    let statements = match parse::statements(text, strings) {
        Ok(statements) => statements,
        Err(message) => return (refused(OpaqueReason::Unparsed, &message), budget),
    };
    let mut walk = Walk {
        budget,
        ..Walk::new(catalog)
    };
    let mut done: Vec<Statement> = Vec::with_capacity(statements.len());
    let mut changed = false;
    for statement in &statements {
        walk.statement = u32::try_from(done.len()).unwrap_or(u32::MAX);
        let Some(node) = statement.stmt.as_deref().and_then(inner) else {
            continue;
        };
        let one = walk.statement(node);
        let by_name = one.names.iter().any(NameUse::is_by_name);
        if changed && (by_name || walk.touches_anything(&one)) {
            // The catalog is older than the statement before this one.
            walk.opaque(
                OpaqueReason::Unsupported,
                "definitions change earlier in the text",
            );
        }
        changed |= one.changes_catalog
            && !define::only_adds(node, catalog)
            && !made::is_known(&one, catalog);
        done.push(one);
    }
    if strings == Strings::Escaped {
        // The second reader knows no such strings.
        walk.opaque(
            OpaqueReason::ReadersDiffer,
            "standard_conforming_strings is off",
        );
        let left = walk.budget;
        return (walk.finish(done), left);
    }
    if walk.budget == 0 {
        // Nothing would come of reading it again.
        return (walk.finish(done), 0);
    }
    if let Some(number) = older::other_number(text) {
        walk.opaque(OpaqueReason::ReadersDiffer, number);
    }
    if let Some((place, detail)) = compare::difference(text, &statements, &walk.names) {
        walk.statement = u32::try_from(place).unwrap_or(u32::MAX);
        walk.opaque(OpaqueReason::ReadersDiffer, &detail);
    }
    let left = walk.budget;
    (walk.finish(done), left)
}

fn refused(reason: OpaqueReason, detail: &str) -> Analysis {
    let opaque = Opaque {
        reason,
        detail: detail.to_owned(),
        statement: 0,
    };
    Analysis {
        opaque: vec![opaque],
        ..Analysis::default()
    }
}

/// The analysis of a view's definition: its outputs and all that reading it means. The error lists
/// views that must be analysed first. Anyone may make temporary views, as many as he likes: they are
/// analysed at every reading of the catalog.
pub(crate) fn view(
    view: u32,
    definition: &str,
    catalog: &Catalog,
    views: &HashMap<u32, ViewLineage>,
) -> Result<ViewLineage, Vec<u32>> {
    let relation = catalog.relation(view);
    let budget = match relation.is_some_and(Relation::is_temporary) {
        true => BRIEF,
        false => BUDGET,
    };
    let mut walk = Walk {
        built: Some(views),
        budget,
        ..Walk::new(catalog)
    };
    let mut lineage = ViewLineage {
        is_read: true,
        ..ViewLineage::default()
    };
    let strings = Strings::Standard;
    let checked = bounds::check(definition, strings).map_err(str::to_owned);
    match checked.and_then(|()| parse::statements(definition, strings)) {
        Ok(statements) => {
            let node = statements
                .first()
                .and_then(|one| one.stmt.as_deref())
                .and_then(inner);
            let table = walk.query(node, &scope::Scope::outermost());
            walk.implicit_casts();
            if table.other.is_some() {
                walk.opaque(OpaqueReason::Unsupported, "a view of unknown columns");
            }
            let any = match walk.doubts {
                true => walk.anything_read(&[Use::Filtered]),
                false => Value::default(),
            };
            let columns = table.columns.into_iter();
            let columns = columns.map(|column| column.value.with(any.clone()).sources);
            lineage.columns = columns.collect();
        }
        Err(message) => walk.opaque(OpaqueReason::Unparsed, &message),
    }
    if !walk.missing.is_empty() {
        return Err(walk.missing);
    }
    lineage.relations = walk.found.relations.list;
    lineage.uses = walk
        .found
        .columns
        .into_iter()
        .filter(|one| one.used.stays_in_view())
        .collect();
    lineage.functions = walk.found.functions.list;
    lineage.opaque = walk.found.opaque.list;
    for one in &mut lineage.opaque {
        // Who reads the view can be read himself.
        if matches!(
            one.reason,
            OpaqueReason::Unparsed | OpaqueReason::TooComplex
        ) {
            one.reason = OpaqueReason::Unsupported;
        }
    }
    Ok(lineage)
}

/// The columns of a relation, and the composite types within.
type WithRows = (Rc<Table>, Rc<[u32]>);

/// The state of one reading.
pub(crate) struct Walk<'a> {
    catalog: &'a Catalog,
    statement: u32,
    found: Found,
    /// The columns of the relations that were read, for each statement or for any.
    tables: HashMap<(u32, Option<u32>), WithRows>,
    /// The types of which the checks within are among what was found, for which statement.
    checked_within: HashSet<(u32, u32)>,
    /// The known relations among those found.
    used: HashSet<(u32, Access, u32)>,
    /// Every name of a relation or function that was met, as the second reader would have it.
    names: HashSet<String>,
    /// The one row of pg_settings that the present SELECT reads.
    setting: Option<setting::OneSetting>,
    /// A type of the users' own was named.
    own_types: bool,
    /// It makes arrays or rows of values, or what else has a literal beside it read as one.
    reads_literals: bool,
    /// Functions of casts that run where a value of a type of the users' own is cast.
    own_casts: Vec<&'a str>,
    /// The query levels whose columns were met in the present part of a condition.
    met: Levels,
    /// What the query or member of FROM that was walked last says of the number of its rows: a key
    /// where the text itself lists them.
    rows: Restriction,
    /// Something in the FROM of the present statement has columns that are not all known.
    doubts: bool,
    /// The names by which the present statement may mean columns.
    mentioned: HashSet<String>,
    /// It may mean all columns of something together.
    takes_rows: bool,
    /// It calls what keeps something that others, or a later statement, can see.
    keeps: bool,
    /// That shows after the statement, too.
    leaves: bool,
    /// The statements that hide in the present one.
    inner: Vec<Inner>,
    /// The columns of the table that the present statement makes of a query.
    queried: Option<Vec<MadeColumn>>,
    budget: usize,
    /// How much may still be looked through for columns of tables that stand in FROM as themselves.
    looks: Cell<usize>,
    /// While the catalog is built: the views that are done, and those that were missed.
    built: Option<&'a HashMap<u32, ViewLineage>>,
    missing: Vec<u32>,
    /// While the body of a function is read: the functions that it calls and that are not
    /// PostgreSQL's own.
    calls: Option<Vec<u32>>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    relations: Once<RelationUse>,
    columns: BTreeSet<ColumnUse>,
    selected: BTreeSet<ColumnId>,
    functions: Once<FunctionUse>,
    opaque: Once<Opaque>,
}

/// Things in the order in which they came first. A text may name a hundred thousand of them.
struct Once<T> {
    list: Vec<T>,
    known: HashSet<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once {
            list: Vec::new(),
            known: HashSet::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Once<T> {
    fn push(&mut self, one: T) {
        if !self.known.contains(&one) {
            self.known.insert(one.clone());
            self.list.push(one);
        }
    }
}

impl<'a> Walk<'a> {
    fn new(catalog: &'a Catalog) -> Walk<'a> {
        Walk {
            catalog,
            statement: 0,
            found: Found::default(),
            tables: HashMap::new(),
            checked_within: HashSet::new(),
            used: HashSet::new(),
            names: HashSet::new(),
            setting: None,
            own_types: false,
            reads_literals: false,
            own_casts: Vec::new(),
            met: Levels::default(),
            rows: Restriction::None,
            doubts: false,
            mentioned: HashSet::new(),
            takes_rows: false,
            keeps: false,
            leaves: false,
            inner: Vec::new(),
            queried: None,
            budget: BUDGET,
            looks: Cell::new(BUDGET),
            built: None,
            missing: Vec::new(),
            calls: None,
        }
    }

    fn finish(self, statements: Vec<Statement>) -> Analysis {
        Analysis {
            statements,
            relations: self.found.relations.list,
            columns: self.found.columns.into_iter().collect(),
            selected: self.found.selected.into_iter().collect(),
            functions: self.found.functions.list,
            opaque: self.found.opaque.list,
            doubted: false,
        }
    }

    /// Notes something that cannot be known, once.
    fn opaque(&mut self, reason: OpaqueReason, detail: &str) {
        let one = Opaque {
            reason,
            detail: detail.to_owned(),
            statement: self.statement,
        };
        self.found.opaque.push(one);
    }

    /// Takes so much from the budget; false where not enough is left. Then nothing is.
    fn spend(&mut self, work: usize) -> bool {
        let Some(left) = self.budget.checked_sub(work) else {
            self.budget = 0;
            self.opaque(OpaqueReason::TooComplex, "too much to follow");
            return false;
        };
        self.budget = left;
        true
    }

    /// The same for what only looks through so much; false where that was too much in all.
    fn looks(&self, at: usize) -> bool {
        let left = self.looks.get().saturating_sub(1 + at / LOOKED_AT);
        self.looks.set(left);
        left > 0
    }

    /// Whether what the present statement does depends on the catalog.
    fn touches_anything(&self, statement: &Statement) -> bool {
        let relation = self.found.relations.list.last();
        let function = self.found.functions.list.last();
        let shows = matches!(statement.kind.class, Class::Read | Class::Write)
            && statement.kind.command != "show";
        relation.is_some_and(|one| one.statement == self.statement)
            || function.is_some_and(|one| one.statement == self.statement)
            || shows
    }

    /// The lineage of a view; none where it is not known.
    fn view(&mut self, relation: &'a Relation) -> Option<&'a ViewLineage> {
        if let Some(done) = &relation.view {
            return Some(done);
        }
        let built = self.built?;
        if let Some(view) = built.get(&relation.oid) {
            return Some(view);
        }
        if relation.is_view() && !self.missing.contains(&relation.oid) {
            self.missing.push(relation.oid);
        }
        None
    }

    /// The analysis of a statement inside another, on its own.
    fn nested(&mut self, node: Option<&pg::Node>) -> Analysis {
        let mut walk = Walk {
            budget: self.budget,
            looks: self.looks.clone(),
            ..Walk::new(self.catalog)
        };
        let statement = node.and_then(inner).map(|node| walk.statement(node));
        self.budget = walk.budget;
        self.looks = walk.looks.clone();
        walk.finish(statement.into_iter().collect())
    }
}

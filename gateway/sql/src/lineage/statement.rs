//! One statement: what it is, what it returns.

use super::command::statement;
use super::scope::Scope;
use super::touched::naming;
use super::value::{Table, Value};
use super::{LOOKED_AT, RELATION, Walk, made};
use crate::analysis::{
    Access, Analysis, Class, ColumnUse, Inner, NameUse, OpaqueReason, Output, Outputs, RelationUse,
    Statement, Use,
};
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

impl<'a> Walk<'a> {
    /// What one statement would do.
    pub(super) fn statement(&mut self, node: &NodeEnum) -> Statement {
        self.inner.clear();
        self.queried = None;
        let mut done = match node {
            NodeEnum::SelectStmt(select) => self.select_statement(select),
            NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => {
                let (table, kind, restriction) = self.modify(node, &Scope::outermost());
                let outputs = match table {
                    Some(table) => self.outputs(&table),
                    None => Outputs::None,
                };
                let plain = statement(Class::Write, kind.command);
                Statement {
                    restriction,
                    outputs,
                    ..plain
                }
            }
            NodeEnum::CopyStmt(copy) => self.copy(copy),
            NodeEnum::ExplainStmt(explain) => self.explain(explain),
            NodeEnum::PrepareStmt(_)
            | NodeEnum::DeclareCursorStmt(_)
            | NodeEnum::ExecuteStmt(_)
            | NodeEnum::FetchStmt(_) => self.with_name(node),
            NodeEnum::CreateTableAsStmt(create) => self.create_table_as(create),
            NodeEnum::ViewStmt(view) => self.create_view(view),
            _ => self.utility(node),
        };
        if !matches!(
            node,
            NodeEnum::TransactionStmt(_)
                | NodeEnum::VariableShowStmt(_)
                | NodeEnum::VariableSetStmt(_)
        ) {
            self.implicit_casts();
        }
        done.naming = naming(node);
        if std::mem::take(&mut self.doubts) {
            done.doubted = true;
            self.doubt(&mut done);
        } else {
            done.touched = self.touched(node, &done);
            done.foreseen = self.foreseen(node);
        }
        self.mentioned.clear();
        self.takes_rows = false;
        done.keeps |= std::mem::take(&mut self.leaves);
        if std::mem::take(&mut self.keeps) {
            self.keep_derived();
        }
        done.inner.append(&mut self.inner);
        let writes = done.inner.iter().any(|one| one.kind.class == Class::Write);
        let prepares = matches!(
            node,
            NodeEnum::PrepareStmt(_) | NodeEnum::DeclareCursorStmt(_)
        );
        if writes && done.kind.class == Class::Read && !prepares {
            done.kind.class = Class::Write;
        }
        done
    }

    /// Where the columns of something in FROM are not all known, what a name or a place was taken
    /// for may be something else: each column that may be meant somewhere may be anywhere.
    fn doubt(&mut self, done: &mut Statement) {
        let used = [Use::Derived, Use::Filtered, Use::Copied];
        let mut writes = self.inner.iter().map(|one| one.kind.class);
        let only_reads = done.kind.class == Class::Read && !writes.any(|one| one != Class::Read);
        let used = if only_reads { &used[..2] } else { &used };
        let any = self.anything_read(used);
        if let Outputs::Columns(outputs) = &done.outputs {
            if !self.spend(outputs.len() * any.sources.len()) {
                done.outputs = Outputs::Unknown;
                return;
            }
            let columns = outputs.iter().map(|output| Output {
                sources: Value::of(output.sources.clone()).with(any.clone()).sources,
            });
            done.outputs = Outputs::Columns(columns.collect());
        }
    }

    /// Whether a call that keeps something happens can follow from any expression: AND and COALESCE
    /// compute what stands behind only sometimes.
    fn keep_derived(&mut self) {
        let mine = |one: &&ColumnUse| one.statement == self.statement;
        let derived = |one: &&ColumnUse| matches!(one.used, Use::Derived | Use::WholeRow);
        let columns = self.found.columns.iter();
        let kept: Vec<ColumnUse> = columns.filter(mine).filter(derived).copied().collect();
        self.spend(kept.len() + self.found.columns.len() / LOOKED_AT);
        let used = Use::Copied;
        let kept = kept.into_iter().map(|one| ColumnUse { used, ..one });
        self.found.columns.extend(kept);
    }

    /// Every column that the present statement may mean, so used.
    pub(super) fn anything_read(&mut self, used: &[Use]) -> Value {
        let statement = self.statement;
        let mine = |one: &&RelationUse| one.statement == statement;
        let oids: Vec<u32> = self
            .found
            .relations
            .list
            .iter()
            .filter(mine)
            .filter_map(|one| one.oid)
            .collect();
        let mut sources = Vec::new();
        for relation in oids
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid))
        {
            let table = self.table(relation);
            if !self.spend(table.size()) {
                break;
            }
            let meant = table.columns.iter();
            let meant = meant.filter(|one| self.takes_rows || self.mentioned.contains(&one.name));
            sources.extend(meant.flat_map(|one| &one.value.sources));
        }
        // Sorted once: a table may have thousands of partitions.
        let any = Value::of(sources).derived();
        for &used in used {
            self.mark(&any, used);
        }
        any
    }

    /// A statement that gives a query a name, or uses the name.
    fn with_name(&mut self, node: &NodeEnum) -> Statement {
        match node {
            NodeEnum::PrepareStmt(prepare) => {
                self.parameters(&prepare.argtypes);
                let analysis = self.kept_for_later(prepare.query.as_deref());
                let name = NameUse::Prepare(prepare.name.clone(), Box::new(analysis));
                Statement {
                    names: vec![name],
                    ..statement(Class::Session, "prepare")
                }
            }
            NodeEnum::DeclareCursorStmt(declare) => {
                let analysis = self.kept_for_later(declare.query.as_deref());
                let name = NameUse::Declare(declare.portalname.clone(), Box::new(analysis));
                Statement {
                    names: vec![name],
                    ..statement(Class::Read, "declare")
                }
            }
            NodeEnum::ExecuteStmt(execute) => {
                self.execute(execute);
                let names = vec![NameUse::Execute(execute.name.clone())];
                let plain = statement(Class::Read, "execute");
                Statement {
                    names,
                    outputs: Outputs::Unknown,
                    ..plain
                }
            }
            NodeEnum::FetchStmt(fetch) => {
                self.opaque(OpaqueReason::UnknownName, &fetch.portalname);
                let names = vec![NameUse::Fetch(fetch.portalname.clone())];
                let (command, outputs) = if fetch.ismove {
                    ("move", Outputs::Harmless)
                } else {
                    ("fetch", Outputs::Unknown)
                };
                Statement {
                    names,
                    outputs,
                    ..statement(Class::Read, command)
                }
            }
            node => self.utility(node),
        }
    }

    /// The analysis of a query that runs later. It counts already now, so that what will be refused
    /// is refused early.
    fn kept_for_later(&mut self, query: Option<&pg::Node>) -> Analysis {
        let analysis = self.nested(query);
        self.absorb(&analysis, keep_uses);
        self.hide(&analysis);
        analysis
    }

    fn select_statement(&mut self, select: &pg::SelectStmt) -> Statement {
        let table = self.select(select, &Scope::outermost());
        let rows = Some(self.rows);
        let Some(into) = leftmost(select).into_clause.as_deref() else {
            let outputs = self.outputs(&table);
            return Statement {
                rows,
                outputs,
                ..statement(Class::Read, "select")
            };
        };
        self.into(into, Some(&table));
        self.copied(&table);
        statement(Class::Define, "select into")
    }

    /// What the client gets of a table.
    pub(super) fn outputs(&mut self, table: &Table) -> Outputs {
        if !self.spend(table.size()) {
            return Outputs::Unknown;
        }
        for column in &table.columns {
            self.mark_output(&column.value);
        }
        if let Some(other) = &table.other {
            self.mark_output(other);
            return Outputs::Unknown;
        }
        let columns = table.columns.iter();
        let columns = columns.map(|column| Output {
            sources: column.value.sources.clone(),
        });
        Outputs::Columns(columns.collect())
    }

    /// Notes that every column of a table is written somewhere.
    pub(super) fn copied(&mut self, table: &Table) {
        self.mark(&table.everything(), Use::Copied);
    }

    /// The relation that a query is written to.
    fn into(&mut self, into: &pg::IntoClause, table: Option<&Table>) {
        if let Some(relation) = &into.rel {
            self.created(relation);
        }
        self.queried = table.and_then(|table| made::columns(table, &strings(&into.col_names)));
    }

    fn create_table_as(&mut self, create: &pg::CreateTableAsStmt) -> Statement {
        let mut names = Vec::new();
        let table = match boxed(&create.query) {
            Some(NodeEnum::ExecuteStmt(execute)) => {
                self.execute(execute);
                names.push(NameUse::ExecuteInto(execute.name.clone()));
                None
            }
            node => {
                let table = self.query(node, &Scope::outermost());
                self.copied(&table);
                Some(table)
            }
        };
        if let Some(into) = create.into.as_deref() {
            self.into(into, table.as_ref());
        }
        let command = match create.objtype() {
            pg::ObjectType::ObjectMatview => "create materialized view",
            _ => "create table as",
        };
        Statement {
            names,
            ..statement(Class::Define, command)
        }
    }

    fn create_view(&mut self, view: &pg::ViewStmt) -> Statement {
        let table = self.query(boxed(&view.query), &Scope::outermost());
        self.copied(&table);
        if let Some(relation) = &view.view {
            self.created(relation);
        }
        statement(Class::Define, "create view")
    }

    /// EXECUTE: unknown until its name is resolved.
    fn execute(&mut self, execute: &pg::ExecuteStmt) {
        self.opaque(OpaqueReason::UnknownName, &execute.name);
        let value = self.values_of(&execute.params, &Scope::outermost());
        self.mark(&value, Use::Filtered);
    }

    fn explain(&mut self, explain: &pg::ExplainStmt) -> Statement {
        let analysis = self.nested(explain.query.as_deref());
        let asks = |what| explain.options.iter().any(|option| is_on(option, what));
        let runs = asks("analyze");
        let inside = analysis.statements.first();
        // It looks a prepared statement up, and declares, closes and prepares nothing.
        let names = inside.into_iter().flat_map(|inside| &inside.names);
        let names =
            names.filter(|name| matches!(name, NameUse::Execute(_) | NameUse::ExecuteInto(_)));
        let names = names.cloned().collect();
        let class = inside.map_or(Class::Read, |inside| inside.kind.class);
        if runs {
            self.absorb(&analysis, keep_uses);
            self.hide(&analysis);
        } else {
            self.absorb(&analysis, what_plans_tell);
        }
        if runs {
            self.absorb(&analysis, costs_of_writes);
            self.costs_of_indexes(&analysis);
        }
        if asks("wal") {
            // What an update logs of a row is less where the row has the same bytes nearby, whatever
            // column they are of.
            self.opaque(OpaqueReason::Unsupported, "EXPLAIN (WAL)");
        }
        if explain.options.iter().any(is_serialize) {
            self.absorb(&analysis, sizes);
            if inside.is_some_and(|inside| !inside.names.is_empty()) {
                self.opaque(OpaqueReason::Unsupported, "EXPLAIN (SERIALIZE) of a name");
            }
        }
        let class = if runs && class != Class::Read {
            Class::Write
        } else {
            Class::Read
        };
        let command = if runs { "explain analyze" } else { "explain" };
        let changes_catalog = runs && inside.is_some_and(|inside| inside.changes_catalog);
        let plain = statement(class, command);
        Statement {
            outputs: Outputs::Harmless,
            names,
            changes_catalog,
            ..plain
        }
    }

    /// A row that is written puts what it has in any column into the indexes over it: which blocks that
    /// takes tells where it belongs.
    fn costs_of_indexes(&mut self, inside: &Analysis) {
        let written = inside
            .relations
            .iter()
            .filter(|one| matches!(one.access, Access::Insert | Access::Update));
        for relation in written.filter_map(|one| self.catalog.relation(one.oid?)) {
            let table = self.table(relation);
            self.mark(&table.everything(), Use::Derived);
        }
    }

    /// Counts what a statement inside does, as far as `keep` says.
    pub(super) fn absorb(&mut self, inside: &Analysis, keep: fn(Part) -> Option<Part>) {
        let statement = self.statement;
        let columns = inside.columns.len() + inside.selected.len();
        if !self.spend(columns + inside.relations.len() * RELATION) {
            return;
        }
        self.found.selected.extend(&inside.selected);
        for column in &inside.columns {
            if let Some(Part::Use(used)) = keep(Part::Use(column.used)) {
                self.found.columns.insert(ColumnUse {
                    used,
                    statement,
                    ..*column
                });
            }
        }
        for relation in &inside.relations {
            if let Some(Part::Access(access)) = keep(Part::Access(relation.access)) {
                let RelationUse {
                    oid, schema, name, ..
                } = relation;
                self.use_relation(*oid, schema, name, access);
            }
        }
        for function in &inside.functions {
            self.use_own(&function.schema, &function.name, function.text.as_ref());
        }
        for opaque in &inside.opaque {
            self.opaque(opaque.reason, &opaque.detail);
        }
    }

    /// Notes the statements of an analysis as hidden in the present one.
    fn hide(&mut self, inside: &Analysis) {
        for one in &inside.statements {
            self.inner.push(Inner {
                kind: one.kind,
                restriction: one.restriction,
            });
            self.inner.extend(one.inner.iter().cloned());
        }
    }
}

/// A part of what a statement inside another does.
pub(super) enum Part {
    /// A use of a column.
    Use(Use),
    /// A use of a relation.
    Access(Access),
}

/// All but what reaches the output: that is not the output of the statement around.
fn keep_uses(part: Part) -> Option<Part> {
    match part {
        Part::Use(Use::Projected) => None,
        part => Some(part),
    }
}

/// What a plan may tell: nothing runs, but estimates follow conditions and expressions.
fn what_plans_tell(part: Part) -> Option<Part> {
    match part {
        Part::Use(Use::Projected | Use::Copied | Use::Written) => None,
        Part::Access(_) => Some(Part::Access(Access::Read)),
        part => Some(part),
    }
}

/// What EXPLAIN ANALYZE of a write tells: bytes of WAL, and keys that are checked, are fewer where a
/// value stays as it is.
fn costs_of_writes(part: Part) -> Option<Part> {
    matches!(part, Part::Use(Use::Written)).then_some(Part::Use(Use::Derived))
}

/// What EXPLAIN (SERIALIZE) tells: how long the values are.
fn sizes(part: Part) -> Option<Part> {
    matches!(part, Part::Use(Use::Projected)).then_some(Part::Use(Use::Derived))
}

fn is_serialize(option: &pg::Node) -> bool {
    let Some(NodeEnum::DefElem(option)) = inner(option) else {
        return false;
    };
    option.defname == "serialize"
}

/// An option of EXPLAIN that is a truth.
fn is_on(option: &pg::Node, name: &str) -> bool {
    let Some(NodeEnum::DefElem(option)) = inner(option) else {
        return false;
    };
    option.defname == name
        && match boxed(&option.arg) {
            None => true,
            Some(NodeEnum::String(text)) => !matches!(
                text.sval.to_ascii_lowercase().as_str(),
                "off" | "false" | "0"
            ),
            Some(NodeEnum::Integer(number)) => number.ival != 0,
            Some(NodeEnum::Boolean(truth)) => truth.boolval,
            Some(_) => true,
        }
}

/// INTO of a set operation stands in its first SELECT.
pub(super) fn leftmost(select: &pg::SelectStmt) -> &pg::SelectStmt {
    let mut first = select;
    while let Some(left) = first.larg.as_deref() {
        first = left;
    }
    first
}

//! Definitions: DDL, and what of them reads columns or runs code.

use super::Walk;
use super::command::{Effect, of};
use super::scope::Scope;
use crate::analysis::{Access, OpaqueReason, Statement, Use};
use crate::catalog::{Catalog, Column, Relation, Type};
use crate::functions;
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

/// Whether a definition only adds a table or an index, so that no known name changes its meaning.
pub(super) fn only_adds(node: &NodeEnum, catalog: &Catalog) -> bool {
    match node {
        NodeEnum::CreateStmt(create) => {
            let name = create.relation.as_ref().map(|var| var.relname.as_str());
            create.inh_relations.is_empty()
                && create.of_typename.is_none()
                && create.table_elts.iter().filter_map(inner).all(adds_nothing)
                && name.is_some_and(|name| is_new(name, catalog))
        }
        NodeEnum::IndexStmt(_) | NodeEnum::CommentStmt(_) | NodeEnum::GrantStmt(_) => true,
        _ => false,
    }
}

/// Whether nothing goes by this name in any schema: a table, temporary ones too, takes the name of
/// another in a schema that is searched later, and with it comes a type.
fn is_new(name: &str, catalog: &Catalog) -> bool {
    catalog.relations_named("", name).is_empty()
        && catalog.types_named("", name).is_empty()
        && !catalog.has_function(name)
        && !functions::is_builtin_type("", name)
}

/// Whether an element of a table brings no other relation with it, as a sequence.
fn adds_nothing(element: &NodeEnum) -> bool {
    match element {
        NodeEnum::ColumnDef(column) => {
            let path = column.type_name.as_ref().map(|name| strings(&name.names));
            let last = path.and_then(|path| path.last().map(|name| (*name).to_owned()));
            let serial = last.is_none_or(|name| name.contains("serial"));
            let identity = column.constraints.iter().filter_map(inner).any(|node| {
                matches!(node, NodeEnum::Constraint(one)
                    if one.contype() == pg::ConstrType::ConstrIdentity)
            });
            !serial && !identity
        }
        NodeEnum::Constraint(_) => true,
        _ => false,
    }
}

/// Whether a part of ALTER TABLE writes the rows anew, or checks them.
fn writes_anew(command: &NodeEnum) -> bool {
    use pg::AlterTableType as Type;
    let NodeEnum::AlterTableCmd(command) = command else {
        return false;
    };
    matches!(
        command.subtype(),
        Type::AtAddColumn
            | Type::AtAlterColumnType
            | Type::AtAttachPartition
            | Type::AtSetAccessMethod
            | Type::AtSetExpression
            | Type::AtSetLogged
            | Type::AtSetUnLogged
            | Type::AtValidateConstraint
    )
}

/// Whether a relation is made in the schema of the session's own temporary ones.
pub(super) fn is_temporary(var: &pg::RangeVar) -> bool {
    var.relpersistence == "t" || var.schemaname == "pg_temp"
}

impl<'a> Walk<'a> {
    /// A definition by its node.
    pub(super) fn define(&mut self, node: &NodeEnum) -> Statement {
        match node {
            NodeEnum::CreateStmt(create) => {
                self.create_table(create);
                of(Effect::Define, "create table")
            }
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter),
            NodeEnum::IndexStmt(index) => self.create_index(index),
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::RenameStmt(rename) => self.renamed(rename),
            NodeEnum::AlterObjectSchemaStmt(alter) => self.moved(alter),
            NodeEnum::AlterTableSpaceOptionsStmt(_) => {
                // They are what plans cost.
                self.opaque(OpaqueReason::SessionState, "alter tablespace");
                of(Effect::Define, "alter tablespace")
            }
            NodeEnum::AlterOwnerStmt(alter) => {
                of(Effect::Define, alter_command(alter.object_type()))
            }
            NodeEnum::CreateStatsStmt(create) => {
                self.create_statistics(create);
                of(Effect::Define, "create statistics")
            }
            NodeEnum::CreatePolicyStmt(create) => {
                let conditions = [&create.qual, &create.with_check];
                self.on_relation(create.table.as_ref(), conditions);
                of(Effect::Define, "create policy")
            }
            NodeEnum::AlterPolicyStmt(alter) => {
                self.on_relation(alter.table.as_ref(), [&alter.qual, &alter.with_check]);
                of(Effect::Define, "alter policy")
            }
            NodeEnum::CreateDomainStmt(create) => {
                if let Some(name) = &create.type_name {
                    self.type_name(name);
                }
                // VALUE holds nothing yet.
                self.constraints(&create.constraints, &own_columns());
                of(Effect::Define, "create domain")
            }
            NodeEnum::AlterDomainStmt(alter) => {
                self.alter_domain(alter);
                of(Effect::Define, "alter domain")
            }
            NodeEnum::CreateSchemaStmt(create) => {
                for element in create.schema_elts.iter().filter_map(inner) {
                    let one = self.schema_element(element);
                    self.inner.push(crate::analysis::Inner {
                        kind: one.kind,
                        restriction: None,
                    });
                }
                of(Effect::Define, "create schema")
            }
            NodeEnum::GrantStmt(grant) => {
                self.each_relation(&grant.objects, Access::Define);
                of(
                    Effect::Define,
                    if grant.is_grant { "grant" } else { "revoke" },
                )
            }
            NodeEnum::CommentStmt(_) => of(Effect::Define, "comment"),
            NodeEnum::AlterRoleSetStmt(alter) => {
                of(self.standing_setting(alter.setstmt.as_ref()), "alter role")
            }
            NodeEnum::AlterDatabaseSetStmt(alter) => of(
                self.standing_setting(alter.setstmt.as_ref()),
                "alter database",
            ),
            _ => self.other_definition(node),
        }
    }

    fn renamed(&mut self, rename: &pg::RenameStmt) -> Statement {
        use pg::ObjectType as Type;
        if let Some(relation) = &rename.relation {
            let relations = self.relations(relation, Access::Define);
            let is_whole = matches!(
                rename.rename_type(),
                Type::ObjectTable | Type::ObjectView | Type::ObjectSequence | Type::ObjectIndex
            );
            if is_whole && relations.iter().any(|one| one.is_temporary()) {
                self.takes_type(&rename.newname);
            }
        }
        match rename.rename_type() {
            Type::ObjectSchema => self.all_of_schema(&rename.subname),
            Type::ObjectType => self.type_changed(&type_path(&rename.object)),
            Type::ObjectAttribute => {
                self.fields_changed(rename.relation.as_ref(), rename.behavior());
            }
            _ => {}
        }
        self.code_renamed(rename.rename_type(), &rename.subname);
        of(Effect::Define, alter_command(rename.rename_type()))
    }

    fn moved(&mut self, alter: &pg::AlterObjectSchemaStmt) -> Statement {
        if let Some(relation) = &alter.relation {
            self.relations(relation, Access::Define);
        }
        if alter.object_type() == pg::ObjectType::ObjectType {
            self.type_changed(&type_path(&alter.object));
        }
        self.code_renamed(alter.object_type(), "");
        of(Effect::Define, alter_command(alter.object_type()))
    }

    fn schema_element(&mut self, element: &NodeEnum) -> Statement {
        match element {
            NodeEnum::ViewStmt(view) => {
                let table = self.query(boxed(&view.query), &Scope::outermost());
                self.copied(&table);
                of(Effect::Define, "create view")
            }
            element => self.define(element),
        }
    }

    /// Definitions without columns: known by name, or code that is not seen.
    fn other_definition(&mut self, node: &NodeEnum) -> Statement {
        if let NodeEnum::CreateSeqStmt(create) = node
            && let Some(relation) = create.sequence.as_ref().filter(|var| is_temporary(var))
        {
            self.created(relation);
        }
        if matches!(node, NodeEnum::DropOwnedStmt(_)) {
            self.dependents_go();
        }
        if let Some(command) = plain_definition(node) {
            return of(Effect::Define, command);
        }
        let (reason, command) = hidden_definition(node);
        self.opaque(reason, command);
        of(Effect::Define, command)
    }

    fn create_table(&mut self, create: &pg::CreateStmt) {
        if let Some(relation) = &create.relation {
            self.created(relation);
        }
        for node in &create.inh_relations {
            let Some(NodeEnum::RangeVar(parent)) = inner(node) else {
                continue;
            };
            let parents = self.relations(parent, Access::Define);
            // The rows of the default partition are compared with the bounds. Those of any other child are
            // its parents' from now on, as are what it has of other parents and what refers to them.
            let used = match create.partbound {
                Some(_) => Use::Filtered,
                None => Use::Copied,
            };
            let item = self.item(&parent.relname, &parents);
            let columns = item.table.everything();
            self.mark(&columns, used);
        }
        if let Some(name) = &create.of_typename {
            self.type_name(name);
        }
        // Its own columns hold nothing yet: a scope in which every name is one of them.
        let scope = own_columns();
        self.table_elements(&create.table_elts, &scope);
        self.constraints(&create.constraints, &scope);
        if let Some(partition) = &create.partspec {
            for node in &partition.part_params {
                let Some(NodeEnum::PartitionElem(element)) = inner(node) else {
                    continue;
                };
                self.optional(&element.expr, &scope);
            }
        }
    }

    fn table_elements(&mut self, elements: &[pg::Node], scope: &Scope<'_>) {
        for node in elements {
            match inner(node) {
                Some(NodeEnum::ColumnDef(column)) => self.column_definition(column, scope),
                Some(NodeEnum::TableLikeClause(like)) => {
                    if let Some(relation) = &like.relation {
                        self.relations(relation, Access::Define);
                    }
                }
                _ => self.constraints(std::slice::from_ref(node), scope),
            }
        }
    }

    fn column_definition(&mut self, column: &pg::ColumnDef, scope: &Scope<'_>) {
        if let Some(name) = &column.type_name
            && !self.is_serial(name)
        {
            self.type_name(name);
        }
        let value = self.optional(&column.raw_default, scope);
        self.mark(&value, Use::Copied);
        self.constraints(&column.constraints, scope);
    }

    /// Whether a type is an integer with a sequence, which CREATE TABLE knows without a catalog.
    pub(super) fn is_serial(&self, name: &pg::TypeName) -> bool {
        const SERIAL: &[&str] = &[
            "bigserial",
            "serial",
            "serial2",
            "serial4",
            "serial8",
            "smallserial",
        ];
        matches!(strings(&name.names).as_slice(),
            [name] if SERIAL.contains(name) && self.catalog.types_named("", name).is_empty())
    }

    /// CHECK, DEFAULT, GENERATED, EXCLUDE, REFERENCES.
    fn constraints(&mut self, constraints: &[pg::Node], scope: &Scope<'_>) {
        for node in constraints {
            let Some(NodeEnum::Constraint(constraint)) = inner(node) else {
                continue;
            };
            let value = self.optional(&constraint.raw_expr, scope);
            let used = match constraint.contype() {
                pg::ConstrType::ConstrGenerated | pg::ConstrType::ConstrDefault => Use::Copied,
                _ => Use::Filtered,
            };
            self.mark(&value, used);
            let value = self.optional(&constraint.where_clause, scope);
            self.mark(&value, Use::Filtered);
            for pair in &constraint.exclusions {
                let Some(NodeEnum::List(pair)) = inner(pair) else {
                    continue;
                };
                if let Some(NodeEnum::IndexElem(element)) = pair.items.first().and_then(inner) {
                    self.index_element(element, scope);
                }
            }
            if let Some(relation) = &constraint.pktable {
                self.relations(relation, Access::Define);
            }
        }
    }

    fn alter_table(&mut self, alter: &pg::AlterTableStmt) -> Statement {
        let command = alter_command(alter.objtype());
        let Some(var) = &alter.relation else {
            return of(Effect::Define, command);
        };
        if alter.objtype() == pg::ObjectType::ObjectType {
            for node in alter.cmds.iter().filter_map(inner) {
                if let NodeEnum::AlterTableCmd(one) = node {
                    self.fields_changed(Some(var), one.behavior());
                }
            }
        }
        let anew = alter.cmds.iter().filter_map(inner).any(writes_anew);
        let relations = match anew {
            true => self.recomputed(Some(var), Access::Define),
            false => self.relations(var, Access::Define),
        };
        let mut parts = alter.cmds.iter().filter_map(inner);
        if parts.any(cascades) {
            self.dependents_go();
        }
        let mut scope = Scope::outermost();
        let item = self.item(&var.relname, &relations);
        scope.items.push(item);
        for node in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(one)) = inner(node) else {
                continue;
            };
            match boxed(&one.def) {
                Some(NodeEnum::ColumnDef(column)) => self.column_definition(column, &scope),
                Some(NodeEnum::Constraint(_)) => {
                    self.constraints(one.def.as_deref().map_or(&[], std::slice::from_ref), &scope);
                }
                Some(NodeEnum::PartitionCmd(partition)) => {
                    if let Some(relation) = &partition.name {
                        self.relations(relation, Access::Define);
                    }
                }
                Some(NodeEnum::RangeVar(relation)) => {
                    self.relations(relation, Access::Define);
                }
                Some(
                    NodeEnum::List(_) | NodeEnum::TypeName(_) | NodeEnum::ReplicaIdentityStmt(_),
                ) => {}
                Some(_)
                    if one.subtype() == pg::AlterTableType::AtColumnDefault
                        || one.subtype() == pg::AlterTableType::AtSetExpression =>
                {
                    let value = self.optional(&one.def, &scope);
                    self.mark(&value, Use::Copied);
                }
                _ => {}
            }
        }
        of(Effect::Define, command)
    }

    fn create_index(&mut self, index: &pg::IndexStmt) -> Statement {
        if let Some(var) = &index.relation {
            let relations = self.relations(var, Access::Define);
            let mut scope = Scope::outermost();
            let item = self.item(&var.relname, &relations);
            scope.items.push(item);
            for node in &index.index_params {
                if let Some(NodeEnum::IndexElem(element)) = inner(node) {
                    self.index_element(element, &scope);
                }
            }
            if let Some(condition) = index.where_clause.as_deref() {
                self.condition(condition, &scope);
            }
        }
        of(Effect::Define, "create index")
    }

    fn index_element(&mut self, element: &pg::IndexElem, scope: &Scope<'_>) {
        if let Some(expression) = element.expr.as_deref() {
            let value = self.value(expression, scope);
            self.mark(&value, Use::Copied);
        } else if let super::scope::Found::Value(value, _) = scope.column(&element.name) {
            self.mark(&value, Use::Ordered);
        }
    }

    fn create_statistics(&mut self, create: &pg::CreateStatsStmt) {
        let mut scope = Scope::outermost();
        for node in &create.relations {
            if let Some(NodeEnum::RangeVar(var)) = inner(node) {
                let relations = self.relations(var, Access::Define);
                let item = self.item(&var.relname, &relations);
                scope.items.push(item);
            }
        }
        for node in &create.exprs {
            if let Some(NodeEnum::StatsElem(element)) = inner(node) {
                let value = self.optional(&element.expr, &scope);
                self.mark(&value, Use::Copied);
            }
        }
    }

    fn on_relation(&mut self, var: Option<&pg::RangeVar>, conditions: [&Option<Box<pg::Node>>; 2]) {
        let Some(var) = var else { return };
        let relations = self.relations(var, Access::Define);
        let mut scope = Scope::outermost();
        let item = self.item(&var.relname, &relations);
        scope.items.push(item);
        for condition in conditions.into_iter().filter_map(|node| node.as_deref()) {
            self.condition(condition, &scope);
        }
    }

    /// A relation that is made; a temporary one touches no other of its name.
    pub(super) fn created(&mut self, var: &pg::RangeVar) {
        if is_temporary(var) {
            self.takes_type(&var.relname);
            self.names.insert(var.relname.clone());
            self.use_relation(None, "pg_temp", &var.relname, Access::Define);
        } else {
            self.relations(var, Access::Define);
        }
    }

    /// A temporary relation is a type that stands before PostgreSQL's own of its name; whose it is, other
    /// sessions with temporary ones do not know.
    fn takes_type(&mut self, name: &str) {
        if !self.catalog.types_named("pg_catalog", name).is_empty() {
            let detail = format!("a temporary relation with the name of the type {name}");
            self.opaque(OpaqueReason::Unsupported, &detail);
        }
    }

    /// A name that is trusted, or that calls what is known, may be given to other code.
    fn code_renamed(&mut self, what: pg::ObjectType, schema: &str) {
        use pg::ObjectType as Type;
        let is_code = match what {
            Type::ObjectSchema => self.catalog.has_functions_in(schema),
            Type::ObjectFunction
            | Type::ObjectProcedure
            | Type::ObjectRoutine
            | Type::ObjectAggregate
            | Type::ObjectOperator
            | Type::ObjectOpclass
            | Type::ObjectOpfamily
            | Type::ObjectExtension => true,
            _ => false,
        };
        if is_code {
            self.opaque(OpaqueReason::ProceduralCode, alter_command(what));
        }
    }

    /// A composite type that gets another name or goes.
    fn type_changed(&mut self, path: &[&str]) {
        for found in self.types_at(path) {
            if let Some(row) = self.catalog.relation(found.relation) {
                self.use_relation(Some(row.oid), &row.schema, &row.name, Access::Define);
            }
        }
    }

    /// The fields of a composite type change; with CASCADE, the columns of tables that are of it, too.
    fn fields_changed(&mut self, var: Option<&pg::RangeVar>, behavior: pg::DropBehavior) {
        let Some(var) = var else { return };
        self.type_changed(&[&var.schemaname, &var.relname]);
        if behavior == pg::DropBehavior::DropCascade {
            self.opaque(OpaqueReason::Unsupported, "alter type with cascade");
        }
    }

    /// A domain's default, or what its values must be: those that there are must be that already.
    fn alter_domain(&mut self, alter: &pg::AlterDomainStmt) {
        let domains = self.types_at(&strings(&alter.type_name));
        if domains.is_empty() {
            self.opaque(OpaqueReason::ProceduralCode, "alter domain");
        }
        for domain in &domains {
            self.data_type(domain, 0);
        }
        let definition = alter.def.as_deref().map_or(&[][..], std::slice::from_ref);
        match alter.subtype.as_str() {
            "T" => {
                let value = self.optional(&alter.def, &own_columns());
                self.mark(&value, Use::Copied);
            }
            // What is dropped is asked for no more.
            "N" | "X" => {}
            _ => {
                self.constraints(definition, &own_columns());
                let domains: Vec<u32> = domains.iter().map(|one| one.oid).collect();
                self.values_asked_for(&domains);
            }
        }
    }

    /// All columns of some domains, and of domains over them.
    fn values_asked_for(&mut self, domains: &[u32]) {
        self.spend(self.catalog.size());
        let is_of = |column: &Column| {
            let first = self.catalog.column_type(column);
            let mut all = std::iter::successors(first, |one| self.catalog.data_type(one.base));
            all.any(|one| domains.contains(&one.oid))
        };
        let relations = self.catalog.relations();
        let columns = relations.flat_map(|relation| {
            let columns = relation.columns.iter().filter(|column| is_of(column));
            columns.map(|column| relation.id(column))
        });
        for column in columns.collect::<Vec<_>>() {
            self.mark_column(column, Use::Filtered);
        }
    }

    /// What has columns of a type that goes loses them.
    fn columns_dropped(&mut self, path: &[&str]) {
        let gone: Vec<u32> = self.types_at(path).iter().map(|one| one.oid).collect();
        let loses = |relation: &&Relation| {
            let types = relation.columns.iter();
            let mut types = types.filter_map(|column| self.catalog.column_type(column));
            types.any(|one| gone.contains(&one.oid))
        };
        let mut losing: Vec<&Relation> = self.catalog.relations().filter(loses).collect();
        losing.sort_unstable_by_key(|relation| relation.oid);
        for relation in losing {
            let Relation { schema, name, .. } = relation;
            self.use_relation(Some(relation.oid), schema, name, Access::Define);
        }
    }

    fn types_at(&self, path: &[&str]) -> Vec<&'a Type> {
        let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
        self.catalog.types_named(schema, path.last().unwrap_or(&""))
    }

    /// Everything in a schema that is renamed or dropped.
    fn all_of_schema(&mut self, schema: &str) {
        let all = self.catalog.relations();
        let mut inside: Vec<&Relation> = all.filter(|one| one.schema == schema).collect();
        inside.sort_unstable_by_key(|relation| relation.oid);
        for relation in inside {
            self.use_relation(Some(relation.oid), schema, &relation.name, Access::Define);
            self.names_elsewhere(relation);
        }
    }

    /// With CASCADE go views, generated columns and foreign keys of which PostgreSQL alone knows that they are
    /// made with what goes: by the types of its rows, by functions, by indexes, by numbers in texts. A protection
    /// may be named by one of them, or spread by it.
    fn dependents_go(&mut self) {
        let referencing = self.catalog.referencing();
        self.own_defined(|one| {
            let mut columns = one.columns.iter();
            one.is_view()
                || columns.any(|column| column.generated)
                || referencing.contains(&one.oid)
        });
    }

    /// Counts relations as defined, but PostgreSQL's own.
    pub(super) fn own_defined(&mut self, is_one: impl Fn(&Relation) -> bool) {
        let mut defined = self.own_relations();
        defined.retain(|one| is_one(one));
        self.spend(defined.len());
        for Relation {
            oid, schema, name, ..
        } in defined
        {
            self.use_relation(Some(*oid), schema, name, Access::Define);
        }
    }

    fn drop(&mut self, drop: &pg::DropStmt) -> Statement {
        use pg::ObjectType as Type;
        // What was made to depend on an extension goes with it in any case.
        let cascades = drop.behavior() == pg::DropBehavior::DropCascade
            || drop.remove_type() == Type::ObjectExtension;
        if drop.remove_type() == Type::ObjectSchema {
            for schema in strings(&drop.objects) {
                self.all_of_schema(schema);
            }
        }
        if matches!(drop.remove_type(), Type::ObjectType | Type::ObjectDomain) {
            for node in drop.objects.iter().filter_map(inner) {
                let NodeEnum::TypeName(name) = node else {
                    continue;
                };
                let path = strings(&name.names);
                self.type_changed(&path);
                if cascades {
                    self.columns_dropped(&path);
                }
            }
        }
        // How many names stand behind that of the relation.
        let behind = match drop.remove_type() {
            Type::ObjectTable
            | Type::ObjectView
            | Type::ObjectMatview
            | Type::ObjectForeignTable
            | Type::ObjectSequence => Some(0),
            Type::ObjectTrigger | Type::ObjectPolicy | Type::ObjectRule => Some(1),
            _ => None,
        };
        // On a trigger or the like, and on what is temporary, nothing else depends.
        let mut goes = cascades && behind.is_none();
        for object in &drop.objects {
            let (Some(behind), Some(NodeEnum::List(path))) = (behind, inner(object)) else {
                continue;
            };
            let mut path = strings(&path.items);
            path.truncate(path.len().saturating_sub(behind));
            let Some(name) = path.last() else { continue };
            let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
            let var = pg::RangeVar {
                schemaname: schema.to_owned(),
                relname: (*name).to_owned(),
                ..pg::RangeVar::default()
            };
            let relations = self.relations(&var, Access::Define);
            goes |= cascades && behind == 0 && relations.iter().any(|one| !one.is_temporary());
        }
        if goes {
            self.dependents_go();
        }
        of(Effect::Define, drop_command(drop.remove_type()))
    }
}

/// Whether a part of ALTER TABLE drops what depends on what it drops.
fn cascades(command: &NodeEnum) -> bool {
    matches!(command, NodeEnum::AlterTableCmd(one) if one.behavior() == pg::DropBehavior::DropCascade)
}

/// The name of a type that stands as an object.
fn type_path(object: &Option<Box<pg::Node>>) -> Vec<&str> {
    match boxed(object) {
        Some(NodeEnum::List(path)) => strings(&path.items),
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        _ => Vec::new(),
    }
}

/// A scope in which every name is a column without a value: those of a table or a domain being made.
fn own_columns() -> Scope<'static> {
    let mut scope = Scope::outermost();
    let table = super::value::Table::unknown(super::value::Value::default());
    scope.items.push(super::scope::Item::new("", table));
    scope
}

fn alter_command(of: pg::ObjectType) -> &'static str {
    use pg::ObjectType as Type;
    match of {
        Type::ObjectTable | Type::ObjectColumn | Type::ObjectTabconstraint => "alter table",
        Type::ObjectView => "alter view",
        Type::ObjectMatview => "alter materialized view",
        Type::ObjectIndex => "alter index",
        Type::ObjectSequence => "alter sequence",
        Type::ObjectForeignTable => "alter foreign table",
        Type::ObjectSchema => "alter schema",
        Type::ObjectFunction => "alter function",
        Type::ObjectProcedure => "alter procedure",
        Type::ObjectType | Type::ObjectAttribute => "alter type",
        Type::ObjectDomain | Type::ObjectDomconstraint => "alter domain",
        Type::ObjectRole => "alter role",
        Type::ObjectDatabase => "alter database",
        Type::ObjectTrigger => "alter trigger",
        Type::ObjectPolicy => "alter policy",
        Type::ObjectRule => "alter rule",
        _ => "alter",
    }
}

fn drop_command(of: pg::ObjectType) -> &'static str {
    use pg::ObjectType as Type;
    match of {
        Type::ObjectTable => "drop table",
        Type::ObjectView => "drop view",
        Type::ObjectMatview => "drop materialized view",
        Type::ObjectIndex => "drop index",
        Type::ObjectSequence => "drop sequence",
        Type::ObjectForeignTable => "drop foreign table",
        Type::ObjectSchema => "drop schema",
        Type::ObjectFunction => "drop function",
        Type::ObjectProcedure => "drop procedure",
        Type::ObjectRoutine => "drop routine",
        Type::ObjectAggregate => "drop aggregate",
        Type::ObjectType => "drop type",
        Type::ObjectDomain => "drop domain",
        Type::ObjectTrigger => "drop trigger",
        Type::ObjectPolicy => "drop policy",
        Type::ObjectRule => "drop rule",
        Type::ObjectExtension => "drop extension",
        Type::ObjectCast => "drop cast",
        Type::ObjectOperator => "drop operator",
        Type::ObjectPublication => "drop publication",
        _ => "drop",
    }
}

/// Definitions that read no column, run no code and let none run.
fn plain_definition(node: &NodeEnum) -> Option<&'static str> {
    Some(match node {
        NodeEnum::CreateSeqStmt(_) => "create sequence",
        NodeEnum::AlterSeqStmt(_) => "alter sequence",
        NodeEnum::CompositeTypeStmt(_) | NodeEnum::CreateEnumStmt(_) => "create type",
        NodeEnum::AlterEnumStmt(_) => "alter type",
        NodeEnum::CreateRoleStmt(_) => "create role",
        NodeEnum::AlterRoleStmt(_) => "alter role",
        NodeEnum::DropRoleStmt(_) => "drop role",
        NodeEnum::GrantRoleStmt(grant) => {
            if grant.is_grant {
                "grant"
            } else {
                "revoke"
            }
        }
        NodeEnum::AlterDefaultPrivilegesStmt(_) => "alter default privileges",
        NodeEnum::DropOwnedStmt(_) => "drop owned",
        NodeEnum::ReassignOwnedStmt(_) => "reassign owned",
        NodeEnum::CreatedbStmt(_) => "create database",
        NodeEnum::DropdbStmt(_) => "drop database",
        NodeEnum::AlterDatabaseStmt(_) => "alter database",
        NodeEnum::AlterDatabaseRefreshCollStmt(_) => "alter database",
        NodeEnum::CreateTableSpaceStmt(_) => "create tablespace",
        NodeEnum::DropTableSpaceStmt(_) => "drop tablespace",
        NodeEnum::AlterTableMoveAllStmt(_) => "alter table",
        NodeEnum::AlterStatsStmt(_) => "alter statistics",
        NodeEnum::AlterCollationStmt(_) => "alter collation",
        NodeEnum::SecLabelStmt(_) => "security label",
        NodeEnum::DropSubscriptionStmt(_) => "drop subscription",
        NodeEnum::DropUserMappingStmt(_) => "drop user mapping",
        NodeEnum::AlterEventTrigStmt(_) => "alter event trigger",
        _ => return None,
    })
}

/// Definitions that bring in code or roads for data that are not seen here.
fn hidden_definition(node: &NodeEnum) -> (OpaqueReason, &'static str) {
    let code = OpaqueReason::ProceduralCode;
    let file = OpaqueReason::ServerFile;
    match node {
        NodeEnum::CreateFunctionStmt(create) if create.is_procedure => (code, "create procedure"),
        NodeEnum::CreateFunctionStmt(_) => (code, "create function"),
        NodeEnum::AlterFunctionStmt(_) => (code, "alter function"),
        NodeEnum::CreateTrigStmt(_) => (code, "create trigger"),
        NodeEnum::CreateEventTrigStmt(_) => (code, "create event trigger"),
        NodeEnum::RuleStmt(_) => (code, "create rule"),
        NodeEnum::CreateCastStmt(_) => (code, "create cast"),
        NodeEnum::DefineStmt(_) => (code, "create"),
        NodeEnum::CreateRangeStmt(_) => (code, "create type"),
        NodeEnum::CreateExtensionStmt(_) => (code, "create extension"),
        NodeEnum::AlterObjectDependsStmt(_) => (code, "alter"),
        NodeEnum::AlterExtensionStmt(_) | NodeEnum::AlterExtensionContentsStmt(_) => {
            (code, "alter extension")
        }
        NodeEnum::CreatePlangStmt(_) => (code, "create language"),
        NodeEnum::CreateForeignTableStmt(_) => (file, "create foreign table"),
        NodeEnum::CreateForeignServerStmt(_) => (file, "create server"),
        NodeEnum::AlterForeignServerStmt(_) => (file, "alter server"),
        NodeEnum::CreateUserMappingStmt(_) => (file, "create user mapping"),
        NodeEnum::AlterUserMappingStmt(_) => (file, "alter user mapping"),
        NodeEnum::ImportForeignSchemaStmt(_) => (file, "import foreign schema"),
        NodeEnum::CreateFdwStmt(_) => (file, "create foreign data wrapper"),
        NodeEnum::AlterFdwStmt(_) => (file, "alter foreign data wrapper"),
        NodeEnum::CreatePublicationStmt(_) => (file, "create publication"),
        NodeEnum::AlterPublicationStmt(_) => (file, "alter publication"),
        NodeEnum::CreateSubscriptionStmt(_) => (file, "create subscription"),
        NodeEnum::AlterSubscriptionStmt(_) => (file, "alter subscription"),
        NodeEnum::AlterSystemStmt(_) => (OpaqueReason::SessionState, "alter system"),
        _ => (OpaqueReason::Unsupported, "command"),
    }
}

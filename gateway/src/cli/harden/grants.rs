//! The statements that make a limited role.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use sql::analysis::ColumnId;
use sql::catalog::Catalog;
use sql::identifier;

/// What the user that asks may do with each relation of its own database, and what every role may.
pub(super) const HELD: &str = "
    SELECT c.oid, n.nspname, c.relname, c.relkind,
        pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
        pg_catalog.has_table_privilege(c.oid, 'SELECT'),
        pg_catalog.has_table_privilege(c.oid, 'INSERT'),
        pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
        pg_catalog.has_table_privilege(c.oid, 'DELETE'),
        pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
        pg_catalog.has_table_privilege('public', c.oid, 'SELECT')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname, c.relname";

/// A relation, and what may be done with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    oid: u32,
    schema: String,
    name: String,
    is_sequence: bool,
    /// In its schema relations may be made.
    creates: bool,
    reads: bool,
    /// INSERT, UPDATE, DELETE and TRUNCATE, as far as held.
    writes: Vec<&'static str>,
    /// Every role may read it.
    is_public: bool,
}

impl Held {
    /// A row of [`HELD`]; none where it is not one.
    pub(super) fn read(row: &[Option<&str>]) -> Option<Self> {
        let [oid, schema, name, kind, rights @ ..] = row else {
            return None;
        };
        let rights: Vec<bool> = rights.iter().map(|right| *right == Some("t")).collect();
        let [creates, reads, writes @ .., is_public] = rights.as_slice() else {
            return None;
        };
        let commands = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"];
        let writes = commands.into_iter().zip(writes).filter(|(_, held)| **held);
        Some(Self {
            oid: (*oid)?.parse().ok()?,
            schema: (*schema)?.to_owned(),
            name: (*name)?.to_owned(),
            is_sequence: *kind == Some("S"),
            creates: *creates,
            reads: *reads,
            writes: writes.map(|(command, _)| command).collect(),
            is_public: *is_public,
        })
    }
}

/// All of it, as one transaction.
pub(super) fn statements(
    user: &str,
    role: &str,
    held: &[Held],
    catalog: &Catalog,
    protected: &HashSet<ColumnId>,
) -> String {
    let (limited, login) = (identifier(role), identifier(user));
    let mut text = format!(
        "-- {limited} may do what {login} may, except read protected columns.\n\
         BEGIN;\n\
         DO $do$ BEGIN\n  \
           IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) THEN\n    \
             CREATE ROLE {limited} NOLOGIN NOINHERIT;\n  \
           END IF;\n\
         END $do$;\n\
         GRANT {limited} TO {login};\n",
        literal(role)
    );
    for (schema, creates) in schemas(held) {
        let schema = identifier(&schema);
        let more = if creates { ", CREATE" } else { "" };
        let _ = writeln!(text, "\nGRANT USAGE{more} ON SCHEMA {schema} TO {limited};");
        let _ = writeln!(
            text,
            "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {limited};"
        );
    }
    text.push('\n');
    for relation in held {
        relation_grants(relation, &limited, catalog, protected, &mut text);
    }
    text.push_str("COMMIT;\n");
    text
}

fn schemas(held: &[Held]) -> BTreeSet<(String, bool)> {
    held.iter()
        .map(|relation| (relation.schema.clone(), relation.creates))
        .collect()
}

fn relation_grants(
    relation: &Held,
    limited: &str,
    catalog: &Catalog,
    protected: &HashSet<ColumnId>,
    text: &mut String,
) {
    let name = format!(
        "{}.{}",
        identifier(&relation.schema),
        identifier(&relation.name)
    );
    if relation.is_sequence {
        if relation.reads {
            let _ = writeln!(
                text,
                "GRANT USAGE, SELECT, UPDATE ON SEQUENCE {name} TO {limited};"
            );
        }
        return;
    }
    let (kept, open) = columns(relation.oid, catalog, protected);
    let mut rights = relation.writes.join(", ");
    if kept.is_empty() {
        if relation.reads {
            rights = if rights.is_empty() {
                "SELECT".to_owned()
            } else {
                format!("SELECT, {rights}")
            };
        }
    } else {
        let _ = writeln!(text, "-- Protected: {}.", kept.join(", "));
        if relation.is_public {
            let _ = writeln!(
                text,
                "-- WARNING: every role may read {name}, and so may {limited}. Consider:\n\
                 --   REVOKE SELECT ON {name} FROM PUBLIC;"
            );
        }
        if relation.reads && !open.is_empty() {
            let open = open.join(", ");
            let _ = writeln!(text, "GRANT SELECT ({open}) ON {name} TO {limited};");
        }
    }
    if !rights.is_empty() {
        let _ = writeln!(text, "GRANT {rights} ON {name} TO {limited};");
    }
}

/// The columns of a relation that are protected, and the others.
fn columns(
    relation: u32,
    catalog: &Catalog,
    protected: &HashSet<ColumnId>,
) -> (Vec<String>, Vec<String>) {
    let known = catalog.relation(relation).into_iter();
    let columns = known.flat_map(|known| &known.columns);
    let (kept, open): (Vec<_>, Vec<_>) = columns.partition(|column| {
        protected.contains(&ColumnId {
            relation,
            attribute: column.attribute,
        })
    });
    let names = |columns: Vec<&sql::catalog::Column>| -> Vec<String> {
        columns
            .iter()
            .map(|column| identifier(&column.name))
            .collect()
    };
    (names(kept), names(open))
}

/// A text as a constant, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

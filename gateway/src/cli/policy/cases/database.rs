//! The small database of a suite: tables and the types of their columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sql::catalog::{Catalog, CatalogRows, ColumnRow, RelationRow};

/// OID of the first table; those of users begin here.
const FIRST: u32 = 16_384;

/// Types of PostgreSQL's own and their OIDs.
const TYPES: [(&str, u32); 17] = [
    ("boolean", 16),
    ("bytea", 17),
    ("bigint", 20),
    ("smallint", 21),
    ("integer", 23),
    ("text", 25),
    ("json", 114),
    ("real", 700),
    ("double precision", 701),
    ("text[]", 1009),
    ("character", 1042),
    ("character varying", 1043),
    ("date", 1082),
    ("timestamp with time zone", 1184),
    ("numeric", 1700),
    ("uuid", 2950),
    ("jsonb", 3802),
];

/// The catalog that a gateway would read from such a database.
pub(super) fn catalog(
    tables: &BTreeMap<String, BTreeMap<String, String>>,
) -> anyhow::Result<Arc<Catalog>> {
    let mut rows = CatalogRows::default();
    for (oid, (table, columns)) in (FIRST..).zip(tables) {
        let Some((schema, name)) = table.split_once('.') else {
            bail!("table {table}: its name needs a schema, such as public.{table}");
        };
        rows.relations.push(RelationRow::table(oid, schema, name));
        for (attribute, (name, type_name)) in (1..).zip(columns) {
            let type_oid = type_oid(type_name).with_context(|| format!("{table}.{name}"))?;
            rows.columns.push(ColumnRow {
                relation: oid,
                attribute,
                name: name.clone(),
                type_oid,
                type_name: type_name.clone(),
                generated: false,
                default: false,
                made_from: Vec::new(),
                required: false,
            });
        }
    }
    Ok(Arc::new(Catalog::from_rows(rows)))
}

/// The OID of a type as format_type() prints it: `character varying(40)`.
fn type_oid(name: &str) -> anyhow::Result<u32> {
    let bare = name.split('(').next().unwrap_or_default();
    let known = TYPES.iter().find(|(known, _)| *known == bare);
    let Some((_, oid)) = known else {
        let names = TYPES.map(|(name, _)| name).join(", ");
        bail!("type {name} is none of {names}");
    };
    Ok(*oid)
}

//! The table that is read, and its rows as PostgreSQL sends them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sql::catalog::{Catalog, CatalogRows, ColumnRow, RelationRow};
use wire::client::Format;
use wire::upstream::{Field, RowDescription};

/// OID of public.people.
const PEOPLE: u32 = 20_000;
/// OID of public.pgbench_accounts.
const ACCOUNTS: u32 = 20_001;

/// The columns of public.people: name, OID of the type, its name.
pub const COLUMNS: [(&str, u32, &str); 8] = [
    ("id", 23, "integer"),
    ("name", 25, "text"),
    ("email", 25, "text"),
    ("phone", 25, "text"),
    ("city", 25, "text"),
    ("balance", 1700, "numeric"),
    ("born", 1082, "date"),
    ("note", 25, "text"),
];

/// Where `email` stands in a row.
pub const EMAIL: usize = 2;
/// Where `phone` stands in a row.
pub const PHONE: usize = 3;

/// What reads the whole table.
pub const SELECT: &str = "SELECT id, name, email, phone, city, balance, born, note FROM people";

/// The database: public.people and the table of `pgbench -S`.
#[must_use]
pub fn catalog() -> Arc<Catalog> {
    let relation = |oid, name: &str| RelationRow::table(oid, "public", name);
    let mut columns: Vec<ColumnRow> = (1..)
        .zip(COLUMNS)
        .map(|(attribute, (name, oid, type_name))| column(PEOPLE, attribute, name, oid, type_name))
        .collect();
    columns.push(column(ACCOUNTS, 1, "aid", 23, "integer"));
    columns.push(column(ACCOUNTS, 2, "bid", 23, "integer"));
    columns.push(column(ACCOUNTS, 3, "abalance", 23, "integer"));
    Arc::new(Catalog::from_rows(CatalogRows {
        relations: vec![
            relation(PEOPLE, "people"),
            relation(ACCOUNTS, "pgbench_accounts"),
        ],
        columns,
        ..CatalogRows::default()
    }))
}

fn column(relation: u32, attribute: i16, name: &str, type_oid: u32, type_name: &str) -> ColumnRow {
    ColumnRow {
        relation,
        attribute,
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        generated: false,
        default: false,
        made_from: Vec::new(),
        required: false,
    }
}

/// How PostgreSQL describes the result of [`SELECT`].
#[must_use]
pub fn description() -> RowDescription {
    let field = |(attribute, (name, type_oid, _)): (i16, (&'static str, u32, &str))| Field {
        name: Bytes::from_static(name.as_bytes()),
        table: PEOPLE,
        attribute,
        type_oid,
        type_size: -1,
        type_modifier: -1,
        format: Format::Text,
    };
    RowDescription {
        fields: (1..).zip(COLUMNS).map(field).collect(),
    }
}

/// So many rows of the table: DataRow messages of about 115 bytes.
#[must_use]
pub fn rows(count: usize) -> BytesMut {
    rows_with_notes(1..=count, |n| format!("note {}", n % 97))
}

/// The rows of the table with these numbers, whose notes are those: DataRow messages.
#[must_use]
pub fn rows_with_notes(
    numbers: impl Iterator<Item = usize>,
    note: impl Fn(usize) -> String,
) -> BytesMut {
    let mut out = BytesMut::new();
    for n in numbers {
        let values = [
            n.to_string(),
            format!("Person {n}"),
            format!("person{n}@example.com"),
            format!("+49 30 {n:08}"),
            format!("City {}", n % 1000),
            format!("{}.25", n % 1000),
            "1982-11-23".to_owned(),
            note(n),
        ];
        let values = values.each_ref().map(|value| Some(value.as_bytes()));
        wire::write::data_row(&mut out, &values).expect("eight short values make a row");
    }
    out
}

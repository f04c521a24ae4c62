//! Any text has an analysis, and texts of one shape have equal ones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_sql::catalog::{Catalog, CatalogRows, RowSet};

/// A small database.
fn catalog() -> Catalog {
    let mut rows = CatalogRows::default();
    let relation = ["1", "public", "users", "r", "false", "false"].map(Some);
    rows.push(RowSet::Relations, &relation).expect("a row of six values");
    for (number, name) in [("1", "id"), ("2", "email"), ("3", "password")] {
        let column = ["1", number, name, "25", "text", "false", ""].map(Some);
        rows.push(RowSet::Columns, &column).expect("a row of seven values");
    }
    Catalog::from_rows(rows)
}

fuzz_target!(|text: &str| {
    let text = text.to_owned();
    let thread = std::thread::Builder::new().stack_size(sluice_sql::STACK_BYTES);
    let run = thread.spawn(move || {
        let _ = sluice_sql::shape(&text);
        let _ = sluice_sql::analyze(&text, &catalog());
    });
    run.expect("a thread").join().expect("no panic");
});

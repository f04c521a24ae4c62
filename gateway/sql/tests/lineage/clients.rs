//! What psql, pg_dump and drivers send by themselves is fully understood.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use sluice_sql::analysis::{Analysis, NameKind, NameUse, Outputs};
use sluice_sql::analyze;

use crate::support::{catalog, on_big_stack};

/// Read by tools for administrators; refused on purpose.
const REFUSED: &[&str] = &["pg_authid", "pg_user_mappings"];

#[test]
fn statements_of_clients_have_no_opaque_part() {
    on_big_stack(|| {
        let catalog = catalog();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients.sql");
        let mut prepared: HashMap<String, Arc<Analysis>> = HashMap::new();
        let mut wrong = String::new();
        for text in std::fs::read_to_string(path).unwrap().split("\n\n") {
            let analysis = analyze(text, &catalog).resolve(&|kind, name| match kind {
                NameKind::Prepared => prepared.get(name).cloned(),
                NameKind::Cursor => None,
            });
            for name in analysis.statements.iter().flat_map(|one| &one.names) {
                if let NameUse::Prepare(name, inner) = name {
                    prepared.insert(name.clone(), Arc::new(inner.as_ref().clone()));
                }
            }
            let excused = REFUSED.iter().any(|name| text.contains(name));
            if !analysis.opaque.is_empty() && !excused {
                wrong.push_str(&format!("{text}\n=> {:?}\n\n", analysis.opaque));
            }
            let mut outputs = analysis.statements.iter().map(|one| &one.outputs);
            if outputs.any(|one| matches!(one, Outputs::Unknown)) {
                wrong.push_str(&format!("{text}\n=> unknown outputs\n\n"));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

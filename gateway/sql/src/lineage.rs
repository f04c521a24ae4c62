//! Reads a text and follows what becomes of every column.

use crate::analysis::{Analysis, Opaque, OpaqueReason};
use crate::catalog::Catalog;

/// What a text would do. Call it on a thread with a stack of [`crate::STACK_BYTES`].
pub fn analyze(text: &str, catalog: &Catalog) -> Analysis {
    let _ = (text, catalog);
    let opaque = Opaque {
        reason: OpaqueReason::Unsupported,
        detail: "not read".to_owned(),
        statement: 0,
    };
    Analysis {
        opaque: vec![opaque],
        ..Analysis::default()
    }
}

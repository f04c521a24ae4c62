//! What a statement would do: analysis, lineage, catalog; no IO.

pub mod analysis;
pub mod catalog;

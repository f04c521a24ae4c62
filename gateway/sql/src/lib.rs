//! What a statement would do: analysis, lineage, catalog; no IO.
//!
//! [`analyze`] reads a text with PostgreSQL's own grammar and follows every column of the
//! [`catalog::Catalog`] through it. What cannot be followed is opaque: nothing is guessed. A second
//! reader only adds doubt. [`shape`] gives the key under which an [`analysis::Analysis`] may be kept.

pub mod analysis;
mod bounds;
pub mod catalog;
mod compare;
mod functions;
mod lineage;
mod older;
mod parse;
mod shape;

pub use lineage::{analyze, analyze_as, analyze_briefly, touched_within, unreviewed};
pub use parse::Strings;
pub use shape::{Shape, Shaper, Template, shape};

/// The stack that a thread needs to call [`analyze`] or [`catalog::Catalog::from_rows`]: enough for
/// the deepest text that is let through to a reader. Only what is used of it becomes memory.
pub const STACK_BYTES: usize = 256 * 1024 * 1024;

/// A name as an identifier that means exactly it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

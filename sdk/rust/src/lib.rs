//! Write Sluice policies in Rust.
//!
//! A policy is a type that implements [`Policy`]; [`export!`] makes a component of it. Nothing is
//! allowed unless the policy says so: the default of every answer is a denial.
//!
//! ```
//! use sluice_sdk::{Decision, Facts, Policy, SessionDecision};
//!
//! struct NoTruncate;
//!
//! impl Policy for NoTruncate {
//!     fn configure(_settings: &str) -> Result<Self, String> {
//!         Ok(NoTruncate)
//!     }
//!
//!     fn session(&self, _facts: &Facts) -> SessionDecision {
//!         SessionDecision::allow()
//!     }
//!
//!     fn decide(&self, facts: &Facts) -> Decision {
//!         if facts.statements().iter().any(|statement| statement.kind == "truncate") {
//!             return Decision::deny("TRUNCATE is not allowed here");
//!         }
//!         Decision::allow()
//!     }
//! }
//!
//! sluice_sdk::export!(NoTruncate);
//!
//! let facts = Facts::fixed().with_statement("truncate", "write", "");
//! assert!(NoTruncate.decide(&facts).is_denied());
//! ```
//!
//! Build it for `wasm32-unknown-unknown`, so that it imports nothing but `sluice:policy`.

#[doc(hidden)]
pub mod bindings;
pub mod decision;
#[doc(hidden)]
pub mod exports;
pub mod facts;
pub mod grants;
pub mod pattern;
pub mod policy;
pub mod scope;
pub mod settings;
pub mod values;

pub use bindings::exports::sluice::policy::hooks::{Decision, SessionDecision};
pub use bindings::inspecting::exports::sluice::policy::inspect::OutputColumn;
pub use bindings::sluice::policy::types::{
    Chunk, Column, ColumnUse, Denial, DerivedRule, Effect, FilterRule, FunctionUse, Hold, Mask,
    OpaquePart, Protection, Recording, RelationUse, ResultColumn, Reuse, Statement,
};
pub use facts::Facts;
pub use pattern::{ColumnPattern, NamePattern, RelationPattern};
pub use policy::{Found, Inspect, Inspected, Policy, Transform};
pub use scope::Scope;
pub use values::{
    Values, append, append_stars, characters, fill_with_stars, first_position, last_position, word,
};

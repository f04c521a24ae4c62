//! The Wasm host: policies, verdicts, permits, masks, holds.
//!
//! Reading order: what is asked ([`request`]) and answered ([`verdict`], [`plan`]); who answers
//! ([`judge`]) from which policies ([`set`], `component`, `engine`); what makes the answer sound
//! whatever a policy forgot ([`protection`], `soundness`); what happens to rows ([`mask`],
//! [`masker`], [`copy`], `inspection`); and who may release what was held ([`hold`]).
//!
//! Nothing here opens a socket. A failed policy is a denial, never an error: judging cannot be
//! skipped by `?`.

pub mod config;
pub mod copy;
pub mod files;
pub mod hold;
pub mod judge;
pub mod mask;
pub mod masker;
pub mod plan;
pub mod protection;
pub mod request;
pub mod set;
pub mod verdict;

mod bindings;
mod breaker;
mod cache;
mod compiler;
mod component;
mod deadline;
mod engine;
mod error;
mod facts;
mod grants;
mod inspection;
mod instance;
mod known;
mod ledger;
mod load;
mod meter;
mod opinion;
mod rules;
mod session;
mod shadow;
mod signature;
mod soundness;
mod tables;
mod trust;

#[cfg(test)]
mod fixture;

pub use identity::Identity;

pub use compiler::{COMMAND as COMPILE_COMMAND, Outcome, compile};
pub use component::componentize;
pub use config::{
    EngineConfig, Grant, Keys, Metering, Mode, PolicyConfig, PolicyLimits, ShadowConfig,
};
pub use copy::{CopyMasker, copy_rows};
pub use engine::Engine;
pub use error::{Defect, LoadError, MaskError, Step as LoadStep};
pub use hold::{Approval, Demand, Hold, Holds};
pub use judge::{Explanation, GuardView, Judge, OpinionView};
pub use known::KnownText;
pub use ledger::{Rations, RowLimit};
pub use mask::Mask;
pub use masker::Masker;
pub use meter::{Hook, Peaks};
pub use plan::{Note, Plan, Recording, ResultPlan};
pub use request::{Asked, Parameters, Request, Step};
pub use session::{Session, SessionFacts};
pub use set::{Digest, Generation, Policies, PolicyDigest, PolicySet, PolicyStatus, Status};
pub use shadow::{Difference, DifferenceKind, ShadowStatus};
pub use signature::{NotASignature, PrivateKey, PublicKey, Signature, signatures_of};
pub use trust::{Trust, TrustedKey};
pub use verdict::{Denial, Failure, Permit, SqlState, Verdict};

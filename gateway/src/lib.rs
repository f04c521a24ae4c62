//! Sluice, a policy gateway for PostgreSQL.
//!
//! Start at [`gateway`] for what runs, at `session` for the journey of a statement: open an entry,
//! analyze, judge, hold where a person must approve, send the permit upstream, relay the replies
//! with their masks, close the entry. The steps themselves live in crates of their own: `wire`
//! (bytes), `sql` (meaning), `policy` (verdicts, masks), `trail` (the record), `identity` (who),
//! `console` (HTTP).

pub mod cli;
pub mod config;
pub mod demo;
pub mod gateway;

mod analyses;
mod analyst;
mod catalog;
mod changes;
mod database;
mod error;
mod metrics;
pub mod oci;
mod replace;
mod session;
pub mod tls;
mod transport;

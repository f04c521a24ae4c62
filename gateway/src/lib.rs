//! Sluice, a policy gateway for PostgreSQL.

pub mod cli;

//! What the benchmarks share: a small database, people, the standard policies, and rows.
//!
//! `criterion/` measures the steps of the journey alone; the scripts beside it measure the program,
//! next to PgBouncer and to no proxy at all.

pub mod judging;
pub mod natively;
pub mod people;
pub mod timing;

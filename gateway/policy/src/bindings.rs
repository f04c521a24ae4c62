//! The contract 0.1 as generated types, and what of them is ours under another name.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "host",
    imports: {
        "sluice:policy/facts.transform-by": trappable,
        "sluice:policy/log": trappable,
        "sluice:policy/clock": trappable,
        "sluice:policy/counters": trappable,
        "sluice:policy/keyed": trappable,
        "sluice:policy/tables": trappable,
    },
});

pub(crate) use exports::sluice::policy::{hooks, inspect, transform};
pub(crate) use sluice::policy::{clock, counters, facts, grants, keyed, log, tables, types};

/// The package of the contract and its version: what a policy's imports and exports begin with.
pub(crate) const PACKAGE: &str = "sluice:policy";
/// The version that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";

//! The Wasm host: policies, verdicts, permits, masks, holds.

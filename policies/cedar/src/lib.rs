//! Stub.
#![cfg(feature = "engine")]

//! The standard guarding policy.

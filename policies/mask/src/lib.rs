//! The standard masking policy.

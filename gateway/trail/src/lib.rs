//! The record: written before a request leaves, exported, replayed.

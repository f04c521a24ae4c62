//! The words for what an analysis says: those of the contract with policies, the same everywhere.

use super::{Access, Class, OpaqueReason, Reach, Restriction, Use};

impl Class {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Read => "read",
            Class::Write => "write",
            Class::Define => "define",
            Class::Session => "session",
            Class::Transaction => "transaction",
            Class::Utility => "utility",
        }
    }
}

impl Restriction {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Restriction::None => "none",
            Restriction::AlwaysTrue => "always-true",
            Restriction::Some => "some",
            Restriction::Key => "key",
        }
    }
}

impl Access {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Insert => "insert",
            Access::Update => "update",
            Access::Delete => "delete",
            Access::Truncate => "truncate",
            Access::Define => "define",
        }
    }
}

impl Use {
    /// The word for it; equality is a way of filtering.
    pub fn as_str(self) -> &'static str {
        match self {
            Use::Projected => "projected",
            Use::Derived => "derived",
            Use::WholeRow => "whole-row",
            Use::Filtered | Use::FilteredByEquality => "filtered",
            Use::Ordered => "ordered",
            Use::Copied => "copied",
            Use::Written => "written",
        }
    }
}

impl Reach {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reach::Projected => "projected",
            Reach::Derived => "derived",
            Reach::WholeRow => "whole-row",
        }
    }
}

impl OpaqueReason {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            OpaqueReason::Unparsed => "unparsed",
            OpaqueReason::TooComplex => "too-complex",
            OpaqueReason::ReadersDiffer => "readers-differ",
            OpaqueReason::UnknownRelation => "unknown-relation",
            OpaqueReason::UnknownColumn => "unknown-column",
            OpaqueReason::UnknownFunction => "unknown-function",
            OpaqueReason::SqlInText => "sql-in-text",
            OpaqueReason::ProceduralCode => "procedural-code",
            OpaqueReason::ServerFile => "server-file",
            OpaqueReason::DataCatalog => "data-catalog",
            OpaqueReason::UnknownName => "unknown-name",
            OpaqueReason::SessionState => "session-state",
            OpaqueReason::Unsupported => "unsupported",
        }
    }
}

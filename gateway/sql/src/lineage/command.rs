//! The commands, by class.

use crate::analysis::{Class, Foreseen, Kind, Naming, Outputs, Statement, Touched};

/// What a command does, as far as its class says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes definitions.
    Define,
    /// It begins, ends or marks a transaction.
    Transaction,
    /// The rest.
    Utility,
}

/// A statement without rows.
pub(super) fn statement(class: Class, command: &'static str) -> Statement {
    Statement {
        kind: Kind { class, command },
        restriction: None,
        rows: None,
        outputs: Outputs::None,
        copy: None,
        names: Vec::new(),
        changes_catalog: class == Class::Define,
        foreseen: Foreseen::No,
        touched: Touched::Anything,
        naming: Naming::Keeps,
        doubted: false,
        keeps: false,
        sets_strings: false,
        inner: Vec::new(),
    }
}

pub(super) fn of(effect: Effect, command: &'static str) -> Statement {
    let class = match effect {
        Effect::Define => Class::Define,
        Effect::Transaction => Class::Transaction,
        Effect::Utility => Class::Utility,
    };
    statement(class, command)
}

pub(super) fn session(command: &'static str) -> Statement {
    statement(Class::Session, command)
}

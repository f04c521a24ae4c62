//! The third line of defence: PostgreSQL's own privileges, statement by statement.
//!
//! Where a database has a limited role, a session for which columns are protected lives under it, and
//! it cannot read them. Only a request that was judged to use a protected column runs under the role
//! that logged in: the switch goes upstream before it and the way back directly after it, in the same
//! transaction, so that an error or ROLLBACK undoes both. A wrong analysis then meets "permission
//! denied".
//!
//! Clients reach neither switch: SET ROLE and its like are opaque where something is protected. What
//! gives a session its first role back (DISCARD ALL, RESET SESSION AUTHORIZATION) is followed by a
//! switch to the limited one.

use policy::Plan;
use sql::analysis::{Class, CopyDirection, Statement};
use wire::upstream::TxStatus;

use super::pipeline::Step;
use super::replies::Kept;
use super::upstream::Role;
use super::{Refusal, Session};
use crate::error::SessionError;

/// What a request needs of the session's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// It runs under the role that the session has.
    Stay,
    /// It runs under the role that logged in.
    Login,
    /// The limited one, which a request before it may have changed; it may change it itself.
    Return {
        /// It may.
        touches: bool,
    },
}

/// A switch that is under way.
#[derive(Debug)]
pub(crate) struct Switch {
    to: Role,
    failed: bool,
}

impl Session {
    /// What a request needs of the session's role. None where that cannot be had: of several
    /// statements one could end the transaction in which the way back would stand.
    pub(super) fn duty(&self, plan: &Plan) -> Result<Duty, Refusal> {
        if !self.limited {
            return Ok(Duty::Stay);
        }
        let duty = self.duty_when_limited(plan);
        duty.inspect_err(|_| plan.give_back())
    }

    fn duty_when_limited(&self, plan: &Plan) -> Result<Duty, Refusal> {
        let statements = &plan.analysis().statements;
        if statements.iter().any(changes_roles) {
            return Err(Refusal::of(&policy::Denial {
                hint: Some("Ask someone for whom nothing is protected to do it.".into()),
                ..self.own_denial("the limited role of this session would be another afterwards")
            }));
        }
        if plan.needs_login_role() {
            return match statements.as_slice() {
                [one] if !reads_copy(one) => Ok(Duty::Login),
                [_] => Ok(Duty::Stay),
                _ => Err(Refusal::of(&policy::Denial {
                    hint: Some("Send that statement alone.".into()),
                    ..self.own_denial(
                        "one of several statements uses a protected column, and the role that may \
                         read it is given to single statements only",
                    )
                })),
            };
        }
        let touches = statements.iter().any(touches_role);
        if touches && statements.iter().any(reads_copy) {
            return Err(Refusal::of(&policy::Denial {
                hint: Some("Send COPY alone.".into()),
                ..self.own_denial(
                    "the session's role is set anew after what changes settings, and the data that \
                     COPY reads would come in between",
                )
            }));
        }
        Ok(if touches || self.role_unsure.get() {
            Duty::Return { touches }
        } else {
            Duty::Stay
        })
    }

    /// What goes before a request.
    pub(super) fn before(&self, duty: Duty, step: Step) {
        match duty {
            Duty::Login => self.switch(Role::Login, step),
            Duty::Return { .. } if self.role_unsure.get() => {
                let settled = self.transaction.status() == TxStatus::Idle;
                let settled = settled && self.pipeline.borrow().is_empty();
                self.switch(Role::Limited, step);
                if settled {
                    self.role_unsure.set(false);
                }
            }
            Duty::Stay | Duty::Return { .. } => {}
        }
    }

    /// What goes after it.
    pub(super) fn after(&self, duty: Duty, step: Step) {
        match duty {
            Duty::Stay | Duty::Return { touches: false } => {}
            Duty::Login => self.switch(Role::Limited, step),
            Duty::Return { touches: true } => {
                self.role_unsure.set(true);
                self.switch(Role::Limited, step);
            }
        }
    }

    fn switch(&self, to: Role, step: Step) {
        let Some(text) = self.database.role_switch(to) else {
            return;
        };
        let mut pipeline = self.pipeline.borrow_mut();
        let mut owe = |step| pipeline.push(step, Kept::Role(Switch { to, failed: false }));
        if step == Step::Query {
            self.upstream.switch_role(text);
            owe(Step::Query);
        } else {
            self.upstream.switch_role_extended(text);
            for step in [
                Step::Close,
                Step::Parse,
                Step::Bind,
                Step::Execute,
                Step::Close,
                Step::Close,
            ] {
                owe(step);
            }
        }
    }
}

impl Switch {
    /// The upstream did not do it.
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    /// A switch is over. One to the limited role that failed leaves the session under the other,
    /// unless its transaction has failed, which undoes the switch before it.
    pub(super) fn check(&self, status: TxStatus) -> Result<(), SessionError> {
        let back = self.to == Role::Limited;
        if self.failed && back && status != TxStatus::Failed {
            return Err(SessionError::refused_with(
                "57P01",
                "terminating connection: the session could not go back to its limited role",
                "Connect again.",
            ));
        }
        Ok(())
    }
}

/// COPY data of the client's would follow a switch that stands behind it.
pub(super) fn reads_copy(statement: &Statement) -> bool {
    let copy = statement.copy.as_ref();
    copy.is_some_and(|copy| copy.direction == CopyDirection::FromClient)
}

/// True for what may change what the limited role owns or may do.
fn changes_roles(statement: &Statement) -> bool {
    matches!(
        statement.kind.command,
        "grant" | "revoke" | "drop owned" | "reassign owned" | "alter default privileges"
    )
}

/// True for what may give the session another role: SET and RESET of it, DISCARD ALL.
fn touches_role(statement: &Statement) -> bool {
    let kind = statement.kind;
    kind.class == Class::Session && matches!(kind.command, "set" | "reset" | "discard")
}

//! Builders for the answers of a policy. Every default is a denial.

use std::time::Duration;

use crate::{
    Column, Decision, Denial, DerivedRule, Effect, FilterRule, Hold, Mask, Protection, Recording,
    Reuse, SessionDecision,
};

impl Decision {
    /// The request may run, as far as this policy is concerned. Decided anew each time, unless
    /// [`reuse`](Decision::reuse) says otherwise.
    #[must_use]
    pub fn allow() -> Self {
        Self::of(Effect::Allow)
    }

    /// The request is refused.
    pub fn deny(denial: impl Into<Denial>) -> Self {
        Self::of(Effect::Deny(denial.into()))
    }

    /// The request waits for approval.
    #[must_use]
    pub fn hold(hold: Hold) -> Self {
        Self::of(Effect::Hold(hold))
    }

    /// This effect; no protections, recording of the statement, no reuse, no note.
    #[must_use]
    pub fn of(effect: Effect) -> Self {
        Decision {
            effect,
            protections: Vec::new(),
            recording: Recording::Statement,
            reuse: Reuse::Once,
            note: String::new(),
        }
    }

    /// Protects a column in this request, beside what is protected in the session.
    #[must_use]
    pub fn protect(mut self, protection: Protection) -> Self {
        self.protections.push(protection);
        self
    }

    /// How much of the request the trail keeps.
    #[must_use]
    pub fn recording(mut self, recording: Recording) -> Self {
        self.recording = recording;
        self
    }

    /// How far the decision may be reused. `Shape` is right where the policy looks at neither
    /// [`Facts::text`](crate::Facts::text) nor [`Facts::parameters`](crate::Facts::parameters),
    /// `Text` where it does not look at the parameters. Neither is right where it looks at a
    /// clock.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// A note for the trail.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// True where the request is refused.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.effect, Effect::Deny(_))
    }
}

impl Default for Decision {
    fn default() -> Self {
        Decision::deny("the policy did not decide")
    }
}

impl SessionDecision {
    /// The session may open.
    #[must_use]
    pub fn allow() -> Self {
        SessionDecision {
            effect: Effect::Allow,
            protections: Vec::new(),
            trusted: Vec::new(),
        }
    }

    /// The session is refused.
    pub fn deny(denial: impl Into<Denial>) -> Self {
        SessionDecision {
            effect: Effect::Deny(denial.into()),
            protections: Vec::new(),
            trusted: Vec::new(),
        }
    }

    /// Protects a column for every request of the session.
    #[must_use]
    pub fn protect(mut self, protection: Protection) -> Self {
        self.protections.push(protection);
        self
    }

    /// Lets a function or relation pass although its effect cannot be known.
    #[must_use]
    pub fn trust(mut self, name: impl Into<String>) -> Self {
        self.trusted.push(name.into());
        self
    }

    /// True where the session is refused.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.effect, Effect::Deny(_))
    }
}

impl Default for SessionDecision {
    fn default() -> Self {
        SessionDecision::deny("the policy did not decide")
    }
}

impl Denial {
    /// A denial for this reason, one sentence for the client.
    pub fn new(reason: impl Into<String>) -> Self {
        Denial {
            reason: reason.into(),
            hint: String::new(),
        }
    }

    /// Says what would be allowed instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl From<&str> for Denial {
    fn from(reason: &str) -> Self {
        Denial::new(reason)
    }
}

impl From<String> for Denial {
    fn from(reason: String) -> Self {
        Denial::new(reason)
    }
}

impl Hold {
    /// A request that one member of these groups must approve within a quarter of an hour.
    pub fn new<G: Into<String>>(
        reason: impl Into<String>,
        approvers: impl IntoIterator<Item = G>,
    ) -> Self {
        Hold {
            reason: reason.into(),
            approvers: approvers.into_iter().map(Into::into).collect(),
            approvals: 1,
            ttl_seconds: 15 * 60,
        }
    }

    /// How many different approvers are needed.
    #[must_use]
    pub fn approvals(mut self, approvals: u32) -> Self {
        self.approvals = approvals;
        self
    }

    /// When it expires.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl_seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        self
    }
}

impl Protection {
    /// Masks this column; expressions, copies and filters over it are refused.
    #[must_use]
    pub fn new(column: &Column, mask: Mask) -> Self {
        Protection {
            relation_oid: column.relation_oid,
            attribute: column.attribute,
            mask,
            derived: DerivedRule::Deny,
            filter: FilterRule::Deny,
        }
    }

    /// What expressions over the column, its whole row and copies of it get.
    #[must_use]
    pub fn derived(mut self, rule: DerivedRule) -> Self {
        self.derived = rule;
        self
    }

    /// What filters, joins, orders and groups over the column get.
    #[must_use]
    pub fn filter(mut self, rule: FilterRule) -> Self {
        self.filter = rule;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_answers_are_denials() {
        assert!(Decision::default().is_denied());
        assert!(SessionDecision::default().is_denied());
        assert_eq!(Decision::default().reuse, Reuse::Once);
    }

    #[test]
    fn a_hold_longer_than_seconds_count_is_cut() {
        let hold = Hold::new("why", ["dba"]).ttl(Duration::MAX).approvals(2);
        assert_eq!((hold.ttl_seconds, hold.approvals), (u32::MAX, 2));
    }

    #[test]
    fn a_protection_refuses_what_it_does_not_mention() {
        let protection = Protection::new(&Column::new("public.t.c", "text"), Mask::Null);
        assert_eq!(protection.derived, DerivedRule::Deny);
        assert_eq!(protection.filter, FilterRule::Deny);
    }
}

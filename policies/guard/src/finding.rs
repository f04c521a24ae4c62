//! What was found about a statement, and how findings combine.

use std::time::Duration;

use serde::Deserialize;
use sluice_sdk::{Denial, Effect, Hold};

/// What to do with a statement, the stricter the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// Let it pass.
    Allow,
    /// Wait for approval.
    Hold,
    /// Refuse it.
    Deny,
}

/// Who may release a hold, how many are needed, and until when.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) approvers: Vec<String>,
    pub(crate) approvals: u32,
    pub(crate) ttl: Duration,
}

/// What was found about a statement or a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    action: Action,
    reason: String,
    hint: String,
    /// Which rule or switch found it, for the trail.
    pub(crate) note: String,
    terms: Terms,
}

impl Finding {
    /// Nothing to object to.
    pub(crate) fn allowed() -> Self {
        Finding {
            action: Action::Allow,
            reason: String::new(),
            hint: String::new(),
            note: String::new(),
            terms: Terms::default(),
        }
    }

    /// A finding of this rule or switch.
    pub(crate) fn new(action: Action, reason: String, note: String, terms: &Terms) -> Self {
        Finding {
            action,
            reason,
            hint: String::new(),
            note,
            terms: terms.clone(),
        }
    }

    /// With what would be allowed instead.
    pub(crate) fn hint(mut self, hint: String) -> Self {
        self.hint = hint;
        self
    }

    /// True where the statement or request is refused.
    pub(crate) fn is_denied(&self) -> bool {
        self.action == Action::Deny
    }

    /// True where there is nothing to object to.
    pub(crate) fn is_allowed(&self) -> bool {
        self.action == Action::Allow
    }

    /// The stricter of two findings about one statement; the first of equals.
    pub(crate) fn stricter(self, other: Finding) -> Self {
        if other.action > self.action {
            other
        } else {
            self
        }
    }

    /// The findings about two statements of one request. Two holds need both approvals.
    pub(crate) fn and(self, other: Finding) -> Self {
        if (self.action, other.action) != (Action::Hold, Action::Hold) {
            return self.stricter(other);
        }
        if self.terms.approvers != other.terms.approvers {
            return self.apart(&other);
        }
        let reason = if self.reason == other.reason {
            self.reason
        } else {
            format!("{}; {}", self.reason, other.reason)
        };
        Finding {
            reason,
            terms: Terms {
                approvals: self.terms.approvals.max(other.terms.approvals),
                ttl: self.terms.ttl.min(other.terms.ttl),
                approvers: self.terms.approvers,
            },
            ..self
        }
    }

    /// One request cannot wait for two different sets of approvers.
    fn apart(self, other: &Finding) -> Self {
        Finding {
            action: Action::Deny,
            reason: format!(
                "statements of one request need the approval of different groups: {}; {}",
                self.reason, other.reason
            ),
            hint: "Send the statements one at a time.".to_owned(),
            ..self
        }
    }

    /// The answer to the gateway.
    pub(crate) fn into_effect(self) -> Effect {
        match self.action {
            Action::Allow => Effect::Allow,
            Action::Deny => Effect::Deny(Denial::new(self.reason).hint(self.hint)),
            Action::Hold => {
                let hold = Hold::new(self.reason, self.terms.approvers);
                Effect::Hold(hold.approvals(self.terms.approvals).ttl(self.terms.ttl))
            }
        }
    }
}

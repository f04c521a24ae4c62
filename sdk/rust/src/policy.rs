//! What an author writes.

use crate::{Decision, Facts, ResultColumn, SessionDecision, Values};

/// A policy. What it does not answer is denied.
pub trait Policy: Sized {
    /// Makes the policy from its settings, JSON text; see [`settings::parse`](crate::settings::parse).
    ///
    /// # Errors
    /// In words for the operator: which setting is wrong and what would be right.
    fn configure(settings: &str) -> Result<Self, String>;

    /// May this identity open this database, and which columns are protected from it?
    fn session(&self, _facts: &Facts) -> SessionDecision {
        SessionDecision::deny("this policy admits no session")
    }

    /// May this request run?
    fn decide(&self, _facts: &Facts) -> Decision {
        Decision::deny("this policy allows no request")
    }
}

/// A policy that replaces values itself: those of columns that it protects by
/// [`Mask::Custom`](crate::Mask::Custom).
pub trait Transform: Policy {
    /// Replaces the values of one column of some rows. The facts may not say whose they are: what
    /// depends on the identity is best decided by the protection in `session`.
    ///
    /// # Errors
    /// The rows are then withheld, never shown as they are. The gateway does not repeat the words,
    /// as they could carry a value.
    fn transform(
        &self,
        facts: &Facts,
        column: &ResultColumn,
        values: Values,
    ) -> Result<Values, String>;
}

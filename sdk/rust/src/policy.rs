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
    /// Replaces the values of one column of some rows.
    ///
    /// # Errors
    /// In words for the trail. The rows are then withheld, never shown as they are.
    fn transform(
        &self,
        facts: &Facts,
        column: &ResultColumn,
        values: Values,
    ) -> Result<Values, String>;
}

//! What an author writes.

use crate::{Decision, Facts, OutputColumn, ResultColumn, SessionDecision, Values};

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

/// A policy that looks at the values of results, whatever columns they come from.
pub trait Inspect: Policy {
    /// Whether the results of this session are looked at: a text that tells the other functions how,
    /// or none where they are not. Asked when the session opens, as [`Policy::session`] is.
    fn scope(&self, facts: &Facts) -> Option<String>;

    /// True for a column whose values are looked at.
    fn covers(&self, scope: &str, column: &OutputColumn) -> bool;

    /// Looks at the values of one column of some rows.
    ///
    /// # Errors
    /// The rows are then withheld. The gateway does not repeat the words, as they could carry a value.
    fn inspect(
        &self,
        scope: &str,
        column: &OutputColumn,
        values: Values,
    ) -> Result<Inspected, String>;
}

/// What was seen in one column of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspected {
    /// The values to send, as many as there were; none where all stay as they are.
    pub values: Option<Values>,
    /// What was found, for the trail.
    pub found: Vec<Found>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind, in kebab case: never part of a value.
    pub kind: String,
    /// How often.
    pub count: u32,
    /// True where it was replaced.
    pub replaced: bool,
}

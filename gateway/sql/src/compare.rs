//! The second reader: where it reads something else, nothing is certain.

use crate::analysis::{Analysis, Opaque};
use crate::parse::pg;

/// Where the second reader differs from the first; none where it agrees or cannot read the text.
pub(crate) fn difference(
    _text: &str,
    _statements: &[pg::RawStmt],
    _analysis: &Analysis,
) -> Option<Opaque> {
    None
}

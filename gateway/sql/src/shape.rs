//! Keys under which texts that differ in plain literals only are the same.

/// What is left of a text when its plain literals are folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The text with a marker in place of every plain literal.
    pub key: Box<str>,
}

/// The shape of a text; none where the text itself must be the key.
pub fn shape(_text: &str) -> Option<Shape> {
    None
}

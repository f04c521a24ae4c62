//! Texts of prepared statements: one copy for all sessions of a thread, and one on the record.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;

use super::redact::redact;

/// Bytes of text that are remembered.
const MOST_BYTES: usize = 4 << 20;

/// A text, and how the record has it.
#[derive(Debug)]
pub(crate) struct Wording {
    /// The text.
    pub(crate) text: Arc<str>,
    /// The text as the trail refers to it.
    pub(crate) recorded: trail::Text,
}

/// The texts that were prepared of late. It forgets all of them when it is full.
#[derive(Debug, Default)]
pub(crate) struct Wordings {
    known: HashMap<Arc<str>, Rc<Wording>>,
    bytes: usize,
}

impl Wordings {
    /// The wording of a text.
    pub(crate) fn of(&mut self, text: &str) -> Rc<Wording> {
        if let Some(known) = self.known.get(text) {
            return Rc::clone(known);
        }
        let wording = Rc::new(Wording::new(text));
        if self.bytes + text.len() > MOST_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        if text.len() <= MOST_BYTES {
            self.bytes += text.len();
            self.known
                .insert(Arc::clone(&wording.text), Rc::clone(&wording));
        }
        wording
    }
}

impl Wording {
    fn new(text: &str) -> Self {
        let recorded = redact(text);
        let text: Arc<str> = text.into();
        let recorded = match recorded {
            Cow::Borrowed(_) => trail::Text::new(Arc::clone(&text)),
            Cow::Owned(redacted) => trail::Text::new(redacted),
        };
        Self { text, recorded }
    }
}

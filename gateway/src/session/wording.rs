//! Texts of prepared statements and of masks: one copy for all sessions of a thread, and one on the
//! record.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;
use policy::KnownText;

use super::redact::redact;

/// Bytes that are remembered, each text with what stands beside it.
const MOST_BYTES: usize = 16 << 20;
/// The longest description that is remembered beside a text.
const MOST_SHARED: usize = 4 << 10;

/// A text, and how the record has it.
#[derive(Debug)]
pub(crate) struct Wording {
    /// The text, with the verdicts found for it.
    pub(crate) known: KnownText,
    /// The text as the trail refers to it.
    pub(crate) recorded: trail::Text,
    /// The RowDescription that came last for it.
    pub(crate) rows: Shared,
}

/// A message that comes again and again, kept once.
#[derive(Debug, Default)]
pub(crate) struct Shared(RefCell<Option<Rc<[u8]>>>);

impl Shared {
    /// The message as it is kept.
    pub(crate) fn of(&self, message: &[u8]) -> Rc<[u8]> {
        let mut last = self.0.borrow_mut();
        match &*last {
            Some(last) if **last == *message => Rc::clone(last),
            Some(_) | None => {
                let message: Rc<[u8]> = message.into();
                *last = (message.len() <= MOST_SHARED).then(|| Rc::clone(&message));
                message
            }
        }
    }
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
        // The text, the text as it is recorded, and a description.
        let bytes = 2 * text.len() + MOST_SHARED;
        if self.bytes + bytes > MOST_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        if bytes <= MOST_BYTES {
            self.bytes += bytes;
            self.known
                .insert(Arc::clone(wording.known.text()), Rc::clone(&wording));
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
        Self {
            known: KnownText::new(text),
            recorded,
            rows: Shared::default(),
        }
    }
}

//! Texts that were read before, and what they would do: one such memory a core.

use std::sync::Arc;

use hashbrown::HashMap;
use sql::analysis::Analysis;

/// Bytes that are remembered, texts and analyses together.
const MOST_BYTES: usize = 64 << 20;

/// Analyses by text. It forgets everything when it is full or the catalog has changed, which is
/// simple, bounded, and cheap as texts come again.
#[derive(Debug, Default)]
pub(crate) struct Analyses {
    known: HashMap<Arc<str>, (u64, Arc<Analysis>)>,
    bytes: usize,
}

impl Analyses {
    /// The analysis of a text under a version of the catalog.
    pub(crate) fn get(&self, text: &str, version: u64) -> Option<Arc<Analysis>> {
        let (known, analysis) = self.known.get(text)?;
        (*known == version).then(|| Arc::clone(analysis))
    }

    /// Remembers an analysis.
    pub(crate) fn keep(&mut self, text: &Arc<str>, version: u64, analysis: &Arc<Analysis>) {
        let bytes = text.len() + analysis.weight();
        if self.bytes + bytes > MOST_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        // What takes another's place counts as if both were there.
        self.bytes += bytes;
        self.known
            .insert(Arc::clone(text), (version, Arc::clone(analysis)));
    }
}

//! Verdicts that may be used again, bounded by bytes.

use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::hold::Demand;
use crate::plan::{Note, Plan};
use crate::verdict::Denial;

/// A verdict without the request it was given for.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Allow(Arc<Plan>),
    Deny(Denial),
    Hold(Arc<[Demand]>, std::time::Duration, Arc<[Note]>),
}

/// What a verdict is kept under. The class stands for generation, catalog and session facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    pub(crate) class: u64,
    pub(crate) executing: bool,
    /// The text, or its shape.
    pub(crate) text: &'a [u8],
}

struct Slot {
    class: u64,
    executing: bool,
    text: Box<[u8]>,
    kept: Kept,
    bytes: usize,
}

impl Slot {
    fn key(&self) -> Key<'_> {
        Key {
            class: self.class,
            executing: self.executing,
            text: &self.text,
        }
    }
}

/// Kept verdicts in two halves: what is found in the old one moves to the young one, and when the
/// young one is full, the old one is forgotten and they change places. So what is asked for often
/// stays, at the cost of one probe and no bookkeeping.
pub(crate) struct VerdictCache {
    young: HashTable<Slot>,
    young_bytes: usize,
    old: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    half: usize,
}

impl VerdictCache {
    /// Keeps at most about so many bytes.
    pub(crate) fn new(bytes: usize) -> VerdictCache {
        VerdictCache {
            young: HashTable::new(),
            young_bytes: 0,
            old: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            half: bytes / 2,
        }
    }

    /// The verdict kept under the key.
    pub(crate) fn get(&mut self, key: Key<'_>) -> Option<Kept> {
        let hash = self.hasher.hash_one(key);
        if let Some(slot) = self.young.find(hash, |slot| slot.key() == key) {
            return Some(slot.kept.clone());
        }
        let slot = self
            .old
            .find_entry(hash, |slot| slot.key() == key)
            .ok()?
            .remove()
            .0;
        let kept = slot.kept.clone();
        self.insert(hash, slot);
        Some(kept)
    }

    /// Keeps a verdict; `weight` is about how many bytes it holds besides the text.
    pub(crate) fn keep(&mut self, key: Key<'_>, kept: Kept, weight: usize) {
        let bytes = size_of::<Slot>() + key.text.len() + weight;
        if bytes > self.half {
            return;
        }
        let hash = self.hasher.hash_one(key);
        if let Ok(known) = self.young.find_entry(hash, |slot| slot.key() == key) {
            self.young_bytes -= known.remove().0.bytes;
        }
        let Key {
            class,
            executing,
            text,
        } = key;
        self.insert(
            hash,
            Slot {
                class,
                executing,
                text: text.into(),
                kept,
                bytes,
            },
        );
    }

    /// Forgets everything and gives back what it held, to be dropped elsewhere.
    pub(crate) fn clear(&mut self) -> impl Send + 'static {
        self.young_bytes = 0;
        (mem::take(&mut self.young), mem::take(&mut self.old))
    }

    fn insert(&mut self, hash: u64, slot: Slot) {
        if self.young_bytes + slot.bytes > self.half {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += slot.bytes;
        let hasher = &self.hasher;
        self.young
            .insert_unique(hash, slot, |slot| hasher.hash_one(slot.key()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Key, VerdictCache};
    use std::time::Duration;

    fn kept() -> Kept {
        Kept::Hold([].into(), Duration::ZERO, [].into())
    }

    fn key(class: u64, text: &str) -> Key<'_> {
        Key {
            class,
            executing: true,
            text: text.as_bytes(),
        }
    }

    #[test]
    fn a_verdict_is_found_only_under_its_whole_key() {
        let mut cache = VerdictCache::new(1 << 20);
        cache.keep(key(1, "select 1"), kept(), 100);
        assert!(cache.get(key(1, "select 1")).is_some());
        assert!(cache.get(key(2, "select 1")).is_none());
        assert!(cache.get(key(1, "select 2")).is_none());
        assert!(
            cache
                .get(Key {
                    executing: false,
                    ..key(1, "select 1")
                })
                .is_none()
        );
    }

    #[test]
    fn what_is_asked_for_stays_and_the_bytes_stay_bounded() {
        let mut cache = VerdictCache::new(20_000);
        cache.keep(key(1, "often"), kept(), 100);
        for number in 0..10_000 {
            assert!(
                cache.get(key(1, "often")).is_some(),
                "after {number} others"
            );
            cache.keep(key(1, &format!("select {number}")), kept(), 100);
            assert!(cache.young_bytes <= 10_000);
        }
        assert!(cache.young.len() + cache.old.len() < 200);
        assert!(cache.get(key(1, "select 1")).is_none());
    }

    #[test]
    fn what_would_fill_the_cache_alone_is_not_kept() {
        let mut cache = VerdictCache::new(20_000);
        cache.keep(key(1, "large"), kept(), 1 << 20);
        assert!(cache.get(key(1, "large")).is_none());
    }
}

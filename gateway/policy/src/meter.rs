//! What the calls of a policy take, where the engine counts it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bindings::{inspect, types};

/// The hooks of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// It gets its settings.
    Configure,
    /// A session begins.
    Session,
    /// A request is judged.
    Decide,
    /// Values are transformed.
    Batch,
    /// Results are looked at.
    Inspect,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Hook; 5] = [
        Hook::Configure,
        Hook::Session,
        Hook::Decide,
        Hook::Batch,
        Hook::Inspect,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Hook::Configure => "configure",
            Hook::Session => "session",
            Hook::Decide => "decide",
            Hook::Batch => "batch",
            Hook::Inspect => "inspect",
        }
    }
}

/// The most that a policy took of each thing; zeros where the engine does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    fuel: [u64; Hook::ALL.len()],
    /// Linear memory of an instance, in bytes.
    pub memory_bytes: u64,
    /// What one call answered, in bytes, as the limit counts them.
    pub answer_bytes: u64,
}

impl Peaks {
    /// Instructions of one call of this hook.
    pub fn fuel(&self, hook: Hook) -> u64 {
        self.fuel[hook as usize]
    }

    /// The larger of each.
    #[must_use]
    pub fn join(mut self, other: Peaks) -> Peaks {
        for (fuel, others) in self.fuel.iter_mut().zip(other.fuel) {
            *fuel = others.max(*fuel);
        }
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.answer_bytes = self.answer_bytes.max(other.answer_bytes);
        self
    }
}

/// Peaks as they rise; shared by every judge.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    fuel: [AtomicU64; Hook::ALL.len()],
    memory: AtomicU64,
    answer: AtomicU64,
}

impl Meter {
    /// Notes what a call took, and how large its instance is.
    pub(crate) fn note(&self, hook: Hook, fuel: u64, memory: usize, answer: usize) {
        self.fuel[hook as usize].fetch_max(fuel, Ordering::Relaxed);
        self.memory.fetch_max(memory as u64, Ordering::Relaxed);
        self.answer.fetch_max(answer as u64, Ordering::Relaxed);
    }

    pub(crate) fn peaks(&self) -> Peaks {
        Peaks {
            fuel: self
                .fuel
                .each_ref()
                .map(|fuel| fuel.load(Ordering::Relaxed)),
            memory_bytes: self.memory.load(Ordering::Relaxed),
            answer_bytes: self.answer.load(Ordering::Relaxed),
        }
    }
}

/// What a hook answers.
pub(crate) trait Answer {
    /// Its size as the limit of answers counts it: texts by their bytes, lists by their elements here.
    fn bytes(&self) -> usize;
}

impl Answer for Result<(), String> {
    fn bytes(&self) -> usize {
        self.as_ref().err().map_or(0, String::len)
    }
}

impl Answer for types::SessionDecision {
    fn bytes(&self) -> usize {
        let trusted = self.trusted.iter().map(String::len).sum::<usize>();
        effect(&self.effect)
            + protections(&self.protections)
            + size_of_val(&*self.trusted)
            + trusted
    }
}

impl Answer for types::Decision {
    fn bytes(&self) -> usize {
        effect(&self.effect) + protections(&self.protections) + self.note.len()
    }
}

impl Answer for Result<Vec<types::Chunk>, String> {
    fn bytes(&self) -> usize {
        match self {
            Ok(chunks) => size_of_val(&**chunks) + chunks.iter().map(chunk).sum::<usize>(),
            Err(words) => words.len(),
        }
    }
}

impl Answer for Option<String> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, String::len)
    }
}

impl Answer for Vec<u32> {
    fn bytes(&self) -> usize {
        size_of_val(&**self)
    }
}

impl Answer for Result<inspect::Inspected, String> {
    fn bytes(&self) -> usize {
        match self {
            Ok(inspected) => {
                let chunks = inspected.chunks.iter().flatten().map(chunk).sum::<usize>();
                let kinds = inspected.findings.iter().map(|one| one.kind.len());
                size_of_val(&*inspected.chunks)
                    + chunks
                    + size_of_val(&*inspected.findings)
                    + kinds.sum::<usize>()
            }
            Err(words) => words.len(),
        }
    }
}

fn chunk(chunk: &types::Chunk) -> usize {
    size_of_val(&*chunk.offsets) + chunk.nulls.len() + chunk.data.len()
}

fn effect(effect: &types::Effect) -> usize {
    match effect {
        types::Effect::Allow => 0,
        types::Effect::Deny(denial) => denial.reason.len() + denial.hint.len(),
        types::Effect::Hold(hold) => {
            let approvers = hold.approvers.iter().map(String::len).sum::<usize>();
            hold.reason.len() + size_of_val(&*hold.approvers) + approvers
        }
    }
}

fn protections(protections: &[types::Protection]) -> usize {
    let text = |protection: &types::Protection| match &protection.mask {
        types::Mask::Fixed(text) | types::Mask::KeyedHash(text) => text.len(),
        types::Mask::Null
        | types::Mask::KeepFirst(_)
        | types::Mask::KeepLast(_)
        | types::Mask::Custom => 0,
    };
    size_of_val(protections) + protections.iter().map(text).sum::<usize>()
}

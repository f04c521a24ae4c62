//! The policies in force: made aside, replaced whole.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use sql::catalog::Catalog;

use crate::breaker::Breaker;
use crate::component::Compiled;
use crate::config::{Grant, Keys, MODULE_BYTES, Mode, PolicyConfig, PolicyLimits};
use crate::engine::Engine;
use crate::error::LoadError;
use crate::files;
use crate::judge::{AskedAbout, Ready, ready};
use crate::ledger::{Ledger, Ledgers};
use crate::load::{self, Known};
use crate::meter::{Meter, Peaks};
use crate::session::SessionFacts;
use crate::shadow::{Shadow, ShadowStatus};
use crate::tables::Tables;
use crate::verdict::Failure;

/// Counts the sets that took effect, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The one that a gateway begins with.
    pub(crate) const FIRST: Generation = Generation(1);

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// So much of a file is read at once.
const READ_BYTES: usize = 256 << 10;

/// The SHA-256 of a module's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of a file, which is not held in memory: modules are large.
    ///
    /// # Errors
    /// It is none, is larger than any file that policies are made of, or cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Digest> {
        let file = files::open(path, MODULE_BYTES)?.take(MODULE_BYTES);
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        let mut sha = Sha256::new();
        io::copy(&mut file, &mut sha)?;
        Ok(Digest(sha.finalize().into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hex digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One policy of a set, as the trail names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDigest {
    /// Its name.
    pub name: Arc<str>,
    /// Its module.
    pub digest: Digest,
    /// Whether its verdict counts.
    pub mode: Mode,
}

/// The policies of one generation, in order.
pub struct PolicySet {
    generation: Generation,
    policies: Vec<Arc<Policy>>,
    digests: Arc<[PolicyDigest]>,
    keys: Keys,
    engine: Engine,
    /// What judges begin it with, one each.
    ready: Mutex<Vec<Ready>>,
}

impl PolicySet {
    pub(crate) fn new(
        generation: Generation,
        policies: Vec<Arc<Policy>>,
        keys: Keys,
        engine: Engine,
    ) -> PolicySet {
        let digests = policies.iter().map(|policy| policy.as_digest()).collect();
        PolicySet {
            generation,
            policies,
            digests,
            keys,
            engine,
            ready: Mutex::default(),
        }
    }

    /// What a judge begins the set with; empty where nothing is ready.
    pub(crate) fn take_ready(&self) -> Ready {
        lock(&self.ready).pop().unwrap_or_default()
    }

    /// Which generation this is.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Names, modules and modes, in order.
    pub fn digests(&self) -> &Arc<[PolicyDigest]> {
        &self.digests
    }

    pub(crate) fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The modules, those of shadows among them.
    pub(crate) fn modules(&self) -> impl Iterator<Item = Arc<Compiled>> {
        let shadows = self.policies.iter().filter_map(|one| one.shadow.as_ref());
        let policies = self.policies.iter().chain(shadows.map(|one| &one.policy));
        policies.map(|policy| Arc::clone(&policy.compiled))
    }

    /// The policies that run, with their places.
    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &Arc<Policy>)> {
        self.policies
            .iter()
            .enumerate()
            .filter(|(_, policy)| policy.mode != Mode::Off)
    }

    /// True where at least one policy's verdict counts.
    pub(crate) fn enforces(&self) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.mode == Mode::Enforce)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("generation", &self.generation)
            .field("policies", &self.digests)
            .finish_non_exhaustive()
    }
}

/// One policy of a set.
pub(crate) struct Policy {
    pub(crate) name: Arc<str>,
    pub(crate) mode: Mode,
    pub(crate) limits: PolicyLimits,
    /// The settings as JSON text.
    pub(crate) settings: Arc<str>,
    pub(crate) compiled: Arc<Compiled>,
    /// What it may use beside `facts`.
    pub(crate) grants: Vec<Grant>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) keys: Keys,
    pub(crate) tables: Tables,
    pub(crate) counters: Arc<Counters>,
    /// Who vouches for the module, where that is required.
    pub(crate) signers: Vec<Arc<str>>,
    /// A second version that judges beside it.
    pub(crate) shadow: Option<Shadow>,
}

impl Policy {
    fn as_digest(&self) -> PolicyDigest {
        PolicyDigest {
            name: Arc::clone(&self.name),
            digest: self.compiled.digest(),
            mode: self.mode,
        }
    }
}

/// What a policy has done since its set took effect; counted by every judge.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    starts: AtomicU64,
    failures: [AtomicU64; Failure::ALL.len()],
    breaker: Breaker,
    pub(crate) meter: Meter,
}

impl Counters {
    pub(crate) fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn started(&self) {
        self.starts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, policy: &str, failure: Failure) {
        self.failures[failure as usize].fetch_add(1, Ordering::Relaxed);
        self.breaker.failed(policy, failure);
    }

    /// Failed calls, by kind.
    pub(crate) fn failures(&self) -> Vec<(Failure, u64)> {
        let count = |failure: Failure| {
            let count = self.failures[failure as usize].load(Ordering::Relaxed);
            (failure, count)
        };
        Failure::ALL.into_iter().map(count).collect()
    }
}

/// What outlives a set of policies.
pub(crate) struct Deployment {
    pub(crate) keys: Keys,
    pub(crate) ledgers: Ledgers,
}

/// How many modules that are in force no more stay compiled, so that going back to one takes no time.
const KEPT: usize = 4;

/// The set in force, and the only way to replace it. Shared by all judges.
pub struct Policies {
    engine: Engine,
    /// What every set is made with.
    deployment: Deployment,
    current: Arc<ArcSwap<PolicySet>>,
    /// The modules that were in force, the latest first. Held while a set is made, so that replacements
    /// do not overtake each other.
    replacing: Mutex<Vec<Arc<Compiled>>>,
    /// Never held for long: who asks for the status does not wait for a compiler.
    rejected: Mutex<Option<Rejected>>,
    classes: AtomicU64,
    judges: Arc<AtomicU32>,
    asked: Mutex<AskedAbout>,
}

/// A judge that serves, for as long as it is there.
pub(crate) struct Present(Arc<AtomicU32>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Policies {
    /// Makes the first set. Compiles, so not for a thread that serves.
    pub fn load(
        engine: Engine,
        configs: Vec<PolicyConfig>,
        keys: Keys,
    ) -> Result<Policies, LoadError> {
        let deployment = Deployment {
            keys,
            ledgers: Ledgers::default(),
        };
        let set = load::set(
            &engine,
            &deployment,
            Generation::FIRST,
            &configs,
            Known::default(),
        )?;
        let current = Arc::new(ArcSwap::from_pointee(set));
        Ok(Policies {
            engine,
            deployment,
            current,
            replacing: Mutex::default(),
            rejected: Mutex::default(),
            classes: AtomicU64::new(0),
            judges: Arc::default(),
            asked: Mutex::default(),
        })
    }

    /// Makes a set aside, checks, configures and tries it, makes it ready for the judges, and lets it take
    /// effect whole. Where a step fails, the old set stays. Compiles, so not for a thread that serves.
    pub fn replace(self: &Arc<Self>, configs: Vec<PolicyConfig>) -> Result<Generation, LoadError> {
        self.replace_taken(configs, &HashMap::new())
    }

    /// As `replace`, where digests of modules' files were taken a moment ago: those are large.
    ///
    /// # Errors
    /// As `replace`.
    pub fn replace_taken(
        self: &Arc<Self>,
        configs: Vec<PolicyConfig>,
        digests: &HashMap<PathBuf, Digest>,
    ) -> Result<Generation, LoadError> {
        let mut kept = lock(&self.replacing);
        let old = self.current();
        let generation = Generation(old.generation.0 + 1);
        let (engine, deployment) = (&self.engine, &self.deployment);
        let known = Known::of(&old, &kept, digests);
        match load::set(engine, deployment, generation, &configs, known) {
            Ok(set) => {
                keep(&mut kept, &old, &set);
                let set = Arc::new(set);
                *lock(&set.ready) = ready(self, &set);
                let mut rejected = lock(&self.rejected);
                let old = self.current.swap(set);
                *rejected = None;
                drop(rejected);
                self.engine.discard(Box::new(old));
                Ok(generation)
            }
            Err(error) => {
                *lock(&self.rejected) = Some(Rejected::new(&error));
                Err(error)
            }
        }
    }

    /// Notes that a set could not even be tried, as its configuration cannot be read: the old set
    /// stays.
    pub fn reject(&self, reason: String) {
        let error = LoadError {
            policy: None,
            step: crate::error::Step::Configuration,
            reason,
        };
        *lock(&self.rejected) = Some(Rejected::new(&error));
    }

    /// The set in force.
    pub fn current(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// The set in force as people see it, with the reason why the last attempt to replace it
    /// failed, where it did.
    pub fn status(&self) -> Status {
        // Held, so that a reason never stands beside a set that took effect after it.
        let rejected = lock(&self.rejected);
        let set = self.current();
        Status {
            generation: set.generation,
            policies: set
                .policies
                .iter()
                .map(|policy| PolicyStatus::of(policy))
                .collect(),
            rejected: rejected.clone(),
        }
    }

    pub(crate) fn holder(&self) -> &Arc<ArcSwap<PolicySet>> {
        &self.current
    }

    /// Counts a judge for as long as what it returns lives.
    pub(crate) fn present(&self) -> Present {
        self.judges.fetch_add(1, Ordering::Relaxed);
        Present(Arc::clone(&self.judges))
    }

    /// How many judges serve.
    pub(crate) fn judges(&self) -> u32 {
        self.judges.load(Ordering::Relaxed)
    }

    /// Notes a session that policies were asked about.
    pub(crate) fn note(&self, facts: &Arc<SessionFacts>, catalog: &Arc<Catalog>) {
        lock(&self.asked).note(facts, catalog);
    }

    /// The sessions that policies were asked about last.
    pub(crate) fn asked(&self) -> Vec<(Arc<SessionFacts>, Arc<Catalog>)> {
        lock(&self.asked).sessions()
    }

    /// A number that no class of sessions had before, whichever judge asks.
    pub(crate) fn next_class(&self) -> u64 {
        self.classes.fetch_add(1, Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the modules of the old set that the new one does without.
fn keep(kept: &mut Vec<Arc<Compiled>>, old: &PolicySet, new: &PolicySet) {
    let modules = old.modules().chain(std::mem::take(kept));
    for module in modules.collect::<Vec<_>>() {
        let is_same = |other: &Arc<Compiled>| other.digest() == module.digest();
        if !kept.iter().any(is_same) && !new.modules().any(|other| is_same(&other)) {
            kept.push(module);
        }
    }
    kept.truncate(KEPT);
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

/// The set in force as people see it.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which generation is in force.
    pub generation: Generation,
    /// Its policies, in order.
    pub policies: Vec<PolicyStatus>,
    /// Why the last attempt to replace it failed; none where it did not.
    pub rejected: Option<Rejected>,
}

/// One policy in force as people see it.
#[derive(Clone, Debug)]
pub struct PolicyStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its module.
    pub digest: Digest,
    /// Whether its verdict counts.
    pub mode: Mode,
    /// What it imports beside `facts`.
    pub imports: Vec<Grant>,
    /// True where it transforms values itself.
    pub transforms: bool,
    /// Calls of its hooks.
    pub calls: u64,
    /// Instances started.
    pub starts: u64,
    /// Failed calls, by kind.
    pub failures: Vec<(Failure, u64)>,
    /// Since when it keeps failing; none where it does not.
    pub failing_since: Option<SystemTime>,
    /// The most that it took, where the engine counts.
    pub peaks: Peaks,
    /// Who vouches for the module, where that is required.
    pub signers: Vec<Arc<str>>,
    /// The version that judges beside it.
    pub shadow: Option<ShadowStatus>,
}

impl PolicyStatus {
    fn of(policy: &Policy) -> PolicyStatus {
        PolicyStatus {
            name: Arc::clone(&policy.name),
            digest: policy.compiled.digest(),
            mode: policy.mode,
            imports: policy.compiled.imports().to_vec(),
            transforms: policy.compiled.transforms(),
            calls: policy.counters.calls.load(Ordering::Relaxed),
            starts: policy.counters.starts.load(Ordering::Relaxed),
            failures: policy.counters.failures(),
            failing_since: policy.counters.breaker.open_since(),
            peaks: policy.counters.meter.peaks(),
            signers: policy.signers.clone(),
            shadow: policy.shadow.as_ref().map(Shadow::status),
        }
    }
}

/// A set that did not take effect.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Which policy is at fault, where one is.
    pub policy: Option<String>,
    /// Which step failed.
    pub step: crate::error::Step,
    /// What is wrong, with the guest's own words where it has said some.
    pub reason: String,
    /// When.
    pub at: SystemTime,
}

impl Rejected {
    fn new(error: &LoadError) -> Rejected {
        Rejected {
            policy: error.policy.clone(),
            step: error.step,
            reason: error.reason.clone(),
            at: SystemTime::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lock;
    use crate::fixture::Bench;
    use crate::fixture::guest::Guest;

    #[test]
    fn the_status_does_not_wait_for_a_replacement() {
        let bench = Bench::new();
        let policies = bench.load(vec![bench.policy("p", &Guest::default())]);
        let policies = policies.unwrap();
        let _replacing = lock(&policies.replacing);
        assert_eq!(policies.status().generation.number(), 1);
        policies.reject("unreadable".to_owned());
        assert!(policies.status().rejected.is_some());
    }
}

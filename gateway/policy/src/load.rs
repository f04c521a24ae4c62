//! Makes a set of policies aside: read, compile, check, configure, try.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::component::Compiled;
use crate::config::PolicyConfig;
use crate::engine::Engine;
use crate::error::{LoadError, Step};
use crate::facts::Facts;
use crate::files;
use crate::instance::{Failed, Instance};
use crate::opinion::plain;
use crate::set::{Counters, Deployment, Digest, Generation, Policy, PolicySet};
use crate::shadow::{self, Shadow};
use crate::tables::Tables;
use crate::verdict::Denial;

/// What there is already, and need not be made again.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// Policies of the set in force.
    policies: &'a [Arc<Policy>],
    /// Those of the set that is made.
    made: &'a [Arc<Policy>],
    /// Compiled modules that were in force.
    kept: &'a [Arc<Compiled>],
    /// Digests that were taken a moment ago.
    taken: Option<&'a HashMap<PathBuf, Digest>>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(
        set: &'a PolicySet,
        kept: &'a [Arc<Compiled>],
        taken: &'a HashMap<PathBuf, Digest>,
    ) -> Known<'a> {
        Known {
            policies: set.policies(),
            made: &[],
            kept,
            taken: Some(taken),
        }
    }

    fn digest(self, module: &Path) -> Option<Digest> {
        self.taken?.get(module).copied()
    }

    fn policies(self) -> impl Iterator<Item = &'a Arc<Policy>> {
        self.policies.iter().chain(self.made)
    }

    fn module(self, digest: Digest) -> Option<Arc<Compiled>> {
        let shadows = self.policies().filter_map(|one| one.shadow.as_ref());
        let policies = self.policies().chain(shadows.map(|shadow| &shadow.policy));
        let modules = policies.map(|policy| &policy.compiled).chain(self.kept);
        let mut modules = modules.filter(|module| module.digest() == digest);
        modules.next().map(Arc::clone)
    }
}

/// Makes the set. What is known is not compiled again.
pub(crate) fn set(
    engine: &Engine,
    deployment: &Deployment,
    generation: Generation,
    configs: &[PolicyConfig],
    known: Known<'_>,
) -> Result<PolicySet, LoadError> {
    check_names(configs)?;
    let mut policies: Vec<Arc<Policy>> = Vec::with_capacity(configs.len());
    let before = known;
    for config in configs {
        let known = Known {
            made: &policies,
            ..known
        };
        let made = made(engine, deployment, config, known);
        let made = made.map_err(|error| error.of(&config.name))?;
        let shadow = shadow(engine, deployment, config, &made, known)?;
        let mut before = before.policies();
        let before = before.find(|one| one.name == made.name && is_same(one, &made));
        // Where it is as it was, what is known of its failures stays.
        let counters = before.map_or(&made.counters, |one| &one.counters);
        let counters = Arc::clone(counters);
        policies.push(Arc::new(Policy {
            shadow,
            counters,
            ..made
        }));
    }
    Ok(PolicySet::new(
        generation,
        policies,
        deployment.keys.clone(),
        engine.clone(),
    ))
}

fn check_names(configs: &[PolicyConfig]) -> Result<(), LoadError> {
    let mut names = HashSet::new();
    for config in configs {
        if config.name.is_empty() {
            return Err(LoadError::new(Step::Configuration, "a policy has no name"));
        }
        let breaks = |character: char| character.is_control() || matches!(character, '"' | '\\');
        if config.name.contains(breaks) {
            let reason =
                "a policy's name has no quotation marks, backslashes or control characters";
            return Err(LoadError::new(Step::Configuration, reason));
        }
        if config.name == Denial::GATEWAY {
            let reason = "this name stands for the gateway itself";
            return Err(LoadError::new(Step::Configuration, reason).of(&config.name));
        }
        if !names.insert(config.name.as_str()) {
            let error = LoadError::new(Step::Configuration, "two policies have this name");
            return Err(error.of(&config.name));
        }
    }
    Ok(())
}

/// Makes one policy and tries it, its shadow left aside.
fn made(
    engine: &Engine,
    deployment: &Deployment,
    config: &PolicyConfig,
    known: Known<'_>,
) -> Result<Policy, LoadError> {
    let digest = checked(engine, config, known)?;
    let signers = signers(config, digest)?;
    let compiled = compiled(engine, config, digest, known)?;
    compiled.check_grants(&config.grants)?;
    let policy = Arc::new(policy(engine, deployment, config, compiled)?);
    attempt(engine, &policy)?;
    let policy = Arc::into_inner(policy)
        .ok_or_else(|| LoadError::new(Step::Trial, "an instance of the trial is still there"))?;
    Ok(Policy { signers, ..policy })
}

/// Who vouches for the module; nobody where no signature is required.
fn signers(config: &PolicyConfig, digest: Digest) -> Result<Vec<Arc<str>>, LoadError> {
    let Some(trust) = &config.trust else {
        return Ok(Vec::new());
    };
    let signers = trust.signers(&config.module, digest, &config.grants);
    signers.map_err(|why| LoadError::new(Step::Trust, why))
}

/// Makes the version that judges beside the policy. Where both are as they were, it goes on counting.
fn shadow(
    engine: &Engine,
    deployment: &Deployment,
    config: &PolicyConfig,
    own: &Policy,
    known: Known<'_>,
) -> Result<Option<Shadow>, LoadError> {
    let Some(second) = &config.shadow else {
        return Ok(None);
    };
    let second = PolicyConfig {
        module: second.module.clone(),
        digest: second.digest,
        settings: second.settings.clone(),
        grants: second.grants.clone(),
        limits: shadow::limits(&config.limits),
        shadow: None,
        ..config.clone()
    };
    let named = |error: LoadError| error.of(&format!("{}.shadow", config.name));
    let policy = made(engine, deployment, &second, known).map_err(named)?;
    let before = known
        .policies()
        .find(|one| one.name == own.name && is_same(one, own));
    let before = before.and_then(|one| one.shadow.as_ref());
    let (counters, tally) = match before.filter(|one| is_same(&one.policy, &policy)) {
        Some(before) => (&before.policy.counters, Arc::clone(&before.tally)),
        None => (&policy.counters, Arc::default()),
    };
    let counters = Arc::clone(counters);
    let policy = Arc::new(Policy { counters, ..policy });
    Ok(Some(Shadow { policy, tally }))
}

/// True where both say the same of the same facts.
fn is_same(one: &Policy, other: &Policy) -> bool {
    one.compiled.digest() == other.compiled.digest()
        && one.settings == other.settings
        && one.grants == other.grants
        && one.tables == other.tables
}

/// Reads and compiles the module, unless it is known.
fn compiled(
    engine: &Engine,
    config: &PolicyConfig,
    digest: Digest,
    known: Known<'_>,
) -> Result<Arc<Compiled>, LoadError> {
    if let Some(compiled) = known.module(digest) {
        return Ok(compiled);
    }
    let path = config.module.display();
    let module = files::read(&config.module, engine.config().module_bytes);
    let module = module.map_err(|error| LoadError::new(Step::Read, format!("{path}: {error}")))?;
    match Digest::of(&module) == digest {
        true => Compiled::new(engine, &module).map(Arc::new),
        false => Err(changed(config)),
    }
}

fn changed(config: &PolicyConfig) -> LoadError {
    let path = config.module.display();
    let reason = format!("{path} has changed since it was checked; put it there anew");
    LoadError::new(Step::Read, reason)
}

/// The digest of a module that is not too large, and is what it was said to be.
fn checked(engine: &Engine, config: &PolicyConfig, known: Known<'_>) -> Result<Digest, LoadError> {
    let path = config.module.display();
    let fault = |error: std::io::Error| LoadError::new(Step::Read, format!("{path}: {error}"));
    files::open(&config.module, engine.config().module_bytes).map_err(fault)?;
    // What is compiled is read, and must still have it.
    let digest = match known.digest(&config.module) {
        Some(digest) => digest,
        None => Digest::of_file(&config.module).map_err(fault)?,
    };
    if config.digest.is_some_and(|wanted| wanted != digest) {
        return Err(changed(config));
    }
    if let Some(named) = named_digest(&config.module)
        && named != digest.to_string()
    {
        let reason = format!("{path} is named by a digest that is not its own; put it there anew");
        return Err(LoadError::new(Step::Read, reason));
    }
    Ok(digest)
}

/// The digest that a kept module is named by: what is loaded must have it, whatever was looked at
/// before.
fn named_digest(module: &Path) -> Option<&str> {
    let digits = module.file_stem()?.to_str()?;
    let is_digest = digits.len() == 64 && digits.bytes().all(|one| one.is_ascii_hexdigit());
    is_digest.then_some(digits)
}

fn policy(
    engine: &Engine,
    deployment: &Deployment,
    config: &PolicyConfig,
    compiled: Arc<Compiled>,
) -> Result<Policy, LoadError> {
    let most = engine.config().memory_bytes;
    if config.limits.memory_bytes > most {
        let reason = format!("a policy may be given at most {most} bytes of memory");
        return Err(LoadError::new(Step::Configuration, reason));
    }
    Ok(Policy {
        name: config.name.as_str().into(),
        mode: config.mode,
        limits: config.limits.clone(),
        settings: settings(&config.settings),
        compiled,
        grants: config.grants.clone(),
        ledger: deployment.ledgers.of(&config.name),
        keys: deployment.keys.clone(),
        tables: Tables::read(&config.tables)?,
        counters: Arc::new(Counters::default()),
        signers: Vec::new(),
        shadow: None,
    })
}

/// The settings as text; a policy without any gets an empty object.
fn settings(settings: &serde_json::Value) -> Arc<str> {
    match settings {
        serde_json::Value::Null => "{}".into(),
        some => some.to_string().into(),
    }
}

/// Starts the policy once and runs each hook over no facts, so that what cannot work is found out
/// before it takes effect. A denial is a fine answer here.
fn attempt(engine: &Engine, policy: &Arc<Policy>) -> Result<(), LoadError> {
    let fault = |step: Step, failed: Failed| {
        let Failed { failure, reason } = failed;
        let room = match reason.contains("maximum concurrent") {
            true => "; limits.policy-instances says how many there may be",
            false => "",
        };
        LoadError::new(step, format!("it failed ({failure}): {reason}{room}"))
    };
    let mut instance =
        Instance::instantiate(engine, policy).map_err(|failed| fault(Step::Start, failed))?;
    instance
        .configure()
        .map_err(|failed| fault(Step::Configure, failed))?
        .map_err(|words| LoadError::new(Step::Configure, plain(&words)))?;
    let trial = |failed| fault(Step::Trial, failed);
    instance.session(Facts::default()).map_err(trial)?;
    instance.scope(Facts::default()).map_err(trial)?;
    instance.decide_nothing().map_err(trial)?;
    Ok(())
}

//! Makes a set of policies aside: read, compile, check, configure, try.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use crate::component::Compiled;
use crate::config::PolicyConfig;
use crate::engine::Engine;
use crate::error::{LoadError, Step};
use crate::facts::{Facts, RequestFacts};
use crate::instance::{Failed, Instance};
use crate::set::{Counters, Deployment, Digest, Generation, Policy, PolicySet};
use crate::tables::Tables;
use crate::verdict::Denial;

/// Makes the set. What the previous one has compiled is not compiled again.
pub(crate) fn set(
    engine: &Engine,
    deployment: &Deployment,
    generation: Generation,
    configs: &[PolicyConfig],
    previous: Option<&PolicySet>,
) -> Result<PolicySet, LoadError> {
    check_names(configs)?;
    let known = previous.map(PolicySet::policies).unwrap_or_default();
    let mut policies: Vec<Arc<Policy>> = Vec::with_capacity(configs.len());
    for config in configs {
        let compiled = compiled(engine, config, known.iter().chain(&policies))
            .and_then(|compiled| compiled.check_grants(&config.grants).map(|()| compiled));
        let compiled = compiled.map_err(|error| error.of(&config.name))?;
        let policy = Arc::new(policy(engine, deployment, config, compiled)?);
        attempt(engine, &policy).map_err(|error| error.of(&config.name))?;
        policies.push(policy);
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

/// Compiles the module, unless one of those known is the same.
fn compiled<'a>(
    engine: &Engine,
    config: &PolicyConfig,
    mut known: impl Iterator<Item = &'a Arc<Policy>>,
) -> Result<Arc<Compiled>, LoadError> {
    let module = read(engine, config)?;
    let digest = Digest::of(&module);
    match known.find(|policy| policy.compiled.digest() == digest) {
        Some(policy) => Ok(Arc::clone(&policy.compiled)),
        None => Compiled::new(engine, &module).map(Arc::new),
    }
}

fn read(engine: &Engine, config: &PolicyConfig) -> Result<Vec<u8>, LoadError> {
    let path = config.module.display();
    let fault = |error: std::io::Error| LoadError::new(Step::Read, format!("{path}: {error}"));
    let bytes = fs::metadata(&config.module).map_err(fault)?.len();
    let most = engine.config().module_bytes;
    if bytes > most {
        let reason = format!("{path} has {bytes} bytes; a module may have {most}");
        return Err(LoadError::new(Step::Read, reason));
    }
    fs::read(&config.module).map_err(fault)
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
        return Err(LoadError::new(Step::Configuration, reason).of(&config.name));
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
        tables: Tables::read(&config.tables).map_err(|error| error.of(&config.name))?,
        counters: Arc::new(Counters::default()),
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
        LoadError::new(
            step,
            format!("it failed ({}): {}", failed.failure, failed.reason),
        )
    };
    let mut instance =
        Instance::instantiate(engine, policy).map_err(|failed| fault(Step::Start, failed))?;
    instance
        .configure()
        .map_err(|failed| fault(Step::Configure, failed))?
        .map_err(|words| LoadError::new(Step::Configure, words))?;
    let trial = |failed| fault(Step::Trial, failed);
    instance.session(Facts::default()).map_err(trial)?;
    instance.scope(Facts::default()).map_err(trial)?;
    instance
        .decide(Facts {
            request: Some(RequestFacts::nothing()),
            ..Facts::default()
        })
        .map_err(trial)?;
    Ok(())
}

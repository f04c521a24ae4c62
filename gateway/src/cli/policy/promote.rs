//! `sluice policy promote` and `rollback`: the configuration's file is the truth, and is rewritten at
//! one stroke once what it would say has been tried.
//!
//! Promoting makes the shadow the policy and keeps the former version as `previous`, its module by
//! its digest in the store, where nothing overwrites it. Rolling back makes the previous version the
//! policy again; what was in force judges on as its shadow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use console::view;
use policy::{Digest, PolicyConfig, files, signatures_of};
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::signing::digest;
use crate::cli::holds::remote::{Connection, Failure, OptionalConnection};
use crate::config::{Config, MOST_BYTES};
use crate::oci::SCHEME;
use crate::replace;

/// How long a gateway may take to follow.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked.
const TURN: Duration = Duration::from_millis(200);

/// The keys that make a version of a policy.
const VERSION: [&str; 3] = ["module", "settings", "grants"];

/// Arguments of both.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy.
    name: String,
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE", env = "SLUICE_CONFIG")]
    config: PathBuf,
    /// The gateway to wait for.
    #[command(flatten)]
    connection: OptionalConnection,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The shadow becomes the policy.
    Promote,
    /// The previous version becomes the policy again.
    RollBack,
}

/// What a version is made of, to be compared.
type Version = (PathBuf, serde_json::Value, Vec<policy::Grant>);

/// Rewrites the configuration and, where an address is given, waits for the gateway there.
pub(super) fn run(way: Way, args: &Args) -> anyhow::Result<ExitCode> {
    let connection = args.connection.get();
    let before = connection.as_ref().map(in_force).transpose()?;
    let written = rewrite(way, &args.config, &args.name)?;
    super::said(&written.text)?;
    match (connection, before) {
        (Some(connection), Some(before)) => wait(way, &connection, &before, args, written.digest),
        _ => super::said("A gateway that runs with this configuration follows by itself.\n"),
    }
}

/// What was done.
struct Written {
    text: String,
    /// The module that is the policy now.
    digest: Digest,
}

fn rewrite(way: Way, file: &Path, name: &str) -> anyhow::Result<Written> {
    let read = || files::read_text(file, MOST_BYTES);
    let old_text = read().with_context(|| file.display().to_string())?;
    let old = Config::from_toml(&old_text, file)?;
    let policy = find(&old, name)?;
    if way == Way::Promote {
        let loaded = crate::gateway::load_policies(&old);
        loaded.context("there would be no way back: the configuration as it is does not load")?;
    }
    let mut document: DocumentMut = old_text.parse()?;
    let table = document
        .get_mut("policies")
        .and_then(|policies| policies.get_mut(name))
        .and_then(Item::as_table_like_mut)
        .with_context(|| format!("[policies.{name}] is not written as a table"))?;
    let wanted = match way {
        Way::Promote => {
            // What a registry has by its digest stays what it is.
            let kept = match table.get("module").and_then(Item::as_str) {
                Some(reference) if reference.starts_with(SCHEME) => reference.to_owned(),
                _ => keep(&old, policy)?,
            };
            promote(table, name, &kept)?;
            let shadow = policy.shadow.as_ref();
            shadow.map(|one| (one.module.clone(), one.settings.clone(), one.grants.clone()))
        }
        Way::RollBack => {
            roll_back(table, name)?;
            None
        }
    };
    let new_text = document.to_string();
    let new = tried(&new_text, file, &old, name, wanted)?;
    let module = &find(&new, name)?.module;
    let digest = digest(module)?;
    let unchanged = read().is_ok_and(|now| now == old_text);
    ensure!(
        unchanged,
        "{} has changed meanwhile; try again",
        file.display()
    );
    let named = || file.display().to_string();
    replace::file(file, new_text.as_bytes()).with_context(named)?;
    let (path, module) = (file.display(), module.display());
    let then = match way {
        Way::Promote => format!(
            "The former one is kept in {}; back: sluice policy rollback {name}\n",
            old.modules.directory.display()
        ),
        Way::RollBack => "What was in force judges on as its shadow.\n".to_owned(),
    };
    Ok(Written {
        text: format!("{path}: policy {name} is {module} (sha256 {digest}) now.\n{then}"),
        digest,
    })
}

fn find<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a PolicyConfig> {
    let names = || {
        let names = config.policies.iter().map(|one| one.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let found = config.policies.iter().find(|one| one.name == name);
    found.with_context(|| format!("no such policy; configured: {}", names()))
}

/// Keeps a policy's module by its digest, with its signatures; gives its path as the configuration
/// names it.
fn keep(config: &Config, policy: &PolicyConfig) -> anyhow::Result<String> {
    let named = || policy.module.display().to_string();
    let bytes = fs::read(&policy.module).with_context(named)?;
    let store = &config.modules.directory;
    let folder = config.path.parent().unwrap_or(Path::new(""));
    replace::folder(store, folder).with_context(|| store.display().to_string())?;
    let kept = store.join(format!("{}.wasm", Digest::of(&bytes)));
    replace::file(&kept, &bytes).with_context(|| store.display().to_string())?;
    match fs::read(signatures_of(&policy.module)) {
        Ok(signatures) => {
            replace::file(&signatures_of(&kept), &signatures).with_context(named)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(named),
    }
    let kept = kept.strip_prefix(folder).unwrap_or(&kept);
    let kept = kept
        .to_str()
        .context("the path of the store is not UTF-8")?;
    Ok(kept.to_owned())
}

fn promote(table: &mut dyn TableLike, name: &str, kept: &str) -> anyhow::Result<()> {
    let Some(shadow) = table.remove("shadow") else {
        bail!(
            "policy {name} has no shadow: write the new version into [policies.{name}.shadow] first"
        );
    };
    let mut previous = version(table, &shadow);
    let shadow = shadow.as_table_like().context("shadow is not a table")?;
    previous.insert("module", value(kept));
    for key in VERSION {
        if let Some(item) = shadow.get(key) {
            table.insert(key, item.clone());
        }
    }
    table.insert("previous", Item::Table(previous));
    Ok(())
}

fn roll_back(table: &mut dyn TableLike, name: &str) -> anyhow::Result<()> {
    let Some(previous) = table.remove("previous") else {
        bail!("policy {name} has no previous version: only what was promoted can be rolled back");
    };
    ensure!(
        !table.contains_key("shadow"),
        "[policies.{name}.shadow] would be lost: move it elsewhere or promote it first"
    );
    let mut shadow = version(table, &previous);
    let previous = previous
        .as_table_like()
        .context("previous is not a table")?;
    // What a shadow leaves out is as in its policy, which is another one now.
    shadow.entry("settings").or_insert_with(toml_edit::table);
    shadow
        .entry("grants")
        .or_insert_with(|| value(toml_edit::Array::new()));
    for key in VERSION {
        match previous.get(key) {
            Some(item) => drop(table.insert(key, item.clone())),
            None => drop(table.remove(key)),
        }
    }
    table.insert("shadow", Item::Table(shadow));
    Ok(())
}

/// The version that is the policy, with the comments of the one that it makes room for.
fn version(table: &dyn TableLike, other: &Item) -> Table {
    let mut version = Table::new();
    if let Some(other) = other.as_table() {
        version.decor_mut().clone_from(other.decor());
    }
    for key in VERSION {
        if let Some(item) = table.get(key) {
            version.insert(key, item.clone());
        }
    }
    version
}

/// Reads and loads what the configuration would say, as the gateway would; all but this policy must
/// be as it was.
fn tried(
    text: &str,
    file: &Path,
    old: &Config,
    name: &str,
    wanted: Option<Version>,
) -> anyhow::Result<Config> {
    let new = Config::from_toml(text, file).context("the new configuration is wrong")?;
    // Policies judge in their order.
    let versions = |config: &Config| -> Vec<(String, Option<Version>)> {
        let version = |one: &PolicyConfig| (one.name != name).then(|| of(one));
        let named = |one: &PolicyConfig| (one.name.clone(), version(one));
        config.policies.iter().map(named).collect()
    };
    let is_wanted = match wanted {
        Some(wanted) => of(find(&new, name)?) == wanted,
        None => true,
    };
    ensure!(
        is_wanted && versions(old) == versions(&new),
        "the configuration cannot be rewritten as it is laid out; edit it by hand"
    );
    crate::gateway::load_policies(&new).context("nothing was changed")?;
    Ok(new)
}

fn of(policy: &PolicyConfig) -> Version {
    let grants = policy.grants.clone();
    (policy.module.clone(), policy.settings.clone(), grants)
}

fn in_force(connection: &Connection) -> anyhow::Result<view::Policies> {
    connection.get("policies").map_err(anyhow::Error::from)
}

/// Waits until the gateway has a generation with the module in force, or says why not.
fn wait(
    way: Way,
    connection: &Connection,
    before: &view::Policies,
    args: &Args,
    digest: Digest,
) -> anyhow::Result<ExitCode> {
    let digest = digest.to_string();
    let turns = PATIENCE.as_millis() / TURN.as_millis();
    for _ in 0..turns {
        let now = in_force(connection)?;
        let policy = now.policies.iter().find(|one| one.name == args.name);
        // A change from just before may have the same module; what judges beside it tells.
        let is_there = policy.is_some_and(|one| {
            one.digest == digest && one.shadow.is_some() == (way == Way::RollBack)
        });
        if now.generation > before.generation && is_there {
            return super::said(&format!("Generation {} is in force.\n", now.generation));
        }
        if let Some(rejected) = &now.rejected
            && now.rejected != before.rejected
        {
            let (step, reason) = (&rejected.step, &rejected.reason);
            let failure = format!("the gateway keeps what it had: {step}: {reason}");
            let problem = view::Problem {
                error: failure,
                hint: Some("the file stays as it is now; go back or mend it".to_owned()),
            };
            return Failure::into_exit(Err(Failure::Refused(problem)));
        }
        std::thread::sleep(TURN);
    }
    bail!(
        "the gateway has not followed within {} s: does it run with {}?",
        PATIENCE.as_secs(),
        args.config.display()
    )
}

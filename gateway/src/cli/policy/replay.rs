//! `sluice policy replay`: judges a recorded trail again, by another version or other settings of a
//! policy, and says what would have come out otherwise.
//!
//! Nothing runs anywhere. What the record or today's catalog does not tell is not guessed: such
//! requests are counted, with the reason.

mod again;
mod report;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use trail::reader::Reader;

use crate::cli::trail::since;
use crate::config::Config;
use again::Again;
use report::Report;

/// Arguments of `sluice policy replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sluice policy replay --config sluice.toml --policy guard --settings stricter.toml
  sluice policy replay --config sluice.toml --policy mask --module mask-2.wasm --since 24h --json
  sluice policy replay --config sluice.toml --policy guard --shadow

Every request of the trail is judged by the policies of the configuration, with the changes given, \
and compared with the verdict on its record. The catalog is that of today, read from the databases \
of the configuration; nothing is run there. What cannot be judged again is counted and never \
guessed.

Exit codes: 0 nothing would have come out otherwise, 1 something would, 2 it could not be found out.")]
pub struct Args {
    /// The trail: its directory, or one of its segments; by default the configuration's.
    #[arg(long, value_name = "DIR|FILE", env = "SLUICE_TRAIL")]
    trail: Option<PathBuf>,
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE", env = "SLUICE_CONFIG")]
    config: PathBuf,
    /// The policy to change; may be left out where only one is configured.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Its new module.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Its new settings, as JSON where the name ends in .json, else as TOML.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Takes the version that the configuration has as the policy's shadow.
    #[arg(long, conflicts_with_all = ["module", "settings"])]
    shadow: bool,
    /// Only requests since then: a time such as `2026-01-31T08:00:00Z`, or how long ago, such as `24h`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The exit code where it could not be found out.
const TROUBLE: u8 = 2;

/// Runs it.
///
/// # Errors
/// What keeps it from being said.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = match replay(args) {
        Ok(report) => report,
        Err(error) => {
            writeln!(std::io::stderr(), "sluice: {error:#}")?;
            return Ok(ExitCode::from(TROUBLE));
        }
    };
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.text()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if report.has_changes() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn replay(args: &Args) -> anyhow::Result<Report> {
    let mut config = Config::read(&args.config)?;
    change(&mut config, args)?;
    let trail = args.trail.as_ref().unwrap_or(&config.trail.directory);
    let mut reader = reader(trail)?.without_results();
    let mut events = reader.poll()?;
    events.extend(reader.unfinished());
    events.sort_by_key(|event| event.time);
    if let Some(since) = args.since {
        events.retain(|event| event.time >= since);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut again = Again::new(&config)?;
        let mut report = Report::new(trail, again.policies());
        for event in &events {
            report.add(event, again.judge(event).await?);
        }
        report.judged_by(again.catalogs());
        Ok(report)
    })
}

fn reader(trail: &Path) -> anyhow::Result<Reader> {
    let reader = if trail.is_dir() {
        Reader::open(trail)
    } else {
        Reader::segment(trail)
    };
    reader.with_context(|| format!("no trail in {}", trail.display()))
}

/// Makes the changes that are to be tried.
fn change(config: &mut Config, args: &Args) -> anyhow::Result<()> {
    let changes = args.shadow || args.module.is_some() || args.settings.is_some();
    if args.policy.is_none() && !changes {
        return Ok(());
    }
    let names: Vec<_> = config.policies.iter().map(|one| one.name.clone()).collect();
    let wanted = match (&args.policy, names.as_slice()) {
        (Some(wanted), _) => wanted,
        (None, [only]) => only,
        (None, _) => anyhow::bail!("name the policy: --policy {}", names.join(" | ")),
    };
    let policy = config.policies.iter_mut().find(|one| one.name == *wanted);
    let policy =
        policy.with_context(|| format!("no such policy; configured: {}", names.join(", ")))?;
    if args.shadow {
        let shadow = policy.shadow.take();
        let shadow = shadow.with_context(|| format!("policy {} has no shadow", policy.name))?;
        policy.module = shadow.module;
        policy.settings = shadow.settings;
        policy.grants = shadow.grants;
    }
    if let Some(module) = &args.module {
        policy.module.clone_from(module);
    }
    if let Some(file) = &args.settings {
        policy.settings = settings(file)?;
    }
    Ok(())
}

/// The settings in a file: a JSON object, or what would stand below `[policies.NAME.settings]`.
fn settings(file: &Path) -> anyhow::Result<serde_json::Value> {
    let named = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(named)?;
    if file.extension().is_some_and(|ending| ending == "json") {
        return serde_json::from_str(&text).with_context(named);
    }
    let table: toml::Table = toml::from_str(&text).with_context(named)?;
    serde_json::to_value(table).with_context(named)
}

//! `sluice policy dev`: build, test, put where a gateway reads it, and see it in force; again
//! whenever a source changes.

mod sources;

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ::policy::PolicyLimits;
use anyhow::{Context as _, bail, ensure};
use console::view;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::Instant;

use super::inspect::Module;
use super::{build, deep, test};
use crate::cli::holds::remote::{Connection, OptionalConnection};
use crate::cli::holds::table::printable;
use crate::cli::stop::Stop;
use sources::{Change, Sources};

/// Arguments of `sluice policy dev`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each step is said with its time. Where one fails, the module that is in place stays there.

Example:
  sluice policy dev mask-addresses --watch --into policies/mask.wasm \\
      --url http://127.0.0.1:8080 --token-file dora.token"
)]
pub struct Args {
    /// The policy's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Do it again whenever a source or the cases change, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Put the module here when its cases pass: the file that the gateway's configuration names.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Memory that the policy may have, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 32)]
    memory: usize,
    /// Wait until this gateway has taken the module, or says why not.
    #[command(flatten)]
    gateway: OptionalConnection,
}

/// How long a gateway may take to take a module: some languages compile for long.
const PATIENCE: Duration = Duration::from_secs(120);
/// After how long a person is told what may be amiss.
const HINT: Duration = Duration::from_secs(10);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(200);

/// Runs it once, or until Ctrl-C.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(async {
        // Signals are ours before anything is started that must be stopped.
        let mut stop = Stop::new()?;
        let mut workbench = Workbench::new(args);
        tokio::select! {
            code = workbench.work() => code,
            () = stop.told() => {
                say("\nStopped.")?;
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // Cases may be under trial still: nobody waits for what comes of them.
    runtime.shutdown_background();
    code
}

/// Where a policy is worked on.
struct Workbench {
    folder: PathBuf,
    into: Option<PathBuf>,
    limits: PolicyLimits,
    gateway: Option<Arc<Connection>>,
    sources: Sources,
    watches: bool,
}

impl Workbench {
    fn new(args: Args) -> Workbench {
        let limits = PolicyLimits {
            memory_bytes: args.memory.saturating_mul(1 << 20),
            ..PolicyLimits::default()
        };
        Workbench {
            sources: Sources::new(&args.folder, args.into.as_deref()),
            gateway: args.gateway.get().map(Arc::new),
            folder: args.folder,
            into: args.into,
            limits,
            watches: args.watch,
        }
    }

    async fn work(&mut self) -> anyhow::Result<ExitCode> {
        let mut change = Change::Source;
        loop {
            let done = self.round(change).await;
            if done.is_err()
                && let Some(into) = &self.into
            {
                let state = if into.exists() {
                    "stays as it is"
                } else {
                    "is not made"
                };
                tell(&format!("{} {state}", into.display()))?;
            }
            if !self.watches {
                return Ok(done.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS));
            }
            say("Waiting for a change. Ctrl-C ends this.")?;
            change = self.sources.changed().await;
        }
    }

    /// All steps, each of which says how it went. Which one failed has been said.
    async fn round(&mut self, change: Change) -> anyhow::Result<()> {
        if change == Change::Source {
            step("build", build_policy(&self.folder)).await?;
        }
        step("test", self.test()).await?;
        let Some(into) = self.into.clone() else {
            return Ok(());
        };
        let module = self.folder.join(build::MODULE);
        let Some(gateway) = self.gateway.clone() else {
            return step("put", async { put(&module, &into) }).await;
        };
        let before = rejected(&gateway).await;
        let before = before.inspect_err(|error| failed("gateway", error))?;
        let old = std::fs::read(&into).ok();
        step("put", async { put(&module, &into) }).await?;
        let digest = Module::read(&module)?.digest;
        let taken = step("gateway", in_force(&gateway, &digest, before, &into));
        let taken = tokio::select! {
            taken = taken => taken,
            () = self.sources.differ() => return tell("a source has changed meanwhile"),
        };
        // A gateway that is started anew would not start with what this one refuses.
        if taken.is_err()
            && let Some(old) = old
        {
            put_whole(&old, &into)?;
        }
        taken
    }

    async fn test(&self) -> anyhow::Result<String> {
        let (module, cases) = (
            self.folder.join(build::MODULE),
            self.folder.join("cases.json"),
        );
        let limits = self.limits.clone();
        let attempt = move || deep(move || test::attempt(&module, &cases, &limits));
        let report = tokio::task::spawn_blocking(attempt).await???;
        let summary = test::summary(&report);
        let differences = test::differences(&report);
        ensure!(
            differences.is_empty(),
            "{summary}\n\n{}",
            differences.trim_end()
        );
        Ok(summary)
    }
}

/// Takes a step and says how it went and how long it took.
async fn step(
    name: &str,
    work: impl Future<Output = anyhow::Result<String>>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let done = work.await;
    let took = began.elapsed().as_secs_f64();
    match &done {
        Ok(text) => say(format!("{name:<8} {took:>6.1} s  {}", printable(text)))?,
        Err(error) => failed(name, error),
    }
    done.map(drop)
}

/// Says that a step failed, and why. A terminal that is gone is no reason to stop.
fn failed(name: &str, error: &anyhow::Error) {
    let text = format!("{error:#}");
    let mut lines = text.lines().map(printable);
    let first = lines.next().unwrap_or_default();
    let said = say(format!("{name:<8}   FAILED  {first}"));
    said.and_then(|()| lines.try_for_each(|line| tell(&line)))
        .ok();
}

/// A line that belongs to the step before.
fn tell(line: &str) -> anyhow::Result<()> {
    say(format!("{:19}{line}", "").trim_end())
}

fn say(line: impl Display) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

async fn build_policy(folder: &Path) -> anyhow::Result<String> {
    let mut command = build::command(folder)?;
    // A group of its own, so that nothing of it stays when this ends.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let named = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    let mut child = command.stdin(Stdio::null()).spawn().context(named)?;
    let group = Group::of(&child);
    let status = child.wait().await?;
    group.has_ended();
    let module = build::finish(folder, status)?;
    let (kib, digest) = (module.bytes.div_ceil(1024), &module.digest[..12]);
    Ok(format!("{}, {kib} KiB, digest {digest}", module.file))
}

/// A build that runs: it is ended where nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(Pid::from_raw))
    }

    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // One that has ended by itself meanwhile cannot be ended.
        self.0.map(|group| kill_process_group(group, Signal::TERM));
    }
}

/// Puts the module in its place.
fn put(module: &Path, into: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(module).with_context(|| module.display().to_string())?;
    if std::fs::read(into).is_ok_and(|old| old == bytes) {
        return Ok(format!("{} has it already", into.display()));
    }
    put_whole(&bytes, into).with_context(|| into.display().to_string())?;
    Ok(into.display().to_string())
}

/// Replaces a file at one stroke: who reads it meanwhile reads the old one whole.
fn put_whole(bytes: &[u8], into: &Path) -> anyhow::Result<()> {
    let folder = into
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut aside = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    aside.write_all(bytes)?;
    // What is made aside is for its maker alone, and the gateway may run as another user.
    let permissions = match std::fs::metadata(into) {
        Ok(old) => old.permissions(),
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o644),
    };
    aside.as_file().set_permissions(permissions)?;
    aside.as_file().sync_all()?;
    aside.persist(into)?;
    Ok(())
}

async fn policies(gateway: &Arc<Connection>) -> anyhow::Result<view::Policies> {
    let gateway = Arc::clone(gateway);
    let asked = tokio::task::spawn_blocking(move || gateway.get("policies"));
    Ok(asked.await??)
}

/// Why the gateway has rejected a set, where it has.
async fn rejected(gateway: &Arc<Connection>) -> anyhow::Result<Option<view::Rejected>> {
    Ok(policies(gateway).await?.rejected)
}

/// Waits until the gateway has the module in force; what it says against the set is the error.
async fn in_force(
    gateway: &Arc<Connection>,
    digest: &str,
    before: Option<view::Rejected>,
    into: &Path,
) -> anyhow::Result<String> {
    let began = Instant::now();
    let mut hint =
        Some("not yet: it may still be compiled; or does the configuration not name this file?");
    loop {
        let view::Policies {
            generation,
            policies,
            rejected,
        } = policies(gateway).await?;
        if let Some(policy) = policies.iter().find(|policy| policy.digest == digest) {
            let (name, mode) = (&policy.name, &policy.mode);
            return Ok(format!(
                "in force as {name} ({mode}), generation {generation}"
            ));
        }
        if rejected != before
            && let Some(rejected) = rejected
        {
            let policy = rejected.policy.map(|name| format!("policy {name}, "));
            let (step, reason) = (rejected.step, rejected.reason);
            bail!("{}{step}: {reason}", policy.unwrap_or_default());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "not taken within {} s: does the gateway's configuration name {}?",
            PATIENCE.as_secs(),
            into.display()
        );
        if began.elapsed() > HINT {
            hint.take().map_or(Ok(()), tell)?;
        }
        tokio::time::sleep(POLL).await;
    }
}

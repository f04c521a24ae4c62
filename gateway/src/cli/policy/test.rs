//! `sluice policy test`: cases tried on a built policy, and what the policy took.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::policy::{EngineConfig, Hook, PolicyLimits};
use anyhow::Context as _;

use super::build;
use super::cases::{Report, Suite};
use super::deep;
use crate::cli::holds::table::{Table, printable};

/// Arguments of `sluice policy test`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints each field that came out otherwise, then the most that a call took.
Instructions are counted by the engine: the same module and cases give the same figure anywhere.

Example:
  sluice policy test mask-addresses"
)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Writes what came out into the cases that came out otherwise.
    #[arg(long)]
    update: bool,
}

/// A built policy and its cases.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Subject {
    /// The folder with policy.wasm and cases.json.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Another module.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Another file of cases.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Memory that the policy may have, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 32)]
    memory: usize,
}

impl Subject {
    pub(super) fn module(&self) -> PathBuf {
        let module = || self.folder.join(build::MODULE);
        self.module.clone().unwrap_or_else(module)
    }

    pub(super) fn cases(&self) -> PathBuf {
        let cases = || self.folder.join("cases.json");
        self.cases.clone().unwrap_or_else(cases)
    }

    pub(super) fn limits(&self) -> PolicyLimits {
        PolicyLimits {
            memory_bytes: self.memory.saturating_mul(1 << 20),
            ..PolicyLimits::default()
        }
    }
}

/// Tries the cases.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (subject, update) = (args.subject, args.update);
    deep(move || {
        if update {
            rewrite(&subject)?;
        }
        let (module, limits) = (subject.module(), subject.limits());
        let report = attempt(&module, &subject.cases(), &limits)?;
        let mut out = std::io::stdout();
        out.write_all(differences(&report).as_bytes())?;
        writeln!(out, "{}\n", summary(&report))?;
        out.write_all(cost(&module, &report, &limits)?.as_bytes())?;
        Ok(match report.differences.len() {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    })?
}

/// Tries the cases of a file on a module. Needs a deep stack.
pub(super) fn attempt(
    module: &Path,
    cases: &Path,
    limits: &PolicyLimits,
) -> anyhow::Result<Report> {
    let report = Suite::read(cases)?.run(module, limits);
    report.with_context(|| module.display().to_string())
}

/// Writes what came out into the file of cases.
fn rewrite(subject: &Subject) -> anyhow::Result<()> {
    let (module, cases) = (subject.module(), subject.cases());
    let suite = Suite::read(&cases)?;
    let updated = suite.updated(&module, &subject.limits());
    let updated = updated.with_context(|| module.display().to_string())?;
    std::fs::write(&cases, updated).with_context(|| cases.display().to_string())
}

/// The cases that came out otherwise, field by field.
pub(super) fn differences(report: &Report) -> String {
    let cases = report.differences.iter().map(ToString::to_string);
    let lines =
        |text: String| -> String { text.lines().map(|line| printable(line) + "\n").collect() };
    cases.map(|text| lines(text) + "\n").collect()
}

/// "5 cases, 1 came out otherwise".
pub(super) fn summary(report: &Report) -> String {
    let (count, wrong) = (report.cases, report.differences.len());
    let cases = if count == 1 { "case" } else { "cases" };
    format!("{count} {cases}, {wrong} came out otherwise")
}

/// The most that the policy took of each thing, beside what it may take.
fn cost(module: &Path, report: &Report, limits: &PolicyLimits) -> anyhow::Result<String> {
    let size = std::fs::metadata(module)
        .with_context(|| module.display().to_string())?
        .len();
    let peaks = &report.peaks;
    let mut table = Table::new(["COST", "LARGEST", "LIMIT"]);
    for hook in Hook::ALL {
        let called = match peaks.fuel(hook) {
            0 => "not called".to_owned(),
            fuel => format!("{fuel} instructions"),
        };
        let limit = humantime::format_duration(deadline(hook, limits));
        table.row([hook.as_str().to_owned(), called, format!("{limit} of time")]);
    }
    let largest_module = EngineConfig::default().module_bytes;
    for (what, bytes, limit) in [
        ("memory", peaks.memory_bytes, limits.memory_bytes as u64),
        ("answer", peaks.answer_bytes, limits.output_bytes as u64),
        ("module", size, largest_module),
    ] {
        let limit = format!("{} MiB", limit >> 20);
        table.row([what.to_owned(), format!("{bytes} bytes"), limit]);
    }
    Ok(table.text())
}

fn deadline(hook: Hook, limits: &PolicyLimits) -> Duration {
    match hook {
        Hook::Configure | Hook::Session => limits.deadline_start,
        Hook::Decide => limits.deadline_decide,
        Hook::Batch | Hook::Inspect => limits.deadline_batch,
    }
}

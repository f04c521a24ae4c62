//! `sluice policy bench`: what the calls of a built policy take.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::policy::PolicyLimits;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::cases::{RowTiming, Suite, Timings};
use super::deep;
use super::inspect::Module;
use super::test::Subject;
use crate::cli::holds::remote::{self, Failure};
use crate::cli::holds::table::{Table, printable};

/// Arguments of `sluice policy bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nanoseconds, the median of 101 rounds. A judgement is whole: the policy is asked, and the
gateway makes its answer sound. Rows are those of the first case whose rows the policy masks itself;
they go through the gateway's own masker, and HOST MASK is keep-last on the same rows.

Example:
  sluice policy bench mask-addresses --save before.json
  sluice policy bench mask-addresses --baseline before.json"
)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Figures to compare with, as --save wrote them.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes the figures into a file.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The figures of one module.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Figures {
    module: String,
    digest: String,
    bytes: usize,
    /// Milliseconds that a gateway takes to load it.
    load_ms: f64,
    /// "release" or "debug": how the gateway was built that measured.
    build: String,
    figures: Vec<Figure>,
    /// Why there are no figures of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_rows: Option<String>,
}

/// What one kind of call takes, or one row.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Figure {
    call: String,
    nanoseconds: f64,
    /// What the same rows take of a mask of the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_mask: Option<f64>,
    /// How much more than the baseline, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<f64>,
}

/// How this program was built.
const BUILD: &str = if cfg!(debug_assertions) {
    "debug"
} else {
    "release"
};

/// Measures, compares, prints and saves.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let baseline = args.baseline.as_deref().map(read).transpose()?;
    let subject = args.subject.clone();
    let mut figures = deep(move || measure(&subject))??;
    if let Some(path) = &args.save {
        let text = serde_json::to_string_pretty(&figures)? + "\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    let mut err = std::io::stderr();
    if BUILD == "debug" {
        writeln!(
            err,
            "This is a debug build: its figures are not representative."
        )?;
    }
    if let Some(baseline) = &baseline {
        if baseline.build != BUILD {
            writeln!(
                err,
                "The baseline is of a {} build.",
                printable(&baseline.build)
            )?;
        }
        figures.compare(baseline);
    }
    if args.json {
        return Failure::into_exit(remote::print_json(&figures));
    }
    std::io::stdout().write_all(figures.text().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Figures> {
    let named = || path.display().to_string();
    let text = std::fs::read(path).with_context(named)?;
    serde_json::from_slice(&text).with_context(named)
}

fn measure(subject: &Subject) -> anyhow::Result<Figures> {
    let path = subject.module();
    let suite = Suite::read(&subject.cases())?;
    // Another program may take the processor for long: that says nothing of the policy.
    let patience = Duration::from_secs(10);
    let limits = PolicyLimits {
        deadline_decide: patience,
        deadline_batch: patience,
        ..subject.limits()
    };
    let module = Module::read(&path)?;
    let timings = suite.time(&path, &limits);
    let timings = timings.with_context(|| path.display().to_string())?;
    Ok(Figures::of(module, timings))
}

impl Figures {
    fn of(module: Module, timings: Timings) -> Figures {
        let figure = |call: String, nanoseconds| Figure {
            call,
            nanoseconds,
            host_mask: None,
            change: None,
        };
        let empty = format!("empty ({})", timings.emptiest.as_str());
        let mut figures = vec![figure(empty, timings.empty)];
        let judged = timings.decide.iter().map(|(_, time)| time);
        let mean = judged.sum::<f64>() / timings.decide.len().max(1) as f64;
        if !timings.decide.is_empty() {
            figures.push(figure("judgement, mean of the cases".to_owned(), mean));
        }
        let cases = timings.decide.into_iter();
        figures.extend(cases.map(|(name, time)| figure(format!("judgement: {name}"), time)));
        let row = |row: RowTiming| Figure {
            host_mask: Some(row.host),
            ..figure(format!("a row of {}", row.batch), row.policy)
        };
        let (rows, no_rows) = match timings.rows {
            Ok(rows) => (rows, None),
            Err(reason) => (Vec::new(), Some(reason.to_owned())),
        };
        figures.extend(rows.into_iter().map(row));
        Figures {
            module: module.file,
            digest: module.digest,
            bytes: module.bytes,
            load_ms: timings.load,
            build: BUILD.to_owned(),
            figures,
            no_rows,
        }
    }

    /// Notes how much more each figure is than that of the same call in the baseline.
    fn compare(&mut self, baseline: &Figures) {
        for figure in &mut self.figures {
            let mut others = baseline.figures.iter();
            let before = others.find(|other| other.call == figure.call);
            let change = |before: &Figure| (figure.nanoseconds / before.nanoseconds - 1.0) * 100.0;
            figure.change = before.map(change).filter(|change| change.is_finite());
        }
    }

    fn text(&self) -> String {
        let compared = self.figures.iter().any(|figure| figure.change.is_some());
        let change = if compared { "CHANGE" } else { "" };
        let mut table = Table::new(["CALL", "NS", "HOST MASK", change]);
        for figure in &self.figures {
            let host = figure.host_mask.map(|time| format!("{time:.0}"));
            let change = figure.change.map(|percent| format!("{percent:+.1} %"));
            table.row([
                figure.call.clone(),
                format!("{:.0}", figure.nanoseconds),
                host.unwrap_or_default(),
                change.unwrap_or_default(),
            ]);
        }
        let no_rows = self.no_rows.as_deref();
        let no_rows = no_rows.map(|reason| format!("No rows: {reason}.\n"));
        let (kib, load) = (self.bytes.div_ceil(1024), self.load_ms);
        let file = printable(&self.module);
        format!(
            "{file}, {kib} KiB, loads in {load:.0} ms\n\n{}{}",
            table.text(),
            no_rows.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(calls: &[(&str, f64)]) -> Figures {
        let figure = |(call, nanoseconds): &(&str, f64)| Figure {
            call: (*call).to_owned(),
            nanoseconds: *nanoseconds,
            host_mask: None,
            change: None,
        };
        Figures {
            module: "policy.wasm".to_owned(),
            digest: String::new(),
            bytes: 2000,
            load_ms: 80.4,
            build: BUILD.to_owned(),
            figures: calls.iter().map(figure).collect(),
            no_rows: Some("it has no transform".to_owned()),
        }
    }

    #[test]
    fn figures_are_compared_by_what_is_called() {
        let mut now = figures(&[("empty (decide)", 110.0), ("new", 7.0), ("zero", 1.0)]);
        now.compare(&figures(&[
            ("gone", 1.0),
            ("empty (decide)", 100.0),
            ("zero", 0.0),
        ]));
        assert_eq!(
            now.text(),
            "policy.wasm, 2 KiB, loads in 80 ms\n\n\
             CALL            NS   HOST MASK  CHANGE\n\
             empty (decide)  110             +10.0 %\n\
             new             7\n\
             zero            1\n\
             No rows: it has no transform.\n"
        );
    }

    #[test]
    fn what_is_saved_is_a_baseline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.json");
        let saved = figures(&[("empty (batch)", 100.25)]);
        std::fs::write(&path, serde_json::to_vec(&saved).unwrap()).unwrap();
        assert_eq!(read(&path).unwrap(), saved);
    }
}

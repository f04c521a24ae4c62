//! The example policy in each language: its size, what it takes to compile, a decision, and one row
//! of a column that it transforms, by the size of the batch. Prints a table for docs/policies.md.
//!
//! Languages whose module is not built (`make examples`) are left out.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use criterion::measurement::{Measurement as _, WallTime};
use serde_json::json;
use sluice_benches::judging::{Court, query};
use sluice_benches::people;
use sluice_benches::timing::on_deep_stack;

const LANGUAGES: [(&str, &str); 5] = [
    ("Rust", "rust"),
    ("C", "c"),
    ("Go", "go"),
    ("TypeScript", "js"),
    ("Python", "python"),
];
const BATCHES: [usize; 4] = [1, 16, 256, 1024];

fn main() {
    on_deep_stack(|| {
        let mut table =
            "| language | KiB | compile ms | decide us | ns a row at 1 | 16 | 256 | 1024 |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n"
                .to_owned();
        for (name, folder) in LANGUAGES {
            let module = module(folder);
            if module.exists() {
                table.push_str(&line(name, &module));
            }
        }
        std::io::stdout()
            .write_all(table.as_bytes())
            .expect("it can be printed");
    });
}

fn module(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies/examples")
        .join(folder)
        .join("policy.wasm")
}

fn line(name: &str, module: &Path) -> String {
    let bytes = module.metadata().expect("the module is there").len();
    let open = || {
        let settings = json!({"columns": ["email"], "group": "analysts"});
        Court::of("example", module.to_owned(), settings)
    };
    let mut court = None;
    let compile = time(1, || court = Some(open()));
    let mut court = court.expect("it was opened");
    let (kib, compile) = (bytes.div_ceil(1024), compile.as_millis());
    let decide = decide(&mut court).as_nanos() as f64 / 1000.0;
    let mut line = format!("| {name} | {kib} | {compile} | {decide:.1} |");
    for count in BATCHES {
        write!(line, " {:.0} |", row(&mut court, count)).expect("a string takes all");
    }
    line + "\n"
}

/// The time of one judgement that calls the policy.
fn decide(court: &mut Court) -> Duration {
    let text = "SELECT id, name FROM people WHERE id = 7";
    let analysis = Arc::new(sql::analyze(text, &court.catalog));
    fastest(|calls| {
        time(calls, || {
            black_box(court.judge(query(text), &analysis));
        })
    })
}

/// Nanoseconds for one row.
fn row(court: &mut Court, count: usize) -> f64 {
    let mut masker = court.masker();
    let rows = people::rows(count);
    let mut out = BytesMut::with_capacity(rows.len() * 2);
    let batch = fastest(|calls| {
        time(calls, || {
            out.clear();
            masker
                .apply(&mut court.judge, black_box(&rows), &mut out)
                .expect("the policy masks them");
            black_box(&out);
        })
    });
    batch.as_nanos() as f64 / count as f64
}

/// The fastest of fifty short rounds: what others do on the machine only makes it slower.
fn fastest(mut round: impl FnMut(u32) -> Duration) -> Duration {
    let first = round(10) / 10;
    let calls = Duration::from_millis(5).as_nanos() / first.as_nanos().max(1);
    let calls = u32::try_from(calls).unwrap_or(u32::MAX).max(1);
    let rounds = (0..50).map(|_| round(calls) / calls);
    rounds.min().unwrap_or(first)
}

fn time(calls: u32, mut work: impl FnMut()) -> Duration {
    let start = WallTime.start();
    for _ in 0..calls {
        work();
    }
    WallTime.end(start)
}

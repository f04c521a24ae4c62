//! One policy in every language: each is built by its own tool and must pass the same cases.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use policy::PolicyLimits;
use sluice::cli::policy::cases::Suite;
use sluice_tests::programs::repository;

/// The code by which a build says that the language's tool is not here.
const MISSING: i32 = 3;

#[test]
fn c_conforms() {
    conforms("c");
}

#[test]
fn go_conforms() {
    conforms("go");
}

#[test]
fn javascript_conforms() {
    conforms("js");
}

#[test]
fn python_conforms() {
    conforms("python");
}

#[test]
fn rust_conforms() {
    conforms("rust");
}

/// Tries the cases on the example of that language, or says in one line why not.
fn conforms(language: &str) {
    let module = match build(language) {
        Ok(module) => module,
        Err(reason) => {
            // Written past the harness, which keeps what tests that pass print to itself.
            let line = format!("{language}: skipped: {reason}\n");
            std::io::stderr()
                .write_all(line.as_bytes())
                .expect("it is open");
            return;
        }
    };
    let cases = repository().join("sdk/conformance/cases.json");
    let run = move || {
        let suite = Suite::read(&cases).expect("the cases can be read");
        suite.run(&module, &limits())
    };
    let thread = std::thread::Builder::new().stack_size(sql::STACK_BYTES);
    let ended = thread.spawn(run).expect("a thread starts").join();
    let report = ended
        .expect("the cases are tried")
        .unwrap_or_else(|error| panic!("{language}: {error:#}"));
    let differences: String = report.differences.iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{language}:\n{differences}");
    println!("{language}: {} cases", report.cases);
}

/// Those of the guides. Time is not what is tried here: this machine may be busy.
fn limits() -> PolicyLimits {
    let second = std::time::Duration::from_secs(1);
    PolicyLimits {
        deadline_decide: second * 5,
        deadline_batch: second * 5,
        deadline_start: second * 30,
        memory_bytes: 64 << 20,
        ..PolicyLimits::default()
    }
}

/// The module, built anew unless it is newer than all that it is made of.
fn build(language: &str) -> Result<PathBuf, String> {
    let folder = repository().join("policies/examples").join(language);
    let module = folder.join("policy.wasm");
    let sources = [
        &folder,
        &repository().join("sdk").join(language),
        &repository().join("wit"),
    ];
    let changed = sources
        .into_iter()
        .filter_map(|source| newest(source))
        .max();
    if modified(&module).is_some_and(|built| Some(built) >= changed) {
        return Ok(module);
    }
    let output = Command::new(folder.join("build"))
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8(output.stderr).unwrap_or_default();
    match output.status.code() {
        Some(0) => Ok(module),
        Some(MISSING) => Err(said.trim().to_owned()),
        _ => panic!("{language} does not build: {said}"),
    }
}

/// When a source in the folder was changed last.
fn newest(folder: &Path) -> Option<SystemTime> {
    let built = ["target", "node_modules", "__pycache__", "out"];
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let times = entries.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name());
        if built.iter().any(|skipped| name == *skipped) || name == "policy.wasm" {
            return None;
        }
        if path.is_dir() {
            newest(&path)
        } else {
            modified(&path)
        }
    });
    times.max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

//! Programs that tests run.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// What a program said, and whether it was content.
#[derive(Clone, Debug)]
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// True where it exited with 0.
    pub content: bool,
}

impl Said {
    /// Its output.
    ///
    /// # Panics
    /// It failed.
    #[must_use]
    pub fn expect(self, what: &str) -> String {
        assert!(self.content, "{what}\n{}\n{}", self.out, self.err);
        self.out
    }
}

/// Runs a program to its end.
///
/// # Panics
/// It cannot be started, or says what is not UTF-8.
pub async fn said(mut command: Command) -> Said {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Said {
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
        content: output.status.success(),
    }
}

/// True where a program is on the search path; else says which test is skipped.
#[must_use]
pub fn present(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let present = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if !present {
        eprintln!("SKIPPED: {name} is not installed");
    }
    present
}

/// Cargo's target folder: this program is `target/<profile>/deps/<name>`.
///
/// # Panics
/// This is no test program.
#[must_use]
pub fn target() -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    this.ancestors()
        .nth(3)
        .expect("target/<profile>/deps/<name>")
        .to_owned()
}

/// The folder of the built policies.
#[must_use]
pub fn modules() -> PathBuf {
    target().join("wasm32-unknown-unknown/policy")
}

/// The root of the repository.
///
/// # Panics
/// Never: this package is in a folder of it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package is in a folder")
}

/// The program `sluice`. Cargo builds it before it runs a test.
#[must_use]
pub fn sluice() -> PathBuf {
    target().join("debug/sluice-program")
}

/// A folder of `tests/clients` with its packages, copied to the target folder; none where npm is
/// missing.
///
/// # Panics
/// The packages cannot be installed.
pub async fn node_package(name: &str) -> Option<PathBuf> {
    if !present("npm") || !present("node") {
        return None;
    }
    let from = repository().join("tests/clients").join(name);
    let to = target().join("e2e").join(name);
    std::fs::create_dir_all(&to).expect("the target folder is ours");
    for entry in std::fs::read_dir(from).expect("a folder of the repository") {
        let file = entry.expect("an entry").path();
        let name = file.file_name().expect("a file has a name");
        std::fs::copy(&file, to.join(name)).expect("the target folder is ours");
    }
    let mut install = Command::new("npm");
    install.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefer-offline",
    ]);
    install.current_dir(&to);
    let _ = said(install).await.expect("npm installs the packages");
    Some(to)
}

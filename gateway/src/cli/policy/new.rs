//! `sluice policy new`: a folder that builds, made of the examples and the SDK.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

/// The languages that there is an SDK for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Rust, by cargo.
    Rust,
    /// TypeScript or JavaScript, in QuickJS.
    Js,
    /// Python, in CPython.
    Python,
    /// C, by zig or clang.
    C,
    /// Go.
    Go,
}

/// A file's path in the new folder and what is in it.
type File = (&'static str, &'static str);

/// A file of the repository, by its path there.
macro_rules! repository {
    ($path:literal) => {
        include_str!(concat!("../../../../", $path))
    };
}

/// Files of the SDK, which keep their place.
macro_rules! vendored {
    ($($path:literal),* $(,)?) => {
        [$((concat!("sluice/", $path), repository!($path))),*]
    };
}

const EVERYWHERE: [File; 2] = [
    ("cases.json", repository!("policies/examples/cases.json")),
    ("sluice/wit/policy.wit", repository!("wit/policy.wit")),
];

const RUST: [File; 4] = [
    ("Cargo.toml", include_str!("new/Cargo.toml.txt")),
    ("build", include_str!("new/rust-build.txt")),
    (
        "src/lib.rs",
        repository!("policies/examples/rust/src/lib.rs"),
    ),
    (
        "sluice/sdk/rust/Cargo.toml",
        include_str!("new/sdk.toml.txt"),
    ),
];

const RUST_SDK: [File; 14] = vendored![
    "sdk/rust/src/bindings.rs",
    "sdk/rust/src/decision.rs",
    "sdk/rust/src/exports.rs",
    "sdk/rust/src/facts.rs",
    "sdk/rust/src/grants.rs",
    "sdk/rust/src/grants/fixed.rs",
    "sdk/rust/src/lib.rs",
    "sdk/rust/src/pattern.rs",
    "sdk/rust/src/pattern/tests.rs",
    "sdk/rust/src/policy.rs",
    "sdk/rust/src/scope.rs",
    "sdk/rust/src/settings.rs",
    "sdk/rust/src/values.rs",
    "sdk/rust/src/values/tests.rs",
];

const JS: [File; 4] = [
    ("build", repository!("policies/examples/js/build")),
    (
        "package.json",
        repository!("policies/examples/js/package.json"),
    ),
    ("policy.ts", repository!("policies/examples/js/policy.ts")),
    (
        "tsconfig.json",
        repository!("policies/examples/js/tsconfig.json"),
    ),
];

const JS_SDK: [File; 5] = vendored![
    "sdk/js/contract.d.ts",
    "sdk/js/package.json",
    "sdk/js/settings.ts",
    "sdk/js/sluice.ts",
    "sdk/js/values.ts",
];

const PYTHON: [File; 2] = [
    ("app.py", repository!("policies/examples/python/app.py")),
    ("build", repository!("policies/examples/python/build")),
];

const PYTHON_SDK: [File; 3] = vendored![
    "sdk/python/sluice_sdk/__init__.py",
    "sdk/python/sluice_sdk/settings.py",
    "sdk/python/sluice_sdk/values.py",
];

const C: [File; 2] = [
    ("build", repository!("policies/examples/c/build")),
    ("policy.c", repository!("policies/examples/c/policy.c")),
];

const C_SDK: [File; 3] = vendored!["sdk/c/settings.c", "sdk/c/sluice.c", "sdk/c/sluice.h"];

const GO: [File; 3] = [
    ("build", repository!("policies/examples/go/build")),
    ("go.mod", repository!("policies/examples/go/go.mod")),
    ("policy.go", repository!("policies/examples/go/policy.go")),
];

const GO_SDK: [File; 6] = vendored![
    "sdk/go/contract_wasm.go",
    "sdk/go/facts.go",
    "sdk/go/go.mod",
    "sdk/go/policy.go",
    "sdk/go/settings.go",
    "sdk/go/values.go",
];

impl Language {
    fn files(self) -> (&'static [File], &'static [File]) {
        match self {
            Language::Rust => (&RUST, &RUST_SDK),
            Language::Js => (&JS, &JS_SDK),
            Language::Python => (&PYTHON, &PYTHON_SDK),
            Language::C => (&C, &C_SDK),
            Language::Go => (&GO, &GO_SDK),
        }
    }

    /// What its author edits.
    pub(super) fn source(self) -> &'static str {
        match self {
            Language::Rust => "src/lib.rs",
            Language::Js => "policy.ts",
            Language::Python => "app.py",
            Language::C => "policy.c",
            Language::Go => "policy.go",
        }
    }

    /// What is needed once before it builds, where the language has a way to say so.
    pub(super) fn setup(self) -> Option<&'static str> {
        match self {
            Language::Rust => Some("rustup target add wasm32-unknown-unknown"),
            Language::Js => Some("npm install"),
            Language::Python => Some("pip install componentize-py==0.25.1"),
            Language::C => Some("pip install ziglang"),
            Language::Go => None,
        }
    }
}

/// Writes the folder, which must not be there yet.
pub(super) fn write(language: Language, folder: &Path) -> anyhow::Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.context("the folder needs a name of its own")?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits),
        "{name}: a policy's name has lower-case letters, digits and hyphens, and begins with a letter"
    );
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }
    let (own, sdk) = language.files();
    for (path, text) in EVERYWHERE.iter().chain(own) {
        write_file(&folder.join(path), &placed(text, name))?;
    }
    for (path, text) in sdk {
        write_file(&folder.join(path), text)?;
    }
    let ignored = "/out\n/policy.wasm\n/target\nnode_modules\n__pycache__\n";
    write_file(&folder.join(".gitignore"), ignored)
}

/// The text of an example where the repository is not three folders up but in `sluice`.
fn placed(text: &str, name: &str) -> String {
    text.replace("sluice=../../..", "sluice=./sluice")
        .replace("../../../sdk", "./sluice/sdk")
        .replace("{{name}}", name)
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(named)?;
    }
    fs::write(path, text).with_context(named)?;
    if text.starts_with("#!") {
        make_executable(path).with_context(named)?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_new_folder_knows_nothing_of_the_repository_around_it() {
        let folder = tempfile::tempdir().unwrap();
        for language in Language::value_variants() {
            let new = folder.path().join(format!("{language:?}").to_lowercase());
            write(*language, &new).unwrap();
            assert!(new.join(language.source()).exists());
            let build = fs::read_to_string(new.join("build")).unwrap();
            assert!(
                build.starts_with("#!/bin/sh\n") && !build.contains("../"),
                "{build}"
            );
            assert!(write(*language, &new).is_err(), "nothing is overwritten");
        }
    }

    #[test]
    fn every_file_of_the_sdk_is_there() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        for (language, folder) in [
            (Language::Rust, "rust/src"),
            (Language::Js, "js"),
            (Language::Python, "python/sluice_sdk"),
            (Language::C, "c"),
            (Language::Go, "go"),
        ] {
            for entry in fs::read_dir(sdk.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let ending = format!("{folder}/{name}");
                let (_, files) = language.files();
                let there = files.iter().any(|(path, _)| path.ends_with(&ending));
                assert!(there || path.is_dir(), "{ending}");
            }
        }
    }

    #[test]
    fn a_name_must_do_for_every_tool() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Mask", "1st", "a b", "a_b", "ä"] {
            assert!(
                write(Language::C, &folder.path().join(name)).is_err(),
                "{name}"
            );
        }
    }
}

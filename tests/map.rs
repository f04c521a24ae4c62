//! The map is the territory: what ARCHITECTURE.md and the house rules say of the files is true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sluice_tests::programs::repository;

/// Large dependencies, and the only package that may name each.
const OWNERS: [(&str, &str); 7] = [
    ("wasmtime", "gateway/policy"),
    ("axum", "gateway/console"),
    ("sqlparser", "gateway/sql"),
    ("pg_query", "gateway/sql"),
    ("openidconnect", "gateway/identity"),
    ("memmap2", "gateway/trail"),
    ("wit-bindgen", "sdk/rust"),
];

/// What each of our packages may name of the others.
const ARROWS: [(&str, &[&str]); 7] = [
    ("gateway/wire", &[]),
    ("gateway/sql", &[]),
    ("gateway/trail", &[]),
    ("gateway/identity", &[]),
    ("gateway/policy", &["wire", "sql", "identity"]),
    ("gateway/console", &["policy", "trail", "identity"]),
    (
        "gateway",
        &["wire", "sql", "trail", "identity", "policy", "console"],
    ),
];

const OURS: [&str; 8] = [
    "wire",
    "sql",
    "trail",
    "identity",
    "policy",
    "console",
    "sluice",
    "sluice-sdk",
];

/// All files of the repository that end so, but for what is built or fetched.
fn files(ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if !["target", "node_modules", ".git", "corpus"].contains(&name) {
                    walk(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(repository(), ending, &mut found);
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The manifests of the workspace's members, by folder.
fn manifests() -> BTreeMap<String, toml::Table> {
    let root: toml::Table = read(&repository().join("Cargo.toml"))
        .parse()
        .expect("TOML");
    let members = root["workspace"]["members"].as_array().expect("members");
    let member = |folder: &toml::Value| {
        let folder = folder.as_str().expect("a folder").to_owned();
        let manifest = read(&repository().join(&folder).join("Cargo.toml"));
        (folder, manifest.parse().expect("TOML"))
    };
    members.iter().map(member).collect()
}

/// Everything a manifest depends on, for whatever purpose.
fn dependencies(manifest: &toml::Table, kinds: &[&str]) -> Vec<String> {
    let tables = kinds
        .iter()
        .filter_map(|kind| manifest.get(*kind)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = read(&repository().join("ARCHITECTURE.md"));
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|word| word.contains('/') && !word.contains([' ', '<', '*', '{', ':', '(', '$']))
        .filter(|word| !word.starts_with("http") && !word.starts_with("application/"))
        .collect();
    assert!(paths.len() > 5, "ARCHITECTURE.md names files: {paths:?}");
    for path in paths {
        let bases = ["", "gateway", "gateway/src"];
        let exists = bases
            .iter()
            .any(|base| repository().join(base).join(path).exists());
        assert!(exists, "ARCHITECTURE.md names {path}, which does not exist");
    }
}

#[test]
fn each_large_dependency_has_one_owner() {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let manifests = manifests();
    for (dependency, owner) in OWNERS {
        let named: Vec<&String> = manifests
            .iter()
            .filter(|(_, manifest)| {
                dependencies(manifest, &kinds)
                    .iter()
                    .any(|d| d == dependency)
            })
            .map(|(folder, _)| folder)
            .collect();
        assert_eq!(named, [owner], "{dependency}");
    }
}

#[test]
fn crates_point_one_way() {
    let manifests = manifests();
    for (folder, allowed) in ARROWS {
        let named = dependencies(&manifests[folder], &["dependencies"]);
        for name in named.iter().filter(|name| OURS.contains(&name.as_str())) {
            assert!(
                allowed.contains(&name.as_str()),
                "{folder} may not name {name}"
            );
        }
    }
}

#[test]
fn policies_share_only_the_contract_with_the_host() {
    for (folder, manifest) in manifests() {
        if folder.starts_with("policies/") || folder.starts_with("sdk/") {
            let named = dependencies(&manifest, &["dependencies"]);
            let host = named.iter().find(|name| OURS[..7].contains(&name.as_str()));
            assert_eq!(host, None, "{folder}");
        }
    }
}

#[test]
fn files_are_named_for_what_they_hold_and_are_short() {
    let vague = [
        "mod", "util", "utils", "common", "helpers", "types", "prelude", "misc",
    ];
    for path in files(".rs") {
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("UTF-8");
        assert!(!vague.contains(&name), "{} says nothing", path.display());
        let lines = read(&path).lines().count();
        assert!(lines <= 900, "{} has {lines} lines", path.display());
    }
}

#[test]
fn only_the_trail_is_unsafe() {
    let mark = concat!("un", "safe {");
    for path in files(".rs") {
        let inside = path.strip_prefix(repository()).expect("a file of ours");
        if read(&path).contains(mark) {
            assert!(inside.starts_with("gateway/trail"), "{}", inside.display());
        }
    }
}

#[test]
fn nothing_is_left_to_do() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
    ];
    for path in files(".rs").into_iter().chain(files(".wit")) {
        let text = read(&path);
        let left = marks.iter().find(|mark| text.contains(**mark));
        assert_eq!(left, None, "{}", path.display());
    }
}

//! A module on disk -> what it is and what it asks for.

use std::path::Path;

use anyhow::Context as _;
use policy::Grant;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wit_component::DecodedWasm;

use super::metadata::Metadata;

/// The package of the contract.
const PACKAGE: &str = "sluice:policy/";
/// What every policy may import without being granted it.
const AMBIENT: [&str; 3] = ["facts", "types", "grants"];

/// What a module is.
#[derive(Debug, Serialize)]
pub(crate) struct Module {
    pub(crate) file: String,
    /// SHA-256 of the file, as verdicts and the trail name it.
    pub(crate) digest: String,
    pub(crate) bytes: usize,
    /// What it says of itself.
    pub(crate) metadata: Metadata,
    /// The version of the contract that it was built against.
    pub(crate) contract: Option<String>,
    /// What the configuration must grant before it loads, or may, where it can do without.
    pub(crate) grants: Vec<String>,
    /// True where it asks what is granted, and loads without.
    pub(crate) adapts: bool,
    /// What it imports and no policy may.
    pub(crate) refused: Vec<String>,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

impl Module {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = path.display().to_string();
        let bytes = policy::files::read(path, policy::EngineConfig::default().module_bytes)
            .with_context(|| file.clone())?;
        Self::of(file.clone(), &bytes).context(file)
    }

    /// What it must be granted.
    pub(crate) fn needs(&self) -> Vec<Grant> {
        let needed = self.grants.iter().filter(|_| !self.adapts);
        needed.filter_map(|name| Grant::named(name)).collect()
    }

    pub(crate) fn of(file: String, bytes: &[u8]) -> anyhow::Result<Self> {
        let component = policy::componentize(bytes)?;
        let DecodedWasm::Component(resolve, world) = wit_component::decode(&component)? else {
            anyhow::bail!("this is a WIT package, not a module");
        };
        let world = &resolve.worlds[world];
        let imports: Vec<String> = world
            .imports
            .keys()
            .map(|name| resolve.name_world_key(name))
            .collect();
        let exports: Vec<String> = world
            .exports
            .keys()
            .map(|name| resolve.name_world_key(name))
            .collect();
        let asked: Vec<&String> = imports.iter().filter(|name| !is_ambient(name)).collect();
        let granted = |name: &str| interface(name).and_then(Grant::named);
        Ok(Self {
            file,
            digest: format!("{:x}", Sha256::digest(bytes)),
            bytes: bytes.len(),
            metadata: Metadata::read(&component)?.unwrap_or_default(),
            contract: contract(&exports),
            grants: asked
                .iter()
                .filter_map(|name| granted(name))
                .map(|g| g.to_string())
                .collect(),
            refused: asked
                .iter()
                .filter(|n| granted(n).is_none())
                .map(|n| (*n).clone())
                .collect(),
            adapts: imports.iter().any(|name| interface(name) == Some("grants")),
            imports,
            exports,
        })
    }
}

/// The name of an interface of the contract, without package and version.
fn interface(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PACKAGE)?;
    Some(
        rest.split_once('@')
            .map_or(rest, |(interface, _)| interface),
    )
}

fn is_ambient(name: &str) -> bool {
    interface(name).is_some_and(|interface| AMBIENT.contains(&interface))
}

/// A policy exports `hooks`; the version of that is the one it was built against.
fn contract(exports: &[String]) -> Option<String> {
    let hooks = exports
        .iter()
        .find(|name| interface(name) == Some("hooks"))?;
    hooks.split_once('@').map(|(_, version)| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Module, contract, interface, is_ambient};

    #[test]
    fn what_is_no_module_is_said_to_be_none() {
        for bytes in [&b""[..], b"#!/bin/sh", b"\0asm\x01\0\0\0"] {
            assert!(Module::of("x".to_owned(), bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn an_empty_component_is_no_policy() {
        let module = Module::of("x".to_owned(), b"\0asm\x0d\0\x01\0").unwrap();
        assert_eq!((module.contract, module.bytes), (None, 8));
        assert!(module.grants.is_empty() && module.imports.is_empty());
    }

    #[test]
    fn names_of_the_contract_are_told_from_others() {
        assert_eq!(interface("sluice:policy/clock@0.1.0"), Some("clock"));
        assert_eq!(interface("wasi:clocks/wall-clock@0.2.0"), None);
        assert!(is_ambient("sluice:policy/facts@0.1.0") && !is_ambient("wasi:x/facts@0.1.0"));
        let exports = ["a:b/hooks@9.0.0", "sluice:policy/hooks@0.1.0"].map(str::to_owned);
        assert_eq!(contract(&exports).as_deref(), Some("0.1.0"));
    }
}

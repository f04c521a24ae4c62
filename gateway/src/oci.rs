//! Modules from OCI registries: pulled by digest, once, into the store; from then on they are files.
//!
//! The store holds for each reference its manifest, which has the digest of the reference, and the
//! module, which has the digest that the manifest says. Both are checked whenever policies are
//! loaded, and pulled again where they are not what they should be; what is compiled is checked once
//! more, by the bytes that are. With a copy in the store, no
//! registry is asked.
//!
//! This speaks to registries itself: two requests, by the HTTP client that is here already. The
//! crates that do it bring another client and some twenty more crates.

mod reference;
mod registry;

use std::path::{Path, PathBuf};

use policy::{Digest, LoadError, LoadStep, PolicyConfig, signatures_of};
use serde::Deserialize;

use crate::config::{Config, Modules};
use crate::replace;
pub use reference::Reference;
pub(crate) use reference::SCHEME;
use registry::{Registry, Unavailable};

/// A module of a policy that is to be there as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The policy.
    pub policy: String,
    /// What to pull.
    pub reference: Reference,
    /// The file to be.
    pub file: PathBuf,
}

/// How the layer of a manifest that is a module is marked.
const MODULE_TYPES: [&str; 2] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
];
/// How the layer that holds the signatures of the module is marked.
const SIGNATURES_TYPE: &str = "application/vnd.sluice.signatures";

const MOST_MANIFEST: usize = 1 << 20;
const MOST_SIGNATURES: usize = 64 << 10;

/// Where the module of a reference is kept in a store.
pub(crate) fn file_of(store: &Path, reference: &Reference) -> PathBuf {
    store.join(format!("sha256-{}.wasm", reference.digest()))
}

fn manifest_of(module: &Path) -> PathBuf {
    module.with_extension("json")
}

/// The policies of a configuration, after seeing to it that every module named by a reference is in the
/// store: with the digest that it must still have when it is loaded. Asks registries only for what
/// is not there, and takes its time then.
///
/// # Errors
/// One cannot be had.
pub(crate) fn policies(config: &Config) -> Result<Vec<PolicyConfig>, LoadError> {
    let mut policies = config.policies.clone();
    for pull in &config.modules.pulls {
        let digest = match kept(pull) {
            Some(digest) => digest,
            None => pulled(pull, &config.modules)?,
        };
        for policy in &mut policies {
            if policy.module == pull.file {
                policy.digest = Some(digest);
            }
            if let Some(shadow) = policy.shadow.as_mut().filter(|one| one.module == pull.file) {
                shadow.digest = Some(digest);
            }
        }
    }
    Ok(policies)
}

/// The digest of the module, where the store has the manifest of the reference and the module that it
/// says.
fn kept(pull: &Pull) -> Option<Digest> {
    let manifest = policy::files::read(&manifest_of(&pull.file), MOST_MANIFEST as u64).ok()?;
    if !is_of(&manifest, pull.reference.digest()) {
        return None;
    }
    let wanted = Manifest::parse(&manifest).ok()?.module().ok()?.hex().ok()?;
    let digest = Digest::of_file(&pull.file).ok()?;
    (digest.to_string() == wanted).then_some(digest)
}

fn pulled(pull: &Pull, modules: &Modules) -> Result<Digest, LoadError> {
    let pulled = std::thread::scope(|scope| scope.spawn(|| pull_now(pull, modules)).join());
    let pulled = pulled.unwrap_or_else(|_| Err("pulling it failed".to_owned()));
    pulled.map_err(|reason| LoadError {
        policy: Some(pull.policy.clone()),
        step: LoadStep::Read,
        reason: format!("{}: {reason}", pull.reference),
    })
}

fn pull_now(pull: &Pull, modules: &Modules) -> Result<Digest, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(download(pull, modules))
}

async fn download(pull: &Pull, modules: &Modules) -> Result<Digest, String> {
    let reference = &pull.reference;
    let mut registry = Registry::new(reference, modules)?;
    let digest = reference.digest();
    let manifest = registry.manifest(digest, MOST_MANIFEST).await;
    let manifest = checked(manifest, digest).map_err(|error| {
        let store = modules.directory.display();
        format!("{error}; {store} has no copy of it")
    })?;
    let known = Manifest::parse(&manifest)?;
    let wanted = known.module()?.hex()?;
    let most = policy::EngineConfig::default().module_bytes;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let module = checked(registry.blob(&wanted, most).await, &wanted)?;
    let signatures = match known.signatures()? {
        Some(layer) => {
            let wanted = layer.hex()?;
            Some(checked(
                registry.blob(&wanted, MOST_SIGNATURES).await,
                &wanted,
            )?)
        }
        None => None,
    };
    let failed = |error: std::io::Error| format!("it cannot be kept: {error}");
    std::fs::create_dir_all(&modules.directory).map_err(failed)?;
    let beside = signatures_of(&pull.file);
    if let Some(signatures) = signatures
        && !beside.exists()
    {
        replace::file(&beside, &signatures).map_err(failed)?;
    }
    replace::file(&pull.file, &module).map_err(failed)?;
    replace::file(&manifest_of(&pull.file), &manifest).map_err(failed)?;
    Ok(Digest::of(&module))
}

/// The bytes, where they have this digest.
fn checked(bytes: Result<Vec<u8>, Unavailable>, digest: &str) -> Result<Vec<u8>, String> {
    let bytes = bytes.map_err(|error| error.to_string())?;
    if is_of(&bytes, digest) {
        return Ok(bytes);
    }
    Err(format!(
        "the registry gave other bytes for sha256:{digest}; nothing of them is kept"
    ))
}

fn is_of(bytes: &[u8], digest: &str) -> bool {
    Digest::of(bytes).to_string() == digest
}

/// What an OCI manifest says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

impl Manifest {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("its manifest is none: {error}"))
    }

    /// The one layer that is a module.
    fn module(&self) -> Result<&Layer, String> {
        self.one(|layer| MODULE_TYPES.contains(&layer.media_type.as_str()))?
            .ok_or_else(|| format!("it has no layer of type {}", MODULE_TYPES[0]))
    }

    fn signatures(&self) -> Result<Option<&Layer>, String> {
        self.one(|layer| layer.media_type == SIGNATURES_TYPE)
    }

    fn one(&self, wanted: impl Fn(&Layer) -> bool) -> Result<Option<&Layer>, String> {
        let mut found = self.layers.iter().filter(|layer| wanted(layer));
        match (found.next(), found.next()) {
            (Some(layer), Some(_)) => Err(format!("it has several layers of {}", layer.media_type)),
            (layer, _) => Ok(layer),
        }
    }
}

impl Layer {
    fn hex(&self) -> Result<String, String> {
        let hex = reference::hex(&self.digest);
        hex.map(str::to_owned).ok_or_else(|| {
            format!(
                "its layer has the digest {}, which is no sha256",
                self.digest
            )
        })
    }
}

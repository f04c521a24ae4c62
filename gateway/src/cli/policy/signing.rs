//! `sluice policy keygen`, `sign` and `verify`: who vouches for a module.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use policy::{Digest, Grant, PrivateKey, Signature, signatures_of};
use rand::Rng as _;

use super::inspect::Module;
use crate::config::trust;
use crate::replace;

/// Arguments of `sluice policy keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice policy keygen --out alice.key

The same by openssl:
  openssl genpkey -algorithm ed25519 -out alice.key
  echo ed25519:$(openssl pkey -in alice.key -pubout -outform DER | tail -c 32 | base64)")]
pub struct Keygen {
    /// Where to write the private key; only its owner may read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Arguments of `sluice policy sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice policy sign policies/guard.wasm --key alice.key

Adds a line to policies/guard.wasm.sig. Several people may sign the same module.")]
pub struct Sign {
    /// The module.
    module: PathBuf,
    /// The private key, as `keygen` or openssl makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Arguments of `sluice policy verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice policy verify policies/guard.wasm --trust trust.toml

Exit codes: 0 a gateway that requires this trust would take it, 1 it would not.")]
pub struct Verify {
    /// The module; its signatures are in the file beside it.
    module: PathBuf,
    /// The keys that are trusted, and how many of them a module needs.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// What the module would be granted, if not just what it needs; may be repeated.
    #[arg(long = "grant", value_name = "GRANT", value_parser = grant)]
    grants: Vec<Grant>,
}

fn grant(name: &str) -> Result<Grant, String> {
    Grant::named(name).ok_or_else(|| {
        let all = Grant::ALL.map(Grant::as_str).join(", ");
        format!("`{name}` is no grant; there are: {all}")
    })
}

/// Makes a key.
pub(super) fn keygen(args: &Keygen) -> anyhow::Result<ExitCode> {
    let key = PrivateKey::new(rand::rng().random());
    let named = || args.out.display().to_string();
    // An existing key is never overwritten.
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.out)
        .with_context(named)?;
    file.write_all(key.to_pem().as_bytes())
        .with_context(named)?;
    super::said(&format!(
        "Private key in {}: keep it. For the file of trust:\n\n[keys.NAME]\npublic = \"{}\"\n",
        named(),
        key.public()
    ))
}

/// Signs a module.
pub(super) fn sign(args: &Sign) -> anyhow::Result<ExitCode> {
    let key = private_key(&args.key)?;
    let digest = digest(&args.module)?;
    let named = || args.module.display().to_string();
    let module = fs::File::open(&args.module).with_context(named)?;
    // Who signs at the same time waits, until this is closed.
    module.lock().with_context(named)?;
    let mut signatures = Signature::beside(&args.module)?;
    // What is of other bytes says nothing any more.
    signatures.retain(|one| one.key() != key.public() && one.is_of(digest));
    signatures.push(key.sign(digest));
    let mut text = format!("# Who vouches for sha256 {digest}\n");
    for signature in &signatures {
        text.push_str(&format!("{signature}\n"));
    }
    let file = signatures_of(&args.module);
    replace::file(&file, text.as_bytes()).with_context(|| file.display().to_string())?;
    let (path, count) = (file.display(), signatures.len());
    let public = key.public();
    super::said(&format!(
        "{path}: {count} signatures of sha256 {digest}, one of {public}\n"
    ))
}

/// Says whether a module is signed as it must be.
pub(super) fn verify(args: &Verify) -> anyhow::Result<ExitCode> {
    let (trust, _) = trust::read(&args.trust).map_err(anyhow::Error::msg)?;
    let digest = digest(&args.module)?;
    let grants = match args.grants.as_slice() {
        [] => Module::read(&args.module)?.needs(),
        given => given.to_vec(),
    };
    match trust.signers(&args.module, digest, &grants) {
        Ok(signers) => {
            let (path, signers) = (args.module.display(), signers.join(", "));
            super::said(&format!(
                "{path}: good, signed by {signers}{}\n",
                for_what(&grants)
            ))
        }
        Err(why) => bail!(why),
    }
}

/// The grants, in words, that a module is vouched for with.
fn for_what(grants: &[Grant]) -> String {
    let names: Vec<_> = grants.iter().map(|grant| grant.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" (granted {})", names.join(", ")),
    }
}

/// The keys that have signed a module as it is, trusted or not.
pub(super) fn keys(module: &Path) -> anyhow::Result<Vec<String>> {
    let digest = digest(module)?;
    let signatures = Signature::beside(module)?;
    let good = signatures.iter().filter(|one| one.is_of(digest));
    Ok(good.map(|one| one.key().to_string()).collect())
}

/// The signatures beside a module for people: a line for each key, with its name where it is known.
pub(super) fn describe(module: &Path, trusted: Option<&Path>) -> anyhow::Result<String> {
    let digest = digest(module)?;
    let mut lines = Vec::new();
    for signature in Signature::beside(module)? {
        let good = match signature.is_of(digest) {
            true => "",
            false => " (of other bytes: it says nothing)",
        };
        lines.push(format!("{}{good}", signature.key()));
    }
    let mut text = match lines.is_empty() {
        true => "Signed    by nobody\n".to_owned(),
        false => format!("Signed    {}\n", lines.join("\n          ")),
    };
    if let Some(file) = trusted {
        let (trust, _) = trust::read(file).map_err(anyhow::Error::msg)?;
        let grants = Module::read(module)?.needs();
        text.push_str(&match trust.signers(module, digest, &grants) {
            Ok(signers) => format!("Trusted   {}{}\n", signers.join(", "), for_what(&grants)),
            Err(why) => format!("Trusted   no: {why}\n"),
        });
    }
    Ok(text)
}

/// The digest of a module's file.
pub(super) fn digest(module: &Path) -> anyhow::Result<Digest> {
    Digest::of_file(module).with_context(|| module.display().to_string())
}

/// A key that only its owner may read.
fn private_key(file: &Path) -> anyhow::Result<PrivateKey> {
    let named = || file.display().to_string();
    let mode = fs::metadata(file).with_context(named)?.permissions().mode();
    ensure!(
        mode & 0o077 == 0,
        "{}: others may read this key; chmod 600 it",
        named()
    );
    let text = fs::read_to_string(file).with_context(named)?;
    PrivateKey::from_pem(&text).with_context(named)
}

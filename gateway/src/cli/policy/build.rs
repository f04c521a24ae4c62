//! `sluice policy build`: runs the folder's `build` and makes of what it leaves what the gateway
//! loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::inspect::Module;

/// What `build` leaves in its folder.
pub(super) const MODULE: &str = "policy.wasm";

/// Builds the policy in the folder: a component that a gateway would load, as far as can be said
/// without running it.
pub(super) fn build(folder: &Path) -> anyhow::Result<Module> {
    let script = folder.join("build");
    ensure!(
        script.exists(),
        "{} has no build: is it a policy's folder? `sluice policy new` makes one",
        folder.display()
    );
    let script = fs::canonicalize(&script).with_context(|| script.display().to_string())?;
    let status = Command::new(&script)
        .current_dir(folder)
        .status()
        .with_context(|| script.display().to_string())?;
    ensure!(status.success(), "the build failed ({status})");
    component(folder.join(MODULE))
}

/// Makes the module a component, in its place.
fn component(path: PathBuf) -> anyhow::Result<Module> {
    let named = || path.display().to_string();
    let built = fs::read(&path).with_context(named)?;
    let component = policy::componentize(&built).with_context(named)?;
    let module = Module::of(named(), &component).with_context(named)?;
    if let Some(import) = module.refused.first() {
        let advice = match import.starts_with("wasi:") {
            true => "; build it without WASI, or with stand-ins for it, such as --stub-wasi",
            false => "",
        };
        bail!(
            "{}: it imports {import}, which no policy may{advice}",
            named()
        );
    }
    ensure!(
        module.contract.is_some(),
        "{}: it exports no sluice:policy/hooks: this is not a policy",
        named()
    );
    if component != built {
        fs::write(&path, &component).with_context(named)?;
    }
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::component;

    fn built(wat: &str) -> anyhow::Result<super::Module> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.wasm");
        std::fs::write(&path, wat.as_bytes()).unwrap();
        component(path)
    }

    #[test]
    fn what_is_no_policy_is_refused_in_words() {
        let error = built("\0asm\x0d\0\x01\0").unwrap_err();
        assert!(
            error.to_string().contains("this is not a policy"),
            "{error}"
        );
        let error = format!("{:#}", built("\0asm\x01\0\0\0").unwrap_err());
        assert!(error.contains("without a component type"), "{error}");
    }
}

//! `sluice policy build`: runs the folder's `build` and makes of what it leaves what the gateway
//! loads.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, bail, ensure};

use super::inspect::Module;
use super::metadata::Metadata;

/// What `build` leaves in its folder.
pub(super) const MODULE: &str = "policy.wasm";

/// Builds the policy in the folder: a component that a gateway would load, as far as can be said
/// without running it.
pub(super) fn build(folder: &Path) -> anyhow::Result<Module> {
    let mut command = command(folder)?;
    let status = command.status();
    finish(folder, status.with_context(|| format!("{command:?}"))?)
}

/// What runs the language's own tool.
pub(super) fn command(folder: &Path) -> anyhow::Result<Command> {
    let script = folder.join("build");
    ensure!(
        script.exists(),
        "{} has no build: is it a policy's folder? `sluice policy new` makes one",
        folder.display()
    );
    let script = fs::canonicalize(&script).with_context(|| script.display().to_string())?;
    let mut command = Command::new(script);
    command.current_dir(folder);
    Ok(command)
}

/// Makes what the tool left a component that says what it is, in its place.
pub(super) fn finish(folder: &Path, status: ExitStatus) -> anyhow::Result<Module> {
    ensure!(status.success(), "the build failed ({status})");
    let path = folder.join(MODULE);
    let named = || path.display().to_string();
    let built = fs::read(&path).with_context(named)?;
    let mut metadata = Metadata::of_folder(folder)?;
    let component = policy::componentize(&built).with_context(named)?;
    let module = Module::of(named(), &component).with_context(named)?;
    check(&module, metadata.language.as_deref()).with_context(named)?;
    metadata.contract = module.contract;
    let component = metadata.put_into(&component).with_context(named)?;
    if component != built {
        fs::write(&path, &component).with_context(named)?;
    }
    Module::of(named(), &component)
}

/// Refuses what no gateway would load.
fn check(module: &Module, language: Option<&str>) -> anyhow::Result<()> {
    if !module.refused.is_empty() {
        let names = module.refused.join(", ");
        let wasi = module.refused.iter().any(|name| name.starts_with("wasi:"));
        let advice = match (wasi, language) {
            (false, _) => "there is nobody to give it: leave it out",
            (true, Some("Rust")) => "build for wasm32-unknown-unknown, which has no WASI",
            (true, Some("TypeScript" | "JavaScript" | "Python")) => {
                "let the tool put stand-ins in its place, by --stub-wasi"
            }
            (true, _) => "build it without WASI, or with stand-ins for it, such as --stub-wasi",
        };
        bail!("it imports {names}, which no policy may: {advice}");
    }
    ensure!(
        module.contract.is_some(),
        "it exports no sluice:policy/hooks: this is not a policy"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::{MODULE, finish};

    fn built(module: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MODULE), module).unwrap();
        format!(
            "{:#}",
            finish(folder.path(), ExitStatus::default()).unwrap_err()
        )
    }

    #[test]
    fn what_is_no_policy_is_refused_in_words() {
        let error = built(b"\0asm\x0d\0\x01\0");
        assert!(error.contains("this is not a policy"), "{error}");
        let error = built(b"\0asm\x01\0\0\0");
        assert!(
            error.contains("exports no sluice:policy/hooks@0.1.0"),
            "{error}"
        );
    }
}

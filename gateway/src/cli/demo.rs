//! `sluice demo`.

use std::process::ExitCode;

/// Arguments of `sluice demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}

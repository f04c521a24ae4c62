//! `sluice policy`.

use std::process::ExitCode;

/// Commands of `sluice policy`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists.
    List,
}

/// Runs one.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(_command: Command) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}

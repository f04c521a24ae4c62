//! The program: arguments to a command, a command to an exit code.

use std::io::IsTerminal as _;

use clap::Parser as _;
use sluice::cli::Cli;
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
    let filter = EnvFilter::try_from_env("SLUICE_LOG");
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn,sluice=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    sluice::cli::run(Cli::parse())
}

//! The program as `gateway/src/main.rs` has it, for tests that run it as a process.

use clap::Parser as _;
use sluice::cli::Cli;

fn main() -> std::process::ExitCode {
    sluice::cli::run(Cli::parse())
}

//! The program: arguments to a command, a command to an exit code.

use clap::Parser as _;
use sluice::cli::Cli;

fn main() -> std::process::ExitCode {
    sluice::cli::run(Cli::parse())
}

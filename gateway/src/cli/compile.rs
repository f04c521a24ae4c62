//! The hidden command that the gateway compiles modules by.

use std::path::PathBuf;
use std::process::ExitCode;

/// What the engine says that started it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Bytes of memory that a policy may have there.
    memory_bytes: usize,
    /// Where it looks for what was made.
    kept: PathBuf,
}

/// Compiles the module that comes from standard input, and says on standard output why not; the exit code is
/// that of the outcome.
pub fn run(args: &Args) -> ExitCode {
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let outcome = policy::compile(args.memory_bytes, &args.kept, input, output);
    ExitCode::from(outcome.code())
}

//! The hidden command that the gateway compiles modules by.

use std::path::PathBuf;
use std::process::ExitCode;

use policy::{EngineConfig, LoadStep};

/// What the engine says that started it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many instances the engine may have.
    instances: u32,
    /// Bytes of memory that a policy may have there.
    memory_bytes: usize,
    /// Where it looks for what was made.
    kept: PathBuf,
}

/// Compiles the module that comes from standard input. Exit codes: 0 and 1, it was compiled or is wrong, within
/// its bounds; 2, they could not be kept.
///
/// # Errors
/// What is wrong with the module.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = EngineConfig {
        instances: args.instances,
        memory_bytes: args.memory_bytes,
        ..EngineConfig::default()
    };
    match policy::compile(&config, &args.kept, std::io::stdin().lock()) {
        Err(error) if error.step == LoadStep::Engine => {
            eprintln!("sluice: {error}");
            Ok(ExitCode::from(2))
        }
        done => Ok(done.map(|()| ExitCode::SUCCESS)?),
    }
}

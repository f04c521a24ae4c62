//! `sluice check`: what `serve` would make of a configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;

/// Arguments of `sluice check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  sluice check /etc/sluice/sluice.toml && systemctl reload sluice"
)]
pub struct Args {
    /// The configuration file.
    file: PathBuf,
    /// Prints the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Reads the file, loads the policies with their settings, and says what is wrong.
///
/// # Errors
/// What is wrong, by key and line.
#[expect(clippy::print_stdout, reason = "this is the command line")]
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outcome = Config::read(&args.file)
        .map_err(anyhow::Error::from)
        .and_then(|config| crate::gateway::load_policies(&config).map_err(anyhow::Error::from));
    if args.json {
        let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
        println!(
            "{}",
            serde_json::json!({ "ok": error.is_none(), "error": error })
        );
    } else {
        match &outcome {
            Ok(_) => println!("{}: good", args.file.display()),
            Err(error) => eprintln!("{error:#}"),
        }
    }
    Ok(if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

//! `sluice serve`.

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::gateway::Gateway;

/// Arguments of `sluice serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sluice serve --config /etc/sluice/sluice.toml")]
pub struct Args {
    /// The configuration file. Policies in it are read again whenever it changes.
    #[arg(long)]
    config: PathBuf,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// What kept the gateway from starting.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let drain = config.limits.drain;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut stopped = pin!(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        let running = tokio::select! {
            started = Gateway::start(config) => started?,
            () = &mut stopped => return Ok(ExitCode::SUCCESS),
        };
        for address in running.addresses() {
            tracing::info!(%address, "listening for PostgreSQL clients");
        }
        if let Some(address) = running.console_address() {
            tracing::info!(%address, "listening for HTTP");
        }
        stopped.await;
        tracing::info!("stopping");
        running.shutdown(drain).await;
        Ok(ExitCode::SUCCESS)
    })
}

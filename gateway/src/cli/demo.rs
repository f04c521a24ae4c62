//! `sluice demo`.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::stop::Stop;
use crate::demo::people::Person;
use crate::demo::provider::Provider;
use crate::demo::{DATABASE, Demo, Options};

/// Arguments of `sluice demo`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:\n  make policies && sluice demo --port 6432")]
pub struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// The port for clients, on 127.0.0.1; any that is free where 0.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The folder of the built policies.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "target/wasm32-unknown-unknown/policy"
    )]
    policies: PathBuf,
    /// How much sample data; 1 is some hundred thousand rows.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
}

/// A part of the demo on its own.
#[derive(Debug, clap::Subcommand)]
enum Part {
    /// Runs only the identity provider, which vouches for whomever one names.
    Provider {
        /// Where it listens, and what tokens name as their issuer.
        #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 6434)))]
        address: SocketAddr,
        /// The folder that keeps its key.
        #[arg(long, value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Runs it until Ctrl-C, and leaves nothing behind.
///
/// # Errors
/// What kept it from starting, for the person at the terminal.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Signals are ours before anything is started that must be stopped.
        let mut stop = Stop::new()?;
        match args.part {
            None => {
                let address = (Ipv4Addr::LOCALHOST, args.port).into();
                let options = Options {
                    address,
                    policies: args.policies,
                    scale: args.scale,
                };
                serve(&options, &mut stop).await
            }
            Some(Part::Provider { address, directory }) => {
                let mut provider = Provider::start(address, &directory).await?;
                say(&format!("The provider listens at {}", provider.url()));
                tokio::select! {
                    () = provider.ended() => anyhow::bail!("the provider's listener failed"),
                    () = stop.told() => Ok(ExitCode::SUCCESS),
                }
            }
        }
    })
}

/// Starts the demo, says what to try, and waits.
async fn serve(options: &Options, stop: &mut Stop) -> anyhow::Result<ExitCode> {
    let progress = |line: &str| say(&format!("{line} ..."));
    let demo = tokio::select! {
        demo = Box::pin(Demo::start(options, &progress)) => demo?,
        () = stop.told() => return Ok(ExitCode::FAILURE),
    };
    say(&what_to_try(&demo));
    stop.told().await;
    say("\nStopping ...");
    demo.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Lines to copy.
fn what_to_try(demo: &Demo) -> String {
    let psql = |person: Person| {
        let token = demo.token_file(person);
        let (host, port) = (demo.address().ip(), demo.address().port());
        let name = person.name();
        format!(
            "PGPASSWORD=$(cat {}) psql -h {host} -p {port} -U {name} {DATABASE}",
            token.display()
        )
    };
    let sluice = program();
    let (trail, console) = (demo.trail(), demo.console());
    let dora = demo.token_file(Person::Dora);
    let (trail, dora) = (trail.display(), dora.display());
    format!(
        "
Ready. Lines to copy into another terminal:

Alice, an analyst. Contact and payment data come back masked:
  {alice}
    SELECT name, email, phone FROM customers LIMIT 5;
    SELECT * FROM recent_payments LIMIT 5;
    SELECT upper(email) FROM customers;
    DROP TABLE orders_import;   -- waits for Dora

An agent that acts for her. What is risky waits for a person:
  {agent}
    DELETE FROM api_tokens WHERE customer_id = 7;

Dora, who may approve (and sees values as they are):
  {sluice} holds list --url {console} --token-file {dora}
  {sluice} holds approve 1 --url {console} --token-file {dora}
  {dora_psql}

The record, as it grows, and a session again:
  {sluice} trail tail -f --trail {trail}
  {sluice} replay last --trail {trail}

The configuration, which takes effect when it is saved:
  {configuration}

Ctrl-C ends all of it and leaves nothing behind.",
        alice = psql(Person::Alice),
        agent = psql(Person::Agent),
        dora_psql = psql(Person::Dora),
        configuration = demo.configuration().display(),
    )
}

/// This program as a person would type it here.
fn program() -> String {
    let Ok(program) = std::env::current_exe() else {
        return "sluice".to_owned();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let short: &Path = program.strip_prefix(&here).unwrap_or(&program);
    short.display().to_string()
}

/// One line for the person at the terminal. A terminal that is gone is no reason to stop.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

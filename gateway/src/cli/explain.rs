//! `sluice explain`: what a statement would do, and why it is allowed, masked, held or refused.
//!
//! The statement is read and judged as the gateway would, and never run.

mod report;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use policy::{Request, Step};
use sql::Strings;
use sql::analysis::Analysis;

use crate::analyst::Analysts;
use crate::cli::subject::{self, Opened, Who};
use crate::config::Config;
use report::{Description, Report};

/// Arguments of `sluice explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sluice explain --config sluice.toml --as alice --group analysts 'SELECT email FROM customers'
  sluice explain --config sluice.toml --token-file alice.token --json - < report.sql

The statement is read and judged with the policies of the configuration and the catalog of the \
database, and not run. The exit code is 0 where it would be allowed, 1 where it would be refused \
or held.")]
pub struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The database, as clients name it; may be left out where only one is configured.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    #[command(flatten)]
    who: Who,
    /// The application_name that the client would claim.
    #[arg(long, value_name = "NAME", default_value = "")]
    application: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The statement; `-` reads it from standard input.
    statement: String,
}

/// Runs it.
///
/// # Errors
/// What kept it from being explained, for the person at the terminal.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(explain(&args))?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.text()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if report.is_allowed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn explain(args: &Args) -> anyhow::Result<Report> {
    let config = Config::read(&args.config)?;
    let text: Arc<str> = statement(&args.statement)?.into();
    let database = args.database.as_deref();
    let opened = subject::open(&config, database, &args.who, &args.application).await?;
    let Opened {
        catalog,
        upstream,
        mut judge,
        mut session,
        ..
    } = opened;
    let analysts = Analysts::start(1)?;
    let analysis = analysts.analyze(&text, Strings::Standard, &catalog).await?;
    let request = Request {
        frames: Bytes::new(),
        step: Step::Query,
        text: Arc::clone(&text),
        strings: Strings::Standard,
        parameters: None,
    };
    let explained = judge
        .explain(&mut session, request, &analysis, &catalog)
        .map_err(subject::refused)?;
    let described = describe(&upstream, &text, &analysis, &explained).await;
    Ok(Report::new(&analysis, &explained, &catalog, described))
}

/// What the columns of the result are called: the upstream reads the statement, and runs nothing.
/// Only one that would run, and runs alone, can be described.
async fn describe(
    upstream: &tokio_postgres::Client,
    text: &str,
    analysis: &Analysis,
    explained: &policy::Explanation,
) -> Description {
    let allowed = matches!(explained.verdict, policy::Verdict::Allow(_));
    if !allowed || analysis.statements.len() != 1 {
        return Description::default();
    }
    match upstream.prepare(text).await {
        Ok(prepared) => Description {
            columns: prepared
                .columns()
                .iter()
                .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
                .collect(),
            error: None,
        },
        Err(error) => Description {
            columns: Vec::new(),
            error: error.as_db_error().map(|said| said.message().to_owned()),
        },
    }
}

fn statement(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("standard input is no UTF-8 text")?;
    Ok(text)
}

//! `sluice explain`: what a statement would do, and why it is allowed, masked, held or refused.
//!
//! The statement is read and judged as the gateway would, and never run.

mod report;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bytes::Bytes;
use identity::{Actor, Identity, Verifier};
use policy::{Judge, Request, SessionFacts, Step};
use sql::Strings;
use sql::analysis::Analysis;

use crate::analyst::Analysts;
use crate::config::{Config, Database};
use crate::session::upstream::Dialer;
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

/// Whom to judge for: a token's owner, or someone made up.
#[derive(Debug, clap::Args)]
struct Who {
    /// A file that holds the token of the person to judge for.
    #[arg(long, value_name = "FILE", required_unless_present = "subject")]
    token_file: Option<PathBuf>,
    /// The subject to judge for, without a token.
    #[arg(long = "as", value_name = "SUBJECT", conflicts_with = "token_file")]
    subject: Option<String>,
    /// A group of theirs; may be repeated.
    #[arg(long = "group", value_name = "GROUP", requires = "subject")]
    groups: Vec<String>,
    /// Their e-mail address.
    #[arg(long, value_name = "ADDRESS", requires = "subject")]
    email: Option<String>,
    /// An agent that acts for them; repeated, the one that connects comes first.
    #[arg(long = "act", value_name = "AGENT", requires = "subject")]
    actors: Vec<String>,
    /// A claim of theirs as NAME=JSON; may be repeated.
    #[arg(long = "claim", value_name = "NAME=JSON", requires = "subject", value_parser = claim)]
    claims: Vec<(String, serde_json::Value)>,
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
    let (name, database) = database(&config, args.database.as_deref())?;
    let text: Arc<str> = statement(&args.statement)?.into();
    let identity = identity(&args.who, &config).await?;
    let policies = Arc::new(crate::gateway::load_policies(&config)?);
    let dialer = Dialer::new(database.upstream.clone(), config.limits.connect)?;
    let (catalog, upstream) = crate::catalog::read_once(database, &dialer).await?;
    let analysts = Analysts::start(1)?;
    let analysis = analysts.analyze(&text, Strings::Standard, &catalog).await;
    let facts = SessionFacts {
        identity: Arc::new(identity),
        database: name.into(),
        application: args.application.as_str().into(),
    };
    let mut judge = Judge::new(policies);
    let mut session = match judge.admit(facts, &catalog) {
        Ok(session) => session,
        Err(denial) => anyhow::bail!("the session would be refused: {}", denial.reason),
    };
    let request = Request {
        frames: Bytes::new(),
        step: Step::Query,
        text: Arc::clone(&text),
        strings: Strings::Standard,
        parameters: None,
    };
    let explained = judge.explain(&mut session, request, &analysis, &catalog);
    let explained = match explained {
        Ok(explained) => explained,
        Err(denial) => anyhow::bail!("the session would be refused: {}", denial.reason),
    };
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

fn database<'a>(
    config: &'a Config,
    wanted: Option<&str>,
) -> anyhow::Result<(&'a str, &'a Database)> {
    let names = || config.databases.keys().cloned().collect::<Vec<_>>();
    let mut all = config.databases.iter();
    let found = match wanted {
        Some(wanted) => all.find(|(name, _)| *name == wanted),
        None if config.databases.len() == 1 => all.next(),
        None => anyhow::bail!("name the database: --database {}", names().join(" | ")),
    };
    let found = found.map(|(name, database)| (name.as_str(), database));
    found.with_context(|| format!("no such database; configured: {}", names().join(", ")))
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

async fn identity(who: &Who, config: &Config) -> anyhow::Result<Identity> {
    let now = SystemTime::now();
    if let Some(file) = &who.token_file {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let verifier = Verifier::discover(config.identity.clone()).await?;
        return Ok(verifier.verify(token.trim(), now).await?);
    }
    let actors = who.actors.iter().map(|subject| Actor {
        subject: subject.clone(),
        issuer: None,
    });
    Ok(Identity {
        subject: who.subject.clone().unwrap_or_default(),
        issuer: config.identity.issuer.clone(),
        email: who.email.clone(),
        groups: who.groups.clone(),
        claims: who.claims.iter().cloned().collect(),
        actors: actors.collect(),
        expires_at: now + Duration::from_secs(3600),
    })
}

fn claim(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as NAME=JSON, such as department=\"sales\"")?;
    let value = serde_json::from_str(value).map_err(|error| format!("{name}: {error}"))?;
    Ok((name.to_owned(), value))
}

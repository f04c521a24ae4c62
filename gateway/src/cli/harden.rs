//! `sluice harden`: the role and the grants of the third line of defence.
//!
//! A role that can do what the gateway's own can, except read what is protected. Sessions for which
//! columns are protected live under it once `limited-role` names it.

mod grants;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use sql::analysis::ColumnId;
use sql::catalog::Catalog;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::cli::subject::{self, Opened, Who};
use crate::config::Config;
use grants::{Held, literal};

/// Arguments of `sluice harden`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sluice harden --config sluice.toml shop | psql -U postgres shop
  sluice harden --config sluice.toml shop --apply

Then name the role in the configuration: limited-role = \"app_limited\". What is protected is what \
the policies protect from someone in no group, or from whom the options name. Run it again whenever \
policies protect other columns, and after DDL: relations made since are out of the role's reach. \
The exit code is 1 where the role could still read a protected column.")]
pub struct Args {
    /// The database, as clients name it; may be left out where only one is configured.
    database: Option<String>,
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    who: Who,
    /// The role, where the configuration does not name it yet; by default the database's user with
    /// "_limited" behind it.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Runs the statements, in one transaction, as the database's user, and looks what the role can
    /// read then.
    #[arg(long)]
    apply: bool,
}

/// Runs it.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(harden(&args))
}

async fn harden(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let opened = subject::open(&config, args.database.as_deref(), &args.who, "").await?;
    let Opened {
        database,
        catalog,
        upstream,
        session,
        ..
    } = opened;
    let role = args.role.clone().or_else(|| database.limited_role.clone());
    let role = role.unwrap_or_else(|| format!("{}_limited", database.user));
    // Rights to PostgreSQL's own relations are everybody's.
    let protected: HashSet<ColumnId> = session
        .protected()
        .filter(|id| {
            catalog
                .column(*id)
                .is_some_and(|column| column.schema != "pg_catalog")
        })
        .collect();
    if protected.is_empty() {
        anyhow::bail!("nothing is protected from this identity; name one with --as and --group");
    }
    let held = held(&upstream).await?;
    let text = grants::statements(&database.user, &role, &held, &catalog, &protected);
    std::io::stdout().write_all(text.as_bytes())?;
    if !args.apply {
        return Ok(ExitCode::SUCCESS);
    }
    upstream.batch_execute(&text).await.map_err(|error| {
        let words = error
            .as_db_error()
            .map_or_else(|| error.to_string(), |said| said.message().to_owned());
        anyhow::anyhow!(
            "PostgreSQL refused, and nothing was changed: {words}\n\
             Run the statements as an administrator: sluice harden ... | psql"
        )
    })?;
    let open = readable(&upstream, &role, &protected, &catalog).await?;
    for column in &open {
        eprintln!("sluice: {role} can still read {column}: it has that right by another way");
    }
    Ok(if open.is_empty() {
        eprintln!("sluice: {role} can read no protected column");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the database's user may do with each relation.
async fn held(upstream: &Client) -> anyhow::Result<Vec<Held>> {
    let mut held = Vec::new();
    for message in upstream.simple_query(grants::HELD).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let cells: Vec<_> = (0..row.len()).map(|at| row.get(at)).collect();
            held.push(Held::read(&cells).context("the privileges cannot be read")?);
        }
    }
    Ok(held)
}

/// The protected columns that the role can read all the same.
async fn readable(
    upstream: &Client,
    role: &str,
    protected: &HashSet<ColumnId>,
    catalog: &Catalog,
) -> anyhow::Result<Vec<String>> {
    let mut open = Vec::new();
    for id in protected {
        let Some(column) = catalog.column(*id) else {
            continue;
        };
        let question = format!(
            "SELECT pg_catalog.has_column_privilege({}, {}::pg_catalog.oid, {}::int2, 'SELECT')",
            literal(role),
            id.relation,
            id.attribute
        );
        let answers = upstream.simple_query(&question).await?;
        let may = answers.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) != Some("f"),
            _ => false,
        });
        if may {
            let (schema, relation) = (column.schema, column.relation);
            open.push(format!("{schema}.{relation}.{}", column.name));
        }
    }
    open.sort_unstable();
    Ok(open)
}

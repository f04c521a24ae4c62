//! Whom and which database a question from the command line is about.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use identity::{Actor, Identity, Verifier};
use policy::{Denial, Judge, SessionFacts};
use sql::catalog::Catalog;

use crate::config::{Config, Database};
use crate::session::upstream::Dialer;

/// Whom to judge for: a token's owner, or someone made up.
#[derive(Debug, clap::Args)]
pub(crate) struct Who {
    /// A file that holds the token of the person to judge for.
    #[arg(long, value_name = "FILE")]
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

/// The database of this name; the only one where none is named.
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

/// A database as it is now, and what the policies make of someone who opens it.
pub(crate) struct Opened<'a> {
    pub(crate) database: &'a Database,
    pub(crate) catalog: Arc<Catalog>,
    /// A connection as clients have it.
    pub(crate) upstream: tokio_postgres::Client,
    pub(crate) judge: Judge,
    pub(crate) session: policy::Session,
}

/// Opens a database of the configuration for someone, as a session would; nothing is run there.
pub(crate) async fn open<'a>(
    config: &'a Config,
    database: Option<&str>,
    who: &Who,
    application: &str,
) -> anyhow::Result<Opened<'a>> {
    let (name, database) = self::database(config, database)?;
    let identity = who.identity(config).await?;
    let policies = Arc::new(crate::gateway::load_policies(config)?);
    let dialer = Dialer::new(database.upstream.clone(), config.limits.connect)?;
    let (catalog, upstream) = crate::catalog::read_once(database, &dialer).await?;
    let facts = SessionFacts {
        identity: Arc::new(identity),
        database: name.into(),
        application: application.into(),
    };
    let mut judge = Judge::new(policies);
    let session = judge.admit(facts, &catalog).map_err(refused)?;
    Ok(Opened {
        database,
        catalog,
        upstream,
        judge,
        session,
    })
}

/// The policies do not let someone in.
pub(crate) fn refused(denial: Denial) -> anyhow::Error {
    anyhow::anyhow!("the session would be refused: {}", denial.reason)
}

impl Who {
    /// Who that is; someone without a name and a group where nobody was named.
    async fn identity(&self, config: &Config) -> anyhow::Result<Identity> {
        let now = SystemTime::now();
        if let Some(file) = &self.token_file {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let verifier = Verifier::discover(config.identity.clone()).await?;
            return Ok(verifier.verify(token.trim(), now).await?);
        }
        let actors = self.actors.iter().map(|subject| Actor {
            subject: subject.clone(),
            issuer: None,
        });
        Ok(Identity {
            subject: self.subject.clone().unwrap_or_default(),
            issuer: config.identity.issuer.clone(),
            email: self.email.clone(),
            groups: self.groups.clone(),
            claims: self.claims.iter().cloned().collect(),
            actors: actors.collect(),
            expires_at: now + Duration::from_secs(3600),
        })
    }
}

fn claim(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as NAME=JSON, such as department=\"sales\"")?;
    let value = serde_json::from_str(value).map_err(|error| format!("{name}: {error}"))?;
    Ok((name.to_owned(), value))
}

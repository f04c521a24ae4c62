//! Whom and which database a question from the command line is about.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use identity::{Actor, Identity, Verifier};

use crate::config::{Config, Database};

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
pub(crate) fn database<'a>(
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

impl Who {
    /// Who that is; someone without a name and a group where nobody was named.
    pub(crate) async fn identity(&self, config: &Config) -> anyhow::Result<Identity> {
        let who = self;
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
}

fn claim(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as NAME=JSON, such as department=\"sales\"")?;
    let value = serde_json::from_str(value).map_err(|error| format!("{name}: {error}"))?;
    Ok((name.to_owned(), value))
}

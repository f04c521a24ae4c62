//! `sluice token`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use identity::issuer::{Claims, DevIssuer};

/// Arguments of `sluice token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  PGPASSWORD=$(sluice token --issuer-dir demo/issuer --sub alice --group analysts) \\
      psql -h localhost -p 6432 -U alice shop

The token is all that is printed. It is good where the gateway trusts this issuer, which only a \
demo or a test should.")]
pub struct Args {
    /// Folder of the development issuer: `sluice demo` prints it.
    #[arg(long, value_name = "DIR")]
    issuer_dir: PathBuf,
    /// Whom the token is about.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    sub: String,
    /// A group of theirs; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Their address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// An agent that acts for them; repeated, the one that connects comes first.
    #[arg(long = "act", value_name = "AGENT")]
    actors: Vec<String>,
    /// How long it is good, such as 15m or 12h.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    ttl: Duration,
}

/// Runs it.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let issuer = DevIssuer::load(&args.issuer_dir)?;
    let claims = Claims {
        email: args.email,
        groups: args.groups,
        actors: args.actors,
        ttl: Some(args.ttl),
        ..Claims::about(args.sub)
    };
    writeln!(
        std::io::stdout(),
        "{}",
        issuer.issue(&claims, SystemTime::now())
    )?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn words_that_make_no_sense_are_refused() {
        let parse = |words: &str| {
            let words = words
                .split(' ')
                .map(|word| if word == "''" { "" } else { word });
            Cli::try_parse_from(
                ["sluice", "token", "--issuer-dir", "d"]
                    .into_iter()
                    .chain(words),
            )
        };
        parse("--sub alice --group a --group b --act bot --ttl 90m").unwrap();
        for bad in ["--group a", "--sub ''", "--sub alice --ttl soon"] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}

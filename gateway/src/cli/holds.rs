//! `sluice holds`: requests that wait, and the answers to them, by way of the console's API.

pub mod remote;
pub(crate) mod table;

use std::io::Write as _;
use std::process::ExitCode;

use console::view;

use remote::{Connection, Failure, Output};
use table::{Table, line, printable};

/// Commands of `sluice holds`.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Command {
    /// Lists the requests that wait for approval and that you may see.
    #[command(after_help = "Example:
  sluice holds list --url http://127.0.0.1:8080 --token-file dora.token")]
    List {
        /// Where to ask.
        #[command(flatten)]
        connection: Connection,
    },
    /// Shows one with everything that an approval is bound to.
    #[command(after_help = "Example:
  sluice holds show 7")]
    Show {
        /// Its number.
        number: u64,
        /// Where to ask.
        #[command(flatten)]
        connection: Connection,
    },
    /// Approves one. It is judged again and, where nothing else is missing, runs.
    #[command(after_help = "Example:
  sluice holds approve 7
With the digest that `sluice holds show` prints, only that very request is approved:
  sluice holds approve 7 --digest 5f1c2ab0...")]
    Approve {
        /// Its number.
        number: u64,
        /// The digest of the request that you have seen.
        #[arg(long)]
        digest: Option<String>,
        /// Where to ask.
        #[command(flatten)]
        connection: Connection,
    },
    /// Refuses one.
    #[command(after_help = "Example:
  sluice holds deny 7 --reason \"use the reporting copy\"")]
    Deny {
        /// Its number.
        number: u64,
        /// Why, in words for the requester.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Where to ask.
        #[command(flatten)]
        connection: Connection,
    },
}

/// Shown below the help of every group of commands that asks the console.
pub(crate) const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 not found, 4 not allowed.";

/// Runs one.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    Failure::into_exit(match command {
        Command::List { connection } => list(&connection),
        Command::Show { number, connection } => show(&connection, number),
        Command::Approve {
            number,
            digest,
            connection,
        } => approve(&connection, number, digest),
        Command::Deny {
            number,
            reason,
            connection,
        } => deny(&connection, number, reason),
    })
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let view::Holds { holds } = connection.get("holds")?;
    match connection.output() {
        Output::Json => return remote::print_json(&view::Holds { holds }),
        Output::Text if holds.is_empty() => {
            writeln!(std::io::stdout(), "Nothing waits for approval.")?;
            return Ok(());
        }
        Output::Text => {}
    }
    let mut table = Table::new(["NO", "UNTIL", "WHO", "DATABASE", "APPROVALS", "STATEMENT"]);
    for hold in &holds {
        table.row([
            hold.number.to_string(),
            hold.until.clone(),
            who(&hold.requester),
            hold.database.clone(),
            progress(hold),
            line(&hold.statement, 60),
        ]);
    }
    table.print()?;
    Ok(())
}

fn show(connection: &Connection, number: u64) -> Result<(), Failure> {
    let hold: view::Hold = connection.get(&format!("holds/{number}"))?;
    match connection.output() {
        Output::Json => remote::print_json(&hold),
        Output::Text => Ok(std::io::stdout().write_all(describe(&hold).as_bytes())?),
    }
}

fn approve(connection: &Connection, number: u64, digest: Option<String>) -> Result<(), Failure> {
    let answer = connection.post(
        &format!("holds/{number}/approve"),
        &view::Approval { digest },
    )?;
    say(connection, &answer)
}

fn deny(connection: &Connection, number: u64, reason: String) -> Result<(), Failure> {
    let answer = connection.post(&format!("holds/{number}/deny"), &view::Denial { reason })?;
    say(connection, &answer)
}

fn say(connection: &Connection, answer: &view::Answer) -> Result<(), Failure> {
    let what = match (connection.output(), answer.outcome) {
        (Output::Json, _) => return remote::print_json(answer),
        (Output::Text, view::Outcome::Released) => "is approved",
        (Output::Text, view::Outcome::NeedsMore) => "has your approval and needs another",
        (Output::Text, view::Outcome::Denied) => "is denied",
    };
    writeln!(std::io::stdout(), "Request {} {what}.", answer.number)?;
    Ok(())
}

/// One request in full. Everything that the requester chose is printed so that it cannot steer
/// the approver's terminal.
fn describe(hold: &view::Hold) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str| {
        text.push_str(&format!("{name:<12} {}\n", printable(value)));
    };
    fact("Request", &hold.number.to_string());
    fact("Who", &who(&hold.requester));
    fact("Groups", &hold.requester.groups.join(", "));
    fact("Issuer", &hold.requester.issuer);
    fact("Database", &hold.database);
    fact("Application", &hold.application);
    fact("Since", &hold.since);
    fact("Until", &hold.until);
    for demand in &hold.demands {
        let approvers = match demand.approvers.as_slice() {
            [] => "the deployment's approvers".to_owned(),
            groups => groups.join(" or "),
        };
        let missing = demand.missing;
        fact("Held by", &format!("{}: {}", demand.policy, demand.reason));
        fact(
            "",
            &format!(
                "{missing} of {} approvals missing, by {approvers}",
                demand.approvals
            ),
        );
    }
    for person in &hold.approved_by {
        fact("Approved by", &who(person));
    }
    for (position, value) in hold.parameters.iter().flatten().enumerate() {
        let value = value
            .as_ref()
            .map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"));
        fact(&format!("${}", position + 1), &value);
    }
    fact("Digest", &hold.digest);
    text.push('\n');
    hold.statement
        .lines()
        .for_each(|line| text.push_str(&format!("  {}\n", printable(line))));
    text
}

fn who(person: &view::Person) -> String {
    match person.actors.as_slice() {
        [] => person.subject.clone(),
        actors => format!("{} (via {})", person.subject, actors.join(", ")),
    }
}

/// "1 of 2": given and needed, over all demands.
fn progress(hold: &view::Hold) -> String {
    let needed: u32 = hold.demands.iter().map(|demand| demand.approvals).sum();
    let missing: u32 = hold.demands.iter().map(|demand| demand.missing).sum();
    format!("{} of {needed}", needed.saturating_sub(missing))
}

#[cfg(test)]
mod tests;

//! `sluice trail`: reads the record.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use trail::SessionId;
use trail::event::{Event, rfc3339, who};
use trail::export::write_lines;
use trail::reader::{Reader, SessionSummary};

pub(crate) mod cell;
mod line;
mod page;
pub(crate) mod results;

/// How often a followed trail is looked at.
const TURN: Duration = Duration::from_millis(200);

/// Commands of `sluice trail`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Prints the last requests, one a line.
    Tail(TailArgs),
    /// Prints all that is known of one request: verdict, policies, masks, the result as the client saw it.
    Show(ShowArgs),
    /// Lists the sessions.
    Sessions(SessionsArgs),
    /// Writes requests as standard JSON, one a line, for any log shipper.
    Export(ExportArgs),
}

/// Where the trail is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The trail's directory.
    #[arg(long = "trail", value_name = "DIR", env = "SLUICE_TRAIL")]
    dir: Option<PathBuf>,
    /// A configuration that names the trail's directory.
    #[arg(long, value_name = "FILE", env = "SLUICE_CONFIG")]
    config: Option<PathBuf>,
}

/// Arguments of `sluice trail tail`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sluice trail tail --trail /var/lib/sluice/trail -f\n  \
    sluice trail tail -n 100 --session last --json | jq .statement"
)]
pub struct TailArgs {
    #[command(flatten)]
    place: Place,
    /// Goes on with what comes.
    #[arg(short, long)]
    follow: bool,
    /// How many requests to begin with.
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    lines: usize,
    /// Only of this session: a part of its name, or `last`.
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Arguments of `sluice trail show`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sluice trail show 8Q2ZKD/14\n  sluice trail show last/3 --json\n  \
    sluice trail show last"
)]
pub struct ShowArgs {
    /// Session and number of the request, as `tail` prints them; `last` is the last request, `last/3` the third of the
    /// last session.
    id: String,
    #[command(flatten)]
    place: Place,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `sluice trail sessions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sluice trail sessions --trail /var/lib/sluice/trail")]
pub struct SessionsArgs {
    #[command(flatten)]
    place: Place,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Arguments of `sluice trail export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sluice trail export --since 24h --out events.json\n  \
    sluice trail export --follow | vector --config ship.toml"
)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// The format.
    #[arg(long, value_enum, default_value_t = Format::Ocsf)]
    format: Format,
    /// Only requests since then: a time such as `2026-01-31T08:00:00Z`, or how long ago, such as `24h`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,
    /// The file to append to, instead of the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Goes on with what comes.
    #[arg(short, long)]
    follow: bool,
}

/// Formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Open Cybersecurity Schema Framework, class 6005 (Datastore Activity).
    Ocsf,
}

/// Runs one.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    let out = &mut std::io::stdout().lock();
    ended(match command {
        Command::Tail(args) => tail(&args, out),
        Command::Show(args) => show(&args, out),
        Command::Sessions(args) => sessions(&args, out),
        Command::Export(args) => export(&args, out),
    })
}

/// An exit code; nobody reading on is not a failure.
pub(crate) fn ended(done: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match done {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

impl Place {
    /// A reader of the trail.
    pub(crate) fn reader(&self) -> anyhow::Result<Reader> {
        let dir = match (&self.dir, &self.config) {
            (Some(dir), _) => dir.clone(),
            (None, Some(config)) => directory_of(config)?,
            (None, None) => {
                anyhow::bail!("which trail? Give --trail DIR, --config FILE or SLUICE_TRAIL")
            }
        };
        Ok(Reader::open(dir)?)
    }

    /// A reader of one session, which is named by a part of its name or by `last`.
    pub(crate) fn session(&self, name: &str) -> anyhow::Result<Reader> {
        let session = match name.parse() {
            Ok(session) => session,
            Err(trail::session_id::NotASessionId) => {
                let mut reader = self.reader()?.without_results();
                reader.poll()?;
                find(&reader.sessions(), name)?
            }
        };
        Ok(self.reader()?.only(session))
    }
}

/// The trail's directory by the configuration, of which the rest need not be right here.
fn directory_of(config: &Path) -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(config);
    let text = text.with_context(|| format!("cannot read {}", config.display()))?;
    let table: toml::Table = toml::from_str(&text)?;
    let dir = table
        .get("trail")
        .and_then(|trail| trail.get("directory")?.as_str());
    let dir = dir.with_context(|| format!("{}: no trail.directory", config.display()))?;
    Ok(config.parent().unwrap_or(Path::new("")).join(dir))
}

/// The one session whose name begins or ends so.
fn find(sessions: &[SessionSummary], name: &str) -> anyhow::Result<SessionId> {
    let name = name.to_ascii_uppercase();
    let mut ids = sessions.iter().map(|summary| summary.opening.session);
    if name == "LAST" {
        return ids.next_back().context("the trail has no session");
    }
    let found: Vec<_> = ids
        .filter(|id| {
            let id = id.to_string();
            id.starts_with(&name) || id.ends_with(&name)
        })
        .collect();
    match found.as_slice() {
        [] => anyhow::bail!("no session's name begins or ends with {name}"),
        [one] => Ok(*one),
        several => anyhow::bail!("{name} is part of the names of {} sessions", several.len()),
    }
}

pub(crate) fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return SystemTime::now()
            .checked_sub(ago)
            .ok_or_else(|| "too long ago".to_owned());
    }
    humantime::parse_rfc3339_weak(text).map_err(|error| error.to_string())
}

fn tail(args: &TailArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let reader = match &args.session {
        Some(name) => args.place.session(name)?,
        None => args.place.reader()?,
    };
    let mut reader = reader.without_results();
    let mut events = reader.poll()?;
    if !args.follow {
        events.extend(reader.unfinished());
        events.sort_by_key(|event| event.time);
    }
    let width = line::width();
    let mut skip = events.len().saturating_sub(args.lines);
    loop {
        for event in events.drain(..).skip(skip) {
            match args.json {
                true => writeln!(out, "{}", event.json())?,
                false => writeln!(out, "{}", line::of(&event, width))?,
            }
        }
        out.flush()?;
        if !args.follow {
            return Ok(());
        }
        std::thread::sleep(TURN);
        (events, skip) = (reader.poll()?, 0);
    }
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let event = wanted(args)?;
    let pieces = results::pieces(&event.delivered);
    if args.json {
        let mut json = event.json();
        json["results"] = results::json(&pieces);
        writeln!(out, "{json}")?;
    } else {
        out.write_all(page::of(&event, &pieces).as_bytes())?;
    }
    Ok(())
}

fn wanted(args: &ShowArgs) -> anyhow::Result<Event> {
    let (session, number) = match args.id.rsplit_once('/') {
        Some((session, number)) => {
            let number: u64 = number
                .parse()
                .context("the number of a request is a number")?;
            (session, Some(number))
        }
        None if args.id == "last" => ("last", None),
        None => {
            anyhow::bail!("a request is named SESSION/NUMBER, as `sluice trail tail` prints it")
        }
    };
    let mut reader = args.place.session(session)?;
    let mut events = reader.poll()?;
    events.extend(reader.unfinished());
    let found = match number {
        Some(number) => events.into_iter().find(|event| event.number == number),
        None => events.into_iter().max_by_key(|event| event.number),
    };
    found.with_context(|| format!("there is no request {}", args.id))
}

fn sessions(args: &SessionsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut reader = args.place.reader()?.without_results();
    reader.poll()?;
    for summary in reader.sessions() {
        if args.json {
            let mut json = serde_json::to_value(&*summary.opening)?;
            json["time"] = rfc3339(summary.opening.time).into();
            json["requests"] = summary.requests.into();
            json["denied"] = summary.denied.into();
            json["ended"] = summary.ended.map(rfc3339).into();
            writeln!(out, "{json}")?;
        } else {
            writeln!(out, "{}", session_line(&summary))?;
        }
    }
    Ok(())
}

fn session_line(summary: &SessionSummary) -> String {
    let opening = &summary.opening;
    let lasted = summary
        .ended
        .and_then(|ended| ended.duration_since(opening.time).ok());
    let lasted = lasted.map_or("not ended".to_owned(), |lasted| {
        humantime::format_duration(Duration::from_millis(lasted.as_millis() as u64)).to_string()
    });
    let text = format!(
        "{}  {}  {}  {}  {} requests, {} denied  {lasted}  {}",
        line::clock(opening.time),
        opening.session,
        who(opening),
        opening.database,
        summary.requests,
        summary.denied,
        opening.application,
    );
    cell::printable(&text)
}

fn export(args: &ExportArgs, stdout: &mut dyn Write) -> anyhow::Result<()> {
    let Format::Ocsf = args.format;
    let mut file = match &args.out {
        Some(path) => Some(trail::Sink::File(path.clone()).open()?),
        None => None,
    };
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => stdout,
    };
    let mut reader = args.place.reader()?.without_results();
    loop {
        let mut events = reader.poll()?;
        if !args.follow {
            events.extend(reader.unfinished());
        }
        events.retain(|event| args.since.is_none_or(|since| event.time >= since));
        write_lines(out, &events)?;
        if !args.follow {
            return Ok(());
        }
        std::thread::sleep(TURN);
    }
}

/// Whether people read what is printed.
fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

#[cfg(test)]
mod tests;

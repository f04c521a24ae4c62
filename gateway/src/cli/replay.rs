//! `sluice replay`: plays a recorded session again, as the client saw it.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use trail::event::{Event, rfc3339, who};
use trail::{Effect, Step};

use super::trail::results::{self, Piece};
use super::trail::{Place, cell, ended};

/// Arguments of `sluice replay`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sluice replay last\n  sluice replay 8Q2ZKD --speed 4x --max-wait 2s\n  \
    sluice replay last --instant --json | jq .results"
)]
pub struct Args {
    /// The session: its name, a part of it that only it begins or ends with, or `last`.
    session: String,
    #[command(flatten)]
    place: Place,
    /// How fast, as in `2x` or `0.5`.
    #[arg(long, value_name = "FACTOR", default_value = "1x", value_parser = speed)]
    speed: f64,
    /// Waits for nothing.
    #[arg(long, conflicts_with = "speed")]
    instant: bool,
    /// Waits no longer than this for the next statement.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    max_wait: Option<Duration>,
    /// Prints JSON, one object a request.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    ended(play(&args, &mut std::io::stdout().lock()))
}

fn play(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut reader = args.place.session(&args.session)?;
    let mut events = reader.poll()?;
    events.extend(reader.unfinished());
    events.sort_by_key(|event| event.number);
    events.retain(was_seen);
    let Some(first) = events.first() else {
        anyhow::bail!("session {} has no request", args.session);
    };
    if !args.json {
        heading(first, out)?;
    }
    let mut now = first.session.time;
    for event in &events {
        wait(
            args,
            event.time.duration_since(now).unwrap_or_default(),
            out,
        )?;
        let pieces = results::pieces(&event.delivered);
        if args.json {
            let mut json = event.json();
            json["results"] = results::json(&pieces);
            writeln!(out, "{json}")?;
        } else {
            out.write_all(question(event).as_bytes())?;
        }
        let duration = event
            .outcome()
            .map(|outcome| outcome.duration)
            .unwrap_or_default();
        wait(args, duration, out)?;
        if !args.json {
            out.write_all(answer(event, &pieces).as_bytes())?;
        }
        now = now.max(event.time + duration);
    }
    Ok(out.flush()?)
}

/// Whether the client saw an answer of its own to it: preparing and binding show only when they were refused.
fn was_seen(event: &Event) -> bool {
    let refused = event
        .verdict()
        .is_some_and(|verdict| verdict.effect != Effect::Allow);
    let failed = event
        .outcome()
        .is_some_and(|outcome| outcome.sqlstate.is_some());
    match event.step {
        Step::Query | Step::Execute | Step::Other => true,
        Step::Parse | Step::Bind => refused || failed,
    }
}

fn wait(args: &Args, time: Duration, out: &mut dyn Write) -> std::io::Result<()> {
    if args.instant || time.is_zero() {
        return Ok(());
    }
    out.flush()?;
    let time = time.div_f64(args.speed);
    std::thread::sleep(args.max_wait.map_or(time, |most| time.min(most)));
    Ok(())
}

fn heading(first: &Event, out: &mut dyn Write) -> std::io::Result<()> {
    let session = &first.session;
    let text = format!(
        "-- {} on {} at {}, session {}",
        who(session),
        session.database,
        rfc3339(session.time),
        session.session
    );
    writeln!(out, "{}\n", cell::printable(&text))
}

/// The statement after a prompt, with its parameters.
fn question(event: &Event) -> String {
    let mut text = String::new();
    let mut prompt = format!("{}=> ", event.session.database);
    let statement = event.statement.trim();
    for line in statement.lines() {
        text.push_str(&prompt);
        text.push_str(&cell::printable(line));
        text.push('\n');
        prompt = format!("{}-> ", event.session.database);
    }
    for (number, parameter) in event.parameters.iter().enumerate() {
        let value = parameter
            .text()
            .map_or("NULL".to_owned(), |value| format!("'{value}'"));
        text.push_str(&format!(
            "-- ${} = {}\n",
            number + 1,
            cell::printable(&value)
        ));
    }
    text
}

/// What came back, and how long it took.
fn answer(event: &Event, pieces: &[Piece]) -> String {
    let mut text = String::new();
    results::draw(pieces, &mut text);
    let Some(outcome) = event.outcome() else {
        return format!("{text}-- {}\n\n", event.ending.name());
    };
    if outcome.omitted > 0 {
        text.push_str(&format!(
            "-- {} more bytes are not on the record\n",
            outcome.omitted
        ));
    }
    let tables = pieces.iter().any(|piece| matches!(piece, Piece::Table(_)));
    match (&outcome.sqlstate, event.verdict()) {
        (Some(_), Some(verdict)) if verdict.effect != Effect::Allow => {
            let (policy, reason) = (&verdict.policy, cell::printable(&verdict.reason));
            text.push_str(&format!("ERROR:  refused by {policy}: {reason}\n"));
        }
        (Some(state), _) => text.push_str(&format!("ERROR:  {state}\n")),
        (None, _) if !tables && !outcome.tag.is_empty() => {
            text.push_str(&cell::printable(&outcome.tag));
            text.push('\n');
        }
        (None, _) => {}
    }
    text + &format!(
        "Time: {:.3} ms\n\n",
        outcome.duration.as_secs_f64() * 1000.0
    )
}

fn speed(text: &str) -> Result<f64, String> {
    let factor: f64 = text
        .trim_end_matches('x')
        .parse()
        .map_err(|_| "not a number".to_owned())?;
    if factor.is_finite() && factor >= 0.001 {
        Ok(factor)
    } else {
        Err("must be above 0".to_owned())
    }
}

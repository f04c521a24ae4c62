//! One request as one line.

use std::time::{Duration, SystemTime};

use trail::Effect;
use trail::event::{Ending, Event};

use super::cell;

/// How many characters of a session's name tell it from others; they are its last, which chance gave.
const SHORT: usize = 6;

/// The width to cut lines to: that of the terminal, and none elsewhere.
pub(super) fn width() -> Option<usize> {
    if !super::is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Time, name, who, database, verdict, rows, duration, statement.
pub(super) fn of(event: &Event, width: Option<usize>) -> String {
    let (verdict, policy) = verdict(event);
    let text = format!(
        "{}  {:>10}  {}  {}  {verdict}{policy}  {}  {}",
        clock(event.time),
        short(event),
        event.who(),
        event.session.database,
        result(event),
        words(&event.statement),
    );
    let line = cell::printable(&text);
    match width {
        Some(width) if line.chars().count() > width => line
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        Some(_) | None => line,
    }
}

/// A time, to the millisecond, in UTC.
pub(super) fn clock(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time)
        .to_string()
        .replace('T', " ")
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

fn short(event: &Event) -> String {
    let session = event.session.session.to_string();
    format!("{}/{}", &session[session.len() - SHORT..], event.number)
}

fn verdict(event: &Event) -> (&'static str, String) {
    let Some(verdict) = event.verdict() else {
        return ("unjudged", String::new());
    };
    let name = match verdict.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
        Effect::Hold => "hold",
    };
    let policy = Some(&verdict.policy).filter(|policy| !policy.is_empty());
    (
        name,
        policy
            .map(|policy| format!(" ({policy})"))
            .unwrap_or_default(),
    )
}

fn result(event: &Event) -> String {
    let rows = |rows| {
        if rows == 1 {
            "1 row".to_owned()
        } else {
            format!("{rows} rows")
        }
    };
    match &event.ending {
        Ending::Open | Ending::Lost => event.ending.name().to_owned(),
        Ending::Abandoned(outcome) => format!("abandoned  {}", milliseconds(outcome.duration)),
        Ending::Closed(outcome) => {
            let what = outcome
                .sqlstate
                .as_ref()
                .map(|state| format!("error {state}"));
            let what = what.unwrap_or_else(|| rows(outcome.rows));
            format!("{what}  {}", milliseconds(outcome.duration))
        }
    }
}

/// A statement in one line.
fn words(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

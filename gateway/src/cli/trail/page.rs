//! All that is known of one request, as a page.

use std::fmt::Write as _;

use trail::event::{Event, Verdict, rfc3339};
use trail::{Deed, Effect};

use super::results::{self, Piece};
use super::{cell, line};

/// The page.
pub(super) fn of(event: &Event, pieces: &[Piece]) -> String {
    let mut page = String::new();
    session(&mut page, event);
    field(&mut page, "statement", event.statement.trim_end());
    for (number, parameter) in event.parameters.iter().enumerate() {
        let value = parameter
            .text()
            .map_or("NULL".to_owned(), |value| format!("'{value}'"));
        field(
            &mut page,
            if number == 0 { "parameters" } else { "" },
            &format!("${} = {value}", number + 1),
        );
    }
    for judged in &event.verdicts {
        verdict(&mut page, judged);
    }
    for (time, deed) in &event.deeds {
        field(
            &mut page,
            "event",
            &format!("{} {}", line::clock(*time), sentence(deed)),
        );
    }
    ending(&mut page, event);
    if !pieces.is_empty() {
        page.push('\n');
        results::draw(pieces, &mut page);
    }
    page
}

fn session(page: &mut String, event: &Event) {
    let session = &event.session;
    let step = format!("{:?}", event.step).to_lowercase();
    field(page, "request", &format!("{} ({step})", event.id()));
    field(page, "time", &rfc3339(event.time));
    field(page, "who", &event.who());
    field(
        page,
        "subject",
        &format!("{} of {}", session.subject, session.issuer),
    );
    if !session.groups.is_empty() {
        field(page, "groups", &session.groups.join(", "));
    }
    field(
        page,
        "database",
        &format!("{} as {}", session.database, session.role),
    );
    let tls = session.tls.as_ref();
    let tls = tls.map_or("no TLS".to_owned(), |tls| {
        format!("{} {}", tls.version, tls.cipher)
    });
    let (client, application) = (&session.client, &session.application);
    field(
        page,
        "client",
        &format!(
            "{client}, {application}, protocol {}, {tls}",
            session.protocol
        ),
    );
}

fn verdict(page: &mut String, verdict: &Verdict) {
    let effect = match verdict.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
        Effect::Hold => "hold",
    };
    let by = Some(&verdict.policy).filter(|policy| !policy.is_empty());
    let by = by.map(|policy| format!(" by {policy}")).unwrap_or_default();
    let why = Some(&verdict.reason).filter(|reason| !reason.is_empty());
    let why = why.map(|reason| format!(": {reason}")).unwrap_or_default();
    field(page, "verdict", &format!("{effect}{by}{why}"));
    for (name, digest) in &verdict.policies.digests {
        let generation = verdict.policies.generation;
        field(
            page,
            "policy",
            &format!("{name} {digest} (generation {generation})"),
        );
    }
    for mask in verdict.masks.lines() {
        field(page, "mask", mask);
    }
}

fn sentence(deed: &Deed) -> String {
    let said = |note: &str| {
        if note.is_empty() {
            String::new()
        } else {
            format!(": {note}")
        }
    };
    match deed {
        Deed::HoldRequested { hold, until } => {
            format!(
                "hold {hold} waits for approval until {}",
                line::clock(*until)
            )
        }
        Deed::Approved { by, note } => format!("approved by {by}{}", said(note)),
        Deed::Refused { by, note } => format!("refused by {by}{}", said(note)),
        Deed::Expired => "expired".to_owned(),
        Deed::Released => "released".to_owned(),
        Deed::Cancelled => "cancelled by the client".to_owned(),
        Deed::Defect { what } => format!("the result did not fit the analysis: {what}"),
        Deed::Note { what } => what.clone(),
    }
}

fn ending(page: &mut String, event: &Event) {
    let name = event.ending.name();
    let Some(outcome) = event.outcome() else {
        return field(page, "ending", name);
    };
    let mut text = format!("{name} after {}", line::milliseconds(outcome.duration));
    if let Some(state) = &outcome.sqlstate {
        let _ = write!(text, ", error {state}");
    }
    if !outcome.tag.is_empty() {
        let _ = write!(text, ", {}", outcome.tag);
    }
    let _ = write!(text, ", {} rows, {} bytes", outcome.rows, outcome.bytes);
    if outcome.omitted > 0 {
        let _ = write!(text, ", of which {} are not on the record", outcome.omitted);
    }
    field(page, "ending", &text);
}

/// A name and a value, whose further lines are indented as far.
fn field(page: &mut String, name: &str, value: &str) {
    for (number, line) in value.lines().enumerate() {
        let name = if number == 0 { name } else { "" };
        let _ = writeln!(page, "{name:<11}{}", cell::printable(line));
    }
}

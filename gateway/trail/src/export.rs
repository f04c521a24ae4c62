//! The record as standard JSON: OCSF, class 6005, Datastore Activity, one event a line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::event::{Ending, Event, rfc3339};
use crate::facts::{Effect, SessionOpening};
use crate::reader::Reader;
use crate::record::to_micros;
use crate::{Error, Result};

/// How often new records are looked for.
const TURN: Duration = Duration::from_millis(200);

/// How much may wait for a sink that does not take it. The rest waits in the trail.
const BACKLOG: usize = 8 << 20;

/// The schema's version that [`ocsf`] speaks.
const OCSF: &str = "1.3.0";

/// Where exported events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Appended to this file.
    File(PathBuf),
    /// To the standard output.
    Stdout,
}

impl Sink {
    /// Opens it for appending.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Stdout => Box::new(std::io::stdout()),
            Self::File(path) => Box::new(append_to(path)?),
        })
    }
}

fn append_to(path: &Path) -> Result<File> {
    let opened = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    opened.map_err(Error::file("open", path))
}

/// Follows a trail until it is told to stop, and once more after that.
pub(crate) fn run(mut reader: Reader, mut sink: Box<dyn Write + Send>, stop: &Receiver<()>) {
    // What a sink did not take is offered again.
    let mut lines = Vec::new();
    loop {
        let stopped = !matches!(stop.recv_timeout(TURN), Err(RecvTimeoutError::Timeout));
        if let Err(error) = turn(&mut reader, &mut lines, &mut sink, stopped) {
            tracing::error!(%error, "events of the trail were not exported");
        }
        if stopped {
            return;
        }
    }
}

fn turn(reader: &mut Reader, lines: &mut Vec<u8>, sink: &mut dyn Write, last: bool) -> Result<()> {
    if lines.len() < BACKLOG {
        let mut events = reader.poll()?;
        if last {
            events.extend(
                reader
                    .unfinished()
                    .into_iter()
                    .filter(|e| e.ending == Ending::Lost),
            );
        }
        for event in &events {
            put_line(lines, event)?;
        }
    }
    while !lines.is_empty() {
        let written = sink.write(lines).map_err(failed())?;
        lines.drain(..written);
    }
    sink.flush().map_err(failed())
}

fn failed() -> impl FnOnce(std::io::Error) -> Error {
    Error::file("write", Path::new("the export"))
}

fn put_line(lines: &mut Vec<u8>, event: &Event) -> Result<()> {
    serde_json::to_writer(&mut *lines, &ocsf(event))?;
    lines.push(b'\n');
    Ok(())
}

/// Writes events as lines of OCSF.
///
/// # Errors
/// If the sink does not take them.
pub fn write_lines(sink: &mut dyn Write, events: &[Event]) -> Result<()> {
    let mut lines = Vec::new();
    for event in events {
        put_line(&mut lines, event)?;
    }
    sink.write_all(&lines)
        .and_then(|()| sink.flush())
        .map_err(failed())
}

/// An event as OCSF describes activity on a datastore. What OCSF has no name for is under `unmapped`.
#[must_use]
pub fn ocsf(event: &Event) -> Value {
    let (activity_id, activity_name) = activity(event);
    let (status_id, status) = status(event);
    let (action_id, action, disposition_id, disposition) = disposition(event);
    let outcome = event.outcome();
    let duration = outcome.map(|outcome| outcome.duration);
    let mut line = json!({
        "metadata": {
            "version": OCSF,
            "product": { "name": "Sluice", "vendor_name": "Sluice", "version": env!("CARGO_PKG_VERSION") },
            "uid": event.id(),
            "correlation_uid": event.session.session,
            "sequence": event.number,
            "original_time": rfc3339(event.time),
            "profiles": ["security_control"],
        },
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": 6005,
        "class_name": "Datastore Activity",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": 600_500 + activity_id,
        "type_name": format!("Datastore Activity: {activity_name}"),
        "severity_id": if action_id == 2 { 2 } else { 1 },
        "severity": if action_id == 2 { "Low" } else { "Informational" },
        "time": milliseconds(event.time),
        "start_time": milliseconds(event.time),
        "status_id": status_id,
        "status": status,
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "actor": actor(&event.session),
        "src_endpoint": endpoint(&event.session.client),
        "type_id": 1,
        "type": "Database",
        "database": { "name": event.session.database, "type_id": 1, "type": "Relational" },
        "query_info": {
            "uid": event.id(),
            "query_string": &*event.statement,
            "query_time": milliseconds(event.time),
        },
        "count": 1,
        "unmapped": { "sluice": ours(event) },
    });
    if let Some(outcome) = outcome {
        line["query_info"]["bytes"] = json!(outcome.bytes);
    }
    let optional = [
        (
            "duration",
            duration.map(|duration| json!(duration.as_millis() as u64)),
        ),
        (
            "end_time",
            duration.map(|duration| json!(milliseconds(event.time + duration))),
        ),
        (
            "status_code",
            outcome
                .and_then(|outcome| outcome.sqlstate.as_deref())
                .map(Value::from),
        ),
        ("status_detail", reason(event).map(Value::from)),
        ("policy", policy(event)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            line[name] = value;
        }
    }
    line
}

/// The activity, by the command tag of an answered request and the first word of any other.
fn activity(event: &Event) -> (u32, &'static str) {
    let tag = event
        .outcome()
        .map(|outcome| outcome.tag.as_str())
        .filter(|tag| !tag.is_empty());
    let words = tag.unwrap_or(&event.statement);
    let first = words
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    match first.as_str() {
        "UPDATE" | "ALTER" | "MERGE" => (2, "Update"),
        "INSERT" => (5, "Write"),
        "CREATE" => (6, "Create"),
        "DELETE" | "TRUNCATE" | "DROP" => (7, "Delete"),
        "SHOW" => (8, "List"),
        "" => (0, "Unknown"),
        _ => (4, "Query"),
    }
}

fn status(event: &Event) -> (u32, &'static str) {
    match &event.ending {
        Ending::Open | Ending::Lost => (0, "Unknown"),
        Ending::Abandoned(_) => (2, "Failure"),
        Ending::Closed(outcome) if outcome.sqlstate.is_some() => (2, "Failure"),
        Ending::Closed(_) => (1, "Success"),
    }
}

/// Action and disposition, each as number and name.
fn disposition(event: &Event) -> (u32, &'static str, u32, &'static str) {
    match event.verdict().map(|verdict| verdict.effect) {
        Some(Effect::Allow) if event.verdicts.len() > 1 => (1, "Allowed", 8, "Approved"),
        Some(Effect::Allow) => (1, "Allowed", 1, "Allowed"),
        Some(Effect::Deny) => (2, "Denied", 2, "Blocked"),
        Some(Effect::Hold) if event.outcome().is_none() => (0, "Unknown", 14, "Delayed"),
        // It ended without approval.
        Some(Effect::Hold) => (2, "Denied", 2, "Blocked"),
        None => (0, "Unknown", 0, "Unknown"),
    }
}

/// The person, and through whom.
fn actor(session: &SessionOpening) -> Value {
    let mut user = json!({
        "uid": session.subject,
        "name": session.email.as_ref().unwrap_or(&session.subject),
        "domain": session.issuer,
        "groups": session.groups.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
    });
    if let Some(email) = &session.email {
        user["email_addr"] = json!(email);
    }
    let mut actor = json!({
        "user": user,
        "idp": { "name": session.issuer },
        "session": {
            "uid": session.session,
            "issuer": session.issuer,
            "created_time": milliseconds(session.time),
            "is_remote": true,
        },
    });
    let agent = session.actors.first();
    let application = Some(&session.application).filter(|name| !name.is_empty());
    if let Some(name) = agent.or(application) {
        actor["app_name"] = json!(name);
    }
    if let Some(agent) = agent {
        actor["app_uid"] = json!(agent);
    }
    actor
}

/// An address and port, or what the client is called where it has none.
fn endpoint(client: &str) -> Value {
    match client.parse::<std::net::SocketAddr>() {
        Ok(address) => json!({ "ip": address.ip(), "port": address.port() }),
        Err(_) => json!({ "name": client }),
    }
}

fn reason(event: &Event) -> Option<&str> {
    let reason = event.verdict().map(|verdict| verdict.reason.as_str());
    reason.filter(|reason| !reason.is_empty())
}

/// The policy that decided, with its digest as version.
fn policy(event: &Event) -> Option<Value> {
    let verdict = event
        .verdict()
        .filter(|verdict| !verdict.policy.is_empty())?;
    let mut policy = json!({ "name": verdict.policy, "desc": verdict.reason });
    let mut known = verdict.policies.digests.iter();
    if let Some((_, digest)) = known.find(|(name, _)| *name == verdict.policy) {
        policy["version"] = json!(digest);
    }
    Some(policy)
}

/// What only we know.
fn ours(event: &Event) -> Value {
    let mut ours = event.json();
    let session = &event.session;
    ours["session"] = json!(session.session);
    ours["role"] = json!(session.role);
    ours["actors"] = json!(session.actors);
    ours["application"] = json!(session.application);
    ours["protocol"] = json!(session.protocol);
    ours["tls"] = json!(session.tls);
    ours["gateway"] = json!(session.gateway);
    ours["duration_us"] = ours["outcome"]["duration_us"].take();
    ours["rows"] = ours["outcome"]["rows"].take();
    if let Some(map) = ours.as_object_mut() {
        map.remove("statement");
    }
    ours
}

fn milliseconds(time: SystemTime) -> u64 {
    to_micros(time) / 1000
}

#[cfg(test)]
mod tests;

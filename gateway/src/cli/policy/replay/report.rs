//! What `sluice policy replay` prints: for people as text, for programs as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use trail::event::Event;

use super::again::{Judged, Said};
use crate::cli::holds::table::{line, printable};

/// Characters of an example's text that are shown.
const SHOWN: usize = 160;

/// What came of judging a trail again.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    trail: String,
    /// The databases whose catalogs of today were used.
    catalogs_of_today: Vec<String>,
    policies: Vec<PolicyView>,
    requests: u64,
    unchanged: u64,
    changed: u64,
    not_judged: u64,
    /// By statement shape and by what became of it.
    changes: Vec<Change>,
    unknown: Vec<Unknown>,
    #[serde(skip)]
    groups: BTreeMap<(Said, Said, String), usize>,
}

#[derive(Debug, Serialize)]
struct PolicyView {
    name: String,
    digest: String,
    mode: String,
}

/// Requests of one shape that would come out otherwise, in one way.
#[derive(Debug, Serialize)]
struct Change {
    shape: String,
    requests: u64,
    /// "effect", "masks" or "reason".
    kind: &'static str,
    was: SaidView,
    now: SaidView,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    example: Example,
}

#[derive(Debug, Serialize)]
struct SaidView {
    effect: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    policy: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    masks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Example {
    request: String,
    who: String,
    statement: String,
}

/// Requests that could not be judged again, for one reason.
#[derive(Debug, Serialize)]
struct Unknown {
    reason: String,
    requests: u64,
    example: Example,
}

impl Report {
    pub(super) fn new(trail: &Path, policies: Vec<(String, String, String)>) -> Self {
        let view = |(name, digest, mode)| PolicyView { name, digest, mode };
        Self {
            trail: trail.display().to_string(),
            catalogs_of_today: Vec::new(),
            policies: policies.into_iter().map(view).collect(),
            requests: 0,
            unchanged: 0,
            changed: 0,
            not_judged: 0,
            changes: Vec::new(),
            unknown: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Says whose catalogs were used.
    pub(super) fn judged_by(&mut self, databases: Vec<String>) {
        self.catalogs_of_today = databases;
        let weight = |kind: &str| {
            ["effect", "masks", "reason"]
                .iter()
                .position(|one| *one == kind)
        };
        self.changes
            .sort_by_key(|one| (weight(one.kind), std::cmp::Reverse(one.requests)));
    }

    /// True where something would have come out otherwise.
    pub(super) fn has_changes(&self) -> bool {
        self.changed > 0
    }

    /// Counts what came of one request.
    pub(super) fn add(&mut self, event: &Event, judged: Judged) {
        self.requests += 1;
        match judged {
            Judged::Unknown(reason) => self.add_unknown(event, reason),
            Judged::Compared(was, now, _) if was == now => self.unchanged += 1,
            Judged::Compared(was, now, hint) => {
                self.changed += 1;
                self.add_change(event, was, now, hint);
            }
        }
    }

    fn add_unknown(&mut self, event: &Event, reason: String) {
        self.not_judged += 1;
        match self.unknown.iter_mut().find(|one| one.reason == reason) {
            Some(known) => known.requests += 1,
            None => self.unknown.push(Unknown {
                reason,
                requests: 1,
                example: Example::of(event),
            }),
        }
    }

    fn add_change(&mut self, event: &Event, was: Said, now: Said, hint: Option<String>) {
        let shape = shape(&event.statement);
        let next = self.changes.len();
        let group = (was.clone(), now.clone(), shape.clone());
        let index = *self.groups.entry(group).or_insert(next);
        if let Some(known) = self.changes.get_mut(index) {
            known.requests += 1;
            return;
        }
        self.changes.push(Change {
            shape,
            requests: 1,
            kind: kind(&was, &now),
            was: was.into(),
            now: now.into(),
            hint,
            example: Example::of(event),
        });
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let catalogs = match self.catalogs_of_today.as_slice() {
            [] => "none was needed".to_owned(),
            databases => databases.join(", "),
        };
        let _ = writeln!(text, "Trail     {}", printable(&self.trail));
        let _ = writeln!(text, "Catalog   as it is today, not as it was: {catalogs}");
        for policy in &self.policies {
            let (name, digest) = (&policy.name, &policy.digest[..12]);
            let _ = writeln!(text, "Policy    {name} {digest} ({})", policy.mode);
        }
        text.push('\n');
        for change in &self.changes {
            text.push_str(&change.text());
        }
        if !self.unknown.is_empty() {
            text.push_str("Not judged again:\n");
        }
        for unknown in &self.unknown {
            let (count, reason) = (unknown.requests, printable(&unknown.reason));
            let _ = writeln!(text, "  {count}  {reason}; e.g. {}", unknown.example.text());
        }
        let _ = writeln!(
            text,
            "{} requests: {} as before, {} otherwise, {} not judged again",
            self.requests, self.unchanged, self.changed, self.not_judged
        );
        text
    }
}

impl Change {
    fn text(&self) -> String {
        let mut text = String::new();
        let count = self.requests;
        let _ = writeln!(text, "{count}  {}", printable(&line(&self.shape, SHOWN)));
        let _ = writeln!(text, "   was  {}", self.was.text());
        let _ = writeln!(text, "   now  {}", self.now.text());
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "        hint: {}", printable(hint));
        }
        let _ = writeln!(text, "   e.g. {}\n", self.example.text());
        text
    }
}

impl SaidView {
    fn text(&self) -> String {
        let mut text = self.effect.to_owned();
        if !self.policy.is_empty() {
            let (policy, reason) = (printable(&self.policy), printable(&self.reason));
            let _ = write!(text, " by {policy}: {reason}");
        }
        if !self.masks.is_empty() {
            let _ = write!(text, ", masked: {}", printable(&self.masks.join(", ")));
        }
        text
    }
}

impl From<Said> for SaidView {
    fn from(said: Said) -> Self {
        let Said {
            effect,
            policy,
            reason,
            masks,
        } = said;
        Self {
            effect,
            policy,
            reason,
            masks,
        }
    }
}

impl Example {
    fn of(event: &Event) -> Self {
        Self {
            request: event.id(),
            who: event.who(),
            statement: line(&event.statement, SHOWN),
        }
    }

    fn text(&self) -> String {
        let (request, who) = (&self.request, printable(&self.who));
        format!("{request} of {who}: {}", printable(&self.statement))
    }
}

/// What differs first.
fn kind(was: &Said, now: &Said) -> &'static str {
    if was.effect != now.effect {
        "effect"
    } else if was.masks != now.masks {
        "masks"
    } else {
        "reason"
    }
}

/// The text with `?` in place of its plain literals; the text where it has no shape.
fn shape(text: &str) -> String {
    sql::shape(text).map_or_else(|| text.to_owned(), |shape| shape.readable())
}

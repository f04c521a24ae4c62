//! A request that runs: what comes of it, and what is done to its rows.

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use policy::{CopyMasker, Masker};
use trail::{Deed, Entry, Outcome};
use wire::copy::{Part, Rows as CopyRows};
use wire::frame::HEADER_BYTES;
use wire::upstream::{RowDescription, UpstreamTag};

use super::prepared::Portal;
use super::turn::Turn;
use crate::error::SessionError;

/// A request that runs.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) plan: Arc<policy::Plan>,
    pub(super) judged: JudgedBy,
    /// What it may touch does not change while it runs.
    pub(super) turn: Turn,
    pub(crate) entry: Entry,
    started: SystemTime,
    /// For Execute.
    pub(crate) portal: Option<Rc<Portal>>,
    pub(super) statement: usize,
    /// The end of its transaction, if it is its own, has nothing to do that something else has left to it.
    pub(super) alone: bool,
    pub(super) rows: Rows,
    /// What limits the rows that the client gets; none where nothing does.
    pub(super) rations: Option<policy::Rations>,
    /// Finds the rows in COPY data that pass untouched, where they are counted.
    copied: Option<Box<CopyRows>>,
    pub(super) delivered: u64,
    bytes: u64,
    pub(super) tag: Tag,
    pub(super) sqlstate: Option<String>,
}

/// The catalog that a request was judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JudgedBy {
    /// Its version.
    pub(super) version: u64,
    /// How many changes had ended when it was begun to be read.
    pub(super) ended: u64,
}

/// A command tag, such as `SELECT 3`.
#[derive(Debug)]
pub(super) struct Tag {
    bytes: [u8; 64],
    length: usize,
}

impl Tag {
    /// Cut to 64 bytes, which no tag of PostgreSQL's has.
    pub(super) fn new(tag: &str) -> Self {
        let mut bytes = [0; 64];
        let length = tag.floor_char_boundary(bytes.len());
        bytes[..length].copy_from_slice(&tag.as_bytes()[..length]);
        Self { bytes, length }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// What is done to the rows that come.
#[derive(Debug)]
pub(super) enum Rows {
    /// Not decided: their shape is not known yet.
    Undecided,
    /// They pass untouched.
    Pass,
    /// They are masked.
    Mask(Box<Masker>),
    /// COPY data is masked.
    Copy(Box<CopyMasker>),
    /// They are dropped: the result was refused.
    Drop,
}

impl Flight {
    pub(crate) fn new(
        (plan, judged, turn): (Arc<policy::Plan>, JudgedBy, Turn),
        entry: Entry,
        started: SystemTime,
        portal: Option<Rc<Portal>>,
    ) -> Self {
        Self {
            rations: plan.rations(),
            copied: None,
            plan,
            judged,
            turn,
            entry,
            started,
            portal,
            statement: 0,
            alone: false,
            rows: Rows::Undecided,
            delivered: 0,
            bytes: 0,
            tag: Tag::new(""),
            sqlstate: None,
        }
    }

    /// Puts on the record what policies found in the rows that went.
    pub(super) fn report(&mut self, now: SystemTime) -> Result<(), SessionError> {
        let found = match &mut self.rows {
            Rows::Mask(masker) => masker.findings(),
            Rows::Copy(masker) => masker.findings(),
            Rows::Undecided | Rows::Pass | Rows::Drop => None,
        };
        match found {
            Some(what) => Ok(self.entry.event(now, &Deed::Note { what })?),
            None => Ok(()),
        }
    }

    pub(super) fn close(mut self, now: SystemTime) {
        if let Err(error) = self.report(now) {
            tracing::error!(%error, "what was found in a result is not on the record");
        }
        let duration = now.duration_since(self.started).unwrap_or_default();
        self.entry.close(&Outcome {
            tag: self.tag.as_str(),
            rows: self.delivered,
            bytes: self.bytes,
            sqlstate: self.sqlstate.as_deref(),
            duration,
        });
    }

    /// True where names may mean something else when it is done.
    pub(crate) fn changes_names(&self) -> bool {
        self.plan
            .analysis()
            .statements
            .iter()
            .any(|statement| !statement.names.is_empty())
    }

    /// How many changes of definitions had ended when what it runs was judged first.
    pub(super) fn judged_after(&self) -> u64 {
        let bound = self.portal.as_ref().map(|portal| portal.judged_after);
        bound.unwrap_or(self.judged.ended)
    }

    /// Its portal has begun to run and will go on with what its names mean now, whatever they will
    /// mean then. One that was only sent may not have run at all.
    pub(super) fn goes_on(&self) {
        if let Some(portal) = &self.portal {
            *portal.meaning.borrow_mut() = Some(Arc::clone(self.plan.analysis()));
        }
    }

    /// Keeps bytes that the client gets.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.bytes += bytes.len() as u64;
        Ok(self.entry.delivered(bytes)?)
    }
}

/// Why a result cannot go on.
pub(super) enum Stop {
    /// The analysis was wrong about it.
    Defect(policy::Defect),
    /// A mask failed.
    Mask(policy::MaskError),
    /// No more rows may be delivered.
    Limit(policy::RowLimit),
    /// Names may have come to mean something else before it ran.
    Overtaken,
    /// Its rows come from a relation that was not known.
    Unforeseen,
}

/// What of a run of rows may be delivered.
pub(super) struct Admitted {
    /// So many bytes of it.
    pub(super) bytes: usize,
    /// So many messages of it.
    pub(super) messages: u64,
    /// What is in the way of the rest.
    pub(super) limit: Option<policy::RowLimit>,
}

impl Flight {
    /// True where rows of the result that comes now are counted.
    pub(super) fn is_rationed(&self) -> bool {
        let result = self.plan.result(self.statement);
        let rations = self.rations.as_ref();
        rations.is_some_and(|rations| rations.count(result))
    }

    /// How much of a run of so many messages may be delivered; what may is counted from now on.
    pub(super) fn admit(&mut self, run: &[u8], messages: u64) -> Result<Admitted, Stop> {
        if !self.is_rationed() {
            return Ok(Admitted {
                bytes: run.len(),
                messages,
                limit: None,
            });
        }
        let rows = match &mut self.copied {
            None => messages,
            Some(copied) => rows_in(&mut copied.clone(), run)?,
        };
        let result = self.plan.result(self.statement);
        let Some(rations) = &mut self.rations else {
            return Err(Stop::Defect(policy::Defect::Form));
        };
        let (admitted, limit) = rations.admit(result, rows);
        let limit = limit.cloned();
        let (bytes, messages) = match limit {
            None => (run.len(), messages),
            Some(_) => self.front(run, admitted)?,
        };
        if let Some(copied) = &mut self.copied {
            rows_in(copied, &run[..bytes])?;
        }
        Ok(Admitted {
            bytes,
            messages,
            limit,
        })
    }

    /// The bytes and messages before the row that is one too many.
    fn front(&self, run: &[u8], rows: u64) -> Result<(usize, u64), Stop> {
        let mut copied = self.copied.clone();
        let (mut bytes, mut messages, mut seen) = (0, 0, 0);
        for frame in wire::frame::frames(run, usize::MAX) {
            let (_, message) = frame.map_err(unreadable)?;
            seen += match &mut copied {
                None => 1,
                Some(copied) => rows_in(copied, message)?,
            };
            if seen > rows {
                break;
            }
            bytes += message.len();
            messages += 1;
        }
        Ok((bytes, messages))
    }
}

/// How many rows there are in whole CopyData messages.
fn rows_in(copied: &mut CopyRows, messages: &[u8]) -> Result<u64, Stop> {
    let mut rows = 0;
    for frame in wire::frame::frames(messages, usize::MAX) {
        let (_, message) = frame.map_err(unreadable)?;
        match copied.read(&message[HEADER_BYTES..]).map_err(unreadable)? {
            Part::Row(_) => rows += 1,
            Part::Passing => {}
        }
    }
    Ok(rows)
}

fn unreadable(error: wire::Error) -> Stop {
    Stop::Mask(policy::MaskError::Rows(error.to_string()))
}

impl Flight {
    /// Keeps a RowDescription, so that the record can show the rows that follow, and the result of a
    /// function that was called by number.
    pub(super) fn keep_shape(
        &mut self,
        tag: UpstreamTag,
        message: &[u8],
    ) -> Result<(), SessionError> {
        match tag {
            UpstreamTag::RowDescription => Ok(self.entry.delivered(message)?),
            UpstreamTag::FunctionCallResponse => self.keep(message),
            _ => Ok(()),
        }
    }
}

/// Decides about the rows of an Execute, whose shape was described directly before.
pub(super) fn decide(flight: &mut Flight) -> Result<(), Stop> {
    let Some(portal) = flight.portal.clone() else {
        return Err(Stop::Defect(policy::Defect::Form));
    };
    let described = portal.description.known();
    let recorded = described
        .clone()
        .or_else(|| portal.statement.description.known());
    if let Some(message) = recorded {
        // A record that cannot be written ends the request with its rows.
        let _ = flight.entry.delivered(&message);
    }
    match described {
        Some(message) => bind(flight, &message),
        None if flight.plan.is_identity() => {
            flight.rows = Rows::Pass;
            Ok(())
        }
        None => Err(Stop::Defect(policy::Defect::Form)),
    }
}

/// Decides about rows by their RowDescription: the second line of defence.
pub(super) fn bind(flight: &mut Flight, message: &[u8]) -> Result<(), Stop> {
    flight.copied = None;
    if flight.plan.is_identity() {
        flight.rows = Rows::Pass;
        return Ok(());
    }
    let formless = || Stop::Defect(policy::Defect::Form);
    let result = flight.plan.result(flight.statement);
    let result = result.ok_or_else(formless)?;
    if result.is_untouched(message) {
        flight.rows = Rows::Pass;
        return Ok(());
    }
    let mut fields = RowDescription::parse(&message[HEADER_BYTES..]).map_err(|_| formless())?;
    let analysis = flight.plan.analysis();
    let mut given = fields.fields.iter().enumerate();
    if !given.all(|(output, field)| analysis.may_give(flight.statement, output, field.table)) {
        return Err(Stop::Unforeseen);
    }
    if let Some(portal) = &flight.portal {
        for (index, field) in fields.fields.iter_mut().enumerate() {
            field.format = portal.formats.format(index);
        }
    }
    let masker = result.bind(&fields).map_err(Stop::Defect)?;
    flight.rows = if masker.is_identity() {
        result.remember_untouched(message);
        Rows::Pass
    } else {
        Rows::Mask(Box::new(masker))
    };
    Ok(())
}

pub(super) fn bind_copy(flight: &mut Flight, columns: usize) -> Result<(), policy::Defect> {
    flight.copied = match flight.is_rationed() {
        true => Some(Box::new(copied(flight, columns)?)),
        false => None,
    };
    if flight.plan.is_identity() {
        flight.rows = Rows::Pass;
        return Ok(());
    }
    let statements = &flight.plan.analysis().statements;
    let copy = statements
        .get(flight.statement)
        .and_then(|statement| statement.copy.as_ref());
    let result = flight.plan.result(flight.statement);
    let (Some(copy), Some(result)) = (copy, result) else {
        return Err(policy::Defect::Form);
    };
    let masker = result.bind_copy(&copy.format, columns)?;
    flight.rows = if masker.is_identity() {
        Rows::Pass
    } else {
        Rows::Copy(Box::new(masker))
    };
    Ok(())
}

/// What finds the rows of the COPY that is next.
fn copied(flight: &Flight, columns: usize) -> Result<CopyRows, policy::Defect> {
    let statement = flight.plan.analysis().statements.get(flight.statement);
    let copy = statement.and_then(|statement| statement.copy.as_ref());
    let format = copy.map(|copy| policy::copy_rows(&copy.format, columns));
    format.flatten().ok_or(policy::Defect::Form)
}

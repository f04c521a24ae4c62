//! A request that runs: what comes of it, and what is done to its rows.

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use policy::{CopyMasker, Masker};
use trail::{Deed, Entry, Outcome};
use wire::frame::HEADER_BYTES;
use wire::upstream::{RowDescription, UpstreamTag};

use super::prepared::Portal;
use crate::error::SessionError;

/// A request that runs.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) plan: Arc<policy::Plan>,
    /// The version of the catalog that it was judged by.
    pub(super) catalog: u64,
    pub(crate) entry: Entry,
    started: SystemTime,
    /// For Execute.
    pub(crate) portal: Option<Rc<Portal>>,
    pub(super) statement: usize,
    pub(super) rows: Rows,
    pub(super) delivered: u64,
    bytes: u64,
    pub(super) tag: Tag,
    pub(super) sqlstate: Option<String>,
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
        plan: Arc<policy::Plan>,
        catalog: u64,
        entry: Entry,
        started: SystemTime,
        portal: Option<Rc<Portal>>,
    ) -> Self {
        Self {
            plan,
            catalog,
            entry,
            started,
            portal,
            statement: 0,
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
        Some(message) => bind(flight, &message).map_err(Stop::Defect),
        None if flight.plan.is_identity() => {
            flight.rows = Rows::Pass;
            Ok(())
        }
        None => Err(Stop::Defect(policy::Defect::Form)),
    }
}

/// Decides about rows by their RowDescription: the second line of defence.
pub(super) fn bind(flight: &mut Flight, message: &[u8]) -> Result<(), policy::Defect> {
    if flight.plan.is_identity() {
        flight.rows = Rows::Pass;
        return Ok(());
    }
    let result = flight
        .plan
        .result(flight.statement)
        .ok_or(policy::Defect::Form)?;
    if result.is_untouched(message) {
        flight.rows = Rows::Pass;
        return Ok(());
    }
    let mut fields =
        RowDescription::parse(&message[HEADER_BYTES..]).map_err(|_| policy::Defect::Form)?;
    if let Some(portal) = &flight.portal {
        for (index, field) in fields.fields.iter_mut().enumerate() {
            field.format = portal.formats.format(index);
        }
    }
    let masker = result.bind(&fields)?;
    flight.rows = if masker.is_identity() {
        result.remember_untouched(message);
        Rows::Pass
    } else {
        Rows::Mask(Box::new(masker))
    };
    Ok(())
}

pub(super) fn bind_copy(flight: &mut Flight, columns: usize) -> Result<(), policy::Defect> {
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

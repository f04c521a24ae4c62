//! What is to be judged.

use std::sync::Arc;

use bytes::Bytes;
use sql::Strings;
use wire::client::{Format, Formats};

/// What a client sends as one unit to judge, with the bytes that will go upstream if it may.
#[derive(Clone, Debug)]
pub struct Request {
    /// The frames as the client sent them.
    pub frames: Bytes,
    /// Which step of the protocol this is.
    pub step: Step,
    /// The text of the statement or statements.
    pub text: Arc<str>,
    /// How the upstream reads, or has read, its strings.
    pub strings: Strings,
    /// The parameters bound to it, where it has any.
    pub parameters: Option<Parameters>,
}

/// A request still where it came in: what is needed to find a verdict given before.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The frames as the client sent them.
    pub frames: &'a [u8],
    /// Which step of the protocol this is.
    pub step: Step,
    /// The text of the statement or statements.
    pub text: &'a str,
    /// How the upstream reads, or has read, its strings.
    pub strings: Strings,
}

impl Request {
    /// The request as it is asked about.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            frames: &self.frames,
            step: self.step,
            text: &self.text,
            strings: self.strings,
        }
    }
}

/// The steps of the protocol that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A simple query.
    Query,
    /// A statement is prepared; it is judged again before it runs.
    Parse,
    /// Parameters are bound; it is judged again before it runs.
    Bind,
    /// A portal runs.
    Execute,
}

impl Step {
    /// True where the request runs when it is let through.
    pub fn executes(self) -> bool {
        match self {
            Step::Query | Step::Execute => true,
            Step::Parse | Step::Bind => false,
        }
    }
}

/// The values bound to a statement's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// In order; `None` is NULL.
    pub values: Vec<Option<Bytes>>,
    /// The format of each.
    pub formats: Formats,
}

impl Parameters {
    /// The values as text: none where a value is NULL, binary or not UTF-8.
    pub(crate) fn texts(&self) -> Vec<Option<String>> {
        let text = |(index, value): (usize, &Option<Bytes>)| {
            let value = value.as_ref()?;
            match self.formats.format(index) {
                Format::Text => std::str::from_utf8(value).ok().map(str::to_owned),
                Format::Binary => None,
            }
        };
        self.values.iter().enumerate().map(text).collect()
    }
}

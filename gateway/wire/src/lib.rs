//! PostgreSQL protocol messages (versions 3.0 and 3.2): bytes to values and back, no IO.
//!
//! A message after start-up is a tag byte, a length that counts itself but not the tag, and a body
//! ("Message Formats" in PostgreSQL's Frontend/Backend Protocol chapter). [`frame`] finds where a
//! message ends without reading its body; [`client`] and [`upstream`] read bodies; [`startup`] reads
//! the messages that come before any tag; [`mod@write`] appends whole messages to a buffer. [`batch`]
//! and [`copy`] find the cells of result rows and write rows back with some of them replaced.
//!
//! No reader panics, whatever the bytes; an [`Error`] says which message it is and what is wrong.
//! Text is never decoded lossily: what is not UTF-8 is an error where text is needed, and stays
//! bytes elsewhere.

pub mod batch;
pub mod client;
pub mod copy;
mod error;
pub mod frame;
mod reader;
pub mod sqlstate;
pub mod startup;
pub mod upstream;
pub mod write;

pub use error::Error;

//! The record: written before a request leaves, exported, replayed.
//!
//! A [`Trail`] is a directory. Each core has a [`Writer`] that appends small records to a segment of its own: a file that
//! is allocated in full and mapped into memory, so that appending is a copy, without a system call, and what was appended
//! survives the death of the process. When the disk is full a segment cannot be made, appending fails, and the gateway
//! refuses the request.
//!
//! A segment can be read alone: sessions, policy sets and the texts of statements are recorded again in every segment that
//! speaks of them. [`reader`] joins records to [`Event`](event::Event)s, one a request; [`export`] writes them as OCSF.

mod codec;
mod entry;
mod error;
pub mod event;
pub mod export;
pub mod facts;
mod join;
mod prepare;
pub mod reader;
mod record;
mod scan;
mod segment;
pub mod session_id;
mod trail;
mod writer;

pub use entry::Entry;
pub use error::Error;
pub use export::Sink;
pub use facts::{
    Deed, Effect, Format, Judged, Opening, Outcome, Parameter, SessionOpening, Statement, Step,
    Text, Tls,
};
pub use session_id::SessionId;
pub use trail::{Durability, Trail, TrailConfig};
pub use writer::{Session, Writer, WriterSeed};

/// What the functions of this crate give.
pub type Result<T> = std::result::Result<T, Error>;

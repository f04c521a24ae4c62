//! What can go wrong with the record.

use std::path::{Path, PathBuf};

/// Why the record could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something about a file.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// One record would be larger than any segment can be.
    #[error("a record of {bytes} bytes is too large for the trail")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A segment was written by a version that this one cannot read.
    #[error("{} has format version {version}; this program reads version {known}", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// Ours.
        known: u32,
    },
    /// A file with the name of a segment is none, or a record does not read.
    #[error("{} at byte {at}: {what}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A fact could not be written as JSON.
    #[error("cannot encode a record: {0}")]
    Json(#[from] serde_json::Error),
    /// The thread that works beside the writers could not be started, or has ended.
    #[error("cannot run the trail's thread: {0}")]
    Thread(std::io::Error),
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}

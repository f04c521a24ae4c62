//! Reads the records of one segment, which may still be written.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::record::{
    self, FRAME, KIND, Kind, MAGIC, RECORD_VERSION, SEGMENT_HEADER, SEGMENT_VERSION, framed,
};
use crate::segment::LARGEST;
use crate::{Error, Result};

/// How much is read at once.
const WINDOW: usize = 256 << 10;
/// How many bytes may be checked in search of a record behind damage, so that bytes made for it cannot keep us for ever.
const SEARCH: usize = 1 << 30;

/// A segment as far as it was read.
#[derive(Debug)]
pub(crate) struct Scan {
    file: File,
    path: PathBuf,
    nonce: Option<u32>,
    at: u64,
    window: Vec<u8>,
    /// Where in the file the window begins.
    base: u64,
}

/// One record, as found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) offset: u32,
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
}

/// What is at a place of a segment.
enum Here {
    /// A record of so many bytes, kind and version included.
    Record(usize),
    /// Nothing yet.
    Nothing,
    /// Bytes that are no record.
    Damage,
}

impl Scan {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::file("open", path))?;
        let (path, at) = (path.to_owned(), SEGMENT_HEADER as u64);
        Ok(Self {
            file,
            path,
            nonce: None,
            at,
            window: Vec::new(),
            base: 0,
        })
    }

    /// Whether a process writes to it.
    pub(crate) fn is_live(&self) -> bool {
        let free = self.file.try_lock_shared().is_ok();
        if free {
            let _ = self.file.unlock();
        }
        !free
    }

    /// Whether it has a first record.
    pub(crate) fn has_records(&mut self) -> Result<bool> {
        Ok(self.begin()? && !matches!(self.here(SEGMENT_HEADER as u64)?, Here::Nothing))
    }

    /// Hands on all records not handed on before. Damage is passed over where good records follow it.
    pub(crate) fn read(&mut self, take: &mut dyn FnMut(Found<'_>) -> Result<()>) -> Result<()> {
        self.window.clear();
        if !self.begin()? {
            return Ok(());
        }
        loop {
            match self.here(self.at)? {
                Here::Record(length) => {
                    let found = self.record(length)?;
                    take(found)?;
                    self.at += framed(length - KIND) as u64;
                }
                Here::Nothing if self.is_live() => break,
                Here::Nothing | Here::Damage => match self.search()? {
                    Some(next) => self.at = next,
                    None => break,
                },
            }
        }
        self.window = Vec::new();
        Ok(())
    }

    /// Reads the header; false if it is not there yet.
    fn begin(&mut self) -> Result<bool> {
        if self.nonce.is_some() {
            return Ok(true);
        }
        let header = self.bytes(0, SEGMENT_HEADER)?;
        if header.len() < SEGMENT_HEADER || header[..8] == [0; 8] {
            return Ok(false);
        }
        let number = |at: usize| u32_at(header, at);
        let (version, nonce) = (number(8), number(12));
        if &header[..8] != MAGIC {
            return Err(self.damaged(0, "not a segment of a trail"));
        }
        if version != SEGMENT_VERSION {
            let path = self.path.clone();
            return Err(Error::Version {
                path,
                version,
                known: SEGMENT_VERSION,
            });
        }
        self.nonce = Some(nonce);
        Ok(true)
    }

    fn here(&mut self, at: u64) -> Result<Here> {
        let nonce = self.nonce.unwrap_or_default();
        let Some(frame) = self.bytes(at, FRAME)?.first_chunk::<FRAME>().copied() else {
            return Ok(Here::Nothing);
        };
        let length = u32_at(&frame, 0) as usize;
        if length == 0 {
            return Ok(Here::Nothing);
        }
        if !(KIND..=LARGEST).contains(&length) {
            return Ok(Here::Damage);
        }
        // No memory is taken for a length that damage made up.
        if length > WINDOW && at + (FRAME + length) as u64 > self.size()? {
            return Ok(Here::Damage);
        }
        let body = self.bytes(at + FRAME as u64, length)?;
        let whole = body.len() == length && record::checksum(nonce, body) == u32_at(&frame, 4);
        Ok(if whole {
            Here::Record(length)
        } else {
            Here::Damage
        })
    }

    /// The record at the present place, which is known to be one.
    fn record(&mut self, length: usize) -> Result<Found<'_>> {
        let at = self.at;
        let path = self.path.clone();
        let body = self.bytes(at + FRAME as u64, length)?;
        if !(1..=RECORD_VERSION).contains(&body[1]) {
            let version = u32::from(body[1]);
            return Err(Error::Version {
                path,
                version,
                known: u32::from(RECORD_VERSION),
            });
        }
        let Some(kind) = Kind::from_byte(body[0]) else {
            return Err(Error::Damaged {
                path,
                at,
                what: "a kind of record that is not known",
            });
        };
        Ok(Found {
            offset: at as u32,
            kind,
            payload: &body[KIND..],
        })
    }

    /// The next good record behind the present place.
    fn search(&mut self) -> Result<Option<u64>> {
        let (mut at, mut budget) = (self.at + 8, SEARCH);
        loop {
            let piece = self.bytes(at, WINDOW)?;
            if piece.len() <= FRAME + KIND || budget == 0 {
                return Ok(None);
            }
            let plausible = piece.windows(FRAME + KIND).step_by(8).position(|frame| {
                let known = Kind::from_byte(frame[FRAME]).is_some();
                known && (1..=RECORD_VERSION).contains(&frame[FRAME + 1]) && frame[..4] != [0; 4]
            });
            let Some(steps) = plausible else {
                at += (piece.len() / 8 * 8).saturating_sub(8).max(8) as u64;
                continue;
            };
            let claimed = u32_at(piece, steps * 8) as usize;
            at += steps as u64 * 8;
            if let Here::Record(_) = self.here(at)? {
                return Ok(Some(at));
            }
            budget = budget.saturating_sub(claimed);
            at += 8;
        }
    }

    /// So many bytes of the file, or as many as there are.
    fn bytes(&mut self, at: u64, length: usize) -> Result<&[u8]> {
        let end = self.base + self.window.len() as u64;
        if at < self.base || at + length as u64 > end {
            // Zeros by the page, as they are touched: most segments that are looked at are small.
            self.window = vec![0; length.max(WINDOW)];
            self.base = at;
            let mut filled = 0;
            while filled < self.window.len() {
                let read = self
                    .file
                    .read_at(&mut self.window[filled..], at + filled as u64);
                match read.map_err(Error::file("read", &self.path))? {
                    0 => break,
                    more => filled += more,
                }
            }
            self.window.truncate(filled);
        }
        let from = (at - self.base) as usize;
        let to = (from + length).min(self.window.len());
        Ok(&self.window[from..to])
    }

    /// The size of the file.
    fn size(&self) -> Result<u64> {
        let found = self.file.metadata();
        Ok(found.map_err(Error::file("read", &self.path))?.len())
    }

    fn damaged(&self, at: u64, what: &'static str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            at,
            what,
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..]
        .first_chunk()
        .expect("the caller has four bytes there");
    u32::from_le_bytes(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_file_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.seg");
        let mut segment = [&MAGIC[..], &SEGMENT_VERSION.to_le_bytes(), &[0; 52]].concat();
        segment.extend((LARGEST as u32).to_le_bytes());
        segment.extend([0; 64]);
        std::fs::write(&path, segment).unwrap();
        let mut scan = Scan::open(&path).unwrap();
        assert!(scan.has_records().unwrap());
        assert!(scan.window.capacity() <= WINDOW);
    }
}

//! Reads a trail, while it is written or after.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::event::{Ending, Event};
use crate::join::{Join, Wanted};
use crate::scan::Scan;
use crate::segment::SUFFIX;
use crate::{Error, Result, SessionId};

pub use crate::join::SessionSummary;

/// Reads the events of a trail, those that come while it reads too.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    wanted: Wanted,
    /// How the names of all segments begin that are read.
    prefix: String,
    /// The only segment that is read, where one alone is.
    alone: Option<OsString>,
    /// By the beginning of their segments' names.
    streams: BTreeMap<String, Stream>,
}

/// The segments of one writer.
#[derive(Debug, Default)]
struct Stream {
    join: Join,
    /// Segments not begun to be read. The first of them may not be begun to be written.
    waiting: BTreeSet<OsString>,
    /// The segment that is read, and its name.
    reading: Option<Scan>,
    name: OsString,
}

impl Reader {
    /// A reader from the beginning of the trail in this directory.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let wanted = Wanted {
            session: None,
            results: true,
        };
        let (prefix, streams) = (String::new(), BTreeMap::new());
        let mut reader = Self {
            dir: dir.into(),
            wanted,
            prefix,
            alone: None,
            streams,
        };
        reader.look()?;
        Ok(reader)
    }

    /// A reader of one segment alone. What lies in the segments beside it is not seen.
    ///
    /// # Errors
    /// If its directory cannot be read, or the file is no segment by its name.
    pub fn segment(file: &Path) -> Result<Self> {
        let name = file.file_name().map(OsString::from).unwrap_or_default();
        if stream_of(&name).is_none() {
            let what = format!("the name of a segment ends in {SUFFIX}");
            let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
            return Err(Error::file("read", file)(error));
        }
        let mut reader = Self::open(match file.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        })?;
        reader.streams.clear();
        reader.alone = Some(name);
        reader.look()?;
        Ok(reader)
    }

    /// Leaves the bytes of results out.
    #[must_use]
    pub fn without_results(mut self) -> Self {
        self.wanted.results = false;
        self
    }

    /// Gives events of this session only.
    #[must_use]
    pub fn only(mut self, session: SessionId) -> Self {
        self.wanted.session = Some(session);
        self
    }

    /// Leaves out all writers but those of the trail that was opened at this time, in microseconds.
    pub(crate) fn only_begun(mut self, begun: u64) -> Self {
        self.prefix = format!("{begun:016}-{}-", std::process::id());
        let prefix = &self.prefix;
        self.streams.retain(|stream, _| stream.starts_with(prefix));
        self
    }

    /// The events that have ended since the last call, by the time they began.
    ///
    /// # Errors
    /// If a file cannot be read, is no segment, or was written by another version.
    pub fn poll(&mut self) -> Result<Vec<Event>> {
        self.look()?;
        let mut events = Vec::new();
        for stream in self.streams.values_mut() {
            stream.read(&self.dir, self.wanted, &mut events)?;
        }
        events.sort_by_key(|event| event.time);
        Ok(events)
    }

    /// The requests that have begun and not ended, as far as was read.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for stream in self.streams.values() {
            let live = stream.reading.as_ref().is_some_and(Scan::is_live);
            let ending = if live { Ending::Open } else { Ending::Lost };
            let pending = stream.join.pending();
            events.extend(pending.map(|event| Event {
                ending: ending.clone(),
                ..event.clone()
            }));
        }
        events.sort_by_key(|event| event.time);
        events
    }

    /// The sessions, as far as was read, in the order they began.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionSummary> {
        let streams = self.streams.values();
        let mut all: Vec<_> = streams
            .flat_map(|stream| stream.join.summaries.values())
            .collect();
        all.sort_by_key(|summary| (summary.opening.time, summary.opening.session));
        all.into_iter().cloned().collect()
    }

    /// Finds new segments.
    fn look(&mut self) -> Result<()> {
        let failed = || Error::file("read", &self.dir);
        let mut names = Vec::new();
        for file in std::fs::read_dir(&self.dir).map_err(failed())? {
            names.push(file.map_err(failed())?.file_name());
        }
        names.retain(|name| self.alone.as_ref().is_none_or(|alone| alone == name));
        names.sort();
        for name in names {
            let Some(stream) = stream_of(&name) else {
                continue;
            };
            let stream = self.streams.entry(stream.to_owned()).or_default();
            if name > stream.name {
                stream.waiting.insert(name);
            }
        }
        Ok(())
    }
}

/// The part of a segment's name that its writer's segments share.
fn stream_of(name: &OsString) -> Option<&str> {
    let (stream, _sequence) = name.to_str()?.strip_suffix(SUFFIX)?.rsplit_once('-')?;
    Some(stream)
}

impl Stream {
    /// Reads on, through as many segments as were begun.
    fn read(&mut self, dir: &Path, wanted: Wanted, events: &mut Vec<Event>) -> Result<()> {
        loop {
            // The next segment has a record only when this one has its last: what comes after that look is all there is.
            let next = self.next(dir)?;
            if let Some(segment) = &mut self.reading {
                segment.read(&mut |found| {
                    events.extend(self.join.take(found, wanted)?);
                    Ok(())
                })?;
            }
            let Some((name, next)) = next else {
                return Ok(());
            };
            self.waiting.retain(|waiting| *waiting > name);
            self.join.next_segment();
            (self.name, self.reading) = (name, Some(next));
        }
    }

    /// The next segment that was begun. Of those made ahead, some are never used, or removed.
    fn next(&self, dir: &Path) -> Result<Option<(OsString, Scan)>> {
        let Some(begun) = self.first_begun(dir)? else {
            return Ok(None);
        };
        // While we looked, one before it may have been begun and filled. Now that a later one is begun, it would show.
        self.first_begun(dir).map(|again| again.or(Some(begun)))
    }

    fn first_begun(&self, dir: &Path) -> Result<Option<(OsString, Scan)>> {
        for name in &self.waiting {
            let path = dir.join(name);
            let mut scan = match Scan::open(&path) {
                Ok(scan) => scan,
                Err(error) if path.exists() => return Err(error),
                Err(_) => continue,
            };
            if scan.has_records()? {
                return Ok(Some((name.clone(), scan)));
            }
        }
        Ok(None)
    }
}

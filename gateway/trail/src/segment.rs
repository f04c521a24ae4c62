//! A file of records, mapped into memory.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use memmap2::MmapMut;

use crate::codec::{Put as _, Room};
use crate::record::{self, FRAME, Kind, MAGIC, RECORD_VERSION, SEGMENT_HEADER};
use crate::{Durability, Error, Result, TrailConfig};

/// The end of a segment's file name.
pub(crate) const SUFFIX: &str = ".seg";
/// No record may be larger: its length is 32 bits, and a reader must hold it.
pub(crate) const LARGEST: usize = 1 << 30;

/// A file that got no header for so long gets none.
const ABANDONED: Duration = Duration::from_secs(60);

/// No page of memory is smaller.
const PAGE: usize = 4096;

/// What tells one segment from another, in its name and header.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// When the trail was opened, in microseconds.
    pub(crate) begun: u64,
    /// The writer, counted within the trail.
    pub(crate) writer: u32,
    /// The segment, counted within the writer.
    pub(crate) sequence: u32,
    /// The segment, counted within the process.
    pub(crate) ordinal: u32,
}

impl Label {
    /// The file's name. Names of one writer sort in the order of writing.
    fn name(&self) -> String {
        let Self {
            begun,
            writer,
            sequence,
            ..
        } = self;
        let process = std::process::id();
        format!("{begun:016}-{process}-{writer:03}-{sequence:08}{SUFFIX}")
    }
}

/// A segment that is written. It is locked while it is.
#[derive(Debug)]
pub(crate) struct Segment {
    map: MmapMut,
    file: File,
    path: PathBuf,
    label: Label,
    nonce: u32,
    at: usize,
    flushed: usize,
}

impl Segment {
    /// Makes a segment whose every byte is allocated, so that writing to it cannot fail.
    pub(crate) fn create(config: &TrailConfig, label: Label, bytes: usize) -> Result<Self> {
        let path = config.dir.join(label.name());
        let made = Self::create_at(&path, label, bytes).and_then(|segment| {
            match config.durability {
                Durability::Process => {}
                // A file is there after a loss of power when its directory says so.
                Durability::Power => sync_directory(&config.dir)?,
            }
            Ok(segment)
        });
        if made.is_err() {
            // Half a segment holds nothing and would only take the space that is missing.
            let _ = std::fs::remove_file(&path);
        }
        made
    }

    fn create_at(path: &Path, label: Label, bytes: usize) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::file("create", path))?;
        file.lock().map_err(Error::file("lock", path))?;
        allocate(&file, bytes).map_err(Error::file("allocate", path))?;
        let mut map = map(&file, bytes).map_err(Error::file("map", path))?;
        // The first write to a page costs a fault. It is had here, off the path of any statement.
        map.chunks_mut(PAGE).for_each(|page| page[0] = 0);
        let path = path.to_owned();
        let nonce = RandomState::new().build_hasher().finish() as u32;
        let mut segment = Self {
            map,
            file,
            path,
            label,
            nonce,
            at: SEGMENT_HEADER,
            flushed: 0,
        };
        segment.write_header();
        Ok(segment)
    }

    fn write_header(&mut self) {
        let header = &mut self.map[..SEGMENT_HEADER];
        header[8..12].copy_from_slice(&record::SEGMENT_VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&self.nonce.to_le_bytes());
        header[16..24].copy_from_slice(&self.label.begun.to_le_bytes());
        header[24..28].copy_from_slice(&std::process::id().to_le_bytes());
        header[28..32].copy_from_slice(&self.label.writer.to_le_bytes());
        header[..8].copy_from_slice(MAGIC);
    }

    pub(crate) fn ordinal(&self) -> u32 {
        self.label.ordinal
    }

    /// How many bytes of records still fit.
    pub(crate) fn room(&self) -> usize {
        self.map.len() - self.at
    }

    /// Appends a record whose payload `write` puts there, and gives its offset. The caller has asked for
    /// [`room`](Self::room).
    pub(crate) fn append(&mut self, kind: Kind, write: impl FnOnce(&mut Room<'_>)) -> u32 {
        let at = self.at;
        let body = at + FRAME;
        let mut room = Room::new(&mut self.map[body..]);
        room.byte(kind as u8);
        room.byte(RECORD_VERSION);
        write(&mut room);
        let end = body + room.written();
        let crc = record::checksum(self.nonce, &self.map[body..end]);
        self.map[at + 4..body].copy_from_slice(&crc.to_le_bytes());
        // The length makes the record one. Whoever sees it must see the rest.
        fence(Ordering::Release);
        self.map[at..at + 4].copy_from_slice(&((end - body) as u32).to_le_bytes());
        self.at = end.next_multiple_of(8);
        at as u32
    }

    /// Waits until what was appended is on the disk.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.flushed < self.at {
            let written = self.map.flush_range(self.flushed, self.at - self.flushed);
            written.map_err(Error::file("flush", &self.path))?;
            self.flushed = self.at;
        }
        Ok(())
    }

    /// Gives back what was not used, and the lock.
    pub(crate) fn finish(self) -> Result<()> {
        let Self {
            map,
            file,
            path,
            at,
            ..
        } = self;
        drop(map);
        if at == SEGMENT_HEADER {
            return std::fs::remove_file(&path).map_err(Error::file("remove", &path));
        }
        file.set_len(at as u64)
            .map_err(Error::file("shorten", &path))?;
        file.sync_data().map_err(Error::file("flush", &path))
    }
}

fn sync_directory(dir: &Path) -> Result<()> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(Error::file("flush", dir))
}

/// Shortens segments that dead processes left: they are allocated in full. No byte that was written is taken away.
pub(crate) fn reclaim(dir: &Path) -> Result<()> {
    let failed = || Error::file("read", dir);
    for file in std::fs::read_dir(dir).map_err(failed())? {
        let path = file.map_err(failed())?.path();
        let ours = path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
        if ours && let Err(error) = reclaim_one(&path) {
            tracing::warn!(%error, path = %path.display(), "a segment of the trail was left as it is");
        }
    }
    Ok(())
}

fn reclaim_one(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let modified = file.metadata()?.modified()?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    match used(&file)? {
        // Its maker has not come to lock it, or was killed before it did.
        0 if modified.elapsed().is_ok_and(|age| age < ABANDONED) => Ok(()),
        0..=SEGMENT_HEADER => std::fs::remove_file(path),
        bytes => file.set_len(bytes.next_multiple_of(8) as u64),
    }
}

/// How many bytes there are up to the last that is not zero.
fn used(file: &File) -> std::io::Result<usize> {
    let mut piece = vec![0; 64 << 10];
    let mut end = file.metadata()?.len();
    while end > 0 {
        let begin = end.saturating_sub(piece.len() as u64);
        let piece = &mut piece[..(end - begin) as usize];
        file.read_exact_at(piece, begin)?;
        if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
            return Ok(begin as usize + last + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Gives the file its size on the disk now; a full disk is an error here, where a hole in the file would be a signal later.
fn allocate(file: &File, bytes: usize) -> std::io::Result<()> {
    let asked = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64);
    match asked {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => fill(file, bytes),
        other => Ok(other?),
    }
}

/// Does what [`allocate`] does where the file system cannot.
fn fill(mut file: &File, bytes: usize) -> std::io::Result<()> {
    let zeros = vec![0; bytes.min(1 << 16)];
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(zeros.len());
        std::io::Write::write_all(&mut file, &zeros[..piece])?;
        left -= piece;
    }
    Ok(())
}

/// Maps a file for writing.
#[expect(
    unsafe_code,
    reason = "memory that outlives the process can only be had by a mapping"
)]
fn map(file: &File, bytes: usize) -> std::io::Result<MmapMut> {
    let mut options = memmap2::MmapOptions::new();
    options.len(bytes);
    // SAFETY: the file is new, locked and named for this writer, and nobody shortens a locked segment, so the mapping stays
    // backed. Other processes only read it, through the file. We look at no byte that another could change.
    unsafe { options.map_mut(file) }
}

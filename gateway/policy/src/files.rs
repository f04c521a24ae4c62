//! Files that others may put something else in place of at any time: only regular ones are read, so that
//! none keeps its reader waiting, and no more of them than there may be.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file of at most so many bytes.
pub(crate) fn open(path: &Path, most: u64) -> io::Result<File> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(at_once)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        let reason = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    fits(found.len(), most)?;
    Ok(file)
}

/// Reads a regular file of at most so many bytes.
///
/// # Errors
/// It is none, or cannot be read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path, most)?.take(most.saturating_add(1));
    file.read_to_end(&mut bytes)?;
    // It may have grown.
    fits(bytes.len() as u64, most)?;
    Ok(bytes)
}

/// Reads a regular file of UTF-8 text of at most so many bytes.
///
/// # Errors
/// It is none, or cannot be read.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

fn fits(bytes: u64, most: u64) -> io::Result<()> {
    if bytes <= most {
        return Ok(());
    }
    let reason = format!("it has {bytes} bytes; {most} are possible");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, reason))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_no_file_or_too_large_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let refused = |path: &std::path::Path, most| read(path, most).unwrap_err().to_string();
        assert_eq!(refused(&path, 4), "it has 5 bytes; 4 are possible");
        assert_eq!(refused(folder.path(), 4), "it is not a regular file");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        assert_eq!(refused(&pipe, 4), "it is not a regular file");
        assert_eq!(refused("/dev/zero".as_ref(), 4), "it is not a regular file");
    }
}

//! Replaces files at one stroke: whoever reads one sees the old content or the new, never a part.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes the content beside the file and lets it take its place, with the file's permissions.
pub(crate) fn file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mode = fs::metadata(path).map_or(0o644, |known| known.permissions().mode() & 0o777);
    let mut aside = NamedTempFile::new_in(folder)?;
    aside.write_all(content)?;
    let permissions = fs::Permissions::from_mode(mode);
    aside.as_file().set_permissions(permissions)?;
    aside.as_file().sync_all()?;
    aside.persist(path).map(drop).map_err(|error| error.error)
}

//! Replaces files at one stroke: whoever reads one sees the old content or the new, never a part.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes the content beside the file and lets it take its place, with the file's permissions and owner:
/// who could read it must be able to go on. Where the owner cannot be kept, nothing is changed. A link stays:
/// what it leads to is replaced.
pub(crate) fn file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let known = fs::metadata(path).ok();
    let mode = known
        .as_ref()
        .map_or(0o644, |known| known.permissions().mode() & 0o777);
    let mut aside = NamedTempFile::new_in(folder)?;
    let made = aside.as_file().metadata()?;
    if let Some(known) = known
        && (known.uid(), known.gid()) != (made.uid(), made.gid())
    {
        let kept = fchown(aside.as_file(), Some(known.uid()), Some(known.gid()));
        kept.map_err(|error| {
            let (uid, gid) = (known.uid(), known.gid());
            let words = format!("it would no longer belong to user {uid} and group {gid}: {error}");
            std::io::Error::new(error.kind(), words)
        })?;
    }
    aside.write_all(content)?;
    let permissions = fs::Permissions::from_mode(mode);
    aside.as_file().set_permissions(permissions)?;
    aside.as_file().sync_all()?;
    aside.persist(path).map(drop).map_err(|error| error.error)
}

/// Makes the folder, where there is none, with the permissions and the owner of another: who can read there
/// must be able to read here.
pub(crate) fn folder(path: &Path, like: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let like = if like.as_os_str().is_empty() {
        Path::new(".")
    } else {
        like
    };
    let known = fs::metadata(like)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|part| !part.is_dir()).collect();
    for part in missing
        .into_iter()
        .rev()
        .filter(|part| !part.as_os_str().is_empty())
    {
        fs::create_dir(part)?;
        let made = fs::metadata(part)?;
        if (known.uid(), known.gid()) != (made.uid(), made.gid()) {
            chown(part, Some(known.uid()), Some(known.gid()))?;
        }
        // What keeps strangers from each other's files in a folder for all does not hold here.
        let permissions = fs::Permissions::from_mode(known.permissions().mode() & 0o775);
        fs::set_permissions(part, permissions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    #[test]
    fn a_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        super::file(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_folder_that_is_made_is_as_open_as_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let mode = std::fs::Permissions::from_mode(0o751);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        let _ = chown(folder.path(), Some(12_345), Some(12_346));
        let made = folder.path().join("a/modules");
        super::folder(&made, folder.path()).unwrap();
        let seen = |path: &std::path::Path| {
            let seen = std::fs::metadata(path).unwrap();
            (seen.uid(), seen.gid(), seen.mode())
        };
        assert_eq!(seen(&made), seen(folder.path()));
        assert_eq!(seen(&folder.path().join("a")), seen(folder.path()));
        let mode = std::fs::Permissions::from_mode(0o1777);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        super::folder(&folder.path().join("b"), folder.path()).unwrap();
        let (_, _, mode) = seen(&folder.path().join("b"));
        assert_eq!(mode & 0o7777, 0o775, "strangers write nothing there");
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_owner_and_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sluice.toml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        // Only root may give a file away; others keep their own.
        let _ = chown(&path, Some(12_345), Some(12_346));
        let seen = || {
            let seen = std::fs::metadata(&path).unwrap();
            (seen.uid(), seen.gid(), seen.mode())
        };
        let before = seen();
        super::file(&path, b"new").unwrap();
        assert_eq!(seen(), before);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}

//! The files that a policy is made of, and whether they have changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often they are looked at. Looking finds changes on every file system; being told does not.
const LOOK: Duration = Duration::from_millis(250);

/// What tools leave in a policy's folder.
const BUILT: [&str; 8] = [
    "target",
    "node_modules",
    "out",
    "__pycache__",
    "policy.wasm",
    "Cargo.lock",
    "package-lock.json",
    "go.sum",
];

/// The files of a policy's folder as they were when they were looked at last.
pub(super) struct Sources {
    folder: PathBuf,
    /// What is no source, though it may be in the folder.
    except: Option<PathBuf>,
    seen: Files,
}

/// The length of each file, and when it was changed.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing but the cases.
    Cases,
    /// What the module is made of.
    Source,
}

impl Sources {
    pub(super) fn new(folder: &Path, except: Option<&Path>) -> Sources {
        let mut sources = Sources {
            folder: std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()),
            except: except.and_then(real),
            seen: Files::new(),
        };
        sources.seen = sources.look();
        sources
    }

    /// Waits for a change, and until what is changed rests. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Change {
        self.differ().await;
        let mut now = self.look();
        loop {
            tokio::time::sleep(LOOK).await;
            let next = self.look();
            if next == now {
                break;
            }
            now = next;
        }
        let before = std::mem::replace(&mut self.seen, now);
        change(&before, &self.seen, &self.folder.join("cases.json"))
    }

    /// Waits until a file is not as it was seen. Cancel-safe.
    pub(super) async fn differ(&self) {
        while self.look() == self.seen {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&self) -> Files {
        let mut files = Files::new();
        self.look_into(&self.folder, &mut files);
        files
    }

    /// A folder or file that cannot be read is as one that is not there.
    fn look_into(&self, folder: &Path, files: &mut Files) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let hidden = name.as_encoded_bytes().starts_with(b".");
            // What this prints is often kept there.
            let log = path.extension().is_some_and(|kind| kind == "log");
            if hidden || log || BUILT.iter().any(|built| name == *built) {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.look_into(&path, files);
            } else if self.except.as_ref() != Some(&path)
                && let Ok(found) = std::fs::metadata(&path)
            {
                files.insert(path, (found.len(), found.modified().ok()));
            }
        }
    }
}

/// The one path of a file, which need not be there; its folder must.
fn real(file: &Path) -> Option<PathBuf> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some(folder.join(file.file_name()?))
}

fn change(before: &Files, after: &Files, cases: &Path) -> Change {
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let mut paths = before.keys().chain(after.keys()).filter(differs);
    match paths.all(|path| path == cases) {
        true => Change::Cases,
        false => Change::Source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn sources_are_told_from_what_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("src")).unwrap();
        fs::create_dir_all(path("target")).unwrap();
        let into = path("src/../put.wasm");
        fs::write(path("src/lib.rs"), "a").unwrap();
        let mut sources = Sources::new(folder.path(), Some(&into));
        for built in [
            "target/a",
            "policy.wasm",
            "put.wasm",
            "Cargo.lock",
            ".lib.rs.swp",
            "dev.log",
        ] {
            fs::write(path(built), "b").unwrap();
        }
        assert_eq!(sources.look(), sources.seen);
        fs::write(path("src/lib.rs"), "ab").unwrap();
        assert_eq!(sources.changed().await, Change::Source);
        fs::write(path("cases.json"), "{}").unwrap();
        assert_eq!(sources.changed().await, Change::Cases);
        fs::remove_file(path("src/lib.rs")).unwrap();
        assert_eq!(sources.changed().await, Change::Source);
    }
}

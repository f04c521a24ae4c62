//! Policies follow their files: a changed module or configuration replaces the set whole, or not
//! at all.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use policy::{LoadStep, Policies};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Config;

/// Editors and copies write in several steps: what changes again this soon is not whole yet.
const SETTLE: Duration = Duration::from_millis(100);

/// How often files are looked at again that do not come to rest.
const MOST_LOOKS: u32 = 300;

/// How often files are looked at though nothing was told of them: links lead elsewhere, folders are
/// replaced, and not every file system tells.
const LOOK: Duration = Duration::from_secs(2);

/// When what could not be read or had is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// Replaces the policies whenever their files change from what they were, for as long as it runs.
pub(super) async fn watch(config: Config, was: Contents, policies: Arc<Policies>) {
    let changed = Arc::new(Notify::new());
    let mut watched = Watched::new(&changed);
    let path = config.path.clone();
    let mut config = config;
    let mut last = was;
    // The files may have changed before they were watched.
    let mut stamps = BTreeMap::new();
    changed.notify_one();
    let mut unreadable = false;
    let mut again: Option<(Instant, Duration)> = None;
    loop {
        watched.follow(&config);
        let _ = tokio::time::timeout(LOOK, changed.notified()).await;
        // Anything that happens in a folder is told: logs may be written there all the time.
        let mut files = config.policy_files();
        if unreadable {
            // What a configuration that was refused names may come to be there.
            files.extend(watched.folders.keys().cloned());
        }
        let is_changed = stamps_of(&files) != stamps;
        if !is_changed && again.is_none_or(|(at, _)| Instant::now() < at) {
            continue;
        }
        stamps = rested(&files).await;
        let (path, into) = (path.clone(), Arc::clone(&policies));
        let reloaded = tokio::task::spawn_blocking(move || reload(&path, &into, last)).await;
        let reloaded = reloaded.unwrap_or_else(|_| {
            let reason = "trying a change failed in a way that nobody expected: look at the log";
            tracing::error!("{reason}; the policies stay");
            policies.reject(reason.to_owned());
            Reloaded::failed(None)
        });
        last = reloaded.contents;
        unreadable = reloaded.config.is_none();
        config = reloaded.config.unwrap_or(config);
        again = reloaded.may_pass.then(|| {
            let before = again.filter(|_| !is_changed);
            let wait = before.map_or(AGAIN.0, |(_, before)| AGAIN.1.min(before * 2));
            (Instant::now() + wait, wait)
        });
    }
}

/// The files as they are once they rest: a part of a table or of a configuration may well be one.
async fn rested(files: &[PathBuf]) -> Stamps {
    let mut before = stamps_of(files);
    for _ in 0..MOST_LOOKS {
        tokio::time::sleep(SETTLE).await;
        let now = stamps_of(files);
        if now == before {
            break;
        }
        before = now;
    }
    before
}

/// What tells that a file has changed, without reading it: inode, size, and times to the nanosecond.
type Stamp = (u64, u64, [i64; 4]);

type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// The files that matter as they are now; none where a file cannot be seen. To be asked for before they
/// are read, so that a change in between shows the next time.
fn stamps_of(files: &[PathBuf]) -> Stamps {
    let stamp = |file: &Path| -> Option<Stamp> {
        let seen = std::fs::metadata(file).ok()?;
        let changed = [
            seen.mtime(),
            seen.mtime_nsec(),
            seen.ctime(),
            seen.ctime_nsec(),
        ];
        Some((seen.ino(), seen.size(), changed))
    };
    let stamped = |file: &PathBuf| (file.clone(), stamp(file));
    files.iter().map(stamped).collect()
}

/// What the policies are made of, in short: the contents of their files.
pub(super) type Contents = [u8; 32];

/// The texts that the configuration was read from, whatever their files say by now, and the other contents
/// as they are; with the digests of their files.
pub(super) fn contents(config: &Config) -> (Contents, HashMap<PathBuf, policy::Digest>) {
    let mut sha = Sha256::new_with_prefix(config.digest);
    let mut digests = HashMap::new();
    let files = config.policy_files().into_iter();
    let is_read = |file: &PathBuf| *file == config.path || Some(file) == config.trust.as_ref();
    for file in files.filter(|file| !is_read(file)) {
        match policy::Digest::of_file(&file) {
            Ok(digest) => {
                sha.update(digest.as_bytes());
                digests.insert(file, digest);
            }
            Err(_) => sha.update([0]),
        }
    }
    (sha.finalize().into(), digests)
}

/// What came of a try.
struct Reloaded {
    /// None where it cannot be read.
    config: Option<Config>,
    contents: Contents,
    /// What is in the way may go by itself.
    may_pass: bool,
}

impl Reloaded {
    /// Whatever the contents are, they are to be tried the next time.
    fn failed(config: Option<Config>) -> Self {
        Self {
            config,
            contents: Contents::default(),
            may_pass: false,
        }
    }
}

/// Reads the file again and lets its policies take effect, where anything differs from the last try.
fn reload(path: &Path, policies: &Arc<Policies>, last: Contents) -> Reloaded {
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "the configuration is not taken: the policies stay");
            policies.reject(error.to_string());
            return Reloaded::failed(None);
        }
    };
    let wanted = match crate::oci::policies(&config) {
        Ok(wanted) => wanted,
        Err(error) => {
            tracing::error!(%error, "a module cannot be had: the policies stay");
            policies.reject(error.to_string());
            let may_pass = true;
            return Reloaded {
                may_pass,
                ..Reloaded::failed(Some(config))
            };
        }
    };
    let (contents, digests) = contents(&config);
    let mut reloaded = Reloaded {
        config: Some(config),
        contents,
        may_pass: false,
    };
    if contents == last {
        return reloaded;
    }
    match policies.replace_taken(wanted, &digests) {
        Ok(generation) => {
            tracing::info!(generation = generation.number(), "policies replaced");
        }
        Err(error) => {
            tracing::error!(%error, "policies not replaced: the old ones stay");
            if error.step == LoadStep::Read {
                reloaded.may_pass = true;
                reloaded.contents = Contents::default();
            }
        }
    }
    reloaded
}

/// The folders of the files that matter: a file that is replaced is another file.
struct Watched {
    /// None where the system has none left.
    watcher: Option<RecommendedWatcher>,
    /// Those that are watched, by device and inode: what replaces one is another.
    folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watched {
    fn new(changed: &Arc<Notify>) -> Self {
        let changed = Arc::clone(changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.is_ok_and(|event| !event.kind.is_access());
            if matters {
                changed.notify_one();
            }
        });
        let refused = |error: &notify::Error| tracing::warn!(%error, "files are only looked at");
        Self {
            watcher: watcher.inspect_err(refused).ok(),
            folders: BTreeMap::new(),
        }
    }

    fn follow(&mut self, config: &Config) {
        for file in config.policy_files() {
            let folder = match file.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            let Ok(now) = std::fs::metadata(&folder) else {
                continue;
            };
            let now = (now.dev(), now.ino());
            if self.folders.get(&folder) == Some(&now) {
                continue;
            }
            if let Some(watcher) = &mut self.watcher {
                // The folder that was there before may be watched no more, or may be elsewhere.
                let _ = watcher.unwatch(&folder);
                if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                    tracing::warn!(folder = %folder.display(), %error, "a folder is only looked at");
                }
            }
            self.folders.insert(folder, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, contents};

    const CONFIGURATION: &str = r#"
listen.address = "127.0.0.1:0"
databases.shop = { host = "127.0.0.1", user = "app", tls = "disable" }
identity = { issuer = "https://id.example.com", audience = "sluice" }
trail.directory = "trail"
"#;

    #[test]
    fn a_configuration_that_is_replaced_while_it_is_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sluice.toml");
        let write = |sessions: u32| {
            std::fs::write(
                &path,
                format!("{CONFIGURATION}[limits]\nsessions = {sessions}\n"),
            )
            .unwrap();
        };
        write(1);
        let config = Config::read(&path).unwrap();
        write(2);
        let (last, _) = contents(&config);
        assert_ne!(last, contents(&Config::read(&path).unwrap()).0);
    }
}

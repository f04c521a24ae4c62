//! Policies follow their files: a changed module or configuration replaces the set whole, or not
//! at all.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use policy::{LoadStep, Policies};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Stop;
use crate::config::{Config, FOLLOWED};

/// Editors and copies write in several steps: what changes again this soon is not whole yet.
const SETTLE: Duration = Duration::from_millis(100);

/// How often files are looked at again that do not come to rest.
const MOST_LOOKS: u32 = 50;

/// How often files are looked at though nothing was told of them: links lead elsewhere, folders are
/// replaced, and not every file system tells.
const LOOK: Duration = Duration::from_secs(2);

/// How much it lets others go first.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// When what could not be read or had is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// Replaces the policies whenever their files change from what they were, until the gateway stops: on a
/// thread of its own, as a file system that does not answer keeps whoever asks it.
pub(super) fn watch(
    config: Config,
    was: Contents,
    policies: &Weak<Policies>,
    stopped: &watch::Receiver<Stop>,
) {
    // On Linux it is this thread alone that lets others go first: statements do not wait for a change.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
    let (tell, changed) = mpsc::channel();
    let mut watched = Watched::new(tell.clone());
    let mut known = Known {
        path: config.path.clone(),
        config,
        last: was,
        stamps: Stamps::new(),
        is_unreadable: false,
        refused: None,
        again: None,
    };
    // The files may have changed before they were watched.
    let _ = tell.send(());
    while stopped.has_changed().is_ok() && *stopped.borrow() != Stop::Now {
        watched.follow(&known.config);
        let _ = changed.recv_timeout(LOOK);
        // Anything that happens in a folder is told: logs may be written there all the time.
        while changed.try_recv().is_ok() {}
        let files = known.config.policy_files();
        let is_changed = stamps_of(&files) != known.stamps;
        let is_due = known.again.is_some_and(|(at, _)| Instant::now() >= at);
        // Nobody knows all that a configuration names which could not be read.
        if is_changed || is_due || known.is_unreadable {
            known.again = known.again.filter(|_| !is_changed);
            known.stamps = rested(&files);
            // They end with the gateway, and do not wait for this thread.
            let Some(policies) = policies.upgrade() else {
                return;
            };
            let tried = std::panic::catch_unwind(AssertUnwindSafe(|| known.reload(&policies)));
            if tried.is_err() {
                known.last = Contents::default();
                let reason = "trying a change failed in a way that nobody expected: see the log";
                tracing::error!("{reason}; the policies stay");
                policies.reject(reason.to_owned());
            }
        }
    }
}

/// What is known of the files.
struct Known {
    path: PathBuf,
    /// As it could be read last.
    config: Config,
    /// What was tried last; nothing that there is where that is to be tried again.
    last: Contents,
    stamps: Stamps,
    is_unreadable: bool,
    /// Why the last try came to nothing.
    refused: Option<String>,
    /// When what may pass by itself is tried again, and how long that was waited for.
    again: Option<(Instant, Duration)>,
}

/// The files as they are once they rest: a part of a table or of a configuration may well be one.
fn rested(files: &[PathBuf]) -> Stamps {
    let mut before = stamps_of(files);
    for _ in 0..MOST_LOOKS {
        std::thread::sleep(SETTLE);
        let now = stamps_of(files);
        if now == before {
            return now;
        }
        before = now;
    }
    tracing::warn!("a file that policies are made of does not rest: it is taken as it is");
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

impl Known {
    /// Reads the file again and lets its policies take effect, where anything differs from the last try.
    fn reload(&mut self, policies: &Arc<Policies>) {
        let waited = self.again.take().map(|(_, wait)| wait);
        let read = Config::read(&self.path);
        self.is_unreadable = read.is_err();
        match read {
            Ok(config) => {
                if config.fixed != self.config.fixed {
                    let followed = FOLLOWED.join(", ");
                    tracing::warn!(
                        followed,
                        "sections have changed that are read at the start only"
                    );
                }
                self.config = config;
            }
            Err(error) => return self.refuse(policies, error.to_string()),
        }
        let mut others = self.config.policy_files();
        others.retain(|file| !self.stamps.contains_key(file));
        if !others.is_empty() {
            rested(&others);
        }
        let wanted = match crate::oci::policies(&self.config) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.refuse(policies, error.to_string());
                return self.try_again(waited);
            }
        };
        let (contents, digests) = contents(&self.config);
        if contents == std::mem::replace(&mut self.last, contents) {
            self.refused = None;
            return;
        }
        match policies.replace_taken(wanted, &digests) {
            Ok(generation) => {
                self.refused = None;
                tracing::info!(generation = generation.number(), "policies replaced");
            }
            Err(error) => {
                let reason = error.to_string();
                if self.refused.as_ref() != Some(&reason) {
                    tracing::error!(reason, "policies not replaced: the old ones stay");
                    self.refused = Some(reason);
                }
                if may_pass(error.step) {
                    self.last = Contents::default();
                    self.try_again(waited);
                }
            }
        }
    }

    /// The policies stay: whatever the contents are, they are to be tried the next time.
    fn refuse(&mut self, policies: &Policies, reason: String) {
        self.last = Contents::default();
        if self.refused.as_ref() != Some(&reason) {
            tracing::error!(reason, "the configuration is not taken: the policies stay");
            policies.reject(reason.clone());
            self.refused = Some(reason);
        }
    }

    /// What is in the way may go by itself.
    fn try_again(&mut self, waited: Option<Duration>) {
        let wait = waited.map_or(AGAIN.0, |waited| AGAIN.1.min(waited * 2));
        self.again = Some((Instant::now() + wait, wait));
    }
}

/// True where the same files may be taken another time: that the machine was busy, or had nothing left, can be
/// why they were not.
fn may_pass(step: LoadStep) -> bool {
    use LoadStep::{Configure, Engine, Read, Start, Trial};
    matches!(step, Engine | Read | Start | Configure | Trial)
}

/// The folders of the files that matter: a file that is replaced is another file.
struct Watched {
    /// None where the system has none left.
    watcher: Option<RecommendedWatcher>,
    /// Those that are watched, by device and inode: what replaces one is another.
    folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watched {
    fn new(changed: mpsc::Sender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.is_ok_and(|event| !event.kind.is_access());
            if matters {
                let _ = changed.send(());
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

    #[test]
    fn what_is_read_at_the_start_only_is_told_from_what_is_followed() {
        let path = std::path::Path::new("sluice.toml");
        let fixed = |more: &str| {
            let config = Config::from_toml(&format!("{CONFIGURATION}{more}"), path);
            config.unwrap().fixed
        };
        let same = "# a remark\n[modules]\ndirectory = \"m\"\n";
        assert_eq!(fixed(same), fixed(""));
        assert_ne!(fixed("[limits]\nsessions = 1\n"), fixed(""));
    }
}

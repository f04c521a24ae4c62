//! Compiling in a process of its own, with bounds: a module can be made that takes its compiler minutes,
//! gigabytes or its stack, and no look at the module finds each of them.

use std::fs::{File, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, nice, setrlimit};
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig};

use crate::component::componentize;
use crate::config::EngineConfig;
use crate::engine;
use crate::error::{LoadError, Step};

/// Seconds of processor time that any module may take, and more for each MiB of it. Those in Python, of 18
/// MiB, take 13 s.
const SECONDS: u64 = 20;
const SECONDS_PER_MIB: u64 = 4;
/// Bytes of memory that any module may take, and more for each MiB of it. Those in Python take 430 MiB.
const BYTES: u64 = 512 << 20;
const BYTES_PER_MIB: u64 = 32 << 20;
/// How much it lets others go first.
const NICE: i32 = 10;

/// Compiles modules in processes of their own, which leave what they made where the engine finds it.
pub(crate) struct Compiler {
    program: PathBuf,
    /// Nobody else may write there.
    folder: PathBuf,
    /// Says that the folder is in use, for as long as it is open.
    _lock: File,
}

impl Drop for Compiler {
    fn drop(&mut self) {
        // The cache has a thread of its own that may still write there.
        for _ in 0..MOST_REMOVALS {
            if std::fs::remove_dir_all(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

const MOST_REMOVALS: u32 = 20;

const PREFIX: &str = "sluice-compiled-";
const LOCK: &str = "in-use";

impl Compiler {
    pub(crate) fn new(program: PathBuf) -> Result<Compiler, LoadError> {
        let temporary = std::env::temp_dir();
        remove_left(&temporary);
        let made = || {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            // Others see it when it is locked.
            let unseen = folder.path().join("new");
            let lock = File::create(&unseen)?;
            lock.try_lock()?;
            std::fs::rename(unseen, folder.path().join(LOCK))?;
            Ok((folder.keep(), lock))
        };
        let (folder, lock) = made().map_err(|error: std::io::Error| {
            let temporary = temporary.display();
            LoadError::new(
                Step::Engine,
                format!("{temporary}: {error}; TMPDIR names another folder"),
            )
        })?;
        Ok(Compiler {
            program,
            folder,
            _lock: lock,
        })
    }

    /// Where what was made is kept. What the cache does not know there it removes.
    pub(crate) fn kept(&self) -> PathBuf {
        self.folder.join("kept")
    }

    /// Compiles the module. What is wrong with it the engine finds again; here is refused what would have
    /// harmed it.
    pub(crate) fn compile(&self, config: &EngineConfig, module: &[u8]) -> Result<(), LoadError> {
        let fault = |reason: String| LoadError::new(Step::Engine, reason);
        let child = Command::new(&self.program)
            .arg(COMMAND)
            .args([
                &config.instances.to_string(),
                &config.memory_bytes.to_string(),
            ])
            .arg(self.kept())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let program = self.program.display();
        let mut child =
            child.map_err(|error| fault(format!("{program} does not start: {error}")))?;
        if let Some(mut input) = child.stdin.take() {
            // One that ends early says why by how it ends.
            drop(input.write_all(module));
        }
        let ended = child.wait();
        let ended = ended.map_err(|error| fault(format!("{program} is lost: {error}")))?;
        match ended.code() {
            Some(0 | 1) => Ok(()),
            _ => Err(LoadError::new(Step::Compile, harmful(ended, module.len()))),
        }
    }
}

/// Removes what gateways of this user have left that were killed.
fn remove_left(temporary: &Path) {
    let folders = std::fs::read_dir(temporary).into_iter().flatten().flatten();
    for folder in folders {
        let is_named = folder
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        // In what others have made anything may stand.
        let is_ours = || {
            let seen = folder.metadata();
            seen.is_ok_and(|seen| seen.uid() == geteuid().as_raw())
        };
        let lock = || File::open(folder.path().join(LOCK));
        if is_named && is_ours() && lock().is_ok_and(|lock| lock.try_lock().is_ok()) {
            drop(std::fs::remove_dir_all(folder.path()));
        }
    }
}

fn harmful(ended: ExitStatus, bytes: usize) -> String {
    let Bounds { seconds, memory } = Bounds::of(bytes);
    let memory = memory >> 20;
    format!(
        "its compiler failed ({ended}): a module of {bytes} bytes may take {seconds} s of processor time \
         and {memory} MiB of memory; make its functions smaller or fewer"
    )
}

/// What is called to compile a module.
pub const COMMAND: &str = "compile-module";

/// What a module may take.
struct Bounds {
    seconds: u64,
    memory: u64,
}

impl Bounds {
    fn of(bytes: usize) -> Bounds {
        let mib = (bytes as u64).div_ceil(1 << 20);
        Bounds {
            seconds: SECONDS + mib * SECONDS_PER_MIB,
            memory: BYTES + mib * BYTES_PER_MIB,
        }
    }

    /// Lays them upon this process, for good.
    fn lay(&self) -> std::io::Result<()> {
        let bound = |resource, most: u64| {
            // Nobody may go beyond what there is already.
            let there = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            // What ends it between the two says that it was for that.
            let (current, maximum) = (Some(most.min(there)), Some((most + 1).min(there)));
            setrlimit(resource, Rlimit { current, maximum })
        };
        bound(Resource::Core, 0)?;
        bound(Resource::Cpu, self.seconds)?;
        bound(Resource::Data, self.memory)?;
        nice(NICE)?;
        Ok(())
    }
}

/// Compiles a module for an engine of that configuration and keeps what comes of it there. For a process
/// that does nothing else: its bounds stay.
///
/// # Errors
/// What is wrong with the module; at step `Engine` what kept it from being compiled within its bounds.
pub fn compile(config: &EngineConfig, kept: &Path, from: impl Read) -> Result<(), LoadError> {
    let fault = |error: std::io::Error| LoadError::new(Step::Engine, error.to_string());
    let mut module = Vec::new();
    let mut from = from.take(config.module_bytes);
    from.read_to_end(&mut module).map_err(fault)?;
    Bounds::of(module.len()).lay().map_err(fault)?;
    let wrong = |error: wasmtime::Error| LoadError::new(Step::Compile, format!("{error:#}"));
    let mut settings = engine::settings(config);
    settings.cache(Some(cache(kept)?));
    let wasm = wasmtime::Engine::new(&settings);
    let wasm = wasm.map_err(|error| LoadError::new(Step::Engine, format!("{error:#}")))?;
    let component = componentize(&module)?;
    Component::new(&wasm, &component).map_err(wrong)?;
    Ok(())
}

/// What was made, as the engine reads it.
pub(crate) fn cache(kept: &Path) -> Result<Cache, LoadError> {
    let mut config = CacheConfig::new();
    config.with_directory(kept);
    Cache::new(config).map_err(|error| LoadError::new(Step::Engine, format!("{error:#}")))
}

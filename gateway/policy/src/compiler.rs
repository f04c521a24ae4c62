//! Compiling in a process of its own, with bounds: a module can be made that takes its compiler minutes,
//! gigabytes or its stack, and no look at the module finds each of them.

use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, geteuid, getrlimit, nice, setrlimit};
use tokio::time::Instant;
use wasmparser::{Parser, Payload};
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig};

use crate::component::componentize;
use crate::config::EngineConfig;
use crate::engine;
use crate::error::{LoadError, Step};

/// Seconds of processor time that any module may take, and more for each MiB of it. Those in Python, of 18
/// MiB, take 18 s.
const SECONDS: u64 = 20;
const SECONDS_PER_MIB: u64 = 2;
/// Bytes of memory that any module may take, and more for each MiB of it. Those in Python take 400 MiB.
const BYTES: u64 = 512 << 20;
const BYTES_PER_MIB: u64 = 16 << 20;
/// Bytes that may come of any module, and more for each of its own: the gateway keeps them all.
const MADE_BYTES: usize = 16 << 20;
const MADE_BYTES_PER_BYTE: usize = 8;
/// How much it lets others go first.
const NICE: i32 = 10;
/// How many times as long as its processor time it may take on a busy machine.
const MOST_WAITS: u32 = 5;
const LOOK: Duration = Duration::from_millis(5);
/// Bytes of what it says that are kept.
const MOST_SAID: u64 = 4096;
/// The exit code of a program of Rust that panicked.
const PANICKED: i32 = 101;

/// Compiles modules in processes of their own, which leave what they made where the engine finds it.
pub(crate) struct Compiler {
    program: PathBuf,
    /// Where what was made is kept; nobody else may write there, as it is run.
    kept: PathBuf,
    /// The folder itself, locked for as long as this lives: those who tidy up leave it alone.
    folder: File,
}

const PREFIX: &str = "sluice-compiled-";
const MOST_REMOVALS: u32 = 200;

impl Drop for Compiler {
    fn drop(&mut self) {
        // The cache has a thread of its own that may still write there.
        for _ in 0..MOST_REMOVALS {
            if self.is_there().is_err() || std::fs::remove_dir_all(&self.kept).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Compiler {
    pub(crate) fn new(program: PathBuf) -> Result<Compiler, LoadError> {
        Self::within(&std::env::temp_dir(), program)
    }

    fn within(temporary: &Path, program: PathBuf) -> Result<Compiler, LoadError> {
        remove_left(temporary);
        let made = || {
            let new = tempfile::Builder::new()
                .prefix("sluice-new-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(temporary)?;
            // It has its name when it is locked: what is not may be removed.
            let folder = File::open(new.path())?;
            folder.try_lock()?;
            let name = new.path().file_name().and_then(|name| name.to_str());
            let name = name.unwrap_or_default().replace("sluice-new-", PREFIX);
            let kept = new.path().with_file_name(name);
            std::fs::rename(new.path(), &kept)?;
            let _ = new.keep();
            Ok((kept, folder))
        };
        let (kept, folder) = made().map_err(|error: std::io::Error| {
            let temporary = temporary.display();
            LoadError::new(
                Step::Engine,
                format!("{temporary}: {error}; TMPDIR names another folder"),
            )
        })?;
        Ok(Compiler {
            program,
            kept,
            folder,
        })
    }

    /// Where what was made is kept.
    pub(crate) fn kept(&self) -> &Path {
        &self.kept
    }

    /// Whether the folder is still the one that was made: where anybody may write beside it, one of theirs can
    /// take its place once it is gone.
    fn is_there(&self) -> Result<(), LoadError> {
        let identity = |seen: Metadata| (seen.dev(), seen.ino());
        let now = std::fs::symlink_metadata(&self.kept).map(identity).ok();
        if now.is_some() && now == self.folder.metadata().map(identity).ok() {
            return Ok(());
        }
        let kept = self.kept.display();
        let reason = format!("{kept} was removed, and what is compiled is kept there: start anew");
        Err(LoadError::new(Step::Engine, reason))
    }

    /// Compiles the module. What is wrong with it the engine finds again; here is refused what would have
    /// harmed it.
    pub(crate) fn compile(&self, config: &EngineConfig, module: &[u8]) -> Result<(), LoadError> {
        self.is_there()?;
        let ran = self.run(config, module);
        let (ended, said) = ran.map_err(|error| {
            let program = self.program.display();
            LoadError::new(Step::Engine, format!("{program}, to compile: {error}"))
        })?;
        self.is_there()?;
        let error = |step, reason: &str| Err(LoadError::new(step, reason.trim_end()));
        match Outcome::of_end(ended) {
            Some(Outcome::Kept) => Ok(()),
            Some(Outcome::Impossible) => error(Step::Engine, &said),
            Some(Outcome::NoComponent) => error(Step::Componentize, &said),
            Some(Outcome::Wrong) => error(Step::Compile, &said),
            None if is_its_own(ended) => error(Step::Compile, &harmful(ended, module)),
            None => error(Step::Engine, &format!("its compiler was ended ({ended})")),
        }
    }

    /// How the process ended, and what it said.
    fn run(&self, config: &EngineConfig, module: &[u8]) -> std::io::Result<(ExitStatus, String)> {
        let mut child = Command::new(&self.program)
            .arg(COMMAND)
            .arg(config.memory_bytes.to_string())
            .arg(self.kept())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let patience = Duration::from_secs(Bounds::of(module).seconds) * MOST_WAITS;
        std::thread::scope(|scope| {
            // One that ends early says why by how it ends.
            scope.spawn(move || input.map(|mut input| input.write_all(module)));
            let said = scope.spawn(move || output.map(said).unwrap_or_default());
            let ended = wait(&mut child, patience)?;
            Ok((ended, said.join().unwrap_or_default()))
        })
    }
}

/// What a process says, as far as it is short.
fn said(mut output: ChildStdout) -> String {
    let mut text = Vec::new();
    let _ = output.by_ref().take(MOST_SAID).read_to_end(&mut text);
    let _ = std::io::copy(&mut output, &mut std::io::sink());
    String::from_utf8(text).unwrap_or_default()
}

/// How the process ended; it is, where it takes too long.
fn wait(child: &mut Child, patience: Duration) -> std::io::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(ended);
        }
        if began.elapsed() > patience {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(LOOK);
    }
}

/// Removes what gateways of this user have left that were killed.
fn remove_left(temporary: &Path) {
    let folders = std::fs::read_dir(temporary).into_iter().flatten().flatten();
    for folder in folders {
        let name = folder.file_name();
        let is_named = name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        // What others have made may be anything.
        let is_ours = |seen: Metadata| seen.is_dir() && seen.uid() == geteuid().as_raw();
        let is_left = || File::open(folder.path()).is_ok_and(|open| open.try_lock().is_ok());
        if is_named && folder.metadata().is_ok_and(is_ours) && is_left() {
            drop(std::fs::remove_dir_all(folder.path()));
        }
    }
}

/// Whether a compiler ended so by what it compiled: it panicked, or had no time, memory or stack left.
fn is_its_own(ended: ExitStatus) -> bool {
    let signal = ended.signal().and_then(Signal::from_named_raw);
    ended.code() == Some(PANICKED)
        || matches!(signal, Some(Signal::XCPU | Signal::ABORT | Signal::SEGV))
}

fn harmful(ended: ExitStatus, module: &[u8]) -> String {
    let Bounds { seconds, memory } = Bounds::of(module);
    let (memory, bytes) = (memory >> 20, module.len());
    format!(
        "its compiler failed ({ended}): a module of {bytes} bytes may take {seconds} s of processor time \
         and {memory} MiB of memory; make its functions smaller or fewer"
    )
}

/// What is called to compile a module.
pub const COMMAND: &str = "compile-module";

/// Bytes of a module but for custom sections, of which nothing is made.
fn weight(module: &[u8]) -> usize {
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    let custom = sections.filter_map(|section| match section {
        Payload::CustomSection(section) => Some(section.data().len()),
        _ => None,
    });
    module.len().saturating_sub(custom.sum())
}

/// How compiling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What came of it is kept.
    Kept,
    /// It could not be bounded or kept.
    Impossible,
    /// The module is no component and cannot be made one.
    NoComponent,
    /// The compiler does not take it.
    Wrong,
}

impl Outcome {
    const ALL: [Outcome; 4] = [
        Outcome::Kept,
        Outcome::Impossible,
        Outcome::NoComponent,
        Outcome::Wrong,
    ];

    /// The exit code that says so. 1 is what anything may end with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Outcome::Kept => 0,
            Outcome::Impossible => 2,
            Outcome::NoComponent => 3,
            Outcome::Wrong => 4,
        }
    }

    fn of_end(ended: ExitStatus) -> Option<Outcome> {
        let says = |outcome: &Outcome| ended.code() == Some(outcome.code().into());
        Outcome::ALL.into_iter().find(says)
    }

    fn of(step: Step) -> Outcome {
        match step {
            Step::Engine => Outcome::Impossible,
            Step::Componentize => Outcome::NoComponent,
            _ => Outcome::Wrong,
        }
    }
}

/// What a module may take.
struct Bounds {
    seconds: u64,
    memory: u64,
}

impl Bounds {
    fn of(module: &[u8]) -> Bounds {
        let mib = (weight(module) as u64).div_ceil(1 << 20);
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

/// Compiles a module for engines that give policies so many bytes of memory, keeps what comes of it there,
/// and says why, where nothing does. For a process that does nothing else: its bounds stay.
pub fn compile(memory_bytes: usize, kept: &Path, from: impl Read, mut to: impl Write) -> Outcome {
    match made(memory_bytes, kept, from) {
        Ok(()) => Outcome::Kept,
        Err(error) => {
            // Who does not hear it knows by the exit code.
            let _ = to.write_all(error.reason.as_bytes());
            Outcome::of(error.step)
        }
    }
}

fn made(memory_bytes: usize, kept: &Path, from: impl Read) -> Result<(), LoadError> {
    let engine_fault = |reason: String| LoadError::new(Step::Engine, reason);
    let fault = |error: std::io::Error| {
        let kept = kept.display();
        engine_fault(format!("it cannot be compiled to {kept}: {error}"))
    };
    // The cache would make it again, for others to write in.
    if !kept.is_dir() {
        return Err(fault(ErrorKind::NotFound.into()));
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| fault(error.into()))?;
    // How many instances there may be changes nothing in what is made, but takes memory.
    let config = EngineConfig {
        instances: 4,
        memory_bytes,
        ..EngineConfig::default()
    };
    let mut module = Vec::new();
    let mut from = from.take(config.module_bytes);
    from.read_to_end(&mut module).map_err(fault)?;
    Bounds::of(&module).lay().map_err(fault)?;
    let mut settings = engine::settings(&config);
    let cache = cache(kept)?;
    settings.cache(Some(cache.clone()));
    let wasm = wasmtime::Engine::new(&settings);
    let wasm = wasm.map_err(|error| engine_fault(format!("{error:#}")))?;
    let component = componentize(&module)?;
    let wrong = |error: wasmtime::Error| LoadError::new(Step::Compile, format!("{error:#}"));
    let image = Component::new(&wasm, &component)
        .map_err(wrong)?
        .image_range();
    let bytes = image.end.addr() - image.start.addr();
    let most = MADE_BYTES + MADE_BYTES_PER_BYTE * weight(&module);
    if bytes > most {
        let reason = format!("{bytes} bytes would come of it, and at most {most} may");
        return Err(LoadError::new(Step::Compile, reason));
    }
    // The cache says nothing where it cannot write, and leaves a part that is in its way.
    Component::new(&wasm, &component).map_err(wrong)?;
    if cache.cache_hits() == 0 {
        remove_parts(kept);
        return Err(fault(std::io::Error::other("nothing is kept; is it full?")));
    }
    Ok(())
}

fn remove_parts(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_parts(&path);
        } else if name
            .to_str()
            .is_some_and(|name| name.contains(".wip-atomic-write-"))
        {
            drop(std::fs::remove_file(path));
        }
    }
}

/// What was made, as the engine reads it.
pub(crate) fn cache(kept: &Path) -> Result<Cache, LoadError> {
    let mut config = CacheConfig::new();
    config.with_directory(kept);
    Cache::new(config).map_err(|error| LoadError::new(Step::Engine, format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Compiler, Outcome};
    use crate::config::EngineConfig;
    use crate::error::Step;

    #[test]
    fn a_folder_that_takes_the_place_of_what_is_kept_is_not_used() {
        let temporary = tempfile::tempdir().unwrap();
        let compiler = Compiler::within(temporary.path(), "true".into()).unwrap();
        let kept = compiler.kept().to_owned();
        compiler.compile(&EngineConfig::default(), b"").unwrap();
        std::fs::rename(&kept, temporary.path().join("aside")).unwrap();
        std::fs::create_dir(&kept).unwrap();
        let refused = compiler.compile(&EngineConfig::default(), b"").unwrap_err();
        assert!(refused.reason.contains("was removed"), "{refused}");
        drop(compiler);
        assert!(kept.exists(), "it is not ours");
    }

    #[test]
    fn whoever_ends_a_compiler_is_not_the_module_but_for_its_bounds() {
        let temporary = tempfile::tempdir().unwrap();
        for (signal, step) in [
            ("KILL", Step::Engine),
            ("TERM", Step::Engine),
            ("XCPU", Step::Compile),
            ("ABRT", Step::Compile),
            ("SEGV", Step::Compile),
        ] {
            let program = temporary.path().join(signal);
            let text = format!("#!/bin/sh\nkill -{signal} $$\n");
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
            let compiler = Compiler::within(temporary.path(), program).unwrap();
            let refused = compiler.compile(&EngineConfig::default(), &[0; 1 << 20]);
            let refused = refused.unwrap_err();
            assert_eq!(refused.step, step, "{signal}: {refused}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_not_compiled() {
        let temporary = tempfile::tempdir().unwrap();
        let gone = temporary.path().join("gone");
        let mut said = Vec::new();
        let outcome = super::compile(1 << 20, &gone, &b""[..], &mut said);
        assert_eq!(outcome, Outcome::Impossible);
        assert!(!said.is_empty());
        assert!(!gone.exists());
    }

    #[test]
    fn what_a_compiler_says_is_why() {
        let temporary = tempfile::tempdir().unwrap();
        let program = temporary.path().join("says");
        std::fs::write(&program, "#!/bin/sh\necho in its words\nexit 4\n").unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let compiler = Compiler::within(temporary.path(), program).unwrap();
        let refused = compiler.compile(&EngineConfig::default(), b"").unwrap_err();
        assert_eq!(
            (refused.step, &*refused.reason),
            (Step::Compile, "in its words")
        );
    }

    #[test]
    fn custom_sections_weigh_nothing() {
        let module = wat::parse_str("(module (@custom \"x\" \"0123456789\"))").unwrap();
        let bare = wat::parse_str("(module)").unwrap();
        let weight = super::weight(&module) - super::weight(&bare);
        assert!(weight < 8, "{weight}");
    }

    #[test]
    fn what_is_in_use_stays_and_what_was_left_goes() {
        let temporary = tempfile::tempdir().unwrap();
        let make = || Compiler::within(temporary.path(), "true".into()).unwrap();
        let used = make();
        let left = temporary.path().join("sluice-compiled-left");
        std::fs::create_dir(&left).unwrap();
        let other = make();
        assert!(used.kept().exists() && other.kept().exists() && !left.exists());
        drop((used, other));
        assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
    }
}

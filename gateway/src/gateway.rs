//! The gateway: what all sessions share, the threads that serve them, and its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::IntoRawFd as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use policy::hold::HoldsConfig;
use policy::{Engine, EngineConfig, Holds, Judge, Keys, Policies};
use rand::Rng as _;
use tokio::sync::watch;

use crate::analyses::Analyses;
use crate::analyst::Analysts;
use crate::config::{Config, Limits, Plaintext, Results};
use crate::database::DatabaseState;
use crate::session::buffers::Pool;
use crate::session::canaries::Canaries;
use crate::session::cancel::Cancels;
use crate::session::wording::Wordings;

mod control;
mod listen;
mod reload;

/// What keeps a gateway from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Certificates or keys.
    #[error("TLS: {0}")]
    Tls(#[from] crate::tls::Error),
    /// A policy.
    #[error("policies: {0}")]
    Policies(#[from] policy::LoadError),
    /// The record.
    #[error("trail: {0}")]
    Trail(#[from] trail::Error),
    /// The identity provider.
    #[error("identity: {0}")]
    Identity(#[from] identity::Error),
    /// The list of canaries.
    #[error("canaries: {0}")]
    Canaries(String),
    /// An address or a thread.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl StartError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) plaintext: Plaintext,
    pub(crate) verifier: identity::Verifier,
    pub(crate) policies: Arc<Policies>,
    pub(crate) holds: Holds,
    pub(crate) max_wait: Duration,
    pub(crate) databases: BTreeMap<String, Arc<DatabaseState>>,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) analysts: Analysts,
    pub(crate) limits: Limits,
    pub(crate) keep_results: Results,
    pub(crate) canaries: Option<Arc<Canaries>>,
    pub(crate) sessions: AtomicUsize,
    pub(crate) stopping: watch::Sender<bool>,
    /// The control thread's runtime, where long timers are kept.
    pub(crate) timers: tokio::runtime::Handle,
}

/// What the sessions of one thread share.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) judge: RefCell<Judge>,
    pub(crate) writer: trail::Writer,
    pub(crate) analyses: RefCell<Analyses>,
    pub(crate) wordings: RefCell<Wordings>,
    pub(crate) pool: Rc<Pool>,
}

impl Core {
    fn new(shared: Arc<Shared>, writer: trail::Writer) -> Rc<Self> {
        let judge = Judge::new(Arc::clone(&shared.policies));
        Rc::new(Self {
            shared,
            judge: RefCell::new(judge),
            writer,
            analyses: RefCell::default(),
            wordings: RefCell::default(),
            pool: Rc::default(),
        })
    }
}

/// A gateway; see [`Gateway::start`].
#[derive(Debug)]
pub struct Gateway;

/// A gateway that serves. Dropping it stops it at once; [`Running::shutdown`] lets requests end.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    console: Option<SocketAddr>,
    stop: watch::Sender<Stop>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// How far the gateway has got with stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It serves.
    No,
    /// It takes no more clients, and sessions end between two requests.
    Drain,
    /// Everything ends.
    Now,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// Loads the policies of a configuration: compiled, checked, configured and tried.
///
/// # Errors
/// Which policy fails at which step, and in its own words why.
pub fn load_policies(config: &Config) -> Result<Policies, policy::LoadError> {
    let policies = crate::oci::policies(config)?;
    let mut engine = EngineConfig::default();
    engine.instances = config.limits.policy_instances.unwrap_or(engine.instances);
    engine.compiler = COMPILER.get().cloned();
    let engine = Engine::new(engine)?;
    let key = match &config.mask_key {
        Some(key) => key.reveal().as_bytes().to_vec(),
        None => rand::rng().random::<[u8; 32]>().to_vec(),
    };
    let keys = Keys::new([("default".to_owned(), key)]);
    Policies::load(engine, policies, keys)
}

/// Says that modules are compiled by processes of this program: it knows the command for that.
pub(crate) fn compile_aside() {
    let own = PathBuf::from("/proc/self/exe");
    let program = match std::env::current_exe() {
        Ok(here) if !cfg!(target_os = "linux") => here,
        // By its path another may stand there since. It stays open as long as the process lives.
        Ok(here) => File::open(here).map_or(own, |held| {
            PathBuf::from(format!("/proc/self/fd/{}", held.into_raw_fd()))
        }),
        Err(_) => own,
    };
    let _ = COMPILER.set(program);
}

/// None where another program serves: its policies are compiled in its own process.
static COMPILER: OnceLock<PathBuf> = OnceLock::new();

impl Gateway {
    /// Starts a gateway: policies loaded, identity provider asked, addresses bound.
    ///
    /// # Errors
    /// What kept it from starting. Nothing is served then.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let listeners = listen::bind(&config.listen)?;
        let addresses = listen::addresses(&listeners)?;
        let trail = Arc::new(open_trail(&config)?);
        let (stop, stopped) = watch::channel(Stop::No);
        let control = control::Control::start(config, stopped.clone()).await?;
        let shared = Arc::clone(&control.shared);
        let console = control.console;
        let mut threads = vec![control.thread];
        for (number, listeners) in listeners.into_iter().enumerate() {
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            let trail = Arc::clone(&trail);
            let thread = std::thread::Builder::new()
                .name(format!("sluice-core-{number}"))
                .spawn(move || serve(shared, &trail, listeners, stopped))
                .map_err(StartError::io("a thread"))?;
            threads.push(thread);
        }
        Ok(Running {
            addresses,
            console,
            stop,
            shared,
            threads,
        })
    }
}

fn open_trail(config: &Config) -> Result<trail::Trail, StartError> {
    let settings = trail::TrailConfig {
        segment_bytes: usize::try_from(config.trail.segment_bytes).unwrap_or(usize::MAX),
        keep_bytes: config.trail.results_limit as u64,
        ..trail::TrailConfig::new(&config.trail.directory)
    };
    let trail = trail::Trail::open(settings)?;
    match &config.trail.export {
        Some(crate::config::Export::Stdout) => trail.export_to(trail::export::Sink::Stdout)?,
        Some(crate::config::Export::File(path)) => {
            trail.export_to(trail::export::Sink::File(path.clone()))?;
        }
        None => {}
    }
    Ok(trail)
}

/// One thread: a runtime of its own, and every session that it accepted.
fn serve(
    shared: Arc<Shared>,
    trail: &trail::Trail,
    listeners: Vec<std::net::TcpListener>,
    stopped: watch::Receiver<Stop>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a serving thread has no runtime");
            return;
        }
    };
    runtime.block_on(async move {
        match trail.writer() {
            Ok(writer) => listen::accept(Core::new(shared, writer), listeners, stopped).await,
            Err(error) => tracing::error!(%error, "a serving thread has no trail"),
        }
    });
}

impl Running {
    /// The addresses that clients can connect to.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The address of the HTTP API, where one is configured.
    #[must_use]
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console
    }

    /// Sessions being served.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.load(Ordering::Relaxed)
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> &Arc<Policies> {
        &self.shared.policies
    }

    /// Stops: no new clients, sessions end between two requests, or after `patience`.
    pub async fn shutdown(mut self, patience: Duration) {
        self.stop.send_replace(Stop::Drain);
        self.shared.stopping.send_replace(true);
        let deadline = tokio::time::Instant::now() + patience;
        while self.sessions() > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.stop.send_replace(Stop::Now);
        let threads = std::mem::take(&mut self.threads);
        let _ = tokio::task::spawn_blocking(move || join(threads)).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::Now);
        join(std::mem::take(&mut self.threads));
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the gateway panicked");
        }
    }
}

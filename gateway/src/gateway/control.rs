//! The thread beside the serving ones: catalogs, keys, reloads, the HTTP API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use policy::Holds;
use tokio::sync::{oneshot, watch};

use super::{HoldsConfig, Shared, StartError, Stop, load_policies, reload};
use crate::analyst::Analysts;
use crate::config::Config;
use crate::database::DatabaseState;
use crate::session::canaries::Canaries;
use crate::session::cancel::Cancels;

/// The control thread, started.
pub(super) struct Control {
    pub(super) shared: Arc<Shared>,
    pub(super) console: Option<SocketAddr>,
    pub(super) thread: JoinHandle<()>,
}

type Started = Result<(Arc<Shared>, Option<SocketAddr>), StartError>;

impl Control {
    /// Starts the thread and waits until it is ready.
    pub(super) async fn start(
        config: Config,
        stopped: watch::Receiver<Stop>,
    ) -> Result<Self, StartError> {
        let (tell, told) = oneshot::channel::<Started>();
        let thread = std::thread::Builder::new()
            .name("sluice-control".to_owned())
            .spawn(move || run(config, stopped, tell))
            .map_err(StartError::io("a thread"))?;
        match told.await {
            Ok(Ok((shared, console))) => Ok(Self {
                shared,
                console,
                thread,
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StartError::Io {
                what: "the control thread".to_owned(),
                source: std::io::Error::other("it ended before it was ready"),
            }),
        }
    }
}

fn run(config: Config, mut stopped: watch::Receiver<Stop>, tell: oneshot::Sender<Started>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime.map_err(StartError::io("the control runtime")) {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error))),
    };
    runtime.block_on(async move {
        let (contents, _) = reload::contents(&config);
        let ready = async {
            let shared = prepare(&config).await?;
            let console = serve_console(&config, &shared, stopped.clone()).await?;
            Ok((shared, console))
        };
        match ready.await {
            Ok((shared, console)) => {
                for database in shared.databases.values() {
                    let database = Arc::clone(database);
                    tokio::spawn(async move {
                        database
                            .catalog
                            .run(&database.config, &database.dialer)
                            .await;
                    });
                }
                let (policies, until) = (Arc::downgrade(&shared.policies), stopped.clone());
                let follow = move || reload::watch(config, contents, &policies, &until);
                let thread = std::thread::Builder::new().name("sluice-files".to_owned());
                if let Err(error) = thread.spawn(follow) {
                    tracing::error!(%error, "no thread: policies do not follow their files");
                }
                let _ = tell.send(Ok((shared, console)));
                let _ = stopped.wait_for(|stop| *stop == Stop::Now).await;
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
}

async fn prepare(config: &Config) -> Result<Arc<Shared>, StartError> {
    let tls = config
        .listen
        .tls
        .as_ref()
        .map(crate::tls::server)
        .transpose()?;
    let policies = Arc::new(load_policies(config)?);
    let verifier = identity::Verifier::discover(config.identity.clone()).await?;
    let mut databases = BTreeMap::new();
    for (name, database) in &config.databases {
        let state = DatabaseState::new(name, database, &config.limits, databases.values())?;
        databases.insert(name.clone(), Arc::new(state));
    }
    let approvers = config
        .console
        .as_ref()
        .map(|console| console.admin_groups.clone())
        .unwrap_or_default();
    Ok(Arc::new(Shared {
        tls,
        plaintext: config.listen.plaintext,
        verifier,
        policies,
        holds: Holds::new(HoldsConfig { approvers }),
        max_wait: config.holds.max_wait,
        databases,
        cancels: Arc::new(Cancels::default()),
        analysts: Analysts::start(config.listen.threads)
            .map_err(StartError::io("a reading thread"))?,
        limits: config.limits.clone(),
        keep_results: config.trail.results,
        canaries: config
            .canaries
            .as_deref()
            .map(Canaries::read)
            .transpose()
            .map_err(|error| StartError::Canaries(error.to_string()))?
            .map(Arc::new),
        sessions: AtomicUsize::new(0),
        stopping: watch::Sender::new(false),
        timers: tokio::runtime::Handle::current(),
    }))
}

async fn serve_console(
    config: &Config,
    shared: &Arc<Shared>,
    mut stopped: watch::Receiver<Stop>,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(console) = &config.console else {
        return Ok(None);
    };
    let what = || StartError::io(format!("cannot listen on {}", console.address));
    let listener = tokio::net::TcpListener::bind(console.address)
        .await
        .map_err(what())?;
    let address = listener.local_addr().map_err(what())?;
    let router = console::router(console::State {
        verifier: shared.verifier.clone(),
        holds: shared.holds.clone(),
        policies: Arc::clone(&shared.policies),
        readers: console.admin_groups.clone().into(),
        metrics: crate::metrics::page(Arc::clone(shared)),
        readiness: Arc::new(|| console::Readiness::Ready),
    });
    tokio::spawn(async move {
        let stop = async move { drop(stopped.wait_for(|stop| *stop == Stop::Now).await) };
        if let Err(error) = console::serve(listener, router, stop).await {
            tracing::error!(%error, "the HTTP API ended");
        }
    });
    Ok(Some(address))
}

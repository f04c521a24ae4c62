//! The catalog of each database: read at the start, and again whenever it may have changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sql::catalog::{Catalog, CatalogRows, MadeTable, Part};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::changes::Changes;
use crate::config::Database;
use crate::session::upstream::Dialer;

/// Between one reading and the next for one who misses something.
const PAUSE: Duration = Duration::from_millis(250);

/// That pause, in readings: whoever misses something again and again may have the database read a fifth of the time.
const PAUSES: u32 = 4;

/// What could not be read, wholly or at all, is read again after this long.
const MOMENT: Duration = Duration::from_secs(1);

/// How often a reading is tried: what it reads may be dropped or locked meanwhile.
const ATTEMPTS: u32 = 5;

/// A reading that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(40);

/// A catalog, and which change of the database it is as new as.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// What the session sees.
    pub(crate) catalog: Arc<Catalog>,
    /// The same with what all sessions have made for themselves: which of it is whose, nobody knows.
    pub(crate) temporary: Arc<Catalog>,
    pub(crate) epoch: u64,
    /// How many changes had ended when it was begun to be read.
    pub(crate) ended: u64,
}

impl Snapshot {
    /// For a session that may have made temporary relations: it sees those of all, and the tables that
    /// its open transaction has made.
    pub(crate) fn with_temporary(self, made: &[Arc<MadeTable>]) -> Snapshot {
        let catalog = match made {
            [] => Arc::clone(&self.temporary),
            made => self.temporary.with_made(made),
        };
        Snapshot { catalog, ..self }
    }
}

/// A reading's result, for sessions without and with temporary relations.
struct Catalogs {
    plain: Arc<Catalog>,
    temporary: Arc<Catalog>,
}

/// The catalog of one database, kept current.
#[derive(Debug)]
pub(crate) struct CatalogKeeper {
    changes: Arc<Changes>,
    loaded: watch::Sender<Option<Snapshot>>,
    /// Why the last reading failed.
    failure: watch::Sender<String>,
    /// Readings begun, and the newest one that has ended.
    begun: AtomicU64,
    ended: watch::Sender<Ended>,
    wake: Notify,
}

/// The newest reading that has ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    number: u64,
    at: Option<Instant>,
    took: Duration,
    /// The newest one that has succeeded.
    read: u64,
}

/// The catalog cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the catalog cannot be read: {0}")]
pub(crate) struct Unavailable(String);

impl CatalogKeeper {
    /// Beside another of the same database, if there is one.
    pub(crate) fn new(other: Option<&CatalogKeeper>) -> Self {
        Self {
            changes: other.map_or_else(Arc::default, |other| Arc::clone(&other.changes)),
            loaded: watch::Sender::new(None),
            failure: watch::Sender::default(),
            begun: AtomicU64::new(0),
            ended: watch::Sender::default(),
            wake: Notify::new(),
        }
    }

    /// Counts the changes seen. Cheap: what a session asks before each request.
    pub(crate) fn epoch(&self) -> u64 {
        self.changes.epoch()
    }

    /// Something changed, or may have: what was read before judges nothing any more.
    pub(crate) fn invalidate(&self) {
        self.changes.seen();
        self.wake.notify_one();
    }

    /// Reads again for one who misses something, which may have been made a moment ago; after a pause
    /// where that was done a moment ago. Nobody else waits for it.
    pub(crate) async fn look_again(&self) -> Result<(), Unavailable> {
        let last = *self.ended.borrow();
        if let Some(at) = last.at {
            tokio::time::sleep_until(at + PAUSE.max(last.took * PAUSES)).await;
        }
        self.read_anew().await
    }

    /// The changes of the database.
    pub(crate) fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// Waits for a reading that begins from now on.
    pub(crate) async fn read_anew(&self) -> Result<(), Unavailable> {
        let mut ended = self.ended.subscribe();
        let next = self.begun.load(Ordering::Acquire) + 1;
        self.wake.notify_one();
        match ended.wait_for(|ended| ended.number >= next).await {
            Ok(ended) if ended.read >= next => Ok(()),
            Ok(_) => Err(Unavailable(self.failure.borrow().clone())),
            Err(_) => Err(Unavailable("the gateway stops".to_owned())),
        }
    }

    /// A snapshot that is as new as the last change seen.
    pub(crate) async fn current(&self) -> Result<Snapshot, Unavailable> {
        let epoch = self.epoch();
        let mut loaded = self.loaded.subscribe();
        let mut ended = self.ended.subscribe();
        let next = self.begun.load(Ordering::Acquire) + 1;
        if ended.borrow().number + 1 == next {
            // The change may have been seen by another name of the database.
            self.wake.notify_one();
        }
        tokio::select! {
            biased;
            found = loaded.wait_for(|s| s.as_ref().is_some_and(|s| s.epoch >= epoch)) => {
                let found = found.map_err(|_| Unavailable("the gateway stops".to_owned()))?;
                found.clone().ok_or_else(|| Unavailable("nothing was read".to_owned()))
            }
            _ = ended.wait_for(|ended| ended.number >= next) => {
                Err(Unavailable(self.failure.borrow().clone()))
            }
        }
    }

    /// Keeps the catalog current until dropped.
    pub(crate) async fn run(&self, database: &Database, dialer: &Dialer) {
        let mut reader = None;
        let mut attempts = 0;
        loop {
            let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
            let (epoch, ended, began) = (self.epoch(), self.changes.ended(), Instant::now());
            let stale = self
                .loaded
                .borrow()
                .as_ref()
                .is_none_or(|s| s.epoch < epoch);
            let mut rest = database.catalog_refresh;
            let known = self
                .loaded
                .borrow()
                .as_ref()
                .map(|s| Arc::clone(&s.catalog));
            let reading = read(&mut reader, database, dialer, known);
            let reading = tokio::time::timeout(LONGEST, reading);
            let read = reading.await.unwrap_or(Err(ReadError::Late));
            attempts += 1;
            let succeeded = read.is_ok();
            match read {
                Ok(catalogs) => {
                    if !catalogs.temporary.is_complete() {
                        rest = rest.min(MOMENT);
                    }
                    self.publish((epoch, ended), stale, catalogs);
                }
                Err(error) if error.may_pass() && attempts < ATTEMPTS => {
                    tracing::debug!(database = database.name, %error, "catalog read again");
                    reader = None;
                    continue;
                }
                Err(error) => {
                    reader = None;
                    tracing::warn!(database = database.name, %error, "catalog not read");
                    self.failure.send_replace(error.to_string());
                    rest = rest.min(MOMENT);
                }
            }
            attempts = 0;
            self.ended.send_modify(|ended| {
                ended.number = number;
                ended.at = Some(Instant::now());
                ended.took = began.elapsed();
                if succeeded {
                    ended.read = number;
                }
            });
            if self.epoch() > epoch {
                continue;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// A reading that nobody asked for counts as a change only if it found one.
    fn publish(&self, (epoch, ended): (u64, u64), asked: bool, catalogs: Catalogs) {
        let same = self
            .loaded
            .borrow()
            .as_ref()
            .is_some_and(|s| s.temporary.version() == catalogs.temporary.version());
        let found = match !asked && !same {
            true => self.changes.found(epoch),
            false => None,
        };
        let epoch = found.unwrap_or(epoch);
        self.loaded.send_modify(|loaded| match loaded {
            Some(snapshot) if same => {
                snapshot.epoch = snapshot.epoch.max(epoch);
                snapshot.ended = snapshot.ended.max(ended);
            }
            _ => {
                *loaded = Some(Snapshot {
                    catalog: catalogs.plain,
                    temporary: catalogs.temporary,
                    epoch,
                    ended,
                })
            }
        });
    }
}

/// The catalog as it is now, and a connection as clients have it to where it was read.
pub(crate) async fn read_once(
    database: &Database,
    dialer: &Dialer,
) -> Result<(Arc<Catalog>, tokio_postgres::Client), Unavailable> {
    let read = async {
        let mut reader = None;
        let catalogs = read(&mut reader, database, dialer, None).await?;
        Ok((catalogs.plain, log_in(database, dialer).await?))
    };
    let read: Result<_, ReadError> = read.await;
    read.map_err(|error| Unavailable(error.to_string()))
}

/// What can go wrong with a reading.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("{0}")]
    Dial(#[from] crate::error::SessionError),
    #[error("{}", describe(.0))]
    Query(#[from] tokio_postgres::Error),
    #[error("it takes too long")]
    Late,
    #[error("{0}")]
    Rows(#[from] sql::catalog::Error),
}

impl ReadError {
    /// True where the database refused something that it may not refuse the next time.
    fn may_pass(&self) -> bool {
        match self {
            Self::Query(error) => error.as_db_error().is_some(),
            Self::Rows(_) => true,
            Self::Dial(_) | Self::Late => false,
        }
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => db.message().to_owned(),
        None => error.to_string(),
    }
}

/// A connection that reads catalogs, with what need not be read again over it.
struct Reader {
    client: tokio_postgres::Client,
    system: CatalogRows,
}

impl Reader {
    async fn connect(database: &Database, dialer: &Dialer) -> Result<Self, ReadError> {
        let client = connect(database, dialer).await?;
        let mut system = CatalogRows::default();
        read_part(&client, Part::System, &mut system).await?;
        Ok(Self { client, system })
    }
}

async fn read(
    kept: &mut Option<Reader>,
    database: &Database,
    dialer: &Dialer,
    known: Option<Arc<Catalog>>,
) -> Result<Catalogs, ReadError> {
    let begun = Instant::now();
    let reader = match kept {
        Some(reader) if !reader.client.is_closed() => reader,
        _ => kept.insert(Reader::connect(database, dialer).await?),
    };
    let mut rows = reader.system.clone();
    read_part(&reader.client, Part::Own, &mut rows).await?;
    let queried = begun.elapsed();
    let built = tokio::task::spawn_blocking(move || {
        std::thread::Builder::new()
            .stack_size(sql::STACK_BYTES)
            .spawn(move || make(rows, known))
            .map(std::thread::JoinHandle::join)
    });
    match built.await {
        Ok(Ok(Ok(catalogs))) => {
            let took = begun.elapsed();
            tracing::debug!(database = database.name, ?took, ?queried, "catalog read");
            Ok(catalogs)
        }
        _ => Err(ReadError::Dial(
            crate::error::SessionError::UpstreamProtocol(
                "the catalog could not be made sense of".to_owned(),
            ),
        )),
    }
}

/// What sessions without temporary relations see is often what is known already, and then kept: so
/// is what was judged by it.
fn make(mut rows: CatalogRows, known: Option<Arc<Catalog>>) -> Catalogs {
    if let Some(known) = &known {
        rows.keep_views(known);
    }
    let plain = rows.without_temporary();
    let (version, plain_version) = (rows.version(), plain.version());
    let build = |rows| {
        let mut catalog = Catalog::from_rows(rows);
        if let Some(known) = &known {
            catalog.remember(known);
        }
        Arc::new(catalog)
    };
    let same = known
        .as_ref()
        .filter(|known| known.rows_version() == plain_version);
    let plain = same.map_or_else(|| build(plain), Arc::clone);
    let temporary = if version == plain_version {
        Arc::clone(&plain)
    } else {
        build(rows)
    };
    Catalogs { plain, temporary }
}

/// Reads a part, all of it at one moment.
async fn read_part(
    client: &tokio_postgres::Client,
    part: Part,
    rows: &mut CatalogRows,
) -> Result<(), ReadError> {
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    for (set, query) in sql::catalog::queries(part) {
        for message in client.simple_query(&query).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let values: Vec<_> = (0..row.len()).map(|column| row.get(column)).collect();
                rows.push(set, &values)?;
            }
        }
    }
    client.batch_execute("COMMIT").await?;
    Ok(())
}

async fn log_in(database: &Database, dialer: &Dialer) -> Result<tokio_postgres::Client, ReadError> {
    let stream = dialer.dial().await?;
    let mut config = tokio_postgres::Config::new();
    config
        .user(&database.user)
        .dbname(&database.name)
        .application_name("sluice catalog");
    // The stream is secured already, where it has to be.
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    if let Some(password) = &database.password {
        config.password(password.reveal());
    }
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the catalog's connection ended");
        }
    });
    Ok(client)
}

/// A connection that reads catalogs.
async fn connect(
    database: &Database,
    dialer: &Dialer,
) -> Result<tokio_postgres::Client, ReadError> {
    let client = log_in(database, dialer).await?;
    // A client's lock must not keep everybody from the catalog.
    client
        .batch_execute("SET lock_timeout TO '500ms'; SET statement_timeout TO '30s'")
        .await?;
    // Whole catalogs are read, of which the planner may know little.
    client
        .batch_execute("SET enable_nestloop TO off; SET jit TO off")
        .await?;
    client.batch_execute(sql::catalog::PRELUDE).await?;
    Ok(client)
}

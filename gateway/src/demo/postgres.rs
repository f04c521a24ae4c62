//! A throw-away PostgreSQL: its own directory, port, socket and passwords, gone with its owner.
//!
//! A small shell stands between us and the server and waits for the end of its standard input. That
//! pipe closes when [`Postgres`] is dropped and also when this process dies in any other way, so the
//! server never outlives its owner, and its files go with it.

use std::fs::Permissions;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio_postgres::{Client, Config, NoTls};

pub mod binaries;

use binaries::Binaries;

/// How long initdb and the start may take together, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How often readiness is looked at.
const POLL: Duration = Duration::from_millis(25);

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binaries, with what to install.
    #[error("{0}")]
    NotInstalled(String),
    /// A file, directory or process could not be made.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// PostgreSQL refuses to run as root, and there is no other user to run it as.
    #[error(
        "PostgreSQL does not run as root: a user `postgres` or `nobody` and the program `setpriv` \
         (Debian: util-linux) are needed"
    )]
    Root,
    /// initdb or the server ended.
    #[error("PostgreSQL did not start:\n{log}")]
    Ended {
        /// What it wrote.
        log: String,
    },
    /// It did not become ready.
    #[error("PostgreSQL was not ready after {} s", START_LIMIT.as_secs())]
    Late,
    /// A statement of ours failed.
    #[error("PostgreSQL refused a statement")]
    Statement(#[from] tokio_postgres::Error),
}

/// Makes an [`Error::Io`] that says what was tried.
fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { what, source }
}

/// What may differ between two servers.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Settings beside ours, as in postgresql.conf.
    pub settings: Vec<(String, String)>,
    /// The programs to run; found where this is none.
    pub binaries: Option<Binaries>,
}

/// The two roles that every throw-away server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Superuser,
    /// Owns the databases made by [`Postgres::create_database`], and nothing else.
    Application,
}

impl Role {
    /// Its name in PostgreSQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Superuser => "postgres",
            Role::Application => "app",
        }
    }
}

/// A running server. Dropping it stops the server and removes all it wrote.
pub struct Postgres {
    directory: PathBuf,
    port: u16,
    superuser_password: String,
    application_password: String,
    supervisor: Child,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres")
            .field("directory", &self.directory)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Postgres {
    /// Makes a cluster, starts it on 127.0.0.1 and a socket, and waits until it takes connections.
    ///
    /// Cancel-safe: a dropped future stops what it started.
    ///
    /// # Errors
    /// No binaries, no other user to run as, or the server did not start.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let binaries = match options.binaries {
            Some(binaries) => binaries,
            None => Binaries::find(&|_| ())?,
        };
        let mut last = None;
        // The port was free a moment ago; another process may have taken it since.
        for _ in 0..3 {
            match Self::launch(&binaries, &options.settings)?.ready().await {
                Err(Error::Ended { log }) if log.contains("Address already in use") => {
                    last = Some(Error::Ended { log });
                }
                Err(error) => return Err(error),
                Ok(postgres) => return postgres.with_application_role().await,
            }
        }
        Err(last.unwrap_or(Error::Late))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The directory of its Unix socket.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// The file it logs to.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The process id of the server itself.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        let status = std::fs::read_to_string(self.directory.join("data/postmaster.pid")).ok()?;
        status.lines().next()?.trim().parse().ok()
    }

    /// The password of a role.
    #[must_use]
    pub fn password(&self, role: Role) -> &str {
        match role {
            Role::Superuser => &self.superuser_password,
            Role::Application => &self.application_password,
        }
    }

    /// A connection as tokio-postgres describes it.
    #[must_use]
    pub fn config(&self, role: Role, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host(Ipv4Addr::LOCALHOST.to_string())
            .port(self.port)
            .user(role.name())
            .password(self.password(role))
            .dbname(database);
        config
    }

    /// Connects directly. The connection is driven by a task of the current runtime.
    ///
    /// # Errors
    /// The database does not exist, or the server is gone.
    pub async fn connect(&self, role: Role, database: &str) -> Result<Client, Error> {
        let (client, connection) = self.config(role, database).connect(NoTls).await?;
        // What ends the connection also fails the client's next call, which reports it.
        tokio::spawn(async move { connection.await.ok() });
        Ok(client)
    }

    /// Makes a database that the application role owns, as a copy of another where one is named.
    ///
    /// # Errors
    /// It exists, or the other one is in use.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let client = self.connect(Role::Superuser, "postgres").await?;
        let template = template.unwrap_or("template0");
        let owner = Role::Application.name();
        let statement =
            format!("CREATE DATABASE \"{name}\" OWNER \"{owner}\" TEMPLATE \"{template}\"");
        Ok(client.batch_execute(&statement).await?)
    }

    /// Runs SQL text in a database as a role.
    ///
    /// # Errors
    /// PostgreSQL refuses it.
    pub async fn run(&self, role: Role, database: &str, text: &str) -> Result<(), Error> {
        let client = self.connect(role, database).await?;
        Ok(client.batch_execute(text).await?)
    }

    /// Starts the shell that makes the cluster and runs the server.
    fn launch(binaries: &Binaries, settings: &[(String, String)]) -> Result<Self, Error> {
        let owner = ServerUser::choose()?;
        let directory = tempfile::Builder::new()
            .prefix("sluice-pg-")
            .tempdir()
            .map_err(io("make a temporary directory"))?;
        let superuser_password = random_password();
        let password_file = directory.path().join("password");
        std::fs::write(&password_file, &superuser_password).map_err(io("write a password"))?;
        std::fs::set_permissions(&password_file, Permissions::from_mode(0o600))
            .map_err(io("protect a password"))?;
        if let ServerUser::Other { user, group, .. } = owner {
            for path in [directory.path(), password_file.as_path()] {
                chown(path, Some(user), Some(group)).map_err(io("give files to the server"))?;
            }
        }
        let port = free_port()?;
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "sluice-postgres", &owner.prefix()])
            .args(server_settings(directory.path(), port, settings))
            .env("SLUICE_PG_INITDB", binaries.program("initdb"))
            .env("SLUICE_PG_SERVER", binaries.program("postgres"))
            .env("SLUICE_PG_DIRECTORY", directory.path())
            .env("LC_ALL", "C")
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .current_dir(directory.path())
            // Ctrl-C in the terminal is for us; we end the server afterwards.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io("run sh"))?;
        Ok(Self {
            // From here on the shell removes it.
            directory: directory.keep(),
            port,
            superuser_password,
            application_password: random_password(),
            supervisor,
        })
    }

    /// Waits until the server says that it takes connections.
    async fn ready(mut self) -> Result<Self, Error> {
        let status = self.directory.join("data/postmaster.pid");
        let waiting = async {
            loop {
                if let Some(log) = self.ended() {
                    return Err(Error::Ended { log });
                }
                // Line 8 is what pg_ctl looks at, too.
                let text = tokio::fs::read_to_string(&status).await.unwrap_or_default();
                if text
                    .lines()
                    .nth(7)
                    .is_some_and(|line| line.trim() == "ready")
                {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(START_LIMIT, waiting)
            .await
            .map_err(|_| Error::Late)??;
        Ok(self)
    }

    /// What the shell left to say, if it has ended.
    fn ended(&mut self) -> Option<String> {
        self.supervisor.try_wait().ok().flatten()?;
        let mut said = Vec::new();
        if let Some(stderr) = &mut self.supervisor.stderr {
            stderr.read_to_end(&mut said).ok();
        }
        Some(binaries::readable(said))
    }

    /// Makes the role that applications (and so the gateway) log in as.
    async fn with_application_role(self) -> Result<Self, Error> {
        let name = Role::Application.name();
        let password = self.password(Role::Application);
        let statement = format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'");
        self.run(Role::Superuser, "postgres", &statement).await?;
        Ok(self)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The end of its input is the shell's sign to stop the server and remove the files.
        drop(self.supervisor.stdin.take());
        self.supervisor.wait().ok();
    }
}

/// Makes the cluster, runs the server until standard input ends, says what the log ends with, and
/// removes everything.
///
/// `$1` is the command that changes the user, or empty; the rest are arguments of the server.
const SUPERVISOR: &str = r#"
trap : HUP INT TERM
cd "$SLUICE_PG_DIRECTORY" || exit 1
exec 3<&0
as=$1; shift
if $as "$SLUICE_PG_INITDB" -D "$SLUICE_PG_DIRECTORY/data" -U postgres -A scram-sha-256 -E UTF8 \
    --locale=C --no-sync --pwfile="$SLUICE_PG_DIRECTORY/password" >log 2>&1 3<&-
then
    rm -f password
    $as "$SLUICE_PG_SERVER" -D "$SLUICE_PG_DIRECTORY/data" "$@" >>log 2>&1 3<&- &
    server=$!
    { read -r _ <&3; kill -QUIT $server; } >/dev/null 2>&1 &
    watcher=$!
    wait $server
    kill -QUIT $server 2>/dev/null
    wait $server
    kill $watcher 2>/dev/null
fi
tail -c 4000 log >&2
cd /
rm -rf "$SLUICE_PG_DIRECTORY"
"#;

/// Who the server runs as.
enum ServerUser {
    /// Whoever we are.
    Ourselves,
    /// Another user, because we are root.
    Other {
        user: u32,
        group: u32,
        setpriv: PathBuf,
    },
}

impl ServerUser {
    fn choose() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").map_err(io("read /etc/passwd"))?;
        let (user, group) = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| account(&accounts, name))
            .ok_or(Error::Root)?;
        let setpriv = binaries::on_path("setpriv").ok_or(Error::Root)?;
        Ok(Self::Other {
            user,
            group,
            setpriv,
        })
    }

    /// The words to put before a command.
    fn prefix(&self) -> String {
        match self {
            Self::Ourselves => String::new(),
            Self::Other {
                user,
                group,
                setpriv,
            } => {
                format!(
                    "{} --reuid={user} --regid={group} --clear-groups --",
                    setpriv.display()
                )
            }
        }
    }
}

/// User and group of a name in the text of /etc/passwd.
fn account(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// Arguments of the server: where it listens, nothing durable, then what the caller wants.
fn server_settings(directory: &Path, port: u16, more: &[(String, String)]) -> Vec<String> {
    let ours = [
        ("listen_addresses", Ipv4Addr::LOCALHOST.to_string()),
        ("port", port.to_string()),
        ("unix_socket_directories", directory.display().to_string()),
        ("fsync", "off".to_owned()),
        ("synchronous_commit", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("max_connections", "200".to_owned()),
        ("timezone", "UTC".to_owned()),
    ];
    let ours = ours
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    ours.chain(more.iter().cloned())
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
        .collect()
}

/// A port that is free now.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io("find a free port"))?;
    Ok(listener
        .local_addr()
        .map_err(io("find a free port"))?
        .port())
}

fn random_password() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(24)
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests;

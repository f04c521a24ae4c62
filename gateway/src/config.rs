//! The configuration: the file as written becomes the values the code uses, or errors that name
//! the key and the line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod raw;
mod secret;
#[cfg(test)]
mod tests;
pub(crate) mod trust;

pub use secret::Secret;

/// What is wrong with a configuration file: every finding, not only the first.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that is not known.
    #[error("{0}")]
    Syntax(String),
    /// The file is well formed and says something that cannot be.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
}

/// Everything the gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// The databases, by the name that clients ask for.
    pub databases: BTreeMap<String, Database>,
    /// Who vouches for clients.
    pub identity: identity::IssuerConfig,
    /// The policies, in the order of the file.
    pub policies: Vec<policy::PolicyConfig>,
    /// The file that says whose signatures modules need; none where they need none.
    pub trust: Option<PathBuf>,
    /// Where modules are kept, and those that come from registries.
    pub modules: Modules,
    /// The key of keyed hashes; made at random, and so good for one run, where none is given.
    pub mask_key: Option<Secret>,
    /// A file of values that must never pass; none where nothing is watched.
    pub canaries: Option<PathBuf>,
    /// The record.
    pub trail: Trail,
    /// The HTTP API; none where not configured.
    pub console: Option<Console>,
    /// Requests that wait.
    pub holds: Holds,
    /// Bounds.
    pub limits: Limits,
    /// The file this was read from; its policies are read again when it changes.
    pub path: PathBuf,
    /// The SHA-256 of what was read: its text, and that of the file of trust.
    pub digest: [u8; 32],
    /// The SHA-256 of the sections that are read at the start only: all but [`FOLLOWED`].
    pub fixed: [u8; 32],
}

/// The sections that take effect when they change; others do when the gateway starts.
pub const FOLLOWED: [&str; 3] = ["policies", "trust", "modules"];

/// More than this no configuration has.
pub(crate) const MOST_BYTES: u64 = 4 << 20;

/// Where modules are kept by their digests, and those that come from registries.
#[derive(Clone, Debug)]
pub struct Modules {
    /// The folder that keeps them.
    pub directory: PathBuf,
    /// The modules that are named by references to registries.
    pub pulls: Vec<crate::oci::Pull>,
    /// A file with logins for registries.
    pub credentials: Option<PathBuf>,
    /// Certificates that are trusted beside the usual ones, as a PEM file.
    pub ca: Option<PathBuf>,
}

/// Where clients connect, and how.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Addresses to listen on.
    pub addresses: Vec<SocketAddr>,
    /// Certificate and key; none means that TLS is declined.
    pub tls: Option<ServerTls>,
    /// Whether a token may come over a connection without TLS.
    pub plaintext: Plaintext,
    /// Worker threads, each with its own listener; one a core where not given.
    pub threads: usize,
}

/// Certificate chain and private key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Whether a token may come over a connection without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// Never.
    Never,
    /// From loopback addresses only.
    Loopback,
    /// From everywhere: for networks that encrypt below.
    Always,
}

/// A database that clients may ask for.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub upstream: Upstream,
    /// Its name there.
    pub name: String,
    /// The role that sessions run under.
    pub user: String,
    /// The role's password, where one is asked for.
    pub password: Option<Secret>,
    /// The role, without a right to protected columns, that sessions live under for which columns are
    /// protected.
    pub limited_role: Option<String>,
    /// How often the catalog is read again, unasked.
    pub catalog_refresh: Duration,
}

/// The address of a PostgreSQL.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// TCP or Unix socket.
    pub address: Address,
    /// How far the connection is secured.
    pub tls: UpstreamTls,
    /// Certificates that are trusted, as a PEM file; the system's where none is given.
    pub ca: Option<PathBuf>,
}

/// TCP or Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Host name or address, and port.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Path of the socket.
    Unix(PathBuf),
}

/// How far a connection to an upstream is secured (libpq's `sslmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamTls {
    /// No TLS.
    Disable,
    /// TLS, whoever answers.
    Require,
    /// TLS with a certificate that a trusted authority signed.
    VerifyCa,
    /// The same, made out for the host.
    VerifyFull,
}

/// The record.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The folder of its segments.
    pub directory: PathBuf,
    /// Whose results are kept.
    pub results: Results,
    /// Bytes of one request's results that are kept.
    pub results_limit: usize,
    /// Size of a segment in bytes.
    pub segment_bytes: u64,
    /// Where JSON lines go; nowhere where not configured.
    pub export: Option<Export>,
}

/// Whose results are kept, as delivered and up to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// Those of every request.
    All,
    /// Those for which a policy asks.
    Asked,
}

/// Where JSON lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Export {
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

/// The HTTP API.
#[derive(Clone, Debug)]
pub struct Console {
    /// The address it listens on.
    pub address: SocketAddr,
    /// Groups that may read everything.
    pub admin_groups: Vec<String>,
}

/// Requests that wait.
#[derive(Clone, Debug)]
pub struct Holds {
    /// The longest wait, whatever a policy says.
    pub max_wait: Duration,
}

/// Bounds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Clients served at once, by all threads.
    pub sessions: usize,
    /// Bytes of one message from a client, COPY data apart.
    pub message_bytes: usize,
    /// Bytes of one row that is masked.
    pub row_bytes: usize,
    /// Time for a client to say who it is.
    pub login: Duration,
    /// Time for an upstream to let us in.
    pub connect: Duration,
    /// Time for requests to end when the gateway stops.
    pub drain: Duration,
    /// Instances of policies at once; none for the engine's own number.
    pub policy_instances: Option<u32>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, by key and line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = policy::files::read_text(path, MOST_BYTES);
        let text = text.map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::from_toml(&text, path)
    }

    /// Reads a text; relative paths in it start at the folder of `path`.
    ///
    /// # Errors
    /// What is wrong with it, by key and line.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, Error> {
        raw::read(text, path)
    }

    /// The files that the policies are made of: this one, modules and tables, and where signatures are
    /// required, those and whose they must be.
    pub(crate) fn policy_files(&self) -> Vec<PathBuf> {
        let shadows = self.policies.iter().filter_map(|one| one.shadow.as_ref());
        let shadows = shadows.map(|shadow| &shadow.module);
        let own = self.policies.iter().map(|policy| &policy.module);
        let mut files: Vec<PathBuf> = own.chain(shadows).cloned().collect();
        if let Some(trust) = &self.trust {
            let signatures: Vec<_> = files
                .iter()
                .map(|file| policy::signatures_of(file))
                .collect();
            files.extend(signatures);
            files.push(trust.clone());
        }
        let tables = self.policies.iter().flat_map(|policy| &policy.tables);
        files.extend(tables.map(|(_, file)| file.clone()));
        files.push(self.path.clone());
        files
    }
}

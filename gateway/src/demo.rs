//! `sluice demo`: PostgreSQL with sample data, an identity provider and a gateway in one process,
//! all on free ports of this machine, and nothing left behind.
//!
//! [`Demo`] puts the parts together; the end-to-end tests use the same parts one by one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::gateway::{self, Gateway, Running};

pub mod configuration;
pub mod people;
pub mod postgres;
pub mod provider;

use configuration::Configuration;
use people::Person;
use postgres::binaries::Binaries;
use postgres::{Postgres, Role};
use provider::Provider;

/// The database with the sample data.
pub const DATABASE: &str = "shop";

/// The sample data. It reads the setting `demo.scale`.
const DATA: &str = include_str!("demo/data.sql");

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// No identity provider.
    #[error(transparent)]
    Provider(#[from] provider::Error),
    /// The policies are not built.
    #[error("there is no {}: build the policies with `make policies`", .0.display())]
    NoPolicy(PathBuf),
    /// A file could not be written.
    #[error("cannot write to the demo's directory")]
    Files(#[from] std::io::Error),
    /// The configuration that the demo wrote is refused: a defect of ours.
    #[error("the demo's own configuration is wrong")]
    Configuration(#[from] config::Error),
    /// The gateway did not start.
    #[error("the gateway did not start")]
    Gateway(#[from] gateway::StartError),
}

/// What may be asked of a demo.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients connect; port 0 for any that is free.
    pub address: SocketAddr,
    /// The folder of the built policies.
    pub policies: PathBuf,
    /// How much sample data; 1 is some hundred thousand rows.
    pub scale: f64,
}

/// A running demo. Dropping it stops everything and removes all it wrote.
///
/// The fields end in this order: the gateway before what it talks to.
#[derive(Debug)]
pub struct Demo {
    gateway: Running,
    provider: Provider,
    postgres: Postgres,
    directory: tempfile::TempDir,
}

impl Demo {
    /// Starts the parts, saying what it does.
    ///
    /// Cancel-safe: a dropped future stops what it started.
    ///
    /// # Errors
    /// The first part that does not start.
    pub async fn start(options: &Options, progress: &dyn Fn(&str)) -> Result<Self, Error> {
        let directory = tempfile::Builder::new().prefix("sluice-demo-").tempdir()?;
        copy_policies(&options.policies, &directory.path().join("policies"))?;
        let binaries = Binaries::find(progress)?;
        progress("Starting PostgreSQL");
        let binaries = Some(binaries);
        let server = postgres::Options {
            binaries,
            ..postgres::Options::default()
        };
        let postgres = Postgres::start(server).await?;
        progress("Filling it with sample data");
        fill(&postgres, DATABASE, options.scale).await?;
        progress("Starting an identity provider");
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let provider = Provider::start(any, &issuer_folder(directory.path())).await?;
        for person in Person::ALL {
            provider.write_token(person, &token_file(directory.path(), person))?;
        }
        progress("Starting the gateway");
        let configuration = Configuration {
            directory: directory.path(),
            listen: options.address,
            upstream: &postgres,
            database: DATABASE,
            issuer: provider.url(),
        };
        let file = configuration.write()?;
        let gateway = Gateway::start(Config::read(&file)?).await?;
        Ok(Self {
            gateway,
            provider,
            postgres,
            directory,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *self
            .gateway
            .addresses()
            .first()
            .expect("a configuration has an address to listen on")
    }

    /// The URL of the HTTP API.
    #[must_use]
    pub fn console(&self) -> String {
        let address = self.gateway.console_address();
        format!(
            "http://{}",
            address.expect("the demo's configuration has a console")
        )
    }

    /// The folder of the development issuer.
    #[must_use]
    pub fn issuer_folder(&self) -> PathBuf {
        issuer_folder(self.directory.path())
    }

    /// The folder of the record.
    #[must_use]
    pub fn trail(&self) -> PathBuf {
        self.directory.path().join("trail")
    }

    /// The configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.directory.path().join(configuration::FILE)
    }

    /// The file with a person's token.
    #[must_use]
    pub fn token_file(&self, person: Person) -> PathBuf {
        token_file(self.directory.path(), person)
    }

    /// Ends it: open sessions first.
    pub async fn stop(self) {
        self.gateway
            .shutdown(std::time::Duration::from_secs(1))
            .await;
        drop((self.provider, self.postgres, self.directory));
    }
}

/// Makes a database with the sample data.
///
/// # Errors
/// It exists, or PostgreSQL is gone.
pub async fn fill(postgres: &Postgres, name: &str, scale: f64) -> Result<(), postgres::Error> {
    postgres.create_database(name, None).await?;
    let text = format!("SET demo.scale = '{scale}';\n{DATA}");
    postgres.run(Role::Application, name, &text).await
}

/// Copies the built policies to where the configuration names them.
///
/// # Errors
/// One is not built.
pub fn copy_policies(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(to)?;
    for name in configuration::POLICIES {
        let built = from.join(format!("sluice_policy_{name}.wasm"));
        if !built.is_file() {
            return Err(Error::NoPolicy(built));
        }
        std::fs::copy(&built, to.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

fn issuer_folder(directory: &Path) -> PathBuf {
    directory.join("issuer")
}

fn token_file(directory: &Path, person: Person) -> PathBuf {
    directory.join(person.name())
}

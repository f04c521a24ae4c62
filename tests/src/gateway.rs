//! A gateway in this process, before a database of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluice::config::Config;
use sluice::demo::configuration::{self, Configuration};
use sluice::demo::copy_policies;
use sluice::demo::people::Person;
use sluice::demo::postgres::{Postgres, Role};
use sluice::demo::provider::Provider;
use sluice::gateway::Running;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::PATIENCE;
use crate::programs::{self, Login, Said};
use crate::server::{new_database, postgres};

/// The name that clients ask for.
pub const DATABASE: &str = "shop";

/// A running gateway with a provider, a folder and a database of its own.
#[derive(Debug)]
pub struct Gateway {
    running: Running,
    place: Place,
}

/// What a gateway needs before it starts: its folder, its provider, its database.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    provider: Provider,
    postgres: &'static Postgres,
    database: String,
}

impl Place {
    /// Makes one, with the demo's configuration.
    ///
    /// # Panics
    /// The policies are not built, or the machine lacks PostgreSQL.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        copy_policies(&programs::modules(), &directory.path().join("policies"))
            .unwrap_or_else(|error| panic!("{error}"));
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let folder = directory.path().join("issuer");
        let provider = Provider::start(address, &folder).await;
        let provider = provider.expect("a provider starts on a free port");
        let database = new_database().await;
        let place = Self {
            directory,
            provider,
            postgres: postgres().await,
            database,
        };
        place
            .configuration()
            .write()
            .expect("the folder can be written");
        place
    }

    fn configuration(&self) -> Configuration<'_> {
        Configuration {
            directory: self.directory.path(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            upstream: self.postgres,
            database: &self.database,
            issuer: self.provider.url(),
        }
    }

    /// The folder of the configuration, the policies and the trail.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder().join(configuration::FILE)
    }

    /// The folder of the trail.
    #[must_use]
    pub fn trail(&self) -> PathBuf {
        self.folder().join("trail")
    }

    /// The name of the database in PostgreSQL.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Who vouches for clients.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Has sessions live under a role that PostgreSQL keeps from protected columns, as `sluice harden`
    /// says it is made; gives the role.
    ///
    /// # Panics
    /// The role cannot be made.
    pub async fn limit(&self) -> String {
        let role = format!("{}_limited", self.database);
        let mut command = tokio::process::Command::new(programs::sluice());
        command
            .args(["harden", "--role", &role, "--config"])
            .arg(self.file());
        let printed = programs::said(command).await;
        let statements = printed.expect("the statements are printed");
        let run = self
            .postgres
            .run(Role::Superuser, &self.database, &statements);
        run.await.expect("an administrator can run them");
        let section = "[databases.shop]\n";
        let line = format!("{section}limited-role = \"{role}\"\n");
        self.edit(|text| text.replace(section, &line));
        role
    }

    /// Changes the configuration file at one stroke.
    ///
    /// # Panics
    /// The folder is gone.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.file()).expect("the configuration was written");
        self.replace(&self.file(), change(text).as_bytes());
    }

    /// Replaces a policy's module at one stroke.
    ///
    /// # Panics
    /// The folder is gone.
    pub fn replace_module(&self, policy: &str, module: &[u8]) {
        self.replace(
            &self.folder().join(format!("policies/{policy}.wasm")),
            module,
        );
    }

    fn replace(&self, file: &Path, content: &[u8]) {
        let aside = self.folder().join("aside");
        std::fs::write(&aside, content).expect("the folder can be written");
        std::fs::rename(&aside, file).expect("the folder can be written");
    }

    /// Connects to PostgreSQL itself, past the gateway.
    ///
    /// # Panics
    /// The server is gone.
    pub async fn direct(&self) -> Client {
        let client = self
            .postgres
            .connect(Role::Application, &self.database)
            .await;
        client.expect("the server answers")
    }

    /// How a person connects to a gateway at this address.
    #[must_use]
    pub fn settings(&self, address: SocketAddr, person: Person) -> tokio_postgres::Config {
        let mut settings = tokio_postgres::Config::new();
        settings
            .host(address.ip().to_string())
            .port(address.port())
            .user(person.name())
            .password(self.provider.token(person))
            .dbname(DATABASE);
        settings
    }
}

impl Gateway {
    /// Starts one with the demo's configuration.
    pub async fn start() -> Self {
        Self::with(|text| text).await
    }

    /// Starts one with a configuration that differs from the demo's.
    pub async fn with(change: impl FnOnce(String) -> String) -> Self {
        let place = Place::new().await;
        place.edit(change);
        Self::within(place).await
    }

    /// Starts one in a place.
    ///
    /// # Panics
    /// The configuration is refused.
    pub async fn within(place: Place) -> Self {
        let config = Config::read(&place.file()).unwrap_or_else(|error| panic!("{error}"));
        let running = sluice::gateway::Gateway::start(config).await;
        let running = running.unwrap_or_else(|error| panic!("{error}"));
        Self { running, place }
    }

    /// Its folder, provider and database.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where it listens.
    ///
    /// # Panics
    /// It listens nowhere, which a configuration cannot say.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *self
            .running
            .addresses()
            .first()
            .expect("it listens somewhere")
    }

    /// The URL of its HTTP API.
    ///
    /// # Panics
    /// The configuration has none.
    #[must_use]
    pub fn console(&self) -> String {
        format!(
            "http://{}",
            self.running
                .console_address()
                .expect("the configuration has one")
        )
    }

    /// How a person connects.
    #[must_use]
    pub fn settings(&self, person: Person) -> tokio_postgres::Config {
        self.place.settings(self.address(), person)
    }

    /// Connects as a person.
    ///
    /// # Panics
    /// The gateway does not let that person in.
    pub async fn connect(&self, person: Person) -> Client {
        let (client, connection) = self
            .settings(person)
            .connect(NoTls)
            .await
            .expect("the gateway lets people in");
        tokio::spawn(async move { connection.await.ok() });
        client
    }

    /// How a program connects as a person.
    #[must_use]
    pub fn login(&self, person: Person) -> Login<'_> {
        Login {
            address: self.address(),
            user: person.name(),
            password: self.place.provider.token(person),
            database: DATABASE,
        }
    }

    /// Runs a program of PostgreSQL as a person, connected to this gateway by its environment.
    ///
    /// # Panics
    /// The program cannot be run.
    pub async fn run(&self, person: Person, program: &str, arguments: &[&str]) -> Said {
        programs::said(self.login(person).command(program, arguments)).await
    }

    /// What psql prints for some SQL: rows only, columns split by `|`.
    pub async fn psql(&self, person: Person, text: &str) -> Said {
        self.run(
            person,
            "psql",
            &["-X", "-A", "-t", "-v", "VERBOSITY=verbose", "-c", text],
        )
        .await
    }

    /// Asks the HTTP API as a person: the status and the answer's JSON.
    ///
    /// # Panics
    /// The API is gone, or says what is not JSON.
    pub async fn ask(&self, person: Person, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = method.parse().expect("a method of HTTP");
        let request = reqwest::Client::new()
            .request(method, format!("{}/api/v1/{path}", self.console()))
            .bearer_auth(self.place.provider.token(person));
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.expect("the API answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the API says JSON"))
    }

    /// What the API says of the policies in force.
    pub async fn policies(&self) -> Value {
        let (status, answer) = self.ask(Person::Dora, "GET", "policies", Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The number of the generation of policies in force.
    ///
    /// # Panics
    /// The API does not say it.
    pub async fn generation(&self) -> u64 {
        let answer = self.policies().await;
        answer["generation"]
            .as_u64()
            .unwrap_or_else(|| panic!("no generation in {answer}"))
    }

    /// Ends it in good order and gives its place back.
    pub async fn stop(self) -> Place {
        self.running.shutdown(PATIENCE).await;
        self.place
    }
}

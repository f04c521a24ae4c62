//! Programs that tests run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use sluice::demo::postgres::binaries::Binaries;

use crate::gateway::Place;
use crate::{PATIENCE, eventually};

/// What a program said, and whether it was content.
#[derive(Clone, Debug)]
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// True where it exited with 0.
    pub content: bool,
}

impl Said {
    /// Its output.
    ///
    /// # Panics
    /// It failed.
    #[must_use]
    pub fn expect(self, what: &str) -> String {
        assert!(self.content, "{what}\n{}\n{}", self.out, self.err);
        self.out
    }
}

/// Where a program of PostgreSQL or of a driver connects, and as whom.
#[derive(Debug)]
pub struct Login<'a> {
    /// The server, or the gateway.
    pub address: SocketAddr,
    /// The user.
    pub user: &'a str,
    /// The password, or the token.
    pub password: String,
    /// The database.
    pub database: &'a str,
}

impl Login<'_> {
    /// A program that connects so by its environment. One of PostgreSQL's is that of the server of
    /// the tests, where it has it.
    ///
    /// # Panics
    /// There is no PostgreSQL.
    #[must_use]
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let beside = Binaries::find(&|_| ())
            .expect("PostgreSQL is here")
            .program(program);
        let program = if beside.is_file() {
            beside
        } else {
            PathBuf::from(program)
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PGHOST", self.address.ip().to_string())
            .env("PGPORT", self.address.port().to_string())
            .env("PGUSER", self.user)
            .env("PGDATABASE", self.database)
            .env("PGPASSWORD", &self.password);
        command
    }
}

/// Runs a program to its end.
///
/// # Panics
/// It cannot be started, or says what is not UTF-8.
pub async fn said(mut command: Command) -> Said {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(120), running).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} does not end"));
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Said {
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
        content: output.status.success(),
    }
}

/// True where a program is on the search path; else says which test is skipped.
#[must_use]
pub fn present(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let present = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if !present {
        eprintln!("SKIPPED: {name} is not installed");
    }
    present
}

/// Cargo's target folder: this program is `target/<profile>/deps/<name>`.
///
/// # Panics
/// This is no test program.
#[must_use]
pub fn target() -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    this.ancestors()
        .nth(3)
        .expect("target/<profile>/deps/<name>")
        .to_owned()
}

/// The folder of the built policies.
#[must_use]
pub fn modules() -> PathBuf {
    target().join("wasm32-unknown-unknown/policy")
}

/// The root of the repository.
///
/// # Panics
/// Never: this package is in a folder of it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package is in a folder")
}

/// The program `sluice`. Cargo builds it before it runs a test.
#[must_use]
pub fn sluice() -> PathBuf {
    target().join("debug/sluice-program")
}

/// Where a gateway that is a program has its temporary files.
///
/// # Panics
/// It cannot be made.
#[must_use]
pub fn temporary(place: &Place) -> PathBuf {
    let folder = place.folder().join("temporary");
    std::fs::create_dir_all(&folder).expect("the place is ours");
    folder
}

/// Runs the program as a gateway in a place, on a port that the place's configuration then names.
///
/// # Panics
/// It does not start.
pub async fn serve(place: &Place) -> (Child, SocketAddr) {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    place.edit(|text| text.replacen("127.0.0.1:0", &address.to_string(), 1));
    let child = Command::new(sluice())
        .args(["serve", "--config"])
        .arg(place.file())
        .env("TMPDIR", temporary(place))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    eventually("it serves", || async { serves(address).await.is_ok() }).await;
    (child, address)
}

/// It listens before its policies are loaded, and answers only then.
async fn serves(address: SocketAddr) -> std::io::Result<()> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await.map(drop)
}

/// A Python with the drivers, made once in the target folder; none where Python is missing.
///
/// # Panics
/// They cannot be installed.
pub async fn python() -> Option<PathBuf> {
    static MADE: OnceCell<Option<PathBuf>> = OnceCell::const_new();
    MADE.get_or_init(|| async {
        if !present("python3") {
            return None;
        }
        let folder = target().join("e2e/python");
        let python = folder.join("bin/python");
        let list = repository().join("tests/clients/python/requirements.txt");
        let wanted = std::fs::read(&list).expect("a file of the repository");
        if std::fs::read(folder.join("ready")).ok().as_ref() != Some(&wanted) {
            let mut make = Command::new("python3");
            make.args(["-m", "venv", "--clear"]).arg(&folder);
            if !said(make).await.content {
                eprintln!("SKIPPED: python3 cannot make environments (Debian: python3-venv)");
                return None;
            }
            let mut install = Command::new(&python);
            install
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(&list);
            let _ = said(install).await.expect("the drivers can be installed");
            std::fs::write(folder.join("ready"), wanted).expect("the folder is ours");
        }
        Some(python)
    })
    .await
    .clone()
}

/// Ends a program by Ctrl-C.
///
/// # Panics
/// It does not end, or not well.
pub async fn interrupt(mut program: Child) {
    let id = program.id().expect("it runs").to_string();
    let mut interrupt = Command::new("kill");
    interrupt.args(["-INT", &id]);
    let _ = said(interrupt).await.expect("it is there");
    let ended = tokio::time::timeout(PATIENCE, program.wait()).await;
    assert!(ended.expect("it ends").expect("it ended").success());
}

/// A folder of `tests/clients` with its packages, copied to the target folder; none where npm is
/// missing.
///
/// # Panics
/// The packages cannot be installed.
pub async fn node_package(name: &str) -> Option<PathBuf> {
    if !present("npm") || !present("node") {
        return None;
    }
    let from = repository().join("tests/clients").join(name);
    let to = target().join("e2e").join(name);
    std::fs::create_dir_all(&to).expect("the target folder is ours");
    for entry in std::fs::read_dir(from).expect("a folder of the repository") {
        let file = entry.expect("an entry").path();
        let name = file.file_name().expect("a file has a name");
        std::fs::copy(&file, to.join(name)).expect("the target folder is ours");
    }
    let mut install = Command::new("npm");
    install.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefer-offline",
    ]);
    install.current_dir(&to);
    let _ = said(install).await.expect("npm installs the packages");
    Some(to)
}

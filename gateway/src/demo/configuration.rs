//! The configuration that the demo writes: `demo/sluice.toml` with its blanks filled in.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::postgres::{Postgres, Role};

/// The name of the file.
pub const FILE: &str = "sluice.toml";

/// The policies it names, each `policies/<name>.wasm`.
pub const POLICIES: [&str; 2] = ["mask", "guard"];

const TEMPLATE: &str = include_str!("sluice.toml");

/// What the blanks are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    /// Where the file and all that it names are.
    pub directory: &'a Path,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The server behind.
    pub upstream: &'a Postgres,
    /// The database there.
    pub database: &'a str,
    /// Who vouches for clients.
    pub issuer: &'a str,
}

impl Configuration<'_> {
    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        TEMPLATE
            .replace("{listen}", &self.listen.to_string())
            .replace(
                "{upstream-port}",
                &self.upstream.address().port().to_string(),
            )
            .replace("{database}", self.database)
            .replace("{issuer}", self.issuer)
    }

    /// Writes the file and the password that it names; gives its path.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write(&self) -> std::io::Result<PathBuf> {
        let password = self.directory.join("upstream-password");
        let mut password = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(password)?;
        password.write_all(self.upstream.password(Role::Application).as_bytes())?;
        let file = self.directory.join(FILE);
        std::fs::write(&file, self.text())?;
        Ok(file)
    }
}

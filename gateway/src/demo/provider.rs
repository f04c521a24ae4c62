//! The identity provider of the demo: it vouches for whomever one names.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use identity::issuer::{AUDIENCE, Claims, DevIssuer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::people::Person;

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No port.
    #[error("the identity provider cannot listen")]
    Listen(#[from] std::io::Error),
    /// No key.
    #[error("the identity provider has no key")]
    Key(#[from] identity::Error),
}

/// A running development provider. Dropping it stops it.
#[derive(Debug)]
pub struct Provider {
    issuer: Arc<DevIssuer>,
    serving: JoinHandle<()>,
}

impl Provider {
    /// Serves a provider at this address; its key is kept in `folder`, or found there.
    ///
    /// # Errors
    /// The address is taken, or the folder cannot be written.
    pub async fn start(address: SocketAddr, folder: &Path) -> Result<Self, Error> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let issuer = Arc::new(DevIssuer::create(folder, &url, AUDIENCE)?);
        let router = console::dev_issuer_router(Arc::clone(&issuer));
        let serving = tokio::spawn(async move {
            // It ends with the process or with us; an error of one connection is the client's.
            console::serve(listener, router, std::future::pending())
                .await
                .ok();
        });
        Ok(Self { issuer, serving })
    }

    /// Its address: what tokens name in `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.issuer.url()
    }

    /// Waits until it no longer serves, which only a failure of its listener brings about.
    pub async fn ended(&mut self) {
        // What ended it is of no consequence: it is over.
        (&mut self.serving).await.ok();
    }

    /// A token for one of the people of the demo.
    #[must_use]
    pub fn token(&self, person: Person) -> String {
        self.token_of(&person.claims())
    }

    /// A token with these claims.
    #[must_use]
    pub fn token_of(&self, claims: &Claims) -> String {
        self.issuer.issue(claims, SystemTime::now())
    }

    /// Writes a person's token to a file that only we may read.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn write_token(&self, person: Person, file: &Path) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        file.write_all(self.token(person).as_bytes())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

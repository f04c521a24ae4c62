//! The provider over HTTP: its discovery document and its keys.

use std::net::IpAddr;
use std::time::Duration;

use openidconnect::JsonWebKeySet;
use openidconnect::core::CoreJsonWebKey;
use openidconnect::url::{Host, Url};
use serde::Deserialize;

use crate::error::{Error, shown};
use crate::verifier::{IssuerConfig, PlainHttp};

/// Longest answer taken.
const MOST_BYTES: usize = 1024 * 1024;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What we need of a discovery document. Read by hand, not as the OpenID Connect metadata type:
/// issuers of workload tokens (Kubernetes, CI systems) publish keys but no login pages, which that type
/// demands.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// A provider that answered to discovery.
pub(crate) struct Provider {
    issuer: String,
    plain_http: PlainHttp,
    client: reqwest::Client,
}

impl Provider {
    /// Prepares to ask. Nothing is sent yet.
    pub(crate) fn new(config: &IssuerConfig) -> Result<Self, Error> {
        let client = client(config)?;
        Ok(Self {
            issuer: config.issuer.clone(),
            plain_http: config.plain_http,
            client,
        })
    }

    /// The address that tokens must name.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Asks for the keys, by way of the discovery document: the address of the keys may move too.
    pub(crate) async fn keys(&self) -> Result<Vec<CoreJsonWebKey>, Error> {
        let base = self.issuer.trim_end_matches('/');
        let metadata: Metadata = self
            .get(&format!("{base}/.well-known/openid-configuration"))
            .await?;
        if metadata.issuer != self.issuer {
            let says = shown(&metadata.issuer);
            return Err(self.problem(format!(
                "its discovery document names another issuer, {says}"
            )));
        }
        check_address(&metadata.jwks_uri, self.plain_http)
            .map_err(|why| self.problem(format!("address of its keys: {why}")))?;
        let set: JsonWebKeySet<CoreJsonWebKey> = self.get(&metadata.jwks_uri).await?;
        if set.keys().is_empty() {
            return Err(self.problem("it publishes no key that we can use".to_owned()));
        }
        Ok(set.keys().clone())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, Error> {
        let failed = |error: reqwest::Error| Error::Provider {
            issuer: self.issuer.clone(),
            problem: format!("no answer from {address}"),
            source: Some(error.without_url().into()),
        };
        let mut answer = self.client.get(address).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(self.problem(format!("{address} answered {}", answer.status())));
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > MOST_BYTES {
                return Err(self.problem(format!("answer of {address} is too long")));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(|error| Error::Provider {
            issuer: self.issuer.clone(),
            problem: format!("{address} does not answer as an identity provider"),
            source: Some(error.into()),
        })
    }

    fn problem(&self, problem: String) -> Error {
        Error::Provider {
            issuer: self.issuer.clone(),
            problem,
            source: None,
        }
    }
}

/// Keys that travel in the clear can be exchanged on the way.
pub(crate) fn check_address(address: &str, plain_http: PlainHttp) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("{address:?} is no address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not hold a name or password".to_owned());
    }
    match (url.scheme(), plain_http) {
        ("https", _) | ("http", PlainHttp::Anywhere) => Ok(()),
        ("http", PlainHttp::Loopback) if is_loopback(&url) => Ok(()),
        ("http", PlainHttp::Loopback) => Err(format!(
            "{address} must be https (http is for loopback addresses)"
        )),
        _ => Err(format!("{address} must be https")),
    }
}

fn client(config: &IssuerConfig) -> Result<reqwest::Client, Error> {
    // No redirects: what is configured and discovered is what is asked. No proxy from the environment:
    // everything reaches us through the configuration.
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE);
    if let Some(path) = &config.ca_file {
        let file = |problem: String| Error::File {
            path: path.display().to_string(),
            problem,
        };
        let pem = std::fs::read(path).map_err(|error| file(error.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| file(format!("not certificates in PEM: {error}")))?;
        if certificates.is_empty() {
            return Err(file("holds no certificate".to_owned()));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder
        .build()
        .map_err(|error| Error::Configuration(format!("HTTP client: {error}")))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

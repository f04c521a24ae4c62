//! What is asked of a registry: a manifest, a blob, and where it wants one, a token.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::Reference;
use crate::config::Modules;

/// Time to reach a registry, and for one answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(120);

const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
                              application/vnd.docker.distribution.manifest.v2+json";
const MOST_TOKEN: usize = 64 << 10;
/// The most bytes that a file of credentials may have.
const AUTH_BYTES: u64 = 1 << 20;

/// Why something is not to be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    /// It does not answer.
    #[error("the registry cannot be reached ({0})")]
    Unreachable(String),
    /// It says no.
    #[error("the registry refuses it ({0}): name a file of credentials in modules.credentials")]
    NotAllowed(StatusCode),
    /// It says something else.
    #[error("the registry answers {0}")]
    Answer(StatusCode),
    /// It sends more than it may.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// It wants something that is not understood.
    #[error("the registry wants a login that is not understood: {0}")]
    Login(String),
}

/// A repository in a registry.
pub(super) struct Registry {
    client: Client,
    base: String,
    repository: String,
    credentials: Option<(String, String)>,
    token: Option<String>,
}

impl Registry {
    pub(super) fn new(reference: &Reference, modules: &Modules) -> Result<Self, String> {
        let mut client = Client::builder().connect_timeout(CONNECT).timeout(ANSWER);
        if let Some(file) = &modules.ca {
            let pem = read(file)?;
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            for root in roots.map_err(|error| format!("{}: {error}", file.display()))? {
                client = client.add_root_certificate(root);
            }
        }
        let registry = reference.registry();
        let credentials = match &modules.credentials {
            Some(file) => credentials(&read(file)?, registry)
                .map_err(|why| format!("{}: {why}", file.display()))?,
            None => None,
        };
        let base = format!("https://{registry}/");
        let url = Url::parse(&base).map_err(|error| error.to_string())?;
        let scheme = if is_here(&url) { "http" } else { "https" };
        Ok(Self {
            client: client.build().map_err(|error| error.to_string())?,
            base: format!("{scheme}://{registry}/v2"),
            repository: reference.repository().to_owned(),
            credentials,
            token: None,
        })
    }

    /// The manifest with this digest, unchecked.
    pub(super) async fn manifest(
        &mut self,
        digest: &str,
        most: usize,
    ) -> Result<Vec<u8>, Unavailable> {
        let (base, repository) = (&self.base, &self.repository);
        let url = format!("{base}/{repository}/manifests/sha256:{digest}");
        self.get(&url, most).await
    }

    /// The blob with this digest, unchecked.
    pub(super) async fn blob(&mut self, digest: &str, most: usize) -> Result<Vec<u8>, Unavailable> {
        let (base, repository) = (&self.base, &self.repository);
        let url = format!("{base}/{repository}/blobs/sha256:{digest}");
        self.get(&url, most).await
    }

    async fn get(&mut self, url: &str, most: usize) -> Result<Vec<u8>, Unavailable> {
        let mut answer = self.ask(url).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.token.is_none() {
            self.token = Some(self.log_in(&answer).await?);
            answer = self.ask(url).await?;
        }
        body(answer, most).await
    }

    async fn ask(&self, url: &str) -> Result<Response, Unavailable> {
        let request = self.client.get(url).header(ACCEPT, MANIFEST_TYPES);
        let request = match (&self.token, &self.credentials) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((user, password))) => request.basic_auth(user, Some(password)),
            (None, None) => request,
        };
        request.send().await.map_err(unreachable)
    }

    /// A token, from where the registry says.
    async fn log_in(&self, answer: &Response) -> Result<String, Unavailable> {
        let challenge = answer.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok());
        let challenge = challenge.unwrap_or_default();
        let Some(bearer) = strip_word(challenge, "bearer") else {
            return Err(Unavailable::NotAllowed(answer.status()));
        };
        let wrong = || Unavailable::Login(challenge.to_owned());
        let mut parts = parameters(bearer);
        let realm = parts.remove("realm").ok_or_else(wrong)?;
        let mut url = Url::parse(&realm).map_err(|_| wrong())?;
        if url.scheme() != "https" && !is_here(&url) {
            return Err(wrong());
        }
        for name in ["service", "scope"] {
            if let Some(value) = parts.get(name) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let request = self.client.get(url);
        let request = match &self.credentials {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let body = body(answer, MOST_TOKEN).await?;
        let token: Token = serde_json::from_slice(&body).map_err(|_| wrong())?;
        token.token.or(token.access_token).ok_or_else(wrong)
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, Unavailable> {
    match answer.status() {
        StatusCode::OK => {}
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(Unavailable::NotAllowed(status));
        }
        status => return Err(Unavailable::Answer(status)),
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > most {
            return Err(Unavailable::TooLarge(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn unreachable(error: reqwest::Error) -> Unavailable {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let root = causes.last().map(ToString::to_string);
    Unavailable::Unreachable(root.unwrap_or_default())
}

/// Whether it is this machine, to which nothing need be encrypted.
fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.trim().split_once(' ')?;
    first.eq_ignore_ascii_case(word).then_some(rest)
}

/// `name="value"` pairs with commas between them; a comma within quotes is none.
fn parameters(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.insert(name, value.to_owned());
        rest = after;
    }
    found
}

/// A file as `docker login` or `podman login` writes it.
#[derive(Deserialize)]
struct Logins {
    #[serde(default)]
    auths: HashMap<String, Login>,
}

#[derive(Deserialize)]
struct Login {
    auth: Option<String>,
}

/// User and password for a registry; none where the file names others only.
fn credentials(text: &str, registry: &str) -> Result<Option<(String, String)>, String> {
    use base64::Engine as _;
    let logins: Logins = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Some(login) = logins.auths.get(registry) else {
        return Ok(None);
    };
    let wrong =
        || format!("the login for {registry} is not in it: credential helpers are not asked");
    let encoded = login.auth.as_deref().ok_or_else(wrong)?;
    let decoded = base64::prelude::BASE64_STANDARD.decode(encoded);
    let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(wrong)?;
    let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
    Ok(Some((user.to_owned(), password.to_owned())))
}

fn read(file: &Path) -> Result<String, String> {
    policy::files::read_text(file, AUTH_BYTES)
        .map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{credentials, parameters, strip_word};

    #[test]
    fn a_challenge_is_taken_apart() {
        let challenge =
            "Bearer realm=\"https://a/token\",service=\"r\", scope=\"repository:x:pull,push\"";
        let parts = parameters(strip_word(challenge, "bearer").unwrap());
        assert_eq!(parts["realm"], "https://a/token");
        assert_eq!(parts["service"], "r");
        assert_eq!(parts["scope"], "repository:x:pull,push");
        assert_eq!(strip_word("Basic realm=\"x\"", "bearer"), None);
    }

    #[test]
    fn a_login_is_found_by_its_registry() {
        let file = r#"{"auths": {"r:5000": {"auth": "YW5hOmdlaGVpbQ=="}, "h": {}}}"#;
        let login = credentials(file, "r:5000").unwrap();
        assert_eq!(login, Some(("ana".to_owned(), "geheim".to_owned())));
        assert_eq!(credentials(file, "other"), Ok(None));
        assert!(credentials(file, "h").unwrap_err().contains("helpers"));
        assert!(credentials("", "h").is_err());
    }
}

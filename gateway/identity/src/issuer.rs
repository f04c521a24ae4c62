//! A provider for demos and tests: one Ed25519 key, and tokens for whomever one names.
//!
//! It asks for no password. Its routes are served by the console crate, on loopback only.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::{Map, Value, json};

use crate::error::Error;

/// The audience of the tokens where nothing else is said.
pub const AUDIENCE: &str = "sluice";

const KEY_FILE: &str = "issuer-key.pem";
const ABOUT_FILE: &str = "issuer.json";

/// A development provider.
pub struct DevIssuer {
    url: String,
    audience: String,
    key: CoreEdDsaPrivateSigningKey,
    key_id: String,
}

/// Whom a token of the development provider is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// `sub`.
    pub subject: String,
    /// `email`.
    pub email: Option<String>,
    /// `groups`.
    pub groups: Vec<String>,
    /// The actor chain, the current actor first (`act`, nested).
    pub actors: Vec<String>,
    /// Lifetime; an hour where it is not given.
    pub ttl: Option<Duration>,
    /// Claims to add; they win over the others.
    pub extra: Map<String, Value>,
}

impl Claims {
    /// Claims about this subject and nothing else.
    #[must_use]
    pub fn about(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            ..Self::default()
        }
    }

    /// The same, in these groups.
    #[must_use]
    pub fn in_groups<'a>(mut self, groups: impl IntoIterator<Item = &'a str>) -> Self {
        self.groups.extend(groups.into_iter().map(str::to_owned));
        self
    }

    /// The same, with an actor behind those there are.
    #[must_use]
    pub fn via(mut self, actor: impl Into<String>) -> Self {
        self.actors.push(actor.into());
        self
    }

    /// The same, for so long.
    #[must_use]
    pub fn for_time(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl DevIssuer {
    /// A provider at this address with a key of its own that is kept nowhere.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let (key, key_id) = read_key(&new_key()).expect("a PEM just written can be read");
        Self {
            url: url.into(),
            audience: AUDIENCE.to_owned(),
            key,
            key_id,
        }
    }

    /// The same for another audience.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// A provider at this address whose key is in this folder; a key is made where there is none.
    /// Afterwards [`DevIssuer::load`] of the folder gives the same provider, in any process.
    ///
    /// # Errors
    /// Files that cannot be written or read, or a key that others may read.
    pub fn create(folder: &Path, url: &str, audience: &str) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|error| file(folder, error))?;
        let path = folder.join(KEY_FILE);
        match write_private(&path, &new_key()) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(file(&path, error));
            }
            Ok(()) | Err(_) => {}
        }
        let about = json!({ "issuer": url, "audience": audience });
        let path = folder.join(ABOUT_FILE);
        fs::write(&path, about.to_string()).map_err(|error| file(&path, error))?;
        Self::load(folder)
    }

    /// The provider that was created in this folder.
    ///
    /// # Errors
    /// Files that are missing or cannot be read, or a key that others may read.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(ABOUT_FILE);
        let about = fs::read(&path).map_err(|error| file(&path, error))?;
        let about: Value = serde_json::from_slice(&about).map_err(|error| file(&path, error))?;
        let field = |name: &str| {
            let text = about.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
                .ok_or_else(|| file(&path, format!("no {name:?} in it")))
        };
        let (url, audience) = (field("issuer")?, field("audience")?);
        let path = folder.join(KEY_FILE);
        let (key, key_id) = read_private(&path)?;
        Ok(Self {
            url,
            audience,
            key,
            key_id,
        })
    }

    /// Its address, which its tokens name in `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The audience of its tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// A token with these claims, from now on.
    #[must_use]
    pub fn issue(&self, claims: &Claims, now: SystemTime) -> String {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let seconds = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let end = seconds.saturating_add(claims.ttl.unwrap_or(HOUR).as_secs());
        let mut body = Map::new();
        body.insert("iss".to_owned(), json!(self.url));
        body.insert("aud".to_owned(), json!(self.audience));
        body.insert("sub".to_owned(), json!(claims.subject));
        body.insert("iat".to_owned(), json!(seconds));
        body.insert("exp".to_owned(), json!(end));
        body.insert("groups".to_owned(), json!(claims.groups));
        if let Some(email) = &claims.email {
            body.insert("email".to_owned(), json!(email));
        }
        if let Some(act) = actor_chain(&claims.actors) {
            body.insert("act".to_owned(), act);
        }
        body.extend(claims.extra.clone());
        self.sign(&body)
    }

    /// A token with exactly these claims.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.key_id, "typ": "JWT" });
        let claims = Value::Object(claims.clone());
        let [header, claims] =
            [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self
            .key
            .sign(&CoreJwsSigningAlgorithm::EdDsa, message.as_bytes())
            .expect("an Ed25519 key signs any message");
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The document at `/.well-known/openid-configuration`.
    #[must_use]
    pub fn discovery_json(&self) -> String {
        let base = self.url.trim_end_matches('/');
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{base}/jwks"),
            "token_endpoint": format!("{base}/token"),
            "authorization_endpoint": format!("{base}/authorize"),
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        })
        .to_string()
    }

    /// The document at `/jwks`.
    #[must_use]
    pub fn jwks_json(&self) -> String {
        json!({ "keys": [self.key.as_verification_key()] }).to_string()
    }
}

/// Never the key.
impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevIssuer")
            .field("url", &self.url)
            .field("audience", &self.audience)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The chain as RFC 8693 nests it: the current actor outside.
fn actor_chain(actors: &[String]) -> Option<Value> {
    actors.iter().rev().fold(None, |inner, subject| {
        let mut link = Map::from_iter([("sub".to_owned(), json!(subject))]);
        if let Some(inner) = inner {
            link.insert("act".to_owned(), inner);
        }
        Some(Value::Object(link))
    })
}

/// A new key as PEM.
fn new_key() -> String {
    let key = SigningKey::from_bytes(&rand::random());
    key.to_pkcs8_pem(LineEnding::LF)
        .expect("an Ed25519 key has a PEM form")
        .to_string()
}

/// The key and its name, which is its public half: a new key has a new name.
fn read_key(pem: &str) -> Result<(CoreEdDsaPrivateSigningKey, String), String> {
    use ed25519_dalek::pkcs8::DecodePrivateKey as _;
    let public = SigningKey::from_pkcs8_pem(pem).map_err(|error| error.to_string())?;
    let id = BASE64_URL_SAFE_NO_PAD.encode(&public.verifying_key().as_bytes()[..12]);
    let key =
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(pem, Some(JsonWebKeyId::new(id.clone())))?;
    Ok((key, id))
}

/// Writes a new file that only its owner may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Reads a key that only its owner may read.
fn read_private(path: &Path) -> Result<(CoreEdDsaPrivateSigningKey, String), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)
        .map_err(|error| file(path, error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(file(path, "others may read this key; chmod 600 it"));
    }
    let pem = fs::read_to_string(path).map_err(|error| file(path, error))?;
    read_key(&pem).map_err(|why| file(path, why))
}

fn file(path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::File {
        path: path.display().to_string(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{AUDIENCE, DevIssuer, KEY_FILE};

    #[test]
    fn a_folder_keeps_the_key_and_the_last_address() {
        let folder = tempfile::tempdir().unwrap();
        let first = DevIssuer::create(folder.path(), "http://127.0.0.1:1", AUDIENCE).unwrap();
        DevIssuer::create(folder.path(), "http://127.0.0.1:2", AUDIENCE).unwrap();
        let loaded = DevIssuer::load(folder.path()).unwrap();
        assert_eq!(loaded.jwks_json(), first.jwks_json());
        assert_eq!(loaded.url(), "http://127.0.0.1:2");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        DevIssuer::create(folder.path(), "http://127.0.0.1:1", AUDIENCE).unwrap();
        let key = folder.path().join(KEY_FILE);
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = DevIssuer::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn the_key_is_never_published_or_shown() {
        let issuer = DevIssuer::new("http://127.0.0.1:1");
        assert!(!issuer.jwks_json().contains("\"d\""));
        assert_ne!(
            issuer.jwks_json(),
            DevIssuer::new("http://127.0.0.1:1").jwks_json()
        );
        assert!(format!("{issuer:?}").ends_with(", .. }"));
    }
}

//! A provider on a free port of loopback, over real HTTP, that can rotate its keys and go away.

use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreJsonCurveType, CoreJsonWebKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey,
};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use p256::ecdsa::signature::Signer as _;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the provider publishes, and how often it was asked.
pub(super) struct Published {
    pub(super) issuer: String,
    pub(super) jwks_uri: String,
    pub(super) keys: Vec<Value>,
    pub(super) up: bool,
    pub(super) key_fetches: usize,
}

pub(super) struct Provider {
    pub(super) url: String,
    published: Arc<Mutex<Published>>,
}

impl Provider {
    pub(super) async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let published = Arc::new(Mutex::new(Published {
            issuer: url.clone(),
            jwks_uri: format!("{url}/keys"),
            keys,
            up: true,
            key_fetches: 0,
        }));
        tokio::spawn(serve(listener, Arc::clone(&published)));
        Self { url, published }
    }

    pub(super) fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap()
    }
}

async fn serve(listener: TcpListener, published: Arc<Mutex<Published>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream, &published).await;
    }
}

async fn answer(mut stream: TcpStream, published: &Mutex<Published>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    }
    let (status, body) = {
        let mut published = published.lock().unwrap();
        if !published.up {
            ("503 Service Unavailable", String::new())
        } else if request.starts_with(b"GET /keys ") {
            published.key_fetches += 1;
            ("200 OK", json!({ "keys": published.keys }).to_string())
        } else if request.starts_with(b"GET /.well-known/openid-configuration ") {
            let body = json!({ "issuer": published.issuer, "jwks_uri": published.jwks_uri });
            ("200 OK", body.to_string())
        } else {
            ("404 Not Found", String::new())
        }
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

/// A key of the provider.
pub(super) enum Key {
    Ec(p256::ecdsa::SigningKey),
    Rsa(Box<CoreRsaPrivateSigningKey>),
}

impl Key {
    pub(super) fn ec(seed: u8) -> Self {
        Self::Ec(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub(super) fn rsa(kid: &str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        let pem = key.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
        let kid = JsonWebKeyId::new(kid.to_owned());
        Self::Rsa(Box::new(
            CoreRsaPrivateSigningKey::from_pem(&pem, Some(kid)).unwrap(),
        ))
    }

    /// As the provider publishes it.
    pub(super) fn public(&self, kid: Option<&str>) -> Value {
        let key = match self {
            Self::Rsa(key) => key.as_verification_key(),
            Self::Ec(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                let kid = kid.map(|kid| JsonWebKeyId::new(kid.to_owned()));
                CoreJsonWebKey::new_ec(x.to_vec(), y.to_vec(), CoreJsonCurveType::P256, kid)
            }
        };
        serde_json::to_value(key).unwrap()
    }

    /// A token with this header, whose `alg` decides how it is signed.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = match self {
            Self::Ec(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message.as_bytes());
                signature.to_bytes().to_vec()
            }
            Self::Rsa(key) => {
                let algorithm: CoreJwsSigningAlgorithm =
                    serde_json::from_value(header["alg"].clone()).unwrap();
                key.sign(&algorithm, message.as_bytes()).unwrap()
            }
        };
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The part of a token that is signed.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|p| BASE64_URL_SAFE_NO_PAD.encode(p.to_string()));
    format!("{header}.{claims}")
}

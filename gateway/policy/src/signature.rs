//! Signatures of modules: someone with a key vouches for some bytes.
//!
//! What is signed is the SHA-256 of the module's file after a prefix of its own, so that a signature
//! made for anything else says nothing about a module. The signatures of a module lie beside it, in
//! the file of its name with `.sig` behind, one a line.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::files;
use crate::set::Digest;

/// What precedes the digest in what is signed.
const PREFIX: &[u8] = b"sluice policy module v1\n";
/// How a line with a signature begins.
const WORD: &str = "sluice-module-v1";
/// How a key begins.
const KIND: &str = "ed25519:";
/// More than this no file of signatures has.
const MOST_BYTES: u64 = 64 << 10;

/// What a text is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotASignature(String);

/// Who signs.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// The key of this seed, which must be random and secret.
    pub fn new(seed: [u8; 32]) -> PrivateKey {
        PrivateKey(SigningKey::from_bytes(&seed))
    }

    /// The key in a PEM text (PKCS#8), as `openssl genpkey -algorithm ed25519` makes it.
    ///
    /// # Errors
    /// It holds no such key.
    pub fn from_pem(text: &str) -> Result<PrivateKey, NotASignature> {
        let key = SigningKey::from_pkcs8_pem(text);
        key.map(PrivateKey).map_err(|error| {
            NotASignature(format!("no private ed25519 key in PEM (PKCS#8): {error}"))
        })
    }

    /// The key as PEM (PKCS#8).
    pub fn to_pem(&self) -> String {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF);
        pem.expect("an Ed25519 key has a PEM form").to_string()
    }

    /// What others know of it.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Vouches for a module.
    pub fn sign(&self, module: Digest) -> Signature {
        Signature {
            key: self.public(),
            bytes: self.0.sign(&message(module)).to_bytes(),
        }
    }
}

/// Never the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey").field(&self.public()).finish()
    }
}

/// Who has signed. As text `ed25519:` and the key in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl FromStr for PublicKey {
    type Err = NotASignature;

    fn from_str(text: &str) -> Result<PublicKey, NotASignature> {
        let wrong = || {
            NotASignature(format!(
                "`{text}` is no public key; write it as `sluice policy keygen` prints it: {KIND}..."
            ))
        };
        let bytes: [u8; 32] =
            bytes(text.strip_prefix(KIND).ok_or_else(wrong)?).ok_or_else(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        // A key of small order would let everybody sign.
        if key.is_weak() {
            return Err(wrong());
        }
        Ok(PublicKey(key))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{}", BASE64_STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A signature with the key that is said to have made it. As text a line of a file of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    key: PublicKey,
    bytes: [u8; 64],
}

impl Signature {
    /// The key that is said to have made it.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// True where that key has made it for this module.
    pub fn is_of(&self, module: Digest) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&self.bytes);
        self.key
            .0
            .verify_strict(&message(module), &signature)
            .is_ok()
    }

    /// The signatures in the text of a file.
    ///
    /// # Errors
    /// A line is none.
    pub fn parse(text: &str) -> Result<Vec<Signature>, NotASignature> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::parse)
            .collect()
    }

    /// The signatures that lie beside a module; none where there is no such file.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn beside(module: &Path) -> Result<Vec<Signature>, NotASignature> {
        let file = signatures_of(module);
        let wrong = |why: &dyn fmt::Display| NotASignature(format!("{}: {why}", file.display()));
        match files::read_text(&file, MOST_BYTES) {
            Ok(text) => Signature::parse(&text).map_err(|error| wrong(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(wrong(&error)),
        }
    }
}

impl FromStr for Signature {
    type Err = NotASignature;

    fn from_str(line: &str) -> Result<Signature, NotASignature> {
        let wrong = || NotASignature(format!("`{line}` is no signature of a module"));
        let mut words = line.split_whitespace();
        let (word, key, signature) = (words.next(), words.next(), words.next());
        if word != Some(WORD) || words.next().is_some() {
            return Err(wrong());
        }
        Ok(Signature {
            key: key.ok_or_else(wrong)?.parse()?,
            bytes: signature.and_then(bytes).ok_or_else(wrong)?,
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = BASE64_STANDARD.encode(self.bytes);
        write!(f, "{WORD} {} {signature}", self.key)
    }
}

/// The file beside a module that holds its signatures.
pub fn signatures_of(module: &Path) -> PathBuf {
    let mut name = OsString::from(module);
    name.push(".sig");
    PathBuf::from(name)
}

fn message(module: Digest) -> Vec<u8> {
    [PREFIX, module.as_bytes()].concat()
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{PrivateKey, PublicKey, Signature, message};
    use crate::set::Digest;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::new([seed; 32])
    }

    #[test]
    fn a_signature_is_of_these_bytes_by_this_key_and_survives_being_written() {
        let module = Digest::of(b"module");
        let signature = key(1).sign(module);
        let again: Signature = signature.to_string().parse().unwrap();
        assert_eq!(again, signature);
        assert!(again.is_of(module));
        assert!(!again.is_of(Digest::of(b"another")));
        let forged = Signature {
            key: key(2).public(),
            ..signature
        };
        assert!(!forged.is_of(module));
    }

    #[test]
    fn what_was_signed_for_something_else_says_nothing_of_a_module() {
        use ed25519_dalek::Signer as _;
        let module = Digest::of(b"module");
        let bare = Signature {
            key: key(1).public(),
            bytes: key(1).0.sign(module.as_bytes()).to_bytes(),
        };
        assert!(!bare.is_of(module));
        assert!(message(module).starts_with(b"sluice policy module v1\n"));
    }

    #[test]
    fn keys_survive_being_written_and_never_show() {
        let pem = key(3).to_pem();
        assert_eq!(
            PrivateKey::from_pem(&pem).unwrap().public(),
            key(3).public()
        );
        let public: PublicKey = key(3).public().to_string().parse().unwrap();
        assert_eq!(public, key(3).public());
        assert!(format!("{:?}", key(3)).starts_with("PrivateKey(ed25519:"));
        assert!(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----").is_err());
        let weak = "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert!(weak.parse::<PublicKey>().is_err());
    }

    #[test]
    fn a_file_holds_signatures_and_comments_and_nothing_else() {
        let signature = key(1).sign(Digest::of(b"x"));
        let text = format!("# of x\n\n{signature}\n");
        assert_eq!(Signature::parse(&text).unwrap(), [signature]);
        for wrong in [
            "nonsense",
            "sluice-module-v1 ed25519:AAAA",
            "sluice-module-v2 a b",
        ] {
            assert!(Signature::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! `oci://registry/repository@sha256:...`

use std::fmt;
use std::str::FromStr;

/// How such references begin.
pub(crate) const SCHEME: &str = "oci://";

/// What is in a registry, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    digest: String,
}

impl Reference {
    /// Host and port.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The name there.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// The SHA-256 of the manifest, 64 hex digits.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = format!("write {SCHEME}registry/repository@sha256:...");
        let wrong = |what: &str| format!("`{text}` {what}; {form}");
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let Some((name, digest)) = rest.split_once('@') else {
            return Err(wrong(
                "names no digest, and what a tag means can change at any time",
            ));
        };
        let digest = hex(digest).ok_or_else(|| wrong("has no sha256 of 64 hex digits"))?;
        let (registry, repository) = name
            .split_once('/')
            .ok_or_else(|| wrong("names no repository"))?;
        if repository.contains(':') {
            return Err(wrong("has a tag beside the digest, which says nothing"));
        }
        let plain = |part: &str, more: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let parts = repository.split('/');
        let is_repository = parts
            .clone()
            .all(|part| plain(part, "._-") && !part.starts_with('.'));
        if !plain(registry, ".-:[]") || !is_repository {
            return Err(wrong("is no reference"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (registry, repository, digest) = (&self.registry, &self.repository, &self.digest);
        write!(f, "{SCHEME}{registry}/{repository}@sha256:{digest}")
    }
}

/// The digits of a `sha256:...` in lower case.
pub(super) fn hex(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(plain)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn a_reference_names_registry_repository_and_digest() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!("oci://registry.example.com:5000/team/guard@sha256:{digest}");
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.registry(), "registry.example.com:5000");
        assert_eq!(reference.repository(), "team/guard");
        assert_eq!(
            (reference.digest(), &*reference.to_string()),
            (&*digest, &*text)
        );
    }

    #[test]
    fn tags_and_nonsense_are_refused() {
        let digest = "0123456789abcdef".repeat(4);
        for wrong in [
            "oci://registry/guard".to_owned(),
            "oci://registry/guard:latest".to_owned(),
            format!("oci://registry/guard:1@sha256:{digest}"),
            format!("oci://guard@sha256:{digest}"),
            format!("oci:///guard@sha256:{digest}"),
            format!("oci://registry/../guard@sha256:{digest}"),
            format!("oci://registry/guard?x@sha256:{digest}"),
            format!("oci://registry/guard@sha256:{}", digest.to_uppercase()),
            format!("oci://registry/guard@sha512:{digest}"),
        ] {
            let error = wrong.parse::<Reference>().unwrap_err();
            assert!(error.contains("@sha256:..."), "{wrong}: {error}");
        }
    }
}

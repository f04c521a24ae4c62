//! Whose signatures a module needs before it takes effect.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::config::Grant;
use crate::set::Digest;
use crate::signature::{PublicKey, Signature, signatures_of};

/// The keys that are trusted, and how many of them a module needs.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: Vec<TrustedKey>,
    all_of: BTreeSet<String>,
    any_of: BTreeSet<String>,
    minimum: usize,
}

/// A key that is trusted.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    /// What its holder is called.
    pub name: String,
    /// The key.
    pub public: PublicKey,
    /// What a module may be granted for which it vouches; none for everything.
    pub grants: Option<Vec<Grant>>,
}

impl Trust {
    /// Requires a signature by each of `all_of` and by at least `minimum` of `any_of`.
    ///
    /// # Errors
    /// What is said cannot be, or would let everything pass.
    pub fn new(
        keys: Vec<TrustedKey>,
        all_of: BTreeSet<String>,
        any_of: BTreeSet<String>,
        minimum: usize,
    ) -> Result<Trust, String> {
        let named = |name: &&String| keys.iter().any(|key| key.name == **name);
        if let Some(stranger) = all_of.iter().chain(&any_of).find(|name| !named(name)) {
            return Err(format!("it requires `{stranger}`, and names no such key"));
        }
        for (index, key) in keys.iter().enumerate() {
            if let Some(same) = keys[..index].iter().find(|one| one.public == key.public) {
                let (one, other) = (&same.name, &key.name);
                return Err(format!("`{one}` and `{other}` are the same key"));
            }
        }
        if minimum > any_of.len() {
            let several = any_of.len();
            return Err(format!("it requires {minimum} of {several} keys"));
        }
        if all_of.is_empty() && minimum == 0 {
            return Err("it requires no signature at all".to_owned());
        }
        Ok(Trust {
            keys,
            all_of,
            any_of,
            minimum,
        })
    }

    /// Who vouches for a module that is given these grants, by the signatures beside it.
    ///
    /// # Errors
    /// Who is missing, and what to do.
    pub fn signers(
        &self,
        module: &Path,
        digest: Digest,
        grants: &[Grant],
    ) -> Result<Vec<Arc<str>>, String> {
        let signatures = Signature::beside(module).map_err(|error| error.to_string())?;
        let mut vouching = BTreeSet::new();
        let mut remarks = Vec::new();
        for signature in &signatures {
            let Some(key) = self.keys.iter().find(|key| key.public == signature.key()) else {
                remarks.push(format!("{} is no key that is trusted", signature.key()));
                continue;
            };
            let name = key.name.as_str();
            if !signature.is_of(digest) {
                remarks.push(format!("the signature of {name} is of another module"));
            } else if let Some(grant) = key.excess(grants) {
                remarks.push(format!(
                    "{name} may not vouch for a module that is granted \"{grant}\""
                ));
            } else {
                vouching.insert(name);
            }
        }
        let missing = self.missing(&vouching);
        if missing.is_empty() {
            return Ok(vouching.into_iter().map(Arc::from).collect());
        }
        if signatures.is_empty() {
            remarks.push(format!("there is no {}", signatures_of(module).display()));
        }
        let remarks: String = remarks.iter().map(|one| format!("; {one}")).collect();
        let path = module.display();
        Err(format!(
            "{path} (sha256 {digest}) lacks {missing}{remarks}. Who has such a key and has looked at \
             the module signs it: sluice policy sign {path} --key FILE"
        ))
    }

    /// What is missing in words; empty where nothing is.
    fn missing(&self, vouching: &BTreeSet<&str>) -> String {
        let absent = |names: &BTreeSet<String>| -> Vec<String> {
            let absent = names
                .iter()
                .filter(|name| !vouching.contains(name.as_str()));
            absent.cloned().collect()
        };
        let mut missing = Vec::new();
        let needed = absent(&self.all_of);
        if !needed.is_empty() {
            missing.push(format!("the signature of {}", needed.join(" and of ")));
        }
        let others = absent(&self.any_of);
        let lacking = self
            .minimum
            .saturating_sub(self.any_of.len() - others.len());
        if lacking > 0 {
            missing.push(format!(
                "{lacking} of the signatures of {}",
                others.join(", ")
            ));
        }
        missing.join(", and ")
    }
}

impl TrustedKey {
    /// The first of these grants that it may not vouch for.
    fn excess(&self, grants: &[Grant]) -> Option<Grant> {
        let most = self.grants.as_ref()?;
        grants.iter().find(|grant| !most.contains(grant)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::{Trust, TrustedKey};
    use crate::config::Grant;
    use crate::set::Digest;
    use crate::signature::{PrivateKey, signatures_of};

    fn key(name: &str) -> PrivateKey {
        PrivateKey::new([name.as_bytes()[0]; 32])
    }

    fn trusted(name: &str, grants: Option<Vec<Grant>>) -> TrustedKey {
        TrustedKey {
            name: name.to_owned(),
            public: key(name).public(),
            grants,
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn everybody() -> Vec<TrustedKey> {
        let only_log = trusted("carol", Some(vec![Grant::Log]));
        vec![trusted("alice", None), trusted("bob", None), only_log]
    }

    fn signed(folder: &tempfile::TempDir, by: &[&str]) -> (PathBuf, Digest) {
        let module = folder.path().join("m.wasm");
        let digest = Digest::of(b"module");
        let lines = by
            .iter()
            .map(|name| format!("{}\n", key(name).sign(digest)));
        std::fs::write(signatures_of(&module), lines.collect::<String>()).unwrap();
        (module, digest)
    }

    #[test]
    fn all_of_some_and_enough_of_others_must_sign() {
        let folder = tempfile::tempdir().unwrap();
        let trust = Trust::new(everybody(), names(&["alice"]), names(&["bob", "carol"]), 1);
        let trust = trust.unwrap();
        for (by, good) in [
            (&["alice", "bob"][..], true),
            (&["carol", "alice"], true),
            (&["alice"], false),
            (&["bob", "carol"], false),
            (&["alice", "alice"], false),
            (&["alice", "mallory"], false),
            (&[], false),
        ] {
            let (module, digest) = signed(&folder, by);
            let signers = trust.signers(&module, digest, &[]);
            assert_eq!(signers.is_ok(), good, "{by:?}: {signers:?}");
            let other = trust.signers(&module, Digest::of(b"other"), &[]);
            let said = other.unwrap_err();
            assert!(said.contains("sluice policy sign"), "{said}");
        }
    }

    #[test]
    fn a_key_vouches_only_for_what_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let trust = Trust::new(everybody(), names(&["carol"]), names(&[]), 0).unwrap();
        let (module, digest) = signed(&folder, &["carol"]);
        let signers = trust.signers(&module, digest, &[Grant::Log]).unwrap();
        assert_eq!(&*signers[0], "carol");
        let said = trust.signers(&module, digest, &[Grant::Log, Grant::Clock]);
        let said = said.unwrap_err();
        assert!(said.contains("granted \"clock\""), "{said}");
    }

    #[test]
    fn nothing_or_the_impossible_cannot_be_required() {
        let same = vec![trusted("alice", None), trusted("again", None)];
        for (keys, all, any, minimum) in [
            (everybody(), &[][..], &[][..], 0),
            (everybody(), &["dave"], &[], 0),
            (everybody(), &[], &["bob"], 2),
            (same, &["alice"], &[], 0),
        ] {
            assert!(Trust::new(keys, names(all), names(any), minimum).is_err());
        }
    }
}

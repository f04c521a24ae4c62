//! What a module says of itself: a custom section `sluice`, which `sluice policy build` puts in.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The name of the section.
const SECTION: &str = "sluice";
/// Its kind, as all custom sections have it.
const CUSTOM: u8 = 0;
/// What a component begins with.
const HEADER: usize = 8;

/// Who made a module of what. Its author says so: nothing relies on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) language: Option<String>,
    /// The version of the contract that it was built against.
    pub(crate) contract: Option<String>,
}

impl Metadata {
    /// Of the policy in a folder: what its language's own files say, else the folder's name.
    pub(super) fn of_folder(folder: &Path) -> anyhow::Result<Metadata> {
        let has = |name: &str| folder.join(name).exists();
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let mut metadata = Metadata::default();
        if has("Cargo.toml") {
            metadata = Package::of_toml(&read("Cargo.toml")?, "package")?.written_in("Rust");
        } else if has("package.json") {
            let typed = has("tsconfig.json");
            let language = if typed { "TypeScript" } else { "JavaScript" };
            let package: Package =
                serde_json::from_str(&read("package.json")?).context("package.json")?;
            metadata = package.written_in(language);
        } else if has("pyproject.toml") {
            metadata = Package::of_toml(&read("pyproject.toml")?, "project")?.written_in("Python");
        } else {
            let languages = [("app.py", "Python"), ("go.mod", "Go"), ("policy.c", "C")];
            let language = languages.into_iter().find(|(file, _)| has(file));
            metadata.language = language.map(|(_, language)| language.to_owned());
        }
        if metadata.name.is_none() {
            let folder = std::fs::canonicalize(folder)?;
            let name = folder.file_name().and_then(|name| name.to_str());
            metadata.name = name.map(str::to_owned);
        }
        Ok(metadata)
    }

    /// What the component says; none where it says nothing.
    pub(super) fn read(component: &[u8]) -> anyhow::Result<Option<Metadata>> {
        let mut found = None;
        for section in sections(component)? {
            if let Some(text) = section.ours()? {
                found = Some(serde_json::from_slice(text).context("its section `sluice`")?);
            }
        }
        Ok(found)
    }

    /// The component with this in place of what it said of itself.
    pub(super) fn put_into(&self, component: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut new = component[..HEADER.min(component.len())].to_vec();
        for section in sections(component)? {
            if section.ours()?.is_none() {
                new.extend_from_slice(section.whole);
            }
        }
        let text = serde_json::to_vec(self)?;
        let mut content = Vec::with_capacity(text.len() + SECTION.len() + 1);
        push_number(&mut content, SECTION.len());
        content.extend_from_slice(SECTION.as_bytes());
        content.extend_from_slice(&text);
        new.push(CUSTOM);
        push_number(&mut new, content.len());
        new.extend_from_slice(&content);
        Ok(new)
    }
}

/// The part of a language's own file that says what the package is. What is inherited from a workspace
/// is no text, and not said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: Option<serde_json::Value>,
    version: Option<serde_json::Value>,
}

impl Package {
    fn of_toml(text: &str, section: &str) -> anyhow::Result<Package> {
        let mut file: toml::Table = toml::from_str(text)?;
        let package = file.remove(section);
        let package = package.map(toml::Value::try_into).transpose()?;
        Ok(package.unwrap_or_default())
    }

    fn written_in(self, language: &str) -> Metadata {
        let text = |value: Option<serde_json::Value>| match value {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        };
        Metadata {
            name: text(self.name),
            version: text(self.version),
            language: Some(language.to_owned()),
            contract: None,
        }
    }
}

/// A section of a component.
struct Section<'a> {
    kind: u8,
    content: &'a [u8],
    /// With its head.
    whole: &'a [u8],
}

impl<'a> Section<'a> {
    /// What is in it, where it is the one that we know.
    fn ours(&self) -> anyhow::Result<Option<&'a [u8]>> {
        if self.kind != CUSTOM {
            return Ok(None);
        }
        let (length, rest) = number(self.content)?;
        let (name, text) = rest.split_at_checked(length).context(CUT)?;
        Ok((name == SECTION.as_bytes()).then_some(text))
    }
}

const CUT: &str = "the module ends in the middle of a section";

fn sections(component: &[u8]) -> anyhow::Result<Vec<Section<'_>>> {
    let mut sections = Vec::new();
    let mut rest = component.get(HEADER..).context(CUT)?;
    while let Some((kind, after)) = rest.split_first() {
        let (length, after) = number(after)?;
        let (content, next) = after.split_at_checked(length).context(CUT)?;
        let whole = &rest[..rest.len() - next.len()];
        sections.push(Section {
            kind: *kind,
            content,
            whole,
        });
        rest = next;
    }
    Ok(sections)
}

/// A number in LEB128, and what comes after it.
fn number(bytes: &[u8]) -> anyhow::Result<(usize, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((usize::try_from(value)?, &bytes[at + 1..]));
        }
    }
    anyhow::bail!(CUT)
}

fn push_number(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn named(name: &str) -> Metadata {
        Metadata {
            name: Some(name.to_owned()),
            version: Some("1.2.0".to_owned()),
            ..Metadata::default()
        }
    }

    #[test]
    fn what_is_put_in_is_read_again_and_replaced() {
        assert_eq!(Metadata::read(EMPTY).unwrap(), None);
        let long = named(&"n".repeat(300));
        let once = long.put_into(EMPTY).unwrap();
        assert_eq!(Metadata::read(&once).unwrap(), Some(long));
        let twice = named("short").put_into(&once).unwrap();
        assert_eq!(Metadata::read(&twice).unwrap(), Some(named("short")));
        assert_eq!(
            named("short").put_into(EMPTY).unwrap(),
            twice,
            "the same bytes again"
        );
    }

    #[test]
    fn what_is_cut_is_refused() {
        let whole = named("mask").put_into(EMPTY).unwrap();
        for length in 0..whole.len() {
            let read = Metadata::read(&whole[..length]);
            assert!(length == EMPTY.len() || read.is_err(), "{length}: {read:?}");
        }
        assert!(Metadata::read(b"\0asm\x0d\0\x01\0\0\xff\xff\xff\xff\xff\xff").is_err());
    }

    #[test]
    fn a_folder_says_what_its_language_says() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("mask-addresses");
        std::fs::create_dir(&place).unwrap();
        let said = || {
            let metadata = Metadata::of_folder(&place).unwrap();
            let text = |part: Option<String>| part.unwrap_or_default();
            (
                text(metadata.name),
                text(metadata.version),
                text(metadata.language),
            )
        };
        let expected = |name: &str, version: &str, language: &str| {
            (name.to_owned(), version.to_owned(), language.to_owned())
        };
        assert_eq!(said(), expected("mask-addresses", "", ""));
        for (file, text, says) in [
            ("policy.c", "", expected("mask-addresses", "", "C")),
            ("app.py", "", expected("mask-addresses", "", "Python")),
            (
                "package.json",
                r#"{"name": "m"}"#,
                expected("m", "", "JavaScript"),
            ),
            ("tsconfig.json", "", expected("m", "", "TypeScript")),
            (
                "Cargo.toml",
                "[package]\nname = \"mask\"\nversion = \"1.0.0\"",
                expected("mask", "1.0.0", "Rust"),
            ),
            (
                "Cargo.toml",
                "[package]\nname = \"mask\"\nversion.workspace = true",
                expected("mask", "", "Rust"),
            ),
        ] {
            std::fs::write(place.join(file), text).unwrap();
            assert_eq!(said(), says, "{file}");
        }
    }
}

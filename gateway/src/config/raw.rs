//! The file as written, and its way to [`Config`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue};

use super::{
    Address, Config, Console, Database, Error, Export, FOLLOWED, Holds, Limits, Listen, Modules,
    Plaintext, Results, Secret, ServerTls, Trail, Upstream, UpstreamTls,
};
use crate::oci::{self, Pull};

/// The most bytes that a file with a secret may have.
const SECRET_BYTES: u64 = 64 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    listen: RawListen,
    databases: BTreeMap<String, RawDatabase>,
    identity: RawIdentity,
    #[serde(default)]
    policies: toml::Table,
    trust: Option<RawTrust>,
    #[serde(default)]
    modules: RawModules,
    #[serde(default)]
    masks: RawMasks,
    trail: RawTrail,
    canaries: Option<RawCanaries>,
    console: Option<RawConsole>,
    #[serde(default)]
    holds: RawHolds,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawListen {
    address: OneOrMany<SocketAddr>,
    tls: Option<RawServerTls>,
    #[serde(default)]
    plaintext_tokens: RawPlaintext,
    threads: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServerTls {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawPlaintext {
    Never,
    #[default]
    Loopback,
    Always,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDatabase {
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    name: Option<String>,
    user: String,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    limited_role: Option<String>,
    tls: Option<RawUpstreamTls>,
    ca: Option<PathBuf>,
    #[serde(default = "a_while", deserialize_with = "duration")]
    catalog_refresh: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawUpstreamTls {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawIdentity {
    issuer: String,
    audience: OneOrMany<String>,
    groups_claim: Option<String>,
    algorithms: Option<Vec<String>>,
    #[serde(default, deserialize_with = "optional_duration")]
    leeway: Option<Duration>,
    ca: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPolicy {
    module: PathBuf,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    grants: Vec<String>,
    #[serde(default)]
    tables: BTreeMap<String, PathBuf>,
    #[serde(default)]
    mode: RawMode,
    #[serde(default)]
    limits: RawPolicyLimits,
    shadow: Option<RawVersion>,
    previous: Option<RawVersion>,
}

/// Another version of a policy: what it leaves out is as in the policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawVersion {
    module: Option<PathBuf>,
    settings: Option<toml::Table>,
    grants: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawMode {
    #[default]
    Enforce,
    Observe,
    Off,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPolicyLimits {
    #[serde(default, deserialize_with = "optional_duration")]
    session: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    decide: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    batch: Option<Duration>,
    #[serde(default, deserialize_with = "optional_size")]
    memory: Option<usize>,
    #[serde(default, deserialize_with = "optional_size")]
    output: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrust {
    file: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModules {
    directory: Option<PathBuf>,
    credentials: Option<PathBuf>,
    ca: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawMasks {
    key_file: Option<PathBuf>,
    key_env: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTrail {
    directory: PathBuf,
    #[serde(default)]
    results: RawResults,
    #[serde(default, deserialize_with = "optional_size")]
    results_limit: Option<usize>,
    #[serde(default, deserialize_with = "optional_size")]
    segment: Option<usize>,
    export: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawResults {
    #[default]
    All,
    Asked,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCanaries {
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawConsole {
    address: SocketAddr,
    #[serde(default)]
    admin_groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawHolds {
    #[serde(deserialize_with = "duration")]
    max_wait: Duration,
}

impl Default for RawHolds {
    fn default() -> Self {
        Self {
            max_wait: Duration::from_secs(15 * 60),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLimits {
    sessions: Option<usize>,
    #[serde(default, deserialize_with = "optional_size")]
    message: Option<usize>,
    #[serde(default, deserialize_with = "optional_size")]
    row: Option<usize>,
    #[serde(default, deserialize_with = "optional_duration")]
    login: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    connect: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    drain: Option<Duration>,
    policy_instances: Option<NonZeroU32>,
}

/// Definitions changed by others than our clients are missed for this long at most.
fn a_while() -> Duration {
    Duration::from_secs(15)
}

fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!(
            "`{text}` is no duration ({error}); write \"90s\", \"15m\""
        ))
    })
}

fn optional_duration<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

fn optional_size<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let text = String::deserialize(from)?;
    size(&text).map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is no size; write \"512B\", \"64KiB\", \"16MiB\""
        ))
    })
}

fn size(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let unit = match text[digits..].trim_start() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<usize>().ok()?.checked_mul(unit)
}

/// Reads a text; relative paths in it start at the folder of `path`.
pub(super) fn read(text: &str, path: &Path) -> Result<Config, Error> {
    let raw: RawConfig = toml::from_str(text)
        .map_err(|error| Error::Syntax(format!("{}: {error}", path.display())))?;
    let mut reader = Reader {
        text,
        path,
        findings: Vec::new(),
        store: PathBuf::new(),
        pulls: Vec::new(),
    };
    let config = reader.config(raw);
    match config {
        Some(config) if reader.findings.is_empty() => Ok(config),
        _ => Err(Error::Invalid(reader.findings)),
    }
}

/// Cross-checks, and collects what is wrong by key and line.
struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    findings: Vec<String>,
    /// Where modules are kept, and those that come from registries.
    store: PathBuf,
    pulls: Vec<Pull>,
}

/// The SHA-256 of the sections that are read at the start only.
fn fixed(text: &str) -> [u8; 32] {
    let mut sections: toml::Table = toml::from_str(text).unwrap_or_default();
    for followed in FOLLOWED {
        sections.remove(followed);
    }
    Sha256::digest(sections.to_string()).into()
}

impl Reader<'_> {
    fn config(&mut self, raw: RawConfig) -> Option<Config> {
        let listen = self.listen(raw.listen);
        if raw.databases.is_empty() {
            self.wrong(&["databases"], "names no database; add [databases.NAME]");
        }
        let databases = raw
            .databases
            .into_iter()
            .filter_map(|(name, raw)| Some((name.clone(), self.database(&name, raw)?)))
            .collect();
        let at = ["modules"];
        let directory = raw.modules.directory.unwrap_or_else(|| "modules".into());
        self.store = self.relative(&directory);
        let mut policies = self.policies(raw.policies);
        let trust = raw.trust.map(|trust| self.relative(&trust.file));
        let mut digest = Sha256::new_with_prefix(self.text);
        if let Some((required, text)) = trust.as_ref().and_then(|file| self.trust(file)) {
            let required = Arc::new(required);
            for policy in &mut policies {
                policy.trust = Some(Arc::clone(&required));
            }
            digest.update(Sha256::digest(text));
        }
        let modules = Modules {
            directory: self.store.clone(),
            pulls: std::mem::take(&mut self.pulls),
            credentials: raw.modules.credentials.map(|file| self.file(&at, &file)),
            ca: raw.modules.ca.map(|file| self.file(&at, &file)),
        };
        let mask_key = self.secret(&["masks"], raw.masks.key_file, raw.masks.key_env);
        let trail = self.trail(raw.trail);
        Some(Config {
            listen,
            databases,
            identity: self.identity(raw.identity)?,
            policies,
            trust,
            modules,
            mask_key: mask_key?,
            canaries: raw
                .canaries
                .map(|raw| self.file(&["canaries", "file"], &raw.file)),
            trail,
            console: raw.console.map(|raw| Console {
                address: raw.address,
                admin_groups: raw.admin_groups,
            }),
            holds: Holds {
                max_wait: raw.holds.max_wait,
            },
            limits: Limits {
                sessions: raw.limits.sessions.unwrap_or(10_000),
                message_bytes: raw.limits.message.unwrap_or(256 << 20),
                row_bytes: raw.limits.row.unwrap_or(256 << 20),
                login: raw.limits.login.unwrap_or(Duration::from_secs(60)),
                connect: raw.limits.connect.unwrap_or(Duration::from_secs(15)),
                drain: raw.limits.drain.unwrap_or(Duration::from_secs(30)),
                policy_instances: raw.limits.policy_instances.map(NonZeroU32::get),
            },
            path: self.path.to_owned(),
            digest: digest.finalize().into(),
            fixed: fixed(self.text),
        })
    }

    fn listen(&mut self, raw: RawListen) -> Listen {
        let tls = raw.tls.map(|tls| ServerTls {
            certificate: self.file(&["listen", "tls", "certificate"], &tls.certificate),
            key: self.file(&["listen", "tls", "key"], &tls.key),
        });
        let plaintext = match raw.plaintext_tokens {
            RawPlaintext::Never => Plaintext::Never,
            RawPlaintext::Loopback => Plaintext::Loopback,
            RawPlaintext::Always => Plaintext::Always,
        };
        if tls.is_none() && plaintext == Plaintext::Never {
            self.wrong(
                &["listen"],
                "has no tls and refuses tokens without it: nobody could connect",
            );
        }
        let threads = raw.threads.unwrap_or_else(cores);
        if threads == 0 {
            self.wrong(&["listen", "threads"], "must be at least 1");
        }
        Listen {
            addresses: raw.address.into_vec(),
            tls,
            plaintext,
            threads,
        }
    }

    fn database(&mut self, key: &str, raw: RawDatabase) -> Option<Database> {
        let at = ["databases", key];
        let address = match (raw.host, raw.socket) {
            (Some(host), None) => Address::Tcp {
                host,
                port: raw.port.unwrap_or(5432),
            },
            (None, Some(folder)) => {
                let name = format!(".s.PGSQL.{}", raw.port.unwrap_or(5432));
                Address::Unix(self.relative(&folder).join(name))
            }
            _ => {
                self.wrong(
                    &at,
                    "needs either host or socket (the folder of the Unix socket)",
                );
                return None;
            }
        };
        let tls = match (&raw.tls, &address) {
            (Some(RawUpstreamTls::Disable), _) | (None, Address::Unix(_)) => UpstreamTls::Disable,
            (Some(_), Address::Unix(_)) => {
                self.wrong(
                    &["databases", key, "tls"],
                    "has no meaning on a Unix socket",
                );
                return None;
            }
            (Some(RawUpstreamTls::Require), _) => UpstreamTls::Require,
            (Some(RawUpstreamTls::VerifyCa), _) => UpstreamTls::VerifyCa,
            (Some(RawUpstreamTls::VerifyFull) | None, Address::Tcp { .. }) => {
                UpstreamTls::VerifyFull
            }
        };
        let ca = raw.ca.map(|ca| self.file(&["databases", key, "ca"], &ca));
        if raw
            .limited_role
            .as_ref()
            .is_some_and(|role| role.is_empty() || role == &raw.user)
        {
            self.wrong(
                &["databases", key, "limited-role"],
                "names another role than user; `sluice harden` makes one",
            );
        }
        Some(Database {
            upstream: Upstream { address, tls, ca },
            name: raw.name.unwrap_or_else(|| key.to_owned()),
            user: raw.user,
            password: self.secret(&at, raw.password_file, raw.password_env)?,
            limited_role: raw.limited_role,
            catalog_refresh: raw.catalog_refresh,
        })
    }

    fn identity(&mut self, raw: RawIdentity) -> Option<identity::IssuerConfig> {
        let mut config = identity::IssuerConfig::new(raw.issuer, "");
        config.audiences = raw.audience.into_vec();
        if let Some(claim) = raw.groups_claim {
            config.groups_claim = claim;
        }
        if let Some(leeway) = raw.leeway {
            config.leeway = leeway;
        }
        if let Some(names) = raw.algorithms {
            config.algorithms = names
                .iter()
                .filter_map(|name| self.algorithm(name))
                .collect();
        }
        config.ca_file = raw.ca.map(|ca| self.file(&["identity", "ca"], &ca));
        match config.check() {
            Ok(()) => Some(config),
            Err(error) => {
                self.wrong(&["identity"], &error.to_string());
                None
            }
        }
    }

    fn algorithm(&mut self, name: &str) -> Option<identity::Algorithm> {
        let found = name.parse().ok();
        if found.is_none() {
            let what = format!("`{name}` is no signature algorithm that is supported");
            self.wrong(&["identity", "algorithms"], &what);
        }
        found
    }

    /// The policies, in the order of the file: a TOML table alone would lose it.
    fn policies(&mut self, table: toml::Table) -> Vec<policy::PolicyConfig> {
        let mut found: Vec<_> = table
            .into_iter()
            .filter_map(|(name, value)| {
                let line = self.line(&["policies", &name]);
                match value.try_into::<RawPolicy>() {
                    Ok(raw) => Some((line, self.policy(&name, raw)?)),
                    Err(error) => {
                        let error = error.to_string();
                        self.wrong(&["policies", &name], error.trim());
                        None
                    }
                }
            })
            .collect();
        found.sort_by_key(|(line, _)| *line);
        found.into_iter().map(|(_, policy)| policy).collect()
    }

    fn policy(&mut self, name: &str, raw: RawPolicy) -> Option<policy::PolicyConfig> {
        let at = ["policies", name];
        let grants = self.grants(&at, &raw.grants);
        if !raw.tables.is_empty() && !grants.contains(&policy::Grant::Tables) {
            let what = "there are tables, and \"tables\" is not among the grants";
            self.wrong(&["policies", name, "tables"], what);
        }
        let table = |(table, file): (&String, &PathBuf)| {
            let at = ["policies", name, "tables", table];
            (table.clone(), self.file(&at, file))
        };
        let tables = raw.tables.iter().map(table).collect();
        let settings = self.settings(&at, &raw.settings)?;
        let module = self.module(&["policies", name, "module"], &raw.module);
        let shadow = match raw.shadow {
            Some(version) => {
                let at = ["policies", name, "shadow"];
                Some(policy::ShadowConfig {
                    module: match version.module {
                        Some(module) => self.module(&at, &module),
                        None => module.clone(),
                    },
                    digest: None,
                    settings: match version.settings {
                        Some(settings) => self.settings(&at, &settings)?,
                        None => settings.clone(),
                    },
                    grants: match version.grants {
                        Some(grants) => self.grants(&at, &grants),
                        None => grants.clone(),
                    },
                })
            }
            None => None,
        };
        if let Some(grants) = raw.previous.and_then(|version| version.grants) {
            self.grants(&["policies", name, "previous"], &grants);
        }
        let mut limits = policy::PolicyLimits::default();
        limits.deadline_start = raw.limits.session.unwrap_or(limits.deadline_start);
        limits.deadline_decide = raw.limits.decide.unwrap_or(limits.deadline_decide);
        limits.deadline_batch = raw.limits.batch.unwrap_or(limits.deadline_batch);
        limits.memory_bytes = raw.limits.memory.unwrap_or(limits.memory_bytes);
        limits.output_bytes = raw.limits.output.unwrap_or(limits.output_bytes);
        Some(policy::PolicyConfig {
            name: name.to_owned(),
            module,
            digest: None,
            settings,
            grants,
            tables,
            limits,
            mode: match raw.mode {
                RawMode::Enforce => policy::Mode::Enforce,
                RawMode::Observe => policy::Mode::Observe,
                RawMode::Off => policy::Mode::Off,
            },
            shadow,
            trust: None,
        })
    }

    /// Whose signatures modules need.
    fn trust(&mut self, file: &Path) -> Option<(policy::Trust, String)> {
        let trust = super::trust::read(file);
        trust.map_err(|error| self.wrong(&["trust"], &error)).ok()
    }

    fn grants(&mut self, at: &[&str], names: &[String]) -> Vec<policy::Grant> {
        let mut grants = Vec::new();
        for grant in names {
            match policy::Grant::named(grant) {
                Some(grant) => grants.push(grant),
                None => self.wrong(
                    &[at, &["grants"]].concat(),
                    &format!(
                        "`{grant}` is no grant; there are: {}",
                        policy::Grant::ALL.map(policy::Grant::as_str).join(", ")
                    ),
                ),
            }
        }
        grants
    }

    fn settings(&mut self, at: &[&str], table: &toml::Table) -> Option<serde_json::Value> {
        if let Some(path) = no_number(table) {
            let key = [at, &["settings"], &[path.as_str()]].concat();
            self.wrong(&key, "JSON has no such number");
            return None;
        }
        let settings = serde_json::to_value(table);
        settings
            .map_err(|error| self.wrong(&[at, &["settings"]].concat(), &error.to_string()))
            .ok()
    }

    fn trail(&mut self, raw: RawTrail) -> Trail {
        Trail {
            directory: self.relative(&raw.directory),
            results: match raw.results {
                RawResults::All => Results::All,
                RawResults::Asked => Results::Asked,
            },
            results_limit: raw.results_limit.unwrap_or(64 << 10),
            segment_bytes: raw.segment.unwrap_or(16 << 20) as u64,
            export: raw.export.map(|to| match to.as_str() {
                "stdout" => Export::Stdout,
                file => Export::File(self.relative(Path::new(file))),
            }),
        }
    }

    /// A secret from a file or the environment; `Some(None)` where neither is named.
    #[expect(
        clippy::option_option,
        reason = "the outer one says that a finding was noted"
    )]
    fn secret(
        &mut self,
        at: &[&str],
        file: Option<PathBuf>,
        variable: Option<String>,
    ) -> Option<Option<Secret>> {
        match (file, variable) {
            (None, None) => Some(None),
            (Some(file), None) => {
                match policy::files::read_text(&self.relative(&file), SECRET_BYTES) {
                    Ok(text) => Some(Some(Secret::new(
                        text.trim_end_matches(['\r', '\n']).to_owned(),
                    ))),
                    Err(error) => {
                        self.wrong(at, &format!("cannot read {}: {error}", file.display()));
                        None
                    }
                }
            }
            (None, Some(variable)) => match std::env::var(&variable) {
                Ok(value) => Some(Some(Secret::new(value))),
                Err(_) => {
                    self.wrong(
                        at,
                        &format!("the environment variable {variable} is not set"),
                    );
                    None
                }
            },
            (Some(_), Some(_)) => {
                self.wrong(
                    at,
                    "takes a secret from a file or from the environment, not from both",
                );
                None
            }
        }
    }

    /// A module: a file, or where one from a registry is kept.
    fn module(&mut self, at: &[&str], module: &Path) -> PathBuf {
        let Some(text) = module.to_str().filter(|text| text.starts_with(oci::SCHEME)) else {
            return self.file(at, module);
        };
        match text.parse() {
            Ok(reference) => {
                let file = oci::file_of(&self.store, &reference);
                self.pulls.push(Pull {
                    policy: at.get(1).copied().unwrap_or_default().to_owned(),
                    reference,
                    file: file.clone(),
                });
                file
            }
            Err(error) => {
                self.wrong(at, &error);
                PathBuf::new()
            }
        }
    }

    /// A path to a file that has to be there.
    fn file(&mut self, at: &[&str], path: &Path) -> PathBuf {
        let path = self.relative(path);
        if !path.is_file() {
            let shown = path.display();
            let reason = match std::fs::metadata(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    format!("cannot see {shown}: {error}")
                }
                _ => format!("there is no file {shown}"),
            };
            self.wrong(at, &reason);
        }
        path
    }

    fn relative(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn wrong(&mut self, key: &[&str], what: &str) {
        let place = format!("{}:{}", self.path.display(), self.line(key));
        self.findings
            .push(format!("{place}: {}: {what}", key.join(".")));
    }

    /// The line of a key, or of the nearest table above it that is written out.
    fn line(&self, key: &[&str]) -> usize {
        let offset = DeTable::parse(self.text).map_or(0, |root| offset_of(root.get_ref(), key));
        1 + self.text.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }
}

fn offset_of(table: &DeTable<'_>, key: &[&str]) -> usize {
    let Some((first, rest)) = key.split_first() else {
        return 0;
    };
    let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == first) else {
        return 0;
    };
    match value.get_ref() {
        DeValue::Table(inner) => match offset_of(inner, rest) {
            0 => name.span().start,
            offset => offset,
        },
        _ => name.span().start,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The key of a number in a table that JSON has no word for.
fn no_number(table: &toml::Table) -> Option<String> {
    let within = |value: &toml::Value| match value {
        toml::Value::Float(number) if !number.is_finite() => Some(String::new()),
        toml::Value::Table(inner) => no_number(inner).map(|key| format!(".{key}")),
        toml::Value::Array(items) if items.iter().any(has_no_number) => Some(String::new()),
        _ => None,
    };
    let mut found = table.iter();
    found.find_map(|(key, value)| Some(format!("{key}{}", within(value)?)))
}

fn has_no_number(value: &toml::Value) -> bool {
    match value {
        toml::Value::Float(number) => !number.is_finite(),
        toml::Value::Array(items) => items.iter().any(has_no_number),
        toml::Value::Table(inner) => no_number(inner).is_some(),
        _ => false,
    }
}

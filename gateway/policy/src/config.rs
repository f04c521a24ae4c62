//! What the operator says about policies.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::set::Digest;
use crate::trust::Trust;

/// One policy as the operator wants it.
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// Its name: unique, shown in denials.
    pub name: String,
    /// The component, or a core module that carries its component type.
    pub module: PathBuf,
    /// The digest that the module must have, where it is known from elsewhere.
    pub digest: Option<Digest>,
    /// What `configure` gets, as JSON.
    pub settings: serde_json::Value,
    /// What it may import beside `facts`.
    pub grants: Vec<Grant>,
    /// The files of the tables that it may look things up in, by the names that it knows them by.
    pub tables: Vec<(String, PathBuf)>,
    /// How much it may use.
    pub limits: PolicyLimits,
    /// Whether its verdict counts.
    pub mode: Mode,
    /// A second version that judges beside it and never decides.
    pub shadow: Option<ShadowConfig>,
    /// Whose signatures its module and that of the second version need.
    pub trust: Option<Arc<Trust>>,
}

/// A second version of a policy as the operator wants it.
#[derive(Clone, Debug)]
pub struct ShadowConfig {
    /// Its module.
    pub module: PathBuf,
    /// The digest that the module must have, where it is known from elsewhere.
    pub digest: Option<Digest>,
    /// What its `configure` gets, as JSON.
    pub settings: serde_json::Value,
    /// What it may import beside `facts`.
    pub grants: Vec<Grant>,
}

/// An interface that a policy may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// `log`: lines in the gateway's log.
    Log,
    /// `clock`: the time of day.
    Clock,
    /// `counters`: sums that the gateway keeps, and limits of rows.
    Counters,
    /// `keyed`: hashes under the deployment's keys.
    Keyed,
    /// `tables`: what the operator gives it to look things up in.
    Tables,
}

impl Grant {
    /// Every grant.
    pub const ALL: [Grant; 5] = [
        Grant::Log,
        Grant::Clock,
        Grant::Counters,
        Grant::Keyed,
        Grant::Tables,
    ];

    /// The word for it: the name of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Grant::Log => "log",
            Grant::Clock => "clock",
            Grant::Counters => "counters",
            Grant::Keyed => "keyed",
            Grant::Tables => "tables",
        }
    }

    /// The grant of that name.
    pub fn named(name: &str) -> Option<Grant> {
        Grant::ALL.into_iter().find(|grant| grant.as_str() == name)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a policy may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLimits {
    /// Time for one `decide`.
    pub deadline_decide: Duration,
    /// Time for one `batch`.
    pub deadline_batch: Duration,
    /// Time for what happens seldom and may take longer: starting an instance (instantiating it and
    /// `configure`), and `session`, which may look at the whole catalog.
    pub deadline_start: Duration,
    /// Linear memory of an instance.
    pub memory_bytes: usize,
    /// What one call may answer.
    pub output_bytes: usize,
    /// Calls after which an instance is replaced by a fresh one.
    pub calls_per_instance: u32,
}

impl Default for PolicyLimits {
    fn default() -> PolicyLimits {
        PolicyLimits {
            deadline_decide: Duration::from_millis(50),
            deadline_batch: Duration::from_millis(100),
            deadline_start: Duration::from_secs(5),
            memory_bytes: 32 << 20,
            output_bytes: 4 << 20,
            calls_per_instance: 100_000,
        }
    }
}

/// Whether a policy's verdict counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It counts.
    Enforce,
    /// It is noted in the trail and never applied.
    Observe,
    /// The policy is loaded and does not run.
    Off,
}

impl Mode {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Observe => "observe",
            Mode::Off => "off",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the engine keeps ready for all policies together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// How many instances may live at once: cores x policies x the generations alive. Shadows have
    /// half as many more for themselves.
    pub instances: u32,
    /// The most memory that any policy may be given; a policy's own limit is at most this.
    pub memory_bytes: usize,
    /// The most bytes that a module may have.
    pub module_bytes: u64,
    /// Whether it counts what calls take.
    pub metering: Metering,
    /// The program that compiles modules in a process of its own, within bounds, when it is called with
    /// [`crate::COMPILE_COMMAND`]; none compiles them in this one.
    pub compiler: Option<PathBuf>,
}

/// The most bytes that a module may have, unless an engine is told otherwise, and any file that policies are
/// made of.
pub(crate) const MODULE_BYTES: u64 = 64 << 20;

/// Whether an engine counts the instructions that guests run. Counting makes them slower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metering {
    /// It does not: for engines that serve.
    #[default]
    Off,
    /// It does, and notes the size of memories and answers too: for trying policies out.
    Fuel,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            instances: 256,
            memory_bytes: 256 << 20,
            module_bytes: MODULE_BYTES,
            metering: Metering::Off,
            compiler: None,
        }
    }
}

/// The deployment's keys for `keyed-hash`, by name. Guests never see them, nor does `Debug`.
#[derive(Clone, Default)]
pub struct Keys {
    keys: Arc<HashMap<String, Vec<u8>>>,
}

impl Keys {
    /// Holds these keys.
    pub fn new(keys: impl IntoIterator<Item = (String, Vec<u8>)>) -> Keys {
        Keys {
            keys: Arc::new(keys.into_iter().collect()),
        }
    }

    /// The key of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.keys.get(name).map(Vec::as_slice)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

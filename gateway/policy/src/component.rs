//! One module: made a component, compiled, and compared with the contract and the grants.

mod encode;

use std::fmt;

use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

pub use self::encode::componentize;
use crate::bindings::{
    PACKAGE, VERSION, clock, counters, facts, grants, hooks, inspect, keyed, log, tables, transform,
};
use crate::config::Grant;
use crate::engine::Engine;
use crate::error::{LoadError, Step};
use crate::instance::Host;
use crate::set::Digest;

/// A compiled module whose imports and exports fit the contract.
pub(crate) struct Compiled {
    digest: Digest,
    imports: Vec<Grant>,
    memories: u32,
    /// Whether it asks what was granted, and so can do without.
    adapts: bool,
    pre: InstancePre<Host>,
    hooks: hooks::GuestIndices,
    transform: Option<transform::GuestIndices>,
    inspect: Option<inspect::GuestIndices>,
}

impl Compiled {
    /// Compiles and checks. Takes its time.
    pub(crate) fn new(engine: &Engine, module: &[u8]) -> Result<Compiled, LoadError> {
        let digest = Digest::of(module);
        engine.compile_aside(module)?;
        let component = componentize(module)?;
        let component = Component::new(engine.wasm(), &component)
            .map_err(|error| LoadError::new(Step::Compile, format!("{error:#}")))?;
        let memories = component.resources_required();
        let memories = memories.map_or(1, |needed| needed.num_memories);
        let Imports { grants, adapts } = imports(engine, &component)?;
        exports(engine, &component)?;
        let pre = link(engine, &grants, &component)?;
        let wrong = |error: wasmtime::Error| {
            LoadError::new(
                Step::Exports,
                format!("an export is not as the contract says: {error:#}"),
            )
        };
        let hooks = hooks::GuestIndices::new(&pre).map_err(wrong)?;
        let transform = match exported(engine, &component, "transform") {
            true => Some(transform::GuestIndices::new(&pre).map_err(wrong)?),
            false => None,
        };
        let inspect = match exported(engine, &component, "inspect") {
            true => Some(inspect::GuestIndices::new(&pre).map_err(wrong)?),
            false => None,
        };
        Ok(Compiled {
            digest,
            imports: grants,
            memories,
            adapts,
            pre,
            hooks,
            transform,
            inspect,
        })
    }

    /// What the module imports beside `facts` must have been granted, unless it asks what was.
    pub(crate) fn check_grants(&self, granted: &[Grant]) -> Result<(), LoadError> {
        match self.imports.iter().find(|import| !granted.contains(import)) {
            None => Ok(()),
            Some(_) if self.adapts => Ok(()),
            Some(import) => Err(LoadError::new(
                Step::Imports,
                format!(
                    "it imports {PACKAGE}/{import}, which is not granted to it; grant \"{import}\" \
                     to let it"
                ),
            )),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn imports(&self) -> &[Grant] {
        &self.imports
    }

    pub(crate) fn transforms(&self) -> bool {
        self.transform.is_some()
    }

    /// Memories that an instance has.
    pub(crate) fn memories(&self) -> u32 {
        self.memories
    }

    pub(crate) fn pre(&self) -> &InstancePre<Host> {
        &self.pre
    }

    pub(crate) fn hooks(&self) -> &hooks::GuestIndices {
        &self.hooks
    }

    pub(crate) fn transform(&self) -> Option<&transform::GuestIndices> {
        self.transform.as_ref()
    }

    pub(crate) fn inspect(&self) -> Option<&inspect::GuestIndices> {
        self.inspect.as_ref()
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("digest", &self.digest)
            .field("imports", &self.imports)
            .finish_non_exhaustive()
    }
}

/// The name of an interface of a component: `namespace:package/interface@version`.
struct InterfaceName<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

impl<'a> InterfaceName<'a> {
    fn parse(name: &'a str) -> InterfaceName<'a> {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or(("", path));
        InterfaceName {
            package,
            interface,
            version,
        }
    }

    /// While the major version is 0, the minor one is the unit of compatibility.
    fn is_compatible(&self) -> bool {
        let unit = |version: &str| {
            let mut parts = version.split('.').map(str::to_owned);
            (parts.next(), parts.next())
        };
        unit(self.version) == unit(VERSION)
    }
}

/// What a component imports beside `facts`.
struct Imports {
    grants: Vec<Grant>,
    adapts: bool,
}

/// What the component imports beside `facts`, refusing by name what no policy may.
fn imports(engine: &Engine, component: &Component) -> Result<Imports, LoadError> {
    let ty = component.component_type();
    let mut grants = Vec::new();
    let mut adapts = false;
    for (import, _) in ty.imports(engine.wasm()) {
        let name = InterfaceName::parse(import);
        let fault = |reason: String| Err(LoadError::new(Step::Imports, reason));
        if name.package.starts_with("wasi:") {
            return fault(format!(
                "it imports {import}; a policy imports no WASI. In Rust, build for \
                 wasm32-unknown-unknown"
            ));
        }
        if name.package != PACKAGE {
            return fault(format!(
                "it imports {import}, which the gateway does not offer"
            ));
        }
        if !name.is_compatible() {
            return fault(format!(
                "it imports {import}; this gateway speaks {PACKAGE}@{VERSION}: rebuild the policy \
                 against that version"
            ));
        }
        match (name.interface, Grant::named(name.interface)) {
            ("types" | "facts", _) => {}
            ("grants", _) => adapts = true,
            (_, Some(grant)) => grants.push(grant),
            (_, None) => {
                return fault(format!(
                    "it imports {import}, which {PACKAGE}@{VERSION} has not"
                ));
            }
        }
    }
    Ok(Imports { grants, adapts })
}

/// Refuses a component without `hooks` of our version.
fn exports(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    if exported(engine, component, "hooks") {
        return Ok(());
    }
    let ty = component.component_type();
    let names: Vec<&str> = ty.exports(engine.wasm()).map(|(name, _)| name).collect();
    let found = if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    };
    let other = names
        .iter()
        .map(|name| InterfaceName::parse(name))
        .find(|name| name.package == PACKAGE && name.interface == "hooks" && !name.is_compatible());
    let advice = match other {
        Some(_) => format!("rebuild the policy against {PACKAGE}@{VERSION}"),
        None => "is this a policy?".to_owned(),
    };
    Err(LoadError::new(
        Step::Exports,
        format!("it exports {found}; {PACKAGE}/hooks@{VERSION} is expected: {advice}"),
    ))
}

fn exported(engine: &Engine, component: &Component, interface: &str) -> bool {
    component
        .component_type()
        .exports(engine.wasm())
        .any(|(name, _)| {
            let name = InterfaceName::parse(name);
            name.package == PACKAGE && name.interface == interface && name.is_compatible()
        })
}

fn link(
    engine: &Engine,
    imports: &[Grant],
    component: &Component,
) -> Result<InstancePre<Host>, LoadError> {
    let fault = |error: wasmtime::Error| LoadError::new(Step::Link, format!("{error:#}"));
    let mut linker = Linker::<Host>::new(engine.wasm());
    facts::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).map_err(fault)?;
    grants::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).map_err(fault)?;
    for grant in imports {
        match grant {
            Grant::Log => log::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host),
            Grant::Clock => clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host),
            Grant::Counters => counters::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host),
            Grant::Keyed => keyed::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host),
            Grant::Tables => tables::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host),
        }
        .map_err(fault)?;
    }
    linker.instantiate_pre(component).map_err(fault)
}

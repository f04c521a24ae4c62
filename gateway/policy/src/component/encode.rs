//! A core module -> a component.

use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::bindings::{PACKAGE, VERSION};
use crate::error::{LoadError, Step};

/// The first eight bytes of a core module and of a component.
const CORE: &[u8; 8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8; 8] = b"\0asm\x0d\0\x01\0";

/// How the custom sections are called in which a core module carries its component type.
const COMPONENT_TYPE: &str = "component-type";

/// What is called in a component type that says how strings are encoded, and what that says.
const ENCODING: &[u8] = b"wit-component-encoding";
const UTF8: [u8; 2] = [4, 0];

/// The contract, as we speak it.
const CONTRACT: &str = include_str!("../../../../wit/policy.wit");

/// What a policy may be. Of what a world imports, only what the module uses becomes an import.
const WORLDS: &str = "
    package sluice:built;
    world deciding {
        import sluice:policy/facts@0.1.0;
        import sluice:policy/log@0.1.0;
        import sluice:policy/clock@0.1.0;
        import sluice:policy/counters@0.1.0;
        import sluice:policy/keyed@0.1.0;
        import sluice:policy/tables@0.1.0;
        import sluice:policy/grants@0.1.0;
        export sluice:policy/hooks@0.1.0;
    }
    world transforming {
        include deciding;
        export sluice:policy/transform@0.1.0;
    }
    world inspecting {
        include deciding;
        export sluice:policy/inspect@0.1.0;
    }
    world transforming-and-inspecting {
        include transforming;
        export sluice:policy/inspect@0.1.0;
    }
";

/// What languages with a runtime of their own import, and what they get in its place.
const PREVIEW1: &str = "wasi_snapshot_preview1";
const PURE: &str = include_str!("pure.wat");

/// Makes a component of a core module; a component comes back as it is.
///
/// It gets the contract where it exports what the contract asks for. A component type that it carries
/// itself, as `wit-bindgen` leaves it for Rust, could say nothing else, and is not read: a wrong one is no
/// harmless input. What it imports of WASI preview 1 is put inside it: clocks that count calls, a fixed
/// sequence for random numbers, an output that swallows all.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    // Not every wrong byte is an error to those who read modules for us.
    let made = std::panic::catch_unwind(|| component_of(module));
    made.unwrap_or_else(|_| {
        Err(fault(
            "it is broken in a way that its reader did not expect",
        ))
    })
}

fn component_of(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    if module.starts_with(COMPONENT) {
        return Ok(module.to_vec());
    }
    if !module.starts_with(CORE) {
        let reason = "this is neither a Wasm component nor a core Wasm module";
        return Err(fault(reason));
    }
    let (module, exports) = without_types(module)?;
    encode(&with_contract(module, &exports)?)
}

/// The module without what it says of its component type, and the names that it exports.
fn without_types(module: &[u8]) -> Result<(Vec<u8>, Vec<String>), LoadError> {
    let mut without = Module::new();
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(failed)?;
        if let Payload::CustomSection(section) = &payload
            && section.name().starts_with(COMPONENT_TYPE)
        {
            check_strings(section.data())?;
            continue;
        }
        if let Payload::ExportSection(section) = &payload {
            for export in section.clone() {
                exports.push(export.map_err(failed)?.name.to_owned());
            }
        }
        if let Some((id, range)) = payload.as_section() {
            let data = module.get(range.start as usize..range.end as usize);
            let data = data.ok_or_else(|| fault("it ends within a section"))?;
            without.section(&RawSection { id, data });
        }
    }
    Ok((without.finish(), exports))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(module).map_err(failed)?;
    if contains(module, PREVIEW1.as_bytes()) {
        let pure = wat::parse_str(PURE).map_err(failed)?;
        encoder.adapter(PREVIEW1, &pure).map_err(failed)?;
    }
    encoder.encode().map_err(failed)
}

/// Strings in another encoding would be read as UTF-8.
fn check_strings(types: &[u8]) -> Result<(), LoadError> {
    let name = memchr::memmem::find(types, ENCODING);
    let said = name.and_then(|place| types[place + ENCODING.len()..].first_chunk());
    match said {
        Some(&UTF8) => Ok(()),
        _ => Err(fault(
            "its strings are in another encoding than UTF-8, or it does not say in which; build it \
             with UTF-8",
        )),
    }
}

/// The module with the component type that its exports keep.
fn with_contract(mut module: Vec<u8>, exports: &[String]) -> Result<Vec<u8>, LoadError> {
    let exports = |interface: &str| {
        let name = format!("{PACKAGE}/{interface}@{VERSION}#");
        exports.iter().any(|export| export.starts_with(&name))
    };
    if !exports("hooks") {
        return Err(fault(format!(
            "this is a core module that exports no {PACKAGE}/hooks@{VERSION}; build it against the \
             contract with an SDK or with wit-bindgen"
        )));
    }
    let mut contract = Resolve::default();
    contract
        .push_source("policy.wit", CONTRACT)
        .map_err(failed)?;
    let worlds = contract.push_source("worlds.wit", WORLDS).map_err(failed)?;
    let world = match (exports("transform"), exports("inspect")) {
        (false, false) => "deciding",
        (true, false) => "transforming",
        (false, true) => "inspecting",
        (true, true) => "transforming-and-inspecting",
    };
    let world = contract
        .select_world(&[worlds], Some(world))
        .map_err(failed)?;
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8, false)
        .map_err(failed)?;
    Ok(module)
}

fn contains(module: &[u8], bytes: &[u8]) -> bool {
    memchr::memmem::find(module, bytes).is_some()
}

fn fault(reason: impl Into<String>) -> LoadError {
    LoadError::new(Step::Componentize, reason)
}

/// For the errors of others, with what they were caused by.
fn failed(error: impl std::fmt::Display) -> LoadError {
    fault(format!("{error:#}"))
}

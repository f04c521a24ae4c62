//! Policies that misbehave, each as a core module that says which contract it keeps.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::programs::repository;

/// How a policy misbehaves in one of its hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// It does not: it lets everything pass and protects nothing.
    None,
    /// It never ends.
    Loop,
    /// It takes memory until it gets none.
    Bomb,
    /// It traps.
    Trap,
    /// It answers with a variant that there is not.
    Nonsense,
    /// It traps on requests that have a text: not where it is tried.
    Treason,
}

impl Misdeed {
    fn body(self) -> &'static str {
        match self {
            Misdeed::None => "i32.const 1024",
            Misdeed::Loop => "(loop $forever (br $forever)) unreachable",
            Misdeed::Bomb => {
                "(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 64)) (i32.const 0)))) \
                 unreachable"
            }
            Misdeed::Trap => "unreachable",
            Misdeed::Treason => {
                "(call $text (i32.const 2048)) (if (i32.load (i32.const 2052)) (then unreachable)) \
                 i32.const 1024"
            }
            Misdeed::Nonsense => "(i32.store8 (i32.const 1024) (i32.const 77)) i32.const 1024",
        }
    }
}

/// Where a policy misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// While it is configured.
    Configure,
    /// When a session begins.
    Session,
    /// When a request is judged.
    Decide,
}

/// A policy that misbehaves in one hook and is meek in the others.
///
/// # Panics
/// The contract in `wit/` changed.
#[must_use]
pub fn misbehaving(hook: Hook, misdeed: Misdeed) -> Vec<u8> {
    let body = |at| {
        if at == hook {
            misdeed.body()
        } else {
            Misdeed::None.body()
        }
    };
    let text = format!(
        r#"(module
            (import "sluice:policy/facts@0.1.0" "text" (func $text (param i32)))
            (memory (export "memory") 1)
            (global $next (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                global.get $next
                (global.set $next (i32.add (global.get $next)
                    (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16)))))
            (func (export "sluice:policy/hooks@0.1.0#configure") (param i32 i32) (result i32) {})
            (func (export "sluice:policy/hooks@0.1.0#session") (result i32) {})
            (func (export "sluice:policy/hooks@0.1.0#decide") (result i32) {}))"#,
        body(Hook::Configure),
        body(Hook::Session),
        body(Hook::Decide),
    );
    with_contract(&text, "policy")
}

/// A policy that asks for a claim of the token, and then lets everything pass.
///
/// # Panics
/// The contract in `wit/` changed.
#[must_use]
pub fn curious() -> Vec<u8> {
    let asked = "(call $asked (i32.const 64) (i32.const 4) (i32.const 128))";
    asking("facts@0.1.0\" \"claim", "(param i32 i32 i32)", asked)
}

/// A policy that makes one call of what it imports, and then lets everything pass.
fn asking(import: &str, signature: &str, call: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "sluice:policy/{import}" (func $asked {signature}))
        (memory (export "memory") 1)
        (data (i32.const 64) "team")
        (global $next (mut i32) (i32.const 4096))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            global.get $next
            (global.set $next (i32.add (global.get $next)
                (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16)))))
        (func (export "sluice:policy/hooks@0.1.0#configure") (param i32 i32) (result i32)
            i32.const 1024)
        (func (export "sluice:policy/hooks@0.1.0#session") (result i32) i32.const 1024)
        (func (export "sluice:policy/hooks@0.1.0#decide") (result i32)
            {call}
            i32.const 1024))"#
    );
    with_contract(&text, "policy")
}

/// A policy that asks for the time, and then lets everything pass.
///
/// # Panics
/// The contract in `wit/` changed.
#[must_use]
pub fn punctual() -> Vec<u8> {
    asking(
        "clock@0.1.0\" \"now",
        "(result i64)",
        "(drop (call $asked))",
    )
}

/// A module that keeps another contract.
///
/// # Panics
/// Never: its text is fixed.
#[must_use]
pub fn stranger() -> Vec<u8> {
    let mut contract = Resolve::default();
    let package = contract
        .push_str(
            "stranger.wit",
            "package other:thing@1.0.0; world thing { export run: func(); }",
        )
        .expect("it is WIT");
    let world = contract
        .select_world(&[package], Some("thing"))
        .expect("it is there");
    let mut module = wat::parse_str(r#"(module (func (export "run")))"#).expect("it is WAT");
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8, false)
        .expect("it fits the world");
    module
}

fn with_contract(text: &str, world: &str) -> Vec<u8> {
    let mut contract = Resolve::default();
    let folder = repository().join("wit");
    let (package, _) = contract.push_path(folder).expect("wit/ is valid WIT");
    let world = contract
        .select_world(&[package], Some(world))
        .expect("wit/ has this world");
    let mut module = wat::parse_str(text).expect("the template is valid");
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8, false)
        .expect("the module exports what the world asks for");
    module
}

//! Hostile guests: each ends in a refusal within its limits, and hurts nobody else.

use std::time::Duration;

use tokio::time::Instant;

use super::{allowed, denied, email, judge};
use crate::fixture::guest::{Guest, embed_world};
use crate::fixture::{Bench, EMAIL, catalog, facts, query};
use crate::judge::Judge;
use crate::mask::{Mask, Rule};
use crate::protection::{DerivedRule, FilterRule};
use crate::verdict::Failure;
use sql::analysis::ColumnId;

/// Judges beside a good policy; the guest must fail like this, again and again, and in time.
fn fails(guest: &Guest, failure: Failure) {
    let bench = Bench::new();
    let mut judging = bench.judge(&[guest]);
    let mut neighbour = bench.judge(&[&Guest::default()]);
    for _ in 0..3 {
        let began = Instant::now();
        let denial = denied(judge(&mut judging, query("select"), email()));
        assert_eq!(denial.failure, Some(failure), "{}", denial.reason);
        assert_eq!(&*denial.policy, "p0");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "took {:?}",
            began.elapsed()
        );
        allowed(judge(&mut neighbour, query("select"), email()));
    }
    let status = judging.policies().status();
    let counted = status.policies[0]
        .failures
        .iter()
        .find(|(kind, _)| *kind == failure);
    assert_eq!(counted.map(|(_, count)| *count), Some(3));
}

#[test]
fn an_endless_loop_runs_into_the_deadline() {
    fails(&Guest::running("(loop (br 0))"), Failure::Deadline);
}

#[test]
fn a_decision_has_the_time_of_a_decision() {
    let bench = Bench::new();
    let mut config = bench.policy("slow", &Guest::running("(loop (br 0))"));
    config.limits.deadline_decide = Duration::from_millis(20);
    config.limits.deadline_start = Duration::from_secs(60);
    let mut judging = Judge::new(std::sync::Arc::new(bench.load(vec![config]).unwrap()));
    let began = Instant::now();
    let denial = denied(judge(&mut judging, query("select"), email()));
    assert_eq!(denial.failure, Some(Failure::Deadline));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_trap_is_a_refusal() {
    fails(&Guest::running("unreachable"), Failure::Trap);
}

#[test]
fn a_stack_overflow_is_a_refusal() {
    let guest = Guest {
        functions: "(func $deep (call $deep) (call $deep))".to_owned(),
        ..Guest::running("(call $deep)")
    };
    fails(&guest, Failure::Trap);
}

#[test]
fn a_memory_bomb_meets_its_limit() {
    let bomb = "(loop (br_if 0 (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable";
    fails(&Guest::running(bomb), Failure::Memory);
}

#[test]
fn a_huge_answer_is_a_refusal() {
    // The note is said to be 3 MiB long; the memory is that large.
    let guest = Guest {
        memory: "60".to_owned(),
        ..Guest::running("(i32.store (i32.const 128) (i32.const 0)) (return (i32.const 128))")
    };
    let mut text = guest.clone();
    text.before_decide = guest.before_decide.replace(
        "(i32.store (i32.const 128) (i32.const 0))",
        "(i32.store (i32.const 172) (i32.const 3000000))",
    );
    fails(&text, Failure::Output);
}

#[test]
fn an_answer_that_points_outside_its_memory_is_a_refusal() {
    fails(&Guest::running("(return (i32.const -8))"), Failure::Trap);
}

#[test]
fn protecting_what_does_not_exist_is_a_bad_answer() {
    let nowhere = ColumnId {
        relation: 4711,
        attribute: 1,
    };
    let guarded = |column, mask| (column, mask, DerivedRule::Deny, FilterRule::Deny);
    let bad = [
        guarded(nowhere, Mask::Null),
        guarded(EMAIL, Mask::KeyedHash("no such key".to_owned())),
        guarded(EMAIL, Mask::Custom(Rule::Number(0))),
        guarded(EMAIL, Mask::Fixed("a\0b".to_owned())),
    ];
    let bench = Bench::new();
    for one in bad {
        let mut judging = bench.judge(&[&Guest::protecting(vec![one])]);
        let denial = judging.admit(facts(), &catalog()).unwrap_err();
        assert_eq!(denial.failure, Some(Failure::Answer), "{}", denial.reason);
    }
}

#[test]
fn a_thousand_traps_leave_no_trace() {
    let bench = Bench::new();
    let mut judging = bench.judge(&[&Guest::running("unreachable")]);
    let mut memory = Vec::new();
    for round in 0..4 {
        for number in 0..250 {
            let text = format!("select {round} {number}");
            denied(judge(&mut judging, query(&text), email()));
        }
        memory.push(resident());
    }
    let grown = memory[3].saturating_sub(memory[0]);
    assert!(grown < 16 << 10, "KiB resident by round: {memory:?}");
}

/// KiB of memory that this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The module must not load, for a reason with these words.
fn refused(module: &[u8], words: &str) {
    let bench = Bench::new();
    let error = bench.load(vec![bench.module("bad", module)]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(words) && text.contains("policy bad"),
        "{text}"
    );
}

#[test]
fn what_is_no_policy_does_not_load() {
    refused(b"#!/bin/sh\n", "neither a Wasm component nor a core");
    refused(
        &wat::parse_str("(module)").unwrap(),
        "exports no sluice:policy/hooks@0.1.0",
    );
    refused(
        &wat::parse_str("(component)").unwrap(),
        "sluice:policy/hooks@0.1.0 is expected",
    );
    let whole = Guest::default().module();
    refused(&whole[..whole.len() / 2], "componentize");
    let mut garbled = crate::componentize(&whole).unwrap();
    let end = garbled.len();
    garbled[end / 2..].fill(0xff);
    refused(&garbled, "compile");
}

#[test]
fn another_version_of_the_contract_is_refused_by_name() {
    let wit = "package sluice:policy@0.2.0; interface hooks { configure: func(); } world policy { export hooks; }";
    let text = "(module (func (export \"sluice:policy/hooks@0.2.0#configure\")))";
    let module = embed_world(text, wit, "policy");
    refused(&module, "exports no sluice:policy/hooks@0.1.0");
}

/// Reading this as a component type never came to an end.
#[test]
fn what_a_module_says_of_its_component_type_is_not_read() {
    let bench = Bench::new();
    let mut module = Guest::default().module();
    let known = b"sluice:policy/facts@0.1.0";
    let places = memchr::memmem::rfind_iter(&module, known);
    let places: Vec<_> = places.collect();
    let section = memchr::memmem::rfind(&module, b"component-type").expect("it has one");
    let within = places.into_iter().filter(|place| *place > section);
    for place in within.collect::<Vec<_>>() {
        module[place] = b'r';
    }
    bench.load(vec![bench.module("plain", &module)]).unwrap();
    let encoding = memchr::memmem::rfind(&module, b"wit-component-encoding");
    module[encoding.expect("it says so") + 23] = 1;
    refused(&module, "its strings are in another encoding than UTF-8");
    let end = module.len();
    module[section + 20..end].fill(0xff);
    refused(&module, "its strings are in another encoding than UTF-8");
}

#[test]
fn a_module_with_wrong_bytes_is_an_error_or_a_component() {
    let module = Guest::default().module();
    let plain = wat::parse_str(Guest::default().text()).unwrap();
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for whole in [module, plain] {
        for _ in 0..1_000 {
            let mut wrong = whole.clone();
            for _ in 0..=random(3) {
                let place = random(wrong.len());
                wrong[place] = u8::try_from(random(256)).unwrap();
            }
            wrong.truncate(wrong.len() - random(8));
            if let Ok(made) = crate::componentize(&wrong) {
                assert!(made.starts_with(b"\0asm"));
            }
        }
    }
}

#[test]
fn a_hook_of_another_type_is_refused() {
    let wit = "package sluice:policy@0.1.0; interface hooks { configure: func(); } world policy { export hooks; }";
    let text = "(module (func (export \"sluice:policy/hooks@0.1.0#configure\")))";
    let module = embed_world(text, wit, "policy");
    refused(&module, "type mismatch for function `configure`");
    refused(&component(&module), "exports");
}

#[test]
fn a_module_without_component_type_keeps_the_contract_by_its_exports() {
    let bench = Bench::new();
    let module = wat::parse_str(Guest::default().text()).unwrap();
    let policies = bench.load(vec![bench.module("plain", &module)]).unwrap();
    let status = policies.status();
    assert!(!status.policies[0].transforms && status.policies[0].imports.is_empty());
    let mut judging = Judge::new(std::sync::Arc::new(policies));
    allowed(judge(&mut judging, query("select"), email()));

    let mut guest = clock();
    guest.batch = Some("unreachable".to_owned());
    let module = wat::parse_str(guest.text()).unwrap();
    let mut config = bench.module("timed", &module);
    let error = bench.load(vec![config.clone()]).unwrap_err();
    assert!(error.to_string().contains("sluice:policy/clock"), "{error}");
    config.grants = vec![crate::config::Grant::Clock];
    assert!(bench.load(vec![config]).unwrap().status().policies[0].transforms);
}

/// A guest that asks WASI preview 1 for the time and for random numbers, and writes.
fn old_wasi() -> Guest {
    let import = |name: &str, signature: &str| {
        format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} {signature} (result i32)))"
        )
    };
    Guest {
        imports: import("clock_time_get", "(param i32 i64 i32)")
            + &import("random_get", "(param i32 i32)")
            + &import("fd_write", "(param i32 i32 i32 i32)"),
        before_decide: "
            (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 16)))
            (if (i64.eqz (i64.load (i32.const 16))) (then unreachable))
            (drop (call $random_get (i32.const 24) (i32.const 8)))
            (if (i64.eqz (i64.load (i32.const 24))) (then unreachable))
            (i64.store (i32.const 32) (i64.const 0x500000000))
            (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
            (if (i32.ne (i32.load (i32.const 40)) (i32.const 5)) (then unreachable))"
            .to_owned(),
        ..Guest::default()
    }
}

#[test]
fn wasi_preview_1_is_put_inside_a_core_module() {
    let guest = old_wasi();
    let bench = Bench::new();
    for module in [guest.module(), wat::parse_str(guest.text()).unwrap()] {
        let policies = bench.load(vec![bench.module("old", &module)]).unwrap();
        let mut judging = Judge::new(std::sync::Arc::new(policies));
        allowed(judge(&mut judging, query("select"), email()));
    }
    let mut unknown = old_wasi();
    unknown.imports = unknown.imports.replace("random_get", "random_gift");
    unknown.before_decide = String::new();
    refused(&unknown.module(), "random_gift");
}

#[test]
fn wasi_is_refused_by_name() {
    let wit = "package wasi:cli@0.2.0; interface stdin { get: func() -> u32; } world command { import stdin; }";
    let text = "(module (import \"wasi:cli/stdin@0.2.0\" \"get\" (func (result i32))))";
    refused(
        &component(&embed_world(text, wit, "command")),
        "it imports wasi:cli/stdin@0.2.0; a policy imports no WASI",
    );
}

/// What other tools make of a module by the component type that it carries.
fn component(module: &[u8]) -> Vec<u8> {
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.module(module).unwrap();
    encoder.encode().unwrap()
}

#[test]
fn an_import_that_is_not_granted_is_refused_by_name() {
    let guest = clock();
    let bench = Bench::new();
    let mut config = bench.policy("timed", &guest);
    let error = bench.load(vec![config.clone()]).unwrap_err();
    assert!(error.to_string().contains("sluice:policy/clock"), "{error}");
    config.grants = vec![crate::config::Grant::Clock];
    let policies = bench.load(vec![config]).unwrap();
    let mut judging = Judge::new(std::sync::Arc::new(policies));
    allowed(judge(&mut judging, query("select"), email()));
}

/// A guest that looks at the clock.
fn clock() -> Guest {
    Guest {
        imports: crate::fixture::guest::import("clock", "now", "now", "(result i64)"),
        before_decide: "(drop (call $now))".to_owned(),
        batch: Some("unreachable".to_owned()),
        ..Guest::default()
    }
}

#[test]
fn a_start_function_that_loops_traps_or_grows_does_not_load() {
    let starting = |code: &str| {
        Guest {
            start: Some(code.to_owned()),
            ..Guest::default()
        }
        .module()
    };
    refused(&starting("(loop (br 0))"), "start: it failed (deadline)");
    refused(&starting("unreachable"), "start: it failed (trap)");
    let large = Guest {
        memory: "1000".to_owned(),
        ..Guest::default()
    };
    refused(&large.module(), "start: it failed (memory)");
}

#[test]
fn settings_that_the_policy_refuses_keep_it_out_in_its_own_words() {
    let guest = Guest {
        configure_error: Some("no rule named x"),
        ..Guest::default()
    };
    refused(&guest.module(), "configure: no rule named x");
}

#[test]
fn names_are_unique_and_not_the_gateways_own() {
    let bench = Bench::new();
    let named = |name| bench.policy(name, &Guest::default());
    for names in [vec!["a", "a"], vec![""], vec!["gateway"]] {
        let configs = names.into_iter().map(named).collect();
        let error = bench.load(configs).unwrap_err();
        assert_eq!(error.step.as_str(), "configuration", "{error}");
    }
}

#[test]
fn a_policy_gets_no_more_memory_than_the_engine_has() {
    let bench = Bench::new();
    let mut config = bench.policy("large", &Guest::default());
    config.limits.memory_bytes = 1 << 30;
    let error = bench.load(vec![config]).unwrap_err();
    assert_eq!(error.step.as_str(), "configuration", "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let bench = Bench::new();
    let mut config = bench.policy("lost", &Guest::default());
    config.module = "/nowhere/lost.wasm".into();
    let error = bench.load(vec![config]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/lost.wasm"), "{error}");
}

#[test]
fn when_no_instance_is_left_requests_are_refused_and_later_served() {
    let bench = Bench::new();
    let policies = std::sync::Arc::new(
        bench
            .load(vec![bench.policy("p", &Guest::default())])
            .unwrap(),
    );
    let mut judges: Vec<Judge> = (0..60).map(|_| Judge::new(policies.clone())).collect();
    let admitted: Vec<bool> = judges
        .iter_mut()
        .map(|judge| judge.admit(facts(), &catalog()).is_ok())
        .collect();
    assert!(
        admitted[0] && !admitted[59],
        "the engine of the bench has 32 instances, and 16 that no shadow takes"
    );
    judges.truncate(8);
    Judge::new(policies).admit(facts(), &catalog()).unwrap();
}

#[test]
fn a_hook_that_traps_in_the_trial_does_not_load() {
    let guest = Guest {
        before_session: "unreachable".to_owned(),
        ..Guest::default()
    };
    refused(&guest.module(), "trial: it failed (trap)");
}

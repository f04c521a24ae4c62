//! Policies change while statements are judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{denied, email, strict};
use crate::config::PolicyConfig;
use crate::fixture::guest::{Effect, Guest};
use crate::fixture::{Bench, catalog, facts, query};
use crate::judge::Judge;
use crate::set::Digest;
use crate::verdict::Verdict;

#[test]
fn a_swap_takes_effect_from_the_next_statement_and_forgets_kept_verdicts() {
    let bench = Bench::new();
    let catalog = catalog();
    let policies = Arc::new(
        bench
            .load(vec![bench.policy("p", &Guest::default())])
            .unwrap(),
    );
    let mut judging = Judge::new(Arc::clone(&policies));
    let mut session = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    assert!(
        judging
            .recall(&session, query("a").asked(), &catalog)
            .is_some()
    );
    let generation = policies
        .replace(vec![bench.policy("p", &Guest::denying("no", ""))])
        .unwrap();
    assert_eq!(generation.number(), 2);
    assert!(
        judging
            .recall(&session, query("a").asked(), &catalog)
            .is_none()
    );
    denied(judging.judge(&mut session, query("a"), Arc::new(email()), &catalog));
}

#[test]
fn a_set_is_ready_before_it_takes_effect() {
    let bench = Bench::new();
    let catalog = catalog();
    let configs = || vec![bench.policy("p", &strict())];
    let policies = Arc::new(bench.load(configs()).unwrap());
    let mut judging = Judge::new(Arc::clone(&policies));
    let mut session = judging.admit(facts(), &catalog).unwrap();
    policies.replace(configs()).unwrap();
    let before = policies.status().policies.remove(0);
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    let after = policies.status().policies.remove(0);
    assert_eq!(after.starts, before.starts, "an instance was there");
    assert_eq!(after.calls, before.calls + 1, "only `decide` was called");
}

#[test]
fn going_back_to_a_module_does_not_compile_it_again() {
    let bench = Bench::new();
    let [first, second] = [Guest::default(), Guest::denying("no", "")];
    let [first, second] = [first, second].map(|guest| vec![bench.policy("p", &guest)]);
    let policies = Arc::new(bench.load(first.clone()).unwrap());
    let before = policies.current().modules().next().unwrap();
    policies.replace(second.clone()).unwrap();
    let between = policies.current().modules().next().unwrap();
    for (configs, module) in [(first, &before), (second, &between)] {
        policies.replace(configs).unwrap();
        assert!(Arc::ptr_eq(
            module,
            &policies.current().modules().next().unwrap()
        ));
    }
}

#[test]
fn a_catalog_change_forgets_kept_verdicts() {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judging = bench.judge(&[&Guest::default()]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    let changed = Arc::new(sql::catalog::Catalog::default());
    assert!(
        judging
            .recall(&session, query("a").asked(), &changed)
            .is_none()
    );
}

#[test]
fn standing_protections_follow_a_swap_in_an_open_session() {
    let bench = Bench::new();
    let catalog = catalog();
    let policies = Arc::new(
        bench
            .load(vec![bench.policy("p", &Guest::default())])
            .unwrap(),
    );
    let mut judging = Judge::new(Arc::clone(&policies));
    let mut session = judging.admit(facts(), &catalog).unwrap();
    assert!(!session.is_protected());
    policies
        .replace(vec![bench.policy("p", &strict())])
        .unwrap();
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    assert!(session.is_protected());
    let out = Guest {
        session: Effect::Deny("out", ""),
        ..Guest::default()
    };
    policies.replace(vec![bench.policy("p", &out)]).unwrap();
    denied(judging.judge(&mut session, query("a"), Arc::new(email()), &catalog));
}

#[test]
fn a_broken_module_keeps_the_old_set_and_says_why() {
    let bench = Bench::new();
    let policies = bench.load(vec![bench.policy("p", &Guest::default())]);
    let policies = Arc::new(policies.unwrap());
    let bad = Guest {
        configure_error: Some("no rule named x"),
        ..Guest::default()
    };
    policies
        .replace(vec![
            bench.policy("p", &Guest::default()),
            bench.policy("q", &bad),
        ])
        .unwrap_err();
    let status = policies.status();
    assert_eq!((status.generation.number(), status.policies.len()), (1, 1));
    let rejected = status.rejected.unwrap();
    assert_eq!(rejected.policy.as_deref(), Some("q"));
    assert_eq!(
        (rejected.step.as_str(), rejected.reason.as_str()),
        ("configure", "no rule named x")
    );
    policies
        .replace(vec![bench.policy("p", &strict())])
        .unwrap();
    assert!(policies.status().rejected.is_none());
}

#[test]
fn an_unchanged_module_is_not_compiled_again() {
    let bench = Bench::new();
    let policies = Arc::new(bench.load(vec![bench.policy("p", &strict())]).unwrap());
    let before = Arc::clone(&policies.current().policies()[0].compiled);
    policies
        .replace(vec![
            bench.policy("a", &strict()),
            bench.policy("b", &strict()),
        ])
        .unwrap();
    for policy in policies.current().policies() {
        assert!(Arc::ptr_eq(&before, &policy.compiled));
    }
}

#[test]
fn every_verdict_is_of_one_generation_whatever_is_swapped_meanwhile() {
    let bench = Bench::new();
    let catalog = catalog();
    // Both policies of a set say the same; a set of two that differ would be two generations mixed.
    let set = |guest: &Guest| vec![bench.policy("a", guest), bench.policy("b", guest)];
    let odd = Guest {
        note: "odd",
        ..Guest::default()
    };
    let even = Guest {
        note: "even",
        ..Guest::default()
    };
    let policies = Arc::new(bench.load(set(&odd)).unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let judging = |_| scope.spawn(|| judge_until(&policies, &catalog, &done));
        let threads: Vec<_> = (0..3).map(judging).collect();
        for round in 0..40 {
            policies
                .replace(set(if round % 2 == 0 { &even } else { &odd }))
                .unwrap();
        }
        done.store(true, Ordering::Release);
        for thread in threads {
            assert!(thread.join().unwrap() > 0);
        }
    });
}

/// Judges until told to stop; says how many verdicts there were.
fn judge_until(
    policies: &Arc<crate::set::Policies>,
    catalog: &Arc<sql::catalog::Catalog>,
    done: &AtomicBool,
) -> usize {
    let mut judging = Judge::new(Arc::clone(policies));
    let mut session = judging.admit(facts(), catalog).unwrap();
    let analysis = Arc::new(email());
    let mut verdicts = 0;
    while !done.load(Ordering::Acquire) {
        let request = query(&format!("select {}", verdicts % 7));
        let known = judging.recall(&session, request.asked(), catalog);
        let verdict = match known {
            Some(verdict) => verdict,
            None => judging.judge(
                &mut session,
                request.clone(),
                Arc::clone(&analysis),
                catalog,
            ),
        };
        let Verdict::Allow(permit) = verdict else {
            panic!("{verdict:?}")
        };
        let plan = permit.plan();
        let expected = if plan.generation().number() % 2 == 1 {
            "odd"
        } else {
            "even"
        };
        assert!(
            plan.notes().iter().all(|note| &*note.text == expected),
            "{plan:?}"
        );
        assert_eq!(plan.notes().len(), 2);
        verdicts += 1;
    }
    verdicts
}

#[test]
fn a_module_named_by_a_digest_has_it() {
    let bench = Bench::new();
    let config = bench.policy("one", &Guest::default());
    let module = std::fs::read(&config.module).unwrap();
    let digest = Digest::of(&module).to_string();
    for (name, loads) in [
        (format!("{digest}.wasm"), true),
        (format!("sha256-{}.wasm", "a".repeat(64)), true),
        (format!("{}.wasm", "a".repeat(64)), false),
    ] {
        let path = config.module.with_file_name(&name);
        std::fs::write(&path, &module).unwrap();
        let named = PolicyConfig {
            module: path,
            ..config.clone()
        };
        assert_eq!(bench.load(vec![named]).is_ok(), loads, "{name}");
    }
}

#[test]
fn a_module_is_the_one_that_was_checked() {
    let bench = Bench::new();
    let config = bench.policy("one", &Guest::default());
    let module = std::fs::read(&config.module).unwrap();
    for (digest, loads) in [(Digest::of(&module), true), (Digest::of(b"before"), false)] {
        let checked = PolicyConfig {
            digest: Some(digest),
            ..config.clone()
        };
        assert_eq!(bench.load(vec![checked]).is_ok(), loads, "{digest}");
    }
}

//! A second version judges beside a policy and never decides.

use std::sync::Arc;

use super::{allowed, denied, email, strict};
use crate::config::{PolicyConfig, ShadowConfig};
use crate::fixture::guest::{Effect, Guest, RETURNED, fact};
use crate::fixture::{Bench, EMAIL, catalog, facts, query};
use crate::judge::Judge;
use crate::mask::Mask;
use crate::protection::{DerivedRule, FilterRule};
use crate::set::Policies;
use crate::shadow::{DifferenceKind, ShadowStatus};
use crate::verdict::{Failure, Verdict};

/// A policy of one guest with another as its shadow.
fn beside(bench: &Bench, own: &Guest, other: &Guest) -> PolicyConfig {
    let other = bench.policy("p", other);
    PolicyConfig {
        shadow: Some(ShadowConfig {
            module: other.module,
            digest: None,
            settings: other.settings,
            grants: other.grants,
        }),
        ..bench.policy("p", own)
    }
}

fn policies(bench: &Bench, own: &Guest, other: &Guest) -> Arc<Policies> {
    Arc::new(bench.load(vec![beside(bench, own, other)]).unwrap())
}

/// The verdict on some text, asked anew each time.
fn ask(policies: &Arc<Policies>, text: &str) -> Verdict<'static> {
    let catalog = catalog();
    let mut judge = Judge::new(Arc::clone(policies));
    let mut session = judge.admit(facts(), &catalog).unwrap();
    judge.judge(&mut session, query(text), Arc::new(email()), &catalog)
}

fn status(policies: &Policies) -> ShadowStatus {
    policies.status().policies[0].shadow.clone().unwrap()
}

fn count(policies: &Policies, wanted: DifferenceKind) -> u64 {
    let differences = status(policies).differences;
    let found = differences.iter().find(|(kind, _)| *kind == wanted);
    found.unwrap().1
}

#[test]
fn what_it_would_refuse_goes_and_is_noted_and_counted() {
    let bench = Bench::new();
    let shadow = Guest::denying("too much", "ask for less");
    let policies = policies(&bench, &Guest::default(), &shadow);
    for number in 0..2 {
        let permit = allowed(ask(&policies, &format!("select {number}")));
        let notes = permit.plan().notes();
        assert_eq!(notes.len(), 1, "{notes:?}");
        let text = &notes[0].text;
        assert!(text.starts_with("shadow "), "{text}");
        assert!(text.contains("deny \"too much (hint: ask for less)\", not allow"));
    }
    assert_eq!(count(&policies, DifferenceKind::Effect), 2);
    let examples = status(&policies).examples;
    assert_eq!(examples.len(), 1, "one shape: {examples:?}");
    assert_eq!((&*examples[0].shape, examples[0].requests), ("select ?", 2));
    assert_eq!(examples[0].who, "ana");
}

#[test]
fn one_that_asks_for_too_much_memory_is_paused_though_it_answers() {
    let bench = Bench::new();
    let greedy = Guest::running("(drop (memory.grow (i32.const 60000)))");
    let policies = policies(&bench, &Guest::default(), &greedy);
    for number in 0..9 {
        allowed(ask(&policies, &format!("select {number}")));
    }
    let status = status(&policies);
    assert!(status.paused, "{status:?}");
    assert!(
        status.failures.contains(&(Failure::Memory, 4)),
        "{status:?}"
    );
}

#[test]
fn what_it_would_allow_stays_refused_and_the_refusal_carries_the_note() {
    let bench = Bench::new();
    let policies = policies(&bench, &Guest::denying("no", ""), &Guest::default());
    let denial = denied(ask(&policies, "select 1"));
    assert_eq!(&*denial.reason, "no");
    assert!(denial.notes[0].text.contains("allow, not deny \"no\""));
    let hold = Guest {
        decide: Effect::Hold("large", vec!["dba"], 1, 60),
        ..Guest::default()
    };
    let policies = self::policies(&bench, &hold, &Guest::default());
    match ask(&policies, "select 1") {
        Verdict::Hold(hold) => assert!(hold.notes()[0].text.contains("allow, not hold")),
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn protections_are_compared_where_they_matter() {
    let bench = Bench::new();
    let weaker = Guest::protecting(vec![(
        EMAIL,
        Mask::KeepLast(6),
        DerivedRule::Deny,
        FilterRule::Deny,
    )]);
    let policies = policies(&bench, &strict(), &weaker);
    let permit = allowed(ask(&policies, "select email from users"));
    assert_eq!(
        permit.plan().masks().map(|masks| &**masks),
        Some("public.users.email: keep-last 4")
    );
    let text = &permit.plan().notes()[0].text;
    assert!(text.contains("email keep-last 6"), "{text}");
    assert_eq!(count(&policies, DifferenceKind::Protections), 1);

    let catalog = catalog();
    let mut judge = Judge::new(Arc::clone(&policies));
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let nothing = crate::fixture::select(&[]);
    let verdict = judge.judge(&mut session, query("select 1"), Arc::new(nothing), &catalog);
    assert!(allowed(verdict).plan().notes().is_empty());
    assert_eq!(count(&policies, DifferenceKind::Protections), 1);
}

#[test]
fn equal_versions_differ_in_nothing() {
    let bench = Bench::new();
    let policies = policies(&bench, &strict(), &strict());
    assert!(allowed(ask(&policies, "x")).plan().notes().is_empty());
    let status = status(&policies);
    assert!(status.asked >= 2 && status.examples.is_empty());
}

#[test]
fn one_that_traps_or_never_ends_hurts_nobody_and_is_paused() {
    for code in ["unreachable", "(loop $on (br $on))"] {
        let bench = Bench::new();
        let policies = policies(&bench, &Guest::default(), &Guest::running(code));
        for number in 0..6 {
            allowed(ask(&policies, &format!("select {number}")));
        }
        let status = status(&policies);
        let failed: u64 = status.failures.iter().map(|(_, count)| count).sum();
        assert_eq!(failed, 4, "{code}: then it is asked no more");
        assert!(status.paused, "{code}");
        assert!(status.examples.is_empty(), "{code}");
        let own = &policies.status().policies[0].failures;
        assert!(own.iter().all(|(_, count)| *count == 0), "{code}");
    }
}

#[test]
fn a_broken_shadow_takes_no_effect_and_says_whose_it_is() {
    let bench = Bench::new();
    let bad = Guest {
        configure_error: Some("no rule named x"),
        ..Guest::default()
    };
    let policies = policies(&bench, &Guest::default(), &Guest::default());
    let configs = vec![beside(&bench, &Guest::default(), &bad)];
    let error = policies.replace(configs).unwrap_err();
    assert_eq!(error.policy.as_deref(), Some("p.shadow"));
    assert_eq!(error.reason, "no rule named x");
    assert_eq!(policies.current().generation().number(), 1);
}

#[test]
fn it_goes_on_counting_through_a_swap_that_is_none_of_its_own() {
    let bench = Bench::new();
    let shadow = Guest::denying("too much", "");
    let policies = policies(&bench, &Guest::default(), &shadow);
    allowed(ask(&policies, "select 1"));
    let same = beside(&bench, &Guest::default(), &shadow);
    let other = bench.policy("another", &strict());
    policies.replace(vec![same, other]).unwrap();
    assert_eq!(count(&policies, DifferenceKind::Effect), 1);
    let changed = beside(&bench, &strict(), &shadow);
    policies.replace(vec![changed]).unwrap();
    assert_eq!(count(&policies, DifferenceKind::Effect), 0);
}

#[test]
fn shadows_take_no_room_from_policies() {
    let bench = Bench::new();
    let policies = policies(&bench, &Guest::default(), &Guest::denying("no", ""));
    let facts = facts();
    let catalog = catalog();
    // The bench has 32 instances, and 16 more for shadows.
    let mut judges: Vec<Judge> = Vec::new();
    for _ in 0..32 {
        let mut judge = Judge::new(Arc::clone(&policies));
        judge.admit(facts.clone(), &catalog).unwrap();
        judges.push(judge);
    }
    let failures = status(&policies).failures;
    assert!(
        failures.iter().any(|(_, count)| *count > 0),
        "no room is left"
    );
    drop(judges);
    assert!(policies.current().engine().room_for_shadow(16).is_some());
}

#[test]
fn whoever_judges_by_a_record_learns_that_claims_were_asked_for() {
    let bench = Bench::new();
    let catalog = catalog();
    let call = format!("(call $claim (i32.const 64) (i32.const 4) (i32.const {RETURNED}))");
    let asking = Guest {
        imports: fact("claim", "claim", "(param i32 i32 i32)"),
        before_decide: call.clone(),
        ..Guest::default()
    };
    let asking_early = Guest {
        before_decide: String::new(),
        before_session: call,
        ..asking.clone()
    };
    for (guest, reads) in [
        (&Guest::default(), false),
        (&asking, true),
        (&asking_early, true),
    ] {
        let mut judge = bench.judge(&[guest]);
        for text in ["a", "b"] {
            let mut session = judge.admit(facts(), &catalog).unwrap();
            judge.has_read_unrecorded();
            let analysis = Arc::new(email());
            let explained = judge.explain(&mut session, query(text), &analysis, &catalog);
            assert!(matches!(explained.unwrap().verdict, Verdict::Allow(_)));
            assert_eq!(judge.has_read_unrecorded(), reads, "{text}");
        }
    }
}

#[test]
fn a_shadow_that_comes_later_is_compared_over_the_sessions_that_there_are() {
    let bench = Bench::new();
    let catalog = catalog();
    let own = || bench.policy("p", &Guest::default());
    let policies = Arc::new(bench.load(vec![own()]).unwrap());
    let mut judge = Judge::new(Arc::clone(&policies));
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let shadow = Guest {
        session: Effect::Deny("nobody may", ""),
        ..Guest::default()
    };
    // It has no subject where it is tried.
    let length = RETURNED + 4;
    let traps = Guest {
        imports: fact("subject", "subject", "(param i32)"),
        before_session: format!(
            "(call $subject (i32.const {RETURNED}))
             (if (i32.load (i32.const {length})) (then unreachable))"
        ),
        ..Guest::default()
    };
    let mut observed = bench.policy("traps", &traps);
    observed.mode = crate::config::Mode::Observe;
    let both = vec![beside(&bench, &Guest::default(), &shadow), observed];
    policies.replace(both).unwrap();
    let verdict = judge.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    let permit = allowed(verdict);
    let notes: Vec<String> = permit
        .plan()
        .notes()
        .iter()
        .map(|note| note.text.to_string())
        .collect();
    let noted = |words: &str| notes.iter().any(|note| note.contains(words));
    assert!(noted("deny \"nobody may\", not allow"), "{notes:?}");
    assert_eq!(count(&policies, DifferenceKind::Effect), 1);
    let failures = policies.status().policies[1].failures.clone();
    let failed: u64 = failures.iter().map(|(_, count)| count).sum();
    assert_eq!(failed, 1, "{failures:?}");
}

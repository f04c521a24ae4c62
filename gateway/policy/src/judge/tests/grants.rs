//! What a policy may do beside looking at facts, where it is granted.

use std::sync::Arc;

use super::{allowed, denied, email, strict};
use crate::config::{Grant, Mode, PolicyConfig, ShadowConfig};
use crate::fixture::guest::{DECISION, Effect, Guest, RETURNED, fact, import};
use crate::fixture::{Bench, catalog, facts, query};
use crate::judge::Judge;
use crate::request::{Request, Step};
use crate::set::Policies;
use crate::verdict::{Failure, Verdict};

/// Imports of functions of these interfaces as `$name`.
fn imports(functions: &[(&str, &str, &str)]) -> String {
    let import = |(interface, function, signature): &(&str, &str, &str)| {
        import(interface, function, &function.replace('-', "_"), signature)
    };
    functions.iter().map(import).collect()
}

const TAKE: (&str, &str, &str) = (
    "counters",
    "take",
    "(param i32 i32 i32 i64 i64) (result i32)",
);
const LIMIT: (&str, &str, &str) = (
    "counters",
    "limit-rows",
    "(param i32 i32 i32 i64 i32 i32 i32 i32 i32)",
);

/// A guest that runs this code where it decides over a request with a text; `"k"` is at 64.
fn running(functions: &[(&str, &str, &str)], code: &str) -> Guest {
    let mut guest = Guest::running(code);
    guest.imports += &imports(functions);
    guest.functions = "(data (i32.const 64) \"kpan\")".to_owned();
    guest.batch = Some("unreachable".to_owned());
    guest
}

/// Takes one of one an hour, and traps where there is none left.
const TAKE_ONE: &str = "(if (i32.eqz (call $take (i32.const 64) (i32.const 1) (i32.const 3600) (i64.const 1) (i64.const 1)))
    (then unreachable))";

/// A guest that takes one of one an hour where it decides.
fn once_an_hour() -> Guest {
    running(&[TAKE], TAKE_ONE)
}

/// A guest that does so once more.
fn twice_an_hour() -> Guest {
    let mut guest = once_an_hour();
    guest.before_decide = guest.before_decide.repeat(2);
    guest
}

/// A guest that limits rows to three an hour.
fn three_rows() -> Guest {
    running(
        &[LIMIT],
        "(call $limit_rows (i32.const 64) (i32.const 1) (i32.const 3600) (i64.const 3) (i32.const 0)
            (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0))",
    )
}

fn granted(bench: &Bench, guest: &Guest, grants: &[Grant]) -> PolicyConfig {
    let mut config = bench.policy("counting", guest);
    config.grants = grants.to_vec();
    config
}

fn ask(judge: &mut Judge, text: &str) -> Verdict<'static> {
    let catalog = catalog();
    let mut session = judge.admit(facts(), &catalog).unwrap();
    judge.judge(&mut session, query(text), Arc::new(email()), &catalog)
}

fn is_kept(judge: &mut Judge, text: &str) -> bool {
    let catalog = catalog();
    let session = judge.admit(facts(), &catalog).unwrap();
    judge
        .recall(&session, query(text).asked(), &catalog)
        .is_some()
}

#[test]
fn only_a_decision_that_looked_at_the_clock_is_not_reused() {
    let bench = Bench::new();
    let code = format!(
        "(if (i32.gt_u (i32.load (i32.const {})) (i32.const 8)) (then (drop (call $now))))",
        RETURNED + 4
    );
    let guest = running(&[("clock", "now", "(result i64)")], &code);
    let config = granted(&bench, &guest, &[Grant::Clock]);
    let mut judge = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
    for (text, kept) in [("short", true), ("long enough", false)] {
        allowed(ask(&mut judge, text));
        assert_eq!(is_kept(&mut judge, text), kept, "{text}");
    }
}

#[test]
fn a_decision_that_counted_is_not_reused_and_one_with_limits_is() {
    let bench = Bench::new();
    for (guest, kept) in [(once_an_hour(), false), (three_rows(), true)] {
        let config = granted(&bench, &guest, &[Grant::Counters]);
        let mut judge = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
        allowed(ask(&mut judge, "select"));
        assert_eq!(is_kept(&mut judge, "select"), kept);
    }
}

#[test]
fn judges_share_what_is_counted_and_a_swap_keeps_it() {
    let bench = Bench::new();
    let config = granted(&bench, &three_rows(), &[Grant::Counters]);
    let policies = Arc::new(bench.load(vec![config.clone()]).unwrap());
    let admit = |rows: u64| {
        let mut judge = Judge::new(Arc::clone(&policies));
        let permit = allowed(ask(&mut judge, "select"));
        let mut rations = permit.plan().rations().expect("rows are limited");
        let (admitted, limit) = rations.admit(None, rows);
        (admitted, limit.map(|limit| limit.reason.to_string()))
    };
    assert_eq!(admit(2), (2, None));
    policies.replace(vec![config.clone()]).unwrap();
    assert_eq!(admit(2), (1, Some("kpan".to_owned())));
    let other = PolicyConfig {
        name: "other".to_owned(),
        ..config
    };
    policies.replace(vec![other]).unwrap();
    assert_eq!(admit(2), (2, None), "counters belong to a name");
}

#[test]
fn what_a_request_took_that_does_not_run_is_given_back() {
    let bench = Bench::new();
    let counting = granted(&bench, &once_an_hour(), &[Grant::Counters]);
    let hold = Guest {
        decide: Effect::Hold("wait", vec!["dba"], 1, 60),
        ..Guest::default()
    };
    let others = [Guest::denying("no", ""), hold, Guest::default()];
    let set = |other: &Guest| vec![counting.clone(), bench.policy("other", other)];
    let policies = Arc::new(bench.load(set(&others[0])).unwrap());
    let mut judge = Judge::new(Arc::clone(&policies));
    assert_eq!(&*denied(ask(&mut judge, "a")).policy, "other");
    policies.replace(set(&others[1])).unwrap();
    let held = ask(&mut judge, "a");
    assert!(matches!(held, Verdict::Hold(_)), "{held:?}");
    policies.replace(set(&others[2])).unwrap();
    explained(&mut judge);
    allowed(prepare(&mut judge, "a"));
    allowed(ask(&mut judge, "a"));
    assert_eq!(denied(ask(&mut judge, "a")).failure, Some(Failure::Trap));
}

#[test]
fn what_a_session_took_is_not_taken_again_when_it_is_asked_about_anew() {
    let bench = Bench::new();
    let mut guest = once_an_hour();
    let one_of_three = TAKE_ONE.replace("(i64.const 1)))", "(i64.const 3)))");
    guest.before_session = one_of_three;
    guest.before_decide = String::new();
    let counting = granted(&bench, &guest, &[Grant::Counters]);
    let policies = Arc::new(bench.load(vec![counting.clone()]).unwrap());
    let mut judge = Judge::new(Arc::clone(&policies));
    let catalog = catalog();
    let mut session = judge.admit(facts(), &catalog).unwrap();
    session.opens();
    for name in ["one", "two", "three"] {
        let other = bench.policy(name, &Guest::default());
        policies.replace(vec![counting.clone(), other]).unwrap();
        allowed(judge.judge(&mut session, query("a"), Arc::new(email()), &catalog));
    }
    for _ in 0..9 {
        // It does not open.
        drop(judge.admit(facts(), &catalog).unwrap());
    }
    for _ in 1..3 {
        judge.admit(facts(), &catalog).unwrap().opens();
    }
    let refused = judge.admit(facts(), &catalog).unwrap_err();
    assert_eq!(refused.failure, Some(Failure::Trap));
}

#[test]
fn a_shadow_finds_the_counters_that_its_policy_finds_and_takes_nothing_of_them() {
    for (other, fails) in [(once_an_hour(), false), (twice_an_hour(), true)] {
        let bench = Bench::new();
        let beside = bench.policy("beside", &other);
        let mut counting = granted(&bench, &once_an_hour(), &[Grant::Counters]);
        counting.shadow = Some(ShadowConfig {
            module: beside.module,
            digest: None,
            settings: beside.settings,
            grants: counting.grants.clone(),
        });
        let policies = Arc::new(bench.load(vec![counting]).unwrap());
        let mut judge = Judge::new(Arc::clone(&policies));
        explained(&mut judge);
        let permit = allowed(ask(&mut judge, "a"));
        assert!(permit.plan().notes().is_empty());
        let shadow = policies.status().policies[0].shadow.clone().unwrap();
        assert_eq!(
            shadow
                .differences
                .iter()
                .map(|(_, count)| count)
                .sum::<u64>(),
            0
        );
        let failed = shadow.failures.iter().any(|(_, count)| *count > 0);
        assert_eq!(failed, fails, "it sees what it would have taken itself");
    }
}

/// Judges a statement that is only prepared.
fn prepare(judge: &mut Judge, text: &str) -> Verdict<'static> {
    let catalog = catalog();
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let request = Request {
        step: Step::Parse,
        ..query(text)
    };
    judge.judge(&mut session, request, Arc::new(email()), &catalog)
}

/// Explaining a request counts nothing.
fn explained(judge: &mut Judge) {
    let catalog = catalog();
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let explanation = judge.explain(&mut session, query("a"), &Arc::new(email()), &catalog);
    let verdict = explanation.unwrap().verdict;
    assert!(matches!(verdict, Verdict::Allow(_)), "{verdict:?}");
}

#[test]
fn only_results_with_protected_columns_count_where_a_limit_says_so() {
    let bench = Bench::new();
    let mut guest = three_rows();
    guest.before_decide = guest
        .before_decide
        .replace("(i64.const 3) (i32.const 0)", "(i64.const 3) (i32.const 1)");
    let counting = granted(&bench, &guest, &[Grant::Counters]);
    let set = vec![counting, bench.policy("mask", &strict())];
    let mut judge = Judge::new(Arc::new(bench.load(set).unwrap()));
    let permit = allowed(ask(&mut judge, "select"));
    let mut rations = permit.plan().rations().unwrap();
    assert!(!rations.count(None));
    assert_eq!(rations.admit(None, 9).0, 9);
    assert_eq!(rations.admit(permit.plan().result(0), 9).0, 3);
}

#[test]
fn an_observed_policy_limits_nothing_and_is_noted() {
    let bench = Bench::new();
    let mut config = granted(&bench, &three_rows(), &[Grant::Counters]);
    config.mode = Mode::Observe;
    let mut judge = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
    let permit = allowed(ask(&mut judge, "select"));
    assert!(permit.plan().rations().is_none());
    let note = &permit.plan().notes()[0].text;
    assert!(note.contains("1 row limits"), "{note}");
}

#[test]
fn rows_are_limited_in_decide_only() {
    let bench = Bench::new();
    let mut guest = three_rows();
    guest.before_session = "(call $limit_rows (i32.const 64) (i32.const 1) (i32.const 3600)
        (i64.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"
        .to_owned();
    let error = bench
        .load(vec![granted(&bench, &guest, &[Grant::Counters])])
        .unwrap_err();
    assert!(error.reason.contains("elsewhere than in decide"), "{error}");
}

#[test]
fn a_policy_that_asks_what_is_granted_loads_without_and_gets_nothing() {
    let bench = Bench::new();
    let mut guest = once_an_hour();
    let error = bench.load(vec![granted(&bench, &guest, &[])]).unwrap_err();
    assert!(error.reason.contains("sluice:policy/counters"), "{error}");
    guest.imports += &imports(&[("grants", "granted", "(param i32 i32) (result i32)")]);
    let policies = bench.load(vec![granted(&bench, &guest, &[])]).unwrap();
    let mut judge = Judge::new(Arc::new(policies));
    assert_eq!(denied(ask(&mut judge, "a")).failure, Some(Failure::Trap));
    guest.before_decide =
        "(if (call $granted (i32.const 64) (i32.const 1)) (then unreachable))".to_owned();
    let policies = bench.load(vec![granted(&bench, &guest, &[])]).unwrap();
    allowed(ask(&mut Judge::new(Arc::new(policies)), "a"));
}

/// The note of a guest that writes a text there.
fn noted(policies: Arc<Policies>) -> String {
    let permit = allowed(ask(&mut Judge::new(policies), "a"));
    permit.plan().notes()[0].text.to_string()
}

#[test]
fn a_token_is_what_the_mask_would_make() {
    let bench = Bench::new();
    let code = format!(
        "(call $token (i32.const 65) (i32.const 3) (i32.const 64) (i32.const 1)
            (i32.add (i32.const {DECISION}) (i32.const 40)))"
    );
    let token = ("keyed", "token", "(param i32 i32 i32 i32 i32)");
    let guest = running(&[token], &code);
    let policies = bench
        .load(vec![granted(&bench, &guest, &[Grant::Keyed])])
        .unwrap();
    let mut hashed = bytes::BytesMut::new();
    crate::mask::CellMask::keyed_hash(b"secret").write(b"k", &mut hashed);
    assert_eq!(noted(Arc::new(policies)).as_bytes(), &hashed[..]);
    let unknown = running(
        &[token],
        &code.replacen("(i32.const 3)", "(i32.const 2)", 1),
    );
    let policies = bench
        .load(vec![granted(&bench, &unknown, &[Grant::Keyed])])
        .unwrap();
    denied(ask(&mut Judge::new(Arc::new(policies)), "a"));
}

#[test]
fn tables_are_read_with_the_generation_and_a_bad_one_keeps_the_old() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenants.csv");
    std::fs::write(&file, "pan,north\n").unwrap();
    let code = format!(
        "(call $lookup (i32.const 64) (i32.const 1) (i32.const 65) (i32.const 3) (i32.const 16))
         (i64.store (i32.add (i32.const {DECISION}) (i32.const 40)) (i64.load (i32.const 20)))"
    );
    let lookup = ("tables", "lookup", "(param i32 i32 i32 i32 i32)");
    let mut config = granted(&bench, &running(&[lookup], &code), &[Grant::Tables]);
    config.tables = vec![("k".to_owned(), file.clone())];
    let policies = Arc::new(bench.load(vec![config.clone()]).unwrap());
    std::fs::write(&file, "pan,north\nbob,south,3\n").unwrap();
    let error = policies.replace(vec![config.clone()]).unwrap_err();
    assert!(
        error.to_string().contains("tenants.csv:2: 3 cells"),
        "{error}"
    );
    assert_eq!(policies.status().generation.number(), 1);
    assert_eq!(noted(policies), "north");
    config.tables.clear();
    let policies = bench.load(vec![config]).unwrap();
    denied(ask(&mut Judge::new(Arc::new(policies)), "a"));
}

#[test]
fn a_policy_that_keeps_failing_is_an_alarm_and_still_refuses() {
    let bench = Bench::new();
    let policies = Arc::new(
        bench
            .load(vec![bench.policy("p", &Guest::running("unreachable"))])
            .unwrap(),
    );
    let mut judge = Judge::new(Arc::clone(&policies));
    for failures in 0..8 {
        let failing = policies.status().policies[0].failing_since.is_some();
        assert_eq!(failing, failures >= 5, "after {failures}");
        denied(ask(&mut judge, "a"));
    }
    policies
        .replace(vec![bench.policy("p", &Guest::default())])
        .unwrap();
    assert!(policies.status().policies[0].failing_since.is_none());
}

#[test]
fn it_hears_what_is_protected_and_what_restricts_rows() {
    let bench = Bench::new();
    let told = |guest: Guest| {
        let set = vec![bench.policy("mask", &strict()), bench.policy("p", &guest)];
        let permit = allowed(ask(
            &mut Judge::new(Arc::new(bench.load(set).unwrap())),
            "a",
        ));
        permit.plan().notes()[0].text.to_string()
    };
    // The first element's text at an offset, where there is an element.
    let first = |function: &str, offset: usize| Guest {
        imports: fact(function, "fact", "(param i32)"),
        before_decide: format!(
            "(call $fact (i32.const 16)) (if (i32.load (i32.const 20)) (then
                (i64.store (i32.add (i32.const {DECISION}) (i32.const 40))
                    (i64.load (i32.add (i32.load (i32.const 16)) (i32.const {offset}))))))"
        ),
        ..Guest::default()
    };
    assert_eq!(told(first("protected-columns", 24)), "email");
    assert_eq!(told(first("row-restrictions", 0)), "some");
}

//! Judging by real policies, most of them misbehaving.

mod facts;
mod golden;
mod grants;
mod hostile;
mod meter;
mod shadow;
mod swap;

use std::sync::Arc;

use sql::analysis::{OpaqueReason, Reach, Use};

use super::Judge;
use crate::config::Mode;
use crate::fixture::guest::{Effect, Guest, RETURNED, fact};
use crate::fixture::{
    AGE, Bench, EMAIL, USERS, catalog, facts, facts_of, opaque, person, query, select, using,
};
use crate::mask::Mask;
use crate::protection::{DerivedRule, FilterRule};
use crate::request::{Request, Step};
use crate::verdict::{Denial, Permit, SqlState, Verdict};

/// Keeps the last four of e-mail addresses, refuses all else.
fn strict() -> Guest {
    Guest::protecting(vec![(
        EMAIL,
        Mask::KeepLast(4),
        DerivedRule::Deny,
        FilterRule::Deny,
    )])
}

fn judge(
    judge: &mut Judge,
    request: Request,
    analysis: sql::analysis::Analysis,
) -> Verdict<'static> {
    let catalog = catalog();
    let mut session = match judge.admit(facts(), &catalog) {
        Ok(session) => session,
        Err(denial) => return Verdict::Deny(denial),
    };
    judge.judge(&mut session, request, Arc::new(analysis), &catalog)
}

fn allowed(verdict: Verdict<'_>) -> Permit<'_> {
    match verdict {
        Verdict::Allow(permit) => permit,
        other => panic!("not allowed: {other:?}"),
    }
}

fn denied(verdict: Verdict<'_>) -> Denial {
    match verdict {
        Verdict::Deny(denial) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

fn email() -> sql::analysis::Analysis {
    select(&[(EMAIL, Reach::Projected)])
}

#[test]
fn a_permit_carries_the_bytes_that_were_judged() {
    let bench = Bench::new();
    let request = query("select 1");
    let bytes = request.frames.clone();
    let permit = allowed(judge(
        &mut bench.judge(&[&Guest::default()]),
        request,
        email(),
    ));
    assert_eq!(permit.frames(), &bytes);
    assert_eq!(permit.plan().generation().number(), 1);
    assert_eq!(&*permit.plan().digests()[0].name, "p0");
}

#[test]
fn a_denial_says_who_and_why_and_what_would_work() {
    let bench = Bench::new();
    let guest = Guest::denying("deletes need a WHERE", "add one");
    let denial = denied(judge(&mut bench.judge(&[&guest]), query("delete"), email()));
    assert_eq!(
        (&*denial.policy, &*denial.reason),
        ("p0", "deletes need a WHERE")
    );
    assert_eq!(denial.hint.as_deref(), Some("add one"));
    assert_eq!(denial.sqlstate, SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn deny_wins_over_hold_and_hold_over_allow() {
    let bench = Bench::new();
    let hold = Guest {
        decide: Effect::Hold("large", vec!["dba"], 1, 60),
        ..Guest::default()
    };
    let deny = Guest::denying("no", "");
    let verdict = judge(
        &mut bench.judge(&[&Guest::default(), &hold]),
        query("x"),
        email(),
    );
    assert!(matches!(verdict, Verdict::Hold(_)));
    let verdict = judge(
        &mut bench.judge(&[&hold, &deny, &Guest::default()]),
        query("x"),
        email(),
    );
    assert_eq!(&*denied(verdict).policy, "p1");
}

#[test]
fn a_session_that_a_policy_refuses_is_not_admitted() {
    let bench = Bench::new();
    let guest = Guest {
        session: Effect::Deny("not here", "ask"),
        ..Guest::default()
    };
    let denial = bench
        .judge(&[&guest])
        .admit(facts(), &catalog())
        .unwrap_err();
    assert_eq!(&*denial.reason, "not here");
    let hold = Guest {
        session: Effect::Hold("wait", vec![], 1, 9),
        ..Guest::default()
    };
    bench
        .judge(&[&hold])
        .admit(facts(), &catalog())
        .unwrap_err();
}

#[test]
fn an_observed_policy_is_noted_and_never_applied() {
    let bench = Bench::new();
    let guest = Guest {
        decide: Effect::Deny("no", ""),
        ..strict()
    };
    let mut config = bench.policy("watch", &guest);
    config.mode = Mode::Observe;
    let mut judging = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
    let permit = allowed(judge(&mut judging, query("x"), email()));
    assert_eq!(
        &*permit.plan().notes()[0].text,
        "observed: deny, 0 protections: no"
    );
    assert!(permit.plan().is_identity());
}

#[test]
fn a_policy_that_is_off_does_not_run() {
    let bench = Bench::new();
    let mut config = bench.policy("off", &Guest::denying("no", ""));
    config.mode = Mode::Off;
    let mut judging = Judge::new(Arc::new(bench.load(vec![config]).unwrap()));
    let permit = allowed(judge(&mut judging, query("x"), email()));
    assert!(permit.plan().notes().is_empty());
}

#[test]
fn the_host_refuses_what_the_policy_forgot_to_refuse() {
    let bench = Bench::new();
    let mut judging = bench.judge(&[&strict()]);
    let denial = denied(judge(
        &mut judging,
        query("a"),
        select(&[(EMAIL, Reach::Derived)]),
    ));
    assert!(
        denial.reason.contains("public.users.email"),
        "{}",
        denial.reason
    );
    assert!(
        denial
            .hint
            .as_deref()
            .unwrap()
            .contains("comes back masked")
    );
    let filtered = using(select(&[(AGE, Reach::Projected)]), EMAIL, Use::Filtered);
    denied(judge(&mut judging, query("b"), filtered));
    let unknown = opaque(email(), OpaqueReason::UnknownFunction, "public.slugify");
    denied(judge(&mut judging, query("c"), unknown));
    allowed(judge(&mut judging, query("d"), email()));
}

#[test]
fn protections_of_a_decision_join_those_of_the_session() {
    let bench = Bench::new();
    let stricter = Guest {
        protections: vec![(EMAIL, Mask::Null, DerivedRule::Null, FilterRule::Allow)],
        recording: 1,
        note: "seen",
        ..Guest::default()
    };
    let mut judging = bench.judge(&[&strict(), &stricter]);
    let permit = allowed(judge(&mut judging, query("a"), email()));
    assert_eq!(permit.plan().result(0).unwrap().outputs[0].mask, Mask::Null);
    assert_eq!(permit.plan().recording(), crate::plan::Recording::Results);
    assert_eq!(&*permit.plan().notes()[0].text, "seen");
    assert!(permit.plan().scrub_errors());
    denied(judge(
        &mut judging,
        query("b"),
        using(email(), EMAIL, Use::Ordered),
    ));
}

#[test]
fn a_kept_verdict_is_recalled_for_the_same_text_only() {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judging = bench.judge(&[&strict()]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    let analysis = Arc::new(email());
    judging.judge(&mut session, query("a"), analysis, &catalog);
    assert!(matches!(
        judging.recall(&session, query("a").asked(), &catalog),
        Some(Verdict::Allow(_))
    ));
    assert!(
        judging
            .recall(&session, query("b").asked(), &catalog)
            .is_none()
    );
    let preparing = Request {
        step: Step::Parse,
        ..query("a")
    };
    assert!(
        judging
            .recall(&session, preparing.asked(), &catalog)
            .is_none()
    );
}

#[test]
fn a_verdict_for_once_is_not_recalled() {
    let bench = Bench::new();
    let catalog = catalog();
    let once = Guest {
        reuse: 0,
        ..Guest::default()
    };
    let mut judging = bench.judge(&[&Guest::default(), &once]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    assert!(
        judging
            .recall(&session, query("a").asked(), &catalog)
            .is_none()
    );
}

#[test]
fn a_verdict_for_a_shape_is_recalled_for_another_text_of_it() {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judging = bench.judge(&[&Guest {
        reuse: 2,
        ..Guest::default()
    }]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut session, query("select 1"), Arc::new(email()), &catalog);
    assert!(
        judging
            .recall(&session, query("select 2").asked(), &catalog)
            .is_some()
    );
    let prepared = Request {
        step: Step::Execute,
        ..query("select 2")
    };
    assert!(
        judging
            .recall(&session, prepared.asked(), &catalog)
            .is_none()
    );
}

#[test]
fn sessions_of_the_same_person_share_verdicts_and_others_do_not() {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judging = bench.judge(&[&strict()]);
    let mut first = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut first, query("a"), Arc::new(email()), &catalog);
    let same = judging.admit(facts(), &catalog).unwrap();
    assert!(
        judging
            .recall(&same, query("a").asked(), &catalog)
            .is_some()
    );
    let other = judging
        .admit(facts_of(person("bo", &["staff"])), &catalog)
        .unwrap();
    assert!(
        judging
            .recall(&other, query("a").asked(), &catalog)
            .is_none()
    );
}

#[test]
fn what_depends_on_the_token_itself_is_not_kept() {
    let bench = Bench::new();
    let catalog = catalog();
    // claim("jti"): the name lies at 64.
    let reads = Guest {
        imports: fact("claim", "claim", "(param i32 i32 i32)"),
        functions: "(data (i32.const 64) \"jti\")".to_owned(),
        before_decide: format!("(call $claim (i32.const 64) (i32.const 3) (i32.const {RETURNED}))"),
        ..Guest::default()
    };
    let mut judging = bench.judge(&[&reads]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    judging.judge(&mut session, query("a"), Arc::new(email()), &catalog);
    assert!(
        judging
            .recall(&session, query("a").asked(), &catalog)
            .is_none()
    );
}

#[test]
fn a_released_request_is_judged_again_and_its_approval_is_bound_to_it() {
    let bench = Bench::new();
    let catalog = catalog();
    let guest = Guest {
        decide: Effect::Hold("large", vec!["dba"], 1, 60),
        ..strict()
    };
    let mut judging = bench.judge(&[&guest]);
    let mut session = judging.admit(facts(), &catalog).unwrap();
    let hold = |judging: &mut Judge, session: &mut _, text| match judging.judge(
        session,
        query(text),
        Arc::new(email()),
        &catalog,
    ) {
        Verdict::Hold(hold) => hold,
        other => panic!("not held: {other:?}"),
    };
    let approve = |hold: &crate::hold::Hold| {
        let holds = crate::hold::Holds::new(crate::hold::HoldsConfig::default());
        let number = holds.register_detached(hold.clone());
        holds.approve(number, &person("dora", &["dba"])).unwrap();
        holds.claim(hold).unwrap()
    };
    let first = hold(&mut judging, &mut session, "a");
    let approval = approve(&first);
    let verdict = judging.release(
        &mut session,
        first.clone(),
        approval,
        Arc::new(email()),
        &catalog,
    );
    let permit = allowed(verdict);
    assert_eq!(
        permit.plan().result(0).unwrap().outputs.len(),
        1,
        "masked though released"
    );
    let other = hold(&mut judging, &mut session, "b");
    let approval = approve(&first);
    let verdict = judging.release(&mut session, other, approval, Arc::new(email()), &catalog);
    assert!(
        matches!(verdict, Verdict::Hold(_)),
        "an approval of another request is none"
    );
    let again = hold(&mut judging, &mut session, "a");
    assert_eq!(again.digest(), first.digest());
}

#[test]
fn a_partition_is_protected_with_its_table() {
    let bench = Bench::new();
    let mut judging = bench.judge(&[&strict()]);
    let old = sql::analysis::ColumnId {
        relation: crate::fixture::USERS_OLD,
        attribute: 2,
    };
    let permit = allowed(judge(
        &mut judging,
        query("a"),
        select(&[(old, Reach::Projected)]),
    ));
    assert_eq!(permit.plan().result(0).unwrap().outputs.len(), 1);
    assert_eq!(EMAIL.relation, USERS);
}

//! Who may release what, and how often.

use std::sync::Arc;
use std::time::Duration;

use super::{Demand, Hold, HoldError, HoldNumber, Holds, HoldsConfig, Outcome, Progress};
use crate::fixture::{agent_of, facts_of, person, query};
use crate::request::{Parameters, Request};
use crate::set::Generation;
use identity::Identity;

fn demand(policy: &str, groups: &[&str], approvals: u32) -> Demand {
    Demand {
        policy: policy.into(),
        reason: "large".into(),
        approvers: groups.iter().map(|group| (*group).to_owned()).collect(),
        approvals,
    }
}

fn hold_of(requester: Arc<Identity>, request: Request, demands: &[Demand]) -> Hold {
    let ttl = Duration::from_secs(60);
    Hold::new(
        request,
        Arc::new(facts_of(requester)),
        demands.into(),
        ttl,
        Generation::FIRST,
    )
}

fn hold(demands: &[Demand]) -> Hold {
    hold_of(person("ana", &["dba"]), query("delete"), demands)
}

fn holds() -> Holds {
    Holds::new(HoldsConfig {
        approvers: vec!["admins".to_owned()],
    })
}

#[tokio::test(start_paused = true)]
async fn a_member_of_the_group_releases_a_request() {
    let holds = holds();
    let (number, mut waiter) = holds.register(hold(&[demand("guard", &["dba"], 1)]));
    assert_eq!(holds.list().len(), 1);
    assert_eq!(holds.show(number).unwrap().missing, [1]);
    assert_eq!(
        holds.approve(number, &person("dora", &["dba"])),
        Ok(Progress::Released)
    );
    let Outcome::Approved(approval) = waiter.outcome().await else {
        panic!("not approved")
    };
    assert_eq!(approval.approvers()[0].subject, "dora");
    assert!(holds.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_approves_their_own_request_nor_through_an_agent() {
    let holds = holds();
    let request = hold_of(
        agent_of("ana", "coder", &["dba"]),
        query("delete"),
        &[demand("guard", &["dba"], 1)],
    );
    let (number, _waiter) = holds.register(request);
    let own = Err(HoldError::OwnRequest);
    assert_eq!(holds.approve(number, &person("ana", &["dba"])), own);
    assert_eq!(holds.approve(number, &person("coder", &["dba"])), own);
    assert_eq!(
        holds.approve(number, &agent_of("ana", "helper", &["dba"])),
        own
    );
    assert_eq!(
        holds.deny(number, &person("ana", &["dba"]), "no"),
        Err(HoldError::OwnRequest)
    );
    let agent = agent_of("dora", "helper", &["dba"]);
    assert_eq!(holds.approve(number, &agent), Err(HoldError::Actor));
}

#[tokio::test(start_paused = true)]
async fn only_the_named_groups_approve_or_the_deployments_where_none_is_named() {
    let holds = holds();
    let (number, _named) = holds.register(hold(&[demand("guard", &["dba", "leads"], 1)]));
    let stranger = person("sam", &["staff"]);
    let groups = "dba, leads".to_owned();
    assert_eq!(
        holds.approve(number, &stranger),
        Err(HoldError::NotAnApprover { number, groups })
    );
    let (number, _default) = holds.register(hold(&[demand("guard", &[], 1)]));
    assert!(holds.approve(number, &person("dora", &["dba"])).is_err());
    assert_eq!(
        holds.approve(number, &person("adam", &["admins"])),
        Ok(Progress::Released)
    );
}

#[tokio::test(start_paused = true)]
async fn several_approvals_come_from_different_people() {
    let holds = holds();
    let (number, mut waiter) = holds.register(hold(&[demand("guard", &["dba"], 2)]));
    let dora = person("dora", &["dba"]);
    assert_eq!(holds.approve(number, &dora), Ok(Progress::NeedsMore));
    assert_eq!(
        holds.approve(number, &dora),
        Err(HoldError::AlreadyApproved)
    );
    assert_eq!(
        holds.approve(number, &person("dan", &["dba"])),
        Ok(Progress::Released)
    );
    assert!(matches!(waiter.outcome().await, Outcome::Approved(_)));
}

#[tokio::test(start_paused = true)]
async fn every_policy_that_holds_must_be_satisfied() {
    let holds = holds();
    let demands = [
        demand("guard", &["dba"], 1),
        demand("mask", &["privacy"], 1),
    ];
    let (number, _waiter) = holds.register(hold(&demands));
    assert_eq!(
        holds.approve(number, &person("dora", &["dba"])),
        Ok(Progress::NeedsMore)
    );
    assert_eq!(holds.show(number).unwrap().missing, [0, 1]);
    let both = person("pia", &["privacy"]);
    assert_eq!(holds.approve(number, &both), Ok(Progress::Released));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_reaches_the_one_who_waits() {
    let holds = holds();
    let (number, mut waiter) = holds.register(hold(&[demand("guard", &["dba"], 3)]));
    holds
        .deny(number, &person("dora", &["dba"]), "not today")
        .unwrap();
    let Outcome::Refused { by, reason } = waiter.outcome().await else {
        panic!("not refused")
    };
    assert_eq!(
        (by.subject.as_str(), reason.as_str()),
        ("dora", "not today")
    );
    assert_eq!(
        holds.approve(number, &person("dan", &["dba"])),
        Err(HoldError::Unknown(number))
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_expires() {
    let holds = holds();
    let (number, mut waiter) = holds.register(hold(&[demand("guard", &["dba"], 1)]));
    assert!(matches!(waiter.outcome().await, Outcome::Expired));
    assert_eq!(
        holds.approve(number, &person("dora", &["dba"])),
        Err(HoldError::Unknown(number))
    );
    assert!(holds.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_client_is_gone_is_withdrawn() {
    let holds = holds();
    let (number, waiter) = holds.register(hold(&[demand("guard", &["dba"], 1)]));
    drop(waiter);
    assert!(holds.list().is_empty());
    assert_eq!(
        holds.approve(number, &person("dora", &["dba"])),
        Err(HoldError::Unknown(number))
    );
    let unknown = HoldNumber::new(99);
    assert_eq!(
        holds.approve(unknown, &person("d", &[])),
        Err(HoldError::Unknown(unknown))
    );
}

#[tokio::test(start_paused = true)]
async fn an_approval_waits_for_a_request_that_is_sent_again_and_is_taken_once() {
    let holds = holds();
    let held = hold(&[demand("guard", &["dba"], 1)]);
    let number = holds.register_detached(held.clone());
    assert_eq!(
        holds.register_detached(held.clone()),
        number,
        "the same request waits once"
    );
    assert!(holds.claim(&held).is_none());
    holds.approve(number, &person("dora", &["dba"])).unwrap();
    let approval = holds.claim(&held).unwrap();
    assert!(approval.is_of(&held));
    assert!(holds.claim(&held).is_none());
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(
        !approval.is_of(&held),
        "an approval expires with its request"
    );
}

#[test]
fn the_digest_covers_identity_database_bytes_and_parameters() {
    let bound = |request: Request| hold_of(person("ana", &[]), request, &[]).digest();
    let plain = bound(query("delete"));
    assert_eq!(bound(query("delete")), plain);
    assert_ne!(bound(query("delete ")), plain);
    let other = hold_of(person("bo", &[]), query("delete"), &[]).digest();
    assert_ne!(other, plain);
    let agent = hold_of(agent_of("ana", "coder", &[]), query("delete"), &[]).digest();
    assert_ne!(agent, plain);
    let with = |values: &[Option<&'static [u8]>]| {
        let values = values
            .iter()
            .map(|value| value.map(bytes::Bytes::from_static))
            .collect();
        let parameters = Some(Parameters {
            values,
            formats: Default::default(),
        });
        bound(Request {
            parameters,
            ..query("delete")
        })
    };
    let all = [
        plain,
        with(&[]),
        with(&[None]),
        with(&[Some(b"null")]),
        with(&[Some(b"")]),
        with(&[Some(b"ab"), Some(b"c")]),
        with(&[Some(b"a"), Some(b"bc")]),
    ];
    for (index, one) in all.iter().enumerate().skip(2) {
        assert!(
            !all[..index].contains(one),
            "number {index} has the digest of another"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn watchers_hear_of_every_change() {
    let holds = holds();
    let mut changes = holds.changes();
    let (number, _waiter) = holds.register(hold(&[demand("guard", &["dba"], 2)]));
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    holds.approve(number, &person("dora", &["dba"])).unwrap();
    assert!(changes.has_changed().unwrap());
}

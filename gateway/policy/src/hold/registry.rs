//! The requests that wait, by number.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use identity::Identity;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::{Demand, Hold};
use crate::set::Digest;

/// The number of a request that waits; what people say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldNumber(u64);

impl HoldNumber {
    /// As given by a person.
    pub fn new(number: u64) -> HoldNumber {
        HoldNumber(number)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for HoldNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the deployment says about holds.
#[derive(Clone, Debug, Default)]
pub struct HoldsConfig {
    /// Groups that may approve where a policy names none.
    pub approvers: Vec<String>,
}

/// Proof that a request was approved: bound to that request, used once by giving it away. Only the
/// registry makes one.
///
/// ```compile_fail,E0599
/// use sluice_policy::Approval;
///
/// fn twice(approval: Approval) -> (Approval, Approval) {
///     (approval.clone(), approval)
/// }
/// ```
#[derive(Debug)]
pub struct Approval {
    number: HoldNumber,
    digest: Digest,
    demands: Arc<[Demand]>,
    approvers: Vec<Arc<Identity>>,
    expires: Instant,
}

impl Approval {
    /// The request's number.
    pub fn number(&self) -> HoldNumber {
        self.number
    }

    /// Who approved.
    pub fn approvers(&self) -> &[Arc<Identity>] {
        &self.approvers
    }

    /// True where this is an approval of exactly that request and still counts.
    pub(crate) fn is_of(&self, hold: &Hold) -> bool {
        self.digest == hold.digest && Instant::now() < self.expires
    }

    /// True where everything that the demand asks for was given.
    pub(crate) fn meets(&self, demand: &Demand) -> bool {
        self.demands.iter().any(|met| met.covers(demand))
    }
}

/// How waiting ended.
#[derive(Debug)]
pub enum Outcome {
    /// It may be judged again.
    Approved(Approval),
    /// Someone said no.
    Refused {
        /// Who.
        by: Arc<Identity>,
        /// Why.
        reason: String,
    },
    /// Nobody answered in time.
    Expired,
}

/// Why an answer to a hold was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// There is no such request, or it has ended.
    #[error("no request {0} waits for approval")]
    Unknown(HoldNumber),
    /// One's own request.
    #[error("a request is not approved by the one who asks, nor by anyone who acts for them")]
    OwnRequest,
    /// An agent answers for a person.
    #[error("an approval is given by a person, not by an agent on their behalf")]
    Actor,
    /// In none of the groups.
    #[error("request {number} is approved by members of {groups}")]
    NotAnApprover {
        /// The request.
        number: HoldNumber,
        /// Who could.
        groups: String,
    },
    /// Twice the same person.
    #[error("this approver has approved already; another one must")]
    AlreadyApproved,
}

/// A request that waits, as people see it.
#[derive(Clone, Debug)]
pub struct HoldView {
    /// Its number.
    pub number: HoldNumber,
    /// What waits.
    pub hold: Hold,
    /// Since when.
    pub since: SystemTime,
    /// Until when.
    pub until: SystemTime,
    /// Who approved so far.
    pub approvers: Vec<Arc<Identity>>,
    /// How many more approvals each demand needs.
    pub missing: Vec<u32>,
}

/// The requests that wait. Clones share them.
#[derive(Clone)]
pub struct Holds {
    config: Arc<HoldsConfig>,
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct State {
    last: u64,
    pending: BTreeMap<HoldNumber, Pending>,
    /// Approvals of requests that nobody waits for, until they are sent again.
    ready: HashMap<Digest, Approval>,
}

struct Pending {
    hold: Hold,
    since: SystemTime,
    deadline: Instant,
    approvers: Vec<Arc<Identity>>,
    /// None where the client was told the number and went on.
    waiter: Option<oneshot::Sender<Outcome>>,
}

impl Holds {
    /// Nothing waits yet.
    pub fn new(config: HoldsConfig) -> Holds {
        let (changes, _) = watch::channel(0);
        Holds {
            config: Arc::new(config),
            state: Arc::default(),
            changes: Arc::new(changes),
        }
    }

    /// Lets a request wait. It is withdrawn when the waiter is dropped.
    pub fn register(&self, hold: Hold) -> (HoldNumber, Waiter) {
        let (sender, receiver) = oneshot::channel();
        let (number, deadline) = self.insert(hold, Some(sender));
        (
            number,
            Waiter {
                number,
                deadline,
                receiver,
                holds: self.clone(),
            },
        )
    }

    /// Lets a request wait whose client goes on and will send it again. The same request is not
    /// registered twice.
    pub fn register_detached(&self, hold: Hold) -> HoldNumber {
        let same = |(number, pending): (&HoldNumber, &Pending)| {
            let same = pending.waiter.is_none() && pending.hold.digest == hold.digest;
            same.then_some(*number)
        };
        let known = self.state().pending.iter().find_map(same);
        known.unwrap_or_else(|| self.insert(hold, None).0)
    }

    /// Takes the approval of a request that was sent again, where it was approved meanwhile.
    pub fn claim(&self, hold: &Hold) -> Option<Approval> {
        let approval = self.state().ready.remove(&hold.digest)?;
        approval.is_of(hold).then_some(approval)
    }

    /// Everything that waits, oldest first.
    pub fn list(&self) -> Vec<HoldView> {
        let state = self.state();
        state
            .pending
            .iter()
            .map(|(number, pending)| self.view(*number, pending))
            .collect()
    }

    /// One request that waits.
    pub fn show(&self, number: HoldNumber) -> Option<HoldView> {
        let state = self.state();
        state
            .pending
            .get(&number)
            .map(|pending| self.view(number, pending))
    }

    /// Says yes for one approver. Says whether the request may now go or needs more.
    pub fn approve(
        &self,
        number: HoldNumber,
        approver: &Arc<Identity>,
    ) -> Result<Progress, HoldError> {
        let mut state = self.state();
        let pending = state
            .pending
            .get_mut(&number)
            .ok_or(HoldError::Unknown(number))?;
        self.check(number, pending, approver)?;
        if pending
            .approvers
            .iter()
            .any(|known| known.is_same_subject(approver))
        {
            return Err(HoldError::AlreadyApproved);
        }
        pending.approvers.push(Arc::clone(approver));
        if self.missing(pending).iter().any(|missing| *missing > 0) {
            self.changed();
            return Ok(Progress::NeedsMore);
        }
        let pending = state
            .pending
            .remove(&number)
            .ok_or(HoldError::Unknown(number))?;
        let approval = Approval {
            number,
            digest: pending.hold.digest,
            demands: Arc::clone(&pending.hold.demands),
            approvers: pending.approvers,
            expires: pending.deadline,
        };
        self.changed();
        match pending.waiter {
            // A waiter that is gone has withdrawn its request: the approval goes with it.
            Some(waiter) => match waiter.send(Outcome::Approved(approval)) {
                Ok(()) => Ok(Progress::Released),
                Err(_) => Err(HoldError::Unknown(number)),
            },
            None => {
                state.ready.insert(approval.digest, approval);
                Ok(Progress::Released)
            }
        }
    }

    /// Says no for all.
    pub fn deny(
        &self,
        number: HoldNumber,
        approver: &Arc<Identity>,
        reason: &str,
    ) -> Result<(), HoldError> {
        let mut state = self.state();
        let pending = state
            .pending
            .get(&number)
            .ok_or(HoldError::Unknown(number))?;
        self.check(number, pending, approver)?;
        let waiter = state
            .pending
            .remove(&number)
            .and_then(|pending| pending.waiter);
        self.changed();
        if let Some(waiter) = waiter {
            let refusal = Outcome::Refused {
                by: Arc::clone(approver),
                reason: reason.to_owned(),
            };
            waiter
                .send(refusal)
                .map_err(|_| HoldError::Unknown(number))?;
        }
        Ok(())
    }

    /// Changes whenever something begins or ceases to wait, or is approved.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn insert(
        &self,
        hold: Hold,
        waiter: Option<oneshot::Sender<Outcome>>,
    ) -> (HoldNumber, Instant) {
        let deadline = Instant::now() + hold.ttl;
        let since = SystemTime::now();
        let mut state = self.state();
        state.last += 1;
        let number = HoldNumber(state.last);
        let pending = Pending {
            hold,
            since,
            deadline,
            approvers: Vec::new(),
            waiter,
        };
        state.pending.insert(number, pending);
        drop(state);
        self.changed();
        (number, deadline)
    }

    /// May this person answer this request at all?
    fn check(
        &self,
        number: HoldNumber,
        pending: &Pending,
        approver: &Identity,
    ) -> Result<(), HoldError> {
        if approver.shares_anyone_with(&pending.hold.facts.identity) {
            return Err(HoldError::OwnRequest);
        }
        if !approver.actors.is_empty() {
            return Err(HoldError::Actor);
        }
        if pending
            .hold
            .demands
            .iter()
            .any(|demand| self.may_approve(demand, approver))
        {
            return Ok(());
        }
        let mut groups: Vec<&str> = pending
            .hold
            .demands
            .iter()
            .flat_map(|demand| self.groups(demand))
            .map(String::as_str)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        Err(HoldError::NotAnApprover {
            number,
            groups: groups.join(", "),
        })
    }

    fn groups<'a>(&'a self, demand: &'a Demand) -> &'a [String] {
        if demand.approvers.is_empty() {
            &self.config.approvers
        } else {
            &demand.approvers
        }
    }

    fn may_approve(&self, demand: &Demand, approver: &Identity) -> bool {
        self.groups(demand)
            .iter()
            .any(|group| approver.is_in(group))
    }

    fn missing(&self, pending: &Pending) -> Vec<u32> {
        let missing = |demand: &Demand| {
            let given = pending
                .approvers
                .iter()
                .filter(|one| self.may_approve(demand, one));
            demand
                .approvals
                .saturating_sub(u32::try_from(given.count()).unwrap_or(u32::MAX))
        };
        pending.hold.demands.iter().map(missing).collect()
    }

    fn view(&self, number: HoldNumber, pending: &Pending) -> HoldView {
        HoldView {
            number,
            hold: pending.hold.clone(),
            since: pending.since,
            until: pending.since + pending.hold.ttl,
            approvers: pending.approvers.clone(),
            missing: self.missing(pending),
        }
    }

    fn withdraw(&self, number: HoldNumber) {
        if self.state().pending.remove(&number).is_some() {
            self.changed();
        }
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The state without what has expired.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.pending.retain(|_, pending| pending.deadline > now);
        state.ready.retain(|_, approval| approval.expires > now);
        state
    }
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holds")
            .field("pending", &self.state().pending.len())
            .finish_non_exhaustive()
    }
}

/// What an approval led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The request may go.
    Released,
    /// Others must approve too.
    NeedsMore,
}

/// A request's side of waiting. Dropping it withdraws the request.
#[derive(Debug)]
pub struct Waiter {
    number: HoldNumber,
    deadline: Instant,
    receiver: oneshot::Receiver<Outcome>,
    holds: Holds,
}

impl Waiter {
    /// The request's number.
    pub fn number(&self) -> HoldNumber {
        self.number
    }

    /// Waits for the end. Cancel safe: it can be called again until it has returned.
    pub async fn outcome(&mut self) -> Outcome {
        match timeout_at(self.deadline, &mut self.receiver).await {
            Ok(Ok(outcome)) => outcome,
            // The sender is gone or silent only where the request has expired.
            Ok(Err(_)) | Err(_) => Outcome::Expired,
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.holds.withdraw(self.number);
    }
}

//! A request that waits for approval, on a connection that stays live meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use policy::hold::Outcome;
use policy::{Approval, Denial, Hold, Permit, Request, Verdict};
use sql::analysis::{Access, Analysis};
use sql::catalog::Catalog;
use trail::{Deed, Effect, Entry, Judged};
use wire::upstream::TxStatus;
use wire::write::{self, ErrorResponse, Severity};

use super::buffers::Inbox;
use super::extended::Bound;
use super::turn::CANCELLED;
use super::{Refusal, Session};
use crate::error::SessionError;

/// Bytes that a client may send ahead while it waits.
const MOST_AHEAD: usize = 1 << 20;

/// How the wait ended.
enum Waited {
    Outcome(Outcome),
    Cancelled,
    /// Something before it in its pipeline failed: it is skipped.
    Skipped,
}

impl Session {
    /// Records the hold, tells the client, waits, and has the request judged again.
    pub(super) async fn wait_for_approval(
        &self,
        hold: Hold,
        entry: &mut Entry,
        bound: Bound<'_>,
    ) -> Result<Result<Permit<'static>, Refusal>, SessionError> {
        let meant = match self.understand_anew(hold.request(), bound).await {
            Ok((meant, _)) => meant,
            Err(denial) => {
                self.record_denial(entry, &denial)?;
                return Ok(Err(Refusal::of(&denial)));
            }
        };
        self.record_hold(entry, &hold)?;
        let (number, mut waiter) = self.core.shared.holds.register(hold.clone());
        let patience = hold.ttl().min(self.core.shared.max_wait);
        let until = SystemTime::now() + patience;
        entry.event(
            SystemTime::now(),
            &Deed::HoldRequested {
                hold: number.number(),
                until,
            },
        )?;
        self.announce(&hold, number.number(), patience).await?;
        let waited = tokio::select! {
            outcome = waiter.outcome() => Waited::Outcome(outcome),
            () = tokio::time::sleep(patience) => Waited::Outcome(Outcome::Expired),
            () = self.cancel.while_held() => Waited::Cancelled,
            () = self.until_skipping() => Waited::Skipped,
            gone = self.watch_client() => return Err(gone),
        };
        drop(waiter);
        let number = number.number();
        match waited {
            Waited::Outcome(Outcome::Approved(approval)) => {
                self.release((hold, approval), &meant, entry, bound).await
            }
            Waited::Outcome(Outcome::Refused { by, reason }) => {
                let by = by.subject.clone();
                let message = format!("request {number} was refused by {by}: {reason}");
                self.end(entry, Deed::Refused { by, note: reason }, "42501", message)
            }
            Waited::Outcome(Outcome::Expired) => {
                let message = format!("nobody approved request {number} in time");
                self.end(entry, Deed::Expired, "42501", message)
            }
            Waited::Cancelled => self.end(entry, Deed::Cancelled, "57014", CANCELLED.to_owned()),
            Waited::Skipped => {
                let message = "an earlier request of the same pipeline failed".to_owned();
                self.end(entry, Deed::Cancelled, "25P02", message)
            }
        }
    }

    /// Waits until the upstream skips to the next Sync.
    async fn until_skipping(&self) {
        while !self.skipping.get() {
            self.progress.next().await;
        }
    }

    fn record_hold(&self, entry: &mut Entry, hold: &Hold) -> Result<(), SessionError> {
        let (policy, reason) = sayings(hold);
        let set = self.core.shared.policies.current();
        let generation = hold.generation().number();
        entry.judged(&Judged {
            effect: Effect::Hold,
            policy: &policy,
            reason: &reason,
            generation,
            digests: &self.digests(generation, set.digests()),
            masks: None,
            keep: None,
        })?;
        self.record_notes(entry, hold.notes())
    }

    /// Tells the client that it waits, for whom, and what that keeps others from.
    async fn announce(
        &self,
        hold: &Hold,
        number: u64,
        patience: Duration,
    ) -> Result<(), SessionError> {
        self.upstream
            .socket
            .flush()
            .await
            .map_err(SessionError::Upstream)?;
        while self.passing.get() > 0 {
            self.progress.next().await;
        }
        let (policy, reason) = sayings(hold);
        let approvers: Vec<_> = hold
            .demands()
            .iter()
            .flat_map(|demand| demand.approvers.iter().cloned())
            .collect();
        let message = format!("request {number} waits for approval: {reason}");
        let locks = match self.transaction.status() {
            TxStatus::Idle => "",
            TxStatus::Transaction | TxStatus::Failed => {
                " The open transaction keeps its locks meanwhile."
            }
        };
        let detail = format!(
            "Policy \"{policy}\" asks for approval by {}; it waits for {} at most.{locks}",
            if approvers.is_empty() {
                "an approver".to_owned()
            } else {
                approvers.join(", ")
            },
            humantime::format_duration(Duration::from_secs(patience.as_secs())),
        );
        let hint = format!("An approver runs: sluice holds approve {number}");
        let notice = ErrorResponse::new(Severity::Notice, "00000", &message)
            .detail(detail.as_str())
            .hint(hint.as_str());
        self.client.queue_with(|out| write::notice(out, &notice));
        self.client.flush().await.map_err(SessionError::Client)
    }

    /// Reads on, so that a client that leaves takes its request with it. What it sends meanwhile
    /// waits, up to a bound.
    async fn watch_client(&self) -> SessionError {
        let mut inbox = Inbox::new(&self.core.pool);
        while self.ahead.borrow().len() < MOST_AHEAD {
            match self.client.read(&mut inbox).await {
                Ok(0) => return SessionError::Client(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.ahead.borrow_mut().extend_from_slice(inbox.bytes());
                    inbox.take(read);
                }
                Err(error) => return SessionError::Client(error),
            }
        }
        std::future::pending().await
    }

    /// Judges again: the policies, the catalog or the token may be others by now.
    async fn release(
        &self,
        (hold, approval): (Hold, Approval),
        meant: &Analysis,
        entry: &mut Entry,
        bound: Bound<'_>,
    ) -> Result<Result<Permit<'static>, Refusal>, SessionError> {
        for approver in approval.approvers() {
            let by = approver.subject.clone();
            entry.event(
                SystemTime::now(),
                &Deed::Approved {
                    by,
                    note: String::new(),
                },
            )?;
        }
        let (analysis, catalog) = match self.understand_again(&hold, meant, bound).await {
            Ok(understood) => understood,
            Err(denial) => {
                self.record_denial(entry, &denial)?;
                return Ok(Err(Refusal::of(&denial)));
            }
        };
        let verdict = self
            .renewing(|judge, session| judge.release(session, hold, approval, analysis, &catalog));
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(entry, &permit)?;
                entry.event(SystemTime::now(), &Deed::Released)?;
                Ok(Ok(permit))
            }
            Verdict::Deny(denial) => {
                self.record_denial(entry, &denial)?;
                Ok(Err(Refusal::of(&denial)))
            }
            Verdict::Hold(_) => {
                let message = "the policies ask for another approval by now; send it again";
                self.end(entry, Deed::Expired, "42501", message.to_owned())
            }
        }
    }

    /// What a request does, by a catalog that is read now; unless the open transaction has locked what is read.
    async fn understand_anew(
        &self,
        request: &Request,
        bound: Bound<'_>,
    ) -> Result<(Arc<Analysis>, Arc<Catalog>), Denial> {
        if self.definitions.borrow().lasting.is_none() {
            let read = self.database.catalog.read_anew().await;
            read.map_err(|error| self.own_denial(&error.to_string()))?;
            self.refresh_catalog().await?;
        }
        self.understand(request, bound).await
    }

    /// What an approved request does by now. Its names must still mean what they meant when it was asked for.
    async fn understand_again(
        &self,
        hold: &Hold,
        meant: &Analysis,
        bound: Bound<'_>,
    ) -> Result<(Arc<Analysis>, Arc<Catalog>), Denial> {
        let (analysis, catalog) = self.understand_anew(hold.request(), bound).await?;
        let (meant, means) = (named(meant), named(&analysis));
        let mut before = meant.iter();
        let mut written = means.iter().filter(|(name, _)| name.1 != Access::Read);
        let other = before
            .find(|(name, what)| means.get(*name) != Some(*what))
            .or_else(|| written.find(|(name, _)| !meant.contains_key(*name)));
        match other {
            None => Ok((analysis, catalog)),
            Some(((.., name), _)) => Err(Denial {
                hint: Some("Send it again.".into()),
                ..self.own_denial(&format!(
                    "\"{name}\" is not what it was when approval was asked for"
                ))
            }),
        }
    }

    fn end(
        &self,
        entry: &mut Entry,
        deed: Deed,
        sqlstate: &str,
        message: String,
    ) -> Result<Result<Permit<'static>, Refusal>, SessionError> {
        entry.event(SystemTime::now(), &deed)?;
        Ok(Err(Refusal::plain(sqlstate, &message)))
    }
}

/// A name in a statement, by its schema and itself, and what is done to what it means.
type Named<'a> = (u32, Access, &'a str, &'a str);

/// Which relations each name means; but for those that are the session's own.
fn named(analysis: &Analysis) -> BTreeMap<Named<'_>, BTreeSet<Option<u32>>> {
    let mut named: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let lasting = analysis.relations.iter().filter(|one| !one.is_temporary());
    for one in lasting {
        let name = (one.statement, one.access, &*one.schema, &*one.name);
        named.entry(name).or_default().insert(one.oid);
    }
    named
}

/// Which policies hold a request, and why.
pub(crate) fn sayings(hold: &Hold) -> (String, String) {
    let demands = hold.demands();
    let policies: Vec<_> = demands
        .iter()
        .map(|demand| demand.policy.to_string())
        .collect();
    let reasons: Vec<_> = demands
        .iter()
        .map(|demand| demand.reason.to_string())
        .collect();
    (policies.join(", "), reasons.join("; "))
}

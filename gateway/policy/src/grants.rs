//! What a policy may do beside looking at facts: each interface where it is granted.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;

use crate::bindings::{clock, counters, grants, keyed, log, tables, types};
use crate::config::Grant;
use crate::facts::Counting;
use crate::instance::Host;
use crate::ledger::{Counted, Counter, Full, MOST_COUNTERS, RowLimit, Spent, Taken};
use crate::mask::CellMask;
use crate::opinion::sentence;
use crate::verdict::Failure;

/// Lines that one call may write to the log.
const LINES_PER_CALL: u32 = 16;
/// Bytes of a line of the log.
const LINE_BYTES: usize = 1024;
/// Limits of rows, and amounts taken, of one decision.
const CLAIMS_PER_CALL: usize = 64;

/// Why the host does not do what a guest asks: the call of the hook fails.
#[derive(Clone, Debug)]
pub(crate) struct Unwilling {
    pub(crate) failure: Failure,
    pub(crate) reason: String,
}

impl fmt::Display for Unwilling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unwilling {}

fn unwilling(reason: impl Into<String>) -> Unwilling {
    Unwilling {
        failure: Failure::Trap,
        reason: reason.into(),
    }
}

impl From<Full> for Unwilling {
    fn from(_: Full) -> Unwilling {
        Unwilling {
            failure: Failure::Memory,
            reason: format!("it has {MOST_COUNTERS} counters that are not zero, and wants more"),
        }
    }
}

/// What a decision claims of the policy's counters.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Given back where the request does not run.
    pub(crate) taken: Vec<Taken>,
    pub(crate) row_limits: Vec<RowLimit>,
    /// What a call whose answer has no effect would have added: it alone sees that.
    pretended: HashMap<Counter, u64>,
    /// How often an amount was taken, or would have been.
    takes: usize,
}

impl Claims {
    /// The request runs, or the session opens: what was taken stays taken.
    pub(crate) fn spend(self) -> Vec<Spent> {
        self.taken.into_iter().map(Taken::spend).collect()
    }

    fn check_room(&self) -> Result<(), Unwilling> {
        if self.takes + self.row_limits.len() < CLAIMS_PER_CALL {
            return Ok(());
        }
        Err(unwilling(format!(
            "it takes and limits more than {CLAIMS_PER_CALL} times in one call"
        )))
    }

    fn pretend(&mut self, counter: Counter, amount: u64) -> Result<(), Unwilling> {
        if self.pretended.len() >= MOST_COUNTERS && !self.pretended.contains_key(&counter) {
            return Err(Full.into());
        }
        let sum = self.pretended.entry(counter).or_default();
        *sum = sum.saturating_add(amount);
        Ok(())
    }
}

impl Host {
    /// What is not granted is not given, whatever the module imports.
    fn need(&self, grant: Grant) -> Result<(), Unwilling> {
        if self.policy.grants.contains(&grant) {
            return Ok(());
        }
        Err(unwilling(format!(
            "it uses {grant}, which is not granted to it"
        )))
    }

    /// The counter, and the note that the answer is good for once.
    fn counter(&mut self, key: &str, window: u32) -> Result<Counter, Unwilling> {
        self.need(Grant::Counters)?;
        self.unrepeatable = true;
        self.unrecorded = true;
        Counter::new(key, window).map_err(unwilling)
    }

    /// The sum of the window, as this call sees it.
    fn sum(&self, counter: &Counter) -> u64 {
        let pretended = self.claims.pretended.get(counter).copied();
        let kept = self.policy.ledger.get(counter);
        kept.saturating_add(pretended.unwrap_or_default())
    }

    /// True where the amount stays within the limit; it is taken then.
    fn take(&mut self, counter: Counter, amount: u64, limit: u64) -> Result<bool, Unwilling> {
        if self.facts.counting == Counting::KeptBefore {
            return Ok(true);
        }
        if !self.facts.counts() {
            let fits = amount <= limit.saturating_sub(self.sum(&counter));
            if fits {
                self.claims.pretend(counter, amount)?;
            }
            return Ok(fits);
        }
        let taken = Taken::take(&self.policy.ledger, counter, amount, limit)?;
        let fits = taken.is_some();
        self.claims.taken.extend(taken);
        Ok(fits)
    }
}

impl log::Host for Host {
    fn write(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        self.need(Grant::Log)?;
        if self.lines >= LINES_PER_CALL {
            return Ok(());
        }
        self.lines += 1;
        let policy = &*self.policy.name;
        // One line stays one line, and a terminal is not spoken to.
        let message = message[..message.floor_char_boundary(LINE_BYTES)].escape_debug();
        match level.as_str() {
            "error" => tracing::error!(policy, "{message}"),
            "warn" => tracing::warn!(policy, "{message}"),
            "debug" => tracing::debug!(policy, "{message}"),
            _ => tracing::info!(policy, "{message}"),
        }
        Ok(())
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.need(Grant::Clock)?;
        self.unrepeatable = true;
        self.unrecorded = true;
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl counters::Host for Host {
    fn get(&mut self, key: String, window: u32) -> wasmtime::Result<u64> {
        let counter = self.counter(&key, window)?;
        Ok(self.sum(&counter))
    }

    fn add(&mut self, key: String, window: u32, amount: u64) -> wasmtime::Result<u64> {
        let counter = self.counter(&key, window)?;
        if self.facts.counting == Counting::KeptBefore {
            return Ok(self.sum(&counter));
        }
        if !self.facts.counts() {
            self.claims.pretend(counter.clone(), amount)?;
            return Ok(self.sum(&counter));
        }
        let added = self.policy.ledger.add(&counter, amount);
        Ok(added.map_err(Unwilling::from)?)
    }

    fn take(
        &mut self,
        key: String,
        window: u32,
        amount: u64,
        limit: u64,
    ) -> wasmtime::Result<bool> {
        let counter = self.counter(&key, window)?;
        self.claims.check_room()?;
        let fits = Host::take(self, counter, amount, limit)?;
        self.claims.takes += usize::from(fits);
        Ok(fits)
    }

    fn limit_rows(
        &mut self,
        key: String,
        window: u32,
        limit: u64,
        counted: counters::CountedRows,
        denial: types::Denial,
    ) -> wasmtime::Result<()> {
        self.need(Grant::Counters)?;
        self.claims.check_room()?;
        if !self.facts.decides() {
            return Err(unwilling("it limits rows elsewhere than in decide").into());
        }
        let counter = match window {
            0 => None,
            window => {
                let counter = Counter::new(&key, window).map_err(unwilling)?;
                Some((Arc::clone(&self.policy.ledger), counter))
            }
        };
        self.claims.row_limits.push(RowLimit {
            policy: Arc::clone(&self.policy.name),
            reason: sentence(&denial.reason)
                .unwrap_or_else(|| format!("no more than {limit} rows are allowed").into()),
            hint: sentence(&denial.hint),
            limit,
            counted: match counted {
                counters::CountedRows::Every => Counted::Every,
                counters::CountedRows::Protected => Counted::Protected,
            },
            counter,
        });
        Ok(())
    }
}

impl keyed::Host for Host {
    fn token(&mut self, key_name: String, value: String) -> wasmtime::Result<String> {
        self.need(Grant::Keyed)?;
        let Some(key) = self.policy.keys.get(&key_name) else {
            let reason = format!("it names key {key_name:?}, which the deployment has not");
            return Err(unwilling(reason).into());
        };
        let mut token = BytesMut::new();
        CellMask::keyed_hash(key).write(value.as_bytes(), &mut token);
        Ok(String::from_utf8(token.into()).map_err(|_| unwilling("a token is hex digits"))?)
    }
}

impl tables::Host for Host {
    fn lookup(&mut self, table: String, key: String) -> wasmtime::Result<Option<String>> {
        self.need(Grant::Tables)?;
        match self.policy.tables.lookup(&table, &key) {
            Some(value) => Ok(value.map(str::to_owned)),
            None => Err(unwilling(format!("it was given no table {table:?}")).into()),
        }
    }

    fn contains(&mut self, table: String, key: String) -> wasmtime::Result<bool> {
        self.lookup(table, key).map(|value| value.is_some())
    }
}

impl grants::Host for Host {
    fn granted(&mut self, name: String) -> bool {
        Grant::named(&name).is_some_and(|grant| self.policy.grants.contains(&grant))
    }
}

//! What policies count: sums over sliding windows, shared by all judges.
//!
//! A budget must not be forgotten to make room for another: where there is no room, counting fails.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::plan::ResultPlan;

/// Counters of one policy that are not zero.
pub(crate) const MOST_COUNTERS: usize = 16_384;
/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 256;
/// The longest window, in seconds.
pub(crate) const LONGEST_WINDOW: u32 = 31 * 24 * 60 * 60;
/// Parts of a window that are forgotten one by one.
const SLOTS: u64 = 60;
/// How often counters that have become zero are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// The ledgers of all policies, kept when the policies are replaced.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    by_policy: Mutex<HashMap<Arc<str>, Arc<Ledger>>>,
}

impl Ledgers {
    /// The ledger of the policy of that name.
    pub(crate) fn of(&self, policy: &str) -> Arc<Ledger> {
        let mut known = locked(&self.by_policy);
        Arc::clone(known.entry(policy.into()).or_default())
    }
}

/// What is counted under: a key, and the length of the window in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter {
    key: Arc<str>,
    window: u32,
}

impl Counter {
    /// Refuses, in words, a key that is too long and a window that is none or too long.
    pub(crate) fn new(key: &str, window: u32) -> Result<Counter, String> {
        if key.len() > KEY_BYTES {
            let length = key.len();
            return Err(format!(
                "a counter's key has {length} bytes; {KEY_BYTES} are possible"
            ));
        }
        if window == 0 || window > LONGEST_WINDOW {
            return Err(format!(
                "a counter's window has {window} seconds; from 1 to {LONGEST_WINDOW} are possible"
            ));
        }
        Ok(Counter {
            key: key.into(),
            window,
        })
    }

    fn slot_millis(&self) -> u64 {
        (u64::from(self.window) * 1000).div_ceil(SLOTS)
    }
}

/// There are as many counters as are kept for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The counters of one policy.
pub(crate) struct Ledger {
    began: Instant,
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    sums: HashMap<Counter, Sum>,
    swept: Option<Instant>,
}

/// Amounts by the number of their slot, oldest first.
#[derive(Default)]
struct Sum {
    slots: VecDeque<(u64, u64)>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger {
            began: Instant::now(),
            counters: Mutex::default(),
        }
    }
}

impl Ledger {
    /// The sum of the window.
    pub(crate) fn get(&self, counter: &Counter) -> u64 {
        let mut counters = self.counters();
        let now = self.slot(counter);
        counters.sum_at(counter, now)
    }

    /// Adds, and gives the sum of the window.
    pub(crate) fn add(&self, counter: &Counter, amount: u64) -> Result<u64, Full> {
        let mut counters = self.counters();
        let now = self.slot(counter);
        let before = counters.sum_at(counter, now);
        if amount > 0 {
            counters.room_for(self, counter)?.add(now, amount);
        }
        Ok(before.saturating_add(amount))
    }

    /// Adds the amount where it stays within the limit, or else what does of it, where a share will
    /// do; and says how much was added and in which slot.
    fn take(
        &self,
        counter: &Counter,
        amount: u64,
        limit: u64,
        share: Share,
    ) -> Result<(u64, u64), Full> {
        let mut counters = self.counters();
        let now = self.slot(counter);
        let left = limit.saturating_sub(counters.sum_at(counter, now));
        let taken = match share {
            Share::Whole if amount > left => 0,
            Share::Whole | Share::Part => amount.min(left),
        };
        // What is refused must not take the room of what is not.
        if taken > 0 {
            counters.room_for(self, counter)?.add(now, taken);
        }
        Ok((taken, now))
    }

    fn give_back(&self, counter: &Counter, slot: u64, amount: u64) {
        let mut counters = self.counters();
        let Some(sum) = counters.sums.get_mut(counter) else {
            return;
        };
        let mut slots = sum.slots.iter_mut();
        if let Some((_, kept)) = slots.find(|(number, _)| *number == slot) {
            *kept = kept.saturating_sub(amount);
        }
        if sum.slots.iter().all(|(_, kept)| *kept == 0) {
            counters.sums.remove(counter);
        }
    }

    /// The slot of now. To be asked for under the lock, so that slots never go back.
    fn slot(&self, counter: &Counter) -> u64 {
        let since = Instant::now().duration_since(self.began).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX) / counter.slot_millis()
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        locked(&self.counters)
    }
}

/// Whether a part of an amount is better than nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Whole,
    Part,
}

impl Counters {
    fn sum_at(&mut self, counter: &Counter, now: u64) -> u64 {
        let sum = self.sums.get_mut(counter);
        sum.map_or(0, |sum| sum.at(now))
    }

    /// The sum, made where it is new and there is room.
    fn room_for(&mut self, ledger: &Ledger, counter: &Counter) -> Result<&mut Sum, Full> {
        if self.sums.len() >= MOST_COUNTERS && !self.sums.contains_key(counter) {
            self.sweep(ledger);
            if self.sums.len() >= MOST_COUNTERS {
                return Err(Full);
            }
        }
        Ok(self.sums.entry(counter.clone()).or_default())
    }

    /// Drops what has become zero.
    fn sweep(&mut self, ledger: &Ledger) {
        let now = Instant::now();
        let lately = |swept: Instant| now.duration_since(swept) < SWEEP;
        if self.swept.is_some_and(lately) {
            return;
        }
        self.swept = Some(now);
        self.sums
            .retain(|counter, sum| sum.at(ledger.slot(counter)) > 0);
    }
}

impl Sum {
    /// The sum of the window that ends in this slot.
    fn at(&mut self, now: u64) -> u64 {
        while self
            .slots
            .front()
            .is_some_and(|(slot, _)| slot + SLOTS < now)
        {
            self.slots.pop_front();
        }
        let amounts = self.slots.iter().map(|(_, amount)| *amount);
        amounts.fold(0, u64::saturating_add)
    }

    fn add(&mut self, now: u64, amount: u64) {
        match self.slots.back_mut() {
            Some((slot, sum)) if *slot == now => *sum = sum.saturating_add(amount),
            _ if amount > 0 => self.slots.push_back((now, amount)),
            _ => {}
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("counters", &self.counters().sums.len())
            .finish()
    }
}

/// An amount that was taken: given back when dropped, unless it is spent.
#[derive(Debug)]
pub(crate) struct Taken {
    ledger: Arc<Ledger>,
    counter: Counter,
    slot: u64,
    amount: u64,
}

impl Taken {
    /// Takes the amount; none where it would exceed the limit.
    pub(crate) fn take(
        ledger: &Arc<Ledger>,
        counter: Counter,
        amount: u64,
        limit: u64,
    ) -> Result<Option<Taken>, Full> {
        let (taken, slot) = ledger.take(&counter, amount, limit, Share::Whole)?;
        Ok((taken == amount).then(|| Taken {
            ledger: Arc::clone(ledger),
            counter,
            slot,
            amount,
        }))
    }

    /// The request runs: it stays taken, unless it is passed over after all.
    pub(crate) fn spend(mut self) -> Spent {
        Spent {
            ledger: Arc::clone(&self.ledger),
            counter: self.counter.clone(),
            slot: self.slot,
            amount: std::mem::take(&mut self.amount),
        }
    }
}

/// An amount that was spent.
#[derive(Debug)]
pub(crate) struct Spent {
    ledger: Arc<Ledger>,
    counter: Counter,
    slot: u64,
    amount: u64,
}

impl Spent {
    /// The request did not run after all.
    pub(crate) fn give_back(self) {
        self.ledger.give_back(&self.counter, self.slot, self.amount);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.ledger.give_back(&self.counter, self.slot, self.amount);
        }
    }
}

/// Which rows a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// All that the request delivers.
    Every,
    /// Those of results that show a protected column.
    Protected,
}

/// A limit of the rows that requests deliver.
#[derive(Clone, Debug)]
pub struct RowLimit {
    /// Whose limit it is.
    pub policy: Arc<str>,
    /// What the client hears in place of the row that is too many.
    pub reason: Arc<str>,
    /// What would be allowed instead.
    pub hint: Option<Arc<str>>,
    pub(crate) limit: u64,
    pub(crate) counted: Counted,
    /// None where the request alone counts.
    pub(crate) counter: Option<(Arc<Ledger>, Counter)>,
}

/// The limits of the rows of one request, and what it has delivered so far.
#[derive(Debug)]
pub struct Rations {
    limits: Arc<[RowLimit]>,
    /// Rows of this request under each limit.
    delivered: Vec<u64>,
}

impl Rations {
    /// None where nothing is limited.
    pub(crate) fn of(limits: &Arc<[RowLimit]>) -> Option<Rations> {
        (!limits.is_empty()).then(|| Rations {
            limits: Arc::clone(limits),
            delivered: vec![0; limits.len()],
        })
    }

    /// True where rows of this result are counted.
    pub fn count(&self, result: Option<&ResultPlan>) -> bool {
        self.limits.iter().any(|limit| limit.covers(result))
    }

    /// How many of so many rows of this result may be delivered, which are counted from now on; and
    /// the limit that is in the way of the rest.
    pub fn admit(&mut self, result: Option<&ResultPlan>, rows: u64) -> (u64, Option<&RowLimit>) {
        let mut admitted = rows;
        let mut in_the_way = None;
        let mut counted: Vec<(usize, u64, u64)> = Vec::new();
        for (index, limit) in self.limits.iter().enumerate() {
            if !limit.covers(result) {
                continue;
            }
            let (taken, slot) = limit.take(self.delivered[index], admitted);
            counted.push((index, taken, slot));
            if taken < admitted {
                admitted = taken;
                in_the_way = Some(index);
            }
        }
        for (index, taken, slot) in counted {
            self.delivered[index] += admitted;
            self.limits[index].give_back(slot, taken - admitted);
        }
        (admitted, in_the_way.map(|index| &self.limits[index]))
    }
}

impl RowLimit {
    fn covers(&self, result: Option<&ResultPlan>) -> bool {
        match self.counted {
            Counted::Every => true,
            Counted::Protected => result.is_some_and(ResultPlan::shows_protected),
        }
    }

    /// How many of so many rows fit, and when they were counted. Where nothing can be counted,
    /// nothing fits.
    fn take(&self, delivered: u64, rows: u64) -> (u64, u64) {
        match &self.counter {
            None => (rows.min(self.limit.saturating_sub(delivered)), 0),
            Some((ledger, counter)) => ledger
                .take(counter, rows, self.limit, Share::Part)
                .unwrap_or((0, 0)),
        }
    }

    fn give_back(&self, slot: u64, rows: u64) {
        if let Some((ledger, counter)) = self.counter.as_ref().filter(|_| rows > 0) {
            ledger.give_back(counter, slot, rows);
        }
    }
}

#[cfg(test)]
mod tests;

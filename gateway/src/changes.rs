//! Changes of definitions in a database, by whichever of the names it has here: those under way, and
//! those that have ended since some moment. And the writes that may not meet them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sql::analysis::Touched;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::session::cancel::Cancel;

/// The names of so many changes are told apart; those of more count as any.
const MOST_NAMES: usize = 4096;

/// What is known of the changes of a database.
pub(crate) struct Changes {
    /// Counts what was seen of them; a snapshot of a lower epoch judges nothing any more.
    epoch: AtomicU64,
    /// Those that were sent and whose ends nobody has read.
    open: AtomicUsize,
    /// Counts those that have ended.
    ended: AtomicU64,
    names: Mutex<Names>,
    /// Told when a change or a write has ended.
    moved: Notify,
}

#[derive(Default)]
struct Names {
    next: u64,
    open: HashMap<u64, Open>,
    writes: HashMap<u64, Write>,
    /// Which ended change touched a name last; and which touched any.
    last: HashMap<String, u64>,
    any: u64,
    /// The last that may have tied more to a name.
    tied: u64,
}

/// What is under way of a change.
struct Open {
    touched: Touched,
    /// It alters what others may come to depend on while it waits.
    alters: bool,
    /// It may tie more to a name.
    ties: bool,
    /// Statements that may each have come into force.
    statements: usize,
    /// What has failed of it may be in force all the same.
    persists: bool,
}

/// A write under way: its text, where that has the names that it depends on; and what cancels it.
struct Write {
    text: Option<Arc<str>>,
    cancel: Arc<Cancel>,
    /// It was asked to give way.
    cancelled: bool,
}

/// What changes a request may have met since it was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    /// Some that have ended.
    pub(crate) ended: bool,
    /// How many that are under way.
    pub(crate) open: usize,
}

impl Met {
    const NOTHING: Met = Met {
        ended: false,
        open: 0,
    };

    /// True where there is any.
    pub(crate) fn is_any(self) -> bool {
        self.ended || self.open > 0
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("open", &self.open())
            .field("ended", &self.ended())
            .finish_non_exhaustive()
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            epoch: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            ended: AtomicU64::new(0),
            names: Mutex::default(),
            moved: Notify::new(),
        }
    }
}

impl Changes {
    /// Counts what was seen of changes. Cheap: what a session asks before each request.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Something changed, or may have: what was read before judges nothing any more.
    pub(crate) fn seen(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// How many are under way.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// How many have ended. What is read from now on has them.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// A reading that nobody asked for, and that began in this epoch, has found a change. Gives the
    /// epoch from now on; none where it may be older than a change seen meanwhile.
    pub(crate) fn found(&self, epoch: u64) -> Option<u64> {
        let counter = &self.epoch;
        let counted =
            counter.compare_exchange(epoch, epoch + 1, Ordering::AcqRel, Ordering::Acquire);
        counted.is_ok().then_some(epoch + 1)
    }

    /// What a request may have met that was judged by what was read when so many had ended. Of one
    /// without a text each change counts; else those of names that are in the text. The change that
    /// is named as its own does not count.
    pub(crate) fn met(&self, ended: u64, text: Option<&str>, own: Option<&Change>) -> Met {
        if self.is_quiet(ended, own) {
            return Met::NOTHING;
        }
        let text = text.and_then(searched);
        self.lock().met(ended, text.as_deref(), own)
    }

    /// Whether no other change is under way, and none has ended since.
    fn is_quiet(&self, ended: u64, own: Option<&Change>) -> bool {
        // In this order: one that ends counts as ended before it is no longer open.
        self.open() <= usize::from(own.is_some()) && self.ended() <= ended
    }

    /// Begins a write that was judged by what was read when so many changes had ended; not where it
    /// may have met one.
    pub(crate) fn write(
        self: &Arc<Self>,
        ended: u64,
        text: Option<&Arc<str>>,
        own: Option<&Change>,
        cancel: &Arc<Cancel>,
    ) -> Option<Writing> {
        let mut names = self.lock();
        if !self.is_quiet(ended, own) {
            let text = text.and_then(|text| searched(text));
            if names.met(ended, text.as_deref(), own).is_any() {
                return None;
            }
        }
        let number = names.number();
        let write = Write {
            text: text.cloned(),
            cancel: Arc::clone(cancel),
            cancelled: false,
        };
        names.writes.insert(number, write);
        Some(Writing {
            changes: Arc::clone(self),
            number,
        })
    }

    /// Whether writes of other sessions are under way that a change may touch.
    pub(crate) fn has_in_its_way(&self, touched: &Touched, own: &Arc<Cancel>) -> bool {
        let mut names = self.lock();
        names.in_the_way(touched, own).next().is_some()
    }

    /// What cancels those writes, which are to give way.
    pub(crate) fn clear_the_way(&self, touched: &Touched, own: &Arc<Cancel>) -> Vec<Arc<Cancel>> {
        let mut names = self.lock();
        let writes = names.in_the_way(touched, own);
        let cancelled = writes.map(|write| {
            write.cancelled = true;
            Arc::clone(&write.cancel)
        });
        cancelled.collect()
    }

    /// The next time a change or a write ends, counted from the first poll.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A change has ended, as the one of this number.
    fn end(&mut self, touched: Touched, ended: u64) {
        match touched {
            Touched::Relations(touched) if self.last.len() < MOST_NAMES => {
                if !touched.is_empty() {
                    self.pass_on();
                }
                let touched = touched.into_iter().map(|name| (name, ended));
                self.last.extend(touched);
            }
            Touched::Relations(_) | Touched::Anything => {
                self.any = ended;
                self.last.clear();
                self.pass_on();
            }
        }
    }

    /// What waits to alter something reaches what another change has made of that meanwhile: heirs, views,
    /// columns of its type.
    fn pass_on(&mut self) {
        for open in self.open.values_mut().filter(|open| open.alters) {
            open.touched = Touched::Anything;
        }
    }

    fn in_the_way(
        &mut self,
        touched: &Touched,
        own: &Arc<Cancel>,
    ) -> impl Iterator<Item = &mut Write> {
        let others = self.writes.values_mut();
        others
            .filter(|write| !Arc::ptr_eq(&write.cancel, own))
            .filter(|write| concerns(touched, write.text.as_deref().and_then(searched).as_deref()))
    }

    fn met(&self, ended: u64, text: Option<&str>, own: Option<&Change>) -> Met {
        let mut last = self.last.iter().filter(|(_, number)| **number > ended);
        let is_own = |number: &u64| own.is_some_and(|own| own.number == *number);
        let open = self.open.iter().filter(|(number, _)| !is_own(number));
        Met {
            ended: self.any > ended || last.any(|(name, _)| is_in(name, text)),
            open: open
                .filter(|(_, open)| concerns(&open.touched, text))
                .map(|(_, open)| open.statements)
                .sum(),
        }
    }
}

/// Whether a change may touch what a text means; one without a text, any.
fn concerns(touched: &Touched, text: Option<&str>) -> bool {
    match touched {
        Touched::Anything => true,
        Touched::Relations(names) => names.iter().any(|name| is_in(name, text)),
    }
}

/// Whether a name may be in a text that is searched, in whatever case and quotes; or what is called
/// after it, with underscores around it: a sequence, the type of its arrays.
fn is_in(name: &str, text: Option<&str>) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '$' || !c.is_ascii();
    text.is_none_or(|text| {
        text.match_indices(name).any(|(at, found)| {
            let (before, behind) = (&text[..at], &text[at + found.len()..]);
            !before.ends_with(goes_on) && !behind.starts_with(goes_on)
        })
    })
}

/// A text as it is searched for names; none where they may be written otherwise.
fn searched(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    (!text.contains("u&\"")).then_some(text)
}

fn in_lower_case(touched: Touched) -> Touched {
    match touched {
        Touched::Anything => Touched::Anything,
        Touched::Relations(names) => {
            let names = names.into_iter();
            Touched::Relations(names.map(|name| name.to_ascii_lowercase()).collect())
        }
    }
}

/// A write under way, until dropped.
#[derive(Debug)]
pub(crate) struct Writing {
    changes: Arc<Changes>,
    number: u64,
}

impl Writing {
    /// It was cancelled, so that a change comes by.
    pub(crate) fn was_cancelled(&self) -> bool {
        let names = self.changes.lock();
        names
            .writes
            .get(&self.number)
            .is_some_and(|write| write.cancelled)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.changes.lock().writes.remove(&self.number);
        self.changes.moved.notify_waiters();
    }
}

/// A change that was sent, and whose end nobody has read yet: it may be done.
pub(crate) struct Change {
    changes: Arc<Changes>,
    number: u64,
    /// It is known not to be in force.
    pending: bool,
}

impl Change {
    /// It is about to be sent.
    pub(crate) fn begin(changes: &Arc<Changes>) -> Self {
        let mut names = changes.lock();
        let number = names.number();
        let open = Open {
            touched: Touched::Relations(Vec::new()),
            alters: false,
            ties: false,
            statements: 0,
            persists: false,
        };
        names.open.insert(number, open);
        changes.open.fetch_add(1, Ordering::AcqRel);
        drop(names);
        Self {
            changes: Arc::clone(changes),
            number,
            pending: false,
        }
    }

    /// It has run, and the transaction that it is in has not ended.
    pub(crate) fn stays_pending(mut self) {
        self.pending = true;
    }

    /// All that it touches by now.
    pub(crate) fn touched(&self) -> Touched {
        let names = self.changes.lock();
        let open = names.open.get(&self.number);
        open.map_or(Touched::Anything, |open| open.touched.clone())
    }

    /// Statements are about to be sent. Gives all that this change touches by now.
    pub(crate) fn widen(&self, sent: Sent) -> Touched {
        let mut names = self.changes.lock();
        let touched = match names.tied <= sent.judged_after {
            true => in_lower_case(sent.touched),
            false => Touched::Anything,
        };
        let Some(open) = names.open.get_mut(&self.number) else {
            return Touched::Anything;
        };
        open.touched.widen(touched);
        open.alters |= sent.alters;
        open.ties |= sent.ties;
        open.statements += sent.statements;
        open.persists |= sent.persists;
        open.touched.clone()
    }

    /// Whether what has failed of it may be in force all the same.
    pub(crate) fn persists(&self) -> bool {
        let names = self.changes.lock();
        names
            .open
            .get(&self.number)
            .is_none_or(|open| open.persists)
    }
}

/// What is sent of a change.
pub(crate) struct Sent {
    pub(crate) touched: Touched,
    /// It alters what others may depend on.
    pub(crate) alters: bool,
    /// It does more than to make what depends on nothing, or to drop something.
    pub(crate) ties: bool,
    pub(crate) statements: usize,
    /// It may commit before it fails.
    pub(crate) persists: bool,
    /// How many changes had ended when what it was judged by was read: one since may have tied more to
    /// its names.
    pub(crate) judged_after: u64,
}

impl Changes {
    fn end(&self, change: u64, pending: bool) {
        let mut names = self.lock();
        let open = names.open.remove(&change);
        if !pending {
            let ended = self.ended() + 1;
            if open.as_ref().is_none_or(|open| open.ties) {
                names.tied = ended;
            }
            let touched = open.map_or(Touched::Anything, |open| open.touched);
            names.end(touched, ended);
            self.ended.store(ended, Ordering::Release);
            self.seen();
        }
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// It has ended.
impl Drop for Change {
    fn drop(&mut self) {
        self.changes.end(self.number, self.pending);
        self.changes.moved.notify_waiters();
    }
}

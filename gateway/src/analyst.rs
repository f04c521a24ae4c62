//! Reading statements aside: threads with deep stacks, so that one client's new text delays
//! nobody's known ones. Long texts, and short ones that turn out to be much work, wait in a line of
//! their own, for one thread, so that they delay no others, and only one of them at a time takes the
//! memory that it needs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use sql::Strings;
use sql::analysis::{Analysis, Opaque, OpaqueReason};
use sql::catalog::Catalog;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// From how many bytes a text is long.
const LONG: usize = 8 << 10;

/// How many texts may wait in a line. A session waits for one at a time.
const MOST_WAITING: usize = 1_000;

/// A text that is read for longer is refused, and its thread replaced until it is done.
const LONGEST: Duration = Duration::from_secs(30);

/// How often whoever waits looks whether one is.
const LOOKS: Duration = Duration::from_secs(1);

/// No more threads of a line are replaced at a time.
const MOST_REPLACED: usize = 8;

/// The threads. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Analysts {
    short: Line,
    long: Line,
}

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// Too many wait.
    #[error("too many statements wait to be read")]
    Busy,
    /// It takes too long.
    #[error("the statement takes too long to be read")]
    Late,
}

#[derive(Debug)]
struct Job {
    text: Arc<str>,
    strings: Strings,
    catalog: Arc<Catalog>,
    answer: oneshot::Sender<Arc<Analysis>>,
    begun: Arc<Begun>,
}

/// When the reading began of what is being read.
#[derive(Debug, Default)]
struct Begun(Mutex<Option<Instant>>);

impl Begun {
    fn set(&self, begun: Option<Instant>) {
        *locked(&self.0) = begun;
    }

    fn is_longer_ago_than(&self, bound: Duration) -> bool {
        locked(&self.0).is_some_and(|begun| begun.elapsed() > bound)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Analysts {
    /// Starts `threads` threads, and one for long texts.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        Self::start_with(threads, LONGEST)
    }

    fn start_with(threads: usize, longest: Duration) -> std::io::Result<Self> {
        let long = Line::start(("read-long", 1, longest), None)?;
        Ok(Self {
            short: Line::start(("read", threads, longest), Some(long.jobs.clone()))?,
            long,
        })
    }

    /// What a text would do. A reader that gives up leaves an opaque analysis.
    pub(crate) async fn analyze(
        &self,
        text: &Arc<str>,
        strings: Strings,
        catalog: &Arc<Catalog>,
    ) -> Result<Arc<Analysis>, Unread> {
        let (answer, mut answered) = oneshot::channel();
        let begun = Arc::new(Begun::default());
        let job = Job {
            text: Arc::clone(text),
            strings,
            catalog: Arc::clone(catalog),
            answer,
            begun: Arc::clone(&begun),
        };
        let line = if text.len() < LONG {
            &self.short
        } else {
            &self.long
        };
        match line.jobs.try_send(job) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(_)) => return Err(Unread::Busy),
            Err(mpsc::TrySendError::Disconnected(_)) => return Ok(Arc::new(unreadable())),
        }
        loop {
            if let Ok(analysis) = timeout(LOOKS, &mut answered).await {
                return Ok(analysis.unwrap_or_else(|_| Arc::new(unreadable())));
            }
            for crew in [&self.short.crew, &self.long.crew] {
                if let Err(error) = crew.complete() {
                    tracing::warn!(%error, "no thread takes the place of one that reads for long");
                }
            }
            if begun.is_longer_ago_than(line.crew.longest) {
                return Err(Unread::Late);
            }
        }
    }
}

/// Texts that wait, and the threads that read them.
#[derive(Debug)]
struct Line {
    jobs: mpsc::SyncSender<Job>,
    crew: Arc<Crew>,
}

/// Threads that read what is put into their line; where there is another for what is much work, that
/// goes there.
#[derive(Debug)]
struct Crew {
    name: &'static str,
    threads: usize,
    longest: Duration,
    queue: Mutex<mpsc::Receiver<Job>>,
    other: Option<mpsc::SyncSender<Job>>,
    /// What each thread has begun.
    at_work: Mutex<Vec<Arc<Begun>>>,
}

impl Line {
    fn start(
        (name, threads, longest): (&'static str, usize, Duration),
        other: Option<mpsc::SyncSender<Job>>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel(MOST_WAITING);
        let crew = Arc::new(Crew {
            name,
            threads,
            longest,
            queue: Mutex::new(queue),
            other,
            at_work: Mutex::default(),
        });
        crew.complete()?;
        Ok(Self { jobs, crew })
    }
}

impl Crew {
    /// Starts the threads that are missing, and one for each that reads the same text for long.
    fn complete(self: &Arc<Self>) -> std::io::Result<()> {
        let mut at_work = locked(&self.at_work);
        while at_work.len() < self.wanted(&at_work) {
            let (crew, begun) = (Arc::clone(self), Arc::new(Begun::default()));
            let own = Arc::clone(&begun);
            std::thread::Builder::new()
                .name(format!("sluice-{}-{}", self.name, at_work.len()))
                .stack_size(sql::STACK_BYTES)
                .spawn(move || crew.work(&own))?;
            at_work.push(begun);
        }
        Ok(())
    }

    fn wanted(&self, at_work: &[Arc<Begun>]) -> usize {
        let late = at_work
            .iter()
            .filter(|one| one.is_longer_ago_than(self.longest));
        self.threads + late.count().min(MOST_REPLACED)
    }

    /// Whether a thread that has done its work is one too many, as another has taken its place.
    fn is_replaced(&self, own: &Arc<Begun>) -> bool {
        let mut at_work = locked(&self.at_work);
        let is_replaced = at_work.len() > self.wanted(&at_work);
        if is_replaced {
            at_work.retain(|one| !Arc::ptr_eq(one, own));
        }
        is_replaced
    }

    fn work(&self, own: &Arc<Begun>) {
        while !self.is_replaced(own) {
            let Ok(job) = locked(&self.queue).recv() else {
                return;
            };
            // Else the session has ended meanwhile.
            if !job.answer.is_closed() {
                let now = Some(Instant::now());
                own.set(now);
                job.begun.set(now);
                self.read(job);
                own.set(None);
            }
        }
    }

    fn read(&self, job: Job) {
        let (text, catalog) = (Arc::clone(&job.text), Arc::clone(&job.catalog));
        let (strings, brief) = (job.strings, self.other.is_some());
        let read = std::panic::catch_unwind(move || match brief {
            true => sql::analyze_briefly(&text, strings, &catalog),
            false => Some(sql::analyze_as(&text, strings, &catalog)),
        });
        job.begun.set(None);
        match (read, &self.other) {
            // The session may have ended meanwhile: then nobody waits for the answer.
            (Ok(Some(analysis)), _) => drop(job.answer.send(Arc::new(analysis))),
            // A full line, or a text that no reader copes with, is heard of where it is awaited.
            (Ok(None), Some(other)) => drop(other.try_send(job)),
            (Ok(None), None) | (Err(_), _) => {}
        }
    }
}

/// A text that the readers could not cope with does anything.
fn unreadable() -> Analysis {
    let opaque = Opaque {
        reason: OpaqueReason::Unparsed,
        detail: "the reader gave up on this text".to_owned(),
        statement: 0,
    };
    Analysis {
        opaque: vec![opaque],
        ..Analysis::default()
    }
}

#[cfg(test)]
mod tests;

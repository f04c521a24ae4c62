//! Reading statements aside: threads with deep stacks, so that one client's new text delays
//! nobody's known ones. Long texts, and short ones that turn out to be much work, wait in a line of
//! their own, for one thread, so that they delay no others, and only one of them at a time takes the
//! memory that it needs.

use std::sync::{Arc, Mutex, mpsc};

use sql::Strings;
use sql::analysis::{Analysis, Opaque, OpaqueReason};
use sql::catalog::Catalog;
use tokio::sync::oneshot;

/// From how many bytes a text is long.
const LONG: usize = 8 << 10;

/// How many texts may wait in a line. A session waits for one at a time.
const MOST_WAITING: usize = 1_000;

/// The threads. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Analysts {
    short: mpsc::SyncSender<Job>,
    long: mpsc::SyncSender<Job>,
}

/// Too many texts wait to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many statements wait to be read")]
pub(crate) struct Busy;

#[derive(Debug)]
struct Job {
    text: Arc<str>,
    strings: Strings,
    catalog: Arc<Catalog>,
    answer: oneshot::Sender<Arc<Analysis>>,
}

impl Analysts {
    /// Starts `threads` threads, and one for long texts.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        let long = line("read-long", 1, None)?;
        Ok(Self {
            short: line("read", threads, Some(&long))?,
            long,
        })
    }

    /// What a text would do. A reader that gives up leaves an opaque analysis.
    pub(crate) async fn analyze(
        &self,
        text: &Arc<str>,
        strings: Strings,
        catalog: &Arc<Catalog>,
    ) -> Result<Arc<Analysis>, Busy> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            text: Arc::clone(text),
            strings,
            catalog: Arc::clone(catalog),
            answer,
        };
        let line = if text.len() < LONG {
            &self.short
        } else {
            &self.long
        };
        match line.try_send(job) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(_)) => return Err(Busy),
            Err(mpsc::TrySendError::Disconnected(_)) => return Ok(Arc::new(unreadable())),
        }
        Ok(answered.await.unwrap_or_else(|_| Arc::new(unreadable())))
    }
}

/// Threads that read what is put into their line; where there is another for what is much work, that
/// goes there.
fn line(
    name: &str,
    threads: usize,
    other: Option<&mpsc::SyncSender<Job>>,
) -> std::io::Result<mpsc::SyncSender<Job>> {
    let (jobs, queue) = mpsc::sync_channel(MOST_WAITING);
    let queue = Arc::new(Mutex::new(queue));
    for number in 0..threads {
        let queue = Arc::clone(&queue);
        let other = other.cloned();
        std::thread::Builder::new()
            .name(format!("sluice-{name}-{number}"))
            .stack_size(sql::STACK_BYTES)
            .spawn(move || work(&queue, other.as_ref()))?;
    }
    Ok(jobs)
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

fn work(queue: &Mutex<mpsc::Receiver<Job>>, other: Option<&mpsc::SyncSender<Job>>) {
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        if job.answer.is_closed() {
            // The session has ended meanwhile.
            continue;
        }
        let (text, catalog) = (Arc::clone(&job.text), Arc::clone(&job.catalog));
        let (strings, brief) = (job.strings, other.is_some());
        let read = std::panic::catch_unwind(move || match brief {
            true => sql::analyze_briefly(&text, strings, &catalog),
            false => Some(sql::analyze_as(&text, strings, &catalog)),
        });
        match (read, other) {
            // The session may have ended meanwhile: then nobody waits for the answer.
            (Ok(Some(analysis)), _) => drop(job.answer.send(Arc::new(analysis))),
            // A full line, or a text that no reader copes with, is heard of where it is awaited.
            (Ok(None), Some(other)) => drop(other.try_send(job)),
            (Ok(None), None) | (Err(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests;

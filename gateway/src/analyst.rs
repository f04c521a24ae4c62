//! Reading statements aside: threads with deep stacks, so that one client's new text delays
//! nobody's known ones.

use std::sync::{Arc, Mutex, mpsc};

use sql::Strings;
use sql::analysis::{Analysis, Opaque, OpaqueReason};
use sql::catalog::Catalog;
use tokio::sync::oneshot;

/// The threads. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Analysts {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    text: Arc<str>,
    strings: Strings,
    catalog: Arc<Catalog>,
    answer: oneshot::Sender<Arc<Analysis>>,
}

impl Analysts {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("sluice-read-{number}"))
                .stack_size(sql::STACK_BYTES)
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// What a text would do. A reader that gives up leaves an opaque analysis.
    pub(crate) async fn analyze(
        &self,
        text: &Arc<str>,
        strings: Strings,
        catalog: &Arc<Catalog>,
    ) -> Arc<Analysis> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            text: Arc::clone(text),
            strings,
            catalog: Arc::clone(catalog),
            answer,
        };
        let sent = self.jobs.send(job).is_ok();
        match answered.await {
            Ok(analysis) if sent => analysis,
            _ => Arc::new(unreadable()),
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

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
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
        let Job {
            text,
            strings,
            catalog,
            answer,
        } = job;
        let read = std::panic::catch_unwind(move || sql::analyze_as(&text, strings, &catalog));
        if let Ok(analysis) = read {
            // The session may have ended meanwhile: then nobody waits for the answer.
            let _ = answer.send(Arc::new(analysis));
        }
    }
}

//! The thread beside the writers: it makes segments before they are needed and finishes those that are full.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use crate::segment::{Label, Segment};
use crate::{Error, Result, TrailConfig};

/// Work for the thread.
#[derive(Debug)]
pub(crate) enum Order {
    /// Make a segment.
    Make {
        label: Label,
        bytes: usize,
        give: SyncSender<Result<Segment>>,
    },
    /// Finish one.
    Finish(Box<Segment>),
}

/// Starts the thread. It ends when nobody can give it work any more.
pub(crate) fn start(config: TrailConfig) -> Result<(Sender<Order>, std::thread::JoinHandle<()>)> {
    let (orders, work) = channel();
    let thread = std::thread::Builder::new().name("trail".into());
    let thread = thread
        .spawn(move || run(&config, &work))
        .map_err(Error::Thread)?;
    Ok((orders, thread))
}

fn run(config: &TrailConfig, work: &Receiver<Order>) {
    for order in work {
        match order {
            Order::Make { label, bytes, give } => {
                // A writer that ended meanwhile does not take it; what nobody uses is removed.
                if let Err(unused) = give.send(Segment::create(config, label, bytes))
                    && let Ok(segment) = unused.0
                {
                    finish(segment);
                }
            }
            Order::Finish(segment) => finish(*segment),
        }
    }
}

fn finish(segment: Segment) {
    if let Err(error) = segment.finish() {
        tracing::warn!(%error, "a segment of the trail was left as it is");
    }
}

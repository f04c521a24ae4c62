//! A directory of segments, and those who write to it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use crate::export::{self, Sink};
use crate::prepare::{self, Order};
use crate::reader::Reader;
use crate::segment::{self, Label};
use crate::{Error, Result, Writer, WriterSeed, record};

/// What the record must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of the process, at any moment.
    #[default]
    Process,
    /// Loss of power too: [`Writer::flush`] waits for the disk.
    Power,
}

/// How a trail is kept.
#[derive(Debug, Clone)]
pub struct TrailConfig {
    /// The directory; it is made if it is not there.
    pub dir: PathBuf,
    /// The size of a segment.
    pub segment_bytes: usize,
    /// What the record must survive.
    pub durability: Durability,
    /// How many bytes of each result to keep, where the verdict does not say.
    pub keep_bytes: u64,
}

impl TrailConfig {
    /// The usual trail in this directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 16 << 20,
            durability: Durability::default(),
            keep_bytes: 64 << 10,
        }
    }
}

/// The record. It may be shared; each thread takes a [`Writer`] of its own. It lasts as long as one of them does.
#[derive(Debug)]
pub struct Trail(Arc<Shared>);

/// What the writers of a trail have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: TrailConfig,
    begun: u64,
    writers: AtomicU32,
    segments: AtomicU32,
    /// What gives the preparing thread work. Taken by drop only.
    orders: Option<Sender<Order>>,
    preparing: Option<JoinHandle<()>>,
    /// Exporters, and what tells each to stop when it is dropped.
    exporters: Mutex<Vec<(Sender<()>, JoinHandle<()>)>>,
}

impl Trail {
    /// Opens the trail in a directory, beside others that may write there.
    ///
    /// # Errors
    /// If the directory cannot be made or no thread be started.
    pub fn open(config: TrailConfig) -> Result<Self> {
        // What is recorded is nobody else's to read.
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&config.dir);
        made.map_err(Error::file("make", &config.dir))?;
        segment::reclaim(&config.dir)?;
        let (orders, thread) = prepare::start(config.clone())?;
        let begun = record::to_micros(SystemTime::now());
        Ok(Self(Arc::new(Shared {
            config,
            begun,
            writers: AtomicU32::new(0),
            // Texts are shared by the writers of one trail. Two trails of one process start far apart.
            segments: AtomicU32::new(begun as u32),
            orders: Some(orders),
            preparing: Some(thread),
            exporters: Mutex::default(),
        })))
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.config.dir
    }

    /// A writer for the calling thread, its first segment made.
    ///
    /// # Errors
    /// If the segment cannot be made, as when the disk is full.
    pub fn writer(&self) -> Result<Writer> {
        Ok(self.writer_seed()?.start())
    }

    /// What another thread makes its writer of, the first segment made.
    ///
    /// # Errors
    /// If the segment cannot be made, as when the disk is full.
    pub fn writer_seed(&self) -> Result<WriterSeed> {
        let number = self.0.writers.fetch_add(1, Ordering::Relaxed);
        WriterSeed::new(Arc::clone(&self.0), number)
    }

    /// Exports what this trail's writers record, as OCSF, from now until the last of them is gone. A thread does it, behind
    /// the writers: what cannot be exported stays on the record and is tried again.
    ///
    /// # Errors
    /// If the sink cannot be opened or no thread be started.
    pub fn export_to(&self, sink: Sink) -> Result<()> {
        let out = sink.open()?;
        let reader = Reader::open(self.dir())?
            .without_results()
            .only_begun(self.0.begun);
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("trail-export".into());
        let thread = thread.spawn(move || export::run(reader, out, &stopped));
        let exporter = (stop, thread.map_err(Error::Thread)?);
        self.0
            .exporters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(exporter);
        Ok(())
    }
}

impl Shared {
    /// The label of a writer's next segment.
    pub(crate) fn label(&self, writer: u32, sequence: u32) -> Label {
        // Zero is no segment, so that an unset `Place` is nowhere.
        let ordinal = self.segments.fetch_add(1, Ordering::Relaxed).max(1);
        Label {
            begun: self.begun,
            writer,
            sequence,
            ordinal,
        }
    }

    /// Gives the preparing thread work.
    pub(crate) fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The thread ends only after we dropped this.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Shared {
    /// Waits for full segments to be finished and for the exporters' last turn.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.preparing.take() {
            let _ = thread.join();
        }
        let exporters = self
            .exporters
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for (stop, thread) in exporters.drain(..) {
            drop(stop);
            let _ = thread.join();
        }
    }
}

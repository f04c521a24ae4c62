//! Appends records, for one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::SystemTime;

use crate::codec::{Put as _, Room};
use crate::facts::{Judged, Opening, Parameter, Place, SessionOpening};
use crate::prepare::Order;
use crate::record::{Kind, SEGMENT_HEADER, framed, to_micros};
use crate::segment::{LARGEST, Segment};
use crate::trail::{Durability, Shared};
use crate::{Entry, Error, Result, SessionId};

/// What every open request keeps free in the segment, so that its end can be recorded on a full disk too. The record of
/// its session is counted beside it.
pub(crate) const CLOSING: usize = 192;

/// How many generations are kept. Old ones judge only what began before them.
const GENERATIONS: usize = 64;

/// Appends to the trail, for the sessions of one thread.
#[derive(Debug, Clone)]
pub struct Writer(pub(crate) Rc<RefCell<Appender>>);

/// A writer that no thread has taken yet.
#[derive(Debug)]
pub struct WriterSeed {
    shared: Arc<Shared>,
    number: u32,
    segment: Segment,
}

impl WriterSeed {
    pub(crate) fn new(shared: Arc<Shared>, number: u32) -> Result<Self> {
        let label = shared.label(number, 0);
        let segment = Segment::create(&shared.config, label, shared.config.segment_bytes)?;
        Ok(Self {
            shared,
            number,
            segment,
        })
    }

    /// The writer, for the calling thread.
    #[must_use]
    pub fn start(self) -> Writer {
        let mut appender = Appender {
            shared: self.shared,
            number: self.number,
            sequence: 0,
            segment: Some(self.segment),
            next: None,
            reserved: 0,
            generations: Vec::new(),
            spare: Vec::new(),
        };
        appender.order_next();
        Writer(Rc::new(RefCell::new(appender)))
    }
}

impl Writer {
    /// Records the beginning of a session. Its end is recorded when the [`Session`] is dropped.
    ///
    /// # Errors
    /// If it cannot be recorded; then the session must be refused.
    pub fn session(&self, opening: &SessionOpening) -> Result<Session> {
        let session = Session(Rc::new(Opened {
            writer: self.clone(),
            id: opening.session,
            json: serde_json::to_vec(opening)?,
            place: Cell::default(),
            requests: Cell::new(0),
        }));
        let mut appender = self.0.borrow_mut();
        appender.ensure(framed(session.0.json.len()))?;
        appender.refer_session(&session.0);
        drop(appender);
        Ok(session)
    }

    /// Waits until all that was appended is on the disk, where the trail must survive loss of power; else does nothing.
    /// Call it once a turn of the event loop, before what was appended in it is forwarded.
    ///
    /// # Errors
    /// If the disk does not take it; then nothing may be forwarded.
    pub fn flush(&self) -> Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// A session on the record. Dropped, it records its end.
#[derive(Debug, Clone)]
pub struct Session(pub(crate) Rc<Opened>);

/// What a [`Session`] and its entries share.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) writer: Writer,
    id: SessionId,
    pub(crate) json: Vec<u8>,
    place: Cell<Place>,
    requests: Cell<u64>,
}

impl Session {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Whether the digests of a generation are known to the writer, so that a verdict of it need not bring them.
    #[must_use]
    pub fn knows(&self, generation: u64) -> bool {
        let appender = self.0.writer.0.borrow();
        appender
            .generations
            .iter()
            .rev()
            .any(|known| known.number == generation)
    }

    /// Begins the record of a request. Nothing is written before it is [judged](Entry::judged), nor may anything be
    /// forwarded before that.
    pub fn open(&self, opening: &Opening<'_>) -> Entry {
        Entry::begin(Rc::clone(&self.0), self.next(), opening)
    }

    /// Records a request whose verdict is known at once: as [`open`](Self::open), [`Entry::parameter`] for each of
    /// `parameters`, and [`Entry::judged`], but nothing is copied before it is written.
    ///
    /// # Errors
    /// If it cannot be recorded; then the request must be refused.
    pub fn record<'a>(
        &self,
        opening: &Opening<'_>,
        parameters: impl Iterator<Item = Parameter<'a>> + Clone,
        judged: &Judged<'_>,
    ) -> Result<Entry> {
        Entry::recorded(Rc::clone(&self.0), self.next(), opening, parameters, judged)
    }

    /// The number of the next request.
    fn next(&self) -> u64 {
        let number = self.0.requests.get() + 1;
        self.0.requests.set(number);
        number
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut appender = self.writer.0.borrow_mut();
        let now = to_micros(SystemTime::now());
        if let Err(error) = appender.end_session(self, now) {
            tracing::error!(%error, session = %self.id, "the end of a session is not on the record");
        }
    }
}

/// A generation of the policy set, kept so that it can be recorded in the segments to come.
#[derive(Debug)]
struct Generation {
    number: u64,
    policies: usize,
    json: Vec<u8>,
    place: Place,
}

impl Generation {
    fn is_of(&self, judged: &Judged<'_>) -> bool {
        let same = judged.digests.is_empty() || judged.digests.len() == self.policies;
        self.number == judged.generation && same
    }
}

/// The writing end of one thread's segments.
#[derive(Debug)]
pub(crate) struct Appender {
    pub(crate) shared: Arc<Shared>,
    number: u32,
    sequence: u32,
    segment: Option<Segment>,
    next: Option<Receiver<Result<Segment>>>,
    /// What open requests need for their ends.
    pub(crate) reserved: usize,
    /// Generations that judged of late.
    generations: Vec<Generation>,
    /// Buffers of past entries, for entries to come.
    pub(crate) spare: Vec<Vec<u8>>,
}

impl Appender {
    /// Makes sure that records of `bytes` together fit in the segment and leave open requests what they need.
    pub(crate) fn ensure(&mut self, bytes: usize) -> Result<()> {
        let needed = bytes + self.reserved;
        match &self.segment {
            Some(segment) if segment.room() >= needed => Ok(()),
            _ => self.roll(needed),
        }
    }

    /// As [`ensure`](Self::ensure), from what was left for this purpose.
    pub(crate) fn ensure_reserved(&mut self, bytes: usize) -> Result<()> {
        match &self.segment {
            Some(segment) if segment.room() >= bytes => Ok(()),
            _ => self.roll(bytes + self.reserved),
        }
    }

    /// Goes on in the next segment. The old one stays in use if there is none.
    #[cold]
    fn roll(&mut self, needed: usize) -> Result<()> {
        if needed > LARGEST {
            return Err(Error::TooLarge { bytes: needed });
        }
        // Beside what is kept free for ends, so that not each record needs a segment of its own.
        let roomy = (needed + self.shared.config.segment_bytes / 2).min(LARGEST);
        let next = self.next.take().and_then(|next| next.recv().ok());
        // What kept the thread from making one may be over.
        let segment = match next.and_then(Result::ok) {
            Some(next) if next.room() >= roomy => next,
            next => match (self.create(roomy), next) {
                (Err(_), Some(next)) if next.room() >= needed => next,
                (made, next) => {
                    if let Some(small) = next {
                        self.shared.order(Order::Finish(Box::new(small)));
                    }
                    made?
                }
            },
        };
        self.flush()?;
        if let Some(full) = self.segment.replace(segment) {
            self.shared.order(Order::Finish(Box::new(full)));
        }
        self.order_next();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        match self.shared.config.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.segment.as_mut().map_or(Ok(()), Segment::flush),
        }
    }

    fn create(&mut self, room: usize) -> Result<Segment> {
        self.sequence += 1;
        let label = self.shared.label(self.number, self.sequence);
        let config = &self.shared.config;
        let bytes = config
            .segment_bytes
            .max((room + SEGMENT_HEADER).next_multiple_of(4096));
        Segment::create(config, label, bytes)
    }

    fn order_next(&mut self) {
        self.sequence += 1;
        let label = self.shared.label(self.number, self.sequence);
        let (give, next) = sync_channel(1);
        self.shared.order(Order::Make {
            label,
            bytes: (self.shared.config.segment_bytes + self.reserved).min(LARGEST),
            give,
        });
        self.next = Some(next);
    }

    /// Appends a record for which there is room.
    #[inline]
    pub(crate) fn append(&mut self, kind: Kind, write: impl FnOnce(&mut Room<'_>)) -> u32 {
        let segment = self.segment.as_mut().expect("it is taken only by drop");
        segment.append(kind, write)
    }

    /// The number of the segment, for [`Place`]s.
    pub(crate) fn ordinal(&self) -> u32 {
        self.segment
            .as_ref()
            .expect("it is taken only by drop")
            .ordinal()
    }

    /// Where the session is recorded in this segment; there is room to do it now.
    pub(crate) fn refer_session(&mut self, session: &Opened) -> u32 {
        let ordinal = self.ordinal();
        if let Some(offset) = session.place.get().within(ordinal) {
            return offset;
        }
        let offset = self.append(Kind::Session, |room| room.raw(&session.json));
        session.place.set(Place::new(ordinal, offset));
        offset
    }

    /// Where the generation is recorded in this segment; there is room to do it now.
    pub(crate) fn refer_generation(&mut self, judged: &Judged<'_>) -> Result<u32> {
        let ordinal = self.ordinal();
        let known = self
            .generations
            .iter()
            .rposition(|known| known.is_of(judged));
        let at = known.map_or_else(|| self.learn(judged), Ok)?;
        if let Some(offset) = self.generations[at].place.within(ordinal) {
            return Ok(offset);
        }
        let json = std::mem::take(&mut self.generations[at].json);
        let offset = self.append(Kind::Generation, |room| room.raw(&json));
        let generation = &mut self.generations[at];
        (generation.json, generation.place) = (json, Place::new(ordinal, offset));
        Ok(offset)
    }

    fn learn(&mut self, judged: &Judged<'_>) -> Result<usize> {
        let json = serde_json::to_vec(&(judged.generation, judged.digests))?;
        if self.generations.len() == GENERATIONS {
            self.generations.remove(0);
        }
        let (number, policies) = (judged.generation, judged.digests.len());
        self.generations.push(Generation {
            number,
            policies,
            json,
            place: Place::default(),
        });
        Ok(self.generations.len() - 1)
    }

    /// More bytes than the record of the generation can take.
    pub(crate) fn generation_bytes(&self, judged: &Judged<'_>) -> usize {
        let mut known = self.generations.iter().rev();
        let given = || {
            judged
                .digests
                .iter()
                .map(|(name, digest)| 6 * (name.len() + digest.len()) + 16)
        };
        let known = known
            .find(|known| known.is_of(judged))
            .map(|known| known.json.len());
        framed(known.unwrap_or_else(|| given().sum::<usize>() + 32))
    }

    fn end_session(&mut self, session: &Opened, now: u64) -> Result<()> {
        self.ensure(framed(session.json.len()) + framed(20))?;
        let offset = self.refer_session(session);
        self.append(Kind::SessionEnd, |room| {
            room.number(u64::from(offset));
            room.number(now);
        });
        Ok(())
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        let next = self
            .next
            .take()
            .and_then(|next| next.recv().ok())
            .and_then(Result::ok);
        for segment in self.segment.take().into_iter().chain(next) {
            self.shared.order(Order::Finish(Box::new(segment)));
        }
    }
}

//! What the upstream still owes, in order: which request the next reply belongs to.
//!
//! Pure: messages go in as tags, answers come out as values. The rules are those of the protocol
//! documentation, sections "Extended Query", "Pipelining" and "COPY Operations".

use std::collections::VecDeque;

use wire::upstream::UpstreamTag;

#[cfg(test)]
mod tests;

/// A message that went upstream and is owed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Query or FunctionCall: everything up to ReadyForQuery.
    Query,
    /// Parse: ParseComplete.
    Parse,
    /// Bind: BindComplete.
    Bind,
    /// Describe: RowDescription or NoData, after ParameterDescription for a statement.
    Describe,
    /// Execute: rows and CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute,
    /// Close: CloseComplete.
    Close,
    /// Sync: ReadyForQuery.
    Sync,
    /// CopyDone or CopyFail: no answer of its own; it ends the COPY of the Execute before it.
    CopyEnd,
}

/// One owed answer, with what the session keeps for it.
#[derive(Debug)]
pub(crate) struct Owed<T> {
    /// What was asked.
    pub(crate) step: Step,
    /// What the session keeps for it.
    pub(crate) keep: T,
    /// Grows from one to the next, from 1.
    pub(crate) number: u64,
    /// False for a Sync that may have been ignored, as COPY data were expected where it stood.
    certain: bool,
    /// Whether it was said how a Query ended: nothing is ready for the next one before.
    ended: bool,
    /// How often a Query or Execute may still read COPY data, each time up to their end.
    copies: usize,
}

impl<T> Owed<T> {
    /// True where an answer of its own comes for certain.
    fn is_answered(&self) -> bool {
        self.certain && self.step != Step::CopyEnd
    }
}

/// What a reply means.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    /// Belongs to no request: a notice, a notification, a changed parameter.
    Aside,
    /// Belongs to the first owed answer, which is not complete yet.
    Part,
    /// Completes the first owed answer, which is handed over.
    Last(Owed<T>),
    /// An error that ends the first owed answer and all up to the next Sync.
    Failed(Vec<Owed<T>>),
}

/// A reply that no request explains: the stream is not understood any more.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the upstream sent {tag:?}, which answers nothing that was asked")]
pub(crate) struct Unexpected {
    tag: UpstreamTag,
}

/// Everything that is owed, oldest first.
#[derive(Debug)]
pub(crate) struct Pipeline<T> {
    owed: VecDeque<Owed<T>>,
    /// How many there have been.
    pushed: u64,
    copy: CopyIn,
    /// One of them may read COPY data, or is not certain.
    copies: bool,
    /// An Execute has failed, and each Sync since may have been among its COPY data: the upstream may pass
    /// over all that comes before another.
    may_skip: bool,
    /// Messages of the extended protocol were sent, and no Sync since: what they have begun is open.
    within: bool,
    /// A Flush was sent last. It is owed no answer, but may meet an error of time, as any other.
    flushed: bool,
}

/// So many answers are owed at most. PostgreSQL keeps back 8 KiB of them, in messages of 5 bytes or more.
const MOST_OWED: usize = 8_192;

/// So many Syncs may be among COPY data, which the upstream ignores there.
const MOST_AMONG_DATA: usize = 1_024;

/// Whether the upstream reads COPY data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyIn {
    No,
    /// It does, on behalf of the first owed answer. It ignores each Sync until the data end, unless
    /// the COPY fails before it has read that Sync.
    Reading,
}

impl<T> Pipeline<T> {
    /// Nothing is owed.
    pub(crate) fn new() -> Self {
        Self {
            owed: VecDeque::new(),
            pushed: 0,
            copy: CopyIn::No,
            copies: false,
            may_skip: false,
            within: false,
            flushed: false,
        }
    }

    /// Nothing is owed for certain.
    pub(crate) fn is_empty(&self) -> bool {
        !self.owed.iter().any(Owed::is_answered)
    }

    /// True where more is owed than the upstream can hold back, and the client is to wait. Not while COPY data
    /// are read: what ends them may come next.
    pub(crate) fn is_full(&self) -> bool {
        self.owed.len() > MOST_OWED && !self.reads_copy()
    }

    /// True where half as much is.
    pub(crate) fn is_half_full(&self) -> bool {
        self.owed.len() > MOST_OWED / 2 && !self.reads_copy()
    }

    /// True where no more may be owed among COPY data.
    pub(crate) fn is_overfull(&self) -> bool {
        self.owed.len() > MOST_AMONG_DATA && self.reads_copy()
    }

    /// True where an error that is still to be read would have the upstream pass over what comes now, up to
    /// the next Sync.
    pub(crate) fn may_fail(&self) -> bool {
        let since = self.owed.iter().rev();
        let mut since = since.take_while(|owed| owed.step != Step::Sync);
        since.any(|owed| owed.step != Step::Query)
    }

    /// The request that the next reply belongs to.
    pub(crate) fn first_mut(&mut self) -> Option<&mut Owed<T>> {
        self.owed.front_mut()
    }

    /// What is owed, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Owed<T>> {
        self.owed.iter().rev()
    }

    /// True where nothing would run any more if the first request failed.
    pub(crate) fn ends_with_first(&self) -> bool {
        let first = self.owed.front().map(|owed| owed.step);
        let ends = |step| matches!(step, Step::Sync | Step::Query);
        let end = self.owed.iter().position(|owed| ends(owed.step));
        let last = self.owed.len().checked_sub(1);
        match first {
            None | Some(Step::Sync) => false,
            Some(Step::Query) => last == Some(0),
            Some(_) => end.is_none_or(|end| {
                Some(end) == last && self.owed.back().is_some_and(|owed| owed.step == Step::Sync)
            }),
        }
    }

    /// True where nobody can tell which answers come before that to a request that is sent now, and whether
    /// that comes: a Sync among COPY data is ignored, unless the COPY fails before it is read.
    pub(crate) fn is_unsure(&self) -> bool {
        let mut copies = false;
        let is_unsure = |owed: &Owed<T>| {
            copies |= owed.copies > 0;
            !owed.certain || (copies && owed.step == Step::Sync)
        };
        self.copies && self.owed.iter().any(is_unsure)
    }

    /// The upstream has answered all that it will answer. True where it has passed over what came since an
    /// Execute failed, up to a Sync of the gateway's own.
    pub(crate) fn settled(&mut self) -> bool {
        self.owed.retain(Owed::is_answered);
        self.look_for_copies();
        std::mem::take(&mut self.may_skip)
    }

    /// True where messages of the extended protocol were sent, and no Sync since: an error that comes of
    /// time, with whatever message is read next, has the upstream pass over all up to a Sync.
    pub(crate) fn is_within(&self) -> bool {
        self.within
    }

    /// Notes a Flush that is going upstream.
    pub(crate) fn flushed(&mut self) {
        self.within = true;
        self.flushed = true;
    }

    /// True where an error of time may have met a Flush, and would be taken for one of what is sent next: that
    /// of a Query has the upstream pass over nothing.
    pub(crate) fn is_flushed(&self) -> bool {
        self.flushed
    }

    /// True where answers may be kept back until they are asked for: no Query or Sync follows, unless among
    /// COPY data.
    pub(crate) fn keeps_back(&self) -> bool {
        let mut last = self.newest_first();
        let last = last.find(|owed| owed.step != Step::CopyEnd);
        let is_open = last.is_some_and(|last| !matches!(last.step, Step::Query | Step::Sync));
        is_open
            || self
                .owed
                .iter()
                .any(|owed| owed.step == Step::Execute && owed.copies > 0)
    }

    /// True where nothing is under way or open.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_empty() && !self.within
    }

    /// True while the upstream reads COPY data whose end was not sent yet.
    fn reads_copy(&self) -> bool {
        self.copy == CopyIn::Reading && !self.owed.iter().any(|owed| owed.step == Step::CopyEnd)
    }

    /// True while it does, and has been sent nothing else since.
    pub(crate) fn waits_for_data(&self) -> bool {
        let mut behind = self.owed.iter().skip(1);
        self.reads_copy() && behind.all(|owed| owed.step == Step::Sync)
    }

    /// True while the upstream reads COPY data, or their end.
    pub(crate) fn is_copying(&self) -> bool {
        self.copy == CopyIn::Reading
    }

    /// True where the upstream may read COPY data, or their end, that come now. Where it does not, it ignores
    /// them, unless an error of time meets it there, which it answers as it does that of a Query.
    pub(crate) fn takes_data(&self) -> bool {
        let mut ends = 0;
        for owed in self.newest_first() {
            match owed.step {
                Step::Sync => {}
                Step::CopyEnd => ends += 1,
                _ => return ends < owed.copies,
            }
        }
        false
    }

    /// Notes a Query or Execute that is going upstream and may read COPY data this many times.
    pub(crate) fn push_copy(&mut self, step: Step, keep: T, copies: usize) {
        self.push(step, keep);
        self.copies |= copies > 0;
        if let Some(owed) = self.owed.back_mut() {
            owed.copies = copies;
        }
    }

    /// Notes a message that is going upstream.
    pub(crate) fn push(&mut self, step: Step, keep: T) {
        self.flushed = false;
        match step {
            Step::Query | Step::Sync => self.within = false,
            Step::Parse | Step::Bind | Step::Describe | Step::Execute | Step::Close => {
                self.within = true;
            }
            Step::CopyEnd => {}
        }
        let certain = step != Step::Sync || !self.reads_copy();
        self.pushed += 1;
        self.owed.push_back(Owed {
            step,
            keep,
            number: self.pushed,
            certain,
            ended: false,
            copies: 0,
        });
    }

    /// What the next message of the upstream means.
    pub(crate) fn reply(&mut self, tag: UpstreamTag) -> Result<Reply<T>, Unexpected> {
        use UpstreamTag as Tag;
        if matches!(
            tag,
            Tag::NoticeResponse | Tag::ParameterStatus | Tag::NotificationResponse
        ) {
            return Ok(Reply::Aside);
        }
        if tag != Tag::ReadyForQuery {
            self.drop_ignored();
        }
        let Some(first) = self.owed.front_mut() else {
            // The upstream says why it ends the session ("terminating connection ...").
            return if tag == Tag::ErrorResponse {
                Ok(Reply::Aside)
            } else {
                Err(Unexpected { tag })
            };
        };
        let step = first.step;
        first.ended |= matches!(
            tag,
            Tag::CommandComplete
                | Tag::EmptyQueryResponse
                | Tag::FunctionCallResponse
                | Tag::ErrorResponse
        );
        let ended = first.ended;
        match (step, tag) {
            // What is not known to read COPY data would be taken to answer what follows it.
            (Step::Query | Step::Execute, Tag::CopyInResponse) if first.copies > 0 => {
                self.start_copy();
                Ok(Reply::Part)
            }
            (Step::Query, Tag::ReadyForQuery) if !ended => Err(Unexpected { tag }),
            (Step::Query | Step::Sync, Tag::ReadyForQuery) => self.last(tag),
            (Step::Query | Step::Sync, Tag::ErrorResponse) => Ok(Reply::Part),
            (Step::Query, Tag::CommandComplete) => {
                self.end_copy();
                Ok(Reply::Part)
            }
            (_, Tag::ErrorResponse) => Ok(Reply::Failed(self.fail())),
            (
                Step::Query | Step::Execute,
                Tag::RowDescription
                | Tag::DataRow
                | Tag::CopyOutResponse
                | Tag::CopyData
                | Tag::CopyDone,
            )
            | (Step::Query, Tag::EmptyQueryResponse | Tag::FunctionCallResponse)
            | (Step::Describe, Tag::ParameterDescription) => Ok(Reply::Part),
            (
                Step::Execute,
                Tag::CommandComplete | Tag::EmptyQueryResponse | Tag::PortalSuspended,
            )
            | (Step::Parse, Tag::ParseComplete)
            | (Step::Bind, Tag::BindComplete)
            | (Step::Close, Tag::CloseComplete)
            | (Step::Describe, Tag::RowDescription | Tag::NoData) => self.last(tag),
            _ => Err(Unexpected { tag }),
        }
    }

    fn last(&mut self, tag: UpstreamTag) -> Result<Reply<T>, Unexpected> {
        if self.copy == CopyIn::Reading && tag == UpstreamTag::CommandComplete {
            self.forget_ignored();
        }
        self.copy = CopyIn::No;
        let last = self.owed.pop_front().ok_or(Unexpected { tag })?;
        self.drop_copy_ends();
        if tag == UpstreamTag::ReadyForQuery {
            self.may_skip = false;
        }
        if !last.certain {
            self.doubt_next();
        }
        self.look_for_copies();
        Ok(Reply::Last(last))
    }

    /// One ReadyForQuery for several Syncs, of which all but the last may have been ignored: it may have
    /// been the answer to that.
    fn doubt_next(&mut self) {
        let next = self.owed.iter_mut().find(|owed| owed.is_answered());
        if let Some(next) = next
            && next.step == Step::Sync
        {
            next.certain = false;
        }
    }

    /// The upstream skips to the next Sync, and so do we.
    fn fail(&mut self) -> Vec<Owed<T>> {
        self.copy = CopyIn::No;
        let until = self.owed.iter().position(|owed| owed.step == Step::Sync);
        let failed = self
            .owed
            .drain(..until.unwrap_or(self.owed.len()))
            .collect();
        self.look_for_copies();
        self.may_skip = self.owed.front().is_some_and(|owed| !owed.certain);
        failed
    }

    fn look_for_copies(&mut self) {
        let copies = |owed: &Owed<T>| owed.copies > 0 || !owed.certain;
        self.copies = self.copies && self.owed.iter().any(copies);
    }

    /// Each Sync that comes before the end of the COPY data may be ignored.
    fn start_copy(&mut self) {
        self.copy = CopyIn::Reading;
        let inside = |owed: &&mut Owed<T>| owed.step != Step::CopyEnd;
        for owed in self.owed.iter_mut().take_while(inside) {
            owed.certain &= owed.step != Step::Sync;
        }
    }

    /// One statement of a Query is complete: where it was a COPY, it has read all its data, every Sync
    /// among them, and their end. Another COPY may follow.
    fn end_copy(&mut self) {
        if self.copy == CopyIn::No {
            return;
        }
        self.copy = CopyIn::No;
        if let Some(end) = self.owed.iter().position(|owed| owed.step == Step::CopyEnd) {
            self.owed.drain(1..=end);
        }
        if let Some(first) = self.owed.front_mut() {
            first.copies = first.copies.saturating_sub(1);
        }
    }

    /// The COPY has read all its data, and every Sync before their end.
    fn forget_ignored(&mut self) {
        let mut ended = false;
        self.owed.retain(|owed| {
            ended |= owed.step == Step::CopyEnd;
            ended || owed.certain
        });
        let ends = |owed: &Owed<T>| matches!(owed.step, Step::Query | Step::Sync);
        self.within |= !self.owed.iter().any(ends);
    }

    /// A reply to something later shows that a Sync was ignored.
    fn drop_ignored(&mut self) {
        while self.owed.front().is_some_and(|owed| !owed.certain) {
            self.owed.pop_front();
            self.drop_copy_ends();
        }
    }

    fn drop_copy_ends(&mut self) {
        while self
            .owed
            .front()
            .is_some_and(|owed| owed.step == Step::CopyEnd)
        {
            self.owed.pop_front();
        }
    }
}

//! Which Syncs are answered that stood among COPY data. PostgreSQL ignores them there, but not those that it
//! has not read when the COPY fails; and where an Execute has failed, it passes over all that comes before
//! the next that it does not ignore. So nothing is sent after such Syncs before it is known: after a Sync
//! and a Close of the gateway's own, all answers but the last two are the client's.

use std::cell::Cell;

use bytes::BytesMut;
use wire::frame::HEADER_BYTES;
use wire::upstream::{ReadyForQuery, TxStatus, UpstreamTag};
use wire::write;

use super::Session;
use super::pipeline::Step;
use super::replies::{Kept, broken, unexpected};
use crate::error::SessionError;

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Settling {
    asked: Cell<bool>,
    /// The ReadyForQuery that was read last: the gateway's own, where no other follows.
    ready: Cell<Option<TxStatus>>,
}

impl Session {
    /// Waits until the upstream owes nothing, and it is known that it does not.
    pub(super) async fn settle_syncs(&self) {
        self.drained().await;
        if self.pipeline.borrow().is_unsure() {
            self.ask_where_it_stands();
            self.drained().await;
        }
    }

    pub(super) fn is_settling(&self) -> bool {
        self.settling.asked.get()
    }

    /// Asks the upstream what can be answered only when all before is. Where it reads COPY data it ends the
    /// session instead.
    pub(super) fn ask_where_it_stands(&self) {
        if !self.settling.asked.replace(true) {
            self.upstream.ask_to_close_nothing();
            self.pipeline.borrow_mut().flushed();
        }
    }

    /// Has something owed an answer between a Flush and a Query: an error that comes with the first is not to
    /// be taken for one of the Query, which the upstream would pass over.
    pub(super) fn part_from_flush(&self) {
        let mut pipeline = self.pipeline.borrow_mut();
        if pipeline.is_flushed() {
            self.upstream.close_nothing();
            pipeline.push(Step::Close, Kept::Own(None));
        }
    }

    /// Takes a message that tells which Syncs were answered; false where that is not being asked, or it is
    /// another one.
    pub(super) fn settles(&self, tag: UpstreamTag, message: &[u8]) -> Result<bool, SessionError> {
        if !self.is_settling() || self.lost.get() {
            return Ok(false);
        }
        match tag {
            UpstreamTag::ReadyForQuery => {
                let status = ReadyForQuery::parse(&message[HEADER_BYTES..]).map_err(broken)?;
                if let Some(before) = self.settling.ready.replace(Some(status.status)) {
                    self.answer_sync(before)?;
                }
                Ok(true)
            }
            UpstreamTag::CloseComplete => {
                let own = self.settling.ready.take();
                own.ok_or_else(|| unexpected("no answer to a Sync"))?;
                self.settling.asked.set(false);
                let has_skipped = self.pipeline.borrow_mut().settled();
                self.skipping.set(self.skipping.get() || has_skipped);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The client hears that one of its Syncs was not ignored.
    fn answer_sync(&self, status: TxStatus) -> Result<(), SessionError> {
        let mut ready = BytesMut::new();
        write::ready_for_query(&mut ready, status);
        self.take_answer(UpstreamTag::ReadyForQuery, &ready)
    }
}

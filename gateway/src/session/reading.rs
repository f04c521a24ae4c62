//! How texts are read, by the upstream and by us: the settings that decide it, and the texts that only
//! the upstream can say something about.

use std::cell::Cell;

use bytes::BytesMut;
use policy::{Asked, Denial};
use sql::Strings;
use sql::analysis::{Analysis, OpaqueReason};
use trail::{Entry, Outcome};
use wire::upstream::ParameterStatus;

use super::pipeline::Step;
use super::prepared::Change;
use super::replies::Kept;
use super::{Refusal, Session};
use crate::error::SessionError;

/// The setting that every analyzer relies on.
const PINNED: &str = "client_encoding";

/// The SQLSTATE of what no grammar takes.
const SYNTAX_ERROR: &str = "42601";

/// How the upstream reads strings, as far as it has said.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// As it said last.
    strings: Cell<Strings>,
    /// What runs may change it.
    unsure: Cell<bool>,
    /// It may have changed since the upstream was last ready for a query, which is when it says so.
    unheard: Cell<bool>,
    /// It has changed before, so that the end of a transaction may change it too.
    changeable: Cell<bool>,
}

impl Reading {
    /// Something is about to run that may change it, or may not.
    pub(super) fn runs(&self, may_change: bool) {
        self.unsure.set(self.unsure.get() || may_change);
        let unheard = may_change || self.changeable.get();
        self.unheard.set(self.unheard.get() || unheard);
    }

    /// True where it is what it was said to be last, whatever is under way.
    pub(super) fn is_settled(&self) -> bool {
        !self.unsure.get() && !self.changeable.get() && !self.unheard.get()
    }

    /// Whether something has run that may change it, since this was last asked.
    pub(super) fn was_unsure(&self) -> bool {
        self.unsure.take()
    }

    /// The upstream is ready for a query: what has changed was told, but for what is `owed`.
    pub(super) fn heard(&self, owed: impl FnOnce() -> bool) {
        if self.unheard.get() {
            self.unheard.set(owed());
        }
    }
}

impl Session {
    /// How the upstream will read the strings of a text, once all before it has run.
    pub(super) async fn strings_of(&self, text: &str) -> Strings {
        let matters = self.reading.unheard.get() && text.contains('\\');
        if self.reading.was_unsure() || self.reading.changeable.get() || matters {
            // What could have changed how text is read shows in the upstream's replies.
            self.drained().await;
        }
        if self.reading.strings.get() == Strings::Standard || !text.contains('\\') {
            return Strings::Standard;
        }
        Strings::Escaped
    }

    /// Refuses a text that could be read in two ways, as nobody has heard yet which one is in force: the
    /// upstream tells of settings when it is ready for a query, and not before.
    pub(super) fn is_clear(&self, asked: Asked<'_>) -> Result<(), Denial> {
        let reads = matches!(asked.step, policy::Step::Query | policy::Step::Parse);
        if !reads || !self.reading.unheard.get() || !asked.text.contains('\\') {
            return Ok(());
        }
        Err(Denial {
            hint: Some("Send Sync before it.".into()),
            ..self.own_denial("how the statement's strings are read is not known at this point")
        })
    }

    /// Refuses a text that sets what every analyzer relies on, whatever to.
    pub(super) fn may_be_set(&self, analysis: &Analysis) -> Result<(), Denial> {
        let mut opaque = analysis.opaque.iter();
        let sets = opaque
            .any(|one| one.reason == OpaqueReason::SessionState && one.detail.contains(PINNED));
        if !sets {
            return Ok(());
        }
        let reason = format!("{PINNED} is pinned: statements are read under its present value");
        Err(self.own_denial(&reason))
    }

    /// Texts are read under these settings. Where something is protected, they must not change.
    pub(super) fn watch_parameter(&self, status: &ParameterStatus<'_>) -> Result<(), SessionError> {
        let bad = match status.name {
            "standard_conforming_strings" if status.value == "on" => {
                self.reading.strings.set(Strings::Standard);
                false
            }
            "standard_conforming_strings" => {
                self.reading.strings.set(Strings::Escaped);
                self.reading.changeable.set(true);
                self.admitted.borrow().is_protected()
            }
            "client_encoding" => status.value != "UTF8",
            _ => false,
        };
        if !bad {
            return Ok(());
        }
        Err(SessionError::refused_with(
            "0A000",
            format!("{} has become {}", status.name, status.value),
            "Statements can be judged only with standard_conforming_strings=on and client_encoding=UTF8.",
        ))
    }

    /// Whether the upstream may say in its own words that it cannot read a text: its words may show
    /// parts of the text, and what is looked up for it.
    pub(super) fn upstream_may_tell(&self, refusal: &Refusal) -> bool {
        refusal.unreadable && !self.admitted.borrow().is_protected()
    }

    /// Refuses a text that cannot be read as the upstream would. It is given to it as a statement to
    /// prepare, so that nothing runs even if its grammar takes the text. One with a name leaves the unnamed
    /// one alone.
    pub(super) fn refuse_in_its_words(
        &self,
        text: &str,
        refusal: &Refusal,
        entry: Entry,
        (step, is_named): (Step, bool),
    ) {
        let read = match is_named {
            true => self.upstream.read_aside(text),
            false => self.upstream.read(text),
        };
        if read.is_err() {
            return self.refuse(refusal, entry, self.now.get(), step);
        }
        // Where its grammar takes what ours does not, the reader's words must do.
        let refusal = Refusal {
            detail: None,
            hint: None,
            ..refusal.clone()
        };
        let mut error = BytesMut::new();
        refusal.write(&mut error);
        let mut pipeline = self.pipeline.borrow_mut();
        // The unnamed statement is another one now.
        let change = (!is_named).then(|| Change::NoStatement(String::new()));
        if is_named {
            pipeline.push(Step::Close, Kept::Own(None));
        }
        pipeline.push(Step::Parse, Kept::Words(Box::new((entry, change))));
        self.upstream.fail_extended();
        pipeline.push(Step::Parse, Kept::Refusal(error.freeze()));
        if step == Step::Query {
            self.upstream.sync();
            pipeline.push(Step::Sync, Kept::Nothing);
        } else {
            self.skipping.set(true);
        }
    }

    /// The upstream has said what it says against a text, or nothing.
    pub(super) fn not_read(
        &self,
        (entry, change): (Entry, Option<Change>),
        sqlstate: Option<&str>,
    ) {
        if let Some(change) = change {
            self.names.borrow_mut().apply(change);
        }
        let sqlstate = sqlstate.unwrap_or(SYNTAX_ERROR);
        entry.close(&Outcome::error(sqlstate, std::time::Duration::ZERO));
    }
}

/// Whether strings may be read in another way when it has run: any code that is not seen can do that.
pub(crate) fn may_change_strings(analysis: &Analysis) -> bool {
    use OpaqueReason as Reason;
    let may = |reason| !matches!(reason, Reason::ServerFile | Reason::DataCatalog);
    analysis.opaque.iter().any(|opaque| may(opaque.reason))
        || analysis.statements.iter().any(|one| one.sets_strings)
        || analysis
            .functions
            .iter()
            .any(|one| one.name == "set_config")
}

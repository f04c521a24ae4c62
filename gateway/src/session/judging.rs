//! From a request to its verdict: what must be known before, what is known already, and what the
//! policies say.

use std::sync::Arc;

use bytes::Bytes;
use policy::{Asked, Denial, Judge, Permit, Request, Verdict};
use sql::Strings;
use sql::analysis::{Access, Analysis, NameKind, NameUse, Opaque, OpaqueReason, RelationUse};
use sql::catalog::Catalog;

use super::Session;
use super::definitions::runs_unknown;
use super::extended::{self, Bound};
use super::turn::Cancelled;
use crate::analyst::Unread;

/// How often a text is read again as what it means has changed meanwhile.
const MOST_CHANGES: usize = 5;

impl Session {
    /// The verdict on a request. A write is judged again after a change that it had to wait for, and a
    /// change after another that has come before it.
    pub(super) async fn judge<'a>(&self, asked: Asked<'a>, bound: Bound<'_>) -> Verdict<'a> {
        let mut verdict = self.judge_now(asked, bound).await;
        for _ in 1..MOST_CHANGES {
            let Verdict::Allow(permit) = &verdict else {
                break;
            };
            let plan = permit.plan();
            let is_behind = self.is_behind()
                && !ends_or_begins(asked.text)
                && self.commits_changes(plan).is_some();
            let again = match is_behind {
                true => Ok(true),
                false => self.outwaits_change(plan).await,
            };
            if let Ok(false) = again {
                break;
            }
            plan.give_back();
            if let Err(Cancelled) = again {
                return Verdict::Deny(self.cancelled());
            }
            verdict = self.judge_now(asked, bound).await;
        }
        verdict
    }

    /// The verdict on a request: one given before, else one given now, after reading its text.
    async fn judge_now<'a>(&self, asked: Asked<'a>, bound: Bound<'_>) -> Verdict<'a> {
        if let Err(denial) = self.is_clear(asked) {
            return Verdict::Deny(denial);
        }
        if let Err(denial) = self.await_facts(asked.text).await {
            return Verdict::Deny(denial);
        }
        if let Some(verdict) = self.recall(asked) {
            return verdict;
        }
        let parameters = match bound.body().map(extended::parameters).transpose() {
            Ok(parameters) => parameters,
            Err(error) => return Verdict::Deny(self.own_denial(&error.to_string())),
        };
        let request = Request {
            frames: Bytes::copy_from_slice(asked.frames),
            step: asked.step,
            text: asked.text.into(),
            strings: asked.strings,
            parameters,
        };
        Box::pin(self.judge_unknown(request, bound)).await
    }

    /// A permit given before, where nothing has to be waited for.
    pub(super) fn known<'a>(
        &self,
        recall: impl FnOnce(&mut Judge, &policy::Session, &Arc<Catalog>) -> Option<Verdict<'a>>,
    ) -> Option<Permit<'a>> {
        let settled = self.catalog_is_current()
            && self.reading.is_settled()
            && !self.catalog_changed.get()
            && !self.others_may_change()
            && !self.no_longer_fits();
        if !settled {
            return None;
        }
        let catalog = self.catalog.borrow();
        let mut judge = self.core.judge.borrow_mut();
        match recall(&mut judge, &self.admitted.borrow(), &catalog.catalog)? {
            Verdict::Allow(permit) => Some(permit),
            Verdict::Deny(_) | Verdict::Hold(_) => None,
        }
    }

    /// The policies have changed what is protected, and the session is not as it would be admitted now.
    fn no_longer_fits(&self) -> bool {
        let is_protected = self.admitted.borrow().is_protected();
        let has_other_role = self.database.has_limited_role() && self.limited != is_protected;
        has_other_role || (self.other_encoding && is_protected)
    }

    /// Sees to it that all is known that the meaning of a text depends on.
    pub(super) async fn await_facts(&self, text: &str) -> Result<(), Denial> {
        if !ends_or_begins(text) && self.others_change(text) {
            let read = self.database.catalog.read_anew().await;
            read.map_err(|error| self.own_denial(&error.to_string()))?;
        }
        loop {
            if !self.catalog_is_current() && !ends_or_begins(text) {
                self.refresh_catalog().await?;
            }
            if self.reading.was_unsure() {
                // What could have changed how text is read shows in the upstream's replies.
                self.drained().await;
            }
            self.await_definitions(text).await?;
            // What was waited for may have changed definitions.
            if self.catalog_is_current() || ends_or_begins(text) {
                return Ok(());
            }
        }
    }

    pub(super) fn recall<'a>(&self, asked: Asked<'a>) -> Option<Verdict<'a>> {
        let freed = self.temporary.get() && self.definitions.borrow().has_freed_names();
        if freed || self.no_longer_fits() {
            return None;
        }
        let catalog = self.catalog.borrow();
        let mut judge = self.core.judge.borrow_mut();
        judge.recall(&self.admitted.borrow(), asked, &catalog.catalog)
    }

    pub(super) async fn judge_unknown(
        &self,
        request: Request,
        bound: Bound<'_>,
    ) -> Verdict<'static> {
        let (analysis, catalog) = match self.understand(&request, bound).await {
            Ok(understood) => understood,
            Err(denial) => return Verdict::Deny(denial),
        };
        if let Err(denial) = self.may_be_set(&analysis) {
            return Verdict::Deny(denial);
        }
        let verdict =
            self.renewing(|judge, session| judge.judge(session, request, analysis, &catalog));
        if self.no_longer_fits() {
            return Verdict::Deny(Denial {
                hint: Some("Connect again.".into()),
                ..self.own_denial("policies now protect other columns than when the session began")
            });
        }
        verdict
    }

    /// Judges by the policies in force, which may begin to protect something.
    pub(super) fn renewing<T>(
        &self,
        judge: impl FnOnce(&mut Judge, &mut policy::Session) -> T,
    ) -> T {
        let mut session = self.admitted.borrow_mut();
        let was_protected = session.is_protected();
        let verdict = judge(&mut self.core.judge.borrow_mut(), &mut session);
        if session.is_protected() && !was_protected {
            self.names.borrow_mut().doubt_all();
        }
        verdict
    }

    /// What a request would do, and the catalog by which: where something is protected, one that still
    /// said what it means after all that had to be waited for.
    pub(super) async fn understand(
        &self,
        request: &Request,
        bound: Bound<'_>,
    ) -> Result<(Arc<Analysis>, Arc<Catalog>), Denial> {
        let mut looked = false;
        for reading in 1..=MOST_CHANGES {
            let before = self.judged_by();
            let (read, catalog) = self.read_or_look_again(request).await?;
            let is_unsure = read.doubted;
            let analysis = self.resolve_names(read, bound, catalog.version());
            let analysis = self.with_unsure(analysis.await);
            if analysis.doubted && !is_unsure && !looked {
                // What is executed by its name may mean what was made a moment ago.
                looked = self.database.catalog.look_again().await.is_ok();
                self.refresh_catalog().await?;
                continue;
            }
            self.await_facts(&request.text).await?;
            let is_same = self.judged_by().version == before.version;
            let is_last = reading == MOST_CHANGES && !self.admitted.borrow().is_protected();
            if is_same || is_last || !self.has_met(before.ended, &request.text, &analysis) {
                return Ok((analysis, catalog));
            }
        }
        Err(Denial {
            hint: Some("Try again in a moment.".into()),
            ..self.own_denial("definitions change again and again while the statement is read")
        })
    }

    /// What a request would do; where it names what is not known, by a catalog that is read again.
    async fn read_or_look_again(
        &self,
        request: &Request,
    ) -> Result<(Arc<Analysis>, Arc<Catalog>), Denial> {
        let read = self.read(request).await?;
        let is_protected = self.admitted.borrow().is_protected();
        let defines_unknown = defining_unknown(&read.0, is_protected).next().is_some();
        if !defines_unknown && !read.0.doubted && !has_unknown_name(&read.0, &read.1) {
            return Ok(read);
        }
        if self.definitions.borrow().unseen {
            // Only its own transaction sees what it has changed.
            return Ok((doubted(read.0, is_protected), read.1));
        }
        if defines_unknown {
            // What runs before it may wait for whoever gives something this name.
            self.drained().await;
        }
        // It may have been made a moment ago, and not through this gateway.
        match self.database.catalog.look_again().await {
            Err(error) if defines_unknown => return Err(self.own_denial(&error.to_string())),
            // It is missing still, and its statement opaque.
            Ok(()) | Err(_) => {}
        }
        self.refresh_catalog().await?;
        let read = self.read(request).await?;
        let changes_itself = read.0.doubted && read.0.statements.len() > 1;
        if self.transaction.may_have_changed() || runs_unknown(&read.0) || changes_itself {
            return Ok((doubted(read.0, is_protected), read.1));
        }
        Ok(read)
    }

    /// What a text would do, where a temporary relation's name may mean something that is not known, too.
    pub(super) fn with_unsure(&self, mut analysis: Arc<Analysis>) -> Arc<Analysis> {
        let has_temporary = self.temporary.get() || analysis.makes().next().is_some();
        if analysis.doubted || !has_temporary {
            return analysis;
        }
        let is_protected = self.admitted.borrow().is_protected();
        let definitions = self.definitions.borrow();
        let mut unsure = definitions.unsure(&analysis);
        unsure.retain(|one| is_protected || one.access != Access::Read);
        if unsure.is_empty() {
            return analysis;
        }
        let changed = unsure.into_iter().filter(|one| one.access != Access::Read);
        let unknown = changed.map(|one| RelationUse {
            oid: None,
            schema: String::new(),
            ..one.clone()
        });
        let unknown: Vec<_> = unknown.collect();
        let known = Arc::make_mut(&mut analysis);
        known.relations.extend(unknown);
        known.doubted = true;
        analysis
    }

    /// What a text would do, as read before or by an analyst.
    pub(super) async fn analyze(
        &self,
        text: &Arc<str>,
        strings: Strings,
        catalog: &Arc<Catalog>,
    ) -> Result<Arc<Analysis>, Denial> {
        let analysts = &self.core.shared.analysts;
        if strings != Strings::Standard {
            let analysis = analysts.analyze(text, strings, catalog).await;
            return analysis.map_err(|why| self.unread(why));
        }
        let known = self.core.analyses.borrow().get(text, catalog.version());
        if let Some(analysis) = known {
            return Ok(analysis);
        }
        let analysis = analysts.analyze(text, strings, catalog).await;
        let analysis = analysis.map_err(|why| self.unread(why))?;
        self.core
            .analyses
            .borrow_mut()
            .keep(text, catalog.version(), &analysis);
        Ok(analysis)
    }

    pub(super) fn unread(&self, why: Unread) -> Denial {
        let (sqlstate, hint) = match why {
            Unread::Busy => (
                policy::SqlState::INSUFFICIENT_RESOURCES,
                "Try again in a moment.",
            ),
            Unread::Late => (
                policy::SqlState::STATEMENT_TOO_COMPLEX,
                "Send a simpler statement, or several.",
            ),
        };
        Denial {
            hint: Some(hint.into()),
            sqlstate,
            ..self.own_denial(&why.to_string())
        }
    }

    /// EXECUTE and FETCH do what their names mean, by the catalog of this version, once everything
    /// before them has happened.
    pub(super) async fn resolve_names(
        &self,
        analysis: Arc<Analysis>,
        bound: Bound<'_>,
        version: u64,
    ) -> Arc<Analysis> {
        if let Some(meaning) = bound.meaning() {
            return meaning;
        }
        if !analysis
            .statements
            .iter()
            .any(|s| s.names.iter().any(NameUse::is_by_name))
        {
            return analysis;
        }
        self.drained().await;
        let names = self.names.borrow();
        let meaning = |kind, name: &str| match kind {
            NameKind::Prepared => names.prepared(name, version),
            NameKind::Cursor => names
                .cursor(name)
                .filter(|(analysis, ended)| !self.is_fetched_otherwise(analysis, *ended))
                .map(|(analysis, _)| analysis),
        };
        Arc::new(analysis.resolve(&meaning))
    }

    pub(super) fn catalog_is_current(&self) -> bool {
        self.catalog.borrow().epoch >= self.database.catalog.epoch()
    }

    /// Sees to it that no change of the database is missed.
    pub(super) async fn refresh_catalog(&self) -> Result<(), Denial> {
        if self.catalog_is_current() {
            return Ok(());
        }
        let snapshot = Box::pin(self.database.catalog.current()).await;
        let snapshot = snapshot.map_err(|error| self.own_denial(&error.to_string()))?;
        *self.catalog.borrow_mut() = match self.temporary.get() {
            true => snapshot.with_temporary(&self.definitions.borrow().made),
            false => snapshot,
        };
        Ok(())
    }
}

/// A statement that only begins, marks or ends a transaction: it needs no catalog, and must not wait
/// for one that cannot be read before this very transaction has let go of its locks.
pub(super) fn ends_or_begins(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "commit",
        "rollback",
        "end",
        "abort",
        "begin",
        "start",
        "savepoint",
        "release",
    ];
    let text = text.trim().trim_end_matches(';');
    let word = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    !text.contains(';') && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a name in a text is not known that another reading of the catalog might know.
fn has_unknown_name(analysis: &Analysis, catalog: &Catalog) -> bool {
    let unknown = |opaque: &Opaque| match opaque.reason {
        OpaqueReason::UnknownRelation | OpaqueReason::UnknownColumn => true,
        OpaqueReason::UnknownFunction => analysis.is_missing_function(&opaque.detail, catalog),
        _ => false,
    };
    analysis.opaque.iter().any(unknown)
}

/// The statements that drop what is not known, which policies may let pass; or, where that could take
/// away what something is protected by, alter or replace it.
fn defining_unknown(analysis: &Analysis, is_protected: bool) -> impl Iterator<Item = u32> {
    let matters = move |command: &str| {
        command.starts_with("drop")
            || (is_protected && (command.starts_with("alter") || command == "create view"))
    };
    let unknown = analysis.relations.iter();
    let unknown = unknown.filter(|one| one.oid.is_none() && one.access == Access::Define);
    let defining = unknown.filter(move |one| {
        let statement = analysis.statements.get(one.statement as usize);
        statement.is_some_and(|one| matters(one.kind.command))
    });
    defining.map(|one| one.statement)
}

/// What is said of a text where the names that it defines may have been given to other things meanwhile.
fn doubted(mut analysis: Arc<Analysis>, is_protected: bool) -> Arc<Analysis> {
    let doubts = defining_unknown(&analysis, is_protected).map(|statement| Opaque {
        reason: OpaqueReason::Unsupported,
        detail: "definitions have changed in this transaction".to_owned(),
        statement,
    });
    let doubts: Vec<_> = doubts.collect();
    if !doubts.is_empty() {
        let analysis = Arc::make_mut(&mut analysis);
        analysis.opaque.extend(doubts);
        analysis.doubted = true;
    }
    analysis
}

//! A recorded request -> the verdict that it would get now, or why that cannot be said.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bytes::Bytes;
use identity::{Actor, Identity};
use policy::request::Parameters;
use policy::{Denial, Judge, Policies, Request, SessionFacts, Step, Verdict};
use sql::Strings;
use sql::analysis::{Analysis, NameUse, OpaqueReason};
use sql::catalog::Catalog;
use trail::event::Event;
use trail::{Effect, Format, SessionId, SessionOpening};
use wire::client::{Format as WireFormat, Formats};

use crate::analyses::Analyses;
use crate::analyst::Analysts;
use crate::config::Config;
use crate::session::hold::sayings;
use crate::session::reading::may_change_strings;
use crate::session::redact::redact;
use crate::session::upstream::Dialer;

/// What a verdict says, as far as two can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    pub(super) effect: &'static str,
    /// Who decided; empty where nobody had to.
    pub(super) policy: String,
    /// Why; empty where it may go: notes are no part of a verdict.
    pub(super) reason: String,
    /// `schema.relation.column: mask` for each output that is masked.
    pub(super) masks: Vec<String>,
}

/// Why a verdict cannot be said that depends on more than the record holds.
const UNRECORDED: &str = "a policy looks at claims of the token, the clock or counters, which the \
                          record does not hold";

/// What came of judging a request again.
#[derive(Debug)]
pub(super) enum Judged {
    /// The verdict of then and of now, and the hint that its client would get now.
    Compared(Said, Said, Option<String>),
    /// It cannot be said, and why.
    Unknown(String),
}

/// Judges the requests of a trail again, in their order.
pub(super) struct Again<'a> {
    config: &'a Config,
    policies: Arc<Policies>,
    judge: Judge,
    analysts: Analysts,
    analyses: Analyses,
    catalogs: BTreeMap<String, Arc<Catalog>>,
    sessions: HashMap<SessionId, Past>,
}

/// A session of the record.
struct Past {
    admitted: Result<policy::Session, Denial>,
    /// True where the policies looked at what the record does not hold to let it in.
    reads_unrecorded: bool,
    /// True once a statement may have changed how strings are read.
    unsure: bool,
}

impl<'a> Again<'a> {
    /// Loads the policies.
    pub(super) fn new(config: &'a Config) -> anyhow::Result<Self> {
        let policies = Arc::new(crate::gateway::load_policies(config)?);
        Ok(Self {
            config,
            judge: Judge::new(Arc::clone(&policies)),
            policies,
            analysts: Analysts::start(1)?,
            analyses: Analyses::default(),
            catalogs: BTreeMap::new(),
            sessions: HashMap::new(),
        })
    }

    /// Name, digest and mode of each policy.
    pub(super) fn policies(&self) -> Vec<(String, String, String)> {
        let all = self.policies.status().policies.into_iter();
        let described = |one: policy::PolicyStatus| {
            let digest = one.digest.to_string();
            (one.name.to_string(), digest, one.mode.to_string())
        };
        all.map(described).collect()
    }

    /// The databases whose catalogs were read.
    pub(super) fn catalogs(&self) -> Vec<String> {
        self.catalogs.keys().cloned().collect()
    }

    /// Judges one again.
    ///
    /// # Errors
    /// A database of the configuration cannot be read.
    pub(super) async fn judge(&mut self, event: &Event) -> anyhow::Result<Judged> {
        let unknown = |why: &str| Ok(Judged::Unknown(why.to_owned()));
        let Some(then) = said_then(event) else {
            return unknown("the record has no verdict on them");
        };
        let Some(catalog) = self.catalog(&event.session.database).await? else {
            let database = &event.session.database;
            let why = format!("the configuration has no database {database}");
            return Ok(Judged::Unknown(why));
        };
        let text = &event.statement;
        let judged = match steps(event) {
            Err(why) => return unknown(why),
            Ok(steps) => {
                if let Some(why) = self.is_unreadable(event, &catalog) {
                    return unknown(why);
                }
                let analysis = self.analyze(text, &catalog).await?;
                self.follow(event, &analysis);
                if let Some(why) = depends_on_then(&analysis) {
                    return unknown(why);
                }
                self.decide(event, steps, &analysis, &catalog)
            }
        };
        let Some((now, hint)) = judged else {
            return unknown(UNRECORDED);
        };
        if then.policy == Denial::GATEWAY && then != now {
            return unknown("the gateway itself refused them, for a reason of that moment");
        }
        Ok(Judged::Compared(then, now, hint))
    }

    /// The catalog of a database as it is now; none where it is not configured.
    async fn catalog(&mut self, name: &str) -> anyhow::Result<Option<Arc<Catalog>>> {
        if let Some(catalog) = self.catalogs.get(name) {
            return Ok(Some(Arc::clone(catalog)));
        }
        let Some(database) = self.config.databases.get(name) else {
            return Ok(None);
        };
        let dialer = Dialer::new(database.upstream.clone(), self.config.limits.connect)?;
        let read = crate::catalog::read_once(database, &dialer).await;
        let (catalog, _) = read.with_context(|| format!("database {name}"))?;
        self.catalogs.insert(name.to_owned(), Arc::clone(&catalog));
        Ok(Some(catalog))
    }

    /// Why the recorded text is not what the client sent, or may have been read in another way.
    fn is_unreadable(&mut self, event: &Event, catalog: &Arc<Catalog>) -> Option<&'static str> {
        // Of a text that has lost its secret, the stars are found where that was.
        if matches!(redact(&event.statement), Cow::Owned(_)) {
            return Some("a password was left out of the recorded text");
        }
        let session = self.session(&event.session, catalog);
        (session.unsure && event.statement.contains('\\'))
            .then_some("the session may have changed how strings are read")
    }

    async fn analyze(
        &mut self,
        text: &Arc<str>,
        catalog: &Arc<Catalog>,
    ) -> anyhow::Result<Arc<Analysis>> {
        if let Some(known) = self.analyses.get(text, catalog.version()) {
            return Ok(known);
        }
        let read = self.analysts.analyze(text, Strings::Standard, catalog);
        let analysis = read.await?;
        self.analyses.keep(text, catalog.version(), &analysis);
        Ok(analysis)
    }

    /// Notices what changes the meaning of later requests of the session.
    fn follow(&mut self, event: &Event, analysis: &Analysis) {
        if let Some(session) = self.sessions.get_mut(&event.session.session) {
            session.unsure |= may_change_strings(analysis);
        }
    }

    /// The session of the record, let in again.
    fn session(&mut self, opening: &SessionOpening, catalog: &Arc<Catalog>) -> &mut Past {
        let judge = &mut self.judge;
        self.sessions.entry(opening.session).or_insert_with(|| {
            judge.has_read_unrecorded();
            let mut admitted = judge.admit(facts(opening), catalog);
            if let Ok(session) = &mut admitted {
                session.opens();
            }
            Past {
                admitted,
                reads_unrecorded: judge.has_read_unrecorded(),
                unsure: false,
            }
        })
    }

    /// The strictest verdict of these steps; none where the policies look at what the record does not
    /// hold.
    fn decide(
        &mut self,
        event: &Event,
        steps: &[Step],
        analysis: &Arc<Analysis>,
        catalog: &Arc<Catalog>,
    ) -> Option<(Said, Option<String>)> {
        let session = self.sessions.get_mut(&event.session.session)?;
        if session.reads_unrecorded {
            return None;
        }
        let mut last = None;
        for step in steps {
            let said = match &mut session.admitted {
                Err(denial) => denied(denial),
                Ok(admitted) => {
                    let request = request(event, *step);
                    let explained = self.judge.explain(admitted, request, analysis, catalog);
                    if self.judge.has_read_unrecorded() {
                        return None;
                    }
                    match explained {
                        Ok(explained) => said_now(&explained.verdict),
                        Err(denial) => denied(&denial),
                    }
                }
            };
            let goes_on = said.0.effect == "allow";
            last = Some(said);
            if !goes_on {
                break;
            }
        }
        last
    }
}

/// The steps of the protocol that the request was judged for.
fn steps(event: &Event) -> Result<&'static [Step], &'static str> {
    match event.step {
        trail::Step::Query => Ok(&[Step::Query]),
        trail::Step::Parse => Ok(&[Step::Parse]),
        // The record of a Bind goes on with its first Execute.
        trail::Step::Bind => Ok(&[Step::Bind, Step::Execute]),
        trail::Step::Execute if event.statement.contains('$') => {
            Err("their parameters are on the record of the request before")
        }
        trail::Step::Execute => Ok(&[Step::Execute]),
        trail::Step::Other => Err("they are no statements"),
    }
}

/// Why a text does not mean now what it meant then.
fn depends_on_then(analysis: &Analysis) -> Option<&'static str> {
    let by_name = |name: &NameUse| matches!(name, NameUse::Execute(_) | NameUse::Fetch(_));
    if analysis
        .statements
        .iter()
        .any(|one| one.names.iter().any(by_name))
    {
        return Some("they run by name what was prepared or declared before");
    }
    let missing = |reason| {
        matches!(
            reason,
            OpaqueReason::UnknownRelation | OpaqueReason::UnknownColumn
        )
    };
    analysis
        .opaque
        .iter()
        .any(|one| missing(one.reason))
        .then_some("they name relations or columns that the catalog of today does not have")
}

/// The identity as the record has it: all but the claims.
fn facts(opening: &SessionOpening) -> SessionFacts {
    let actors = opening.actors.iter().map(|subject| Actor {
        subject: subject.clone(),
        issuer: None,
    });
    let identity = Identity {
        subject: opening.subject.clone(),
        issuer: opening.issuer.clone(),
        email: opening.email.clone(),
        groups: opening.groups.clone(),
        claims: serde_json::Map::new(),
        actors: actors.collect(),
        expires_at: SystemTime::now() + Duration::from_secs(3600),
    };
    SessionFacts {
        identity: Arc::new(identity),
        database: opening.database.as_str().into(),
        application: opening.application.as_str().into(),
    }
}

fn request(event: &Event, step: Step) -> Request {
    let format = |one: &trail::event::Parameter| match one.format {
        Format::Text => WireFormat::Text,
        Format::Binary => WireFormat::Binary,
    };
    let values = event.parameters.iter();
    let bound = !event.parameters.is_empty() && step != Step::Parse;
    let parameters = bound.then(|| Parameters {
        values: values
            .clone()
            .map(|one| {
                one.value
                    .as_ref()
                    .map(|value| Bytes::copy_from_slice(value))
            })
            .collect(),
        formats: Formats::Each(values.map(format).collect()),
    });
    Request {
        frames: Bytes::new(),
        step,
        text: Arc::clone(&event.statement),
        strings: Strings::Standard,
        parameters,
    }
}

/// The first verdict that did not let it go, else the last: what was held and then approved was held.
fn said_then(event: &Event) -> Option<Said> {
    let mut verdicts = event.verdicts.iter();
    let first = verdicts.find(|one| one.effect != Effect::Allow);
    let verdict = first.or(event.verdicts.last())?;
    let (effect, policy, reason) = match verdict.effect {
        Effect::Allow => ("allow", String::new(), String::new()),
        Effect::Deny => ("deny", verdict.policy.clone(), verdict.reason.clone()),
        Effect::Hold => ("hold", verdict.policy.clone(), verdict.reason.clone()),
    };
    let masks = match verdict.effect {
        Effect::Allow => verdict.masks.lines().map(str::to_owned).collect(),
        Effect::Deny | Effect::Hold => Vec::new(),
    };
    Some(Said {
        effect,
        policy,
        reason,
        masks,
    })
}

fn said_now(verdict: &Verdict<'_>) -> (Said, Option<String>) {
    match verdict {
        Verdict::Allow(permit) => {
            let masks = permit.plan().masks();
            let lines = masks.map(|masks| masks.lines().map(str::to_owned).collect());
            let said = Said {
                effect: "allow",
                policy: String::new(),
                reason: String::new(),
                masks: lines.unwrap_or_default(),
            };
            (said, None)
        }
        Verdict::Deny(denial) => denied(denial),
        Verdict::Hold(hold) => {
            let (policy, reason) = sayings(hold);
            let said = Said {
                effect: "hold",
                policy,
                reason,
                masks: Vec::new(),
            };
            (said, None)
        }
    }
}

fn denied(denial: &Denial) -> (Said, Option<String>) {
    let said = Said {
        effect: "deny",
        policy: denial.policy.to_string(),
        reason: denial.reason.to_string(),
        masks: Vec::new(),
    };
    (said, denial.hint.as_ref().map(ToString::to_string))
}

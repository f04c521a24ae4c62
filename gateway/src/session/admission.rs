//! From a known client to a session: the database, the policies' word, the upstream's login.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use identity::Identity;
use policy::{Request, SessionFacts, Verdict};
use rand::Rng as _;
use sql::Strings;
use sql::analysis::Analysis;
use tokio::io::AsyncWriteExt as _;
use trail::{SessionId, SessionOpening};
use wire::upstream::TxStatus;
use wire::write;

use super::Session;
use super::cancel::CancelKey;
use super::pipeline::Pipeline;
use super::prepared::Names;
use super::progress::Progress;
use super::reading::Reading;
use super::settle::Settling;
use super::socket::Socket;
use super::startup::Newcomer;
use super::transaction::Transaction;
use super::upstream::{LoggedIn, Upstream};
use crate::catalog::Snapshot;
use crate::database::DatabaseState;
use crate::error::{Refusal, SessionError};
use crate::gateway::Core;
use crate::transport::Transport;

/// Admits a client: who it is, what it may open, and a connection to there. On failure the stream
/// comes back, so that the client can be told.
pub(crate) async fn admit(
    core: Rc<Core>,
    mut newcomer: Newcomer,
) -> Result<Session, (Transport, SessionError)> {
    match prepare(&core, &mut newcomer).await {
        Ok(ready) => Ok(ready.into_session(core, newcomer)),
        Err(error) => Err((newcomer.io, error)),
    }
}

/// Everything a session is made of, beside its client.
struct Ready {
    limited: bool,
    other_encoding: bool,
    database: Arc<DatabaseState>,
    admitted: policy::Session,
    catalog: Snapshot,
    trail: trail::Session,
    upstream: Transport,
    cancel: CancelKey,
}

async fn prepare(core: &Rc<Core>, newcomer: &mut Newcomer) -> Result<Ready, SessionError> {
    let shared = &core.shared;
    let identity = Arc::new(newcomer.identify(shared).await?);
    let parameters = &newcomer.parameters;
    let Some(database) = shared.databases.get(&parameters.database) else {
        return Err(SessionError::refused(
            "3D000",
            format!("database \"{}\" does not exist", parameters.database),
        ));
    };
    let catalog = database
        .catalog
        .current()
        .await
        .map_err(|error| SessionError::Connect(error.to_string()))?;
    let facts = SessionFacts {
        identity: Arc::clone(&identity),
        database: Arc::clone(&database.name),
        application: parameters.application.as_str().into(),
    };
    let admitted = core.judge.borrow_mut().admit(facts, &catalog.catalog);
    let mut admitted = admitted.map_err(|denial| {
        SessionError::Refused(Refusal {
            sqlstate: "28000",
            message: denial.reason.to_string(),
            hint: denial.hint.as_ref().map(ToString::to_string),
        })
    })?;
    let settings = settings(core, &catalog, &mut admitted, &parameters.settings).await?;
    let limited = database.config.limited_role.clone();
    let limited = limited.filter(|_| admitted.is_protected());
    let is_limited = limited.is_some();
    let role = limited.map(|role| ("role".to_owned(), role));
    let mut kept: Vec<(String, String)> = role.into_iter().collect();
    if admitted.is_protected() {
        // A scan of nothing but an index gives rows in the order of what they hide.
        for setting in ["enable_indexonlyscan", "pg_hint_plan.enable_hint"] {
            kept.push((setting.to_owned(), "off".to_owned()));
        }
    }
    let trail = core
        .writer
        .session(&opening(&identity, database, newcomer))?;
    let LoggedIn {
        io,
        parameters,
        key,
        notices,
    } = database
        .dialer
        .log_in(&database.config, &settings, &kept)
        .await?;
    let is_utf8 = |(name, value): &(String, String)| name == "server_encoding" && value == "UTF8";
    let other_encoding = !parameters.iter().any(is_utf8);
    if other_encoding && admitted.is_protected() {
        return Err(SessionError::refused_with(
            "0A000",
            "columns can be protected only in a database whose encoding is UTF8",
            "Names are cut and folded otherwise in others. Move the data to a database with UTF8.",
        ));
    }
    let long = newcomer.minor >= 2;
    let cancel = shared.cancels.register(Arc::clone(database), key, long);
    // Code that a login runs may remark anything.
    let notices = match admitted.is_protected() {
        true => BytesMut::new(),
        false => notices,
    };
    welcome(newcomer, &parameters, &notices, &cancel).await?;
    admitted.opens();
    let database = Arc::clone(database);
    Ok(Ready {
        limited: is_limited,
        other_encoding,
        database,
        admitted,
        catalog,
        trail,
        upstream: io,
        cancel,
    })
}

/// The client's settings, each allowed only where SET of it would be; then what every analyzer
/// relies on.
async fn settings(
    core: &Rc<Core>,
    catalog: &Snapshot,
    admitted: &mut policy::Session,
    wanted: &[(String, String)],
) -> Result<Vec<(String, String)>, SessionError> {
    let mut settings = Vec::new();
    for (name, value) in wanted {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let refuse = |why: &str| {
            SessionError::refused(
                "42501",
                format!("the startup parameter \"{name}\" cannot be set to \"{value}\": {why}"),
            )
        };
        if name.is_empty() || !name.chars().all(plain) {
            return Err(refuse("it is no setting's name"));
        }
        if name.eq_ignore_ascii_case("client_encoding") {
            let utf8: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
            if !utf8.eq_ignore_ascii_case("utf8") && !utf8.eq_ignore_ascii_case("unicode") {
                return Err(SessionError::refused_with(
                    "0A000",
                    format!("client_encoding {value} is not supported"),
                    "Set client_encoding to UTF8 (PGCLIENTENCODING=UTF8).",
                ));
            }
            continue;
        }
        let text: Arc<str> = format!("SET {name} TO '{}'", value.replace('\'', "''")).into();
        let strings = Strings::Standard;
        let analysts = &core.shared.analysts;
        let analysis = analysts.analyze(&text, strings, &catalog.catalog).await;
        let analysis = analysis.map_err(|why| SessionError::refused("53000", why.to_string()))?;
        let sets_strings = analysis.statements.iter().any(|one| one.sets_strings);
        if !analysis.opaque.is_empty() && (sets_strings || admitted.is_protected()) {
            return Err(refuse(
                "it may decide how statements are read, who runs them or what is told of them",
            ));
        }
        if !analysis.opaque.is_empty() {
            let judged = judge_setting(core, catalog, admitted, (text, analysis));
            judged.map_err(|reason| refuse(&reason))?;
        }
        settings.push((name.clone(), value.clone()));
    }
    settings.push(("client_encoding".to_owned(), "UTF8".to_owned()));
    settings.push(("standard_conforming_strings".to_owned(), "on".to_owned()));
    Ok(settings)
}

/// What the policies say of a setting that could do more than it seems to.
fn judge_setting(
    core: &Core,
    catalog: &Snapshot,
    admitted: &mut policy::Session,
    (text, analysis): (Arc<str>, Arc<Analysis>),
) -> Result<(), String> {
    let request = Request {
        frames: Bytes::new(),
        step: policy::Step::Query,
        text,
        strings: Strings::Standard,
        parameters: None,
    };
    let mut judge = core.judge.borrow_mut();
    match judge.judge(admitted, request, analysis, &catalog.catalog) {
        Verdict::Allow(_) => Ok(()),
        Verdict::Deny(denial) => Err(denial.reason.to_string()),
        Verdict::Hold(_) => Err("a person must approve it: SET it once connected".to_owned()),
    }
}

fn opening(identity: &Identity, database: &DatabaseState, newcomer: &Newcomer) -> SessionOpening {
    let time = SystemTime::now();
    SessionOpening {
        session: SessionId::new(time, rand::rng().random()),
        time,
        subject: identity.subject.clone(),
        issuer: identity.issuer.clone(),
        email: identity.email.clone(),
        groups: identity.groups.clone(),
        actors: identity
            .actors
            .iter()
            .map(|actor| actor.subject.clone())
            .collect(),
        database: database.name.to_string(),
        role: database.config.user.clone(),
        client: newcomer.address.to_string(),
        application: newcomer.parameters.application.clone(),
        protocol: format!("3.{}", newcomer.minor),
        tls: encryption(&newcomer.io),
        gateway: None,
    }
}

fn encryption(io: &Transport) -> Option<trail::Tls> {
    let Transport::Tls(stream) = io else {
        return None;
    };
    let (_, connection) = stream.get_ref();
    let named = |value: Option<String>| value.unwrap_or_default();
    Some(trail::Tls {
        version: named(
            connection
                .protocol_version()
                .map(|version| format!("{version:?}")),
        ),
        cipher: named(
            connection
                .negotiated_cipher_suite()
                .map(|c| format!("{:?}", c.suite())),
        ),
    })
}

/// AuthenticationOk to the first ReadyForQuery.
async fn welcome(
    newcomer: &mut Newcomer,
    parameters: &[(String, String)],
    notices: &[u8],
    cancel: &CancelKey,
) -> Result<(), SessionError> {
    let broken = |error: wire::Error| SessionError::UpstreamProtocol(error.to_string());
    let mut out = BytesMut::new();
    write::authentication_ok(&mut out);
    out.extend_from_slice(notices);
    for (name, value) in parameters {
        write::parameter_status(&mut out, name, value).map_err(broken)?;
    }
    write::backend_key_data(&mut out, &cancel.data()).map_err(broken)?;
    write::ready_for_query(&mut out, TxStatus::Idle);
    newcomer
        .io
        .write_all(&out)
        .await
        .map_err(SessionError::Client)?;
    newcomer.io.flush().await.map_err(SessionError::Client)
}

impl Ready {
    fn into_session(self, core: Rc<Core>, newcomer: Newcomer) -> Session {
        // Whoever may see everything may see these, too.
        let canaries = core.shared.canaries.clone();
        let canaries = canaries.filter(|_| self.admitted.is_protected());
        Session {
            database: self.database,
            client: Socket::new(newcomer.io, &core.pool).watched(canaries),
            upstream: Upstream {
                socket: Socket::new(self.upstream, &core.pool),
            },
            core,
            cancel: self.cancel,
            trail: self.trail,
            admitted: RefCell::new(self.admitted),
            catalog: RefCell::new(self.catalog),
            pipeline: RefCell::new(Pipeline::new()),
            names: RefCell::new(Names::default()),
            transaction: Transaction::none(),
            skipping: Cell::new(false),
            passing: Cell::new(0),
            inward: Cell::new(0),
            dropping: Cell::new(false),
            definitions: RefCell::default(),
            changing: RefCell::default(),
            cancelled: Cell::new(false),
            cancelling: RefCell::default(),
            judging: Cell::new(false),
            catalog_changed: Cell::new(false),
            temporary: Cell::new(false),
            described: Cell::default(),
            muted: Cell::new(false),
            waits_to_change: Cell::default(),
            described_after: Cell::default(),
            alone: Cell::default(),
            not_changed_yet: Cell::default(),
            worked: Cell::new(false),
            leaving: Cell::new(false),
            reading: Reading::default(),
            limited: self.limited,
            other_encoding: self.other_encoding,
            role_unsure: Cell::new(false),
            stopped: Cell::new(false),
            lost: Cell::new(false),
            farewell: Cell::new(false),
            settling: Settling::default(),
            now: Cell::new(SystemTime::now()),
            ahead: RefCell::default(),
            progress: Progress::default(),
            looked: super::extended::Looked::default(),
        }
    }
}

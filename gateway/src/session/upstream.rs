//! Upstream connections: dialled, secured, logged in; and the one way for anything to get there.

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::BytesMut;
use policy::Permit;
use postgres_protocol::authentication::{md5_hash, sasl};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use wire::batch::{Batch, Index, Wanted};
use wire::client::{ClientTag, Formats, Target};
use wire::frame::Frame;
use wire::startup::Initial;
use wire::upstream::{Authentication, BackendKeyData, ErrorFields, ParameterStatus, UpstreamTag};
use wire::write;

use super::socket::Socket;
use super::startup::demand_setting;
use crate::config::{self, Address, Database, Secret};
use crate::error::SessionError;
use crate::transport::{Plain, Transport};

/// No message of the start-up is longer.
const MAX_LOGIN_MESSAGE: usize = 1 << 20;

/// A text that PostgreSQL's grammar refuses whatever the state of the session: it fails an open
/// transaction without a trace.
const REFUSED: &str = "statement refused by the gateway";

/// The name under which the gateway prepares what it sends for itself: one that no client gives to
/// anything of its own.
static OWN: LazyLock<String> = LazyLock::new(|| format!("sluice_{:032x}", rand::random::<u128>()));

/// A role that the gateway switches to around what it was judged that may read protected columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that logged in.
    Login,
    /// The one that cannot read protected columns.
    Limited,
}

/// The statement that switches to a role, made from the configuration only.
#[derive(Debug)]
pub(crate) struct RoleSwitch(String);

impl RoleSwitch {
    /// To the role that logged in.
    pub(crate) fn to_login() -> Self {
        Self("SET ROLE NONE".to_owned())
    }

    /// To a role of this name.
    pub(crate) fn to(role: &str) -> Self {
        Self(format!("SET ROLE {}", sql::identifier(role)))
    }
}

/// An upstream that takes permits, and messages that ask for nothing.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// The stream.
    pub(crate) socket: Socket,
}

impl Upstream {
    /// Sends what was judged, as it was judged.
    pub(crate) fn send(&self, permit: &Permit<'_>) {
        self.socket.queue(permit.frames());
    }

    /// Sends a message that runs nothing: Sync, Flush, Describe, Close, the end of COPY data.
    /// Any other is a mistake of ours and is not sent.
    pub(crate) fn pass(&self, frame: &Frame<&[u8]>) {
        use ClientTag as Tag;
        match ClientTag::try_from(frame.tag()) {
            Ok(
                Tag::Sync | Tag::Flush | Tag::Describe | Tag::Close | Tag::CopyDone | Tag::CopyFail,
            ) => self.socket.queue(frame.bytes()),
            Ok(
                Tag::Query
                | Tag::Parse
                | Tag::Bind
                | Tag::Execute
                | Tag::FunctionCall
                | Tag::CopyData
                | Tag::Terminate
                | Tag::Password,
            )
            | Err(_) => tracing::error!("a message without a permit was not sent"),
        }
    }

    /// Sends a part of a CopyData message.
    pub(crate) fn copy_part(&self, bytes: &[u8]) {
        self.socket.queue(bytes);
    }

    /// Asks for the shape of what a name means.
    pub(crate) fn describe(&self, target: Target<'_>) {
        let described = self.socket.queue_with(|out| write::describe(out, target));
        described.expect("a name that came in a message fits in one");
    }

    /// Has a name mean nothing.
    pub(crate) fn close(&self, target: Target<'_>) {
        let closed = self.socket.queue_with(|out| write::close(out, target));
        closed.expect("a name that came in a message fits in one");
    }

    /// Ends the session, once everything before is done.
    pub(crate) fn terminate(&self) {
        self.socket.queue_with(write::terminate);
    }

    /// Asks for the replies that are held back until the next Sync.
    pub(crate) fn ask_to_flush(&self) {
        self.socket.queue_with(write::flush);
    }

    /// Ends an exchange, and asks for an answer that comes after its end: CloseComplete.
    pub(crate) fn ask_to_close_nothing(&self) {
        self.sync();
        self.close_nothing();
        self.ask_to_flush();
    }

    /// Asks for an answer that tells nothing: CloseComplete.
    pub(crate) fn close_nothing(&self) {
        self.close(Target::Statement(&OWN));
    }

    /// Makes the upstream raise an error in place of a simple query.
    pub(crate) fn fail_query(&self) {
        let written = self.socket.queue_with(|out| write::query(out, REFUSED));
        written.expect("the text is short");
    }

    /// Has the upstream read a text, which runs nothing, to hear what it says against it.
    pub(crate) fn read(&self, text: &str) -> Result<(), wire::Error> {
        self.socket
            .queue_with(|out| write::parse(out, "", text, &[]))
    }

    /// The same, and the unnamed statement stays what it is. It is owed two answers: to Close and Parse.
    pub(crate) fn read_aside(&self, text: &str) -> Result<(), wire::Error> {
        self.socket.queue_with(|out| {
            write::close(out, Target::Statement(&OWN))?;
            write::parse(out, &OWN, text, &[])
        })
    }

    /// Switches the role between two simple queries.
    pub(crate) fn switch_role(&self, switch: &RoleSwitch) {
        let written = self.socket.queue_with(|out| write::query(out, &switch.0));
        written.expect("a role's name fits in a message");
    }

    /// Switches the role between two messages of the extended protocol, within their transaction. It
    /// is owed six answers: to Close, Parse, Bind, Execute and twice Close. The first Close is for what
    /// an error may have left of a switch before.
    pub(crate) fn switch_role_extended(&self, switch: &RoleSwitch) {
        let none = Formats::default();
        let written = self.socket.queue_with(|out| {
            write::close(out, Target::Statement(&OWN))?;
            write::parse(out, &OWN, &switch.0, &[])?;
            write::bind(out, &OWN, &OWN, &none, &[], &none)?;
            write::execute(out, &OWN, 0)?;
            write::close(out, Target::Portal(&OWN))?;
            write::close(out, Target::Statement(&OWN))
        });
        written.expect("a role's name fits in a message");
    }

    /// Ends an exchange of the gateway's own.
    pub(crate) fn sync(&self) {
        self.socket.queue_with(write::sync);
    }

    /// Makes the upstream raise an error in place of a message of the extended protocol.
    pub(crate) fn fail_extended(&self) {
        let written = self
            .socket
            .queue_with(|out| write::parse(out, &OWN, REFUSED, &[]));
        written.expect("the text is short");
    }
}

/// Where an upstream is and what is demanded of it: made once from the configuration.
#[derive(Debug)]
pub(crate) struct Dialer {
    upstream: config::Upstream,
    tls: Option<Arc<rustls::ClientConfig>>,
    timeout: Duration,
}

/// A connection that is logged in and waits for its first request.
pub(crate) struct LoggedIn {
    /// The stream.
    pub(crate) io: Transport,
    /// What the upstream said of its parameters.
    pub(crate) parameters: Vec<(String, String)>,
    /// What cancels its requests.
    pub(crate) key: Option<BackendKeyData>,
    /// What it remarked: whole NoticeResponse messages.
    pub(crate) notices: BytesMut,
}

impl Dialer {
    /// A dialer for one configured upstream.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub(crate) fn new(
        upstream: config::Upstream,
        timeout: Duration,
    ) -> Result<Self, crate::tls::Error> {
        let tls = crate::tls::client(upstream.tls, upstream.ca.as_deref())?;
        Ok(Self {
            upstream,
            tls,
            timeout,
        })
    }

    /// Connects, with TLS where that is demanded.
    pub(crate) async fn dial(&self) -> Result<Transport, SessionError> {
        tokio::time::timeout(self.timeout, self.connect())
            .await
            .map_err(|_| SessionError::Connect("no answer in time".to_owned()))?
            .map_err(|error| SessionError::Connect(error.to_string()))
    }

    async fn connect(&self) -> io::Result<Transport> {
        let (mut plain, host) = match &self.upstream.address {
            Address::Unix(path) => {
                return Ok(Transport::Plain(Plain::Unix(
                    UnixStream::connect(path).await?,
                )));
            }
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                crate::transport::tune(&stream)?;
                (Plain::Tcp(stream), host)
            }
        };
        let Some(tls) = &self.tls else {
            return Ok(Transport::Plain(plain));
        };
        let mut request = BytesMut::new();
        Initial::Ssl.write(&mut request).map_err(io::Error::other)?;
        plain.write_all(&request).await?;
        if plain.read_u8().await? != b'S' {
            return Err(io::Error::other(
                "the upstream declines TLS, which is demanded of it",
            ));
        }
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
        Ok(Transport::Tls(Box::new(
            connector.connect(name, plain).await?.into(),
        )))
    }

    /// Connects and logs in, with parameters, and with some that must be in force then.
    pub(crate) async fn log_in(
        &self,
        database: &Database,
        parameters: &[(String, String)],
        kept: &[(String, String)],
    ) -> Result<LoggedIn, SessionError> {
        let io = self.dial().await?;
        let login = Login {
            io,
            buffer: BytesMut::new(),
            notices: BytesMut::new(),
            user: &database.user,
        };
        tokio::time::timeout(self.timeout, login.run(database, parameters, kept))
            .await
            .map_err(|_| SessionError::Connect("no login in time".to_owned()))?
            .map_err(|error| match refused_setting(&error, kept) {
                Some(name) => not_kept(name),
                None => error,
            })
    }

    /// Asks the upstream to cancel what a connection of ours runs.
    pub(crate) async fn cancel(&self, key: &BackendKeyData) -> Result<(), SessionError> {
        let mut io = self.dial().await?;
        let mut request = BytesMut::new();
        Initial::Cancel {
            pid: key.pid,
            secret: key.secret.clone(),
        }
        .write(&mut request)
        .map_err(|error| SessionError::Connect(error.to_string()))?;
        io.write_all(&request)
            .await
            .map_err(SessionError::Upstream)?;
        io.flush().await.map_err(SessionError::Upstream)?;
        // The upstream closes when it has acted; after that nothing later can be hit.
        let _ = io.read(&mut [0; 1]).await;
        Ok(())
    }
}

/// The conversation from StartupMessage to the first ReadyForQuery.
struct Login<'a> {
    io: Transport,
    buffer: BytesMut,
    notices: BytesMut,
    user: &'a str,
}

impl Login<'_> {
    async fn run(
        mut self,
        database: &Database,
        parameters: &[(String, String)],
        kept: &[(String, String)],
    ) -> Result<LoggedIn, SessionError> {
        // They come behind the gateway's own, and the last of a name counts.
        for (name, _) in parameters {
            demand_setting(name)?;
        }
        let mut all = vec![
            ("user".to_owned(), database.user.clone()),
            ("database".to_owned(), database.name.clone()),
        ];
        all.extend_from_slice(parameters);
        all.extend_from_slice(kept);
        let startup = Initial::Startup {
            version: wire::startup::VERSION_3_0,
            parameters: all,
        };
        let mut out = BytesMut::new();
        startup
            .write(&mut out)
            .map_err(|error| SessionError::refused("08P01", error.to_string()))?;
        self.send(&out).await?;
        self.authenticate(database.password.as_ref()).await?;
        let (parameters, key) = self.settle().await?;
        if !kept.is_empty() {
            self.ask_back(kept).await?;
        }
        Ok(LoggedIn {
            io: self.io,
            parameters,
            key,
            notices: self.notices,
        })
    }

    async fn authenticate(&mut self, password: Option<&Secret>) -> Result<(), SessionError> {
        loop {
            let frame = self.expect(UpstreamTag::Authentication).await?;
            let asked = Authentication::parse(frame.body()).map_err(broken)?;
            let mut out = BytesMut::new();
            match asked {
                Authentication::Ok => return Ok(()),
                Authentication::CleartextPassword => {
                    write::password(&mut out, demand(password)?.reveal()).map_err(broken)?;
                }
                Authentication::Md5 { salt } => {
                    let secret = demand(password)?.reveal();
                    let hash = md5_hash(self.user.as_bytes(), secret.as_bytes(), salt);
                    write::password(&mut out, &hash).map_err(broken)?;
                }
                Authentication::Sasl { mechanisms } => {
                    if !mechanisms.contains(&"SCRAM-SHA-256") {
                        return Err(SessionError::Connect(
                            "the upstream offers no SCRAM-SHA-256".to_owned(),
                        ));
                    }
                    self.scram(demand(password)?).await?;
                    continue;
                }
                Authentication::SaslContinue(_)
                | Authentication::SaslFinal(_)
                | Authentication::Other(_) => {
                    return Err(SessionError::Connect(
                        "the upstream asks for an authentication that is not supported".to_owned(),
                    ));
                }
            }
            self.send(&out).await?;
        }
    }

    /// SCRAM-SHA-256 (RFC 5802, RFC 7677), the upstream's proof checked.
    async fn scram(&mut self, password: &Secret) -> Result<(), SessionError> {
        let failed = |error: io::Error| SessionError::Connect(format!("SCRAM: {error}"));
        let binding = sasl::ChannelBinding::unsupported();
        let mut scram = sasl::ScramSha256::new(password.reveal().as_bytes(), binding);
        let mut out = BytesMut::new();
        write::sasl_initial_response(&mut out, "SCRAM-SHA-256", Some(scram.message()))
            .map_err(broken)?;
        self.send(&out).await?;

        let frame = self.expect(UpstreamTag::Authentication).await?;
        let Authentication::SaslContinue(data) =
            Authentication::parse(frame.body()).map_err(broken)?
        else {
            return Err(SessionError::Connect("SCRAM: no challenge".to_owned()));
        };
        scram.update(data).map_err(failed)?;
        out.clear();
        write::sasl_response(&mut out, scram.message()).map_err(broken)?;
        self.send(&out).await?;

        let frame = self.expect(UpstreamTag::Authentication).await?;
        let Authentication::SaslFinal(data) =
            Authentication::parse(frame.body()).map_err(broken)?
        else {
            return Err(SessionError::Connect("SCRAM: no proof".to_owned()));
        };
        scram.finish(data).map_err(failed)
    }

    /// Parameters and key, up to the first ReadyForQuery.
    async fn settle(
        &mut self,
    ) -> Result<(Vec<(String, String)>, Option<BackendKeyData>), SessionError> {
        let mut parameters = Vec::new();
        let mut key = None;
        loop {
            let frame = self.frame().await?;
            match UpstreamTag::try_from(frame.tag()).map_err(broken)? {
                UpstreamTag::ParameterStatus => {
                    let status = ParameterStatus::parse(frame.body()).map_err(broken)?;
                    parameters.push((status.name.to_owned(), status.value.to_owned()));
                }
                UpstreamTag::BackendKeyData => {
                    key = Some(BackendKeyData::parse(frame.body()).map_err(broken)?);
                }
                UpstreamTag::NoticeResponse if self.notices.len() < MAX_LOGIN_MESSAGE => {
                    self.notices.extend_from_slice(frame.bytes());
                }
                UpstreamTag::NoticeResponse => {}
                UpstreamTag::ReadyForQuery => return Ok((parameters, key)),
                tag => {
                    return Err(SessionError::UpstreamProtocol(format!("{tag:?} at login")));
                }
            }
        }
    }

    /// Whether settings are in force: what stands between may have dropped them. One with a dot in its
    /// name is nothing where no extension knows it.
    async fn ask_back(&mut self, kept: &[(String, String)]) -> Result<(), SessionError> {
        let asked = kept.iter();
        let asked = asked.map(|(name, _)| format!("pg_catalog.current_setting('{name}', true)"));
        let text = format!("SELECT {}", asked.collect::<Vec<_>>().join(", "));
        let mut out = BytesMut::new();
        write::query(&mut out, &text).map_err(broken)?;
        self.send(&out).await?;
        let row = self.expect(UpstreamTag::DataRow).await?;
        let wanted = Wanted::new(kept.len(), 0..kept.len()).map_err(broken)?;
        let mut index = Index::default();
        let batch = Batch::read(row.bytes(), &wanted, &mut index).map_err(broken)?;
        for (place, (name, value)) in kept.iter().enumerate() {
            let found = batch.value(0, place).unwrap_or_default();
            if found != value.as_bytes() && !(found.is_empty() && name.contains('.')) {
                return Err(not_kept(name));
            }
        }
        self.expect(UpstreamTag::ReadyForQuery).await?;
        Ok(())
    }

    async fn expect(&mut self, tag: UpstreamTag) -> Result<Frame, SessionError> {
        loop {
            let frame = self.frame().await?;
            match UpstreamTag::try_from(frame.tag()).map_err(broken)? {
                found if found == tag => return Ok(frame),
                UpstreamTag::NoticeResponse
                | UpstreamTag::ParameterStatus
                | UpstreamTag::RowDescription
                | UpstreamTag::CommandComplete => {}
                found => {
                    return Err(SessionError::UpstreamProtocol(format!(
                        "{found:?} where {tag:?} was due"
                    )));
                }
            }
        }
    }

    /// The next message; an ErrorResponse is the upstream's refusal.
    async fn frame(&mut self) -> Result<Frame, SessionError> {
        loop {
            if let Some(frame) = Frame::take(&mut self.buffer, MAX_LOGIN_MESSAGE).map_err(broken)? {
                if frame.tag() == UpstreamTag::ErrorResponse.byte() {
                    return Err(refusal(frame));
                }
                return Ok(frame);
            }
            let read = self
                .io
                .read_buf(&mut self.buffer)
                .await
                .map_err(SessionError::Upstream)?;
            if read == 0 {
                return Err(SessionError::Upstream(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.io
            .write_all(bytes)
            .await
            .map_err(SessionError::Upstream)?;
        self.io.flush().await.map_err(SessionError::Upstream)
    }
}

/// Errors of authentication name our role and are kept from the client; others are the client's.
fn refusal(frame: Frame) -> SessionError {
    let is_ours = ErrorFields::parse(frame.body()).map(|fields| {
        fields
            .get(b'C')
            .is_some_and(|state| state.starts_with(b"28"))
    });
    match is_ours {
        Ok(false) => SessionError::UpstreamRefused(frame.into_bytes()),
        _ => SessionError::Connect("the upstream does not let our role in".to_owned()),
    }
}

/// The setting that a login was refused for, by what stands between. Of roles PostgreSQL speaks itself.
fn refused_setting<'k>(error: &SessionError, kept: &'k [(String, String)]) -> Option<&'k str> {
    let SessionError::UpstreamRefused(message) = error else {
        return None;
    };
    let names = |name: &str| {
        let mut parts = message.windows(name.len());
        parts.any(|part| part == name.as_bytes())
    };
    let mut kept = kept.iter().map(|(name, _)| name.as_str());
    kept.find(|name| *name != "role" && names(name))
}

fn not_kept(setting: &str) -> SessionError {
    SessionError::refused_with(
        "0A000",
        format!(
            "columns are protected, and the setting {setting} is not in force at the database as the gateway asks"
        ),
        "A pooler between the gateway and PostgreSQL does not pass it on: see its section in docs/configuration.md.",
    )
}

fn demand(password: Option<&Secret>) -> Result<&Secret, SessionError> {
    password.ok_or_else(|| {
        SessionError::Connect("the upstream asks for a password and none is configured".to_owned())
    })
}

fn broken(error: wire::Error) -> SessionError {
    SessionError::UpstreamProtocol(error.to_string())
}

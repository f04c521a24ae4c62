//! From the first byte to a known client: TLS, start-up parameters, the token.
//!
//! Every step reads exactly the bytes of its message, so that nothing sent in the clear is taken
//! for something sent under TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use identity::Identity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::client::{ClientTag, Password};
use wire::startup::{self, Initial};
use wire::write;

use crate::config::Plaintext;
use crate::error::SessionError;
use crate::gateway::Shared;
use crate::transport::{Plain, Transport};

/// The longest password message: a token with many groups fits.
const MAX_TOKEN_MESSAGE: usize = 64 << 10;

/// The newest minor version of protocol 3 that is spoken.
const NEWEST_MINOR: u16 = 2;

/// What a new connection turned out to be.
pub(crate) enum Arrival {
    /// A client that wants a session.
    Newcomer(Box<Newcomer>),
    /// A request to cancel what another session runs.
    Cancel {
        /// The process id of the key.
        pid: u32,
        /// The secret of the key.
        secret: Bytes,
        /// Stays open until the request was acted on: that is how its sender knows.
        io: Transport,
    },
    /// A connection that went away without a word, as health checks do.
    Gone,
}

/// A client that said what it wants, and not yet who it is.
pub(crate) struct Newcomer {
    pub(crate) io: Transport,
    pub(crate) address: SocketAddr,
    pub(crate) minor: u16,
    pub(crate) parameters: Parameters,
}

/// The start-up parameters, told apart.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// Settings for the session, from parameters and from `options`.
    pub(crate) settings: Vec<(String, String)>,
    /// Protocol options (`_pq_.`) that are not known.
    unknown: Vec<String>,
}

/// A stream that was not asked for TLS yet, or was.
enum Greeting {
    Bare(TcpStream),
    Secured(Transport),
}

/// Reads the first messages of a connection.
pub(crate) async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    shared: &Shared,
) -> Result<Arrival, (Option<Transport>, SessionError)> {
    let alone = |error: SessionError| (None, error);
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(0) | Err(_) => return Ok(Arrival::Gone),
        Ok(_) => {}
    }
    let mut greeting = Greeting::Bare(stream);
    if startup::begins_tls(first[0]) {
        greeting = accept_tls(greeting, shared, Alpn::Demanded)
            .await
            .map_err(alone)?;
    }
    loop {
        let Ok(initial) = read_initial(&mut greeting).await else {
            return Ok(Arrival::Gone);
        };
        let reply = match initial {
            Err(error) => return Err((Some(greeting.into_transport()), error)),
            Ok(Initial::Cancel { pid, secret }) => {
                let io = greeting.into_transport();
                return Ok(Arrival::Cancel { pid, secret, io });
            }
            Ok(Initial::Startup {
                version,
                parameters,
            }) => {
                return newcomer(greeting, address, version, parameters);
            }
            Ok(Initial::Gss) => b'N',
            Ok(Initial::Ssl) if shared.tls.is_none() => b'N',
            Ok(Initial::Ssl) => b'S',
        };
        if greeting.write(&[reply]).await.is_err() {
            return Ok(Arrival::Gone);
        }
        if reply == b'S' {
            greeting = accept_tls(greeting, shared, Alpn::Optional)
                .await
                .map_err(alone)?;
        }
    }
}

/// Whether a TLS client must name the application protocol, as direct TLS demands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpn {
    Demanded,
    Optional,
}

async fn accept_tls(
    greeting: Greeting,
    shared: &Shared,
    alpn: Alpn,
) -> Result<Greeting, SessionError> {
    let (Greeting::Bare(stream), Some(config)) = (greeting, &shared.tls) else {
        return Err(SessionError::ClientProtocol(
            "TLS is not available here".to_owned(),
        ));
    };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(config));
    let stream = acceptor
        .accept(Plain::Tcp(stream))
        .await
        .map_err(SessionError::Client)?;
    if alpn == Alpn::Demanded && stream.get_ref().1.alpn_protocol().is_none() {
        return Err(SessionError::ClientProtocol(
            "direct TLS without the application protocol \"postgresql\"".to_owned(),
        ));
    }
    Ok(Greeting::Secured(Transport::Tls(Box::new(stream.into()))))
}

/// One untagged message; an outer error means that the connection is gone.
async fn read_initial(greeting: &mut Greeting) -> std::io::Result<Result<Initial, SessionError>> {
    let mut bytes = vec![0; 4];
    greeting.read(&mut bytes).await?;
    let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let broken = |what: String| Ok(Err(SessionError::ClientProtocol(what)));
    if !(8..=startup::MAX_BYTES + 4).contains(&length) {
        return broken("invalid length of startup packet".to_owned());
    }
    bytes.resize(length, 0);
    greeting.read(&mut bytes[4..]).await?;
    match startup::parse(&bytes) {
        Ok(Some((initial, _))) => Ok(Ok(initial)),
        Ok(None) => broken("incomplete startup packet".to_owned()),
        Err(wire::Error::Version { major, minor }) => Ok(Err(SessionError::refused(
            "0A000",
            format!(
                "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST_MINOR}"
            ),
        ))),
        Err(error) => broken(error.to_string()),
    }
}

fn newcomer(
    greeting: Greeting,
    address: SocketAddr,
    version: (u16, u16),
    parameters: Vec<(String, String)>,
) -> Result<Arrival, (Option<Transport>, SessionError)> {
    let io = greeting.into_transport();
    match Parameters::sort(parameters) {
        Ok(parameters) => {
            let minor = version.1;
            Ok(Arrival::Newcomer(Box::new(Newcomer {
                io,
                address,
                minor,
                parameters,
            })))
        }
        Err(error) => Err((Some(io), error)),
    }
}

impl Greeting {
    async fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        match self {
            Self::Bare(stream) => stream.read_exact(bytes).await?,
            Self::Secured(stream) => stream.read_exact(bytes).await?,
        };
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Bare(stream) => stream.write_all(bytes).await,
            Self::Secured(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    fn into_transport(self) -> Transport {
        match self {
            Self::Bare(stream) => Transport::Plain(Plain::Tcp(stream)),
            Self::Secured(stream) => stream,
        }
    }
}

/// As PostgreSQL's `parse_bool` takes a word for false.
fn is_false(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let begins = |word: &str, least| value.len() >= least && word.starts_with(&value);
    value == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2)
}

impl Parameters {
    fn sort(sent: Vec<(String, String)>) -> Result<Self, SessionError> {
        let mut sorted = Self::default();
        for (name, value) in sent {
            match name.as_str() {
                "user" => sorted.user = value,
                "database" => sorted.database = value,
                "options" => {
                    for (name, value) in parse_options(&value)? {
                        sorted.set(name, value)?;
                    }
                }
                "replication" => {
                    if !is_false(&value) {
                        return Err(SessionError::refused(
                            "0A000",
                            "replication connections are not let through: what they send cannot be judged",
                        ));
                    }
                }
                _ if name.starts_with("_pq_.") => sorted.unknown.push(name),
                _ => sorted.set(name, value)?,
            }
        }
        if sorted.user.is_empty() {
            return Err(SessionError::refused(
                "28000",
                "no PostgreSQL user name specified in startup packet",
            ));
        }
        if sorted.database.is_empty() {
            sorted.database.clone_from(&sorted.user);
        }
        Ok(sorted)
    }

    /// Notes a setting, which goes into a startup packet of the gateway's.
    fn set(&mut self, name: String, value: String) -> Result<(), SessionError> {
        demand_setting(&name)?;
        if name.eq_ignore_ascii_case("application_name") {
            self.application.clone_from(&value);
        }
        self.settings.push((name, value));
        Ok(())
    }
}

/// Refuses the name of what is no setting in a startup packet: it says who connects, and to what.
pub(super) fn demand_setting(name: &str) -> Result<(), SessionError> {
    let words = ["database", "options", "replication", "user"];
    let folded = name.to_ascii_lowercase();
    if words.contains(&folded.as_str()) || folded.starts_with("_pq_.") {
        let message = format!("unrecognized configuration parameter \"{name}\"");
        return Err(SessionError::refused("42704", message));
    }
    Ok(())
}

/// Settings in the form of a server's command line: `-c name=value` or `--name=value`, spaces in
/// values escaped by a backslash (protocol documentation, StartupMessage).
fn parse_options(text: &str) -> Result<Vec<(String, String)>, SessionError> {
    let refuse = || {
        SessionError::refused_with(
            "0A000",
            "the startup parameter \"options\" holds more than settings",
            "Write settings only: -c name=value or --name=value.",
        )
    };
    let words = split_words(text);
    let mut words = words.iter().map(String::as_str);
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next().ok_or_else(refuse)?,
            Some(setting) => setting,
            None => word.strip_prefix("--").ok_or_else(refuse)?,
        };
        let (name, value) = setting.split_once('=').ok_or_else(refuse)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl Newcomer {
    /// Settles the protocol version, asks for the token and verifies it.
    pub(crate) async fn identify(&mut self, shared: &Shared) -> Result<Identity, SessionError> {
        let mut out = BytesMut::new();
        if self.minor > NEWEST_MINOR || !self.parameters.unknown.is_empty() {
            self.minor = self.minor.min(NEWEST_MINOR);
            let unknown: Vec<_> = self.parameters.unknown.iter().map(String::as_str).collect();
            write::negotiate_protocol_version(&mut out, (3, self.minor), &unknown)
                .map_err(|error| SessionError::ClientProtocol(error.to_string()))?;
        }
        self.demand_privacy(shared.plaintext)?;
        write::authentication_cleartext_password(&mut out);
        self.io
            .write_all(&out)
            .await
            .map_err(SessionError::Client)?;
        self.io.flush().await.map_err(SessionError::Client)?;
        let token = self.read_token().await?;
        shared
            .verifier
            .verify(&token, SystemTime::now())
            .await
            .map_err(|error| {
                SessionError::refused_with(
                    "28P01",
                    format!("the token is refused: {error}"),
                    format!(
                        "Send a token of {} as the password.",
                        shared.verifier.issuer()
                    ),
                )
            })
    }

    /// A token that travels in the clear is a token given away.
    fn demand_privacy(&self, plaintext: Plaintext) -> Result<(), SessionError> {
        let private = match (&self.io, plaintext) {
            (Transport::Tls(_), _) | (_, Plaintext::Always) => true,
            (Transport::Plain(_), Plaintext::Loopback) => self.address.ip().is_loopback(),
            (Transport::Plain(_), Plaintext::Never) => false,
        };
        if private {
            return Ok(());
        }
        Err(SessionError::refused_with(
            "28000",
            "a token is not taken over a connection without TLS",
            "Connect with sslmode=require or stricter.",
        ))
    }

    async fn read_token(&mut self) -> Result<String, SessionError> {
        let mut header = [0; wire::frame::HEADER_BYTES];
        self.io
            .read_exact(&mut header)
            .await
            .map_err(SessionError::Client)?;
        let broken = |what: &str| SessionError::ClientProtocol(what.to_owned());
        let found = wire::frame::header(&header, MAX_TOKEN_MESSAGE)
            .map_err(|error| broken(&error.to_string()))?
            .ok_or_else(|| broken("no password message"))?;
        if found.tag != ClientTag::Password.byte() {
            return Err(broken("expected the password message"));
        }
        let mut body = vec![0; found.len - header.len()];
        self.io
            .read_exact(&mut body)
            .await
            .map_err(SessionError::Client)?;
        let password = Password::parse(&body).map_err(|error| broken(&error.to_string()))?;
        Ok(password.password.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, parse_options, split_words};

    #[test]
    fn options_are_split_as_postgresql_splits_them() {
        assert_eq!(
            split_words(r"-c a=b\ c  --d=e\\f"),
            ["-c", "a=b c", r"--d=e\f"]
        );
        assert_eq!(split_words("  "), Vec::<String>::new());
    }

    #[test]
    fn options_are_settings_or_refused() {
        let settings = parse_options("-c geqo=off -cwork_mem=1MB --statement-timeout=5").unwrap();
        let expected = [
            ("geqo", "off"),
            ("work_mem", "1MB"),
            ("statement_timeout", "5"),
        ];
        assert_eq!(
            settings,
            expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        let packet = |options: &str| {
            let sent = [("user", "alice"), ("options", options)];
            Parameters::sort(
                sent.map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            )
        };
        for refused in [
            "database=x",
            "DataBase=x",
            "user=x",
            "replication=1",
            "options=-cx=1",
            "_pq_.x=1",
        ] {
            assert!(packet(&format!("-c {refused}")).is_err(), "{refused}");
        }
        let named = packet("-c application_name=reports").unwrap();
        assert_eq!(named.application, "reports");
        for refused in ["-c", "-c geqo", "-D /tmp", "geqo=off", "-S 5"] {
            assert!(parse_options(refused).is_err(), "{refused}");
        }
    }
}

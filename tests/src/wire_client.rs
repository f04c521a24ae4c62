//! A client that speaks the protocol byte by byte, and says what no driver would.

use std::net::SocketAddr;
use std::time::Duration;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use sluice::demo::postgres::{Postgres, Role};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::{DATABASE, Place};
use crate::{Gateway, PATIENCE, Person};

/// Between two parts of what is said in pieces: long enough for the other side to see the first
/// alone, mostly.
const PAUSE: Duration = Duration::from_millis(2);

/// One message from the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its tag.
    pub tag: u8,
    /// Its body, without the length.
    pub body: Vec<u8>,
}

impl Message {
    /// A field of an ErrorResponse or NoticeResponse.
    #[must_use]
    pub fn field(&self, code: u8) -> Option<&str> {
        let mut parts = self.body.split(|byte| *byte == 0);
        parts.find_map(|part| match part.split_first() {
            Some((first, text)) if *first == code => str::from_utf8(text).ok(),
            _ => None,
        })
    }
}

/// A connection whose bytes the test writes.
#[derive(Debug)]
pub struct WireClient {
    /// The socket.
    pub stream: TcpStream,
}

impl WireClient {
    /// Connects and says nothing.
    ///
    /// # Panics
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address)
                .await
                .expect("the gateway listens"),
        }
    }

    /// Connects and logs in, up to the first ReadyForQuery.
    ///
    /// # Panics
    /// The gateway does not let the person in.
    pub async fn log_in(gateway: &Gateway, person: Person) -> Self {
        let startup = startup(person.name());
        let address = gateway.address();
        Self::log_in_with(gateway.place(), address, person, &startup)
            .await
            .0
    }

    /// Logs in to a gateway of a place with a StartupMessage of the test's, and gives what was said
    /// from AuthenticationOk to the first ReadyForQuery.
    ///
    /// # Panics
    /// The gateway does not let the person in.
    pub async fn log_in_with(
        place: &Place,
        address: SocketAddr,
        person: Person,
        startup: &[u8],
    ) -> (Self, Vec<Message>) {
        let mut client = Self::connect(address).await;
        client.send(startup).await;
        let asked = client.message().await.expect("a request for a password");
        assert_eq!(
            (asked.tag, &asked.body[..]),
            (b'R', &[0, 0, 0, 3][..]),
            "{asked:?}"
        );
        let token = place.provider().token(person);
        client.send(&message(b'p', &terminated(&token))).await;
        let said = client.let_in().await;
        (client, said)
    }

    /// Logs in to PostgreSQL itself, as the gateway does (SCRAM-SHA-256, RFC 7677), and gives what
    /// was said up to the first ReadyForQuery.
    ///
    /// # Panics
    /// The server does not let the application role in.
    pub async fn direct(postgres: &Postgres, startup: &[u8]) -> (Self, Vec<Message>) {
        const SASL: u8 = b'p';
        let mut client = Self::connect(postgres.address()).await;
        client.send(startup).await;
        let password = postgres.password(Role::Application).as_bytes();
        let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
        client.challenge(10).await;
        let first = scram.message();
        let length = u32::try_from(first.len())
            .expect("it is short")
            .to_be_bytes();
        let body = [&terminated("SCRAM-SHA-256")[..], &length, first].concat();
        client.send(&message(SASL, &body)).await;
        scram
            .update(&client.challenge(11).await)
            .expect("a challenge");
        client.send(&message(SASL, scram.message())).await;
        scram.finish(&client.challenge(12).await).expect("a proof");
        let said = client.let_in().await;
        (client, said)
    }

    /// What is said from AuthenticationOk to the first ReadyForQuery.
    async fn let_in(&mut self) -> Vec<Message> {
        let mut said = Vec::new();
        loop {
            let message = self.message().await.expect("ReadyForQuery");
            match message.tag {
                b'E' => panic!("not let in: {}", message.body.escape_ascii()),
                b'Z' => return said,
                _ => said.push(message),
            }
        }
    }

    /// The data of an authentication request of one kind.
    async fn challenge(&mut self, kind: u8) -> Vec<u8> {
        let asked = self.message().await.expect("an authentication request");
        assert!(
            asked.tag == b'R' && asked.body.get(3) == Some(&kind),
            "{asked:?}"
        );
        asked.body[4..].to_vec()
    }

    /// Sends bytes, whatever they mean. The gateway may have hung up: what follows will tell.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    /// The next message; none where the gateway hung up.
    ///
    /// # Panics
    /// The gateway says nothing for long.
    pub async fn message(&mut self) -> Option<Message> {
        next(&mut self.stream).await
    }

    /// Sends parts of what a client says, reading all the while, and gives all that comes back
    /// until the other side hangs up.
    pub async fn converse(self, parts: &[Vec<u8>]) -> Vec<Message> {
        let (mut reader, mut writer) = self.stream.into_split();
        let writing = async {
            for part in parts {
                // The other side may have hung up: what it said before tells.
                if writer.write_all(part).await.is_err() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            // PostgreSQL 13 may have taken a Terminate for something among COPY data.
            let _ = writer.shutdown().await;
        };
        let reading = async {
            let mut said = Vec::new();
            while let Some(message) = next(&mut reader).await {
                said.push(message);
            }
            said
        };
        tokio::join!(writing, reading).1
    }

    /// All messages up to ReadyForQuery; none where the gateway hung up before.
    pub async fn until_ready(&mut self) -> Option<Vec<Message>> {
        let mut said = Vec::new();
        loop {
            let message = self.message().await?;
            if message.tag == b'Z' {
                return Some(said);
            }
            said.push(message);
        }
    }

    /// Sends a Query and gives the answer up to ReadyForQuery.
    pub async fn query(&mut self, text: &str) -> Option<Vec<Message>> {
        self.send(&message(b'Q', &terminated(text))).await;
        self.until_ready().await
    }
}

/// The next message; none where the other side has hung up.
///
/// # Panics
/// It says nothing for long.
async fn next(stream: &mut (impl AsyncRead + Unpin)) -> Option<Message> {
    let mut head = [0; 5];
    fill(stream, &mut head).await?;
    let [tag, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let mut body = vec![0; length.checked_sub(4)?];
    fill(stream, &mut body).await?;
    Some(Message { tag, body })
}

async fn fill(stream: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while at < bytes.len() {
        let reading = tokio::time::timeout(PATIENCE, stream.read(&mut bytes[at..]));
        let read = reading.await.expect("the other side answers or hangs up");
        at += read.ok().filter(|read| *read > 0)?;
    }
    Some(())
}

/// The tags of messages, in short.
#[must_use]
pub fn tags(messages: &[Message]) -> String {
    messages
        .iter()
        .map(|message| char::from(message.tag))
        .collect()
}

/// A StartupMessage.
#[must_use]
pub fn startup(user: &str) -> Vec<u8> {
    startup_with(0, &[("user", user), ("database", DATABASE)])
}

/// A StartupMessage of protocol 3 with a minor version and parameters.
#[must_use]
pub fn startup_with(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = [[0, 3], minor.to_be_bytes()].concat();
    for (name, value) in parameters {
        body.extend(terminated(name));
        body.extend(terminated(value));
    }
    body.push(0);
    with_length(&body)
}

/// A Query.
#[must_use]
pub fn query(text: &str) -> Vec<u8> {
    message(b'Q', &terminated(text))
}

/// A Parse, the types of its parameters left to PostgreSQL.
#[must_use]
pub fn parse(name: &str, text: &str) -> Vec<u8> {
    message(
        b'P',
        &[terminated(name), terminated(text), vec![0, 0]].concat(),
    )
}

/// A Bind with parameters as text, and results in one format.
#[must_use]
pub fn bind(portal: &str, statement: &str, parameters: &[&str], format: Format) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).expect("tests bind few").to_be_bytes();
    let mut body = [terminated(portal), terminated(statement), vec![0, 0]].concat();
    body.extend(short(parameters.len()));
    for parameter in parameters {
        let length = u32::try_from(parameter.len()).expect("tests bind less than 4 GiB");
        body.extend(length.to_be_bytes());
        body.extend(parameter.as_bytes());
    }
    body.extend(short(1));
    body.extend(short(format as usize));
    message(b'B', &body)
}

/// A format of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text = 0,
    /// As binary.
    Binary = 1,
}

/// What Describe and Close are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

impl Kind {
    fn about(self, tag: u8, name: &str) -> Vec<u8> {
        let kind = match self {
            Kind::Statement => b'S',
            Kind::Portal => b'P',
        };
        message(tag, &[&[kind][..], &terminated(name)].concat())
    }
}

/// A Describe.
#[must_use]
pub fn describe(kind: Kind, name: &str) -> Vec<u8> {
    kind.about(b'D', name)
}

/// A Close.
#[must_use]
pub fn close(kind: Kind, name: &str) -> Vec<u8> {
    kind.about(b'C', name)
}

/// An Execute of a portal; 0 rows are all rows.
#[must_use]
pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(
        b'E',
        &[&terminated(portal)[..], &rows.to_be_bytes()].concat(),
    )
}

/// A Sync.
#[must_use]
pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// A Flush.
#[must_use]
pub fn flush() -> Vec<u8> {
    message(b'H', b"")
}

/// A message with a tag.
#[must_use]
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(with_length(body));
    bytes
}

/// A text as the protocol ends it.
#[must_use]
pub fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("tests send less than 4 GiB");
    [&length.to_be_bytes()[..], body].concat()
}

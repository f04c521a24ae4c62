//! A client that speaks the protocol byte by byte, and says what no driver would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::DATABASE;
use crate::{Gateway, PATIENCE, Person};

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
        let mut client = Self::connect(gateway.address()).await;
        client.send(&startup(person.name())).await;
        let asked = client.message().await.expect("a request for a password");
        assert_eq!(
            (asked.tag, &asked.body[..]),
            (b'R', &[0, 0, 0, 3][..]),
            "{asked:?}"
        );
        let token = gateway.place().provider().token(person);
        client.send(&message(b'p', &terminated(&token))).await;
        let said = client.until_ready().await.expect("ReadyForQuery");
        assert!(said.iter().all(|message| message.tag != b'E'), "{said:?}");
        client
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
        let reading = async {
            let tag = self.stream.read_u8().await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
            self.stream.read_exact(&mut body).await.ok()?;
            Some(Message { tag, body })
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the gateway answers or hangs up")
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

/// A StartupMessage.
#[must_use]
pub fn startup(user: &str) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for text in ["user", user, "database", DATABASE] {
        body.extend(terminated(text));
    }
    body.push(0);
    with_length(&body)
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

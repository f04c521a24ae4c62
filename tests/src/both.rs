//! The same said to PostgreSQL itself and to a gateway: what differs in the answers is a defect.

use sluice::demo::postgres::Role;

use crate::Person;
use crate::gateway::{DATABASE, Gateway, Place};
use crate::programs::{self, Login, Said};
use crate::server::postgres;
use crate::wire_client::{Message, WireClient, message, startup_with};

/// PostgreSQL itself and a gateway, each with a database of its own that begins alike.
#[derive(Debug)]
pub struct Both {
    /// The gateway, with the first database behind it.
    pub gateway: Gateway,
    /// The name of the second database.
    pub direct: String,
}

impl Both {
    /// Runs `setup` in a database, copies it, and starts the gateway.
    ///
    /// # Panics
    /// PostgreSQL refuses it.
    pub async fn start(setup: &str) -> Self {
        let place = Place::new().await;
        let postgres = postgres().await;
        let database = place.database();
        postgres
            .run(Role::Application, database, setup)
            .await
            .expect("the setup is valid");
        let direct = format!("{database}_direct");
        let copied = postgres.create_database(&direct, Some(database)).await;
        copied.expect("nobody uses the database yet");
        // The masks spare Dora; what the guard cannot know it would hold.
        let guard = "module = \"policies/guard.wasm\"\n";
        place.edit(|text| text.replace(guard, &format!("{guard}mode = \"off\"\n")));
        let gateway = Gateway::within(place).await;
        Self { gateway, direct }
    }

    /// Logs in to the gateway and to PostgreSQL, and says that both greet alike.
    pub async fn log_in(&self, parameters: &[(&str, &str)]) -> (WireClient, WireClient) {
        let with = |user, database| {
            let all = [&[("user", user), ("database", database)], parameters].concat();
            startup_with(0, &all)
        };
        let dora = with(Person::Dora.name(), DATABASE);
        let place = self.gateway.place();
        let (through, said) =
            WireClient::log_in_with(place, self.gateway.address(), Person::Dora, &dora).await;
        let app = with(Role::Application.name(), &self.direct);
        let (direct, expected) = WireClient::direct(postgres().await, &app).await;
        same("greeting", &expected, &said);
        (through, direct)
    }

    /// Says the same to both, in the same parts: what PostgreSQL and what the gateway says.
    pub async fn conversation(&self, parts: &[Vec<u8>]) -> (Vec<Message>, Vec<Message>) {
        let (through, direct) = self.log_in(&[]).await;
        let parts = [parts, &[message(b'X', b"")]].concat();
        (
            direct.converse(&parts).await,
            through.converse(&parts).await,
        )
    }

    /// Says that both answer alike, up to their end.
    pub async fn same(&self, what: &str, parts: &[Vec<u8>]) {
        let (expected, said) = self.conversation(parts).await;
        same(what, &expected, &said);
    }

    /// Runs a program twice, connected by its environment: what it says of PostgreSQL, and what
    /// through the gateway.
    ///
    /// # Panics
    /// The program cannot be run.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> (Said, Said) {
        let postgres = postgres().await;
        let direct = Login {
            address: postgres.address(),
            user: Role::Application.name(),
            password: postgres.password(Role::Application).to_owned(),
            database: &self.direct,
        };
        let expected = programs::said(direct.command(program, arguments)).await;
        let said = self.gateway.run(Person::Dora, program, arguments).await;
        (expected, said)
    }

    /// Says that a program is content with both, and prints the same.
    ///
    /// # Panics
    /// It is not, or does not.
    pub async fn same_said(&self, program: &str, arguments: &[&str]) {
        let (expected, said) = self.run(program, arguments).await;
        let what = format!("{program} {arguments:?}");
        assert!(
            expected.content,
            "{what}, direct:\n{}\n{}",
            expected.out, expected.err
        );
        assert!(said.content, "{what}:\n{}\n{}", said.out, said.err);
        let expected = expected
            .out
            .replace(&self.direct, self.gateway.place().database());
        same_text(&what, &expected, &said.out);
    }
}

/// Two texts are the same, line by line.
///
/// # Panics
/// They are not.
pub fn same_text(what: &str, expected: &str, said: &str) {
    let mut pairs = expected.lines().zip(said.lines()).enumerate();
    if let Some((line, (expected, said))) = pairs.find(|(_, (expected, said))| expected != said) {
        panic!("{what}, line {line}:\n  PostgreSQL: {expected}\n  gateway:    {said}");
    }
    assert_eq!(said.len(), expected.len(), "{what}: one says more");
}

/// Two answers are the same, but for what two servers cannot say alike.
///
/// # Panics
/// They are not.
pub fn same(what: &str, expected: &[Message], said: &[Message]) {
    let expected: Vec<_> = expected.iter().map(comparable).collect();
    let said: Vec<_> = said.iter().map(comparable).collect();
    let alike = |(expected, said): (&Message, &Message)| {
        expected == said || *said == without_source(expected) || are_syntax_errors(expected, said)
    };
    let until = expected
        .iter()
        .zip(&said)
        .take_while(|pair| alike(*pair))
        .count();
    let show = |all: &[Message]| {
        let from = all.iter().skip(until.saturating_sub(3));
        let lines = from
            .take(6)
            .map(|m| format!("  {} {}", char::from(m.tag), m.body.escape_ascii()));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!(
        until == expected.len() && until == said.len(),
        "{what}: message {until} differs; PostgreSQL of {}:\n{}\nthrough the gateway of {}:\n{}",
        expected.len(),
        show(&expected),
        said.len(),
        show(&said)
    );
}

/// A message without process ids, keys and the numbers of tables.
fn comparable(message: &Message) -> Message {
    let mut message = message.clone();
    match message.tag {
        b'K' => message.body.clear(),
        b'A' => message.body[..4].fill(0),
        b'T' => {
            let mut at = 2;
            while at < message.body.len() {
                let name = message.body[at..].iter().position(|byte| *byte == 0);
                at += name.expect("a name ends") + 1;
                message.body[at..at + 4].fill(0);
                at += 18;
            }
        }
        _ => {}
    }
    message
}

/// What cannot be read never gets as far as PostgreSQL: the gateway says so in the same words.
fn are_syntax_errors(expected: &Message, said: &Message) -> bool {
    let what = |message: &Message| message.field(b'M').map(str::to_owned);
    let is = |message: &Message| message.tag == b'E' && message.field(b'C') == Some("42601");
    is(expected) && is(said) && what(expected) == what(said)
}

/// An error without the place in PostgreSQL's source, which the gateway's own errors lack.
fn without_source(message: &Message) -> Message {
    let mut message = message.clone();
    if matches!(message.tag, b'E' | b'N') {
        let fields = message.body.split_inclusive(|byte| *byte == 0);
        message.body = fields
            .filter(|field| !b"FLR".contains(&field[0]))
            .flatten()
            .copied()
            .collect();
    }
    message
}

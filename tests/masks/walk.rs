//! Walks a way, through the gateway or past it.

use std::collections::HashMap;

use sluice::demo::postgres::Role;
use sluice_tests::Person;
use sluice_tests::gateway::{DATABASE, Gateway};
use sluice_tests::server::postgres;
use sluice_tests::wire_client::{
    Format, Kind, Message, WireClient, bind, close, describe, execute, flush, message, parse,
    startup_with, sync,
};
use tokio_postgres::Client;

use crate::ways::Way;

/// How a query is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Simple,
    Extended(Format),
}

/// Where a session ends.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// At the gateway, as an analyst.
    Gateway(&'a Gateway),
    /// At a database of PostgreSQL itself.
    Direct(&'a str),
}

impl End<'_> {
    /// Opens a session with parameters.
    pub async fn talk(self, parameters: &[(&str, &str)]) -> Talk {
        let startup = |user, database| {
            let all = [&[("user", user), ("database", database)], parameters].concat();
            startup_with(0, &all)
        };
        let (client, _) = match self {
            End::Gateway(gateway) => {
                let startup = startup(Person::Alice.name(), DATABASE);
                let address = gateway.address();
                WireClient::log_in_with(gateway.place(), address, Person::Alice, &startup).await
            }
            End::Direct(database) => {
                let startup = startup(Role::Application.name(), database);
                WireClient::direct(postgres().await, &startup).await
            }
        };
        Talk { client }
    }
}

/// A session, and what was said in it.
#[derive(Debug)]
pub struct Talk {
    client: WireClient,
}

/// What a session heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// All messages.
    pub messages: Vec<Message>,
    /// Whether the other side hung up.
    pub ended: bool,
}

impl Heard {
    fn add(&mut self, answer: Option<Vec<Message>>) {
        match answer {
            Some(messages) => self.messages.extend(messages),
            None => self.ended = true,
        }
    }

    /// What an error says, and whether the gateway says it: its own errors name no place in
    /// PostgreSQL's source. Where several speak, the gateway's counts.
    pub fn refusal(&self) -> Option<(String, bool)> {
        let errors = || self.messages.iter().filter(|message| message.tag == b'E');
        let own = errors().find(|error| error.field(b'R').is_none());
        let own = own.map(|error| (error, true));
        let error = own.or_else(|| errors().next().map(|error| (error, false)));
        let said = error.map(|(error, own)| (error.body.escape_ascii().to_string(), own));
        said.or_else(|| self.ended.then(|| ("it hung up".to_owned(), true)))
    }

    /// Whether the time for a statement ran out.
    pub fn is_late(&self) -> bool {
        let mut errors = self.messages.iter().filter(|message| message.tag == b'E');
        errors.any(|error| error.field(b'C') == Some("57014"))
    }
}

impl Talk {
    /// Sends one query.
    pub async fn say(&mut self, text: &str, protocol: Protocol) -> Heard {
        let mut heard = Heard::default();
        let answer = match protocol {
            Protocol::Simple => self.client.query(text).await,
            Protocol::Extended(format) => {
                let bytes = [
                    parse("", text),
                    bind("", "", &[], format),
                    describe(Kind::Portal, ""),
                    execute("", 0),
                    sync(),
                ];
                self.client.send(&bytes.concat()).await;
                self.client.until_ready().await
            }
        };
        heard.add(answer);
        heard
    }

    /// Prepares a statement, and hears what its parameters and its result are.
    pub async fn described(&mut self, parse: Vec<u8>) -> Heard {
        let bytes = [parse, describe(Kind::Statement, ""), sync()];
        self.client.send(&bytes.concat()).await;
        let mut heard = Heard::default();
        heard.add(self.client.until_ready().await);
        heard
    }

    /// Says all lines of a way:
    ///
    /// ```text
    /// \parse STATEMENT TEXT       \bind PORTAL STATEMENT text|binary    \describe S|P NAME
    /// \execute PORTAL ROWS        \close S|P NAME                       \flush  \sync
    /// \call FUNCTION ARGUMENT     \elsewhere TEXT, by someone who sees all
    /// ```
    ///
    /// `-` is the name of what has none. `\login NAME=VALUE` was said before. `{directory}` stands
    /// for where the server keeps its files.
    pub async fn walk(&mut self, way: &Way, protocol: Protocol, elsewhere: &Client) -> Heard {
        let mut heard = Heard::default();
        for line in &way.lines {
            let line = &with_directory(line, elsewhere).await;
            let Some(line) = line.strip_prefix('\\') else {
                let said = self.say(line, protocol).await;
                heard.messages.extend(said.messages);
                heard.ended |= said.ended;
                continue;
            };
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "login" => {}
                "elsewhere" => elsewhere
                    .batch_execute(rest)
                    .await
                    .unwrap_or_else(|error| panic!("{rest}: {error:?}")),
                "sync" => {
                    self.client.send(&sync()).await;
                    heard.add(self.client.until_ready().await);
                }
                "call" => {
                    let (function, argument) = rest.split_once(") ").expect("an argument");
                    let function = format!("{function})");
                    let number = "SELECT $1::text::regprocedure::oid";
                    let row = elsewhere.query_one(number, &[&function]).await;
                    let oid: u32 = row.expect("a function").get(0);
                    self.client.send(&call(oid, argument)).await;
                    heard.add(self.client.until_ready().await);
                }
                _ => self.client.send(&one_message(word, rest)).await,
            }
            if heard.ended {
                break;
            }
        }
        heard
    }
}

async fn with_directory(line: &str, elsewhere: &Client) -> String {
    const PLACE: &str = "{directory}";
    if !line.contains(PLACE) {
        return line.to_owned();
    }
    let row = elsewhere.query_one("SELECT current_setting('data_directory')", &[]);
    let directory: String = row.await.expect("the server answers").get(0);
    line.replace(PLACE, &directory)
}

/// The parameters that a way logs in with.
pub fn parameters(way: &Way) -> Vec<(&str, &str)> {
    let logins = way
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("\\login "));
    logins.filter_map(|one| one.split_once('=')).collect()
}

/// A message of the extended protocol.
fn one_message(word: &str, rest: &str) -> Vec<u8> {
    let (first, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let name = |word: &str| {
        if word == "-" {
            String::new()
        } else {
            word.to_owned()
        }
    };
    let kind = |word: &str| match word {
        "S" => Kind::Statement,
        _ => Kind::Portal,
    };
    match word {
        "parse" => parse(&name(first), rest),
        "bind" => {
            let (statement, format) = rest.split_once(' ').unwrap_or((rest, "text"));
            let format = match format {
                "binary" => Format::Binary,
                _ => Format::Text,
            };
            bind(&name(first), &name(statement), &[], format)
        }
        "describe" => describe(kind(first), &name(rest)),
        "execute" => execute(&name(first), rest.parse().expect("a number of rows")),
        "close" => close(kind(first), &name(rest)),
        "flush" => flush(),
        other => panic!("no message \\{other}"),
    }
}

/// A FunctionCall with one argument as text, and the result as text.
fn call(oid: u32, argument: &str) -> Vec<u8> {
    let length = u32::try_from(argument.len()).expect("it is short");
    let mut body = oid.to_be_bytes().to_vec();
    body.extend([0, 0, 0, 1]);
    body.extend(length.to_be_bytes());
    body.extend(argument.as_bytes());
    body.extend([0, 0]);
    message(b'F', &body)
}

/// The rows of an answer, cut into values.
pub fn rows(said: &[Message]) -> impl Iterator<Item = Vec<Option<&[u8]>>> {
    let rows = said.iter().filter(|message| message.tag == b'D');
    rows.map(|row| cells(&row.body).collect())
}

/// What a message tells: the values of a row, or all of it.
pub fn values(message: &Message) -> Vec<&[u8]> {
    match message.tag {
        b'D' => cells(&message.body).flatten().collect(),
        _ => vec![&message.body],
    }
}

fn cells(body: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = body.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            rest = after;
            return Some(None);
        };
        let (value, after) = after.split_at_checked(length)?;
        rest = after;
        Some(Some(value))
    })
}

/// The names of columns that an answer has.
pub fn columns(said: &[Message]) -> Vec<String> {
    let Some(description) = said.iter().find(|message| message.tag == b'T') else {
        return Vec::new();
    };
    let mut rest = description.body.get(2..).unwrap_or_default();
    let mut names = Vec::new();
    // Behind a name: table, attribute, type, its size and modifier, format.
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        names.push(rest[..end].escape_ascii().to_string());
        rest = rest.get(end + 19..).unwrap_or_default();
    }
    names
}

/// How often each message came.
pub fn tally(said: &[Message]) -> HashMap<u8, usize> {
    let mut tally = HashMap::new();
    for message in said {
        *tally.entry(message.tag).or_default() += 1;
    }
    tally
}

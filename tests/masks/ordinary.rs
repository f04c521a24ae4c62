//! Ordinary work: an analyst, from whom columns are masked, hears what PostgreSQL says to everyone.

use std::collections::HashMap;

use sluice::demo::postgres::Role;
use sluice_tests::Gateway;
use sluice_tests::gateway::Place;
use sluice_tests::programs::repository;
use sluice_tests::server::postgres;
use sluice_tests::wire_client::{Message, parse};

use crate::walk::{End, Heard, Protocol, Talk, columns, rows};

/// Columns that come back masked, wherever they stand in a result.
pub const MASKED: [&str; 10] = [
    "email",
    "phone",
    "password_hash",
    "password",
    "address",
    "card_number",
    "iban",
    "api_key",
    "ssn",
    "salary",
];

/// Read by tools for administrators; refused on purpose.
const REFUSED: [&str; 2] = ["pg_authid", "pg_user_mappings"];

/// What differs from one time, or from one session, to the next.
const PASSING: [&str; 4] = [
    "pg_tablespace_size",
    "pg_database_size",
    "s.boot_val",
    "EXPLAIN (ANALYZE",
];

/// What is refused by PostgreSQL may be refused by the gateway before it.
const DENIED: &str = "42501";

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("a file of the repository")
}

fn is_passing(text: &str) -> bool {
    PASSING.iter().any(|part| text.contains(part))
}

/// Two sessions that should hear the same.
struct Pair {
    through: Talk,
    direct: Talk,
}

impl Pair {
    async fn of(gateway: &Gateway) -> Self {
        Self {
            through: End::Gateway(gateway).talk(&[]).await,
            direct: End::Direct(gateway.place().database()).talk(&[]).await,
        }
    }

    /// Runs one statement here and there, and undoes it.
    async fn undone(&mut self, text: &str) -> Option<String> {
        let mut answers = Vec::new();
        for talk in [&mut self.direct, &mut self.through] {
            let around = !text.starts_with("VACUUM") && !text.starts_with("DISCARD");
            if around {
                talk.say("BEGIN", Protocol::Simple).await;
            }
            answers.push(talk.say(text, Protocol::Simple).await);
            if around {
                talk.say("ROLLBACK", Protocol::Simple).await;
            }
        }
        difference(&answers[0], &answers[1])
    }

    /// Runs one statement here and there; where it has parameters, it is only prepared.
    async fn said(&mut self, text: &str) -> Option<String> {
        let mut answers = Vec::new();
        for talk in [&mut self.direct, &mut self.through] {
            let answer = if text.contains("$1") && !text.starts_with("PREPARE") {
                talk.described(parse("", text)).await
            } else {
                talk.say(text, Protocol::Simple).await
            };
            answers.push(answer);
        }
        difference(&answers[0], &answers[1])
    }
}

/// What the gateway says otherwise.
fn difference(expected: &Heard, said: &Heard) -> Option<String> {
    let error = |heard: &Heard| {
        let errors = heard.messages.iter().filter(|message| message.tag == b'E');
        let mut codes = errors.filter_map(|error| error.field(b'C'));
        codes.next().map(str::to_owned)
    };
    // What a version does not know, readers miss in an order of their own: class 42, or what comes of it
    // in a transaction.
    let misses =
        |heard: &Heard| error(heard).is_some_and(|code| code.starts_with("42") || code == "25P02");
    let alike = error(expected) == error(said)
        || error(expected).is_some() && error(said).as_deref() == Some(DENIED)
        || misses(expected) && misses(said);
    if !alike {
        return Some(match said.refusal() {
            Some((refusal, _)) => format!("refused: {refusal}"),
            None => "is not refused as PostgreSQL does".to_owned(),
        });
    }
    let names = columns(&expected.messages);
    if names != columns(&said.messages) {
        return Some("has other columns".to_owned());
    }
    let without_rows = |heard: &Heard| {
        let others = heard.messages.iter();
        let others = others.filter(|message| !matches!(message.tag, b'D' | b'T' | b'E' | b'N'));
        others.cloned().collect::<Vec<Message>>()
    };
    if without_rows(expected) != without_rows(said) {
        return Some("says something else than rows otherwise".to_owned());
    }
    let (left, right): (Vec<_>, Vec<_>) = (
        rows(&expected.messages).collect(),
        rows(&said.messages).collect(),
    );
    if left.len() != right.len() {
        return Some(format!("has {} rows, not {}", right.len(), left.len()));
    }
    let cells = left
        .iter()
        .zip(&right)
        .flat_map(|(left, right)| left.iter().zip(right));
    let mut places = cells.zip(names.iter().cycle());
    let other =
        places.find(|((left, right), name)| left != right && !MASKED.contains(&name.as_str()));
    other.map(|(_, name)| format!("column {name} is another"))
}

async fn gateway(place: Place) -> Gateway {
    let guard = "module = \"policies/guard.wasm\"\n";
    place.edit(|text| text.replace(guard, &format!("{guard}mode = \"off\"\n")));
    Gateway::within(place).await
}

/// The numbers of the objects in the recorded statements, and those that they have here.
async fn numbers(place: &Place) -> HashMap<String, String> {
    let direct = place.direct().await;
    let mut numbers = HashMap::new();
    for line in read("gateway/sql/tests/data/catalog.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["RELATIONS", number, schema @ ("public" | "other"), name, ..] = fields[..] else {
            continue;
        };
        let text = "SELECT to_regclass(format('%I.%I', $1::text, $2::text))::oid::text";
        let row = direct.query_one(text, &[&schema, &name]).await;
        let here: Option<String> = row.expect("the server answers").get(0);
        numbers.insert(number.to_owned(), here.expect("the relation was made"));
    }
    numbers
}

#[tokio::test]
async fn applications_hear_what_postgresql_says() {
    let gateway = gateway(Place::new().await).await;
    let mut pair = Pair::of(&gateway).await;
    let mut faults = Vec::new();
    let text = ["application", "tools"].map(|name| read(&format!("tests/ordinary/{name}.sql")));
    let lines = text.iter().flat_map(|text| text.lines());
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("--")) {
        let fault = pair.undone(line).await;
        if let Some(fault) = fault.filter(|_| !is_passing(line)) {
            faults.push(format!("{line}\n    {fault}"));
        }
    }
    let wrong = faults.len();
    assert!(wrong == 0, "{wrong} statements:\n{}", faults.join("\n"));
}

#[tokio::test]
async fn tools_hear_what_postgresql_says() {
    let place = Place::new().await;
    let schema = read("gateway/sql/tests/data/schema.sql");
    let setup = format!(
        "DROP SCHEMA staff CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n{schema}"
    );
    let made = postgres()
        .await
        .run(Role::Application, place.database(), &setup)
        .await;
    made.unwrap_or_else(|error| panic!("schema.sql: {error:?}"));
    let numbers = numbers(&place).await;
    let gateway = gateway(place).await;
    let mut pair = Pair::of(&gateway).await;
    let mut faults = Vec::new();
    for text in read("gateway/sql/tests/data/clients.sql").split("\n\n") {
        let known = numbers.iter().fold(text.to_owned(), |text, (there, here)| {
            text.replace(there.as_str(), here)
        });
        let excused = REFUSED.iter().any(|name| text.contains(name)) || is_passing(text);
        if let Some(fault) = pair.said(&known).await
            && !excused
        {
            faults.push(format!("{text}\n    {fault}"));
        }
    }
    let wrong = faults.len();
    assert!(wrong == 0, "{wrong} statements:\n{}", faults.join("\n"));
}

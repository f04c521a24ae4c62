//! Every known way to a protected value, and none of them leads there.
//!
//! The ways are in `bypass/*.sql`. A test database holds marked values; whatever the gateway sends
//! back, row, error or notice, as text or binary, must not contain a mark in any spelling.

use std::sync::Arc;

use sluice_tests::programs::repository;
use sluice_tests::wire_client::{
    Format, Kind, Message, WireClient, bind, describe, execute, parse, sync,
};
use sluice_tests::{Gateway, Person};

/// The word in every protected text value; masks keep less of a value than this.
const MARK: &str = "quartzzebra";

/// The digits in every protected number.
const DIGITS: &str = "73519284";

/// Puts the marks into the protected columns. They stand where no mask keeps characters.
const MARKS: &str = "
    UPDATE customers SET email = 'x' || id || 'quartzzebra' || id || '@example.org',
        phone = '+49 73519284 ' || lpad(id::text, 6, '0'),
        password_hash = '$2b$quartzzebra$' || id, address = id || ' quartzzebra street';
    UPDATE payments SET card_number = '4173519284' || lpad(id::text, 6, '0') WHERE card_number IS NOT NULL;
    UPDATE payments SET iban = 'DE0073519284' || lpad(id::text, 10, '0') WHERE iban IS NOT NULL;
    UPDATE api_tokens SET api_key = 'shop_quartzzebra_' || id || '_0123456789';
    UPDATE staff.employees SET ssn = '735-19-284' || id, salary = 735192840 + id % 10;
    ANALYZE;";

/// What must become of the statements of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// They succeed, with masked values.
    Masked,
    /// At least one is refused.
    Refused,
    /// Either.
    Safe,
}

/// A way: queries that are sent one after the other in one session.
#[derive(Debug)]
struct Way {
    name: String,
    fate: Fate,
    queries: Vec<String>,
}

/// The ways of a file: each begins with `-- masked:`, `-- refused:` or `-- safe:` and a name; each
/// line after it is one query.
fn ways(text: &str) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some(heading) = line.strip_prefix("-- ") else {
            ways.last_mut()
                .expect("a heading comes first")
                .queries
                .push(line.to_owned());
            continue;
        };
        let (fate, name) = heading.split_once(": ").unwrap_or(("", heading));
        let fate = match fate {
            "masked" => Fate::Masked,
            "refused" => Fate::Refused,
            "safe" => Fate::Safe,
            _ => continue,
        };
        ways.push(Way {
            name: name.to_owned(),
            fate,
            queries: Vec::new(),
        });
    }
    ways
}

/// All spellings of a mark that a function of PostgreSQL may give it.
fn spellings() -> Vec<Vec<u8>> {
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let mut found = vec![
        MARK.to_owned(),
        MARK.to_uppercase(),
        hex(MARK),
        DIGITS.to_owned(),
    ];
    found.push(MARK.chars().rev().collect());
    found.push(DIGITS.chars().rev().collect());
    found.push(hex(DIGITS));
    // base64 of the mark at each of the three offsets, less the characters its neighbours share.
    found.extend(["cXVhcnR6emVicm", "F1YXJ0enplYnJh", "xdWFydHp6ZWJyY"].map(str::to_owned));
    let mut found: Vec<Vec<u8>> = found.into_iter().map(String::into_bytes).collect();
    // The salaries in binary, 735192840 and its neighbours.
    found.extend((0..10).map(|i| (735_192_840_i32 + i).to_be_bytes().to_vec()));
    found
}

/// How a query is sent.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Simple,
    Extended { binary: bool },
}

async fn send(client: &mut WireClient, text: &str, protocol: Protocol) -> Option<Vec<Message>> {
    let binary = match protocol {
        Protocol::Simple => return client.query(text).await,
        Protocol::Extended { binary } => binary,
    };
    let format = if binary { Format::Binary } else { Format::Text };
    let bytes = [
        parse("", text),
        bind("", "", &[], format),
        describe(Kind::Portal, ""),
        execute("", 0),
        sync(),
    ];
    client.send(&bytes.concat()).await;
    client.until_ready().await
}

/// Walks a way and says what was wrong with it.
async fn walk(gateway: &Gateway, way: &Way, protocol: Protocol) -> Option<String> {
    let mut client = WireClient::log_in(gateway, Person::Alice).await;
    let mut refused = None;
    let mut rows = 0;
    for query in &way.queries {
        let answer = send(&mut client, query, protocol).await;
        let ended = answer.is_none();
        for said in answer.unwrap_or_default() {
            let leaked = |mark: &Vec<u8>| said.body.windows(mark.len()).any(|part| part == mark);
            if let Some(mark) = spellings().iter().find(|mark| leaked(mark)) {
                let mark = mark.escape_ascii();
                return Some(format!(
                    "LEAK of {mark} by {query}: {}",
                    said.body.escape_ascii()
                ));
            }
            if said.tag == b'E' {
                refused = Some(format!("{query}: {}", said.body.escape_ascii()));
            }
            rows += usize::from(matches!(said.tag, b'D' | b'd'));
        }
        if ended {
            refused = Some(format!("{query}: the gateway hung up"));
            break;
        }
    }
    match (way.fate, refused) {
        (Fate::Masked, Some(refusal)) => Some(format!("refused: {refusal}")),
        (Fate::Masked, None) if rows == 0 => Some("gives no rows".to_owned()),
        (Fate::Refused, None) => Some("is not refused".to_owned()),
        (Fate::Masked | Fate::Safe, None) | (Fate::Refused | Fate::Safe, Some(_)) => None,
    }
}

/// Walks all the ways of a file.
async fn no_way(file: &str, protocol: Protocol) {
    // Masks hold alone: what the guard would refuse anyway is tried, too.
    let guard = "module = \"policies/guard.wasm\"\n";
    let gateway = Gateway::with(|text| text.replace(guard, &format!("{guard}mode = \"off\"\n")));
    let gateway = gateway.await;
    let direct = gateway.place().direct().await;
    direct
        .batch_execute(MARKS)
        .await
        .expect("the marks fit the sample data");
    let text = std::fs::read_to_string(repository().join("tests/bypass").join(file));
    let ways = ways(&text.expect("a file of the repository"));
    assert!(ways.len() > 3, "{file} holds ways");
    let gateway = Arc::new(gateway);
    let mut faults = Vec::new();
    for way in &ways {
        // What needs several statements in one message has no extended form.
        let several = way
            .queries
            .iter()
            .any(|query| query.trim_end_matches(';').contains("; "));
        if several && !matches!(protocol, Protocol::Simple) {
            continue;
        }
        if let Some(fault) = walk(&gateway, way, protocol).await {
            faults.push(format!("{}: {fault}", way.name));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {} ways:\n{}",
        faults.len(),
        ways.len(),
        faults.join("\n")
    );
}

macro_rules! ways {
    ($($name:ident: $file:literal, $protocol:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            no_way($file, $protocol).await;
        })*
    };
}

ways! {
    no_result_shows_a_value: "results.sql", Protocol::Simple;
    no_result_shows_a_value_to_the_extended_protocol: "results.sql", Protocol::Extended { binary: false };
    no_result_shows_a_value_in_binary: "results.sql", Protocol::Extended { binary: true };
    no_expression_shows_a_value: "expressions.sql", Protocol::Simple;
    no_expression_shows_a_value_to_the_extended_protocol: "expressions.sql", Protocol::Extended { binary: false };
    no_copy_shows_a_value: "copies.sql", Protocol::Simple;
    no_side_door_shows_a_value: "side-doors.sql", Protocol::Simple;
    no_attack_that_once_worked_shows_a_value: "adversary.sql", Protocol::Simple;
    no_attack_that_once_worked_shows_a_value_in_binary: "adversary.sql", Protocol::Extended { binary: true };
    no_side_door_shows_a_value_in_binary: "side-doors.sql", Protocol::Extended { binary: true };
}

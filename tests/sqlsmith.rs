//! Random statements by sqlsmith, over the whole catalog, functions and operators included.
//!
//! Protected columns hold a marked value that the gateway itself watches for: a statement that brought
//! it back, plain or in another spelling, would end the session. `SLUICE_SQLSMITH=100000` sends that
//! many, and `SLUICE_SEED` others.

use sluice_tests::gateway::Place;
use sluice_tests::programs::{present, said};
use sluice_tests::{Gateway, Person};
use tokio::process::Command;

/// How many statements are sent unless told otherwise.
const USUAL: &str = "100";

const MARKS: &str = "
    UPDATE customers SET email = 'quartzzebra' || id, phone = 'quartzzebra', address = 'quartzzebra',
        password_hash = 'quartzzebra';
    UPDATE payments SET card_number = 'quartzzebra' WHERE card_number IS NOT NULL;
    UPDATE payments SET iban = 'quartzzebra' WHERE iban IS NOT NULL;
    UPDATE api_tokens SET api_key = 'quartzzebra' || id;
    UPDATE staff.employees SET email = 'quartzzebra' || id, ssn = 'quartzzebra';";

/// Spellings that PostgreSQL's functions give the mark: itself, capitals, reversed, hex, base64.
const CANARIES: &str = "quartzzebra\nQUARTZZEBRA\nQuartzzebra\narbezztrauq\n717561727\ncXVhcnR6emVicm\nF1YXJ0enplYnJh\nxdWFydHp6ZWJyY\n";

fn number(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}

#[tokio::test]
async fn no_statement_of_sqlsmith_brings_a_mark_back() {
    if !present("sqlsmith") {
        return;
    }
    let place = Place::new().await;
    let direct = place.direct().await;
    direct
        .batch_execute(MARKS)
        .await
        .expect("the marks are put there");
    std::fs::write(place.folder().join("canaries"), CANARIES).expect("a file");
    place.edit(|text| format!("{text}\n[canaries]\nfile = \"canaries\"\n"));
    let gateway = Gateway::within(place).await;
    let login = gateway.login(Person::Alice);
    let target = format!(
        "host={} port={} user={} dbname={} password={}",
        login.address.ip(),
        login.address.port(),
        login.user,
        login.database,
        login.password
    );
    let mut command = Command::new("sqlsmith");
    command.args([
        format!("--target={target}"),
        format!("--max-queries={}", number("SLUICE_SQLSMITH", USUAL)),
        format!("--seed={}", number("SLUICE_SEED", "1")),
        "--verbose".to_owned(),
    ]);
    let said = said(command).await;
    let all = format!("{}{}", said.out, said.err);
    let end = all.len().saturating_sub(2000);
    let end = all.ceil_char_boundary(end);
    assert!(said.content, "{}", &all[end..]);
    assert!(!all.to_lowercase().contains("broken"), "{}", &all[end..]);
    assert!(all.contains("queries:"), "{}", &all[end..]);
}

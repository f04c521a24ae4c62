use std::path::Path;

use super::{Config, Error};

const MINIMAL: &str = r#"
[listen]
address = "127.0.0.1:0"

[databases.shop]
host = "127.0.0.1"
user = "app"
tls = "disable"

[identity]
issuer = "https://id.example.com"
audience = "sluice"

[trail]
directory = "trail"
"#;

fn findings(text: &str) -> String {
    match Config::from_toml(text, Path::new("/nowhere/sluice.toml")) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_minimal_file_is_enough() {
    let config = Config::from_toml(MINIMAL, Path::new("/etc/sluice/sluice.toml")).unwrap();
    assert_eq!(config.databases["shop"].name, "shop");
    assert_eq!(config.trail.directory, Path::new("/etc/sluice/trail"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_its_line() {
    let text = MINIMAL.replace("user = \"app\"", "user = \"app\"\npasword-file = \"x\"");
    let found = findings(&text);
    assert!(
        found.contains("pasword-file") && found.contains("line 8"),
        "{found}"
    );
}

#[test]
fn a_missing_module_is_named_with_its_key_and_line() {
    let text = format!("{MINIMAL}\n[policies.mask]\nmodule = \"gone.wasm\"\n");
    let found = findings(&text);
    assert!(
        found.contains("/nowhere/sluice.toml:18: policies.mask.module"),
        "{found}"
    );
    assert!(
        found.contains("there is no file /nowhere/gone.wasm"),
        "{found}"
    );
}

#[test]
fn every_finding_is_reported_at_once() {
    let text = MINIMAL.replace(
        "host = \"127.0.0.1\"",
        "password-env = \"SLUICE_TEST_NOT_SET\"",
    );
    let text = format!("{text}\n[policies.mask]\nmodule = \"gone.wasm\"\ngrants = [\"network\"]\n");
    let found = findings(&text);
    assert!(found.contains("databases.shop"), "{found}");
    assert!(found.contains("`network` is no grant"), "{found}");
    assert!(
        found.contains("log, clock, counters, keyed, tables"),
        "{found}"
    );
}

#[test]
fn tables_need_their_grant_and_their_files() {
    let policy = "\n[policies.mask]\nmodule = \"gone.wasm\"\n";
    let tables = "tables = { tenants = \"gone.csv\" }\n";
    let found = findings(&format!("{MINIMAL}{policy}{tables}"));
    assert!(
        found.contains("\"tables\" is not among the grants"),
        "{found}"
    );
    assert!(
        found.contains("policies.mask.tables.tenants: there is no file"),
        "{found}"
    );
    let granted = findings(&format!("{MINIMAL}{policy}{tables}grants = [\"tables\"]\n"));
    assert!(!granted.contains("not among the grants"), "{granted}");
}

#[test]
fn secrets_do_not_show_in_debug() {
    let text = MINIMAL.replace(
        "tls = \"disable\"",
        "tls = \"disable\"\npassword-env = \"PATH\"",
    );
    let config = Config::from_toml(&text, Path::new("sluice.toml")).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains(&std::env::var("PATH").unwrap()), "{shown}");
}

#[test]
fn text_that_is_not_toml_is_a_syntax_error() {
    let error = Config::from_toml("[listen", Path::new("sluice.toml")).unwrap_err();
    assert!(matches!(error, Error::Syntax(_)));
}

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;

use clap::Parser as _;
use console::view;
use serde_json::{Value, json};

use super::describe;
use super::table::{Table, line, printable};
use crate::cli::{Cli, Command};

fn held(statement: &str) -> Value {
    json!({
        "number": 7, "since": "2030-01-01T00:00:00Z", "until": "2030-01-01T00:10:00Z",
        "requester": {
            "subject": "alice", "issuer": "https://login.example", "groups": ["analysts"],
            "actors": ["reporting-agent"],
        },
        "database": "shop", "application": "psql", "statement": statement,
        "parameters": ["Bob", null], "digest": "5f1c", "generation": 3,
        "demands": [{
            "policy": "guard", "reason": "no WHERE", "approvers": ["dba"], "approvals": 2,
            "missing": 1,
        }],
        "approved_by": [],
    })
}

/// Answers one request with this, and gives what it was.
fn console(status: &'static str, body: &Value) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !is_whole(&request) {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
        }
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close");
        stream
            .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
            .unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, serving)
}

/// Whether the head and as many bytes as it promises have come.
fn is_whole(request: &[u8]) -> bool {
    let text = std::str::from_utf8(request).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// Runs `sluice holds` with these words.
fn run(words: &[&str], url: &str) -> ExitCode {
    let start = ["sluice", "holds"];
    let end = ["--url", url, "--token", "a.b.c"];
    let words = start.iter().chain(words).chain(&end);
    match Cli::try_parse_from(words).unwrap().command {
        Command::Holds(command) => super::run(command).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_command_asks_for_what_it_says() {
    let answer = |outcome: &str| json!({ "number": 7, "outcome": outcome });
    for (words, body, asked, sent) in [
        (
            vec!["list"],
            json!({ "holds": [held("SELECT 1")] }),
            "GET /api/v1/holds ",
            "",
        ),
        (
            vec!["list", "--json"],
            json!({ "holds": [] }),
            "GET /api/v1/holds ",
            "",
        ),
        (
            vec!["show", "7"],
            held("SELECT 1"),
            "GET /api/v1/holds/7 ",
            "",
        ),
        (
            vec!["approve", "7"],
            answer("needs-more"),
            "POST /api/v1/holds/7/approve ",
            "{}",
        ),
        (
            vec!["approve", "7", "--digest", "5f1c"],
            answer("released"),
            "POST /api/v1/holds/7/approve ",
            r#"{"digest":"5f1c"}"#,
        ),
        (
            vec!["deny", "7", "--reason", "no"],
            answer("denied"),
            "POST /api/v1/holds/7/deny ",
            r#"{"reason":"no"}"#,
        ),
    ] {
        let (url, serving) = console("200 OK", &body);
        assert_eq!(run(&words, &url), ExitCode::SUCCESS, "{words:?}");
        let request = serving.join().unwrap();
        assert!(request.starts_with(asked), "{request}");
        assert!(
            request
                .to_lowercase()
                .contains("authorization: bearer a.b.c\r\n"),
            "{request}"
        );
        assert!(request.ends_with(&format!("\r\n\r\n{sent}")), "{request}");
    }
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    let problem = json!({ "error": "no", "hint": "ask" });
    for (status, code) in [
        ("400 Bad Request", 1),
        ("401 Unauthorized", 4),
        ("403 Forbidden", 4),
        ("404 Not Found", 3),
        ("409 Conflict", 1),
        ("503 Service Unavailable", 1),
        ("200 OK", 1),
    ] {
        let (url, serving) = console(status, &problem);
        assert_eq!(run(&["show", "7"], &url), ExitCode::from(code), "{status}");
        serving.join().unwrap();
    }
    assert_eq!(run(&["list"], "http://127.0.0.1:1"), ExitCode::from(1));
}

#[test]
fn a_token_does_not_cross_the_network_in_the_clear() {
    for url in [
        "http://sluice.example",
        "http://10.0.0.1:8080",
        "http://localhost.example/",
    ] {
        assert_eq!(run(&["list"], url), ExitCode::from(2), "{url}");
    }
    assert_eq!(run(&["list"], "ftp://localhost"), ExitCode::from(2));
}

#[test]
fn a_token_file_wins_over_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dora.token");
    std::fs::write(&file, "d.e.f\n").unwrap();
    let (url, serving) = console("200 OK", &json!({ "holds": [] }));
    let code = run(&["list", "--token-file", file.to_str().unwrap()], &url);
    assert_eq!(code, ExitCode::SUCCESS);
    let request = serving.join().unwrap();
    assert!(
        request
            .to_lowercase()
            .contains("authorization: bearer d.e.f\r\n"),
        "{request}"
    );
}

#[test]
fn a_token_is_never_shown() {
    let words = [
        "sluice",
        "holds",
        "list",
        "--url",
        "http://localhost",
        "--token",
        "secret",
    ];
    assert!(!format!("{:?}", Cli::try_parse_from(words).unwrap()).contains("secret"));
}

#[test]
fn a_request_is_shown_in_full_and_cannot_steer_the_terminal() {
    let statement = "DELETE FROM t\nWHERE name = '\u{1b}[2J\u{202e}x'";
    let hold: view::Hold = serde_json::from_value(held(statement)).unwrap();
    let text = describe(&hold);
    for part in [
        "Who          alice (via reporting-agent)\n",
        "Held by      guard: no WHERE\n             1 of 2 approvals missing, by dba\n",
        "$1           'Bob'\n$2           NULL\n",
        "  DELETE FROM t\n  WHERE name = '\\u{1b}[2J\\u{202e}x'\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn columns_stand_below_each_other() {
    let mut table = Table::new(["NO", "WHO", "WHAT"]);
    table.row(["7".to_owned(), "Zoë".to_owned(), "a\nb".to_owned()]);
    table.row(["10".to_owned(), "al".to_owned(), String::new()]);
    assert_eq!(table.text(), "NO  WHO  WHAT\n7   Zoë  a\\u{a}b\n10  al\n");
}

#[test]
fn long_text_is_cut_and_said_to_be() {
    assert_eq!(line("SELECT\n  1", 10), "SELECT 1");
    assert_eq!(line("SELECT 12345", 10), "SELECT ...");
    assert_eq!(printable("a\tb\u{200b}"), "a    b\\u{200b}");
}

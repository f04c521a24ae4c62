//! `sluice explain`: what a statement would do, before anyone runs it.

use serde_json::Value;
use sluice_tests::programs::{said, sluice};
use sluice_tests::{Gateway, Said};
use tokio::process::Command;

/// What is said of a statement for an analyst.
async fn explain(gateway: &Gateway, more: &[&str], statement: &str) -> Said {
    let file = gateway.place().file();
    let mut command = Command::new(sluice());
    command
        .args([
            "explain", "--as", "alice", "--group", "analysts", "--config",
        ])
        .arg(file)
        .args(more)
        .arg(statement);
    said(command).await
}

async fn explained(gateway: &Gateway, statement: &str) -> (bool, Value) {
    let said = explain(gateway, &["--json"], statement).await;
    let report = serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("{statement}: {error}: {}{}", said.out, said.err));
    (said.content, report)
}

#[tokio::test]
async fn it_says_what_is_masked_and_by_whom() {
    let gateway = Gateway::start().await;
    let (allowed, report) =
        explained(&gateway, "SELECT id, email FROM customers WHERE id = 1").await;
    assert!(allowed, "{report:#}");
    let outputs = &report["statements"][0]["outputs"];
    assert_eq!(outputs[0]["name"], "id");
    assert_eq!(outputs[0].get("mask"), None);
    assert_eq!(outputs[1]["name"], "email");
    assert_eq!(outputs[1]["type"], "text");
    assert!(outputs[1]["mask"].is_string(), "{outputs:#}");
    let columns = report["columns"].as_array().unwrap();
    let email = columns
        .iter()
        .find(|one| one["name"] == "public.customers.email");
    assert_eq!(email.unwrap()["protection"]["policy"], "mask");
    assert_eq!(report["verdict"]["effect"], "allow");
}

#[tokio::test]
async fn it_says_why_a_statement_would_be_refused_or_held_and_runs_none() {
    let gateway = Gateway::start().await;
    for (statement, effect, by) in [
        ("SELECT upper(email) FROM customers", "deny", "mask"),
        ("DELETE FROM orders", "deny", "guard"),
        ("DROP TABLE orders_import", "hold", "guard"),
        ("SELECT pg_read_file('x')", "deny", "mask"),
        ("SELEC 1", "deny", "gateway"),
    ] {
        let (allowed, report) = explained(&gateway, statement).await;
        assert!(!allowed, "{statement}");
        let verdict = &report["verdict"];
        assert_eq!(verdict["effect"], effect, "{statement}: {report:#}");
        let reason = verdict["reasons"][0].as_str().unwrap();
        assert!(reason.starts_with(by), "{statement}: {reason}");
    }
    let direct = gateway.place().direct().await;
    let kept = "SELECT count(*) > 0 AND to_regclass('orders_import') IS NOT NULL FROM orders";
    assert!(direct.query_one(kept, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn it_passes_on_what_postgresql_says_and_what_is_wrong_with_the_question() {
    let gateway = Gateway::start().await;
    let (_, report) = explained(&gateway, "SELECT 1 + 'x'::date").await;
    assert!(report["error"].is_string(), "{report:#}");
    let text = explain(&gateway, &[], "SELECT email FROM customers").await;
    assert!(text.out.contains("VERDICT  allow"), "{}", text.out);
    let wrong = explain(&gateway, &["--database", "nosuch"], "SELECT 1").await;
    assert!(!wrong.content);
    assert!(wrong.err.contains("configured: shop"), "{}", wrong.err);
}

//! The routes of the development issuer.

use std::time::SystemTime;

use identity::{IssuerConfig, Verifier};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::setting::serve_issuer;

#[tokio::test]
async fn it_gives_tokens_that_are_good() {
    let issuer = serve_issuer().await;
    let form = "sub=alice&groups=analysts+staff&act=coder+planner&email=alice@shop.example&ttl=60";
    let answer = ask(issuer.url(), form, None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let granted: Value = answer.json().await.unwrap();
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"]),
        (&"Bearer".into(), &60.into())
    );
    let verifier = Verifier::discover(IssuerConfig::new(issuer.url(), "sluice"))
        .await
        .unwrap();
    let token = granted["access_token"].as_str().unwrap();
    let identity = verifier.verify(token, SystemTime::now()).await.unwrap();
    assert_eq!(identity.to_string(), "alice (via coder, planner)");
    assert_eq!(identity.groups, ["analysts", "staff"]);
}

#[tokio::test]
async fn it_gives_none_under_a_name_of_elsewhere() {
    let issuer = serve_issuer().await;
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "10.0.0.1",
    ] {
        let answer = ask(issuer.url(), "sub=alice", Some(host)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{host}");
    }
    for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:1"] {
        let answer = ask(issuer.url(), "sub=alice", Some(host)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn it_says_what_it_needs() {
    let issuer = serve_issuer().await;
    let answer = ask(issuer.url(), "groups=dba", None).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = answer.json().await.unwrap();
    assert!(
        problem["hint"].as_str().unwrap().contains("sub=alice"),
        "{problem}"
    );
}

async fn ask(url: &str, form: &'static str, host: Option<&str>) -> reqwest::Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client
        .post(format!("{url}/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    request.send().await.unwrap()
}

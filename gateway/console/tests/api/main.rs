//! The API as its callers meet it, over HTTP.

#![expect(clippy::unwrap_used, reason = "a step that fails, fails the test")]

extern crate sluice_console as console;

mod issuer;
mod setting;

use std::time::{Duration, SystemTime};

use console::Readiness;
use identity::issuer::Claims;
use policy::Parameters;
use policy::hold::Outcome;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wire::client::{Format, Formats};

use setting::Setting;

fn alice() -> Claims {
    Claims::about("alice").in_groups(["analysts"])
}

#[tokio::test]
async fn health_and_metrics_are_open() {
    let setting = Setting::new().await;
    let get = |path: &str| setting.http.get(format!("{}{path}", setting.url)).send();
    assert_eq!(get("/healthz").await.unwrap().text().await.unwrap(), "ok\n");
    let metrics = get("/metrics").await.unwrap();
    assert_eq!(
        metrics.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(metrics.text().await.unwrap(), "sluice_sessions 3\n");
    assert_eq!(get("/readyz").await.unwrap().status(), StatusCode::OK);
    *setting.readiness.lock().unwrap() = Readiness::NotReady("no catalog yet".to_owned());
    let readyz = get("/readyz").await.unwrap();
    assert_eq!(readyz.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(readyz.text().await.unwrap(), "not ready: no catalog yet\n");
}

#[tokio::test]
async fn everything_else_asks_for_a_token() {
    let setting = Setting::new().await;
    let expired = alice().for_time(Duration::from_secs(1));
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let expired = setting.issuer.issue(&expired, long_ago);
    for path in ["/api/v1/holds", "/api/v1/holds/1", "/api/v1/policies"] {
        let bare = setting
            .http
            .get(format!("{}{path}", setting.url))
            .send()
            .await
            .unwrap();
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(bare.headers()["www-authenticate"], "Bearer");
        assert_eq!(bare.headers()["cache-control"], "no-store");
        let body: Value = bare.json().await.unwrap();
        assert_eq!(body["error"], "no token");
        let (status, body) = setting.get(path, "hunter2").await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("not a JWT: no dots"))
        );
        let (status, body) = setting.get(path, &expired).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(
            body["error"]
                .as_str()
                .unwrap()
                .starts_with("token expired at "),
            "{body}"
        );
    }
    let basic = setting
        .http
        .get(format!("{}/api/v1/holds", setting.url))
        .basic_auth("a", Some("b"));
    assert_eq!(
        basic.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_hold_is_shown_with_all_that_is_approved() {
    let setting = Setting::new().await;
    let parameters = Parameters {
        values: vec![
            Some("Bob".into()),
            None,
            Some("\0\0\0A".into()),
            Some("ABCD".into()),
        ],
        formats: Formats::Each(vec![
            Format::Text,
            Format::Text,
            Format::Binary,
            Format::Binary,
        ]),
    };
    let claims = alice().via("reporting-agent");
    let (number, _waiter) = setting
        .hold(&claims, "DELETE FROM customers", Some(parameters))
        .await;
    let dora = setting.token("dora", &["dba"]);
    let (status, hold) = setting.get(&format!("/api/v1/holds/{number}"), &dora).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(hold["statement"], "DELETE FROM customers");
    assert_eq!(
        hold["parameters"],
        json!(["Bob", null, "\\x00000041", "\\x41424344"])
    );
    assert_eq!(hold["requester"]["subject"], "alice");
    assert_eq!(hold["requester"]["actors"], json!(["reporting-agent"]));
    assert_eq!(hold["database"], "shop");
    assert_eq!(
        hold["demands"],
        json!([{ "policy": "holder", "reason": "check this", "approvers": ["dba"],
                 "approvals": 1, "missing": 1 }])
    );
    assert_eq!(hold["digest"].as_str().unwrap().len(), 64);
    let (_, list) = setting.get("/api/v1/holds", &dora).await;
    assert_eq!(list, json!({ "holds": [hold] }));
}

#[tokio::test]
async fn a_hold_is_there_for_those_it_concerns() {
    let setting = Setting::new().await;
    let (number, _waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let path = format!("/api/v1/holds/{number}");
    for (subject, groups) in [
        ("alice", ["analysts"]),
        ("dora", ["dba"]),
        ("otto", ["auditors"]),
    ] {
        let token = setting.token(subject, &groups);
        assert_eq!(
            setting.get(&path, &token).await.0,
            StatusCode::OK,
            "{subject}"
        );
        assert_eq!(
            setting.get("/api/v1/holds", &token).await.1["holds"][0]["number"],
            number
        );
    }
    let mallory = setting.token("mallory", &["analysts"]);
    assert_eq!(setting.get(&path, &mallory).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        setting.get("/api/v1/holds", &mallory).await.1,
        json!({ "holds": [] })
    );
}

#[tokio::test]
async fn an_approval_releases_once() {
    let setting = Setting::new().await;
    let (number, mut waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let path = format!("/api/v1/holds/{number}/approve");
    let dora = setting.token("dora", &["dba"]);
    let (status, answer) = setting.post(&path, &dora, json!({})).await;
    assert_eq!(
        (status, answer),
        (
            StatusCode::OK,
            json!({ "number": number, "outcome": "released" })
        )
    );
    match waiter.outcome().await {
        Outcome::Approved(approval) => assert_eq!(approval.approvers()[0].subject, "dora"),
        outcome @ (Outcome::Refused { .. } | Outcome::Expired) => panic!("{outcome:?}"),
    }
    let (status, problem) = setting.post(&path, &dora, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        problem["error"],
        format!("no request {number} waits for approval")
    );
}

#[tokio::test]
async fn an_approval_needs_no_body() {
    let setting = Setting::new().await;
    let (number, _waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let dora = setting.token("dora", &["dba"]);
    let path = format!("{}/api/v1/holds/{number}/approve", setting.url);
    let answer = setting
        .http
        .post(path)
        .bearer_auth(dora)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_approval_for_another_request_is_refused() {
    let setting = Setting::new().await;
    let (number, _waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let path = format!("/api/v1/holds/{number}");
    let dora = setting.token("dora", &["dba"]);
    let other = json!({ "digest": "0".repeat(64) });
    let (status, problem) = setting.post(&format!("{path}/approve"), &dora, other).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    let seen = setting.get(&path, &dora).await.1["digest"].clone();
    let this = json!({ "digest": seen });
    assert_eq!(
        setting
            .post(&format!("{path}/approve"), &dora, this)
            .await
            .0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn who_may_not_approve_hears_why() {
    let setting = Setting::new().await;
    let requester = Claims::about("alice").in_groups(["dba"]);
    let (number, _waiter) = setting.hold(&requester, "SELECT 1", None).await;
    let now = SystemTime::now();
    let agent = Claims::about("dora").in_groups(["dba"]).via("bot");
    for (token, said) in [
        (
            setting.issuer.issue(&requester, now),
            "not approved by the one who asks",
        ),
        (setting.issuer.issue(&agent, now), "given by a person"),
        (
            setting.token("otto", &["auditors"]),
            "approved by members of dba",
        ),
    ] {
        for answer in ["approve", "deny"] {
            let path = format!("/api/v1/holds/{number}/{answer}");
            let body = if answer == "deny" {
                json!({ "reason": "no" })
            } else {
                json!({})
            };
            let (status, problem) = setting.post(&path, &token, body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
            assert!(
                problem["error"].as_str().unwrap().contains(said),
                "{problem}"
            );
        }
    }
}

#[tokio::test]
async fn two_approvals_are_those_of_two_people() {
    let setting = Setting::with_approvals(2).await;
    let (number, _waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let path = format!("/api/v1/holds/{number}/approve");
    let [dora, dirk] = ["dora", "dirk"].map(|name| setting.token(name, &["dba"]));
    assert_eq!(
        setting.post(&path, &dora, json!({})).await.1["outcome"],
        "needs-more"
    );
    assert_eq!(
        setting.post(&path, &dora, json!({})).await.0,
        StatusCode::CONFLICT
    );
    let (_, hold) = setting.get(&format!("/api/v1/holds/{number}"), &dirk).await;
    assert_eq!(hold["approved_by"][0]["subject"], "dora");
    assert_eq!(hold["demands"][0]["missing"], 1);
    assert_eq!(
        setting.post(&path, &dirk, json!({})).await.1["outcome"],
        "released"
    );
}

#[tokio::test]
async fn a_denial_gives_its_reason() {
    let setting = Setting::new().await;
    let (number, mut waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let path = format!("/api/v1/holds/{number}/deny");
    let dora = setting.token("dora", &["dba"]);
    for bad in [
        json!({}),
        json!({ "reason": " " }),
        json!({ "reason": "a\u{1b}[2J" }),
        json!({ "reason": "x".repeat(1001) }),
        json!({ "reason": "x".repeat(20_000) }),
        json!({ "reason": "no", "number": 2 }),
        json!("no"),
    ] {
        let (status, problem) = setting.post(&path, &dora, bad).await;
        assert!(status.is_client_error(), "{status}");
        assert!(
            problem["error"].is_string() && problem["hint"].is_string(),
            "{problem}"
        );
    }
    let (status, answer) = setting
        .post(&path, &dora, json!({ "reason": "use the copy" }))
        .await;
    assert_eq!(
        (status, &answer["outcome"]),
        (StatusCode::OK, &json!("denied"))
    );
    match waiter.outcome().await {
        Outcome::Refused { by, reason } => {
            assert_eq!((&*by.subject, &*reason), ("dora", "use the copy"))
        }
        outcome @ (Outcome::Approved(_) | Outcome::Expired) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn policies_are_for_readers() {
    let setting = Setting::new().await;
    let (_, _waiter) = setting.hold(&alice(), "SELECT 1", None).await;
    let otto = setting.token("otto", &["auditors"]);
    let (status, policies) = setting.get("/api/v1/policies", &otto).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(policies["generation"], 1);
    assert_eq!(policies["policies"][0]["name"], "holder");
    assert_eq!(policies["policies"][0]["mode"], "enforce");
    assert!(
        policies["policies"][0]["calls"].as_u64().unwrap() >= 2,
        "{policies}"
    );
    let (status, problem) = setting
        .get("/api/v1/policies", &setting.token("alice", &["dba"]))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["hint"], "it is for members of auditors");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json_too() {
    let setting = Setting::new().await;
    let dora = setting.token("dora", &["dba"]);
    for path in [
        "/",
        "/api/v1/hold",
        "/api/v1/holds/x",
        "/api/v1/holds/99",
        "/api/v1/holds/-1",
    ] {
        let (status, problem) = setting.get(path, &dora).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(problem["error"].is_string(), "{path}");
    }
    let (status, _) = setting.get("/api/v1/holds/1/approve", &dora).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_console_stops_when_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let issuer = setting::serve_issuer().await;
    let router = console::dev_issuer_router(issuer);
    let serving = tokio::spawn(console::serve(listener, router, async {
        stopped.await.ok();
    }));
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

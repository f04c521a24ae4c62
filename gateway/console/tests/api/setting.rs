//! A console over real HTTP, with a provider, a policy that holds everything, and people.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use console::Readiness;
use identity::issuer::{Claims, DevIssuer};
use identity::{IssuerConfig, Verifier};
use policy::hold::{HoldNumber, HoldsConfig, Waiter};
use policy::{
    Engine, EngineConfig, Holds, Judge, Keys, Mode, Parameters, Policies, PolicyConfig,
    PolicyLimits, Request, SessionFacts, Step, Verdict,
};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sql::analysis::Analysis;
use sql::catalog::{Catalog, CatalogRows};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) struct Setting {
    pub(crate) url: String,
    pub(crate) issuer: Arc<DevIssuer>,
    pub(crate) verifier: Verifier,
    pub(crate) readiness: Arc<Mutex<Readiness>>,
    pub(crate) http: reqwest::Client,
    holds: Holds,
    policies: Arc<Policies>,
    _folder: TempDir,
}

impl Setting {
    /// Every request is held until one member of "dba" approves.
    pub(crate) async fn new() -> Self {
        Self::with_approvals(1).await
    }

    pub(crate) async fn with_approvals(approvals: u8) -> Self {
        let issuer = serve_issuer().await;
        let verifier = Verifier::discover(IssuerConfig::new(issuer.url(), "sluice"))
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let policies = Arc::new(holding_policies(folder.path(), approvals));
        let holds = Holds::new(HoldsConfig {
            approvers: vec!["dba".to_owned()],
        });
        let readiness = Arc::new(Mutex::new(Readiness::Ready));
        let asked = Arc::clone(&readiness);
        let router = console::router(console::State {
            verifier: verifier.clone(),
            holds: holds.clone(),
            policies: Arc::clone(&policies),
            readers: Arc::new(["auditors".to_owned()]),
            metrics: Arc::new(|| "sluice_sessions 3\n".to_owned()),
            readiness: Arc::new(move || asked.lock().unwrap().clone()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(console::serve(listener, router, std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            url,
            issuer,
            verifier,
            readiness,
            http,
            holds,
            policies,
            _folder: folder,
        }
    }

    /// A token of somebody in these groups.
    pub(crate) fn token(&self, subject: &str, groups: &[&str]) -> String {
        let claims = Claims::about(subject).in_groups(groups.iter().copied());
        self.issuer.issue(&claims, SystemTime::now())
    }

    /// Asks, and gives the status and the JSON.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = request.bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, Some(body)).await
    }

    /// Lets this statement of somebody wait.
    pub(crate) async fn hold(
        &self,
        claims: &Claims,
        text: &str,
        parameters: Option<Parameters>,
    ) -> (u64, Waiter) {
        let token = self.issuer.issue(claims, SystemTime::now());
        let identity = self
            .verifier
            .verify(&token, SystemTime::now())
            .await
            .unwrap();
        let facts = SessionFacts {
            identity: Arc::new(identity),
            database: "shop".into(),
            application: "psql".into(),
        };
        let request = Request {
            frames: text.as_bytes().to_vec().into(),
            step: Step::Execute,
            text: text.into(),
            strings: sql::Strings::Standard,
            parameters,
        };
        let catalog = Arc::new(Catalog::from_rows(CatalogRows::default()));
        let mut judge = Judge::new(Arc::clone(&self.policies));
        let mut session = judge.admit(facts, &catalog).unwrap();
        match judge.judge(
            &mut session,
            request,
            Arc::new(Analysis::default()),
            &catalog,
        ) {
            Verdict::Hold(hold) => {
                let (number, waiter): (HoldNumber, Waiter) = self.holds.register(hold);
                (number.number(), waiter)
            }
            verdict @ (Verdict::Allow(_) | Verdict::Deny(_)) => panic!("{verdict:?}"),
        }
    }
}

pub(crate) async fn serve_issuer() -> Arc<DevIssuer> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = Arc::new(DevIssuer::new(url));
    let router = console::dev_issuer_router(Arc::clone(&issuer));
    tokio::spawn(console::serve(listener, router, std::future::pending()));
    issuer
}

fn holding_policies(folder: &Path, approvals: u8) -> Policies {
    let module = folder.join("holder.wasm");
    std::fs::write(&module, holder(approvals)).unwrap();
    let config = PolicyConfig {
        name: "holder".to_owned(),
        module,
        digest: None,
        settings: Value::Object(serde_json::Map::new()),
        grants: Vec::new(),
        tables: Vec::new(),
        limits: PolicyLimits::default(),
        mode: Mode::Enforce,
        shadow: None,
        trust: None,
    };
    let engine = Engine::new(EngineConfig {
        instances: 8,
        ..EngineConfig::default()
    })
    .unwrap();
    Policies::load(engine, vec![config], Keys::default()).unwrap()
}

/// A policy that admits everybody and holds everything, as few bytes as can be: `decide` answers with
/// the record at 64 (a hold for ten minutes by "dba", because "check this"), the others with zeros.
fn holder(approvals: u8) -> Vec<u8> {
    let hooks = "sluice:policy/hooks@0.1.0";
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and
                    (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "{hooks}#configure") (param i32 i32) (result i32) (i32.const 0))
            (func (export "{hooks}#session") (result i32) (i32.const 0))
            (func (export "{hooks}#decide") (result i32) (i32.const 64))
            (data (i32.const 64)
                "\02\00\00\00" "\00\01\00\00" "\0a\00\00\00"
                "\80\01\00\00" "\01\00\00\00" "\{approvals:02x}\00\00\00" "\58\02\00\00")
            (data (i32.const 256) "check this")
            (data (i32.const 320) "dba")
            (data (i32.const 384) "\40\01\00\00" "\03\00\00\00"))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = resolve.push_dir(contract).unwrap();
    let world = resolve.select_world(&[package], Some("policy")).unwrap();
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
    module
}

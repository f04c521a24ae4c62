//! A policy is proven before it decides: over a recorded trail, and beside the one in force.

use std::path::Path;

use serde_json::Value;
use sluice_tests::modules::{Hook, Misdeed, curious, misbehaving, punctual};
use sluice_tests::programs::sluice;
use sluice_tests::{Gateway, Person, eventually, sqlstate};
use tokio::process::Command;

/// What `sluice policy` says, with its exit code.
async fn policy(arguments: &[&str], config: Option<&Path>) -> (i32, String, String) {
    let mut command = Command::new(sluice());
    command.arg("policy").args(arguments);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let output = command.output().await.expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("an exit code");
    (code, text(output.stdout), text(output.stderr))
}

async fn replayed(gateway: &Gateway, more: &[&str]) -> (i32, Value) {
    let arguments = [&["replay", "--json"], more].concat();
    let (code, out, err) = policy(&arguments, Some(&gateway.place().file())).await;
    let report = serde_json::from_str(&out);
    (
        code,
        report.unwrap_or_else(|error| panic!("{error}: {out}{err}")),
    )
}

/// Settings of the guard under which anything goes.
const LENIENT: &str = "unbounded-dml = \"allow\"\nddl = \"allow\"\ntruncate = \"allow\"\n";

#[tokio::test]
async fn a_trail_is_judged_again_and_what_would_change_is_said() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    for id in [1, 2, 3] {
        let text = format!("SELECT email FROM customers WHERE id = {id}");
        client.simple_query(&text).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(
            sqlstate(client.simple_query("DELETE FROM orders").await),
            "42501"
        );
    }
    let row = "SELECT phone FROM customers WHERE id = $1";
    client.query(row, &[&4_i32]).await.unwrap();
    client.simple_query("SELEC 1").await.unwrap_err();
    let secret = "ALTER ROLE nobody PASSWORD 'geheim'";
    client.simple_query(secret).await.unwrap_err();
    client.simple_query("PREPARE p AS SELECT 1").await.unwrap();
    client.simple_query("EXECUTE p").await.unwrap();

    let (code, report) = replayed(&gateway, &[]).await;
    assert_eq!(
        (code, &report["changed"]),
        (0, &Value::from(0)),
        "{report:#}"
    );
    assert_eq!(report["catalogs_of_today"][0], "shop");
    let unknown = report["unknown"].to_string();
    assert!(unknown.contains("a password was left out"), "{unknown}");
    assert!(unknown.contains("they run by name"), "{unknown}");
    assert_eq!(report["not_judged"], 2, "{report:#}");
    assert!(!report.to_string().contains("geheim"));

    let file = gateway.place().folder().join("lenient.toml");
    std::fs::write(&file, LENIENT).unwrap();
    let settings = file.to_str().unwrap();
    let lenient = ["--policy", "guard", "--settings", settings];
    let (code, report) = replayed(&gateway, &lenient).await;
    assert_eq!(
        (code, &report["changed"]),
        (1, &Value::from(2)),
        "{report:#}"
    );
    let change = &report["changes"][0];
    assert_eq!(
        (&change["kind"], &change["requests"]),
        (&"effect".into(), &2.into())
    );
    assert_eq!(change["shape"], "DELETE FROM orders");
    assert_eq!(change["was"]["policy"], "guard");
    assert_eq!(change["now"]["effect"], "allow");
    let who = change["example"]["who"].as_str().unwrap();
    assert!(who.contains("alice"), "{who}");

    let weaker = "except-groups = []\n[[rules]]\ncolumns = [\"email\"]\nmask = \"null\"\n";
    std::fs::write(&file, weaker).unwrap();
    let (code, report) = replayed(&gateway, &["--policy", "mask", "--settings", settings]).await;
    assert_eq!(code, 1);
    let changes = report["changes"].as_array().unwrap();
    let masks = changes.iter().find(|one| one["requests"] == 3).unwrap();
    assert_eq!(masks["kind"], "masks", "{masks:#}");
    assert_eq!(masks["shape"], "SELECT email FROM customers WHERE id = ?");
    assert_eq!(masks["now"]["masks"][0], "public.customers.email: null");
    let raw = changes
        .iter()
        .find(|one| one["was"]["masks"] != masks["was"]["masks"]);
    assert_eq!(
        raw.unwrap()["now"]["masks"],
        Value::from(Vec::<Value>::new())
    );
}

#[tokio::test]
async fn one_segment_can_be_judged_again_and_a_wrong_question_is_no_answer() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    client.simple_query("SELECT 1").await.unwrap();
    let mut requests = 0;
    for entry in std::fs::read_dir(gateway.place().trail()).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "seg") {
            let (code, report) = replayed(&gateway, &["--trail", file.to_str().unwrap()]).await;
            assert_eq!(code, 0);
            requests += report["requests"].as_u64().unwrap();
        }
    }
    assert_eq!(requests, 1);
    let config = gateway.place().file();
    for wrong in [
        &["replay", "--policy", "nobody"][..],
        &["replay", "--trail", "/nowhere"],
        &["replay", "--settings", "x.toml"],
    ] {
        let (code, out, err) = policy(wrong, Some(&config)).await;
        assert_eq!((code, &*out), (2, ""), "{wrong:?}: {err}");
    }
}

#[tokio::test]
async fn what_depends_on_claims_is_not_guessed() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    for text in ["SELECT 1", "SELECT 2"] {
        client.simple_query(text).await.unwrap();
    }
    let module = gateway.place().folder().join("curious.wasm");
    std::fs::write(&module, curious()).unwrap();
    let changed = ["--policy", "guard", "--module", module.to_str().unwrap()];
    let (code, report) = replayed(&gateway, &changed).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        (&report["requests"], &report["not_judged"]),
        (&2.into(), &2.into())
    );
    let reason = report["unknown"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("claims of the token"), "{reason}");
}

/// The guard's shadow in the configuration.
fn with_shadow(text: String, shadow: &str) -> String {
    format!("{text}\n[policies.guard.shadow]\n{shadow}\n")
}

async fn shadow(gateway: &Gateway) -> Value {
    gateway.policies().await["policies"][1]["shadow"].clone()
}

#[tokio::test]
async fn a_shadow_judges_live_traffic_and_never_decides() {
    let strict = "settings = { unbounded-dml = \"allow\", ddl = \"deny\", rules = \
                  [{ effect = \"deny\", statements = [\"select\"], relations = [\"orders\"] }] }";
    let gateway = Gateway::with(|text| with_shadow(text, strict)).await;
    let client = gateway.connect(Person::Alice).await;
    for id in [1, 2, 3] {
        let text = format!("SELECT status FROM orders WHERE id = {id}");
        client.simple_query(&text).await.unwrap();
    }
    let denied = client.simple_query("DELETE FROM orders").await;
    assert_eq!(sqlstate(denied), "42501", "the policy in force decides");
    let (code, report) = replayed(&gateway, &["--policy", "guard", "--shadow"]).await;
    assert_eq!(
        (code, &report["changed"]),
        (1, &Value::from(4)),
        "{report:#}"
    );

    let told = shadow(&gateway).await;
    assert_eq!(
        told["differences"]["effect"], 2,
        "asked as often as the policy: {told:#}"
    );
    let shapes: Vec<&str> = told["examples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["shape"].as_str().unwrap())
        .collect();
    assert_eq!(
        shapes,
        [
            "SELECT status FROM orders WHERE id = ?",
            "DELETE FROM orders"
        ]
    );

    let metrics = reqwest::get(format!("{}/metrics", gateway.console()))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = "sluice_shadow_differences_total{policy=\"guard\",kind=\"effect\"} 2";
    assert!(metrics.contains(line), "{metrics}");

    let (token, url) = (token(&gateway), gateway.console());
    let list = ["list", "--url", &url, "--token-file", &token];
    let (code, out, err) = policy(&list, None).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Shadow of guard"), "{out}");
    assert!(out.contains("allow, not deny"), "{out}");

    let mut reader = trail::reader::Reader::open(gateway.place().trail()).unwrap();
    let mut noted = 0;
    for event in reader.poll().unwrap() {
        let verdict = event.verdict().unwrap();
        if event.statement.starts_with("SELECT status") {
            assert!(
                verdict.reason.contains("guard: shadow "),
                "{}",
                verdict.reason
            );
            noted += 1;
        } else if event.statement.starts_with("DELETE") {
            let deeds = format!("{:?}", event.deeds);
            assert!(deeds.contains("allow, not deny"), "{deeds}");
            noted += 1;
        }
    }
    assert_eq!(noted, 4);
}

#[tokio::test]
async fn a_shadow_that_fails_refuses_nobody() {
    for misdeed in [Misdeed::Loop, Misdeed::Bomb, Misdeed::Nonsense] {
        let gateway = Gateway::start().await;
        let client = gateway.connect(Person::Alice).await;
        let module = gateway.place().folder().join("policies/second.wasm");
        // Tried without facts, it must pass: it misbehaves when a session opens.
        let text = misbehaving(Hook::Decide, Misdeed::None);
        std::fs::write(&module, text).unwrap();
        gateway
            .place()
            .edit(|text| with_shadow(text, "module = \"policies/second.wasm\"\nsettings = {}"));
        eventually("the shadow is there", || async {
            !shadow(&gateway).await.is_null()
        })
        .await;
        let generation = gateway.generation().await;
        std::fs::write(&module, misbehaving(Hook::Decide, misdeed)).unwrap();
        eventually("the broken one is refused", || async {
            !gateway.policies().await["rejected"].is_null()
        })
        .await;
        assert_eq!(gateway.generation().await, generation);
        let rejected = gateway.policies().await["rejected"].clone();
        assert_eq!(rejected["policy"], "guard.shadow", "{rejected}");
        client
            .simple_query("SELECT email FROM customers")
            .await
            .unwrap();
    }
}

/// A file with Dora's token, who may ask the gateway.
fn token(gateway: &Gateway) -> String {
    let file = gateway.place().folder().join("dora.token");
    std::fs::write(&file, gateway.place().provider().token(Person::Dora)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_shadow_is_promoted_and_rolled_back_by_one_command_each() {
    let strict = "module = \"policies/second.wasm\"\nsettings = {}";
    let gateway = Gateway::start().await;
    let folder = gateway.place().folder().to_owned();
    let module = misbehaving(Hook::Decide, Misdeed::None);
    std::fs::write(folder.join("policies/second.wasm"), module).unwrap();
    let config = gateway.place().file();
    let (token, url) = (token(&gateway), gateway.console());
    let command = |name: &'static str| {
        let arguments = [name, "guard", "--url", &url, "--token-file", &token];
        let arguments = arguments.map(str::to_owned);
        let config = config.clone();
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            policy(&arguments, Some(&config)).await
        }
    };
    let (code, _, err) = command("promote").await;
    assert_eq!(code, 1);
    assert!(err.contains("has no shadow"), "{err}");
    let (code, _, err) = command("rollback").await;
    assert_eq!(code, 1);
    assert!(err.contains("no previous version"), "{err}");

    gateway
        .place()
        .edit(|text| with_shadow(format!("{text}\n# Asked for by Dora."), strict));
    eventually("the shadow is there", || async {
        !shadow(&gateway).await.is_null()
    })
    .await;
    let client = gateway.connect(Person::Alice).await;
    let delete = "DELETE FROM api_tokens";
    assert_eq!(sqlstate(client.simple_query(delete).await), "42501");

    let (code, out, err) = command("promote").await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("is in force"), "{out}");
    assert!(shadow(&gateway).await.is_null());
    client.simple_query(delete).await.unwrap();
    let written = std::fs::read_to_string(&config).unwrap();
    for comment in ["# What is too dangerous", "# Asked for by Dora."] {
        assert!(written.contains(comment), "comments stay: {written}");
    }
    assert!(written.contains("[policies.guard.previous"), "{written}");
    let kept = std::fs::read_dir(folder.join("modules")).unwrap().count();
    assert_eq!(kept, 1);
    // Whatever becomes of the file that it was read from.
    std::fs::write(folder.join("policies/guard.wasm"), b"overwritten").unwrap();

    gateway.place().edit(|text| with_shadow(text, strict));
    let (code, _, err) = command("rollback").await;
    assert_eq!(code, 1);
    assert!(
        err.contains("[policies.guard.shadow] would be lost"),
        "{err}"
    );
    gateway.place().edit(|_| written);
    let (code, out, err) = command("rollback").await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(sqlstate(client.simple_query(delete).await), "42501");
    let told = shadow(&gateway).await;
    assert_eq!(told["differences"]["effect"], 1, "{told:#}");
    let checked = sluice::config::Config::read(&config).unwrap();
    assert_eq!(checked.policies.len(), 2);

    let (code, out, err) = command("promote").await;
    assert_eq!(code, 0, "forth again: {out}{err}");
    let text = std::fs::read_to_string(&config).unwrap();
    let module = text
        .split("modules/")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    std::fs::write(folder.join("modules").join(module.unwrap()), b"tampered").unwrap();
    let (code, _, err) = command("rollback").await;
    assert_eq!(code, 1);
    assert!(err.contains("a digest that is not its own"), "{err}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
}

#[tokio::test]
async fn nothing_is_promoted_where_there_would_be_no_way_back() {
    let strict = "settings = { ddl = \"deny\" }";
    let gateway = Gateway::with(|text| with_shadow(text, strict)).await;
    let config = gateway.place().file();
    let before = std::fs::read_to_string(&config).unwrap();
    gateway
        .place()
        .replace_module("guard", b"what is in force is another");
    let (code, _, err) = policy(&["promote", "guard"], Some(&config)).await;
    assert_eq!(code, 1);
    assert!(err.contains("there would be no way back"), "{err}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
}

#[tokio::test]
async fn what_is_refused_is_listed_line_by_line() {
    let gateway = Gateway::start().await;
    let token = token(&gateway);
    gateway
        .place()
        .edit(|text| format!("{text}\nrules = = 1\n"));
    eventually("it is refused", || async {
        !gateway.policies().await["rejected"].is_null()
    })
    .await;
    let url = gateway.console();
    let list = ["list", "--url", &url, "--token-file", &token];
    let (code, out, err) = policy(&list, None).await;
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert!(
        lines.iter().any(|line| line.ends_with("rules = = 1")),
        "{out}"
    );
    assert!(!out.contains("\\u{"), "{out}");
}

#[tokio::test]
async fn a_key_vouches_only_for_the_grants_that_it_has() {
    let place = sluice_tests::gateway::Place::new().await;
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (_, out, _) = policy(&["keygen", "--out", &path("key")], None).await;
    let public = out.lines().find(|line| line.starts_with("public = "));
    let trust = |grants: &str| {
        let public = public.unwrap();
        let text = format!("[keys.build]\n{public}\n{grants}\n[require]\nall-of = [\"build\"]\n");
        std::fs::write(path("trust.toml"), text).unwrap();
    };
    let module = path("punctual.wasm");
    std::fs::write(&module, punctual()).unwrap();
    let (code, _, err) = policy(&["sign", &module, "--key", &path("key")], None).await;
    assert_eq!(code, 0, "{err}");
    trust("");
    let verify = ["verify", &module, "--trust", &path("trust.toml")];
    assert_eq!(policy(&verify, None).await.0, 0);
    trust("grants = []");
    let (code, out, err) = policy(&verify, None).await;
    assert_eq!(code, 1, "it asks for the time: {out}{err}");
    assert!(err.contains("clock"), "{err}");
}

#[tokio::test]
async fn a_module_takes_effect_only_with_the_signatures_that_are_required() {
    let gateway = Gateway::start().await;
    let folder = gateway.place().folder().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut trust = String::new();
    for name in ["alice", "bob"] {
        let (code, out, err) = policy(&["keygen", "--out", &path(name)], None).await;
        assert_eq!(code, 0, "{err}");
        let public = out.lines().find(|line| line.starts_with("public = "));
        trust += &format!("[keys.{name}]\n{}\n", public.unwrap());
    }
    let (code, ..) = policy(&["keygen", "--out", &path("alice")], None).await;
    assert_eq!(code, 1, "a key is never overwritten");
    trust += "[require]\nall-of = [\"alice\"]\nany-of = [\"bob\"]\n";
    std::fs::write(path("trust.toml"), trust).unwrap();

    let (guard, mask) = (path("policies/guard.wasm"), path("policies/mask.wasm"));
    let sign = |module: &str, by: &str| {
        let (module, key) = (module.to_owned(), path(by));
        async move { policy(&["sign", &module, "--key", &key], None).await }
    };
    // At once: neither is lost.
    let both = tokio::join!(sign(&mask, "alice"), sign(&mask, "bob"));
    for (code, _, err) in [both.0, both.1, sign(&guard, "alice").await] {
        assert_eq!(code, 0, "{err}");
    }
    let verify = |module: String| {
        let trust = path("trust.toml");
        async move { policy(&["verify", &module, "--trust", &trust], None).await }
    };
    assert_eq!(verify(mask).await.0, 0);
    let (code, _, err) = verify(guard.clone()).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("bob") && err.contains("sluice policy sign"),
        "{err}"
    );

    let generation = gateway.generation().await;
    gateway
        .place()
        .edit(|text| format!("{text}\n[trust]\nfile = \"trust.toml\"\n"));
    eventually("what is not signed takes no effect", || async {
        gateway.policies().await["rejected"]["step"] == "trust"
    })
    .await;
    assert_eq!(gateway.generation().await, generation);

    let (code, _, err) = policy(&["sign", &guard, "--key", &path("bob")], None).await;
    assert_eq!(code, 0, "{err}");
    eventually("what is signed takes effect by itself", || async {
        gateway.generation().await > generation
    })
    .await;
    let policies = gateway.policies().await;
    assert_eq!(
        policies["policies"][1]["signers"],
        serde_json::json!(["alice", "bob"])
    );
    let (_, out, _) = policy(&["inspect", &guard, "--trust", &path("trust.toml")], None).await;
    assert!(out.contains("Trusted   alice, bob"), "{out}");

    // Signatures of one module are none of another.
    let generation = gateway.generation().await;
    gateway
        .place()
        .replace_module("guard", &misbehaving(Hook::Decide, Misdeed::None));
    eventually(
        "another module under the same signatures takes none",
        || async {
            let rejected = gateway.policies().await["rejected"].clone();
            rejected["reason"]
                .as_str()
                .is_some_and(|why| why.contains("of another module"))
        },
    )
    .await;
    assert_eq!(gateway.generation().await, generation);
}

//! Policies change while statements run; what is broken never takes effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sluice_tests::modules::{Hook, Misdeed, misbehaving, stranger};
use sluice_tests::{Gateway, Person, eventually};
use tokio::task::JoinSet;

const EMAILS: &str = "SELECT email FROM customers ORDER BY id LIMIT 20";

/// The configuration without masking, and back.
fn masking(text: String, on: bool) -> String {
    let named = "module = \"policies/mask.wasm\"\n";
    let off = format!("{named}mode = \"off\"\n");
    let text = text.replace(&off, named);
    if on { text } else { text.replace(named, &off) }
}

/// Waits for a generation after this one.
async fn swapped(gateway: &Gateway, from: u64) -> u64 {
    eventually("the policies are swapped", || async {
        gateway.generation().await > from
    })
    .await;
    gateway.generation().await
}

/// Replaces the guard's module by a bad one; the old set must stay, and say why.
async fn refuses(what: &str, module: &[u8]) {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let before = client.query(EMAILS, &[]).await.expect("an answer");
    let generation = gateway.generation().await;
    gateway.place().replace_module("guard", module);
    eventually(what, || async {
        // Statements are answered while it is tried.
        let rows = client.query(EMAILS, &[]).await.expect("an answer");
        assert_eq!(rows.len(), before.len());
        !gateway.policies().await["rejected"].is_null()
    })
    .await;
    assert_eq!(gateway.generation().await, generation, "{what}");
    let rejected = gateway.policies().await["rejected"].clone();
    assert_eq!(rejected["policy"], "guard", "{rejected}");
    let after = client.query(EMAILS, &[]).await.expect("an answer");
    let email = |row: &tokio_postgres::Row| row.get::<_, String>(0);
    assert!(before.iter().map(email).eq(after.iter().map(email)));
}

#[tokio::test]
async fn a_changed_setting_binds_open_sessions_from_their_next_statement() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let prepared = client.prepare(EMAILS).await.unwrap();
    let masked: String = client.query(&prepared, &[]).await.unwrap()[0].get(0);
    let generation = gateway.generation().await;

    gateway.place().edit(|text| masking(text, false));
    let generation = swapped(&gateway, generation).await;
    let raw: String = client.query(&prepared, &[]).await.unwrap()[0].get(0);
    assert_ne!(masked, raw);

    gateway.place().edit(|text| masking(text, true));
    swapped(&gateway, generation).await;
    let again: String = client.query(&prepared, &[]).await.unwrap()[0].get(0);
    assert_eq!(masked, again);
}

#[tokio::test]
async fn a_changed_module_takes_effect() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    gateway
        .place()
        .replace_module("guard", &misbehaving(Hook::Decide, Misdeed::None));
    swapped(&gateway, generation).await;
    gateway
        .connect(Person::Alice)
        .await
        .query(EMAILS, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_module_takes_effect_whatever_way_its_path_leads_to_another() {
    let gateway = Gateway::start().await;
    let folder = gateway.place().folder().to_owned();
    let (policies, link) = (folder.join("policies"), folder.join("link"));
    let guard = std::fs::read(policies.join("guard.wasm")).unwrap();
    let other = misbehaving(Hook::Decide, Misdeed::None);
    let release = |name: &str, guard: &[u8]| {
        let release = folder.join(name);
        std::fs::create_dir(&release).unwrap();
        for file in std::fs::read_dir(&policies).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), release.join(file.file_name())).unwrap();
        }
        std::fs::write(release.join("guard.wasm"), guard).unwrap();
        release
    };
    let mut generation = gateway.generation().await;

    let first = release("first", &other);
    std::fs::rename(&policies, folder.join("old")).unwrap();
    std::fs::rename(&first, &policies).unwrap();
    generation = swapped(&gateway, generation).await;
    gateway.place().replace_module("guard", &guard);
    generation = swapped(&gateway, generation).await;

    let second = release("second", &other);
    let third = release("third", &guard);
    std::fs::rename(&policies, folder.join("older")).unwrap();
    std::os::unix::fs::symlink(&second, &policies).unwrap();
    generation = swapped(&gateway, generation).await;
    std::os::unix::fs::symlink(&third, &link).unwrap();
    std::fs::rename(&link, &policies).unwrap();
    generation = swapped(&gateway, generation).await;
    std::fs::write(third.join("guard.wasm"), &other).unwrap();
    swapped(&gateway, generation).await;
}

#[tokio::test]
async fn a_module_that_comes_after_its_configuration_takes_effect() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    let policy = "\n[policies.late]\nmodule = \"policies/late.wasm\"\n";
    gateway.place().edit(|text| text + policy);
    eventually("it is refused", || async {
        !gateway.policies().await["rejected"].is_null()
    })
    .await;
    gateway
        .place()
        .replace_module("late", &misbehaving(Hook::Decide, Misdeed::None));
    swapped(&gateway, generation).await;
    assert!(gateway.policies().await["rejected"].is_null());
}

#[tokio::test]
async fn a_file_that_a_refused_configuration_names_is_taken_once_it_is_there() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    let folder = gateway.place().folder().join("extra");
    std::fs::create_dir(&folder).unwrap();
    let policy = "\n[policies.late]\nmodule = \"extra/late.wasm\"\n";
    gateway.place().edit(|text| text + policy);
    let refused = || async {
        let rejected = gateway.policies().await["rejected"].clone();
        rejected["reason"]
            .as_str()
            .is_some_and(|why| why.contains("there is no file"))
    };
    eventually("it is refused", refused).await;
    let module = misbehaving(Hook::Decide, Misdeed::None);
    std::fs::write(folder.join("late.wasm"), module).unwrap();
    swapped(&gateway, generation).await;
}

#[tokio::test]
async fn a_pipe_in_place_of_a_password_is_refused_and_changes_are_followed_on() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    let pipe = gateway.place().folder().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let before = std::fs::read_to_string(gateway.place().file()).unwrap();
    let named = |line: &str| match line.starts_with("password-file = ") {
        true => "password-file = \"pipe\"\n".to_owned(),
        false => format!("{line}\n"),
    };
    gateway
        .place()
        .edit(|text| text.lines().map(named).collect());
    eventually("it is refused", || async {
        let rejected = gateway.policies().await["rejected"].clone();
        rejected["reason"]
            .as_str()
            .is_some_and(|why| why.contains("not a regular file"))
    })
    .await;
    gateway.place().edit(|_| masking(before, false));
    swapped(&gateway, generation).await;
}

/// Some KB each, with which their compiler would not be done for a long time, if ever.
fn harmful() -> [(&'static str, Vec<u8>); 3] {
    let many = "i32 ".repeat(1_000);
    let calls = "call $many ".repeat(60_000);
    let many = format!("(func $many (result {many}) unreachable)");
    let calls = format!("(component (core module {many} (func {calls} unreachable)))");
    let first = "(component $c0 (core module $m) (core instance (instantiate $m)))";
    let twice = (1..=40).map(|level| {
        let below = level - 1;
        let one = "(instance (instantiate $below))";
        format!("(component $c{level} (alias outer 1 $c{below} (component $below)) {one} {one})")
    });
    let twice: String = twice.collect();
    let doubling = format!("(component {first} {twice} (instance (instantiate $c40)))");
    let parsed = |text: String| wat::parse_str(text).expect("it is a component");
    [
        ("calls with many results", parsed(calls)),
        ("instances that double", parsed(doubling)),
        ("types within types", nested_types()),
    ]
}

fn nested_types() -> Vec<u8> {
    let mut kind = vec![0x42, 0];
    for _ in 0..5_000 {
        kind.splice(0..0, [0x42, 1, 1]);
    }
    let length = kind.len() + 1;
    let mut component = b"\0asm\x0d\0\x01\0\x07".to_vec();
    let length = [
        length & 0x7f | 0x80,
        length >> 7 & 0x7f | 0x80,
        length >> 14,
    ];
    component.extend(length.map(|byte| u8::try_from(byte).unwrap()));
    component.push(1);
    component.extend(kind);
    component
}

#[tokio::test]
async fn a_module_that_would_harm_its_compiler_is_refused() {
    let place = sluice_tests::gateway::Place::new().await;
    for (what, module) in harmful() {
        place.replace_module("guard", &module);
        let mut check = tokio::process::Command::new(sluice_tests::programs::sluice());
        check.arg("check").arg(place.file());
        let said = sluice_tests::programs::said(check).await;
        assert!(!said.content, "{what}: {said:?}");
        let text = format!("{said:?}");
        assert!(text.contains("its compiler failed"), "{what}: {text}");
    }
}

/// A service has hard limits that nobody but a privileged process can raise.
#[tokio::test]
async fn bounds_that_are_there_stay_and_harm_is_refused() {
    const LIMITED: &str = "ulimit -c 0 && ulimit -t 600 && exec \"$0\" check \"$1\"";
    let place = sluice_tests::gateway::Place::new().await;
    let check = || {
        let mut check = tokio::process::Command::new("sh");
        let unprivileged =
            "[ $(id -u) = 0 ] && exec setpriv --bounding-set=-sys_resource \"$@\"; exec \"$@\"";
        check.args(["-c", unprivileged, "sh", "sh", "-c", LIMITED]);
        check
            .arg(sluice_tests::programs::sluice())
            .arg(place.file());
        sluice_tests::programs::said(check)
    };
    let _ = check().await.expect("the policies are good");
    let [(what, module), ..] = harmful();
    place.replace_module("guard", &module);
    let said = check().await;
    assert!(!said.content, "{what}: {said:?}");
    assert!(said.err.contains("its compiler failed"), "{what}: {said:?}");
}

#[tokio::test]
async fn what_was_compiled_goes_with_the_gateway() {
    let place = sluice_tests::gateway::Place::new().await;
    let (mut gateway, _) = sluice_tests::programs::serve(&place).await;
    let folder = sluice_tests::programs::temporary(&place);
    let left = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(left(), 1, "modules are compiled for it");
    let id = gateway.id().unwrap().to_string();
    let mut stop = tokio::process::Command::new("kill");
    stop.args(["-INT", &id]);
    let _ = sluice_tests::programs::said(stop).await.expect("it runs");
    assert!(gateway.wait().await.unwrap().success());
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn what_was_compiled_for_a_gateway_that_was_killed_goes_with_the_next() {
    let place = sluice_tests::gateway::Place::new().await;
    let (mut gateway, _) = sluice_tests::programs::serve(&place).await;
    let folder = sluice_tests::programs::temporary(&place);
    let left = || std::fs::read_dir(&folder).unwrap().count();
    let check = || {
        let mut check = tokio::process::Command::new(sluice_tests::programs::sluice());
        check.arg("check").arg(place.file()).env("TMPDIR", &folder);
        sluice_tests::programs::said(check)
    };
    let _ = check().await.expect("the policies are good");
    assert_eq!(left(), 1, "another gateway is at work");
    gateway.kill().await.unwrap();
    let _ = check().await.expect("the policies are good");
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn a_wrong_setting_is_refused() {
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    gateway
        .place()
        .edit(|text| text.replace("mask = \"email\"", "mask = \"emial\""));
    eventually("it is refused", || async {
        !gateway.policies().await["rejected"].is_null()
    })
    .await;
    assert_eq!(gateway.generation().await, generation);
}

#[tokio::test]
async fn garbage_is_refused() {
    refuses("garbage", b"this is no module").await;
}

#[tokio::test]
async fn half_a_module_is_refused() {
    let module = misbehaving(Hook::Decide, Misdeed::None);
    refuses("half a module", &module[..module.len() / 2]).await;
}

#[tokio::test]
async fn a_module_of_another_contract_is_refused() {
    refuses("another contract", &stranger()).await;
}

#[tokio::test]
async fn a_module_that_never_configures_is_refused() {
    refuses(
        "an endless configuration",
        &misbehaving(Hook::Configure, Misdeed::Loop),
    )
    .await;
}

#[tokio::test]
async fn a_module_that_takes_all_memory_is_refused() {
    refuses(
        "a memory bomb",
        &misbehaving(Hook::Configure, Misdeed::Bomb),
    )
    .await;
}

#[tokio::test]
async fn a_module_that_traps_while_configured_is_refused() {
    refuses("a trap", &misbehaving(Hook::Configure, Misdeed::Trap)).await;
}

#[tokio::test]
async fn a_policy_that_fails_while_it_judges_refuses_and_recovers() {
    for misdeed in [
        Misdeed::Loop,
        Misdeed::Bomb,
        Misdeed::Trap,
        Misdeed::Nonsense,
    ] {
        let gateway = Gateway::start().await;
        let good = std::fs::read(gateway.place().folder().join("policies/guard.wasm")).unwrap();
        let client = gateway.connect(Person::Alice).await;
        gateway
            .place()
            .replace_module("guard", &misbehaving(Hook::Decide, misdeed));
        eventually("it is refused, by the gateway or to the client", || {
            let answer = client.query("SELECT email FROM customers WHERE id = 3", &[]);
            let policies = gateway.policies();
            async {
                let answer = answer.await;
                if let Err(error) = answer {
                    assert_eq!(
                        error.code().unwrap().code(),
                        "42501",
                        "{misdeed:?}: {error:?}"
                    );
                    return true;
                }
                !policies.await["rejected"].is_null()
            }
        })
        .await;
        gateway.place().replace_module("guard", &good);
        eventually("the good one is back", || async {
            client
                .query("SELECT email FROM customers WHERE id = 3", &[])
                .await
                .is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn a_policy_that_keeps_failing_refuses_and_raises_an_alarm() {
    let gateway = Gateway::start().await;
    let client = gateway.connect(Person::Alice).await;
    let generation = gateway.generation().await;
    gateway
        .place()
        .replace_module("guard", &misbehaving(Hook::Decide, Misdeed::Treason));
    swapped(&gateway, generation).await;
    for failed in 0..6 {
        let failing = failing(&gateway).await;
        assert_eq!(failing, failed >= 5, "after {failed} failures");
        let refused = client.simple_query(&format!("SELECT {failed} AS a")).await;
        assert_eq!(sluice_tests::sqlstate(refused), "42501");
    }
    let page = reqwest::get(format!("{}/metrics", gateway.console())).await;
    let page = page.unwrap().text().await.unwrap();
    for line in [
        "sluice_policy_failing{policy=\"guard\"} 1",
        "sluice_policy_failing{policy=\"mask\"} 0",
    ] {
        assert!(page.contains(line), "{page}");
    }
    // What is loaded anew and is as it was fails on.
    let generation = gateway.generation().await;
    gateway.place().edit(|text| masking(text, false));
    swapped(&gateway, generation).await;
    assert!(failing(&gateway).await);
}

/// Whether the API says that the guard keeps failing.
async fn failing(gateway: &Gateway) -> bool {
    let answer = gateway.policies().await;
    let mut policies = answer["policies"].as_array().unwrap().iter();
    let guard = policies.find(|policy| policy["name"] == "guard").unwrap();
    !guard["failing_since"].is_null()
}

#[tokio::test]
async fn a_table_follows_its_file_and_a_bad_one_changes_nothing() {
    let place = sluice_tests::gateway::Place::new().await;
    let file = place.folder().join("tenants.csv");
    std::fs::write(&file, "ana,north\n").unwrap();
    let module = "module = \"policies/guard.wasm\"\n";
    let given = "grants = [\"tables\"]\ntables = { tenants = \"tenants.csv\" }\n";
    place.edit(|text| text.replace(module, &format!("{module}{given}")));
    let gateway = Gateway::within(place).await;
    let generation = gateway.generation().await;
    std::fs::write(&file, "ana,north\nbob,south,3\n").unwrap();
    eventually("the table is refused", || async {
        !gateway.policies().await["rejected"].is_null()
    })
    .await;
    let rejected = gateway.policies().await["rejected"].clone();
    let reason = rejected["reason"].as_str().unwrap();
    assert!(reason.contains("tenants.csv:2: 3 cells"), "{reason}");
    assert_eq!(gateway.generation().await, generation);
    std::fs::write(&file, "ana,north\nbob,south\n").unwrap();
    swapped(&gateway, generation).await;
    assert!(gateway.policies().await["rejected"].is_null());
}

#[tokio::test]
async fn ten_thousand_statements_meet_a_hundred_swaps_and_none_is_lost() {
    const SWAPS: u32 = 100;
    const CLIENTS: u32 = 8;
    const STATEMENTS: u32 = 10_000;
    let gateway = Arc::new(Gateway::start().await);
    let direct = gateway.place().direct().await;
    let emails = |rows: Vec<tokio_postgres::Row>| -> Vec<String> {
        rows.iter().map(|row| row.get(0)).collect()
    };
    let raw = Arc::new(emails(direct.query(EMAILS, &[]).await.unwrap()));
    let alice = gateway.connect(Person::Alice).await;
    let masked = Arc::new(emails(alice.query(EMAILS, &[]).await.unwrap()));
    assert!(
        raw.iter()
            .zip(masked.iter())
            .all(|(raw, masked)| raw != masked)
    );

    let done = Arc::new(AtomicU32::new(0));
    let swapping = Arc::new(AtomicBool::new(true));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = gateway.connect(Person::Alice).await;
        let (raw, masked) = (Arc::clone(&raw), Arc::clone(&masked));
        let (done, swapping) = (Arc::clone(&done), Arc::clone(&swapping));
        clients.spawn(async move {
            let prepared = client.prepare(EMAILS).await.unwrap();
            let mut mine = 0;
            while mine < STATEMENTS / CLIENTS || swapping.load(Ordering::Relaxed) {
                // Half of them as new text, half of them prepared long ago.
                let rows = if (mine + number).is_multiple_of(2) {
                    client.query(&prepared, &[]).await
                } else {
                    client.query(EMAILS, &[]).await
                };
                let rows = emails(rows.unwrap());
                assert!(
                    rows == *raw || rows == *masked,
                    "neither masked nor raw: {rows:?}"
                );
                mine += 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut generation = gateway.generation().await;
    for swap in 0..SWAPS {
        gateway.place().edit(|text| masking(text, swap % 2 == 1));
        generation = swapped(&gateway, generation).await;
    }
    swapping.store(false, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(done.load(Ordering::Relaxed) >= STATEMENTS);
    assert_eq!(emails(alice.query(EMAILS, &[]).await.unwrap()), *masked);
}

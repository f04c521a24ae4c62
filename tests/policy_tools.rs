//! The tools of policy authors, as they are run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use sluice_tests::modules::{Hook, Misdeed, misbehaving};
use sluice_tests::programs::{self, Said};
use sluice_tests::{Gateway, PATIENCE, Person};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A policy's folder whose "language" is the module itself.
struct Folder(TempDir);

impl Folder {
    fn new(module: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary directory"));
        folder.write("source", module);
        folder.builds_by("cp source policy.wasm");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).expect("the folder can be written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("it is there")
    }

    fn builds_by(&self, script: &str) {
        self.write("build", format!("#!/bin/sh\n{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join("build"), mode).expect("it is ours");
    }

    fn expects(&self, settings: &Value, verdict: &str) {
        let cases = json!({
            "tables": {"public.users": {"id": "integer", "email": "text"}},
            "settings": settings,
            "cases": [{
                "name": "reading",
                "statement": "SELECT id FROM users",
                "expect": {"verdict": verdict},
            }],
        });
        self.write("cases.json", cases.to_string());
    }

    /// Runs `sluice policy` with this command on the folder.
    async fn run(&self, command: &str, arguments: &[&str]) -> Said {
        let mut program = Command::new(programs::sluice());
        program
            .args(["policy", command])
            .arg(self.path())
            .args(arguments);
        programs::said(program).await
    }
}

fn mask() -> Vec<u8> {
    let module = programs::modules().join("sluice_policy_mask.wasm");
    fs::read(module).expect("make policies")
}

fn meek() -> Vec<u8> {
    misbehaving(Hook::Decide, Misdeed::None)
}

#[tokio::test]
async fn an_update_writes_what_came_out_and_leaves_the_rest() {
    let folder = Folder::new(&mask());
    let _ = folder.run("build", &[]).await.expect("it builds");
    let right = r#"{
  "tables": {"public.users": {"id": "integer",  "email": "text"}, "a.b": {"c": "text"}},
  "settings": { "columns": ["email"], "mask": "keep-first 1" },
  "cases": [
    { "name": "ä masked column", "statement": "SELECT email FROM users",
      "rows": [["ada@example.com"], [null]],
      "expect": {
        "verdict": "allow",
        "masks": ["public.users.email: keep-first 1"],
        "rows": [["a**************"], [null]]
      }
    },
    {"name":"a column of no account", "who": {"subject": "bo"},
     "statement": "SELECT id FROM users", "expect": {"masks":[]}}
  ]
}
"#;
    let masks = "[\"public.users.email: keep-first 1\"]";
    let wrong = right.replace(masks, "[]").replace("[[\"a***", "[[\"x***");
    assert_ne!(wrong, right);
    folder.write("cases.json", &wrong);
    let said = folder.run("test", &[]).await;
    assert!(
        !said.content && said.out.contains("2 cases, 1 came out otherwise"),
        "{}",
        said.out
    );
    let row = "  rows, 1 of 2\n    expected  [\"x**************\"]\n    came out  [\"a****";
    assert!(said.out.contains(row), "{}", said.out);
    let printed = folder.run("test", &["--update"]).await.expect("it passes");
    assert!(
        printed.contains("2 cases, 0 came out otherwise"),
        "{printed}"
    );
    assert_eq!(folder.read("cases.json"), right);
    let again = folder.run("test", &["--update"]).await.expect("it passes");
    assert_eq!(again, printed, "the figures are the same, too");
    assert_eq!(folder.read("cases.json"), right);
}

#[tokio::test]
async fn a_policy_is_measured_and_compared() {
    let folder = Folder::new(&mask());
    let _ = folder.run("build", &[]).await.expect("it builds");
    let cases = json!({
        "tables": {"public.users": {"id": "integer", "email": "text"}},
        "settings": {"columns": ["email"], "mask": "email"},
        "cases": [{
            "name": "reading",
            "statement": "SELECT email FROM users",
            "rows": [["ada@example.com"]],
            "expect": {},
        }],
    });
    folder.write("cases.json", cases.to_string());
    let saved = folder.path().join("saved.json");
    let saved = saved.to_str().expect("UTF-8");
    let printed = folder
        .run("bench", &["--save", saved])
        .await
        .expect("it runs");
    assert!(
        printed.contains("judgement: reading") && !printed.contains("CHANGE"),
        "{printed}"
    );
    let compared = folder.run("bench", &["--baseline", saved, "--json"]).await;
    let compared: Value = serde_json::from_str(&compared.expect("it runs")).expect("JSON");
    let figures = compared["figures"].as_array().expect("a list");
    let calls: Vec<&str> = figures
        .iter()
        .filter_map(|figure| figure["call"].as_str())
        .collect();
    assert_eq!(
        calls,
        [
            "empty (batch)",
            "judgement, mean of the cases",
            "judgement: reading",
            "a row of 1",
            "a row of 16",
            "a row of 256",
            "a row of 1024",
        ]
    );
    assert!(
        figures.iter().all(|figure| figure["change"].is_number()),
        "{compared}"
    );
    assert!(figures[3]["host_mask"].is_number(), "{compared}");
}

#[tokio::test]
async fn a_policy_without_a_transform_has_no_rows_to_measure() {
    let folder = Folder::new(&meek());
    let _ = folder.run("build", &[]).await.expect("it builds");
    folder.expects(&json!({}), "allow");
    let printed = folder.run("bench", &[]).await.expect("it runs");
    assert!(printed.contains("empty (decide)"), "{printed}");
    assert!(
        printed.contains("No rows: it has no transform"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_module_says_what_it_is() {
    let folder = Folder::new(&mask());
    folder.write(
        "package.json",
        r#"{"name": "mask-names", "version": "1.2.3"}"#,
    );
    let built = folder.run("build", &[]).await.expect("it builds");
    let module = folder.path().join("policy.wasm");
    let bytes = fs::read(&module).expect("it is built");
    for line in [
        "Name      mask-names\n",
        "Version   1.2.3\n",
        "Language  JavaScript\n",
        "Contract  0.1.0\n",
        "Grants    none\n",
        &format!("Size      {} bytes\n", bytes.len()),
    ] {
        assert!(built.contains(line), "{line} in {built}");
    }
    let _ = folder.run("build", &[]).await.expect("it builds again");
    assert_eq!(
        fs::read(&module).expect("it is built"),
        bytes,
        "the same bytes"
    );
    let mut inspect = Command::new(programs::sluice());
    inspect.args(["policy", "inspect", "--json"]).arg(&module);
    let said = programs::said(inspect).await.expect("it is read");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let expected = json!({
        "name": "mask-names", "version": "1.2.3", "language": "JavaScript", "contract": "0.1.0",
    });
    assert_eq!(said["metadata"], expected);
    let exports = said["exports"].as_array().expect("a list");
    for wanted in ["sluice:policy/hooks@0.1.0", "sluice:policy/transform@0.1.0"] {
        assert!(exports.contains(&json!(wanted)), "{exports:?}");
    }
}

#[tokio::test]
async fn a_module_that_wants_wasi_is_refused_with_advice() {
    let wants = r#"(component
        (import "wasi:cli/environment@0.2.0" (instance))
        (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#;
    let folder = Folder::new(&wat::parse_str(wants).expect("it is WAT"));
    for (file, advice) in [
        ("policy.c", "--stub-wasi"),
        ("Cargo.toml", "wasm32-unknown-unknown"),
    ] {
        folder.write(file, "");
        let said = folder.run("build", &[]).await;
        assert!(!said.content);
        let names = "wasi:cli/environment@0.2.0, wasi:clocks/wall-clock@0.2.0, which no policy may";
        assert!(
            said.err.contains(names) && said.err.contains(advice),
            "{}",
            said.err
        );
    }
}

/// `sluice policy dev --watch`, and what it prints.
struct Dev {
    program: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// `sluice policy dev --watch`.
fn dev() -> Command {
    let mut program = Command::new(programs::sluice());
    program.args(["policy", "dev", "--watch"]);
    program
}

impl Dev {
    fn start(folder: &Folder, gateway: &Gateway) -> (Self, PathBuf) {
        let token = gateway.place().folder().join("dora.token");
        fs::write(&token, gateway.place().provider().token(Person::Dora)).expect("it is ours");
        let into = gateway.place().folder().join("policies/guard.wasm");
        let mut program = dev();
        program
            .arg("--into")
            .arg(&into)
            .args(["--url", &gateway.console()]);
        program.arg("--token-file").arg(&token);
        (Self::watching(folder, program), into)
    }

    /// Runs it with these arguments before its own.
    fn watching(folder: &Folder, mut program: Command) -> Self {
        let program = program
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut program = program.spawn().expect("the program starts");
        let output = program.stdout.take().expect("it is a pipe");
        let lines = BufReader::new(output).lines();
        Self { program, lines }
    }

    /// What it prints until it waits for a change.
    async fn round(&mut self) -> String {
        let mut printed = String::new();
        let reading = async {
            while let Some(line) = self.lines.next_line().await.expect("it prints text") {
                if line.starts_with("Waiting for a change") {
                    break;
                }
                printed.push_str(&line);
                printed.push('\n');
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        assert!(read.is_ok(), "it does not go on after\n{printed}");
        printed
    }

    /// Ctrl-C.
    async fn interrupt(self) {
        programs::interrupt(self.program).await;
    }
}

#[tokio::test]
async fn a_changed_source_takes_effect_in_a_running_gateway() {
    let gateway = Gateway::start().await;
    let folder = Folder::new(&meek());
    folder.expects(&json!({}), "allow");
    let (mut dev, into) = Dev::start(&folder, &gateway);
    let printed = dev.round().await;
    assert!(
        printed.contains("in force as guard (enforce), generation 2"),
        "{printed}"
    );
    let in_place = fs::read(&into).expect("it is there");
    assert_eq!(
        in_place,
        fs::read(folder.path().join("policy.wasm")).expect("it is built")
    );

    folder.builds_by("exit 7");
    let printed = dev.round().await;
    assert!(
        printed.contains("the build failed (exit status: 7)"),
        "{printed}"
    );
    assert!(printed.contains("guard.wasm stays as it is"), "{printed}");

    folder.write("source", mask());
    folder.builds_by("cp source policy.wasm");
    folder.expects(&json!({"columns": ["email"]}), "deny");
    let printed = dev.round().await;
    assert!(
        printed.contains("1 case, 1 came out otherwise"),
        "{printed}"
    );
    assert!(printed.contains("expected  deny"), "{printed}");
    assert!(printed.contains("guard.wasm stays as it is"), "{printed}");
    assert_eq!(fs::read(&into).expect("it is there"), in_place);
    assert_eq!(gateway.generation().await, 2);

    // The gateway has other settings for it, which this policy does not know.
    folder.expects(&json!({"columns": ["email"]}), "allow");
    let printed = dev.round().await;
    assert!(
        !printed.contains("build "),
        "the cases alone have changed: {printed}"
    );
    assert!(
        printed.contains("FAILED  policy guard, configure: "),
        "{printed}"
    );
    assert!(printed.contains("unknown field `approvers`"), "{printed}");
    assert_eq!(fs::read(&into).expect("it is there"), in_place);

    let guard = programs::modules().join("sluice_policy_guard.wasm");
    folder.expects(&json!({"unbounded-dml": "deny"}), "allow");
    folder.write("source", fs::read(guard).expect("make policies"));
    let printed = dev.round().await;
    assert!(printed.contains("in force as guard (enforce)"), "{printed}");
    dev.interrupt().await;
    let policies = into.parent().expect("a folder");
    let names = fs::read_dir(policies).expect("a folder").flatten();
    let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 2, "nothing stays but modules: {names:?}");
}

#[tokio::test]
async fn a_build_that_is_interrupted_leaves_nothing_running() {
    let folder = Folder::new(&meek());
    folder.builds_by("echo $$ > group; sleep 1000; true");
    let program = Dev::watching(&folder, dev());
    sluice_tests::eventually("the build runs", || async {
        fs::read(folder.path().join("group")).is_ok_and(|id| id.ends_with(b"\n"))
    })
    .await;
    program.interrupt().await;
    let group = folder.read("group");
    sluice_tests::eventually("the build has ended", || async {
        let mut look = Command::new("kill");
        look.args(["-0", "--", &format!("-{}", group.trim())]);
        !programs::said(look).await.content
    })
    .await;
}

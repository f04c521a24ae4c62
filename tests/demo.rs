//! The demo as a person runs it: the lines it prints work, and nothing of it stays.

use std::path::Path;
use std::process::Stdio;

use clap::Parser as _;
use sluice_tests::programs;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A demo, and what it printed until it was ready.
struct Demo {
    program: Child,
    lines: Vec<String>,
}

impl Demo {
    async fn start() -> Self {
        let mut program = Command::new(programs::sluice())
            .args(["demo", "--scale", "0.01", "--policies"])
            .arg(programs::modules())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = program.stdout.take().expect("it is a pipe");
        let mut output = BufReader::new(output).lines();
        let mut lines = Vec::new();
        while let Some(line) = output.next_line().await.expect("it prints text") {
            let last = line.starts_with("Ctrl-C");
            lines.push(line);
            if last {
                break;
            }
        }
        Self { program, lines }
    }

    /// The lines to copy that begin so.
    fn commands(&self, beginning: &str) -> Vec<&str> {
        let lines = self.lines.iter().map(|line| line.trim());
        lines.filter(|line| line.starts_with(beginning)).collect()
    }

    /// Ctrl-C.
    async fn interrupt(self) {
        programs::interrupt(self.program).await;
    }
}

#[tokio::test]
async fn what_it_prints_works_and_nothing_stays() {
    let demo = Demo::start().await;
    let sluice = programs::sluice();
    let commands = demo.commands(sluice.to_str().expect("UTF-8"));
    assert_eq!(commands.len(), 4, "{:#?}", demo.lines);
    for command in &commands {
        let parsed = sluice::cli::Cli::try_parse_from(command.split(' '));
        assert!(
            parsed.is_ok(),
            "{command}: {}",
            parsed.expect_err("an error")
        );
    }
    let connections = demo.commands("PGPASSWORD=");
    assert_eq!(connections.len(), 3, "{:#?}", demo.lines);
    for connection in connections {
        let mut shell = Command::new("sh");
        let query = "SELECT count(*) > 100 FROM orders";
        shell.args(["-c", &format!("{connection} -X -A -t -c '{query}'")]);
        let said = programs::said(shell).await.expect(connection);
        assert_eq!(said.trim(), "t", "{connection}");
    }
    let configuration = demo
        .lines
        .iter()
        .find(|line| line.trim().ends_with("sluice.toml"));
    let configuration = configuration
        .expect("it names its configuration")
        .trim()
        .to_owned();
    assert!(Path::new(&configuration).exists());
    demo.interrupt().await;
    assert!(!Path::new(&configuration).exists());
}

#[tokio::test]
async fn two_run_side_by_side() {
    let (first, second) = tokio::join!(Demo::start(), Demo::start());
    assert_ne!(
        first.commands("PGPASSWORD="),
        second.commands("PGPASSWORD=")
    );
    tokio::join!(first.interrupt(), second.interrupt());
}

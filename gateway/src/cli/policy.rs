//! `sluice policy`: the policies in force, by way of the console's API; modules on disk; and what
//! authors of policies need.

pub mod bench;
mod build;
pub mod cases;
pub mod dev;
mod inspect;
mod metadata;
pub mod new;
pub mod promote;
pub mod replay;
mod shadow;
pub mod signing;
pub mod test;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use console::view;

use super::holds::EXIT_CODES;
use super::holds::remote::{self, Connection, Failure, Output};
use super::holds::table::{Table, printable};
use inspect::Module;
use new::Language;
use promote::Way;

/// Commands of `sluice policy`.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Command {
    /// Lists the policies in force, and why the last attempt to replace them failed if it did.
    #[command(after_help = "Example:
  sluice policy list --url http://127.0.0.1:8080 --token-file dora.token")]
    List {
        /// Where to ask.
        #[command(flatten)]
        connection: Connection,
    },
    /// Shows what a module is and what it asks for, without running it or asking anyone.
    #[command(after_help = "Example:
  sluice policy inspect policies/mask.wasm --json")]
    Inspect {
        /// The module: a component, or a core module as the SDK builds it.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Says whose signatures it has, by this file of trusted keys.
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        trust: Option<PathBuf>,
    },
    /// Makes a folder with a policy that builds, its cases and the SDK.
    #[command(after_help = "Example:
  sluice policy new --lang js mask-addresses")]
    New {
        /// The language.
        #[arg(long)]
        lang: Language,
        /// The folder; its name is the policy's.
        folder: PathBuf,
    },
    /// Builds the policy in a folder by the language's own tool.
    #[command(
        after_help = "Runs the folder's `build`, which leaves policy.wasm, and makes that a component.

Example:
  sluice policy build mask-addresses"
    )]
    Build {
        /// The folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Tries a built policy on cases: who asks what, or gets which rows, and what comes of it.
    Test(test::Args),
    /// Measures a built policy: a call, a judgement of each case, a row by the size of the batch.
    Bench(bench::Args),
    /// Builds, tests and puts a policy where a gateway reads it, again whenever a source changes.
    Dev(dev::Args),
    /// Judges a recorded trail again, and says what another version or other settings would change.
    Replay(replay::Args),
    /// Makes the shadow of a policy the policy, in the configuration's file.
    #[command(
        after_help = "The new configuration is read and its policies are loaded before it takes the \
old one's place; a running gateway follows by itself, and with --url its answer is waited for.

Example:
  sluice policy promote guard --config sluice.toml --url http://127.0.0.1:8080 --token-file dora.token"
    )]
    Promote(promote::Args),
    /// Makes the version before the last promotion the policy again, in the configuration's file.
    #[command(
        after_help = "What was in force judges on as its shadow, so that it can be promoted again.

Example:
  sluice policy rollback guard --config sluice.toml --url http://127.0.0.1:8080 --token-file dora.token"
    )]
    Rollback(promote::Args),
    /// Makes a key to sign modules with.
    Keygen(signing::Keygen),
    /// Vouches for a module.
    Sign(signing::Sign),
    /// Says whether a module is signed as it must be.
    Verify(signing::Verify),
}

/// Runs one.
///
/// # Errors
/// What kept it from being done, for the person at the terminal.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { connection } => Failure::into_exit(list(&connection)),
        Command::Inspect { file, json, trust } => {
            let module = Module::read(&file)?;
            if json {
                let mut shown = serde_json::to_value(&module)?;
                shown["signed_by"] = signing::keys(&file)?.into();
                return Failure::into_exit(remote::print_json(&shown));
            }
            let signed = signing::describe(&file, trust.as_deref())?;
            said(&(describe(&module) + &signed))
        }
        Command::New { lang, folder } => {
            new::write(lang, &folder)?;
            said(&next_steps(lang, &folder))
        }
        Command::Build { folder } => said(&describe(&build::build(&folder)?)),
        Command::Test(args) => test::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Dev(args) => dev::run(args),
        Command::Replay(args) => replay::run(&args),
        Command::Promote(args) => promote::run(Way::Promote, &args),
        Command::Rollback(args) => promote::run(Way::RollBack, &args),
        Command::Keygen(args) => signing::keygen(&args),
        Command::Sign(args) => signing::sign(&args),
        Command::Verify(args) => signing::verify(&args),
    }
}

fn said(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn next_steps(language: Language, folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().display();
    let (folder, source) = (folder.display(), language.source());
    let setup = language
        .setup()
        .map(|command| format!("  {command}\n"))
        .unwrap_or_default();
    format!(
        "Edit {source} and cases.json; then

  cd {folder}
{setup}  sluice policy build
  sluice policy test

For a gateway, name the module in its configuration; `sluice policy dev --watch --into FILE` puts it there and
keeps it new:

  [policies.{name}]
  module = \"policies/{name}.wasm\"
  settings = {{ columns = [\"email\"], group = \"analysts\" }}
"
    )
}

/// Reading SQL takes a deep stack.
fn deep<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let thread = std::thread::Builder::new().stack_size(sql::STACK_BYTES);
    thread
        .spawn(run)?
        .join()
        .map_err(|_| anyhow::anyhow!("trying the cases failed"))
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let policies: view::Policies = connection.get("policies")?;
    match connection.output() {
        Output::Json => return remote::print_json(&policies),
        Output::Text => {}
    }
    let mut out = std::io::stdout();
    writeln!(out, "Generation {}", policies.generation)?;
    let mut table = Table::new([
        "NAME",
        "MODE",
        "DIGEST",
        "SIGNED BY",
        "IMPORTS",
        "CALLS",
        "FAILURES",
    ]);
    for policy in &policies.policies {
        table.row([
            policy.name.clone(),
            policy.mode.clone(),
            policy.digest.chars().take(12).collect(),
            policy.signers.join(","),
            policy.imports.join(","),
            policy.calls.to_string(),
            failures(&policy.failures, policy.failing_since.as_deref()),
        ]);
    }
    table.print()?;
    for policy in &policies.policies {
        if let Some(shadow) = &policy.shadow {
            out.write_all(shadow::describe(&policy.name, shadow).as_bytes())?;
        }
    }
    if let Some(rejected) = &policies.rejected {
        let policy = rejected
            .policy
            .as_deref()
            .map(|name| format!(" policy {name},"));
        let reason: Vec<String> = rejected.reason.lines().map(printable).collect();
        writeln!(
            out,
            "\nThe set before stays in force: at {} a new one was rejected:{} {}: {}",
            rejected.at,
            policy.unwrap_or_default(),
            rejected.step,
            reason.join("\n  "),
        )?;
    }
    Ok(())
}

/// "trap 2, deadline 1"; with a time where it keeps failing.
fn failures(counts: &BTreeMap<String, u64>, failing_since: Option<&str>) -> String {
    let counts = counts.iter().map(|(kind, count)| format!("{kind} {count}"));
    let all = counts.collect::<Vec<_>>().join(", ");
    match failing_since {
        _ if all.is_empty() => "0".to_owned(),
        Some(since) => format!("{all}, keeps failing since {since}"),
        None => all,
    }
}

fn describe(module: &Module) -> String {
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => printable(&names.join(", ")),
    };
    let or = |part: &Option<String>, otherwise: &str| {
        part.as_deref()
            .map_or_else(|| otherwise.to_owned(), printable)
    };
    let metadata = &module.metadata;
    let mut text = format!(
        "File      {}\nName      {}\nVersion   {}\nLanguage  {}\nDigest    {}\nSize      {} bytes\n",
        module.file,
        or(&metadata.name, "not said"),
        or(&metadata.version, "not said"),
        or(&metadata.language, "not said"),
        module.digest,
        module.bytes,
    );
    let contract = or(&module.contract, "none: this is not a policy");
    text.push_str(&format!("Contract  {contract}\n"));
    let without = match module.adapts && !module.grants.is_empty() {
        true => " (it loads without)",
        false => "",
    };
    text.push_str(&format!("Grants    {}{without}\n", list(&module.grants)));
    if !module.refused.is_empty() {
        text.push_str(&format!(
            "Refused   {} (no policy may import it)\n",
            list(&module.refused)
        ));
    }
    text.push_str(&format!("Imports   {}\n", list(&module.imports)));
    text.push_str(&format!("Exports   {}\n", list(&module.exports)));
    text
}

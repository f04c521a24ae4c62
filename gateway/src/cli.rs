//! The command line: every command, its help and its exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod compile;
pub mod demo;
pub mod explain;
pub mod harden;
pub mod holds;
pub mod policy;
pub mod replay;
pub mod serve;
mod stop;
mod subject;
pub mod token;
pub mod trail;

/// A policy gateway for PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, about, long_about = None, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves clients.
    Serve(serve::Args),
    /// Reads a configuration as `serve` would, and says what is wrong with it.
    Check(check::Args),
    /// Runs PostgreSQL with sample data, an identity provider and a gateway, until Ctrl-C.
    Demo(demo::Args),
    /// Says what a statement would do, what each policy says of it, and what its client would see.
    Explain(explain::Args),
    /// Prints the role and the grants by which PostgreSQL itself keeps protected columns.
    Harden(harden::Args),
    /// Makes a token of the development identity provider.
    Token(token::Args),
    /// Requests that wait for approval.
    #[command(subcommand)]
    Holds(holds::Command),
    /// The record.
    #[command(subcommand)]
    Trail(trail::Command),
    /// Plays a recorded session again, as the client saw it.
    Replay(replay::Args),
    /// Policies in force, and modules.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Compiles a module for the gateway that started it, in a process of its own.
    #[command(name = ::policy::COMPILE_COMMAND, hide = true)]
    Compile(compile::Args),
}

/// Runs one command. Exit codes: 0 done, 1 refused or failed, 2 wrong arguments.
pub fn run(cli: Cli) -> ExitCode {
    crate::gateway::compile_aside();
    let done = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Harden(args) => harden::run(args),
        Command::Token(args) => token::run(args),
        Command::Holds(command) => holds::run(command),
        Command::Trail(command) => trail::run(command),
        Command::Replay(args) => replay::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Compile(args) => return compile::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sluice: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! `keyfob`: sign in, see what you are signed in to, use it, sign out.
//!
//! The program reads arguments, environment and configuration, calls `keyfob-client`, and puts what happened into
//! words and exit codes (design §6). It refuses to decide anything about a login itself, and to print a secret
//! anywhere but on the standard output of `keyfob token`.
//!
//! Start reading at [`commands`].

mod args;
mod browser;
mod columns;
mod commands;
mod doctor;
mod environment;
mod error;
mod exit;
mod exposure;
mod failed;
mod hardening;
mod log;
mod output;
mod settings;
mod surroundings;
mod usual;

use clap::Parser as _;
use environment::Environment;
use failed::Reads;
use std::process::ExitCode;

fn main() -> ExitCode {
    hardening::apply();
    let (command, overrides) = match usual::read(std::env::args_os().skip(1)) {
        Some(command) => (Some(command), Vec::new()),
        None => match args::Arguments::try_parse() {
            Ok(arguments) => (arguments.command, arguments.overrides),
            Err(problem) => return output::usage(&problem, std::env::args_os()),
        },
    };
    let environment = Environment::read(overrides);
    let reads = command.as_ref().map_or(Reads::Nothing, Reads::of);
    let result = match command {
        Some(command) => commands::run(command, &environment),
        None => commands::start(&environment),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            reads.tell(&error);
            output::failure(&error);
            error.exit.into()
        }
    }
}

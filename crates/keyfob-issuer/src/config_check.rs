//! `config check`, in words.

use crate::Outcome;
use crate::args::Output;
use crate::args::operation::Config;
use keyfob_issuer::command::config_check::check;
use serde_json::json;
use std::io::Write as _;

pub(crate) fn run(command: &Config) -> anyhow::Result<Outcome> {
    let Config::Check { data, output } = command;
    let found = check(data);
    let mut out = std::io::stdout().lock();
    match output {
        Output::Text if found.is_empty() => writeln!(out, "the settings are in order")?,
        Output::Text => {
            for finding in &found {
                writeln!(out, "{finding}")?;
            }
        }
        Output::Json => {
            let told = json!({ "schema": 1, "in_order": found.is_empty(), "findings": found });
            writeln!(out, "{told}")?;
        }
    }
    Ok(if found.is_empty() { Outcome::Done } else { Outcome::FoundWrong })
}

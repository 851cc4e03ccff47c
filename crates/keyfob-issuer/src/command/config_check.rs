//! `config check`: everything that would keep the issuer from starting, as far as files tell.

use crate::command::files;
use crate::config::Config;
use crate::config::insecure::{findings, guessable};
use std::error::Error;
use std::path::Path;

/// Returns a sentence for each thing that speaks against starting the issuer in `data`.
///
/// Settings that cannot be read are the only finding then: nothing that follows from them can be judged.
pub fn check(data: &Path) -> Vec<String> {
    let config = match Config::load(data) {
        Ok(config) => config,
        Err(error) => return vec![told(&error)],
    };
    let mut found: Vec<String> = findings(data, &config).iter().map(ToString::to_string).collect();
    match files::read_seal_key(data) {
        Ok(key) => found.extend(guessable(data, key.expose()).map(|finding| finding.to_string())),
        // One that is not there is among the findings.
        Err(error @ files::FileError::NotASealKey { .. }) => found.push(told(&error)),
        Err(
            files::FileError::Read { .. } | files::FileError::Write { .. } | files::FileError::Exposed { .. },
        ) => {}
    }
    found
}

/// Returns an error with what it comes from, in one line.
pub(super) fn told(error: &dyn Error) -> String {
    let text = match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

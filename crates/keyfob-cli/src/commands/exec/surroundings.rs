//! What is in the environment of a command, and what is not.

use super::super::Acting;
use super::super::provided::Provided;
use crate::environment::{self, variable};
use crate::error::ProviderFailure;
use crate::output;
use keyfob_client::provider::{Credential, Destination};
use std::ffi::OsString;
use std::process::Command;

/// Where the libraries of OpenAI send requests.
const BASE_URL: &str = "OPENAI_BASE_URL";
/// What they send as a bearer token.
const API_KEY: &str = "OPENAI_API_KEY";
/// Headers that they add, one on a line.
const HEADERS: &str = "OPENAI_CUSTOM_HEADERS";
/// They do not start without a key; this one says that there is none.
const NO_CREDENTIAL: &str = "no-credential";

/// The difference to the environment of this process.
pub(super) struct Surroundings {
    removed: Vec<OsString>,
    set: Vec<(OsString, OsString)>,
}

impl Surroundings {
    /// Returns what a command for this provider gets, which shows `credential` there and nowhere else.
    pub(super) fn of(
        provided: &Provided,
        credential: Option<&Credential>,
        to: &Destination,
        acting: &Acting,
    ) -> Result<Self, ProviderFailure> {
        let entry = &provided.provider;
        let headers = provided.headers(credential);
        let mut set: Vec<(OsString, OsString)> =
            entry.variable_headers.values().filter_map(|name| Some((name.into(), variable(name)?))).collect();
        set.push((BASE_URL.into(), to.url.as_str().trim_end_matches('/').into()));
        let authorization =
            credential.map(|credential| Provided::authorize(credential, to, acting)).transpose()?;
        match &authorization {
            Some(authorization) => {
                let secret = authorization.for_url(&to.url)?.expose();
                set.push((API_KEY.into(), secret.into()));
                if let Some(name) = &entry.env_key {
                    set.push((name.value.clone().into(), secret.into()));
                }
            }
            None => set.push((API_KEY.into(), NO_CREDENTIAL.into())),
        }
        if !headers.is_empty() {
            let lines: Vec<String> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
            set.push((HEADERS.into(), lines.join("\n").into()));
        }
        if entry.has_query {
            output::say(
                "note: `query_params` of the provider are not passed on: a base address has no place for them",
            );
        }
        let mut removed = environment::names_of_credentials();
        // Those of the other providers go too.
        removed.extend(acting.settings.provider_variables().into_iter().map(OsString::from));
        Ok(Self { removed, set })
    }

    /// Makes it the environment of `command`.
    pub(super) fn apply(self, command: &mut Command) {
        for name in self.removed {
            command.env_remove(name);
        }
        command.envs(self.set);
    }
}

//! Which credential would be used now: what `why` tells in full and `status` in a line.

use super::Acting;
use crate::environment::variable;
use crate::exit::Exit;
use keyfob_client::Status;
use keyfob_client::store::StoreError;
use keyfob_client::why::{Asked, Decision, Flaw, Found, Places, Source};
use keyfob_oauth::Timestamp;

/// A generic variable that many tools set; it names no credential of the built-in provider (users' P3).
pub(super) const OPENAI_API_KEY: &str = "OPENAI_API_KEY";

/// What was found in every place.
pub(crate) struct Used {
    pub(crate) stored: Result<Status, StoreError>,
    pub(crate) places: Places,
    /// Whether `OPENAI_API_KEY` is set, which nobody uses on its own.
    pub(crate) ignores_openai_key: bool,
}

impl Used {
    /// Looks into every place, offline.
    pub(crate) fn find(acting: &Acting) -> Self {
        let stored = acting.session.status();
        let stored_login = match &stored {
            Ok(Status::SignedOut) => Found::Absent,
            Ok(Status::ApiKey | Status::AccessToken | Status::Foreign(_) | Status::Account(_)) => {
                Found::Present
            }
            Err(_) => Found::Flawed(Flaw::Unreadable),
        };
        let places = Places { stored_login, ..variables(acting.asked()) };
        Self { stored, places, ignores_openai_key: variable(OPENAI_API_KEY).is_some() }
    }

    /// Returns the stored login, if it is the one that is used.
    pub(crate) fn stored_login(&self) -> Option<&Status> {
        match self.places.decide() {
            Decision::Uses(Source::StoredLogin) => self.stored.as_ref().ok(),
            Decision::Uses(_) | Decision::Refuses(..) | Decision::Nothing => None,
        }
    }

    /// Returns what a program gets that uses the credential now.
    pub(crate) fn exit(&self, now: Timestamp) -> Exit {
        match self.places.decide() {
            Decision::Nothing => Exit::SignedOut,
            Decision::Refuses(Source::StoredLogin, _) => Exit::StoreUnavailable,
            Decision::Refuses(Source::CodexApiKey | Source::CodexAccessToken, _) => Exit::Failure,
            Decision::Uses(Source::CodexApiKey | Source::CodexAccessToken) => Exit::Ok,
            Decision::Uses(Source::StoredLogin) => exit_of(&self.stored, now),
        }
    }
}

/// Looks at the variables alone, as if nothing were stored.
pub(super) fn variables(asked: Asked) -> Places {
    Places {
        asked,
        codex_api_key: Found::api_key(variable(Source::CodexApiKey.as_str()).as_deref()),
        codex_access_token: Found::access_token(variable(Source::CodexAccessToken.as_str()).as_deref()),
        stored_login: Found::Absent,
    }
}

/// Returns what a program gets that uses this stored login now.
pub(super) fn exit_of(stored: &Result<Status, StoreError>, now: Timestamp) -> Exit {
    match stored {
        Ok(Status::Account(account)) => {
            let over = account.access_token_expires.is_some_and(|end| now >= end);
            if over && !account.refreshable { Exit::SessionEnded } else { Exit::Ok }
        }
        Ok(Status::ApiKey | Status::AccessToken | Status::Foreign(_)) => Exit::Ok,
        Ok(Status::SignedOut) => Exit::SignedOut,
        Err(_) => Exit::StoreUnavailable,
    }
}

/// Returns how people know a place.
pub(super) const fn title(source: Source) -> &'static str {
    match source {
        Source::CodexApiKey => "`CODEX_API_KEY`",
        Source::CodexAccessToken => "`CODEX_ACCESS_TOKEN`",
        Source::StoredLogin => "stored login",
    }
}

/// Returns places as one phrase.
pub(super) fn titles(sources: &[Source]) -> String {
    if sources.is_empty() {
        return "nothing".into();
    }
    sources.iter().map(|source| title(*source)).collect::<Vec<_>>().join(", ")
}

//! Which credential would be used now: what `why` tells in full and `status` in a line.

use super::{Acting, variables};
use crate::exit::Exit;
use keyfob_client::Status;
use keyfob_client::store::StoreError;
use keyfob_client::why::{Decision, Flaw, Found, Places, Source};
use keyfob_oauth::Timestamp;
use keyfob_settings::Judgement;
use serde_json::{Value, json};

/// A generic variable that many tools set; it names no credential of the built-in provider (users' P3).
pub(super) const OPENAI_API_KEY: &str = "OPENAI_API_KEY";

/// What was found in every place.
pub(crate) struct Used {
    pub(crate) stored: Result<Status, StoreError>,
    pub(crate) places: Places,
    /// What restrictions say of what is used.
    pub(crate) judgement: Judgement,
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
        let places = Places { stored_login, ..variables::look(acting.asked()) };
        let judgement = match places.decide() {
            Decision::Uses(Source::StoredLogin) => acting.session.judgement().unwrap_or(Judgement::Allowed),
            Decision::Uses(source) => variables::judge(source, &acting.settings),
            Decision::Refuses(..) | Decision::Nothing => Judgement::Allowed,
        };
        Self { stored, places, judgement }
    }

    /// Returns what a program gets that uses the credential now.
    pub(crate) fn exit(&self, now: Timestamp) -> Exit {
        if matches!(self.judgement, Judgement::Broken(_)) {
            return Exit::PolicyDenied;
        }
        match self.places.decide() {
            Decision::Nothing => Exit::SignedOut,
            Decision::Refuses(Source::StoredLogin, _) => Exit::StoreUnavailable,
            Decision::Refuses(Source::CodexApiKey | Source::CodexAccessToken, _) => Exit::Failure,
            Decision::Uses(Source::CodexApiKey | Source::CodexAccessToken) => Exit::Ok,
            Decision::Uses(Source::StoredLogin) => exit_of(&self.stored, now),
        }
    }
}

/// Says what restrictions say, where they say something.
pub(super) fn restricted(judgement: &Judgement) -> Option<String> {
    match judgement {
        Judgement::Allowed => None,
        Judgement::Broken(broken) => Some(format!("{broken} `{}` in {} says so", broken.key, broken.origin)),
        Judgement::Unverified(origin) => {
            Some(format!("whether {origin} allows it is asked of the issuer with the next use"))
        }
    }
}

/// As [`restricted`], for programs.
pub(super) fn restricted_document(judgement: &Judgement) -> Value {
    match judgement {
        Judgement::Allowed => Value::Null,
        Judgement::Broken(broken) => json!({
            "broken": true, "what": broken.to_string(), "key": broken.key,
            "file": broken.origin.file.display().to_string(), "line": broken.origin.line,
        }),
        Judgement::Unverified(origin) => json!({
            "broken": null, "what": "not verified yet", "key": null,
            "file": origin.file.display().to_string(), "line": origin.line,
        }),
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

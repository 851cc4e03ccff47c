//! `GET /v1/keyfob/usage`: what the caller used, and what nobody else did.
//!
//! A person is told of all that they used in the workspace that they signed in for, by the keys that they made there too;
//! a key is told of itself alone, since it may be in more hands. What models are asked is in no ledger.

use crate::authenticate::Caller;
use crate::body::{Body, full};
use crate::ledger::usage::{self, UsageError};
use http::{HeaderValue, Response, StatusCode, header};
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Currency;
use keyfob_usage::{Ask, OwnUsage, Report, Whose};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Tells callers of their own use.
#[derive(Debug)]
pub(crate) struct OwnLedger {
    /// Where it is written down, if it is.
    folder: Option<PathBuf>,
    turns: Arc<Semaphore>,
}

/// Why a caller is not told what they used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTold {
    #[error(
        "This gateway writes nothing down of what is used, so there is nothing to tell. Its administrator can give it a \
         folder to keep it in (`data` in `gateway.toml`)"
    )]
    NotKept,
    #[error(
        "This is asked with `by` (caller, workspace, model or day) and `since` (a number of days), each once at most"
    )]
    Query,
    #[error("This is more than one answer tells. Ask for fewer days with `since`, or by something else")]
    TooMuch,
    #[error("The gateway cannot read now what was used. This is the gateway's fault; try again shortly")]
    Unavailable,
}

/// How many are told at once; the others wait for their turn.
const TURNS: usize = 2;
/// How long anybody waits for a turn, and how long one takes.
const PATIENCE: Duration = Duration::from_secs(5);
const DAY: i64 = 24 * 60 * 60;

impl OwnLedger {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, turns: Arc::new(Semaphore::new(TURNS)) }
    }

    /// Returns what `caller` used, in prices of `currency`.
    ///
    /// When this is dropped, a turn that has begun goes on to its end.
    pub(crate) async fn tell(
        &self,
        query: Option<&str>,
        caller: &Caller,
        currency: Option<Currency>,
        now: Timestamp,
    ) -> Result<Response<Body>, NotTold> {
        let folder = self.folder.clone().ok_or(NotTold::NotKept)?;
        let ask = Ask::parse(query.unwrap_or_default()).ok_or(NotTold::Query)?;
        let whose = whose(caller);
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(NotTold::Unavailable)?;
        let theirs = whose.clone();
        let read = move || {
            let report = read(&folder, ask, &theirs, now);
            drop(turn);
            report
        };
        let report = tokio::task::spawn_blocking(read).await.map_err(|_| NotTold::Unavailable)??;
        let told = OwnUsage { whose, days: ask.days, currency, report };
        let mut response = Response::new(full(told.to_json().to_string()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

fn whose(caller: &Caller) -> Whose {
    Whose {
        subject: caller.subject.as_str().to_owned(),
        workspace: caller.workspace.as_str().to_owned(),
        key: caller.credential.key_id().map(str::to_owned),
    }
}

fn read(folder: &Path, ask: Ask, whose: &Whose, now: Timestamp) -> Result<Report, NotTold> {
    let since = ask.days.map_or(0, |days| now.as_unix().saturating_sub(i64::from(days).saturating_mul(DAY)));
    let Whose { subject, workspace, key } = whose.clone();
    let whose = key.map_or(usage::Whose::Person { subject, workspace }, usage::Whose::Key);
    let report = usage::report_within(PATIENCE, folder, ask.by, Timestamp::from_unix(since), &whose);
    report.map_err(|error| match error {
        UsageError::TooMuch => NotTold::TooMuch,
        UsageError::Missing(_) | UsageError::Database(_) => {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(%error, cause, "cannot tell a caller what they used");
            NotTold::Unavailable
        }
    })
}

impl NotTold {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotKept => StatusCode::NOT_FOUND,
            Self::Query | Self::TooMuch => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotKept => keyfob_usage::NOT_KEPT,
            Self::Query => "invalid_query",
            Self::TooMuch => "too_much",
            Self::Unavailable => "usage_unavailable",
        }
    }
}

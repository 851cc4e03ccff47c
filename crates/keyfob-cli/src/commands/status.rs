//! `keyfob status`: what is stored and whether it is used; offline, unless asked to check.

use super::times::{Zone, relative, utc};
use super::used::{Used, restricted, restricted_document, title, titles};
use super::{Acting, ci, on_runtime};
use crate::args::Status as Arguments;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::failed::reason;
use crate::output;
use keyfob_client::refresh::RefreshError;
use keyfob_client::why::{Decision, Source};
use keyfob_client::{AccountStatus, ClockSkew, Session, Status, SystemClock, SystemEntropy, Trouble};
use keyfob_oauth::{Clock as _, Timestamp};
use keyfob_settings::Judgement;
use serde_json::{Value, json};

/// Shows what is stored, as a table for people or as JSON.
pub(crate) fn run(arguments: &Arguments, acting: &Acting) -> Result<Exit, CommandError> {
    let refused = if arguments.check && acting.is_there() { check(acting)? } else { None };
    let now = SystemClock.now();
    let used = Used::find(acting);
    let skew = used.stored.as_ref().ok().and_then(|status| acting.session.clock_skew_by(status, now));
    let issuers_now = skew.map_or(now, |skew| skew.corrected(now));
    let exit = refused.as_ref().map_or_else(|| used.exit(issuers_now), |refused| refused.error.exit);
    if arguments.json {
        print(&document(&used, acting, exit, refused.as_ref()).to_string())?;
        return match (refused, used.stored) {
            (Some(refused), _) => Err(refused.error),
            (None, Err(error)) if exit == Exit::StoreUnavailable => Err(error.into()),
            (None, _) => Ok(exit),
        };
    }
    match &used.stored {
        Ok(status) if exit != Exit::SignedOut => table(&rows(status, &used, acting, now))?,
        Ok(_) => return Err(acting.signed_out()),
        Err(_) if exit != Exit::StoreUnavailable => table(&[uses(&used)])?,
        Err(_) => {}
    }
    match (refused, used.stored) {
        (Some(refused), _) => Err(acting.advise(refused.error)),
        (None, Err(error)) if exit == Exit::StoreUnavailable => Err(error.into()),
        (None, _) => Ok(exit),
    }
}

/// The issuer gave no tokens.
struct Refused {
    error: CommandError,
    /// Why the session is over, if it is, in the word of design §6.
    reason: Option<&'static str>,
}

/// Asks the issuer for new tokens: the only proof that the session is alive.
fn check(acting: &Acting) -> Result<Option<Refused>, CommandError> {
    ci::guard(&acting.settings)?;
    let session = &acting.session;
    // One that breaks a restriction is not used, be it to ask about it.
    if matches!(session.judgement(), Ok(Judgement::Broken(_))) {
        return Ok(None);
    }
    let asked = on_runtime(async { Ok(session.check(&SystemClock, &SystemEntropy).await) })?;
    Ok(match asked {
        // Keys and kinds that we do not use have no session to ask about; an empty store says so itself.
        Ok(()) | Err(RefreshError::SignedOut | RefreshError::NotAnAccount(_) | RefreshError::EndUnknown) => {
            None
        }
        Err(error) => {
            let reason = reason(&error);
            Some(Refused { error: error.into(), reason })
        }
    })
}

fn document(used: &Used, acting: &Acting, exit: Exit, refused: Option<&Refused>) -> Value {
    let source = match used.places.decide() {
        Decision::Uses(source) => Some(source.as_str()),
        Decision::Refuses(..) | Decision::Nothing => None,
    };
    let shadows: Vec<&str> = used.places.shadowed().into_iter().map(Source::as_str).collect();
    let store = acting.session.store();
    let location = store.blocking().location();
    let mut document = json!({
        "schema": 1, "state": exit.state(), "source": source, "shadows": shadows,
        "login": acting.document(), "restricted": restricted_document(&used.judgement),
        "store": { "kind": location.kind(), "path": location.to_string() },
    });
    let details = match &used.stored {
        Ok(status) => details(
            status,
            Trouble::read(store.home()),
            acting.session.clock_skew_by(status, SystemClock.now()),
        ),
        Err(error) => json!({ "error": error.to_string() }),
    };
    merge(&mut document, details);
    if let Some(controls) = Controls::of(used) {
        merge(&mut document, json!({ "controls": controls.as_str() }));
    }
    if exit == Exit::Offline {
        let usable = used.exit(SystemClock.now()) == Exit::Ok;
        merge(&mut document, json!({ "usable": usable }));
    }
    if let Some(refused) = refused {
        merge(&mut document, json!({ "error": refused.error.source.to_string(), "reason": refused.reason }));
    }
    document
}

fn merge(document: &mut Value, more: Value) {
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
}

fn details(status: &Status, trouble: Option<Trouble>, skew: Option<ClockSkew>) -> Value {
    match status {
        Status::SignedOut => json!({}),
        Status::ApiKey => json!({ "method": "api_key" }),
        Status::AccessToken => json!({ "method": "access_token" }),
        Status::Foreign(kind) => json!({ "method": kind }),
        Status::Account(status) => json!({
            "method": "account",
            "email": status.account.email,
            "subject": status.account.subject,
            "workspace": status.account.workspace,
            "plan": status.account.plan,
            "issuer": status.issuer.as_ref().map(ToString::to_string),
            "client_id": status.client_id,
            "access_token_expires_at": status.access_token_expires.and_then(utc),
            // No issuer tells a client when a refresh token ends (RFC 6749 §5.1 has no member for it).
            "refresh_token_expires_at": null,
            "refreshable": status.refreshable,
            "last_refresh_at": status.last_refresh.and_then(utc),
            "clock_ahead_seconds": skew.map(ClockSkew::seconds_ahead),
            "last_error": trouble.map(|trouble| {
                json!({ "what": trouble.what, "at": utc(trouble.since), "asked_again_at": utc(trouble.until) })
            }),
        }),
    }
}

type Row = (&'static str, String);

fn rows(status: &Status, used: &Used, acting: &Acting, now: Timestamp) -> Vec<Row> {
    let mut rows = rows_of_login(status, used, &acting.session, now);
    if let Some(controls) = Controls::of(used) {
        rows.push(("Controls", controls.words().to_owned()));
    }
    if let Some(restricted) = restricted(&used.judgement) {
        rows.push(("Restricted", restricted));
    }
    if let Some(by) = acting.by() {
        rows.insert(0, ("Login", format!("`{}`, {by}", acting.chosen.login)));
    }
    rows
}

fn rows_of_login(status: &Status, used: &Used, session: &Session, now: Timestamp) -> Vec<Row> {
    let store = ("Kept in", session.store().blocking().location().to_string());
    match status {
        Status::SignedOut => vec![uses(used)],
        Status::ApiKey => vec![("Method", "API key".into()), store, uses(used)],
        Status::AccessToken => vec![("Method", "personal access token".into()), store, uses(used)],
        Status::Foreign(kind) => vec![("Method", format!("{kind} (kept, not used)")), store, uses(used)],
        Status::Account(account) => {
            let skew = session.clock_skew_by(status, now);
            let mut rows = account_rows(account, now, skew);
            rows.insert(5, store);
            rows.push(uses(used));
            if let Some(skew) = skew {
                let zone = Zone::of_the_person();
                let (ours, theirs) = (zone.local(now), zone.local(skew.corrected(now)));
                rows.push(("Clock", format!("says {ours}; the issuer's says {theirs} ({skew})")));
            }
            if let Some(trouble) = Trouble::read(session.store().home()) {
                let when = relative(trouble.since, now);
                rows.push(("Last error", format!("{} ({when})", trouble.what)));
            }
            rows
        }
    }
}

/// Whose controls apply to what is sent with the credential that is used (design S4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Controls {
    Workspace,
    ApiOrganisation,
}

impl Controls {
    fn of(used: &Used) -> Option<Self> {
        match (used.places.decide(), &used.stored) {
            (Decision::Uses(Source::CodexApiKey), _)
            | (Decision::Uses(Source::StoredLogin), Ok(Status::ApiKey)) => Some(Self::ApiOrganisation),
            (Decision::Uses(Source::CodexAccessToken), _)
            | (Decision::Uses(Source::StoredLogin), Ok(Status::Account(_) | Status::AccessToken)) => {
                Some(Self::Workspace)
            }
            (Decision::Uses(Source::StoredLogin), Ok(Status::SignedOut | Status::Foreign(_)) | Err(_))
            | (Decision::Refuses(..) | Decision::Nothing, _) => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::ApiOrganisation => "api_organisation",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Workspace => "the workspace's: its permissions, retention and residency",
            Self::ApiOrganisation => "the API organisation's: its retention and data sharing",
        }
    }
}

/// Says whether the stored login is the credential that is used, and what else there is.
fn uses(used: &Used) -> Row {
    let shadowed = used.places.shadowed();
    (
        "Used",
        match used.places.decide() {
            Decision::Nothing => "nothing: nobody is signed in".into(),
            Decision::Refuses(source, flaw) => format!("nothing: {} cannot be used ({flaw})", title(source)),
            Decision::Uses(Source::StoredLogin) => "this login".into(),
            Decision::Uses(source) if shadowed.is_empty() => title(source).to_owned(),
            Decision::Uses(source) => format!("{} in the place of {}", title(source), titles(&shadowed)),
        },
    )
}

fn account_rows(status: &AccountStatus, now: Timestamp, skew: Option<ClockSkew>) -> Vec<Row> {
    let unknown = || "unknown".to_owned();
    let zone = Zone::of_the_person();
    let account = &status.account;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(unknown);
    let after = if status.refreshable { "refreshed by itself" } else { "cannot be refreshed" };
    // A token ends by the clock of its issuer.
    let issuers_now = skew.map_or(now, |skew| skew.corrected(now));
    let expires = match status.access_token_expires {
        Some(end) if issuers_now >= end => format!("expired {}; {after}", relative(end, issuers_now)),
        Some(end) => format!("until {} ({}); {after}", zone.local(end), relative(end, issuers_now)),
        None => format!("without a known end; {after}"),
    };
    let session = if status.refreshable {
        "until its issuer ends it; a client is not told when"
    } else {
        "none to refresh"
    };
    vec![
        ("Account", text(&account.email)),
        ("Workspace", account.workspace.as_ref().map_or_else(unknown, ToString::to_string)),
        ("Plan", text(&account.plan)),
        ("Method", "account sign-in".into()),
        ("Issuer", status.issuer.as_ref().map_or_else(unknown, ToString::to_string)),
        ("Access", expires),
        ("Session", session.into()),
        (
            "Refreshed",
            status
                .last_refresh
                .map_or_else(unknown, |at| format!("{} ({})", zone.local(at), relative(at, now))),
        ),
    ]
}

fn table(rows: &[Row]) -> Result<(), CommandError> {
    let lines: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<10} {value}")).collect();
    print(&lines.join("\n"))
}

fn print(line: &str) -> Result<(), CommandError> {
    Ok(output::data(line).map_err(Failure::Output)?)
}

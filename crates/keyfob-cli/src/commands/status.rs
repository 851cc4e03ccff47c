//! `keyfob status`: what is stored, offline.

use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::{AccountStatus, Session, Status, SystemClock};
use keyfob_oauth::{Clock as _, Timestamp};
use serde_json::{Value, json};

/// Shows what is stored, as a table for people or as JSON.
pub(crate) fn run(as_json: bool, session: &Session) -> Result<Exit, CommandError> {
    let now = SystemClock.now();
    let store = session.store().blocking().location().to_string();
    let status = match session.status() {
        Ok(status) => status,
        Err(error) if as_json => {
            let mut document = envelope(Exit::StoreUnavailable, &store);
            merge(&mut document, json!({ "error": error.to_string() }));
            print(&document.to_string())?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let exit = exit_of(&status, now);
    if as_json {
        let mut document = envelope(exit, &store);
        merge(&mut document, details(&status));
        print(&document.to_string())?;
        return Ok(exit);
    }
    match &status {
        Status::SignedOut => Err(Failure::SignedOut.into()),
        Status::ApiKey => table(&[("Method", "API key".into()), ("Kept in", store)], exit),
        Status::Foreign(kind) => {
            table(&[("Method", format!("{kind} (kept, not used)")), ("Kept in", store)], exit)
        }
        Status::Account(account) => table(&rows(account, &store, now), exit),
    }
}

/// A login that has ended and cannot be refreshed is no longer usable.
fn exit_of(status: &Status, now: Timestamp) -> Exit {
    match status {
        Status::SignedOut => Exit::SignedOut,
        Status::ApiKey | Status::Foreign(_) => Exit::Ok,
        Status::Account(account) => {
            let over = account.access_token_expires.is_some_and(|end| now >= end);
            if over && !account.refreshable { Exit::SessionEnded } else { Exit::Ok }
        }
    }
}

fn envelope(exit: Exit, store: &str) -> Value {
    json!({ "schema": 1, "state": exit.state(), "store": { "kind": "file", "path": store } })
}

fn merge(document: &mut Value, more: Value) {
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
}

fn details(status: &Status) -> Value {
    match status {
        Status::SignedOut => json!({}),
        Status::ApiKey => json!({ "method": "api_key" }),
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
            "refreshable": status.refreshable,
            "last_refresh_at": status.last_refresh.and_then(utc),
        }),
    }
}

fn rows(status: &AccountStatus, store: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let unknown = || "unknown".to_owned();
    let account = &status.account;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(unknown);
    let after = if status.refreshable { "refreshed by itself" } else { "cannot be refreshed" };
    let expires = match status.access_token_expires {
        Some(end) if now >= end => format!("expired {}; {after}", relative(end, now)),
        Some(end) => format!("until {} ({}); {after}", local(end), relative(end, now)),
        None => format!("without a known end; {after}"),
    };
    vec![
        ("Account", text(&account.email)),
        ("Workspace", account.workspace.as_ref().map_or_else(unknown, ToString::to_string)),
        ("Plan", text(&account.plan)),
        ("Method", "account sign-in".into()),
        ("Issuer", status.issuer.as_ref().map_or_else(unknown, ToString::to_string)),
        ("Kept in", store.to_owned()),
        ("Access", expires),
        (
            "Refreshed",
            status.last_refresh.map_or_else(unknown, |at| format!("{} ({})", local(at), relative(at, now))),
        ),
    ]
}

fn table(rows: &[(&str, String)], exit: Exit) -> Result<Exit, CommandError> {
    for (name, value) in rows {
        print(&format!("{name:<10} {value}"))?;
    }
    Ok(exit)
}

fn print(line: &str) -> Result<(), CommandError> {
    Ok(output::data(line).map_err(Failure::Output)?)
}

fn utc(moment: Timestamp) -> Option<String> {
    jiff::Timestamp::from_second(moment.as_unix()).ok().map(|moment| moment.to_string())
}

fn local(moment: Timestamp) -> String {
    let moment = jiff::Timestamp::from_second(moment.as_unix()).unwrap_or_default();
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Says how far `moment` is from `now` in its two largest units.
fn relative(moment: Timestamp, now: Timestamp) -> String {
    let (ahead, span) = if moment > now { (true, moment.since(now)) } else { (false, now.since(moment)) };
    let seconds = span.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let shown: Vec<String> = units
        .iter()
        .skip(first)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match (shown.is_empty(), ahead) {
        (true, _) => "just now".into(),
        (false, true) => format!("in {}", shown.join(" ")),
        (false, false) => format!("{} ago", shown.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_two_largest_units() {
        let at = Timestamp::from_unix;
        let now = at(1_000_000);

        assert_eq!(relative(at(1_003_600), now), "in 1 h");
        assert_eq!(relative(at(1_003_599), now), "in 59 min 59 s");
        assert_eq!(relative(at(1_000_000 + 2 * 86_400 + 60), now), "in 2 d");
        assert_eq!(relative(at(999_999), now), "1 s ago");
        assert_eq!(relative(now, now), "just now");
    }
}

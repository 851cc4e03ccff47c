//! `keyfob why`: which credential is used, why, and who pays; it only reports.

use super::Acting;
use super::used::{OPENAI_API_KEY, Used, restricted, restricted_document, title, titles};
use crate::args::Why;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::why::{Decision, Found, Source};
use keyfob_client::{Status, SystemClock};
use keyfob_oauth::Clock as _;
use serde_json::{Value, json};

/// Tells the whole decision, for people or as JSON.
pub(crate) fn run(arguments: &Why, acting: &Acting) -> Result<Exit, CommandError> {
    let used = Used::find(acting);
    let exit = used.exit(SystemClock.now());
    let store = acting.session.store().blocking().location().to_string();
    let text = if arguments.json {
        document(&used, acting, exit, &store).to_string()
    } else {
        lines(&used, acting, exit, &store).join("\n")
    };
    output::data(&text).map_err(Failure::Output)?;
    Ok(exit)
}

fn lines(used: &Used, acting: &Acting, exit: Exit, store: &str) -> Vec<String> {
    let decision = used.places.decide();
    let mut lines = vec!["Looked at, in this order:".to_owned()];
    for source in used.places.order() {
        let found = match (used.places.found(source), source) {
            (Found::Absent, Source::StoredLogin) => "nobody is signed in".to_owned(),
            (Found::Absent, _) => "not set".to_owned(),
            (Found::Present, Source::StoredLogin) => format!("in {store}"),
            (Found::Present, _) => "set".to_owned(),
            (Found::Flawed(flaw), _) => format!("not usable: {flaw}"),
        };
        let mark = if decision == Decision::Uses(source) { "  <- used" } else { "" };
        lines.push(format!("  {:<20}  {found}{mark}", title(source)));
    }
    if used.ignores_openai_key {
        lines.push(format!("  {:<20}  set, and not used on its own", format!("`{OPENAI_API_KEY}`")));
    }
    lines.push(String::new());
    let mut row = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
    match decision {
        Decision::Nothing => row("Uses", "nothing: nobody is signed in".into()),
        Decision::Refuses(source, flaw) => {
            row("Uses", format!("nothing: {} comes first and cannot be used ({flaw})", title(source)));
        }
        Decision::Uses(source) => row("Uses", title(source).into()),
    }
    if let Decision::Uses(source) = decision {
        row("Pays", payer(source, used.stored_login()));
    }
    if let Some(Status::Account(account)) = used.stored_login() {
        row("Account", account.account.email.clone().unwrap_or_else(|| "unknown".into()));
        row("Issuer", account.issuer.as_ref().map_or_else(|| "unknown".into(), ToString::to_string));
    }
    if let Some(by) = acting.by() {
        row("Login", format!("`{}`, {by}", acting.chosen.login));
    }
    row("Shadows", titles(&used.places.shadowed()));
    if let Some(restricted) = restricted(&used.judgement) {
        row("But", restricted);
    }
    if exit == Exit::SessionEnded {
        row("But", "the session has ended; `keyfob login` signs in again".into());
    }
    lines
}

fn payer(source: Source, stored: Option<&Status>) -> String {
    match (source, stored) {
        (Source::CodexApiKey, _) | (Source::StoredLogin, Some(Status::ApiKey)) => {
            "the API organisation of the key, by use (a key does not say which)".into()
        }
        (Source::StoredLogin, Some(Status::Account(account))) => {
            let unknown = || "unknown".to_owned();
            format!(
                "workspace {}, plan {}",
                account.account.workspace.as_ref().map_or_else(unknown, ToString::to_string),
                account.account.plan.clone().unwrap_or_else(unknown)
            )
        }
        (Source::CodexAccessToken, _) => "the workspace of the token".into(),
        (Source::StoredLogin, _) => "whoever the stored login belongs to".into(),
    }
}

fn document(used: &Used, acting: &Acting, exit: Exit, store: &str) -> Value {
    let looked_at: Vec<Value> = used
        .places
        .order()
        .into_iter()
        .map(|source| match used.places.found(source) {
            Found::Absent => json!({ "source": source.as_str(), "found": "absent" }),
            Found::Present => json!({ "source": source.as_str(), "found": "present" }),
            Found::Flawed(flaw) => {
                json!({ "source": source.as_str(), "found": "unusable", "why": flaw.to_string() })
            }
        })
        .collect();
    let source = match used.places.decide() {
        Decision::Uses(source) => Some(source.as_str()),
        Decision::Refuses(..) | Decision::Nothing => None,
    };
    let account = match used.stored_login() {
        Some(Status::Account(account)) => Some(account),
        Some(Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | None => None,
    };
    let shadows: Vec<&str> = used.places.shadowed().into_iter().map(Source::as_str).collect();
    let not_used: &[&str] = if used.ignores_openai_key { &[OPENAI_API_KEY] } else { &[] };
    json!({
        "schema": 1, "state": exit.state(), "source": source, "looked_at": looked_at,
        "shadows": shadows, "not_used": not_used,
        "email": account.and_then(|account| account.account.email.clone()),
        "workspace": account.and_then(|account| account.account.workspace.clone()),
        "plan": account.and_then(|account| account.account.plan.clone()),
        "issuer": account.and_then(|account| account.issuer.as_ref().map(ToString::to_string)),
        "store": store, "login": acting.document(), "restricted": restricted_document(&used.judgement),
    })
}

//! `/account/keys`: somebody makes keys for their programs, sees them and ends them (`docs/keys.md`).

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Place, Visitor};
use crate::error::{PageError, step_refused};
use crate::page::{Complaint, KeyMadePage, KeyRow, KeysPage, ScopeChoice, date, html, moment, scope_meaning};
use crate::parameters::{Parameters, ParametersError};
use crate::refusal::words;
use crate::text::{TEXT, Words};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::KeyId;
use keyfob_issuer_core::access_key::{AccessKey, KeyKind, KeyLabel, Models};
use keyfob_issuer_core::operation::{Caller, EndKeyError, MakeKeyError, NewKey};
use keyfob_oauth::Scope;
use std::sync::Arc;
use std::time::Duration;

/// How the box of a word of the scope is called, before the word.
const MAY: &str = "may ";

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    match caller(&app, &visitor).await? {
        Some(caller) => page(&app, &visitor, &caller, None).await,
        None => again(&app, &visitor).await,
    }
}

pub(crate) async fn make(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let Some(caller) = caller(&app, &visitor).await? else { return again(&app, &visitor).await };
    let new = match wish(&mut form, &caller)? {
        Ok(new) => new,
        Err(problem) => return page(&app, &visitor, &caller, Some(problem)).await,
    };
    let problem = match app.issuer.make_key(&caller, new).await {
        Ok(made) => {
            let label = made.key.label.as_str();
            let page = KeyMadePage { label, secret: made.secret.expose(), next: &Place::Keys.path() };
            return Ok(html(StatusCode::CREATED, &page));
        }
        Err(MakeKeyError::SignInTooOld) => return again(&app, &visitor).await,
        Err(MakeKeyError::ScopeTooWide) => TEXT.keys.too_wide,
        Err(MakeKeyError::LifeTooLong(_)) => TEXT.keys.too_long,
        Err(MakeKeyError::NotGranted(refusal)) => words(refusal),
        Err(MakeKeyError::TooMany) => TEXT.keys.too_many,
        Err(MakeKeyError::Fault(fault)) => return Err(fault.into()),
    };
    page(&app, &visitor, &caller, Some(problem)).await
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    if let (Some(caller), Some(id)) = (caller(&app, &visitor).await?, KeyId::parse(&id)) {
        match app.issuer.end_key(&caller, id).await {
            // One that ended meanwhile, or never was theirs, is no longer in the list either way.
            Ok(()) | Err(EndKeyError::NotFound) => {}
            Err(EndKeyError::Fault(fault)) => return Err(fault.into()),
        }
    }
    Ok(see_other(&Place::Keys.path()))
}

async fn caller(app: &App, visitor: &Visitor) -> Result<Option<Caller>, PageError> {
    let Some(session) = &visitor.session else { return Ok(None) };
    match app.issuer.caller_at_browser(session, |memberships| visitor.place.demand(memberships)).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error) => step_refused(error).map(|_complaint| None),
    }
}

/// Asks for what is lacking.
async fn again(app: &App, visitor: &Visitor) -> Result<Response, PageError> {
    Ok(match visitor.asked(app).await? {
        Some(asked) => ask(app, visitor, &asked, Complaint::None),
        None => see_other(&Place::Keys.path()),
    })
}

/// Reads what is wanted of a key, or what is wrong with that.
fn wish(form: &mut Parameters, caller: &Caller) -> Result<Result<NewKey, Words>, ParametersError> {
    let kind = KeyKind::from_word(&form.require("kind")?).ok_or(ParametersError::Malformed)?;
    let Some(label) = KeyLabel::parse(&form.take("label")?.unwrap_or_default()) else {
        return Ok(Err(TEXT.keys.no_label));
    };
    let Some(models) = Models::parse(&form.take("models")?.unwrap_or_default()) else {
        return Ok(Err(TEXT.keys.no_models));
    };
    let days = form.take("days")?.filter(|days| !days.trim().is_empty());
    let life = match days.map(|days| days.trim().parse::<u32>()).transpose() {
        Ok(Some(0)) | Err(_) => return Ok(Err(TEXT.keys.no_days)),
        Ok(days) => days.map(|days| Duration::from_hours(24 * u64::from(days))),
    };
    let mut chosen = Vec::new();
    for word in caller.scope().words() {
        if form.take(&format!("{MAY}{word}"))?.is_some() {
            chosen.push(word);
        }
    }
    // An API key is nobody's sign-in: what does not fit one is left out, and the list says what it has.
    let scope = Scope::parse(&chosen.join(" ")).map_err(|_| ParametersError::Malformed)?;
    Ok(Ok(NewKey { kind, label, scope: Some(kind.narrow(&scope)), models, life }))
}

async fn page(
    app: &App,
    visitor: &Visitor,
    caller: &Caller,
    problem: Option<Words>,
) -> Result<Response, PageError> {
    let keys = app.issuer.keys(caller).await?;
    let widest = KeyKind::Personal.narrow(caller.scope());
    let choice = |word: &str| {
        scope_meaning(word).map(|meaning| ScopeChoice { field: format!("{MAY}{word}"), meaning })
    };
    let page = KeysPage {
        csrf: visitor.csrf(app),
        workspace: caller.workspace().name.as_str(),
        problem,
        keys: keys.iter().map(row).collect(),
        choices: widest.words().filter_map(choice).collect(),
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(visitor.welcome(app, html(status, &page)))
}

fn row(key: &AccessKey) -> KeyRow<'_> {
    KeyRow {
        id: key.id.to_string(),
        label: key.label.as_str(),
        kind: match key.kind {
            KeyKind::Personal => TEXT.keys.personal,
            KeyKind::Api => TEXT.keys.api,
        },
        ending: &key.ending,
        scope: key.scope.to_string(),
        models: key.models.names().map(|names| names.join(" ")),
        made: date(key.created_at),
        ends: key.expires_at.map(date),
        last_used: key.last_used_at.map(moment),
    }
}

//! `/oauth/logout`: a program sends a browser here to be signed out (OpenID Connect RP-Initiated Logout 1.0; I-79).
//!
//! A request changes nothing: its page asks, always, and the form of that page signs out. Afterwards the browser is led on
//! only to an address that is registered for the program whose ID token came along.

use crate::app::App;
use crate::endpoint::visitor::Visitor;
use crate::endpoint::{LOGOUT_PATH, see_other, set_cookie};
use crate::error::PageError;
use crate::page::{LogoutPage, SignedOutPage, allow_form_to, html};
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::operation::LogoutHint;
use keyfob_oauth::IdToken;
use std::sync::Arc;
use url::Url;

/// Where a browser is led that was signed out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    /// An address that is registered for the program that asked.
    to: String,
    /// What the program wants to find there again.
    state: Option<String>,
}

/// Asks whether to sign out.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let query = request.uri().query().unwrap_or_default();
    let mut asked = Parameters::from_form(query.as_bytes())?;
    let hint = hint(&app, &mut asked).await?;
    let way = way(&app, hint.as_ref(), &mut asked)?;
    let Some(user) = app.issuer.signed_in(visitor.session.as_ref()).await? else {
        return Ok(signed_out(way.as_ref()));
    };
    let page = LogoutPage {
        csrf: visitor.csrf_for(&app, &subjects(way.as_ref())),
        action: LOGOUT_PATH,
        client: hint.as_ref().map(|hint| hint.client.name.as_str()),
        email: user.email.as_str(),
        is_other: hint.as_ref().is_some_and(|hint| hint.subject != user.subject),
        to: way.as_ref().map(|way| way.to.as_str()),
        state: way.as_ref().and_then(|way| way.state.as_deref()),
    };
    let page = visitor.welcome(&app, html(StatusCode::OK, &page));
    Ok(match way.as_ref().and_then(|way| Url::parse(&way.to).ok()) {
        Some(to) => allow_form_to(&to.origin().ascii_serialization(), page),
        None => page,
    })
}

/// Signs out, if the form is one of ours; a program that sends its question as a form is led to the page (§2).
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let headers = request.headers().clone();
    let mut form = Parameters::from_page(request).await?;
    let Some(csrf) = form.take("csrf")? else { return question(form) };
    let (to, state) = (form.take("to")?, form.take("state")?);
    let way = to.map(|to| Way { to, state });
    visitor.check_form(&app, &headers, &csrf, &subjects(way.as_ref()))?;
    if let Some(session) = &visitor.session {
        app.issuer.sign_out(session).await?;
    }
    Ok(set_cookie(signed_out(way.as_ref()), &app.site.clear_session()))
}

/// Sends the browser to the page with what a form asked: cookies that tell who is signed in do not come with a form of
/// another site.
fn question(mut form: Parameters) -> Result<Response, PageError> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        if let Some(value) = form.take(name)? {
            query.append_pair(name, &value);
        }
    }
    Ok(see_other(&format!("{LOGOUT_PATH}?{}", query.finish())))
}

/// Reads whose ID token came along. One that does not count says nothing; one of another program than the named one is an
/// attempt at something.
async fn hint(app: &App, asked: &mut Parameters) -> Result<Option<LogoutHint>, PageError> {
    let token = asked.take("id_token_hint")?.map(IdToken::new);
    let client = asked.take("client_id")?;
    let hint = match token {
        Some(token) => app.issuer.logout_hint(&token).await?,
        None => None,
    };
    match (&hint, client) {
        (Some(hint), Some(client)) if hint.client.id.as_str() != client => {
            Err(ParametersError::Malformed.into())
        }
        (Some(_) | None, _) => Ok(hint),
    }
}

/// Reads where the browser is to be led. Without an ID token nobody vouches for the question, and it is led nowhere (§3).
fn way(app: &App, hint: Option<&LogoutHint>, asked: &mut Parameters) -> Result<Option<Way>, PageError> {
    let to = asked.take("post_logout_redirect_uri")?;
    let state = asked.take("state")?;
    match (to, hint) {
        (Some(to), Some(hint)) if app.logout_targets.hold(&hint.client.id, &to) => {
            Ok(Some(Way { to, state }))
        }
        (Some(_), Some(_)) => Err(PageError::UnregisteredTarget),
        (Some(_) | None, _) => Ok(None),
    }
}

/// What the token of the form is about: nobody can put another address into it.
fn subjects(way: Option<&Way>) -> [&str; 2] {
    match way {
        Some(way) => [&way.to, way.state.as_deref().unwrap_or_default()],
        None => ["", ""],
    }
}

fn signed_out(way: Option<&Way>) -> Response {
    match way {
        None => html(StatusCode::OK, &SignedOutPage),
        Some(Way { to, state }) => see_other(&match (state, Url::parse(to)) {
            (Some(state), Ok(mut url)) => {
                url.query_pairs_mut().append_pair("state", state);
                url.into()
            }
            (Some(_) | None, _) => to.clone(),
        }),
    }
}

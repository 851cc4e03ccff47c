//! The pages of one sign-in. A GET shows what [`keyfob_issuer_core::interaction`] decides; a POST never chooses a
//! page, it leads back here.

use crate::app::App;
use crate::endpoint::{see_other, set_cookie};
use crate::error::{PageError, not_now, wrong_password};
use crate::page::{ConfirmPage, FinishedPage, SignInPage, allow_form_to, html, scope_words};
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keyfob_issuer_core::GrantId;
use keyfob_issuer_core::digest::{InteractionCookie, SessionCookie};
use keyfob_issuer_core::operation::{Decision, Page};
use keyfob_issuer_core::password::Password;
use std::sync::Arc;

/// A browser at the pages of a grant.
struct Visitor {
    grant: GrantId,
    browser: InteractionCookie,
    session: Option<SessionCookie>,
}

/// Whether the password that was just typed was wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    None,
    Wrong,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(grant): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    render(&app, &Visitor::recognise(&app, &grant, &headers)?, Attempt::None).await
}

pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    Path(grant): Path<String>,
    request: Request,
) -> Result<Response, PageError> {
    let visitor = Visitor::recognise(&app, &grant, request.headers())?;
    let mut form = visitor.form(&app, request).await?;
    let email = form.take("email")?.unwrap_or_default();
    let password = Password::typed(form.take("password")?.unwrap_or_default());
    let Page::SignIn { .. } = visitor.page(&app).await? else {
        return Ok(see_other(&visitor.address()));
    };
    let candidate = app.issuer.candidate(&email).await?;
    match app.hashing.verify(candidate, password, app.issuer.moment()).await {
        Ok(user) => {
            let signed_in = app.issuer.begin_session(&user, visitor.session.as_ref()).await?;
            let cookie = app.site.set_session(&signed_in.cookie);
            Ok(set_cookie(see_other(&visitor.address()), &cookie))
        }
        Err(error) => {
            wrong_password(error)?;
            render(&app, &visitor, Attempt::Wrong).await
        }
    }
}

pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    Path(grant): Path<String>,
    request: Request,
) -> Result<Response, PageError> {
    let visitor = Visitor::recognise(&app, &grant, request.headers())?;
    visitor.form(&app, request).await?;
    if let Some(session) = &visitor.session {
        app.issuer.sign_out(session).await?;
    }
    Ok(set_cookie(see_other(&visitor.address()), &app.site.clear_session()))
}

pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Path(grant): Path<String>,
    request: Request,
) -> Result<Response, PageError> {
    let visitor = Visitor::recognise(&app, &grant, request.headers())?;
    let mut form = visitor.form(&app, request).await?;
    let decision = decision(&mut form)?;
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.address())) };
    match app.issuer.decide(visitor.grant, &visitor.browser, session, decision).await {
        Ok(redirect) => Ok(see_other(redirect.expose())),
        Err(error) => {
            not_now(error)?;
            Ok(see_other(&visitor.address()))
        }
    }
}

/// Reads which button was pressed.
pub(super) fn decision(form: &mut Parameters) -> Result<Decision, ParametersError> {
    match form.require("decision")?.as_str() {
        "approve" => Ok(Decision::Approve),
        "deny" => Ok(Decision::Deny),
        _ => Err(ParametersError::Malformed),
    }
}

impl Visitor {
    fn recognise(app: &App, grant: &str, headers: &HeaderMap) -> Result<Self, PageError> {
        let grant = GrantId::parse(grant).ok_or(PageError::UnknownInteraction)?;
        let browser = app.site.interaction(headers, grant).ok_or(PageError::UnknownInteraction)?;
        Ok(Self { grant, browser, session: app.site.session(headers) })
    }

    /// Reads a form if it is from one of our pages, shown to this visitor.
    async fn form(&self, app: &App, request: Request) -> Result<Parameters, PageError> {
        if !app.site.is_own_form(request.headers()) {
            return Err(PageError::ForeignForm);
        }
        let mut form = Parameters::from_page(request).await?;
        if app.site.is_csrf_token(form.take("csrf")?.as_deref(), "interaction", &self.binding()) {
            Ok(form)
        } else {
            Err(PageError::ForeignForm)
        }
    }

    async fn page(&self, app: &App) -> Result<Page, PageError> {
        Ok(app.issuer.page(self.grant, &self.browser, self.session.as_ref()).await?)
    }

    fn address(&self) -> String {
        format!("/interaction/{}", self.grant)
    }

    fn binding(&self) -> [&str; 2] {
        [self.browser.expose(), self.session.as_ref().map_or("", SessionCookie::expose)]
    }
}

async fn render(app: &App, visitor: &Visitor, attempt: Attempt) -> Result<Response, PageError> {
    let csrf = app.site.csrf_token("interaction", &visitor.binding());
    let grant_id = visitor.grant.to_string();
    Ok(match visitor.page(app).await? {
        Page::SignIn { client, login_hint } => {
            let status = match attempt {
                Attempt::None => StatusCode::OK,
                Attempt::Wrong => StatusCode::UNAUTHORIZED,
            };
            let email = login_hint.as_deref().unwrap_or_default();
            let wrong = attempt == Attempt::Wrong;
            html(status, &SignInPage { grant: grant_id, csrf, client: &client.name, email, wrong })
        }
        Page::Consent { client, grant, grantee } => {
            let destination = origin(&grant.redirect_uri);
            let page = ConfirmPage {
                grant: grant_id,
                csrf,
                client: &client.name,
                email: grantee.user.email.as_str(),
                workspace: &grantee.workspace.name,
                scopes: scope_words(&grant.scope),
                destination: destination.trim_start_matches("http://"),
            };
            allow_form_to(destination, html(StatusCode::OK, &page))
        }
        Page::Finished => html(StatusCode::OK, &FinishedPage),
    })
}

/// Returns scheme, host and port of a registered redirect address.
fn origin(redirect_uri: &str) -> &str {
    let authority = redirect_uri.find("://").map_or(0, |at| at + "://".len());
    let end = redirect_uri.get(authority..).and_then(|rest| rest.find('/'));
    end.and_then(|end| redirect_uri.get(..authority + end)).unwrap_or(redirect_uri)
}

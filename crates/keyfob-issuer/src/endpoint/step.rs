//! The steps of a sign-in, the same at every place. A step never chooses a page: it leads back to its place, which shows
//! what [`keyfob_issuer_core::sign_in`] decides.

use crate::app::App;
use crate::endpoint::visitor::{Asked, Visitor};
use crate::endpoint::{see_other, set_cookie};
use crate::error::{PageError, step_refused};
use crate::guard::hashing::VerifyError;
use crate::letter::{Happened, Letter, post as post_letter};
use crate::page::{CodesPage, Complaint, SecondFactorPage, SetUpPage, SignInPage, html, throttled};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use keyfob_issuer_core::digest::SessionCookie;
use keyfob_issuer_core::factor::{FactorKind, TotpOffer};
use keyfob_issuer_core::lifetime;
use keyfob_issuer_core::operation::{Prompt, StepError, TryError};
use keyfob_issuer_core::password::Password;
use keyfob_oauth::Secret;
use qrcode::{EcLevel, QrCode, render::svg};
use std::sync::Arc;

/// Where the steps are, below a place.
pub(crate) const PATHS: [&str; 4] = ["/sign-in", "/second-factor", "/set-up", "/sign-out"];

/// Returns the steps, for nesting under a place.
pub(crate) fn routes() -> Router<Arc<App>> {
    let steps = [post(sign_in), post(second_factor), post(set_up), post(sign_out)];
    PATHS.into_iter().zip(steps).fold(Router::new(), |router, (path, step)| router.route(path, step))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let email = form.take("email")?.unwrap_or_default();
    let password = Password::typed(form.take("password")?.unwrap_or_default());
    let Some(asked @ Asked { prompt: Prompt::SignIn, .. }) = visitor.asked(&app).await? else {
        return Ok(see_other(&visitor.place.path()));
    };
    let candidate = match app.issuer.candidate(&email, &visitor.origin).await {
        Ok(candidate) => candidate,
        Err(TryError::Throttled(refusal)) => {
            return Ok(ask(&app, &visitor, &asked, Complaint::Throttled(refusal)));
        }
        Err(TryError::Fault(fault)) => return Err(fault.into()),
    };
    let claim = candidate.claim();
    match app.hashing.verify(candidate, password, app.issuer.moment()).await {
        Ok(user) => {
            let signed_in = app.issuer.begin_session(&user, visitor.session.as_ref()).await?;
            let mark = app.site.set_mark(&app.issuer.mark(&user)?, lifetime::BROWSER_MARK);
            Ok(set_cookie(back(&app, &visitor, &signed_in.cookie), &mark))
        }
        Err(VerifyError::Wrong(_)) => {
            app.issuer.record_wrong_password(&claim).await?;
            Ok(ask(&app, &visitor, &asked, Complaint::Wrong))
        }
        Err(VerifyError::Busy) => Err(PageError::Busy),
    }
}

async fn second_factor(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let (session, answer) = answer(&app, &visitor, request).await?;
    let Some(session) = session else { return Ok(see_other(&visitor.place.path())) };
    match app.issuer.prove_second_factor(&session, &answer).await {
        Ok(proven) => {
            match proven.by {
                FactorKind::Recovery => {
                    post_letter(&app, proven.email, Letter::Happened(Happened::RecoveryCodeUsed));
                }
                FactorKind::Totp => {}
            }
            Ok(back(&app, &visitor, &proven.signed_in.cookie))
        }
        Err(error) => again(&app, &visitor, error).await,
    }
}

async fn set_up(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let (session, answer) = answer(&app, &visitor, request).await?;
    let Some(session) = session else { return Ok(see_other(&visitor.place.path())) };
    match app.issuer.set_up_totp(&session, &answer).await {
        Ok(set_up) => {
            post_letter(&app, set_up.email, Letter::Happened(Happened::FactorSetUp));
            let next = visitor.place.path();
            let page = CodesPage { codes: &set_up.recovery_codes, next: &next };
            let cookie = app.site.set_session(&set_up.signed_in.cookie);
            Ok(set_cookie(html(StatusCode::OK, &page), &cookie))
        }
        Err(error) => again(&app, &visitor, error).await,
    }
}

async fn sign_out(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    if let Some(session) = &visitor.session {
        app.issuer.sign_out(session).await?;
    }
    Ok(set_cookie(see_other(&visitor.place.path()), &app.site.clear_session()))
}

/// Renders the page that asks for a step.
pub(crate) fn ask(app: &App, visitor: &Visitor, asked: &Asked, complaint: Complaint) -> Response {
    let (csrf, place) = (visitor.csrf(app), visitor.place.path());
    let client = asked.client.as_deref();
    let response = match &asked.prompt {
        Prompt::SignIn => {
            let email = asked.login_hint.as_deref().unwrap_or_default();
            html(
                complaint.status(),
                &SignInPage { place, csrf, client, email, offers_letters: app.outbox.is_some(), complaint },
            )
        }
        Prompt::SecondFactor { email } => {
            let page = SecondFactorPage { place, csrf, email: email.as_str(), complaint };
            html(complaint.status(), &page)
        }
        Prompt::SetUp { email, offer } => {
            let shown = ShownOffer { client, email: email.as_str(), offer, replaces: false };
            set_up_page(app, visitor, &shown, complaint)
        }
    };
    throttled(complaint, visitor.welcome(app, response))
}

/// What an app may take up.
pub(crate) struct ShownOffer<'a> {
    /// Who needs it, if a client does.
    pub(crate) client: Option<&'a str>,
    /// Whose app.
    pub(crate) email: &'a str,
    pub(crate) offer: &'a TotpOffer,
    /// Whether it takes the place of another app.
    pub(crate) replaces: bool,
}

/// Renders the page on which an app takes a secret up.
pub(crate) fn set_up_page(
    app: &App,
    visitor: &Visitor,
    shown: &ShownOffer<'_>,
    complaint: Complaint,
) -> Response {
    let ShownOffer { client, email, offer, replaces } = *shown;
    let picture = offer
        .address(app.site.name(), email)
        .and_then(|address| QrCode::with_error_correction_level(address.expose(), EcLevel::M).ok())
        .map(|code| code.render::<svg::Color<'_>>().min_dimensions(200, 200).build());
    let page = SetUpPage {
        place: visitor.place.path(),
        csrf: visitor.csrf(app),
        client,
        email,
        secret: grouped(offer.base32().expose()),
        // The declaration has no place inside a page.
        picture: picture.as_deref().and_then(|text| text.find("<svg").and_then(|at| text.get(at..))),
        replaces,
        complaint,
    };
    html(complaint.status(), &page)
}

/// Reads the answer to a prompt, of somebody with a session.
async fn answer(
    app: &App,
    visitor: &Visitor,
    request: Request,
) -> Result<(Option<SessionCookie>, Secret), PageError> {
    let mut form = visitor.form(app, request).await?;
    let answer = Secret::new(form.take("answer")?.unwrap_or_default());
    Ok((visitor.session.clone(), answer))
}

/// Shows what is asked once more, after an answer that did not count.
async fn again(app: &App, visitor: &Visitor, error: StepError) -> Result<Response, PageError> {
    let complaint = step_refused(error)?;
    match (complaint, visitor.asked(app).await?) {
        (Complaint::None, _) | (_, None) => Ok(see_other(&visitor.place.path())),
        (complaint, Some(asked)) => Ok(ask(app, visitor, &asked, complaint)),
    }
}

fn back(app: &App, visitor: &Visitor, session: &SessionCookie) -> Response {
    set_cookie(see_other(&visitor.place.path()), &app.site.set_session(session))
}

/// Groups a secret by four, as people read it.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

//! `/codex/device`: a person types the code that a device shows, and decides.

use crate::app::App;
use crate::endpoint::interaction::decision;
use crate::endpoint::set_cookie;
use crate::error::{PageError, not_waiting, wrong_password};
use crate::page::{DeviceApprovePage, DeviceCodePage, DeviceDonePage, html};
use crate::parameters::Parameters;
use crate::site::DeviceCookie;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keyfob_issuer_core::device_grant::UserCode;
use keyfob_issuer_core::lifetime;
use keyfob_issuer_core::operation::{Decision, DeviceApplication};
use keyfob_issuer_core::password::Password;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, PageError> {
    let browser = match app.site.device(&headers) {
        Some(cookie) => cookie,
        None => DeviceCookie::from(app.entropy.token()?),
    };
    let page = code_page(&app, &browser, StatusCode::OK);
    Ok(set_cookie(page, &app.site.set_device(&browser, lifetime::USER_CODE)))
}

pub(crate) async fn enter(State(app): State<Arc<App>>, request: Request) -> Result<Response, PageError> {
    let (browser, mut form) = own_form(&app, request).await?;
    if !app.site.is_csrf_token(form.take("csrf")?.as_deref(), "device", &[browser.expose()]) {
        return Err(PageError::ForeignForm);
    }
    let typed = form.take("user_code")?.unwrap_or_default();
    match waiting(&app, &browser, &typed).await? {
        Some((code, device)) => Ok(approve_page(&app, &browser, &code, &device, StatusCode::OK)),
        None => Ok(code_page(&app, &browser, StatusCode::NOT_FOUND)),
    }
}

pub(crate) async fn decide(State(app): State<Arc<App>>, request: Request) -> Result<Response, PageError> {
    let (browser, mut form) = own_form(&app, request).await?;
    let csrf = form.take("csrf")?;
    let typed = form.take("user_code")?.unwrap_or_default();
    // The token belongs to the code that was shown: nobody can exchange the one for the other (I-47).
    if !app.site.is_csrf_token(csrf.as_deref(), "device-approve", &[browser.expose(), &typed]) {
        return Err(PageError::ForeignForm);
    }
    let Some((code, device)) = waiting(&app, &browser, &typed).await? else {
        return Ok(code_page(&app, &browser, StatusCode::NOT_FOUND));
    };
    let decision = decision(&mut form)?;
    let decided = match decision {
        Decision::Deny => app.issuer.deny_device(&code).await,
        Decision::Approve => {
            let candidate = app.issuer.candidate(&form.take("email")?.unwrap_or_default()).await?;
            let password = Password::typed(form.take("password")?.unwrap_or_default());
            match app.hashing.verify(candidate, password, app.issuer.moment()).await {
                Ok(user) => app.issuer.approve_device(&code, &user).await,
                Err(error) => {
                    wrong_password(error)?;
                    return Ok(approve_page(&app, &browser, &code, &device, StatusCode::UNAUTHORIZED));
                }
            }
        }
    };
    match decided {
        Ok(()) => Ok(html(StatusCode::OK, &DeviceDonePage { approved: decision == Decision::Approve })),
        Err(error) => {
            not_waiting(error)?;
            Ok(code_page(&app, &browser, StatusCode::NOT_FOUND))
        }
    }
}

/// Reads a form of a browser that was shown one of our pages.
async fn own_form(app: &App, request: Request) -> Result<(DeviceCookie, Parameters), PageError> {
    let browser = app.site.device(request.headers()).ok_or(PageError::ForeignForm)?;
    if !app.site.is_own_form(request.headers()) {
        return Err(PageError::ForeignForm);
    }
    Ok((browser, Parameters::from_page(request).await?))
}

/// Finds what waits behind a typed code; a wrong one counts against the browser.
async fn waiting(
    app: &App,
    browser: &DeviceCookie,
    typed: &str,
) -> Result<Option<(UserCode, DeviceApplication)>, PageError> {
    let (guesser, now) = (app.site.csrf_token("guesses", &[browser.expose()]), app.issuer.moment());
    if app.guesses.is_spent(&guesser, now) {
        return Err(PageError::TooManyGuesses);
    }
    let found = match UserCode::parse(typed) {
        Some(code) => app.issuer.find_device(&code).await?.map(|device| (code, device)),
        None => None,
    };
    if found.is_none() {
        app.guesses.count_wrong(guesser, now);
    }
    Ok(found)
}

fn code_page(app: &App, browser: &DeviceCookie, status: StatusCode) -> Response {
    let csrf = app.site.csrf_token("device", &[browser.expose()]);
    html(status, &DeviceCodePage { csrf, wrong: status != StatusCode::OK })
}

fn approve_page(
    app: &App,
    browser: &DeviceCookie,
    code: &UserCode,
    device: &DeviceApplication,
    status: StatusCode,
) -> Response {
    let user_code = code.shown();
    let csrf = app.site.csrf_token("device-approve", &[browser.expose(), &user_code]);
    let wrong = status != StatusCode::OK;
    html(status, &DeviceApprovePage { csrf, client: &device.client.name, user_code, wrong })
}

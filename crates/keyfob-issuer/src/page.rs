//! The pages, one struct per template.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

/// Who asks for a sign-in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) grant: String,
    pub(crate) csrf: String,
    pub(crate) client: &'a str,
    pub(crate) email: &'a str,
    pub(crate) wrong: bool,
}

/// Yes or no.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmPage<'a> {
    pub(crate) grant: String,
    pub(crate) csrf: String,
    pub(crate) client: &'a str,
    pub(crate) email: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) destination: &'a str,
}

/// Nothing is left to do.
#[derive(Template)]
#[template(path = "finished.html")]
pub(crate) struct FinishedPage;

/// Type the code that a device shows.
#[derive(Template)]
#[template(path = "device_code.html")]
pub(crate) struct DeviceCodePage {
    pub(crate) csrf: String,
    pub(crate) wrong: bool,
}

/// Yes or no to a device.
#[derive(Template)]
#[template(path = "device_approve.html")]
pub(crate) struct DeviceApprovePage<'a> {
    pub(crate) csrf: String,
    pub(crate) client: &'a str,
    pub(crate) user_code: String,
    pub(crate) wrong: bool,
}

/// A device was decided about.
#[derive(Template)]
#[template(path = "device_done.html")]
pub(crate) struct DeviceDonePage {
    pub(crate) approved: bool,
}

/// What this server is.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage<'a> {
    pub(crate) url: &'a str,
}

/// What went wrong.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) title: &'a str,
    pub(crate) message: &'a str,
}

/// Renders a page.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot render a page");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Lets the page's form lead to `origin` too: Chromium applies `form-action` to the redirect that answers a form.
pub(crate) fn allow_form_to(origin: &str, mut response: Response) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {origin}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns what a word of a scope lets the client do, for people.
pub(crate) fn scope_words(scope: &keyfob_oauth::Scope) -> Vec<&'static str> {
    scope
        .words()
        .filter_map(|word| match word {
            "openid" => Some("know that it is you"),
            "profile" => Some("see your name"),
            "email" => Some("see your e-mail address"),
            "offline_access" => Some("stay signed in until you sign out"),
            "api.connectors.read" => Some("read from your connectors"),
            "api.connectors.invoke" => Some("use your connectors"),
            _ => None,
        })
        .collect()
}

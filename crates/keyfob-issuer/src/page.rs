//! The pages, one struct per template.

mod email;
mod own;
mod workspace;

pub(crate) use email::{EmailDonePage, EmailLinkPage, EmailPage};
pub(crate) use own::{
    KeyMadePage, KeyRow, KeysPage, ListedSessionRow, LogoutPage, ScopeChoice, SessionsPage, SignedOutPage,
};
pub(crate) use workspace::{
    ChooseWorkspacePage, JoinPage, JoinedPage, OfferedWorkspace, RoleChoice, ShownInvitation, ShownMember,
    ShownSetting, WorkspacePage, WorkspacesPage,
};

use crate::text::{Notice, TEXT, Words};
use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use keyfob_issuer_core::factor::RecoveryCode;
use keyfob_issuer_core::sign_in;
use keyfob_issuer_core::throttle::Throttled;
use keyfob_oauth::Timestamp;

/// What was wrong with the answer that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// Nothing.
    None,
    /// It was wrong.
    Wrong,
    /// Too many were, so it was not tried.
    Throttled(Throttled),
}

impl Complaint {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::None => StatusCode::OK,
            Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Whether the answer was wrong.
    fn is_wrong(self) -> bool {
        self == Self::Wrong
    }

    /// How long to wait, for people.
    fn wait(self) -> Option<String> {
        match self {
            Self::None | Self::Wrong => None,
            Self::Throttled(Throttled { wait }) => Some(TEXT.sign_in.wait.of(wait.as_secs())),
        }
    }
}

/// Who it is.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) place: String,
    pub(crate) csrf: String,
    pub(crate) client: Option<&'a str>,
    pub(crate) email: &'a str,
    pub(crate) offers_letters: bool,
    pub(crate) complaint: Complaint,
}

/// A letter for whoever forgot their password.
#[derive(Template)]
#[template(path = "forgot.html")]
pub(crate) struct ForgotPage {
    pub(crate) csrf: String,
    pub(crate) sent: bool,
    pub(crate) complaint: Complaint,
}

/// A code of the second factor.
#[derive(Template)]
#[template(path = "second_factor.html")]
pub(crate) struct SecondFactorPage<'a> {
    pub(crate) place: String,
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) complaint: Complaint,
}

/// An app takes a secret up.
#[derive(Template)]
#[template(path = "set_up.html")]
pub(crate) struct SetUpPage<'a> {
    pub(crate) place: String,
    pub(crate) csrf: String,
    pub(crate) client: Option<&'a str>,
    pub(crate) email: &'a str,
    pub(crate) secret: String,
    pub(crate) picture: Option<&'a str>,
    /// Whether the app takes the place of another one.
    pub(crate) replaces: bool,
    pub(crate) complaint: Complaint,
}

/// Recovery codes, shown once.
#[derive(Template)]
#[template(path = "codes.html")]
pub(crate) struct CodesPage<'a> {
    pub(crate) codes: &'a [RecoveryCode],
    pub(crate) next: &'a str,
}

/// A new password.
#[derive(Template)]
#[template(path = "password.html")]
pub(crate) struct PasswordPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) problem: Option<String>,
    /// Whether the person decides what becomes of their other sessions.
    pub(crate) asks_about_others: bool,
}

/// A password was set by a link.
#[derive(Template)]
#[template(path = "reset_done.html")]
pub(crate) struct ResetDonePage;

/// Somebody's own account.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) email_verified: bool,
    pub(crate) may_change: bool,
    pub(crate) totp_since: Option<String>,
    pub(crate) recovery_codes: u64,
    pub(crate) device_codes: bool,
    /// The workspaces that they are in, and as what.
    pub(crate) workspaces: Vec<String>,
}

/// Yes or no.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmPage<'a> {
    pub(crate) place: String,
    pub(crate) csrf: String,
    pub(crate) client: &'a str,
    pub(crate) email: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) workspace_id: &'a str,
    /// Whether there are other workspaces to choose from.
    pub(crate) has_others: bool,
    pub(crate) scopes: Vec<Words>,
    pub(crate) destination: &'a str,
}

/// Nothing is left to do.
#[derive(Template)]
#[template(path = "finished.html")]
pub(crate) struct FinishedPage;

/// Type the code that a device shows.
#[derive(Template)]
#[template(path = "device_code.html")]
pub(crate) struct DeviceCodePage<'a> {
    pub(crate) place: String,
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) wrong: bool,
}

/// Yes or no to a device.
#[derive(Template)]
#[template(path = "device_approve.html")]
pub(crate) struct DeviceApprovePage<'a> {
    pub(crate) csrf: String,
    pub(crate) client: &'a str,
    pub(crate) email: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) user_code: String,
    /// What the form brings back, if there was a choice.
    pub(crate) workspace_id: Option<&'a str>,
    /// Whether approving turns the account's device codes on.
    pub(crate) turns_on: bool,
    /// The program, by its own word.
    pub(crate) tool: String,
    /// Where it asks from.
    pub(crate) place: String,
    /// When it asked, and how many minutes ago that is.
    pub(crate) time: String,
    pub(crate) minutes: u64,
    pub(crate) scopes: Vec<Words>,
    /// Whether it asks from another network than the person's.
    pub(crate) elsewhere: bool,
    /// Whether the number behind the code is asked for.
    pub(crate) asks_number: bool,
    pub(crate) complaint: Complaint,
}

/// Take back that a device was let in?
#[derive(Template)]
#[template(path = "undo.html")]
pub(crate) struct UndoPage<'a> {
    pub(crate) csrf: String,
    pub(crate) action: &'a str,
}

/// What a device got has ended.
#[derive(Template)]
#[template(path = "undo_done.html")]
pub(crate) struct UndoDonePage;

/// A device was decided about.
#[derive(Template)]
#[template(path = "device_done.html")]
pub(crate) struct DeviceDonePage {
    pub(crate) approved: bool,
}

/// What this server is.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    /// What signs in from a terminal.
    pub(crate) command: String,
}

/// What went wrong.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    pub(crate) notice: Notice,
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

/// Says in a header too how long to wait, for programs.
pub(crate) fn throttled(complaint: Complaint, mut response: Response) -> Response {
    if let Complaint::Throttled(Throttled { wait }) = complaint {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

/// Returns the day of `moment`, as the standard writes it.
pub(crate) fn date(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_unix())
        .map(|moment| moment.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

/// Returns the minute of `moment`, as people write it where they may be anywhere.
pub(crate) fn moment(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_unix())
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// Returns what a scope lets the client do, for people.
pub(crate) fn scope_words(scope: &keyfob_oauth::Scope) -> Vec<Words> {
    scope.words().filter_map(scope_meaning).collect()
}

/// Returns the minute of `moment`, in the time of the world.
pub(crate) fn date_and_time(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_unix())
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// Returns what a word of a scope lets whoever has it do; nothing of a word that is not known.
pub(crate) fn scope_meaning(word: &str) -> Option<Words> {
    match word {
        "openid" => Some(TEXT.scope.openid),
        "profile" => Some(TEXT.scope.profile),
        "email" => Some(TEXT.scope.email),
        "offline_access" => Some(TEXT.scope.offline_access),
        "api.connectors.read" => Some(TEXT.scope.connectors_read),
        "api.connectors.invoke" => Some(TEXT.scope.connectors_invoke),
        sign_in::CLOUD => Some(TEXT.scope.cloud),
        _ => None,
    }
}

//! `/codex/device`: somebody signs in, types the code that a device shows, and decides.

use crate::app::App;
use crate::endpoint::interaction::decision;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Visitor};
use crate::error::{PageError, not_waiting};
use crate::page::{Complaint, DeviceApprovePage, DeviceCodePage, DeviceDonePage, html};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::device_grant::UserCode;
use keyfob_issuer_core::operation::{Account, Admission, DecideDeviceError, Decision, DeviceApplication};
use keyfob_issuer_core::user::DeviceCodes;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    Ok(match visitor.admit(&app).await? {
        Admission::Asked(prompt) => {
            let asked = Asked { prompt, client: None, login_hint: None };
            ask(&app, &visitor, &asked, Complaint::None)
        }
        Admission::Granted(account) => {
            visitor.welcome(&app, code_page(&app, &visitor, &account, Complaint::None))
        }
    })
}

pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("user_code")?.unwrap_or_default();
    let Admission::Granted(account) = visitor.admit(&app).await? else {
        return Ok(see_other(&visitor.place.path()));
    };
    Ok(match waiting(&app, &account, &typed).await? {
        Some((code, device)) => {
            let user_code = code.shown();
            let page = DeviceApprovePage {
                csrf: visitor.csrf_for(&app, &user_code),
                client: &device.client.name,
                email: account.grantee.user.email.as_str(),
                workspace: account.grantee.workspace.name.as_str(),
                turns_on: account.grantee.user.device_codes == DeviceCodes::Off,
                user_code,
            };
            html(StatusCode::OK, &page)
        }
        None => code_page(&app, &visitor, &account, Complaint::Wrong),
    })
}

pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    // The token belongs to the code that was shown: nobody can exchange the one for the other (I-47).
    let (mut form, typed) = visitor.form_for(&app, request, "user_code").await?;
    let (Admission::Granted(account), Some(session)) = (visitor.admit(&app).await?, &visitor.session) else {
        return Ok(see_other(&visitor.place.path()));
    };
    let Some((code, _)) = waiting(&app, &account, &typed).await? else {
        return Ok(code_page(&app, &visitor, &account, Complaint::Wrong));
    };
    let decision = decision(&mut form)?;
    let decided = match decision {
        Decision::Deny => app.issuer.deny_device(&code).await,
        Decision::Approve => app.issuer.approve_device(&code, session).await,
    };
    match decided {
        Ok(()) => Ok(html(StatusCode::OK, &DeviceDonePage { approved: decision == Decision::Approve })),
        Err(DecideDeviceError::NotNow) => Ok(see_other(&visitor.place.path())),
        Err(error) => {
            not_waiting(error)?;
            Ok(code_page(&app, &visitor, &account, Complaint::Wrong))
        }
    }
}

/// Finds what waits behind a typed code; a wrong one counts against the account.
async fn waiting(
    app: &App,
    account: &Account,
    typed: &str,
) -> Result<Option<(UserCode, DeviceApplication)>, PageError> {
    let (guesser, now) = (account.grantee.user.subject.as_str(), app.issuer.moment());
    if app.guesses.is_spent(guesser, now) {
        return Err(PageError::TooManyGuesses);
    }
    let found = match UserCode::parse(typed) {
        Some(code) => app.issuer.find_device(&code).await?.map(|device| (code, device)),
        None => None,
    };
    if found.is_none() {
        app.guesses.count_wrong(guesser.to_owned(), now);
    }
    Ok(found)
}

fn code_page(app: &App, visitor: &Visitor, account: &Account, complaint: Complaint) -> Response {
    let status = match complaint {
        Complaint::Wrong => StatusCode::NOT_FOUND,
        Complaint::None | Complaint::Throttled(_) => complaint.status(),
    };
    let page = DeviceCodePage {
        place: visitor.place.path(),
        csrf: visitor.csrf(app),
        email: account.grantee.user.email.as_str(),
        wrong: complaint == Complaint::Wrong,
    };
    html(status, &page)
}

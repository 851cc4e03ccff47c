//! `/codex/device`: somebody signs in, types the code that a device shows, and decides.

use crate::app::App;
use crate::endpoint::choice::{self, Choosing};
use crate::endpoint::interaction::{Answer, decision, remember};
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Place, Visitor};
use crate::error::{PageError, not_waiting};
use crate::guard::user_codes::Guesser;
use crate::page::{Complaint, DeviceApprovePage, DeviceCodePage, DeviceDonePage, html};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::device_grant::UserCode;
use keyfob_issuer_core::operation::{
    Account, Admission, Choice, DecideDeviceError, DeviceApplication, DeviceApproval,
};
use keyfob_issuer_core::sign_in::State as SignInState;
use keyfob_issuer_core::user::DeviceCodes;
use keyfob_issuer_core::workspace::DevicePolicy;
use keyfob_oauth::WorkspaceId;
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
    let chosen = form.take("workspace")?.map(WorkspaceId::new);
    Ok(match waiting(&app, &visitor, &account, &typed).await? {
        Some((code, device)) => approve_page(&app, &visitor, &account, &code, &device, chosen.as_ref()),
        None => code_page(&app, &visitor, &account, Complaint::Wrong),
    })
}

pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    // The token belongs to the code and the workspace that were shown: nobody can exchange the one for the other (I-47).
    let (mut form, [typed, chosen]) = visitor.form_for(&app, request, ["user_code", "workspace"]).await?;
    let (Admission::Granted(account), Some(session)) = (visitor.admit(&app).await?, &visitor.session) else {
        return Ok(see_other(&visitor.place.path()));
    };
    let typed = typed.unwrap_or_default();
    let Some((code, device)) = waiting(&app, &visitor, &account, &typed).await? else {
        return Ok(code_page(&app, &visitor, &account, Complaint::Wrong));
    };
    let chosen = chosen.map(WorkspaceId::new);
    let answer = decision(&mut form)?;
    let decided = match (answer, device.workspace(chosen.as_ref())) {
        (Answer::Deny, _) => app.issuer.deny_device(&code).await,
        (Answer::Approve, (_, Some(workspace))) => {
            let network = visitor.origin.network.as_deref();
            let approval =
                DeviceApproval { user_code: &code, number: None, session, workspace: &workspace.id, network };
            app.issuer.approve_device(&approval).await.map(drop)
        }
        (Answer::Approve, (_, None)) => {
            return Ok(approve_page(&app, &visitor, &account, &code, &device, chosen.as_ref()));
        }
    };
    match decided {
        Ok(()) => {
            let done = html(StatusCode::OK, &DeviceDonePage { approved: answer == Answer::Approve });
            Ok(remember(&app, chosen.as_ref().filter(|_| answer == Answer::Approve), done))
        }
        // The code is typed again when a second factor is set up.
        Err(DecideDeviceError::NotNow(SignInState::SetUp)) => Ok(see_other(&Place::SetUp.path())),
        Err(DecideDeviceError::NotNow(_)) => Ok(see_other(&visitor.place.path())),
        Err(error) => {
            not_waiting(error)?;
            Ok(code_page(&app, &visitor, &account, Complaint::Wrong))
        }
    }
}

/// Asks whether the device may in, or for which workspace first.
fn approve_page(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    code: &UserCode,
    device: &DeviceApplication,
    chosen: Option<&WorkspaceId>,
) -> Response {
    let user_code = code.shown();
    let email = account.user.email.as_str();
    let (Choice::Made, Some(workspace)) = device.workspace(chosen) else {
        let choosing = Choosing {
            client: &device.client.name,
            email,
            offers: &device.offers,
            action: visitor.place.path(),
            refuse_action: format!("{}/approve", visitor.place.path()),
            user_code: Some(&user_code),
        };
        return choice::page(app, visitor, choosing);
    };
    let is_persons = workspace.policy.device_codes == DevicePolicy::ByPerson;
    let about = [Some(user_code.as_str()), chosen.map(WorkspaceId::as_str)];
    let page = DeviceApprovePage {
        csrf: visitor.csrf_for(app, &about.into_iter().flatten().collect::<Vec<_>>()),
        client: &device.client.name,
        email,
        workspace: workspace.name.as_str(),
        workspace_id: chosen.map(WorkspaceId::as_str),
        turns_on: is_persons && account.user.device_codes == DeviceCodes::Off,
        user_code,
    };
    html(StatusCode::OK, &page)
}

/// Finds what waits behind a typed code; a wrong one counts (I-44).
async fn waiting(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    typed: &str,
) -> Result<Option<(UserCode, DeviceApplication)>, PageError> {
    let now = app.issuer.now();
    let guesser =
        Guesser { account: account.user.subject.as_str(), network: visitor.origin.network.as_deref() };
    if app.guesses.is_spent(guesser, now) {
        return Err(PageError::TooManyGuesses);
    }
    let found = match (UserCode::parse(typed), &visitor.session) {
        (Some(code), Some(session)) => {
            app.issuer.find_device(&code, session).await?.map(|device| (code, device))
        }
        (Some(_) | None, _) => None,
    };
    if found.is_none() {
        app.guesses.count_wrong(guesser, now);
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
        email: account.user.email.as_str(),
        wrong: complaint == Complaint::Wrong,
    };
    html(status, &page)
}

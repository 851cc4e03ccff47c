//! `/codex/device`: somebody signs in, types the code that a device shows, and decides.

use crate::app::App;
use crate::endpoint::choice::{self, Choosing};
use crate::endpoint::interaction::remember;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Place, Visitor};
use crate::error::{PageError, not_waiting};
use crate::guard::user_codes::Guesser;
use crate::letter::{DeviceNews, Letter, post};
use crate::page::{
    Complaint, DeviceApprovePage, DeviceCodePage, DeviceDonePage, date_and_time, html, scope_words,
};
use crate::parameters::{Parameters, ParametersError};
use crate::text::TEXT;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::device_grant::{NumberMatch, UserCode};
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{
    Account, Admission, ApprovedDevice, Choice, DecideDeviceError, Denial, DeviceApplication, DeviceApproval,
};
use keyfob_issuer_core::sign_in::State as SignInState;
use keyfob_issuer_core::user::DeviceCodes;
use keyfob_issuer_core::workspace::DevicePolicy;
use keyfob_oauth::{Secret, WorkspaceId};
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
        Some((code, device)) => {
            let shown = Shown { code: &code, device: &device, chosen: chosen.as_ref() };
            approve_page(&app, &visitor, &account, &shown, Complaint::None)
        }
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
    let shown = Shown { code: &code, device: &device, chosen: chosen.as_ref() };
    let decision = DeviceDecision::read(&mut form)?;
    let decided = match (decision, device.workspace(chosen.as_ref())) {
        (DeviceDecision::Deny, _) => app.issuer.deny_device(&code, &account.user.subject, Denial::No).await,
        (DeviceDecision::Report, _) => {
            tracing::warn!(
                subject = account.user.subject.as_str(),
                client = device.client.id.as_str(),
                network = device.grant.network.as_deref().unwrap_or("this machine"),
                "somebody reports a device code that they did not ask for"
            );
            app.issuer.deny_device(&code, &account.user.subject, Denial::Report).await
        }
        (DeviceDecision::Approve, (_, Some(workspace))) => {
            let number = form.take("number")?;
            let approval = DeviceApproval {
                user_code: &code,
                number: number.as_deref(),
                session,
                workspace: &workspace.id,
                network: visitor.origin.network.as_deref(),
            };
            app.issuer.approve_device(&approval).await.map(|approved| tell(&app, approved))
        }
        (DeviceDecision::Approve, (_, None)) => {
            return Ok(approve_page(&app, &visitor, &account, &shown, Complaint::None));
        }
    };
    let is_approved = decision == DeviceDecision::Approve;
    match decided {
        Ok(()) => {
            let done = html(StatusCode::OK, &DeviceDonePage { approved: is_approved });
            Ok(remember(&app, chosen.as_ref().filter(|_| is_approved), done))
        }
        // The code is typed again when a second factor is set up.
        Err(DecideDeviceError::NotNow(SignInState::SetUp)) => Ok(see_other(&Place::SetUp.path())),
        Err(DecideDeviceError::NotNow(_)) => Ok(see_other(&visitor.place.path())),
        Err(DecideDeviceError::WrongNumber) => {
            count_wrong(&app, &visitor, &account).await?;
            Ok(approve_page(&app, &visitor, &account, &shown, Complaint::Wrong))
        }
        Err(error) => {
            not_waiting(error)?;
            Ok(code_page(&app, &visitor, &account, Complaint::Wrong))
        }
    }
}

/// What somebody decides about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeviceDecision {
    Approve,
    Deny,
    /// No, and whoever runs the issuer learns of it.
    Report,
}

impl DeviceDecision {
    fn read(form: &mut Parameters) -> Result<Self, ParametersError> {
        match form.require("decision")?.as_str() {
            "approve" => Ok(Self::Approve),
            "deny" => Ok(Self::Deny),
            "report" => Ok(Self::Report),
            _ => Err(ParametersError::Malformed),
        }
    }
}

/// What the page of a decision is about.
#[derive(Clone, Copy, Debug)]
struct Shown<'a> {
    code: &'a UserCode,
    device: &'a DeviceApplication,
    chosen: Option<&'a WorkspaceId>,
}

/// Tells the person by mail that a device was let in, with a link that takes it back (I-50).
fn tell(app: &Arc<App>, approved: ApprovedDevice) {
    let link = app.issuer.url().join(&format!("{}/{}", Place::Undo.path(), approved.undo.expose()));
    let news = DeviceNews {
        client: approved.client.name,
        place: place(&approved.grant.origin),
        time: date_and_time(approved.grant.requested_at),
    };
    post(app, approved.email, Letter::Device(news, Secret::new(link)));
}

/// Asks whether the device may in (I-46), or for which workspace first.
fn approve_page(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    shown: &Shown<'_>,
    complaint: Complaint,
) -> Response {
    let Shown { code, device, chosen } = *shown;
    let (user_code, grant) = (code.shown(), &device.grant);
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
        tool: grant.origin.tool.clone().unwrap_or_else(|| TEXT.device.unknown.to_string()),
        place: place(&grant.origin),
        time: date_and_time(grant.requested_at),
        minutes: app.issuer.now().since(grant.requested_at).as_secs() / 60,
        scopes: scope_words(&grant.scope),
        elsewhere: device.is_from_elsewhere(visitor.origin.network.as_deref()),
        asks_number: app.issuer.devices().number == NumberMatch::On,
        complaint,
        user_code,
    };
    html(complaint.status(), &page)
}

/// Returns where a device is, for people.
fn place(origin: &Origin) -> String {
    match origin.place {
        Some(address) if address.is_loopback() => TEXT.device.this_computer.plain(address),
        Some(address) => address.to_string(),
        None => TEXT.device.unknown.to_string(),
    }
}

fn guesser<'a>(visitor: &'a Visitor, account: &'a Account) -> Guesser<'a> {
    Guesser { account: account.user.subject.as_str(), network: visitor.origin.network.as_deref() }
}

/// Finds what waits behind a typed code; a wrong one counts (I-44).
async fn waiting(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    typed: &str,
) -> Result<Option<(UserCode, DeviceApplication)>, PageError> {
    let now = app.issuer.now();
    if app.guesses.is_spent(guesser(visitor, account), now) {
        return Err(PageError::TooManyGuesses);
    }
    let found = match (UserCode::parse(typed), &visitor.session) {
        (Some(code), Some(session)) => {
            app.issuer.find_device(&code, session).await?.map(|device| (code, device))
        }
        (Some(_) | None, _) => None,
    };
    if found.is_none() {
        count_wrong(app, visitor, account).await?;
    }
    Ok(found)
}

/// Counts a wrong guess; that a budget is spent by it is told (I-44).
async fn count_wrong(app: &App, visitor: &Visitor, account: &Account) -> Result<(), PageError> {
    for spent in app.guesses.count_wrong(guesser(visitor, account), app.issuer.now()) {
        app.issuer.record_spent_guesses(&account.user.subject, spent.as_str()).await?;
    }
    Ok(())
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

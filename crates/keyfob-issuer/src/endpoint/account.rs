//! `/account`: what somebody sees and changes of their own account.

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::{ShownOffer, ask, set_up_page};
use crate::endpoint::visitor::{Asked, Place, Visitor};
use crate::endpoint::workspaces::role_words;
use crate::error::{PageError, step_refused};
use crate::letter::{Happened, Letter, post};
use crate::page::{AccountPage, CodesPage, Complaint, date, html};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::operation::{Account, Admission, StepError};
use keyfob_issuer_core::user::DeviceCodes;
use keyfob_issuer_core::workspace::Membership;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    match visitor.admit(&app).await? {
        Admission::Asked(prompt) => {
            let asked = Asked { prompt, client: None, login_hint: None };
            Ok(ask(&app, &visitor, &asked, Complaint::None))
        }
        Admission::Granted(account) => Ok(visitor.welcome(&app, page(&app, &visitor, &account).await?)),
    }
}

/// Asks for a fresh proof, and leads back to the account.
pub(crate) async fn change(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    match visitor.admit(&app).await? {
        Admission::Asked(prompt) => {
            let asked = Asked { prompt, client: None, login_hint: None };
            Ok(ask(&app, &visitor, &asked, Complaint::None))
        }
        Admission::Granted(_) => Ok(see_other(&Place::Account.path())),
    }
}

/// Asks for a second factor to be set up, or for another app in the place of the one that is.
pub(crate) async fn set_up(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    let account = match visitor.admit(&app).await? {
        Admission::Asked(prompt) => {
            let asked = Asked { prompt, client: None, login_hint: None };
            return Ok(ask(&app, &visitor, &asked, Complaint::None));
        }
        Admission::Granted(account) => account,
    };
    let Some(session) = &visitor.session else { return Ok(see_other(&Place::Account.path())) };
    match app.issuer.offer_replacement(session).await {
        Ok(offer) => {
            let (email, replaces) = (account.user.email.as_str(), account.totp_since.is_some());
            let shown = ShownOffer { client: None, email, offer: &offer, replaces };
            Ok(set_up_page(&app, &visitor, &shown, Complaint::None))
        }
        Err(StepError::Fault(fault)) => Err(fault.into()),
        Err(StepError::OutOfTurn | StepError::Rejected(_) | StepError::Throttled(_)) => {
            Ok(see_other(&Place::Change.path()))
        }
    }
}

/// Makes new recovery codes.
pub(crate) async fn renew_codes(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    let Some(session) = &visitor.session else { return Ok(see_other(&Place::Account.path())) };
    match app.issuer.renew_recovery_codes(session).await {
        Ok(codes) => {
            if let Admission::Granted(account) = visitor.admit(&app).await? {
                post(&app, account.user.email, Letter::Happened(Happened::RecoveryCodesMade));
            }
            Ok(html(StatusCode::OK, &CodesPage { codes: &codes, next: &Place::Account.path() }))
        }
        Err(error) => changed(Err(error)),
    }
}

/// Turns sign-in with device codes on or off.
pub(crate) async fn device_codes(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let wanted = match form.require("device_codes")?.as_str() {
        "on" => DeviceCodes::On,
        _ => DeviceCodes::Off,
    };
    let Some(session) = &visitor.session else { return Ok(see_other(&Place::Account.path())) };
    changed(app.issuer.set_device_codes(session, wanted).await)
}

/// Where a change leads: back, or to the proof that it lacks.
fn changed(outcome: Result<(), StepError>) -> Result<Response, PageError> {
    match outcome {
        Ok(()) => Ok(see_other(&Place::Account.path())),
        Err(error) => {
            step_refused(error)?;
            Ok(see_other(&Place::Change.path()))
        }
    }
}

async fn page(app: &App, visitor: &Visitor, account: &Account) -> Result<Response, PageError> {
    let may_change = visitor.at(Place::Change).asked(app).await?.is_none();
    let page = AccountPage {
        csrf: visitor.csrf(app),
        email: account.user.email.as_str(),
        email_verified: account.user.email_verified_at.is_some(),
        may_change,
        totp_since: account.totp_since.map(date),
        recovery_codes: u64::try_from(account.recovery_codes).unwrap_or(u64::MAX),
        device_codes: account.user.device_codes == DeviceCodes::On,
        workspaces: account.memberships.iter().map(shown).collect(),
    };
    Ok(html(StatusCode::OK, &page))
}

fn shown(membership: &Membership) -> String {
    format!("{} ({})", membership.workspace.name, role_words(membership.role))
}

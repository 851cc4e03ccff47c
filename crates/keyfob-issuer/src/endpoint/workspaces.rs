//! `/workspaces`: people look after their workspaces, soon after a whole sign-in (I-71).

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Visitor};
use crate::error::PageError;
use crate::letter::{Letter, post};
use crate::page::{
    Complaint, RoleChoice, ShownInvitation, ShownMember, ShownSetting, WorkspacePage, WorkspacesPage, date,
    html,
};
use crate::parameters::Parameters;
use crate::text::{TEXT, Words};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::InvitationId;
use keyfob_issuer_core::operation::{Account, Actor, Admission, WorkspaceError, WorkspaceView};
use keyfob_issuer_core::user::{Email, UserStatus};
use keyfob_issuer_core::workspace::{Permission, Role, Setting, SettingKey, Word as _, WorkspaceKind};
use keyfob_oauth::{Subject, WorkspaceId};
use std::sync::Arc;

pub(crate) async fn list(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    let account = match visitor.admit(&app).await? {
        Admission::Granted(account) => account,
        Admission::Asked(prompt) => {
            let asked = Asked { prompt, client: None, login_hint: None };
            return Ok(ask(&app, &visitor, &asked, Complaint::None));
        }
    };
    let may_see =
        account.memberships.iter().filter(|membership| membership.role.may(Permission::SeeSettings));
    let workspaces = may_see.map(|membership| &membership.workspace);
    let page = WorkspacesPage {
        email: account.user.email.as_str(),
        workspaces: workspaces.map(|workspace| (workspace.id.as_str(), workspace.name.as_str())).collect(),
    };
    Ok(visitor.welcome(&app, html(StatusCode::OK, &page)))
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let Some(account) = admitted(&app, &visitor).await? else { return Ok(see_other("/workspaces")) };
    page(&app, &visitor, &account, &WorkspaceId::new(id), None).await
}

/// Takes one of the page's forms.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let Some(account) = admitted(&app, &visitor).await? else { return Ok(see_other("/workspaces")) };
    let id = WorkspaceId::new(id);
    match changed(&app, &account, &id, &mut form).await? {
        Ok(()) => Ok(see_other(&format!("/workspaces/{id}"))),
        Err(problem) => page(&app, &visitor, &account, &id, Some(problem)).await,
    }
}

async fn admitted(app: &App, visitor: &Visitor) -> Result<Option<Box<Account>>, PageError> {
    Ok(match visitor.admit(app).await? {
        Admission::Granted(account) => Some(account),
        Admission::Asked(_) => None,
    })
}

/// Does what a form wants; what it cannot do, it says.
async fn changed(
    app: &Arc<App>,
    account: &Account,
    id: &WorkspaceId,
    form: &mut Parameters,
) -> Result<Result<(), String>, PageError> {
    let actor = Actor::Member(&account.user.subject);
    let (issuer, said) = (&app.issuer, &TEXT.workspaces);
    let outcome = match form.require("change")?.as_str() {
        "settings" => {
            let mut settings = Vec::new();
            for key in SettingKey::ALL {
                // A form cannot send that nothing is chosen of several.
                let value = form.take(key.as_str())?;
                match value.map(|value| Setting::parse(key.as_str(), &value)) {
                    Some(Ok(setting)) => settings.push(setting),
                    Some(Err(_invalid)) => {
                        return Ok(Err(said.invalid.plain(setting_words(*key).0)));
                    }
                    None => {}
                }
            }
            issuer.change_settings(actor, id, &settings).await.map(drop)
        }
        "role" => {
            let subject = Subject::new(form.require("member")?);
            let Some(role) = Role::from_word(&form.require("role")?) else { return Err(PageError::NotFound) };
            issuer.change_role(actor, id, &subject, role).await
        }
        "remove" => issuer.remove_member(actor, id, &Subject::new(form.require("member")?)).await,
        "take_back" => match InvitationId::parse(&form.require("invitation")?) {
            Some(invitation) => issuer.take_back(actor, id, invitation).await,
            None => Err(WorkspaceError::NotFound),
        },
        "invite" => {
            let Ok(email) = Email::parse(&form.require("email")?) else {
                return Ok(Err(said.no_address.to_string()));
            };
            let Some(role) = Role::from_word(&form.require("role")?) else { return Err(PageError::NotFound) };
            if app.outbox.is_none() {
                return Err(PageError::NotFound);
            }
            match issuer.invite(actor, id, &email, role).await {
                Ok((invited, link)) => {
                    post(app, email, Letter::Invitation(invited.workspace, link));
                    Ok(())
                }
                Err(error) => Err(error),
            }
        }
        _ => return Err(PageError::NotFound),
    };
    match outcome {
        Ok(()) => Ok(Ok(())),
        Err(error) => problem(error).map(Err),
    }
}

/// Returns what the page says of a change that was not made.
fn problem(error: WorkspaceError) -> Result<String, PageError> {
    let said = &TEXT.workspaces;
    Ok(match error {
        WorkspaceError::NotFound | WorkspaceError::UnknownUser(_) => return Err(PageError::NotFound),
        WorkspaceError::Fault(fault) => return Err(PageError::Fault(fault)),
        WorkspaceError::Forbidden => said.forbidden,
        WorkspaceError::LastOwner => said.last_owner,
        WorkspaceError::Personal => said.personal,
        WorkspaceError::AlreadyAMember(_) => said.already,
        WorkspaceError::NobodyCouldSignIn => said.nobody_could_sign_in,
    }
    .to_string())
}

/// Returns what a role is called.
pub(super) fn role_words(role: Role) -> Words {
    match role {
        Role::Member => TEXT.role.member,
        Role::Admin => TEXT.role.admin,
        Role::Owner => TEXT.role.owner,
    }
}

/// Returns what a setting is called, and what it takes.
fn setting_words(key: SettingKey) -> (Words, Words) {
    let said = &TEXT.workspaces;
    match key {
        SettingKey::Name => (said.name, said.name_hint),
        SettingKey::Methods => (said.methods, said.methods_hint),
        SettingKey::Mfa => (said.mfa, said.mfa_hint),
        SettingKey::DeviceCodes => (said.device_codes, said.device_codes_hint),
        SettingKey::SessionLength => (said.session_length, said.session_length_hint),
        SettingKey::ApiKeys => (said.api_keys, said.api_keys_hint),
        SettingKey::Capabilities => (said.capabilities, said.capabilities_hint),
        SettingKey::Retention => (said.retention, said.tag_hint),
        SettingKey::Residency => (said.residency, said.tag_hint),
        SettingKey::ApiRetention => (said.api_retention, said.tag_hint),
        SettingKey::DataSharing => (said.data_sharing, said.data_sharing_hint),
    }
}

fn status_words(status: UserStatus) -> Option<Words> {
    match status {
        UserStatus::Active => None,
        UserStatus::Locked => Some(TEXT.workspaces.locked),
        UserStatus::Disabled => Some(TEXT.workspaces.disabled),
    }
}

async fn page(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    id: &WorkspaceId,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let view = match app.issuer.view_workspace(Actor::Member(&account.user.subject), id).await {
        Ok(view) => view,
        // Who has just left, or may not look any more, is led back.
        Err(WorkspaceError::Fault(fault)) => return Err(fault.into()),
        Err(_) => return Err(PageError::NotFound),
    };
    let WorkspaceView { workspace, role, members, invitations } = &view;
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let own = &account.user.subject;
    let choice = |role: Role, before: Option<Role>| RoleChoice {
        word: role.as_str(),
        shown: role_words(role),
        is_now: before == Some(role),
    };
    let roles = |before: Role| -> Vec<RoleChoice> {
        let possible = Role::ALL.iter().copied().filter(|after| role.may_change(before, *after));
        possible.map(|after| choice(after, Some(before))).collect()
    };
    let page = WorkspacePage {
        csrf: visitor.csrf(app),
        id: workspace.id.as_str(),
        name: workspace.name.as_str(),
        is_shared: workspace.kind == WorkspaceKind::Shared,
        sends_letters: app.outbox.is_some(),
        problem,
        settings: SettingKey::ALL
            .iter()
            .map(|key| {
                let (label, hint) = setting_words(*key);
                let may_change = role.may(key.permission());
                ShownSetting { key: key.as_str(), label, hint, value: key.value_in(workspace), may_change }
            })
            .collect(),
        members: members
            .iter()
            .map(|member| ShownMember {
                subject: member.subject.as_str(),
                email: member.email.as_str(),
                role: role_words(member.role),
                status: status_words(member.status),
                is_self: member.subject == *own,
                may_remove: member.subject == *own || role.may_remove(member.role),
                roles: roles(member.role),
            })
            .collect(),
        invitations: invitations
            .iter()
            .map(|invitation| ShownInvitation {
                id: invitation.id.to_string(),
                email: invitation.email.as_str(),
                role: role_words(invitation.role),
                ends: date(invitation.expires_at),
            })
            .collect(),
        roles: Role::ALL
            .iter()
            .copied()
            .filter(|invited| role.may_invite_as(*invited))
            .map(|invited| choice(invited, None))
            .collect(),
    };
    Ok(visitor.welcome(app, html(status, &page)))
}

//! What restrictions say before a sign-in begins (security C-53).

use super::super::{Acting, ci, on_runtime};
use crate::args::Login;
use crate::error::{CommandError, Disabled, Failure};
use crate::output;
use keyfob_client::SystemClock;
use keyfob_client::login::LoginError;
use keyfob_client::refresh::RefreshError;
use keyfob_codex::config::LoginMethod;
use keyfob_oauth::WorkspaceId;
use keyfob_settings::{Judgement, Presented, Workspace};

/// Refuses a method that is excluded, and ends a stored login that is, as the Codex CLI does when it starts.
pub(super) fn admit(arguments: &Login, acting: &Acting) -> Result<(), CommandError> {
    ci::guard(&acting.settings)?;
    // What goes to another machine is judged there.
    if arguments.over.is_some() {
        return Ok(());
    }
    let (method, named) = match (arguments.with_api_key, arguments.with_access_token) {
        (true, _) => (LoginMethod::Api, Disabled::ApiKey),
        (false, true) => (LoginMethod::Chatgpt, Disabled::AccessToken),
        (false, false) => (LoginMethod::Chatgpt, Disabled::Account),
    };
    let restrictions = acting.settings.restrictions();
    if let Err(broken) = restrictions.may_use(method) {
        return Err(Failure::MethodDisabled { method: named, broken }.into());
    }
    if let (LoginMethod::Api, Some(origin)) = (method, restrictions.passed_by_keys()) {
        output::say(&format!(
            "warning: workspaces are restricted by {origin}, and a key names none: it passes, and another organisation may pay"
        ));
    }
    if let (LoginMethod::Chatgpt, Some(issuer)) = (method, super::issuer(arguments, acting).ok()) {
        let wanted = arguments.workspace.as_deref().map(WorkspaceId::new);
        let workspace = wanted.as_ref().map_or(Workspace::Unverified, Workspace::Of);
        let presented = Presented::Account { issuer: Some(&issuer), workspace };
        if let Judgement::Broken(broken) = restrictions.judge(presented) {
            return Err(LoginError::Restricted(broken).into());
        }
    }
    if !matches!(acting.session.judgement(), Ok(Judgement::Broken(_))) {
        // What cannot be read, or judged, is left to the sign-in.
        return Ok(());
    }
    let ended = on_runtime(async { Ok(acting.session.enforce(&SystemClock).await) })?;
    match ended {
        Ok(()) => Ok(()),
        Err(RefreshError::Restricted(evicted)) if !matches!(evicted.signed_out, Some(Err(_))) => {
            let error = RefreshError::Restricted(evicted);
            let told = CommandError::from(error);
            output::say(&told.source.to_string());
            for hint in told.hints.iter().take(2) {
                output::say(&format!("note: {hint}"));
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

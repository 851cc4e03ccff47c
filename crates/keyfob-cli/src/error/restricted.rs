//! What to say when a restriction keeps somebody from something: which one, where it is, and what became of the login.

use super::Failure;
use keyfob_client::logout::{Revocation, SignOutError, SignedOut};
use keyfob_client::refresh::RefreshError;
use keyfob_settings::{Broken, How, Origin};

/// A way to sign in that a restriction excludes, as the Codex CLI calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disabled {
    Account,
    ApiKey,
    AccessToken,
}

impl Disabled {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Account => "ChatGPT",
            Self::ApiKey => "API key",
            Self::AccessToken => "Access token",
        }
    }

    pub(super) const fn other(self) -> &'static str {
        match self {
            Self::Account | Self::AccessToken => "API key",
            Self::ApiKey => "ChatGPT",
        }
    }
}

/// Returns what to do about a failure that a restriction is the reason of.
pub(super) fn hints_of(failure: &Failure) -> Option<Vec<String>> {
    match failure {
        Failure::MethodDisabled { broken, .. } => Some(hints(broken)),
        Failure::VariableRestricted { name, broken } => {
            let unset =
                format!("`{name}` is not used, and what is stored stays: unset it, or give another one");
            Some(vec![says_so(broken.key, &broken.origin), unset])
        }
        Failure::UntrustedJob { origin, .. } => Some(vec![
            says_so("keyfob.untrusted_ci", origin),
            "start the job by an event that only members can cause, such as `push`".to_owned(),
        ]),
        Failure::VariableUnverified { name, origin, .. } => Some(vec![
            bound_by(origin),
            format!("try again when its issuer answers; `{name}` is not used, and what is stored stays"),
        ]),
        _ => None,
    }
}

/// Returns where the restriction is and what to do.
pub(super) fn hints(broken: &Broken) -> Vec<String> {
    let Broken { how, key, origin } = broken;
    let next = match how {
        How::KeyRequired | How::NoWorkspace => "sign in with an API key: `keyfob login --with-api-key`",
        How::AccountRequired => "sign in with an account: `keyfob login`",
        How::Issuer { .. } => "sign in there: `keyfob login`",
        How::Workspace { .. } => "sign in to an allowed workspace: `keyfob login`",
    };
    vec![says_so(key, origin), next.to_owned()]
}

/// Returns where what could not be verified is restricted, and what to do about `source`.
pub(super) fn unverified_hints(origin: &Origin, source: Option<&RefreshError>) -> Vec<String> {
    let next = match source {
        Some(RefreshError::EndUnknown) => {
            "bring the token again, so that its issuer is asked: `keyfob login --with-access-token`"
        }
        Some(RefreshError::Unavailable { .. } | RefreshError::LeftAlone { .. }) => {
            "try again when the issuer answers, or sign in again: `keyfob login`"
        }
        Some(_) | None => "sign in again: `keyfob login`",
    };
    vec![bound_by(origin), next.to_owned()]
}

fn bound_by(origin: &Origin) -> String {
    format!("{origin} restricts who may sign in; nothing was changed")
}

/// Returns what became of a login that was in the way of a restriction.
pub(super) fn fate(signed_out: Option<&Result<SignedOut, SignOutError>>) -> String {
    let Some(signed_out) = signed_out else {
        return "`-c` holds for this command alone, so what is stored stays".to_owned();
    };
    match signed_out {
        Ok(SignedOut::NothingStored) => "nothing was stored any more".to_owned(),
        Ok(SignedOut::Removed(Revocation::Confirmed)) => {
            "the session was ended at its issuer and the login removed here".to_owned()
        }
        Ok(SignedOut::Removed(Revocation::NotNeeded)) => "the login was removed here".to_owned(),
        Ok(SignedOut::Removed(Revocation::Unconfirmed(issuer, _))) => format!(
            "the login was removed here; {issuer} did not confirm that the session ended, so it may live on there until it expires"
        ),
        Ok(SignedOut::Removed(Revocation::Queued(issuer, _))) => format!(
            "the login was removed here; {issuer} did not confirm that the session ended and is asked again"
        ),
        Err(error) => format!("the login could not be removed and is not used: {error}"),
    }
}

fn says_so(key: &str, origin: &Origin) -> String {
    let whose =
        if origin.layer.is_administrators() { ", which whoever administers this computer wrote" } else { "" };
    format!("`{key}` in {origin} says so{whose}")
}

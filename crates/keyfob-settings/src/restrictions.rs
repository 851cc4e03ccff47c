//! Who may sign in, how and where: what an administrator or the user restricts, and what is judged by it.
//!
//! Every restriction counts, whoever wrote it: a layer can narrow what another one allows and never widen it (S18).

use crate::layer::{Origin, Sourced};
use keyfob_codex::config::{CredentialsStore, LoginMethod};
use keyfob_codex::requirements::UntrustedCi;
use keyfob_oauth::{IssuerUrl, WorkspaceId};
use std::collections::BTreeSet;
use std::fmt;

/// One restriction, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction<T> {
    /// Its key in the file.
    pub key: &'static str,
    /// What it allows.
    pub allows: T,
    /// Where it is.
    pub origin: Origin,
}

/// Everything that restricts sign-in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    pub(crate) methods: Vec<Restriction<BTreeSet<LoginMethod>>>,
    pub(crate) workspaces: Vec<Restriction<BTreeSet<WorkspaceId>>>,
    pub(crate) store: Option<Sourced<CredentialsStore>>,
    pub(crate) issuer: Option<Sourced<IssuerUrl>>,
    pub(crate) base_url: Option<Sourced<String>>,
    pub(crate) untrusted_ci: Option<Sourced<UntrustedCi>>,
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// An API key.
    Key,
    /// An account, or a token that stands for one.
    Account {
        /// Where it signed in; nothing where nobody can say.
        issuer: Option<&'a IssuerUrl>,
        /// What it is bound to.
        workspace: Workspace<'a>,
    },
}

/// To which workspace an account's login belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workspace<'a> {
    /// To this one, says the issuer.
    Of(&'a WorkspaceId),
    /// To none, says the issuer.
    None,
    /// Nobody has verified what the login says of itself.
    Unverified,
}

/// What restrictions say of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may be used.
    Allowed,
    /// It breaks a restriction.
    Broken(Broken),
    /// Whether it breaks this restriction can only be said when its claims are verified.
    Unverified(Origin),
}

/// A restriction that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// How.
    pub how: How,
    /// The key of the restriction.
    pub key: &'static str,
    /// Where the restriction is.
    pub origin: Origin,
}

/// How a restriction is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// An account where keys alone are allowed.
    KeyRequired,
    /// A key where accounts alone are allowed.
    AccountRequired,
    /// An issuer that is not the one where accounts sign in.
    Issuer {
        /// Where accounts sign in.
        required: IssuerUrl,
        /// Where this one did.
        actual: IssuerUrl,
    },
    /// No workspace is allowed: no list has one that is in the others too.
    NoWorkspace,
    /// A workspace that is not among the allowed ones.
    Workspace {
        /// The allowed ones.
        allowed: BTreeSet<WorkspaceId>,
        /// The one that the login belongs to, if to any.
        actual: Option<WorkspaceId>,
    },
}

/// The restrictions leave no way to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The restrictions that exclude one another.
    pub origins: Vec<(&'static str, Origin)>,
}

impl Restrictions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns where logins must be kept.
    pub fn store(&self) -> Option<&Sourced<CredentialsStore>> {
        self.store.as_ref()
    }

    /// Returns the issuer at which accounts must sign in.
    pub fn issuer(&self) -> Option<&Sourced<IssuerUrl>> {
        self.issuer.as_ref()
    }

    /// Returns where the Codex CLI must send the login of an account.
    pub fn base_url(&self) -> Option<&Sourced<String>> {
        self.base_url.as_ref()
    }

    /// Returns what happens in a job of a CI that outsiders can start.
    pub fn untrusted_ci(&self) -> Option<&Sourced<UntrustedCi>> {
        self.untrusted_ci.as_ref()
    }

    /// Returns the restrictions of methods.
    pub fn methods(&self) -> &[Restriction<BTreeSet<LoginMethod>>] {
        &self.methods
    }

    /// Returns the restrictions of workspaces.
    pub fn workspaces(&self) -> &[Restriction<BTreeSet<WorkspaceId>>] {
        &self.workspaces
    }

    /// Returns the workspaces that every restriction allows; nothing where none restricts them.
    pub fn allowed_workspaces(&self) -> Option<BTreeSet<WorkspaceId>> {
        let mut sets = self.workspaces.iter().map(|restriction| restriction.allows.clone());
        let first = sets.next()?;
        Some(sets.fold(first, |allowed, set| &allowed & &set))
    }

    /// Returns the restriction that binds a workspace to keys: none does, which surprises people (users' H4).
    ///
    /// A restriction of workspaces binds accounts alone, as documented; a key passes unless methods exclude it.
    pub fn passed_by_keys(&self) -> Option<&Origin> {
        let restriction = self.workspaces.first()?;
        self.may_use(LoginMethod::Api).is_ok().then_some(&restriction.origin)
    }

    /// Whether people may sign in with `method`.
    pub fn may_use(&self, method: LoginMethod) -> Result<(), Broken> {
        let excludes = |restriction: &&Restriction<_>| !BTreeSet::contains(&restriction.allows, &method);
        if let Some(restriction) = self.methods.iter().find(excludes) {
            let how = match method {
                LoginMethod::Chatgpt => How::KeyRequired,
                LoginMethod::Api => How::AccountRequired,
            };
            return Err(Broken { how, key: restriction.key, origin: restriction.origin.clone() });
        }
        match (method, self.allowed_workspaces(), self.workspaces.last()) {
            (LoginMethod::Chatgpt, Some(allowed), Some(last)) if allowed.is_empty() => {
                let how = How::NoWorkspace;
                Err(Broken { how, key: last.key, origin: last.origin.clone() })
            }
            (LoginMethod::Chatgpt | LoginMethod::Api, ..) => Ok(()),
        }
    }

    /// Whether accounts may sign in at `issuer`.
    pub fn may_sign_in_at(&self, issuer: &IssuerUrl) -> Result<(), Broken> {
        self.may_use(LoginMethod::Chatgpt)?;
        match &self.issuer {
            Some(required) if required.value != *issuer => Err(Broken {
                how: How::Issuer { required: required.value.clone(), actual: issuer.clone() },
                key: "keyfob.issuer",
                origin: required.origin.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Judges a credential.
    pub fn judge(&self, presented: Presented<'_>) -> Judgement {
        let (may, workspace) = match presented {
            Presented::Key => (self.may_use(LoginMethod::Api), None),
            Presented::Account { issuer: Some(issuer), workspace } => {
                (self.may_sign_in_at(issuer), Some(workspace))
            }
            Presented::Account { issuer: None, workspace } => {
                (self.may_use(LoginMethod::Chatgpt), Some(workspace))
            }
        };
        if let Err(broken) = may {
            return Judgement::Broken(broken);
        }
        if let (Presented::Account { issuer: None, .. }, Some(required)) = (presented, &self.issuer) {
            return Judgement::Unverified(required.origin.clone());
        }
        let (Some(workspace), Some(allowed)) = (workspace, self.allowed_workspaces()) else {
            return Judgement::Allowed;
        };
        let actual = match workspace {
            Workspace::Of(id) if allowed.contains(id) => return Judgement::Allowed,
            Workspace::Of(id) => Some(id.clone()),
            Workspace::None => None,
            Workspace::Unverified => {
                return self
                    .workspaces
                    .first()
                    .map_or(Judgement::Allowed, |first| Judgement::Unverified(first.origin.clone()));
            }
        };
        let excludes = |restriction: &&Restriction<_>| {
            actual.as_ref().is_none_or(|id| !BTreeSet::contains(&restriction.allows, id))
        };
        match self.workspaces.iter().find(excludes) {
            Some(restriction) => Judgement::Broken(Broken {
                key: restriction.key,
                origin: restriction.origin.clone(),
                how: How::Workspace { allowed, actual },
            }),
            None => Judgement::Allowed,
        }
    }

    /// Refuses restrictions that leave no way to sign in.
    pub(crate) fn check(&self) -> Result<(), Conflict> {
        if [LoginMethod::Chatgpt, LoginMethod::Api].into_iter().any(|method| self.may_use(method).is_ok()) {
            return Ok(());
        }
        let methods = self.methods.iter().map(|restriction| (restriction.key, restriction.origin.clone()));
        let workspaces =
            self.workspaces.iter().map(|restriction| (restriction.key, restriction.origin.clone()));
        Err(Conflict { origins: methods.chain(workspaces).collect() })
    }
}

/// In the words of the Codex CLI, without what it does then.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::KeyRequired => {
                f.write_str("API key login is required, but ChatGPT is currently being used.")
            }
            How::AccountRequired => {
                f.write_str("ChatGPT login is required, but an API key is currently being used.")
            }
            How::NoWorkspace => f.write_str("No workspace is allowed here, so no account can be used."),
            How::Issuer { required, actual } => {
                write!(f, "Accounts sign in at {required} here, but current credentials are of {actual}.")
            }
            How::Workspace { allowed, actual } => {
                let ids: Vec<&str> = allowed.iter().map(WorkspaceId::as_str).collect();
                let ids = ids.join(", ");
                write!(f, "Login is restricted to workspace(s) {ids}, but current credentials ")?;
                match actual {
                    Some(id) => write!(f, "belong to {}.", id.as_str()),
                    None => f.write_str("lack a workspace identifier."),
                }
            }
        }
    }
}

impl std::error::Error for Broken {}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the restrictions permit no usable login method:")?;
        for (number, (key, origin)) in self.origins.iter().enumerate() {
            write!(f, "{} `{key}` in {origin}", if number == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

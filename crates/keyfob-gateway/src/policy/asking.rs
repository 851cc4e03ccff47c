//! Who asked what, as values that can be kept.

use super::question::{Credential, Model, Question, Route, Who};
use crate::authenticate::{Caller, CredentialKind};
use http::Method;
use keyfob_oauth::Scope;

/// What [`super::decide`] looks at, whole: in a request, in a case of a test, or in what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) credential: Credential,
    pub(crate) subject: String,
    pub(crate) workspace: String,
    pub(crate) scope: Scope,
    pub(crate) retention: Option<String>,
    pub(crate) residency: Option<String>,
    pub(crate) data_sharing: Option<bool>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) route: Route,
    pub(crate) method: Method,
    pub(crate) model: OwnedModel,
}

/// As [`Model`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnedModel {
    None,
    Unsaid,
    Named(String),
}

impl From<Model<'_>> for OwnedModel {
    fn from(model: Model<'_>) -> Self {
        match model {
            Model::None => Self::None,
            Model::Unsaid => Self::Unsaid,
            Model::Named(name) => Self::Named(keyfob_oauth::text::printable(name)),
        }
    }
}

impl OwnedModel {
    pub(crate) fn as_model(&self) -> Model<'_> {
        match self {
            Self::None => Model::None,
            Self::Unsaid => Model::Unsaid,
            Self::Named(name) => Model::Named(name),
        }
    }
}

impl Asking {
    /// Keeps what was asked; of names that a caller chose, what people can read.
    pub(crate) fn keep(who: &Who<'_>, question: &Question<'_>) -> Self {
        Self {
            credential: who.credential,
            subject: who.subject.to_owned(),
            workspace: who.workspace.to_owned(),
            scope: who.scope.clone(),
            retention: who.retention.map(str::to_owned),
            residency: who.residency.map(str::to_owned),
            data_sharing: who.data_sharing,
            models: who.models.map(<[String]>::to_vec),
            route: question.route,
            method: question.method.clone(),
            model: question.model.into(),
        }
    }

    pub(crate) fn who(&self) -> Who<'_> {
        Who {
            credential: self.credential,
            subject: &self.subject,
            workspace: &self.workspace,
            scope: &self.scope,
            retention: self.retention.as_deref(),
            residency: self.residency.as_deref(),
            data_sharing: self.data_sharing,
            models: self.models.as_deref(),
        }
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question { route: self.route, method: &self.method, model: self.model.as_model() }
    }
}

impl<'a> From<&'a Caller> for Who<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self {
            credential: match caller.credential {
                CredentialKind::AccessToken { .. } => Credential::AccessToken,
                CredentialKind::PersonalAccessToken { .. } => Credential::PersonalAccessToken,
                CredentialKind::ApiKey { .. } => Credential::ApiKey,
            },
            subject: caller.subject.as_str(),
            workspace: caller.workspace.as_str(),
            scope: &caller.scope,
            retention: caller.data.retention.as_deref(),
            residency: caller.data.residency.as_deref(),
            data_sharing: caller.data.data_sharing,
            models: caller.models.as_deref(),
        }
    }
}

//! What is decided on: who asks, and what for.

use http::Method;
use keyfob_oauth::Scope;
use serde::Deserialize;

/// Who asks, as far as a policy looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who<'a> {
    pub(crate) credential: Credential,
    pub(crate) subject: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) scope: &'a Scope,
    pub(crate) retention: Option<&'a str>,
    pub(crate) residency: Option<&'a str>,
    pub(crate) data_sharing: Option<bool>,
    /// Which models the credential opens; all of them if it names none.
    pub(crate) models: Option<&'a [String]>,
}

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Credential {
    /// Of a sign-in, a workload or an exchange.
    AccessToken,
    /// A person's own, for one workspace.
    PersonalAccessToken,
    /// Of the workspace's API organisation.
    ApiKey,
}

impl Credential {
    pub(crate) const ALL: [Self; 3] = [Self::AccessToken, Self::PersonalAccessToken, Self::ApiKey];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::PersonalAccessToken => "personal_access_token",
            Self::ApiKey => "api_key",
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question<'a> {
    pub(crate) route: Route,
    pub(crate) method: &'a Method,
    pub(crate) model: Model<'a>,
}

/// What kind of address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Route {
    /// `/v1/responses` and what is below.
    Responses,
    /// `/v1/chat/completions` and what is below.
    ChatCompletions,
    /// `/v1/completions`.
    Completions,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/models` and what is below.
    Models,
    /// `/v1/cloud/` (design S3).
    Cloud,
    /// Everything else.
    Other,
}

impl Route {
    pub(crate) const ALL: [Self; 7] = [
        Self::Responses,
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Models,
        Self::Cloud,
        Self::Other,
    ];

    /// Returns the kind of a path below `/v1`.
    pub(crate) fn of(path: &str) -> Self {
        let is = |kind| path.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match () {
            () if is("/responses") => Self::Responses,
            () if is("/chat/completions") => Self::ChatCompletions,
            () if is("/completions") => Self::Completions,
            () if is("/embeddings") => Self::Embeddings,
            () if is("/models") => Self::Models,
            () if is("/cloud") => Self::Cloud,
            () => Self::Other,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Models => "models",
            Self::Cloud => "cloud",
            Self::Other => "other",
        }
    }

    /// Returns what is asked for, in the words of OpenTelemetry's conventions for generative AI where there is one.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Responses | Self::ChatCompletions => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Models | Self::Cloud | Self::Other => "other",
        }
    }
}

/// Which model is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model<'a> {
    /// None is: something is looked up or removed.
    None,
    /// Some model, and the request does not say which: the upstream chooses, or it stands where nobody looks.
    Unsaid,
    /// This one.
    Named(&'a str),
}

impl<'a> Model<'a> {
    /// Returns which model a request to `path` below `/v1` is for; `named` is what its body says.
    pub(crate) fn of(method: &Method, path: &'a str, named: Option<&'a str>) -> Self {
        if let Some(name) = path.strip_prefix("/models/") {
            return Self::Named(name);
        }
        match named {
            Some(name) => Self::Named(name),
            None if method == Method::POST
                && Route::of(path) != Route::Cloud
                && !is_about_an_answer(path) =>
            {
                Self::Unsaid
            }
            None => Self::None,
        }
    }

    pub(crate) const fn name(self) -> Option<&'a str> {
        match self {
            Self::Named(name) => Some(name),
            Self::None | Self::Unsaid => None,
        }
    }
}

/// Whether the path names an answer that was given already, such as `/responses/ID/cancel`.
fn is_about_an_answer(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    segments.next() == Some("responses") && segments.next().is_some() && segments.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_kind() {
        let kinds = [
            ("/responses", Route::Responses),
            ("/responses/resp_1", Route::Responses),
            ("/chat/completions", Route::ChatCompletions),
            ("/chat", Route::Other),
            ("/completions", Route::Completions),
            ("/embeddings", Route::Embeddings),
            ("/models", Route::Models),
            ("/models/m", Route::Models),
            ("/cloud/workspace", Route::Cloud),
            ("/files", Route::Other),
            ("/responsesx", Route::Other),
        ];
        for (path, kind) in kinds {
            assert_eq!(Route::of(path), kind, "{path}");
        }
    }

    #[test]
    fn what_is_posted_runs_some_model_unless_it_is_about_an_answer() {
        let of = |method, path, named| Model::of(&method, path, named);

        assert_eq!(of(Method::POST, "/responses", Some("m")), Model::Named("m"));
        assert_eq!(of(Method::POST, "/responses", None), Model::Unsaid);
        assert_eq!(of(Method::POST, "/responses/compact", None), Model::Unsaid);
        assert_eq!(of(Method::POST, "/batches", None), Model::Unsaid);
        assert_eq!(of(Method::POST, "/responses/resp_1/cancel", None), Model::None);
        assert_eq!(of(Method::POST, "/cloud/tasks", None), Model::None);
        assert_eq!(of(Method::GET, "/responses/resp_1", None), Model::None);
        assert_eq!(of(Method::GET, "/models/m", None), Model::Named("m"));
    }
}

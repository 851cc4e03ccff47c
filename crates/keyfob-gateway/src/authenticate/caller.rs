//! Who calls, in the one shape that everything after it decides on.

use keyfob_jose::Claims;
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The person or tool behind a request, as the issuer vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who signed in, or who made the key.
    pub(crate) subject: Subject,
    /// For which workspace.
    pub(crate) workspace: WorkspaceId,
    /// What the credential may be used for.
    pub(crate) scope: Scope,
    /// What was shown.
    pub(crate) credential: CredentialKind,
    /// What may be done with what is sent.
    pub(crate) data: DataPolicy,
    /// Which models the credential opens; all of them if it names none.
    pub(crate) models: Option<Vec<String>>,
    /// When an access token was made; of a key, when the issuer was asked about it.
    pub(crate) issued: Timestamp,
    /// When the credential ends; a key may last.
    pub(crate) expires: Option<Timestamp>,
}

/// What kinds of credential open the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialKind {
    /// Of a sign-in, a workload or an exchange; verified here.
    AccessToken {
        /// The program that it was given to.
        client: ClientId,
        /// The session that it belongs to, `sid`.
        session: Option<String>,
    },
    /// A person's own, for one workspace; the issuer is asked.
    PersonalAccessToken {
        /// Its `jti`.
        id: String,
    },
    /// Of the workspace's API organisation; the issuer is asked.
    ApiKey {
        /// Its `jti`.
        id: String,
    },
}

impl CredentialKind {
    /// Returns the word that logs, policies and reports use.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::AccessToken { .. } => "access_token",
            Self::PersonalAccessToken { .. } => "personal_access_token",
            Self::ApiKey { .. } => "api_key",
        }
    }

    /// Returns the identifier of a key.
    pub(crate) fn key_id(&self) -> Option<&str> {
        match self {
            Self::AccessToken { .. } => None,
            Self::PersonalAccessToken { id } | Self::ApiKey { id } => Some(id),
        }
    }
}

/// What may be done with what a caller sends (design S4): a sign-in follows its workspace, an API key its organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct DataPolicy {
    /// How long it may be kept, in the words of whoever runs the models.
    pub(crate) retention: Option<String>,
    /// Where it may be processed, in the same words.
    pub(crate) residency: Option<String>,
    /// Whether it may be shared with whoever runs the models; said of API keys alone.
    pub(crate) data_sharing: Option<bool>,
}

/// A token that lives longer than this was not made by an issuer in its right mind (security G-34).
pub(crate) const LONGEST_LIFE: Duration = Duration::from_hours(24);

impl Caller {
    /// Reads the claims of a verified access token; nothing if one that RFC 9068 §2.2 requires is missing or absurd.
    pub(super) fn from_claims(claims: &Claims) -> Option<Self> {
        let (issued, expires) = (claims.time("iat")?, claims.time("exp")?);
        if expires > issued.plus(LONGEST_LIFE) {
            return None;
        }
        let client = ClientId::new(filled(claims, "client_id")?);
        let session = filled(claims, "sid").map(str::to_owned);
        let credential = CredentialKind::AccessToken { client, session };
        Self::with(claims, credential, issued, Some(expires))
    }

    /// Reads what the issuer answered about a key (RFC 7662 §2.2) when it was asked at `asked`.
    pub(super) fn from_introspection(answer: &Claims, asked: Timestamp) -> Option<Self> {
        let id = filled(answer, "jti")?.to_owned();
        let credential = match answer.text("kind")? {
            "personal_access_token" => CredentialKind::PersonalAccessToken { id },
            "api_key" => CredentialKind::ApiKey { id },
            _ => return None,
        };
        let expires = match answer.get("exp") {
            None => None,
            Some(_) => Some(answer.time("exp")?),
        };
        Self::with(answer, credential, asked, expires)
    }

    fn with(
        claims: &Claims,
        credential: CredentialKind,
        issued: Timestamp,
        expires: Option<Timestamp>,
    ) -> Option<Self> {
        Some(Self {
            subject: Subject::new(filled(claims, "sub")?),
            workspace: WorkspaceId::new(filled(claims, "workspace_id")?),
            scope: Scope::parse(claims.text("scope").unwrap_or_default()).ok()?,
            credential,
            data: member::<Option<DataPolicy>>(claims, "data_policy")?.unwrap_or_default(),
            models: member(claims, "models")?,
            issued,
            expires,
        })
    }

    /// Whether the credential has ended by itself.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

fn filled<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.text(name).filter(|text| !text.is_empty())
}

/// Reads a member of its own type; one that is there and cannot be read lets nobody in, since it may forbid what would be done.
fn member<T: DeserializeOwned + Default>(claims: &Claims, name: &str) -> Option<T> {
    claims.get(name).map_or_else(|| Some(T::default()), |value| T::deserialize(value).ok())
}

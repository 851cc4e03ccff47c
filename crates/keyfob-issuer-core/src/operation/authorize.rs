//! The authorization request: checked, and kept until somebody decides (RFC 6749 §4.1.1).

use crate::digest::{InteractionCookie, InteractionDigest, SessionCookie};
use crate::grant::{AuthorizationGrant, Progress};
use crate::issuer::{Fault, Issuer};
use crate::sign_in::CLOUD;
use crate::workspace::AllowedWorkspaces;
use crate::{GrantId, lifetime};
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::token::{Nonce, State};
use keyfob_oauth::{AuthorizationCode, ClientId, ErrorCode, Scope, Secret, Timestamp};
use url::form_urlencoded::Serializer;

/// What a browser brought along; nothing is checked.
#[derive(Clone, Debug, Default)]
pub struct RawAuthorizationRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `response_type`.
    pub response_type: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `state`.
    pub state: Option<State>,
    /// `nonce`.
    pub nonce: Option<Nonce>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`.
    pub max_age: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `resource`.
    pub resource: Option<String>,
    /// `allowed_workspace_id`: ids with commas between them, as the Codex CLI sends them.
    pub allowed_workspace_id: Option<String>,
}

/// An authorization request is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Nobody knows where an answer could safely go, so a page says it (RFC 6749 §4.1.2.1).
    #[error("{0}")]
    Page(PageReason),
    /// The client learns it.
    #[error("the request is refused with {0}")]
    Redirect(ErrorCode, Redirect),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(AuthorizeError);

/// Why a page says that a request cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageReason {
    /// No such client.
    UnknownClient,
    /// The redirect address is not registered for the client.
    UnregisteredRedirect,
}

impl std::fmt::Display for PageReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownClient => "the client is not registered here",
            Self::UnregisteredRedirect => "the redirect address is not registered for the client",
        })
    }
}

/// Where to send the browser: a registered address of a known client, with the answer in its query.
#[derive(Clone, Debug)]
pub struct Redirect(Secret);

impl Redirect {
    /// Returns the address; it may hold an authorization code.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A grant that waits for a decision, and the cookie of the browser that may make it.
#[derive(Clone, Debug)]
pub struct PendingGrant {
    /// Its name.
    pub id: GrantId,
    /// What the browser is given.
    pub cookie: InteractionCookie,
}

/// A registered redirect address of a known client, and the state: the only place that answers go.
pub(crate) struct Destination<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) state: Option<&'a State>,
    pub(crate) issuer: &'a str,
}

impl Destination<'_> {
    pub(crate) fn refuse(&self, code: ErrorCode) -> Redirect {
        self.redirect(&[("error", code.as_str())])
    }

    pub(crate) fn deliver(&self, code: &AuthorizationCode) -> Redirect {
        self.redirect(&[("code", code.expose())])
    }

    fn redirect(&self, answer: &[(&str, &str)]) -> Redirect {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = self.state {
            query.append_pair("state", state.expose());
        }
        // RFC 9207 §2: the client learns which issuer answers.
        query.append_pair("iss", self.issuer);
        Redirect(Secret::new(format!("{}?{}", self.redirect_uri, query.finish())))
    }
}

impl Issuer {
    /// Checks a request and keeps it as a pending grant; `session` is who sits at the browser.
    pub async fn authorize(
        &self,
        request: RawAuthorizationRequest,
        session: Option<&SessionCookie>,
    ) -> Result<PendingGrant, AuthorizeError> {
        let mut transaction = self.begin().await?;
        let client = match &request.client_id {
            Some(id) => transaction.find_client(&ClientId::new(id.as_str())).await?,
            None => None,
        }
        .ok_or(AuthorizeError::Page(PageReason::UnknownClient))?;
        let redirect_uri = request
            .redirect_uri
            .as_deref()
            .filter(|uri| client.kind.accepts_redirect(uri))
            .ok_or(AuthorizeError::Page(PageReason::UnregisteredRedirect))?;
        let destination =
            Destination { redirect_uri, state: request.state.as_ref(), issuer: self.url.as_str() };
        let refuse = |code| AuthorizeError::Redirect(code, destination.refuse(code));

        let Checked { scope, code_challenge, prompt } = self.check(&request).map_err(refuse)?;
        let max_age = max_age(&request).map_err(refuse)?;
        let signed_in_since = match prompt {
            // A confirmation is always shown, so a request that forbids pages cannot succeed (OpenID Connect Core
            // §3.1.2.6).
            Prompting::Forbidden => {
                let is_signed_in = self.person(&mut *transaction, session).await?.is_some();
                return Err(refuse(if is_signed_in {
                    ErrorCode::ConsentRequired
                } else {
                    ErrorCode::LoginRequired
                }));
            }
            Prompting::SignInAgain => Some(self.now()),
            Prompting::Usual => {
                max_age.map(|seconds| Timestamp::from_unix(self.now().as_unix().saturating_sub(seconds)))
            }
        };
        let allowed = match request.allowed_workspace_id.as_deref().map(AllowedWorkspaces::parse) {
            None => AllowedWorkspaces::Any,
            Some(Ok(only)) => only,
            Some(Err(_)) => return Err(refuse(ErrorCode::InvalidRequest)),
        };
        let now = self.now();
        let cookie = InteractionCookie::from(self.entropy.token()?);
        let grant = AuthorizationGrant {
            id: GrantId::generate(now, &*self.entropy)?,
            browser: Some(InteractionDigest::of(&cookie)),
            redirect_uri: redirect_uri.to_owned(),
            scope,
            code_challenge,
            expires_at: now.plus(lifetime::INTERACTION),
            progress: Progress::Pending,
            client_id: client.id,
            state: request.state,
            nonce: request.nonce,
            signed_in_since,
            login_hint: request.login_hint,
            allowed,
            workspace: None,
        };
        transaction.insert_grant(&grant).await?;
        transaction.commit().await?;
        Ok(PendingGrant { id: grant.id, cookie })
    }

    /// Checks what may be told to the client.
    fn check(&self, request: &RawAuthorizationRequest) -> Result<Checked, ErrorCode> {
        match request.response_type.as_deref() {
            Some("code") => {}
            Some(_) => return Err(ErrorCode::UnsupportedResponseType),
            None => return Err(ErrorCode::InvalidRequest),
        }
        if request.response_mode.as_deref().is_some_and(|mode| mode != "query") {
            return Err(ErrorCode::InvalidRequest);
        }
        // RFC 7636 §4.3: an absent method means `plain`, which is not offered.
        if request.code_challenge_method.as_deref() != Some("S256") {
            return Err(ErrorCode::InvalidRequest);
        }
        let challenge = request.code_challenge.as_deref().and_then(|text| CodeChallenge::parse(text).ok());
        let challenge = challenge.ok_or(ErrorCode::InvalidRequest)?;
        if request.resource.as_deref().is_some_and(|resource| resource != self.audience.as_str()) {
            return Err(ErrorCode::InvalidTarget);
        }
        let scope = granted_scope(request.scope.as_deref())?;
        let prompt = prompting(request.prompt.as_deref().unwrap_or_default())?;
        Ok(Checked { scope, code_challenge: challenge, prompt })
    }

    pub(crate) fn destination<'a>(&'a self, grant: &'a AuthorizationGrant) -> Destination<'a> {
        Destination {
            redirect_uri: &grant.redirect_uri,
            state: grant.state.as_ref(),
            issuer: self.url.as_str(),
        }
    }
}

/// What was checked of a request.
struct Checked {
    scope: Scope,
    code_challenge: CodeChallenge,
    prompt: Prompting,
}

/// What a request says of the pages that its person may see (OpenID Connect Core §3.1.2.1).
enum Prompting {
    /// Those that are needed. A confirmation is always among them, and the way to another account is on it, so `consent`
    /// and `select_account` ask for nothing more.
    Usual,
    /// The sign-in too, whoever is signed in.
    SignInAgain,
    /// None.
    Forbidden,
}

fn prompting(prompt: &str) -> Result<Prompting, ErrorCode> {
    let words: Vec<&str> = prompt.split(' ').filter(|word| !word.is_empty()).collect();
    if !words.iter().all(|word| ["none", "login", "consent", "select_account"].contains(word)) {
        return Err(ErrorCode::InvalidRequest);
    }
    match words.as_slice() {
        ["none"] => Ok(Prompting::Forbidden),
        words if words.contains(&"none") => Err(ErrorCode::InvalidRequest),
        words if words.contains(&"login") => Ok(Prompting::SignInAgain),
        _ => Ok(Prompting::Usual),
    }
}

/// Returns how many seconds ago the sign-in may have begun.
fn max_age(request: &RawAuthorizationRequest) -> Result<Option<i64>, ErrorCode> {
    let parsed = request.max_age.as_deref().map(str::parse::<u32>).transpose();
    parsed.map(|seconds| seconds.map(i64::from)).map_err(|_| ErrorCode::InvalidRequest)
}

/// What is granted to a request that asks for nothing in particular.
const DEFAULT_SCOPE: &str = "openid profile email offline_access";

/// Returns every word that means something here.
pub fn known_scope() -> Scope {
    Scope::parse(&format!("{} {CLOUD}", keyfob_codex::authorize::SCOPE)).unwrap_or_default()
}

/// Returns what a device is granted, whose request names nothing.
pub fn device_scope() -> Scope {
    Scope::parse(keyfob_codex::authorize::SCOPE).unwrap_or_default()
}

/// Returns the words that mean something here; the others are passed over, and the answer says so (RFC 6749 §3.3).
pub(crate) fn granted_scope(requested: Option<&str>) -> Result<Scope, ErrorCode> {
    let known = known_scope();
    let requested = Scope::parse(requested.unwrap_or(DEFAULT_SCOPE)).map_err(|_| ErrorCode::InvalidScope)?;
    let granted: Vec<&str> = requested.words().filter(|word| known.contains(word)).collect();
    Scope::parse(&granted.join(" ")).map_err(|_| ErrorCode::InvalidScope)
}

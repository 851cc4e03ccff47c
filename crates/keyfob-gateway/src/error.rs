//! Answers that are not the upstream's, each saying whose fault it is, in the shape that clients of the API read.

use crate::body::{Body, BodyError, full};
use crate::limits::LimitReached;
use crate::own_usage::NotTold;
use crate::policy::Refused;
use http::{HeaderValue, Response, StatusCode, header};
use keyfob_oauth::Capability;
use serde_json::{Map, Value, json};

/// Why a request was not served.
///
/// The caller's faults come first, then the gateway's, then the upstream's. The real Codex CLI prints the message and offers
/// nothing itself, so a refused caller is told the remedy there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// One sentence for every token that is presented in vain: which check failed is nobody's business (G-33).
    #[error(
        "The access token is not valid here. Run `keyfob login` to sign in again (`keyfob status` shows the present \
         sign-in). If Codex signed in to this gateway by itself, remove `$CODEX_HOME/secrets/gateway_oauth.json` and \
         sign in again"
    )]
    InvalidToken,
    #[error(
        "This gateway needs an access token. Run `keyfob login` to sign in, then send the token that `keyfob token` \
         prints as `Authorization: Bearer TOKEN`"
    )]
    MissingToken,
    #[error(
        "A cookie with a credential does not count when a web page sent it; this gateway is for programs"
    )]
    CookieFromPage,
    #[error("{}", .0.refusal_of_keys())]
    KeyForCapability(Capability),
    #[error(
        "This needs the scope `{}`, which the present sign-in does not have. Run `keyfob login --cloud` to sign in for it; \
         a workspace's administrator decides whether its members have it", .0.scope()
    )]
    CapabilityMissing(Capability),
    #[error("{0}")]
    Policy(Refused),
    #[error("{0}")]
    Limit(Box<LimitReached>),
    #[error(
        "{} has no price in this gateway's `prices.toml`, and what has no price cannot be held to a budget. The gateway's \
         administrator can add it", .0.as_ref().map_or_else(|| "A request without a model".to_owned(), |model| format!("The model `{model}`"))
    )]
    ModelUnpriced(Option<String>),
    #[error(
        "What this uses cannot be counted, and this gateway has limits: it takes no work in the background, and answers \
         `/v1/responses`, `/v1/chat/completions`, `/v1/completions` and `/v1/embeddings`"
    )]
    NotCounted,
    #[error("{0}")]
    NotTold(#[from] NotTold),
    #[error("There is nothing at this address")]
    NotFound,
    #[error("This method is not allowed")]
    MethodNotAllowed,
    #[error("The request target must be a path of this gateway")]
    OtherHost,
    #[error(
        "This gateway does not change protocols on a connection; set `supports_websockets = false` in the client"
    )]
    Upgrade,
    #[error("The name of a header holds what no name may hold")]
    InvalidHeader,
    #[error("A GET or HEAD request must come without a body")]
    UnexpectedBody,
    #[error("The request body is larger than 32 MiB")]
    BodyTooLarge,
    #[error("The request body did not arrive whole")]
    BodyBroken,
    #[error("The request body is not a JSON object in plain encoding")]
    NotJson,
    #[error("The gateway has not reached its issuer yet and cannot check access tokens. Try again shortly")]
    KeysUnavailable,
    #[error(
        "The gateway has not heard from its issuer for too long, and cannot tell which sessions have ended. Try again \
         shortly"
    )]
    RevocationsUnknown,
    #[error(
        "The gateway cannot write down what is used, and sends nothing that is not written down. This is the gateway's \
         fault; its administrator must look after its data folder"
    )]
    LedgerUnavailable,
    #[error("The gateway cannot reach its upstream")]
    UpstreamUnreachable,
    #[error("The gateway's upstream did not answer in time")]
    UpstreamSilent,
    #[error("The gateway's upstream redirected the request, which is not followed")]
    UpstreamRedirected,
    #[error("The gateway's upstream refused the gateway's own credential; its administrator must replace it")]
    UpstreamRefusedGateway,
    #[error("The gateway's upstream gave an answer that cannot be passed on")]
    UpstreamUnusable,
}

/// The plain challenge, for a request without a token (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer realm="keyfob""#);
/// The challenge for a token that is not accepted (RFC 6750 §3.1).
const CHALLENGE_INVALID: HeaderValue = HeaderValue::from_static(
    r#"Bearer realm="keyfob", error="invalid_token", error_description="The access token is not valid here""#,
);
/// The challenge for a token that is valid and not enough (RFC 6750 §3.1).
const CHALLENGE_CLOUD: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="keyfob", error="insufficient_scope", scope="cloud""#);
/// How soon a caller may try again while the issuer is out of reach, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

impl Refusal {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidToken | Self::MissingToken => StatusCode::UNAUTHORIZED,
            Self::KeyForCapability(_)
            | Self::CapabilityMissing(_)
            | Self::CookieFromPage
            | Self::ModelUnpriced(_)
            | Self::NotCounted => StatusCode::FORBIDDEN,
            Self::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Policy(refused) => refused.status(),
            Self::NotTold(reason) => reason.status(),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::OtherHost
            | Self::InvalidHeader
            | Self::UnexpectedBody
            | Self::BodyBroken
            | Self::NotJson => StatusCode::BAD_REQUEST,
            Self::Upgrade => StatusCode::NOT_IMPLEMENTED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::KeysUnavailable | Self::RevocationsUnknown | Self::LedgerUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpstreamSilent => StatusCode::GATEWAY_TIMEOUT,
            Self::UpstreamUnreachable
            | Self::UpstreamRedirected
            | Self::UpstreamRefusedGateway
            | Self::UpstreamUnusable => StatusCode::BAD_GATEWAY,
        }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::MissingToken => "missing_token",
            Self::CookieFromPage => "cookie_from_page",
            Self::KeyForCapability(_) => "account_sign_in_required",
            Self::CapabilityMissing(_) => "insufficient_scope",
            Self::Policy(refused) => refused.code(),
            Self::Limit(reached) => reached.code(),
            Self::ModelUnpriced(_) => "model_unpriced",
            Self::NotCounted => "not_counted",
            Self::NotTold(reason) => reason.code(),
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::OtherHost => "invalid_target",
            Self::Upgrade => "upgrade_not_supported",
            Self::InvalidHeader => "invalid_header",
            Self::UnexpectedBody => "unexpected_body",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::NotJson => "invalid_json",
            Self::KeysUnavailable => "issuer_unreachable",
            Self::RevocationsUnknown => "revocations_unknown",
            Self::LedgerUnavailable => "ledger_unavailable",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamSilent => "upstream_timeout",
            Self::UpstreamRedirected => "upstream_redirect",
            Self::UpstreamRefusedGateway => "upstream_refused_gateway",
            Self::UpstreamUnusable => "upstream_unusable",
        }
    }

    const fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Self::InvalidToken => Some(CHALLENGE_INVALID),
            Self::MissingToken => Some(CHALLENGE),
            Self::KeyForCapability(Capability::Cloud) | Self::CapabilityMissing(Capability::Cloud) => {
                Some(CHALLENGE_CLOUD)
            }
            _ => None,
        }
    }

    /// Whether the connection is of no further use: what follows on it may not be what it seems.
    const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::MethodNotAllowed
                | Self::OtherHost
                | Self::Upgrade
                | Self::UnexpectedBody
                | Self::BodyTooLarge
                | Self::BodyBroken
        )
    }

    /// Returns the answer; JSON always, never a page and never a redirect.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut error = object(self.status(), self.code(), &self.to_string());
        if let Self::Limit(reached) = &self {
            error.insert("type".into(), reached.error_type().into());
            error.extend(reached.resets_at().map(|moment| ("resets_at".into(), moment.as_unix().into())));
        }
        let mut response = respond(self.status(), &error);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Self::Limit(reached) = &self {
            reached.tell(headers);
        }
        if matches!(self, Self::KeysUnavailable | Self::RevocationsUnknown) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.ends_connection() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What is wrong with a body that a caller sends.
impl From<&BodyError> for Refusal {
    fn from(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge,
            BodyError::BrokenOff(_) | BodyError::StoodStill | BodyError::Cut => Self::BodyBroken,
        }
    }
}

/// Returns an answer in the shape that clients of the API read; JSON always, never a page and never a redirect.
pub(crate) fn answer(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    respond(status, &object(status, code, message))
}

fn object(status: StatusCode, code: &str, message: &str) -> Map<String, Value> {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let fields =
        [("message", message.into()), ("type", kind.into()), ("param", Value::Null), ("code", code.into())];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

fn respond(status: StatusCode, error: &Map<String, Value>) -> Response<Body> {
    let mut response = Response::new(full(json!({ "error": error }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

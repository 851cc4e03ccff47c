//! Handing a login over to another machine: what is carried there, and how it is had (security C-65).

mod sealed;

pub use sealed::{Passphrase, SealedError, is_sealed, open, seal};

use crate::account::Account;
use crate::endpoints::{DiscoveryError, Endpoints};
use crate::refresh::RefreshError;
use crate::session::Session;
use crate::store::StoreError;
use crate::token_endpoint::{TokenError, redeem_handoff};
use keyfob_codex::auth_file::Login;
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{ClientId, Clock, HandoffCode, IssuerUrl, Timestamp, text};
use keyfob_settings::Judgement;
use serde::{Deserialize, Serialize};

/// What is carried to another machine: where a session begins there, and by what. It works once, and for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// Who is asked.
    pub issuer: IssuerUrl,
    /// As which client.
    pub client_id: ClientId,
    /// What is redeemed.
    pub code: HandoffCode,
    /// Whose login it is, for showing only.
    pub email: Option<String>,
    /// When it ends, by this machine's clock.
    pub expires_at: Timestamp,
}

/// More than any of ours; what is longer is not read to its end.
pub const MOST_BYTES: usize = 64 * 1024;
/// Who reads it knows what it is, and of which form.
const VERSION: u32 = 1;

/// There is nothing to carry.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// Nobody is signed in.
    #[error("not signed in")]
    SignedOut,
    /// The stored login is no session of an account.
    #[error("what is stored ({0}) has no session that could be handed over")]
    NotASession(&'static str),
    /// The login does not say who issued it, so it is OpenAI's.
    #[error("OpenAI's issuer gives no second session for a login")]
    NoIssuer,
    /// The issuer gives no second session.
    #[error("{0} gives no second session for a login")]
    NotOffered(IssuerUrl),
    /// The login breaks a restriction.
    #[error(transparent)]
    Restricted(Box<RefreshError>),
    /// The store cannot be used.
    #[error("the login cannot be read")]
    Store(#[source] StoreError),
    /// The issuer cannot be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer refused, or did not answer.
    #[error("{issuer} gives nothing to hand over")]
    Refused {
        /// Which issuer.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
}

/// What came is nothing that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHandoff {
    /// It is of no form of ours.
    #[error("it is not what `keyfob handoff` sends")]
    NotOurs,
    /// It is of a later form.
    #[error("a later version of keyfob has made it")]
    Later,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    keyfob_handoff: u32,
    issuer: String,
    client_id: String,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    expires_at: i64,
}

#[derive(Deserialize)]
struct AnyVersion {
    keyfob_handoff: u32,
}

impl Handoff {
    /// Writes it on one line; whoever reads that can have a session.
    pub fn to_line(&self) -> zeroize::Zeroizing<String> {
        let wire = Wire {
            keyfob_handoff: VERSION,
            issuer: self.issuer.as_str().to_owned(),
            client_id: self.client_id.as_str().to_owned(),
            code: self.code.expose().to_owned(),
            email: self.email.clone(),
            expires_at: self.expires_at.as_unix(),
        };
        zeroize::Zeroizing::new(serde_json::json!(wire).to_string())
    }

    /// Reads what [`Handoff::to_line`] has written.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidHandoff> {
        let AnyVersion { keyfob_handoff } =
            serde_json::from_slice(bytes).map_err(|_| InvalidHandoff::NotOurs)?;
        if keyfob_handoff != VERSION {
            return Err(InvalidHandoff::Later);
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| InvalidHandoff::NotOurs)?;
        Ok(Self {
            issuer: IssuerUrl::parse(&wire.issuer).map_err(|_| InvalidHandoff::NotOurs)?,
            client_id: ClientId::new(wire.client_id),
            code: HandoffCode::new(wire.code),
            email: wire.email.as_deref().map(text::printable),
            expires_at: Timestamp::from_unix(wire.expires_at),
        })
    }
}

/// Asks the issuer of the stored login, whose refresh token stays the current one.
pub(crate) async fn make(session: &Session, name: &str, clock: &dyn Clock) -> Result<Handoff, HandOverError> {
    let (store, network) = (session.store(), session.network());
    let found = held(store.login().await.map_err(HandOverError::Store)?)?;
    let issuer = found.issuer;
    let http = network
        .client(&issuer)
        .map_err(|source| DiscoveryError::Unreachable { issuer: issuer.clone(), source })?;
    let endpoints = Endpoints::discover(&http, &issuer).await?;
    if !endpoints.hands_over {
        return Err(HandOverError::NotOffered(issuer));
    }
    // Under the lock no other process of ours spends the token in between.
    let lock = store.lock().await.map_err(HandOverError::Store)?;
    let slot = store.load_locked().await.map_err(HandOverError::Store)?;
    if session.judgement_of(&slot) != Judgement::Allowed {
        return Err(HandOverError::Store(StoreError::Changed));
    }
    let (_, record) = slot.record().map_err(HandOverError::Store)?.ok_or(HandOverError::SignedOut)?;
    let held = held(Some(record.login()))?;
    if held.issuer != issuer {
        return Err(HandOverError::Store(StoreError::Changed));
    }
    let request = TokenRequest::HandOver {
        client_id: held.client_id.clone(),
        refresh_token: held.refresh_token,
        name: name.to_owned(),
    };
    let given = redeem_handoff(&http, endpoints.token.as_str(), &request).await;
    drop(lock);
    let (code, life) = given.map_err(|source| HandOverError::Refused { issuer: issuer.clone(), source })?;
    let expires_at = clock.now().plus(life);
    Ok(Handoff { issuer, client_id: held.client_id, code, email: held.email, expires_at })
}

/// What of a login hands over.
struct Held {
    issuer: IssuerUrl,
    client_id: ClientId,
    refresh_token: keyfob_oauth::RefreshToken,
    email: Option<String>,
}

fn held(login: Option<Login>) -> Result<Held, HandOverError> {
    let tokens = match login {
        None => return Err(HandOverError::SignedOut),
        Some(Login::ApiKey) => return Err(HandOverError::NotASession("API key")),
        Some(Login::AccessToken(_)) => return Err(HandOverError::NotASession("personal access token")),
        Some(Login::Foreign(_)) => return Err(HandOverError::NotASession("login of another kind")),
        Some(Login::Account(tokens)) => tokens,
    };
    let email = Account::of_stored(&tokens).email;
    let from = tokens.provenance.ok_or(HandOverError::NoIssuer)?;
    let refresh_token = tokens.refresh_token.ok_or(HandOverError::NotASession("no refresh token"))?;
    Ok(Held { issuer: from.issuer, client_id: from.client_id, refresh_token, email })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_65_what_is_carried_is_read_as_it_was_written_and_nothing_else_is() {
        let handoff = Handoff {
            issuer: IssuerUrl::parse("https://id.test").unwrap(),
            client_id: ClientId::new("app"),
            code: HandoffCode::new("kfh_x.y"),
            email: Some("mia@example.org".into()),
            expires_at: Timestamp::from_unix(600),
        };
        let line = handoff.to_line();

        assert_eq!(Handoff::parse(line.as_bytes()), Ok(handoff));
        let later = line.replace("\"keyfob_handoff\":1", "\"keyfob_handoff\":2");
        assert_eq!(Handoff::parse(later.as_bytes()), Err(InvalidHandoff::Later));
        for other in ["", "{}", "kfh_x.y", &line.replace("https:", "file:"), &line.replace("code", "cod")] {
            assert_eq!(Handoff::parse(other.as_bytes()), Err(InvalidHandoff::NotOurs), "{other}");
        }
    }
}

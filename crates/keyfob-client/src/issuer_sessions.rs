//! A person's sessions at their issuer, where it lists them: see them, end one, end all (`docs/sessions.md`).

use crate::endpoints::{DiscoveryError, Endpoints};
use crate::http::{Answer, HttpClient, HttpError};
use crate::network::Network;
use crate::refresh::RefreshError;
use keyfob_oauth::{AccessToken, IssuerUrl, text};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::Url;

/// The list of sessions at one issuer, opened with an access token of one of them.
#[derive(Debug)]
pub struct IssuerSessions {
    issuer: IssuerUrl,
    http: HttpClient,
    endpoint: Url,
    token: AccessToken,
}

/// A session as the issuer tells it, made printable; times are text of RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSession {
    /// Its name at the issuer, by which it is ended.
    pub id: String,
    /// What the person calls it.
    pub name: Option<String>,
    /// The program that signed in, else the client that it is.
    pub tool: String,
    /// The machine it runs on, as it said.
    pub machine: Option<String>,
    /// The address it signed in from.
    pub place: Option<String>,
    /// When it began.
    pub created_at: String,
    /// When it was last refreshed.
    pub last_used_at: String,
    /// When it ends if nobody uses it.
    pub expires_at: String,
    /// Whether it is the session of the stored login.
    pub is_current: bool,
}

/// The sessions at an issuer cannot be seen or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// The stored login has no access token that the issuer would take.
    #[error("the sessions cannot be asked for")]
    Token(#[source] RefreshError),
    /// The stored login names no issuer.
    #[error("the stored login does not say who issued it")]
    NoIssuer,
    /// The issuer's endpoints cannot be found.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer lists no sessions.
    #[error("{0} has no list of sessions")]
    NotOffered(IssuerUrl),
    /// There is no such session, or none of this person.
    #[error("{0} knows no such session of yours")]
    NotFound(IssuerUrl),
    /// The issuer refused.
    #[error("{issuer} refused to list or end sessions (status {status})")]
    Refused {
        /// Who.
        issuer: IssuerUrl,
        /// With which status.
        status: u16,
    },
    /// The answer is no list of sessions.
    #[error("{0} answered with something that is no list of sessions")]
    Unusable(IssuerUrl),
    /// The issuer did not answer.
    #[error("{issuer} did not answer")]
    Unreachable {
        /// Who.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: HttpError,
    },
}

/// A person waits.
const LIMIT: Duration = Duration::from_secs(10);

impl IssuerSessions {
    /// Finds the list of `issuer`; the token goes nowhere yet.
    pub(crate) async fn open(
        network: &Network,
        issuer: IssuerUrl,
        token: AccessToken,
    ) -> Result<Self, SessionsError> {
        let http = network
            .client(&issuer)
            .map_err(|source| SessionsError::Unreachable { issuer: issuer.clone(), source })?;
        let found = Endpoints::discover(&http, &issuer).await?;
        let endpoint = found.sessions.ok_or_else(|| SessionsError::NotOffered(issuer.clone()))?;
        Ok(Self { issuer, http, endpoint, token })
    }

    /// Returns the sessions that go on, the newest first.
    pub async fn list(&self) -> Result<Vec<IssuerSession>, SessionsError> {
        let answer = self.ask(Method::GET, &self.endpoint).await?;
        let list: WireList = self.read(&answer)?;
        Ok(list.sessions.into_iter().map(IssuerSession::from).collect())
    }

    /// Ends one session.
    pub async fn end(&self, id: &str) -> Result<(), SessionsError> {
        self.ask(Method::DELETE, &self.address_of(id)?).await.map(drop)
    }

    /// Calls one session `name`; an empty one takes its name away.
    pub async fn rename(&self, id: &str, name: &str) -> Result<(), SessionsError> {
        let body = json!({ "name": name });
        let address = self.address_of(id)?;
        let sent = self.http.send_json_with_token(LIMIT, Method::PATCH, &address, &self.token, &body).await;
        self.understood(sent).map(drop)
    }

    fn address_of(&self, id: &str) -> Result<Url, SessionsError> {
        let mut address = self.endpoint.clone();
        match address.path_segments_mut() {
            Ok(mut segments) => drop(segments.push(id)),
            Err(()) => return Err(SessionsError::NotOffered(self.issuer.clone())),
        }
        Ok(address)
    }

    /// Ends every session of the person; returns how many there were.
    pub async fn end_all(&self) -> Result<u64, SessionsError> {
        let answer = self.ask(Method::DELETE, &self.endpoint).await?;
        let ended: WireEnded = self.read(&answer)?;
        Ok(ended.ended)
    }

    async fn ask(&self, method: Method, address: &Url) -> Result<Answer, SessionsError> {
        self.understood(self.http.send_with_token(LIMIT, method, address, &self.token).await)
    }

    fn understood(&self, sent: Result<Answer, HttpError>) -> Result<Answer, SessionsError> {
        let issuer = self.issuer.clone();
        match sent {
            Err(source) => Err(SessionsError::Unreachable { issuer, source }),
            Ok(answer) if matches!(answer.status, 200 | 204) => Ok(answer),
            Ok(Answer { status: 404, .. }) => Err(SessionsError::NotFound(issuer)),
            Ok(Answer { status, .. }) => Err(SessionsError::Refused { issuer, status }),
        }
    }

    fn read<'a, T: Deserialize<'a>>(&self, answer: &'a Answer) -> Result<T, SessionsError> {
        serde_json::from_slice(&answer.body).map_err(|_| SessionsError::Unusable(self.issuer.clone()))
    }
}

#[derive(Deserialize)]
struct WireList {
    sessions: Vec<WireSession>,
}

#[derive(Deserialize)]
struct WireEnded {
    ended: u64,
}

#[derive(Deserialize)]
struct WireSession {
    id: String,
    name: Option<String>,
    client_name: String,
    tool: Option<String>,
    machine: Option<String>,
    place: Option<String>,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    #[serde(default)]
    current: bool,
}

impl From<WireSession> for IssuerSession {
    fn from(wire: WireSession) -> Self {
        let shown = |given: Option<String>| given.as_deref().map(text::printable);
        Self {
            id: text::printable(&wire.id),
            name: shown(wire.name),
            tool: text::printable(&wire.tool.unwrap_or(wire.client_name)),
            machine: shown(wire.machine),
            place: shown(wire.place),
            created_at: text::printable(&wire.created_at),
            last_used_at: text::printable(&wire.last_used_at),
            expires_at: text::printable(&wire.expires_at),
            is_current: wire.current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_52_what_the_issuer_says_of_a_session_is_shown_without_control_characters() {
        let wire = r#"{"sessions":[{"id":"1","name":"\u001b[2J","client_name":"c\u202e","machine":"m\u0007",
            "created_at":"2026-11-24T18:00:00Z","last_used_at":"","expires_at":"","later":1}]}"#;

        let list: WireList = serde_json::from_str(wire).unwrap();

        let expected = IssuerSession {
            id: "1".into(),
            name: Some("[2J".into()),
            tool: "c".into(),
            machine: Some("m".into()),
            place: None,
            created_at: "2026-11-24T18:00:00Z".into(),
            last_used_at: String::new(),
            expires_at: String::new(),
            is_current: false,
        };
        assert_eq!(list.sessions.into_iter().map(IssuerSession::from).collect::<Vec<_>>(), [expected]);
    }
}

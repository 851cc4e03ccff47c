//! A credential, whom it is for, and the one door at which it becomes something that is sent.

use super::server::{Authorization, Destination, Server};
use crate::store::Digest;
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_codex::provider::{OPENAI_ACCOUNTS, OPENAI_API};
use keyfob_jose::read_unverified;
use keyfob_oauth::{AccessToken, ApiKey, IssuerUrl, Secret, WorkspaceId};
use serde_json::Value;
use std::fmt;
use url::Url;

/// What is shown to a provider, as a bearer token (RFC 6750 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The text.
    pub secret: Secret,
    /// Whom it is for.
    pub bound: Bound,
}

/// Whom a credential is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The provider that names it: its variable, its command, its key.
    Provider,
    /// Whoever its issuer vouches for: it stands for a person, and providers come and go.
    Person {
        /// Who issued it.
        issuer: IssuerUrl,
        /// What it says it is for.
        audiences: Vec<String>,
        /// The workspace of an account.
        workspace: Option<WorkspaceId>,
        /// Whether it is an account's, not a key.
        is_account: bool,
    },
}

/// The beginning of a SHA-256: tells two credentials apart and gives away neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

/// A credential does not go to a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{issuer} does not vouch for {server}, so what it issued is not sent there")]
pub struct Refusal {
    /// Whose credential it is.
    pub issuer: IssuerUrl,
    /// Where it would have gone.
    pub server: Server,
}

impl Refusal {
    /// Whether it would have gone to OpenAI, where models are when nothing else is configured.
    pub fn is_of_openai(&self) -> bool {
        [OPENAI_API, OPENAI_ACCOUNTS]
            .into_iter()
            .any(|url| Url::parse(url).ok().as_ref().and_then(Server::of).as_ref() == Some(&self.server))
    }
}

impl Credential {
    /// One that belongs to the provider alone.
    pub fn of_provider(secret: Secret) -> Self {
        Self { secret, bound: Bound::Provider }
    }

    /// A key: one of ours is of `own_issuer`, every other one OpenAI's.
    pub fn of_key(key: &ApiKey, own_issuer: Option<&IssuerUrl>) -> Option<Self> {
        let issuer = if key.is_of_keyfob() { own_issuer.cloned() } else { openai() }?;
        let bound = Bound::Person { issuer, audiences: Vec::new(), workspace: None, is_account: false };
        Some(Self { secret: Secret::new(key.expose().to_owned()), bound })
    }

    /// An access token of `issuer`; what it says it is for is its issuer's word, which it came from.
    pub fn of_account(
        token: &AccessToken,
        issuer: Option<IssuerUrl>,
        workspace: Option<WorkspaceId>,
    ) -> Option<Self> {
        let claims = read_unverified(token.expose());
        let audiences = match claims.as_ref().and_then(|claims| claims.get("aud")) {
            Some(Value::String(only)) => vec![only.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(_) | None => Vec::new(),
        };
        let issuer = issuer.or_else(openai)?;
        let bound = Bound::Person { issuer, audiences, workspace, is_account: true };
        Some(Self { secret: Secret::new(token.expose().to_owned()), bound })
    }

    /// Returns its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.secret)
    }
}

impl Fingerprint {
    const LENGTH: usize = 12;

    /// Returns that of `secret`.
    pub fn of(secret: &Secret) -> Self {
        let hex = Digest::of(secret.expose().as_bytes()).to_hex();
        Self(hex.chars().take(Self::LENGTH).collect())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Binds `credential` to the server that it would go to, or refuses; `named` are the servers that the person names for their login.
///
/// What a provider has of its own goes to it. What stands for a person goes where its issuer serves, where it says itself
/// that it is for, to the person's own machine if its issuer is there too, and to the servers that the person names; that
/// the configuration shared with other programs asks for it is not enough (`docs/decisions/0014`).
pub fn authorize(credential: &Credential, to: &Destination, named: &[Url]) -> Result<Authorization, Refusal> {
    let server = to.server.clone();
    if let Bound::Person { issuer, audiences, .. } = &credential.bound
        && !vouches(issuer, audiences, &server)
        && !named.iter().any(|named| Server::of(named).as_ref() == Some(&server))
    {
        return Err(Refusal { issuer: issuer.clone(), server });
    }
    Ok(Authorization::new(credential.secret.clone(), server))
}

fn vouches(issuer: &IssuerUrl, audiences: &[String], server: &Server) -> bool {
    let is_server = |text: &str| at(text).as_ref() == Some(server);
    let own = at(issuer.as_str());
    let is_openais =
        issuer.as_str() == UNNAMED_ISSUER && [OPENAI_API, OPENAI_ACCOUNTS].into_iter().any(is_server);
    let is_neighbour = server.is_loopback() && own.as_ref().is_some_and(Server::is_loopback);
    own.as_ref() == Some(server)
        || is_openais
        || is_neighbour
        || audiences.iter().any(|audience| is_server(audience))
}

fn at(text: &str) -> Option<Server> {
    Url::parse(text).ok().as_ref().and_then(Server::of)
}

fn openai() -> Option<IssuerUrl> {
    IssuerUrl::parse(UNNAMED_ISSUER).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(issuer: &str, audiences: &[&str]) -> Credential {
        Credential {
            secret: Secret::new("t".into()),
            bound: Bound::Person {
                issuer: IssuerUrl::parse(issuer).unwrap(),
                audiences: audiences.iter().map(|text| (*text).to_owned()).collect(),
                workspace: None,
                is_account: true,
            },
        }
    }

    fn goes(credential: &Credential, to: &str, named: &[&str]) -> bool {
        let named: Vec<Url> = named.iter().map(|text| Url::parse(text).unwrap()).collect();
        let url = Url::parse(to).unwrap();
        let to = Destination { server: Server::of(&url).unwrap(), url };
        authorize(credential, &to, &named).is_ok_and(|bound| bound.for_url(&to.url).is_ok())
    }

    #[test]
    fn c_23_a_login_goes_only_where_its_issuer_vouches_or_the_person_names_the_server() {
        let openais = account(UNNAMED_ISSUER, &["https://api.openai.com/v1"]);
        let ours = account("https://id.test", &["https://gw.test"]);

        for to in [
            "https://api.openai.com/v1",
            "https://chatgpt.com/backend-api/codex",
            "https://auth.openai.com/x",
        ] {
            assert!(goes(&openais, to, &[]), "{to}");
            assert!(!goes(&ours, to, &[]), "{to}");
        }
        for evil in [
            "https://evil.test/v1",
            "https://api.openai.com.evil.test/v1",
            "http://127.0.0.1:9/v1",
            "https://api.openai.com:8443/v1",
        ] {
            assert!(!goes(&openais, evil, &[]), "{evil}");
        }
        assert!(goes(&ours, "https://gw.test/v1", &[]), "the token says so");
        assert!(goes(&ours, "https://id.test/v1", &[]));
        for evil in
            ["https://gw.test:8443/v1", "http://gw.test/v1", "https://gw.test./v1", "https://evil.test/v1"]
        {
            assert!(!goes(&ours, evil, &[]), "{evil}");
        }
        assert!(goes(&openais, "https://evil.test/v1", &["https://evil.test"]));
        assert!(!goes(&openais, "https://evil.test:1/v1", &["https://evil.test"]));
    }

    #[test]
    fn c_23_an_issuer_of_this_machine_vouches_for_servers_of_this_machine() {
        let local = account("http://localhost:8400", &["http://localhost:8400"]);

        assert!(goes(&local, "http://127.0.0.1:8401/v1", &[]));
        assert!(goes(&local, "http://localhost:8401/v1", &[]));
        assert!(!goes(&local, "https://gw.test/v1", &[]));
        assert!(!goes(&local, "http://localhost.evil.test:8401/v1", &[]));
    }

    #[test]
    fn c_23_a_key_is_openais_unless_it_is_one_of_ours() {
        let own = IssuerUrl::parse("https://id.test").unwrap();
        let openais = Credential::of_key(&ApiKey::new("sk-1"), Some(&own)).unwrap();
        let ours = Credential::of_key(&ApiKey::new("sk-kf-1"), Some(&own)).unwrap();

        assert!(
            goes(&openais, "https://api.openai.com/v1", &[]) && !goes(&openais, "https://id.test/v1", &[])
        );
        assert!(goes(&ours, "https://id.test/v1", &[]) && !goes(&ours, "https://api.openai.com/v1", &[]));
        assert_eq!(Credential::of_key(&ApiKey::new("sk-kf-1"), None), None);
    }

    #[test]
    fn c_23_what_a_provider_has_of_its_own_goes_to_it() {
        let own = Credential::of_provider(Secret::new("k".into()));

        assert!(goes(&own, "https://anywhere.test/v1", &[]));
        // The first 12 digits of the SHA-256 of "k".
        assert_eq!(own.fingerprint().to_string(), "8254c329a928");
    }
}

//! What one used at a provider of models, as its gateway tells it (`docs/usage.md`).

use super::server::{Authorization, Destination, OtherServer, Server};
use crate::http::{Answer, HttpError};
use crate::network::Network;
use keyfob_codex::provider::{OPENAI_ACCOUNTS, OPENAI_API};
use keyfob_oauth::{IssuerUrl, Secret, text};
use keyfob_usage::{Ask, NOT_KEPT, OwnUsage, PATH};
use std::time::Duration;
use url::Url;

/// What was used is not known.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The provider's server is no gateway of Keyfob's, or one that is older than this question.
    #[error("{0} does not tell what was used: it is no Keyfob gateway, or an older one")]
    NotAGateway(Server),
    /// The gateway keeps no ledger.
    #[error("the gateway {0} does not write down what is used")]
    NotKept(Server),
    /// It refused.
    #[error("{server} refused to tell what was used (status {status}){}", said(.message.as_deref()))]
    Refused {
        /// Who.
        server: Server,
        /// With which status.
        status: u16,
        /// Its words for people, made printable.
        message: Option<String>,
    },
    /// It did not answer.
    #[error("{server} did not answer")]
    Unreachable {
        /// Who.
        server: Server,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// The credential is another server's.
    #[error(transparent)]
    OtherServer(#[from] OtherServer),
}

impl UsageError {
    /// Whether a newer credential may be taken where this one was not.
    pub fn is_of_credential(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

fn said(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}

/// A person waits.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks the gateway at `to` what whoever `shown` stands for has used; `beside` goes along as with every request there.
///
/// OpenAI's own servers, which are no gateways, are not asked.
pub async fn own_usage(
    network: &Network,
    to: &Destination,
    shown: &Authorization,
    beside: &[(String, Secret)],
    ask: Ask,
) -> Result<OwnUsage, UsageError> {
    let server = || to.server.clone();
    let address = address(&to.url, ask).filter(|_| !is_openais(&to.server));
    let address = address.ok_or_else(|| UsageError::NotAGateway(server()))?;
    let secret = shown.for_url(&address)?;
    let origin = IssuerUrl::parse(&to.server.to_string()).map_err(|_| UsageError::NotAGateway(server()))?;
    let unreachable = |source| UsageError::Unreachable { server: server(), source };
    let http = network.client(&origin).map_err(unreachable)?;
    let answer = http.get_with(LIMIT, &address, secret, beside).await.map_err(unreachable)?;
    understood(&answer, server())
}

fn is_openais(server: &Server) -> bool {
    let openais = [OPENAI_API, OPENAI_ACCOUNTS].into_iter().filter_map(|text| Url::parse(text).ok());
    openais.filter_map(|url| Server::of(&url)).any(|openais| openais == *server)
}

/// Returns where it is asked: below the address of the provider's models, as every request there.
fn address(base: &Url, ask: Ask) -> Option<Url> {
    let mut address = base.clone();
    address.path_segments_mut().ok()?.pop_if_empty().extend(PATH.split('/').skip(1));
    address.set_query(Some(&ask.to_query()));
    address.set_fragment(None);
    Some(address)
}

fn understood(answer: &Answer, server: Server) -> Result<OwnUsage, UsageError> {
    let error: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let member = |name: &str| {
        let text = error.as_ref()?.pointer(name)?.as_str()?;
        Some(text::printable(text))
    };
    match answer.status {
        200 => OwnUsage::parse(&answer.body).map_err(|_| UsageError::NotAGateway(server)),
        404 if member("/error/code").as_deref() == Some(NOT_KEPT) => Err(UsageError::NotKept(server)),
        // What has no such address, or leads elsewhere, such as to a page to sign in.
        200..=399 | 404 | 405 | 501 => Err(UsageError::NotAGateway(server)),
        status => Err(UsageError::Refused { server, status, message: member("/error/message") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_usage::By;

    fn server() -> Server {
        Server::of(&Url::parse("https://gw.test/v1").unwrap()).unwrap()
    }

    fn told(status: u16, body: &str) -> String {
        let answer = Answer { status, headers: reqwest::header::HeaderMap::new(), body: body.into() };
        understood(&answer, server())
            .map_or_else(|error| error.to_string(), |usage| usage.to_json().to_string())
    }

    #[test]
    fn s_07_it_is_asked_below_the_address_of_the_models() {
        let asked = |base: &str| address(&Url::parse(base).unwrap(), Ask { by: By::Day, days: Some(7) });

        for (base, whole) in [
            ("https://gw.test/v1", "https://gw.test/v1/keyfob/usage?by=day&since=7"),
            ("https://gw.test/llm/v1/", "https://gw.test/llm/v1/keyfob/usage?by=day&since=7"),
            ("https://gw.test/v1?key=x#y", "https://gw.test/v1/keyfob/usage?by=day&since=7"),
        ] {
            assert_eq!(asked(base).map(String::from).as_deref(), Some(whole));
        }
    }

    #[test]
    fn s_07_what_is_no_gateway_is_told_from_one_that_refuses() {
        let none = "https://gw.test does not tell what was used: it is no Keyfob gateway, or an older one";
        let usage = r#"{"schema":1,"of":{"subject":"u","workspace":"w","key":null},"days":7,"currency":null,"by":"day","usage":[]}"#;
        let refusal = r#"{"error":{"code":"invalid_token","message":"Run `keyfob login`\u001b[2J"}}"#;

        assert_eq!(told(200, usage), usage);
        for (status, body) in
            [(200, "<html>"), (200, "{}"), (404, "{}"), (404, ""), (405, ""), (302, ""), (204, "")]
        {
            assert_eq!(told(status, body), none, "{status} {body}");
        }
        let kept = r#"{"error":{"code":"usage_not_kept","message":"x"}}"#;
        assert_eq!(told(404, kept), "the gateway https://gw.test does not write down what is used");
        let refused = "https://gw.test refused to tell what was used (status 401): Run `keyfob login`[2J";
        assert_eq!(told(401, refusal), refused);
        assert_eq!(told(500, "?"), "https://gw.test refused to tell what was used (status 500)");
    }

    #[tokio::test]
    async fn c_23_openais_own_servers_are_not_asked() {
        let url = Url::parse(OPENAI_API).unwrap();
        let to = Destination { server: Server::of(&url).unwrap(), url };
        let shown = Authorization::new(Secret::new("sk-1".into()), to.server.clone());
        let ask = Ask { by: By::Model, days: None };

        let asked = own_usage(&Network::default(), &to, &shown, &[], ask).await;

        assert!(matches!(asked, Err(UsageError::NotAGateway(_))), "{asked:?}");
    }
}

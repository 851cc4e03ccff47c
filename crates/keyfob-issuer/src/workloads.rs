//! Which workloads are let in: the administrator's rules, and the keys of the issuers that they name.

use crate::command::files::FileError;
use crate::config::Place;
use crate::outbound::{OutboundError, Way, fetch};
use keyfob_issuer_core::operation::known_scope;
use keyfob_issuer_core::user::{Email, InvalidEmail};
use keyfob_issuer_core::workload::{AnyValue, ClaimRule, WorkloadRule};
use keyfob_jose::{InvalidKeySet, KeySet};
use keyfob_oauth::id::InvalidIssuer;
use keyfob_oauth::metadata::OPENID_PATH;
use keyfob_oauth::scope::InvalidScope;
use keyfob_oauth::{Audience, IssuerUrl, Scope, Timestamp, WorkspaceId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// The rules, by the issuer of the workload's token.
#[derive(Debug, Default)]
pub(crate) struct Workloads(Vec<TrustedIssuer>);

/// An issuer whose word on workloads counts.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    pub(crate) url: IssuerUrl,
    pub(crate) rules: Vec<WorkloadRule>,
    source: KeySource,
    fetched: Mutex<Fetched>,
}

#[derive(Debug)]
enum KeySource {
    File(Arc<KeySet>),
    /// By discovery, unless the address is named.
    Address(Option<Url>, Way),
}

#[derive(Debug, Default)]
struct Fetched {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    tried: Option<Timestamp>,
}

/// The rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadsError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no TOML, or not as it should be.
    #[error("{path} is not as it should be")]
    Malformed {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// An issuer's URL.
    #[error(transparent)]
    Issuer(#[from] InvalidIssuer),
    /// The keys of an issuer.
    #[error("the keys in {path} cannot be used")]
    Keys {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: InvalidKeySet,
    },
    /// Both a file and an address of keys.
    #[error("the issuer {0} has both `jwks_file` and `jwks_uri`")]
    TwoSources(String),
    /// What should be an address is none.
    #[error("{0:?} is no address of keys")]
    Address(String),
    /// A rule for an issuer that is not there.
    #[error("the rule `{rule}` names the issuer {issuer}, which has no table `[[issuer]]`")]
    UnknownIssuer {
        /// Which rule.
        rule: String,
        /// Which issuer.
        issuer: String,
    },
    /// A rule without a claim.
    #[error("the rule `{0}` names no claim: every workload of its issuer would be let in")]
    NoClaims(String),
    /// A claim of a rule.
    #[error("in the rule `{rule}`")]
    Claim {
        /// Which rule.
        rule: String,
        /// Why.
        #[source]
        source: AnyValue,
    },
    /// The user of a rule.
    #[error("the user of the rule `{rule}` cannot be used")]
    User {
        /// Which rule.
        rule: String,
        /// Why.
        #[source]
        source: InvalidEmail,
    },
    /// The scope of a rule.
    #[error("the scope of the rule `{rule}` cannot be used")]
    Scope {
        /// Which rule.
        rule: String,
        /// Why.
        #[source]
        source: InvalidScope,
    },
    /// A scope that means nothing, or what only a person's own sign-in gets.
    #[error("the scope of the rule `{0}` has a word that means nothing for a workload")]
    WrongScope(String),
    /// A life too long or none.
    #[error("`seconds` of the rule `{0}` must be between 60 and 3600")]
    Life(String),
}

/// How long keys are believed without another look, and how long while their issuer is away.
const RENEWAL: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(24);
/// How often a token with an unknown key may cause a fetch.
const COOLDOWN: Duration = Duration::from_secs(30);
const USUAL_SECONDS: u64 = 600;
const SECONDS: std::ops::RangeInclusive<u64> = 60..=3600;
/// What a workload never gets: it begins no session, and is told of no person by an ID token.
const NOT_FOR_WORKLOADS: [&str; 2] = ["openid", "offline_access"];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    issuer: Vec<WireIssuer>,
    #[serde(default)]
    rule: Vec<WireRule>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireIssuer {
    url: String,
    jwks_uri: Option<String>,
    jwks_file: Option<PathBuf>,
    #[serde(default)]
    allow_private_addresses: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRule {
    name: String,
    issuer: String,
    audience: Option<String>,
    claims: BTreeMap<String, String>,
    user: String,
    workspace: Option<String>,
    scope: String,
    seconds: Option<u64>,
}

/// The member of a discovery document that is read.
#[derive(serde::Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Keys are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("the discovery document of {0} is not one of that issuer")]
    Discovery(String),
    #[error("the keys of {issuer} cannot be used")]
    Keys {
        issuer: String,
        #[source]
        source: InvalidKeySet,
    },
    #[error("the keys of {0} were asked for a moment ago, in vain")]
    Cooldown(String),
}

impl Workloads {
    /// Reads the file `name` in the directory `data`; a token must be meant for `own`, unless a rule says otherwise.
    pub(crate) fn load(
        data: &Path,
        name: &Path,
        own: &IssuerUrl,
        proxy: Option<&Url>,
    ) -> Result<Self, WorkloadsError> {
        let path = data.join(name);
        let text = read(&path)?;
        let malformed = |source| WorkloadsError::Malformed { path: path.display().to_string(), source };
        let wire: Wire = toml::from_str(&text).map_err(malformed)?;
        let mut issuers = wire
            .issuer
            .into_iter()
            .map(|issuer| trusted(data, issuer, proxy))
            .collect::<Result<Vec<_>, _>>()?;
        for rule in wire.rule {
            let url = IssuerUrl::parse(&rule.issuer)?;
            let Some(issuer) = issuers.iter_mut().find(|issuer| issuer.url == url) else {
                return Err(WorkloadsError::UnknownIssuer { rule: rule.name, issuer: rule.issuer });
            };
            issuer.rules.push(parse_rule(rule, own)?);
        }
        Ok(Self(issuers))
    }

    /// Returns the issuer that a token names; nothing of another one is ever fetched.
    pub(crate) fn issuer(&self, named: &str) -> Option<&TrustedIssuer> {
        self.0.iter().find(|issuer| issuer.url.as_str() == named)
    }
}

fn read(path: &Path) -> Result<String, WorkloadsError> {
    std::fs::read_to_string(path)
        .map_err(|source| FileError::Read { path: path.display().to_string(), source }.into())
}

fn trusted(data: &Path, wire: WireIssuer, proxy: Option<&Url>) -> Result<TrustedIssuer, WorkloadsError> {
    let url = IssuerUrl::parse(&wire.url)?;
    let way = Place::of(wire.allow_private_addresses).way(proxy);
    let source = match (wire.jwks_file, wire.jwks_uri) {
        (Some(_), Some(_)) => return Err(WorkloadsError::TwoSources(wire.url)),
        (Some(file), None) => {
            let path = data.join(file);
            let keys = KeySet::parse(read(&path)?.as_bytes());
            let keys =
                keys.map_err(|source| WorkloadsError::Keys { path: path.display().to_string(), source })?;
            KeySource::File(Arc::new(keys))
        }
        (None, Some(address)) => {
            let parsed = Url::parse(&address).map_err(|_| WorkloadsError::Address(address))?;
            KeySource::Address(Some(parsed), way)
        }
        (None, None) => KeySource::Address(None, way),
    };
    Ok(TrustedIssuer { url, rules: Vec::new(), source, fetched: Mutex::default() })
}

fn parse_rule(wire: WireRule, own: &IssuerUrl) -> Result<WorkloadRule, WorkloadsError> {
    let rule = wire.name.clone();
    if wire.claims.is_empty() {
        return Err(WorkloadsError::NoClaims(rule));
    }
    let claims = wire.claims.iter().map(|(claim, value)| ClaimRule::parse(claim, value));
    let claims = claims
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| WorkloadsError::Claim { rule: rule.clone(), source })?;
    let user =
        Email::parse(&wire.user).map_err(|source| WorkloadsError::User { rule: rule.clone(), source })?;
    let scope =
        Scope::parse(&wire.scope).map_err(|source| WorkloadsError::Scope { rule: rule.clone(), source })?;
    if !scope.is_within(&known_scope().without(&NOT_FOR_WORKLOADS)) {
        return Err(WorkloadsError::WrongScope(rule));
    }
    let seconds = wire.seconds.unwrap_or(USUAL_SECONDS);
    if !SECONDS.contains(&seconds) {
        return Err(WorkloadsError::Life(rule));
    }
    let audience = Audience::new(wire.audience.unwrap_or_else(|| own.as_str().to_owned()));
    let workspace = wire.workspace.map(WorkspaceId::new);
    let life = Duration::from_secs(seconds);
    Ok(WorkloadRule { name: rule, audience, claims, user, workspace, scope, life })
}

impl TrustedIssuer {
    /// Returns the issuer's keys, looked at anew now and then; the last good ones while it is away.
    pub(crate) async fn keys(&self, now: Timestamp) -> Result<Arc<KeySet>, KeysError> {
        self.keys_since(now, RENEWAL, LONGEST).await
    }

    /// Returns the issuer's keys after a token named one that is not among them; nothing if they were looked at a moment
    /// ago.
    pub(crate) async fn newer_keys(&self, now: Timestamp) -> Result<Option<Arc<KeySet>>, KeysError> {
        match self.keys_since(now, Duration::ZERO, Duration::ZERO).await {
            Ok(keys) => Ok(Some(keys)),
            Err(KeysError::Cooldown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns keys no older than `renewal`, or than `longest` if there are no others to be had.
    async fn keys_since(
        &self,
        now: Timestamp,
        renewal: Duration,
        longest: Duration,
    ) -> Result<Arc<KeySet>, KeysError> {
        let (address, way) = match &self.source {
            KeySource::File(keys) => return Ok(Arc::clone(keys)),
            KeySource::Address(address, way) => (address, way),
        };
        // Held over the fetch, which has a limit: many tokens cause one.
        let mut fetched = self.fetched.lock().await;
        let known = |within: Duration| {
            let known = fetched.keys.as_ref().filter(|(_, at)| now.since(*at) < within);
            known.map(|(keys, _)| Arc::clone(keys))
        };
        if let Some(keys) = known(renewal) {
            return Ok(keys);
        }
        let (last_good, was_tried) =
            (known(longest), fetched.tried.is_some_and(|tried| now.since(tried) < COOLDOWN));
        if was_tried {
            return last_good.ok_or_else(|| KeysError::Cooldown(self.url.to_string()));
        }
        fetched.tried = Some(now);
        match self.fetch(address.as_ref(), way).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                fetched.keys = Some((Arc::clone(&keys), now));
                Ok(keys)
            }
            Err(error) => match last_good {
                Some(keys) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the last keys of an issuer count on"
                    );
                    Ok(keys)
                }
                None => Err(error),
            },
        }
    }

    async fn fetch(&self, address: Option<&Url>, way: &Way) -> Result<KeySet, KeysError> {
        let wrong = || KeysError::Discovery(self.url.to_string());
        let address = if let Some(address) = address {
            address.clone()
        } else {
            let discovery = Url::parse(&self.url.join(OPENID_PATH)).map_err(|_| wrong())?;
            let document = fetch(&discovery, way).await?;
            let found: Discovery = serde_json::from_slice(&document).map_err(|_| wrong())?;
            // Compared as strings, else one issuer could speak for another (RFC 8414 §3.3).
            if found.issuer.trim_end_matches('/') != self.url.as_str() {
                return Err(wrong());
            }
            Url::parse(&found.jwks_uri).map_err(|_| wrong())?
        };
        KeySet::parse(&fetch(&address, way).await?)
            .map_err(|source| KeysError::Keys { issuer: self.url.to_string(), source })
    }
}

//! The places that may answer: each has a name, the models it serves, and what it promises about data.
//!
//! Which of them may answer a question is decided by `policy::decide`; here is what they promise, and in which
//! order those that may are tried. The order is that of the file: the first that is well answers everything, so that
//! what an upstream keeps for its callers, such as a stored answer or a cached prompt, is found again.

mod health;
mod once;
mod section;

pub use section::{InvalidUpstream, UpstreamSection, UpstreamSections};

use crate::body::Body;
use crate::error::Refusal;
use crate::policy::{Case, Model, Pattern, Who};
use crate::upstream::Upstream;
use health::Health;
use http::{Request, Response, request};
use once::Once;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// An upstream, and what holds of it.
#[derive(Debug)]
pub struct NamedUpstream {
    name: String,
    upstream: Upstream,
    models: Vec<Pattern>,
    retention: Vec<String>,
    residency: Vec<String>,
    sharing: Sharing,
    identity: Identity,
}

/// Whether an upstream uses what it is sent beyond the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    #[default]
    Off,
    On,
}

/// What an upstream is told about who calls (security G-39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Nothing.
    #[default]
    None,
    /// A name that is the same for one person of one workspace at every time, and means nothing to anybody else.
    Pseudonym,
    /// The subject that the issuer vouches for.
    Subject,
}

impl NamedUpstream {
    /// An upstream that serves every model and promises nothing.
    pub fn only(upstream: Upstream) -> Self {
        let name = match &upstream {
            Upstream::Demo => "demo",
            Upstream::Http { .. } => "default",
        };
        Self {
            name: name.to_owned(),
            upstream,
            models: vec![Pattern::any()],
            retention: Vec::new(),
            residency: Vec::new(),
            sharing: Sharing::Off,
            identity: Identity::None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns where requests to it go.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Whether it is at the same address under the same name.
    fn is_where(&self, other: &Self) -> bool {
        let is_there = match (&self.upstream, &other.upstream) {
            (Upstream::Demo, Upstream::Demo) => true,
            (Upstream::Http { url, .. }, Upstream::Http { url: other, .. }) => url == other,
            (Upstream::Demo, Upstream::Http { .. }) | (Upstream::Http { .. }, Upstream::Demo) => false,
        };
        is_there && self.name == other.name
    }

    pub(crate) const fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether every model is served.
    pub(crate) fn serves_all(&self) -> bool {
        self.models.iter().any(Pattern::is_any)
    }

    /// Whether it may be asked for `model`; where none is named, only by an upstream that serves whatever it is.
    pub(crate) fn serves(&self, model: Model<'_>) -> bool {
        match model {
            Model::None => true,
            Model::Unsaid => self.serves_all(),
            Model::Named(name) => self.models.iter().any(|pattern| pattern.matches(name, Case::Kept)),
        }
    }

    /// Returns what `who` demands of their data and the upstream does not promise.
    pub(crate) fn lacks(&self, who: &Who<'_>) -> Vec<String> {
        let mut lacks = Vec::new();
        let mut demand = |kind: &str, tag: Option<&str>, promised: &[String]| {
            if let Some(tag) = tag.filter(|tag| !promised.iter().any(|promised| promised == tag)) {
                lacks.push(format!("{kind} `{}`", keyfob_oauth::text::printable(tag)));
            }
        };
        demand("retention", who.retention, &self.retention);
        demand("residency", who.residency, &self.residency);
        if who.data_sharing == Some(false) && self.sharing == Sharing::On {
            lacks.push("no data sharing".into());
        }
        lacks
    }
}

/// All upstreams of a gateway, in the order of preference, and how they are.
#[derive(Debug)]
pub(crate) struct Upstreams {
    all: Vec<NamedUpstream>,
    health: Vec<Arc<Health>>,
}

/// What became of a request to some upstream.
pub(crate) struct Sent {
    /// Who answered, or failed last.
    pub(crate) place: usize,
    /// Those that could not be reached before, in order.
    pub(crate) unreachable: Vec<usize>,
    pub(crate) outcome: Result<Response<Body>, Refusal>,
}

impl Upstreams {
    pub(crate) fn new(all: Vec<NamedUpstream>) -> Self {
        let health = all.iter().map(|_| Arc::default()).collect();
        Self { all, health }
    }

    /// Returns others; those that stay where they are, are as they are.
    pub(crate) fn changed(&self, all: Vec<NamedUpstream>) -> Self {
        let known = |upstream: &NamedUpstream| {
            let place = self.all.iter().position(|known| known.is_where(upstream))?;
            self.health.get(place).cloned()
        };
        let health = all.iter().map(|upstream| known(upstream).unwrap_or_default()).collect();
        Self { all, health }
    }

    pub(crate) fn all(&self) -> &[NamedUpstream] {
        &self.all
    }

    /// Returns `allowed` with those last that could not be reached a moment ago.
    fn in_turn(&self, allowed: &[usize], now: Instant) -> Vec<usize> {
        let rests = |place: &usize| self.health.get(*place).is_some_and(|health| health.rests(now));
        let (resting, well): (Vec<usize>, Vec<usize>) = allowed.iter().copied().partition(rests);
        [well, resting].concat()
    }

    /// Returns which of `allowed` is asked first.
    pub(crate) fn first(&self, allowed: &[usize]) -> Option<&NamedUpstream> {
        self.all.get(*self.in_turn(allowed, Instant::now()).first()?)
    }

    /// Sends the request to the first of `allowed` that can be reached, once.
    ///
    /// Another is tried only where the connection failed and no byte of the request had been taken (security G-32); what
    /// is not in `allowed` is never tried.
    pub(crate) async fn send<F, G>(
        &self,
        allowed: &[usize],
        request: Box<Request<Body>>,
        to: F,
    ) -> Option<Sent>
    where
        F: Fn(usize, Box<Request<Body>>) -> G,
        G: Future<Output = Result<Response<Body>, Refusal>>,
    {
        if let [place] = *allowed {
            let outcome = to(place, request).await;
            self.note(place, &outcome);
            return Some(Sent { place, unreachable: Vec::new(), outcome });
        }
        // What is seldom is large, and would be part of every request.
        Box::pin(self.send_in_turn(allowed, request, to)).await
    }

    async fn send_in_turn<F, G>(&self, allowed: &[usize], request: Box<Request<Body>>, to: F) -> Option<Sent>
    where
        F: Fn(usize, Box<Request<Body>>) -> G,
        G: Future<Output = Result<Response<Body>, Refusal>>,
    {
        let turn = self.in_turn(allowed, Instant::now());
        let last = turn.last().copied()?;
        let (parts, body) = request.into_parts();
        let mut parts = Some(parts);
        let once = Once::new(body);
        let mut unreachable = Vec::new();
        for place in turn {
            let head = if place == last { parts.take()? } else { copy(parts.as_ref()?) };
            let outcome = to(place, Box::new(Request::from_parts(head, once.body()))).await;
            let failed = self.note(place, &outcome);
            if !failed || place == last || once.was_touched() {
                return Some(Sent { place, unreachable, outcome });
            }
            tracing::warn!(
                upstream = self.all.get(place).map(NamedUpstream::name),
                "trying another upstream"
            );
            unreachable.push(place);
        }
        None
    }

    /// Notes how an upstream is; returns whether it could not be reached.
    fn note(&self, place: usize, outcome: &Result<Response<Body>, Refusal>) -> bool {
        let failed = matches!(outcome, Err(Refusal::UpstreamUnreachable));
        if let Some(health) = self.health.get(place) {
            if failed { health.failed(Instant::now()) } else { health.succeeded() }
        }
        failed
    }
}

fn copy(parts: &request::Parts) -> request::Parts {
    let mut copied = Request::new(()).into_parts().0;
    copied.method = parts.method.clone();
    copied.uri = parts.uri.clone();
    copied.version = parts.version;
    copied.headers = parts.headers.clone();
    copied.extensions = parts.extensions.clone();
    copied
}

impl fmt::Display for NamedUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::UpstreamUrl;

    fn at(name: &str, url: &str) -> NamedUpstream {
        let url = UpstreamUrl::parse(url).unwrap();
        let only = NamedUpstream::only(Upstream::Http { url, key: None });
        NamedUpstream { name: name.to_owned(), ..only }
    }

    #[test]
    fn g_43_an_upstream_that_stays_rests_on_and_another_at_its_place_does_not() {
        let now = Instant::now();
        let before = Upstreams::new(vec![at("a", "https://a.test/v1"), at("b", "https://b.test/v1")]);
        before.health.iter().for_each(|health| health.failed(now));

        let after = before.changed(vec![
            at("c", "https://a.test/v1"),
            at("b", "https://b.test/v1"),
            at("a", "https://other.test/v1"),
        ]);

        let rests: Vec<bool> = after.health.iter().map(|health| health.rests(now)).collect();
        assert_eq!(rests, [false, true, false]);
        after.health.iter().for_each(|health| health.succeeded());
        assert!(!before.health[1].rests(now), "they are one");
    }
}

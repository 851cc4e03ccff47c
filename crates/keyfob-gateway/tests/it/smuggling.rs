//! Requests with two readings: none becomes a second request, and what passes is understood by every server as it was here.

mod callers;
mod corpus;
mod servers;

use crate::world::World;
use callers::Told;
use corpus::{CHUNKS, CLEAR, CLEAR_FIELDS, FIELDS, HEADS, SMUGGLED};
use servers::{Seen, Server};

/// What comes of a request.
#[derive(Clone, Debug)]
enum Fate {
    /// It is refused with all that comes after it.
    Refused,
    /// It arrives with this body.
    Arrives(String),
}

/// One request of the corpus.
#[derive(Clone, Debug)]
struct Vector {
    /// Where it stands in the corpus.
    name: String,
    /// Its bytes as HTTP/1.1, up to where the next request would begin; `{}` stands where the credential comes.
    bytes: String,
    fate: Fate,
}

/// How requests come one after another.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Alone,
    /// On a connection on which one was answered already.
    KeptAlive,
    /// In one piece with the one before.
    Pipelined,
}

fn corpus() -> Vec<Vector> {
    let first = "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}";
    let refused = |kind: &str, number: usize, bytes: String| Vector {
        name: format!("{kind}.{number}"),
        bytes,
        fate: Fate::Refused,
    };
    let heads =
        FIELDS.iter().map(|fields| format!("{first}{fields}")).chain(HEADS.iter().map(ToString::to_string));
    let heads = heads.map(|head| format!("{head}\r\n\r\n0\r\n\r\n"));
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1025));
    let chunks = CHUNKS.iter().copied().chain([long.as_str()]);
    let chunks = chunks.map(|body| format!("{first}transfer-encoding: chunked\r\n\r\n{body}"));
    let clear = CLEAR_FIELDS.iter().map(|(rest, body)| (format!("{first}{rest}"), *body));
    let clear = clear.chain(CLEAR.iter().map(|(bytes, body)| ((*bytes).to_owned(), *body)));
    let mut all: Vec<Vector> =
        heads.enumerate().map(|(number, bytes)| refused("head", number, bytes)).collect();
    all.extend(chunks.enumerate().map(|(number, bytes)| refused("chunk", number, bytes)));
    all.extend(clear.enumerate().map(|(number, (bytes, body))| Vector {
        name: format!("clear.{number}"),
        bytes,
        fate: Fate::Arrives(body.to_owned()),
    }));
    all
}

/// Returns the requests of the corpus that must be refused; `{}` stands where the credential comes.
#[cfg(feature = "local")]
pub(crate) fn ambiguous() -> Vec<String> {
    let refused = corpus().into_iter().filter(|vector| matches!(vector.fate, Fate::Refused));
    refused.map(|vector| vector.bytes).collect()
}

impl Vector {
    /// Returns the same request with something in its target that no other has.
    fn named(&self, manner: &str) -> Self {
        let name = format!("{}.{manner}", self.name);
        let target = format!("/v1/responses?{name}&");
        let bytes = self.bytes.replace("/v1/responses?", &target);
        let bytes = if bytes == self.bytes { bytes.replace("/v1/responses", &target) } else { bytes };
        Self { name, bytes, ..self.clone() }
    }

    /// Returns what a server must see of it, if anything.
    fn arriving(&self) -> Option<Seen> {
        let Fate::Arrives(body) = &self.fate else { return None };
        let mut words = self.bytes.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let target = format!("/base{target}");
        Some(Seen { method: method.to_owned(), target, body: body.clone(), whole: true })
    }
}

/// A server behind the gateway, and what it should have understood so far.
struct Comparison {
    world: World,
    server: Server,
    authorization: String,
    admitted: Vec<Seen>,
}

impl Comparison {
    async fn with(server: Server) -> Self {
        let world = World::before(server.address).await;
        let authorization = format!("Bearer {}", world.issuer.token());
        Self { world, server, authorization, admitted: Vec::new() }
    }

    /// Returns a request that nobody doubts, and notes that it arrives.
    fn honest(&mut self, target: &str, more: &str) -> String {
        let (method, target) = ("GET".to_owned(), format!("/v1/models?{target}"));
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: g\r\n{more}authorization: {}\r\n\r\n",
            self.authorization
        );
        let target = format!("/base{target}");
        self.admitted.push(Seen { method, target, body: String::new(), whole: true });
        request
    }

    /// Sends one of the corpus over HTTP/1.1, with a request after it, which must not arrive if it was refused.
    async fn send(&mut self, vector: &Vector, manner: Manner) {
        let vector = vector.named(&format!("{manner:?}"));
        let first = match manner {
            Manner::Alone => None,
            Manner::KeptAlive | Manner::Pipelined => {
                Some(self.honest(&format!("before={}", vector.name), ""))
            }
        };
        let bytes = vector.bytes.replace("{}", &format!("authorization: {}\r\n", self.authorization));
        self.admitted.extend(vector.arriving());
        let (rest, statuses) = match vector.fate {
            Fate::Refused => (bytes + SMUGGLED, &[400][..]),
            Fate::Arrives(_) => {
                let after = self.honest(&format!("after={}", vector.name), "connection: close\r\n");
                (bytes + &after, &[200, 200][..])
            }
        };
        let expected = [if first.is_some() { &[200][..] } else { &[] }, statuses].concat();

        let gateway = self.world.gateway;
        let told = match (manner, first) {
            (Manner::KeptAlive, Some(first)) => callers::one_after_another(gateway, &first, &rest).await,
            (_, first) => callers::at_once(gateway, &(first.unwrap_or_default() + &rest)).await,
        };

        assert_eq!(told, expected, "{vector:?}");
    }

    /// Sends one of the corpus over HTTP/2, where it may be admitted: then it must arrive as it is.
    async fn send_over_http2(&mut self, vector: &Vector) {
        let vector = vector.named("Http2");
        let (told, seen) = callers::over_http2(self.world.gateway, &vector.bytes, &self.authorization).await;
        match told {
            Told::Admitted => self.admitted.push(seen),
            Told::Refused => {}
        }
    }

    /// Compares what was admitted with what the server understood.
    async fn compare(mut self) {
        let last = self.honest("last", "connection: close\r\n");
        assert_eq!(callers::at_once(self.world.gateway, &last).await, [200]);

        let seen = self.server.seen_until("/base/v1/models?last").await;
        let (whole, broken): (Vec<Seen>, Vec<Seen>) = seen.into_iter().partition(|seen| seen.whole);

        let only = |here: &[Seen], there: &[Seen]| -> Vec<Seen> {
            here.iter().filter(|seen| !there.contains(seen)).cloned().collect()
        };
        let (smuggled, missing) = (only(&whole, &self.admitted), only(&self.admitted, &whole));
        assert_eq!((smuggled, missing), (vec![], vec![]));
        assert_eq!(whole.len(), self.admitted.len(), "one arrived twice");
        // A body may turn out to be ambiguous when its head has gone already; its request is broken off.
        for seen in broken {
            let name = seen.target.strip_prefix("/base/v1/responses?");
            assert!(
                name.is_some_and(|name| name.starts_with("chunk.") || name.contains(".Http2&")),
                "{seen:?}"
            );
        }
    }
}

/// Sends all of the corpus in every manner.
async fn nothing_is_read_in_another_way(server: Server) {
    let mut comparison = Comparison::with(server).await;
    for vector in &corpus() {
        for manner in [Manner::Alone, Manner::KeptAlive, Manner::Pipelined] {
            comparison.send(vector, manner).await;
        }
        comparison.send_over_http2(vector).await;
    }
    comparison.compare().await;
}

#[tokio::test]
async fn g_19_what_passes_is_to_hyper_what_it_was_here() {
    assert!(corpus().len() >= 150, "{}", corpus().len());
    nothing_is_read_in_another_way(Server::hyper().await).await;
}

#[tokio::test]
async fn g_19_what_passes_is_to_nginx_what_it_was_here() {
    nothing_is_read_in_another_way(Server::nginx().await).await;
}

#[tokio::test]
async fn g_19_what_passes_is_to_nodejs_what_it_was_here() {
    nothing_is_read_in_another_way(Server::node().await).await;
}

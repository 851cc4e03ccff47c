//! What upstreams say of their models, asked for once a minute.

use crate::body::{Body, full};
use crate::http_client::HttpClient;
use crate::route::UpstreamPath;
use crate::upstream::{self, UpstreamKey, UpstreamUrl};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The lists of upstreams, by their place and what was asked.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<HashMap<(usize, String), Known>>);

#[derive(Clone, Debug)]
struct Known {
    list: Arc<Value>,
    at: Instant,
}

/// How long a list is believed, and how long an old one still serves while the upstream gives no new one.
const FRESH: Duration = Duration::from_mins(1);
const OLD: Duration = Duration::from_hours(1);
/// How long an upstream may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How large a list may be.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How many lists are remembered: callers choose the query.
const MOST_LISTS: usize = 64;

impl Fetched {
    /// Returns what the upstream says now, or said a while ago if it says nothing now.
    pub(super) async fn get(
        &self,
        client: &HttpClient,
        (url, key): (&UpstreamUrl, Option<&UpstreamKey>),
        place: usize,
        path: &UpstreamPath,
    ) -> Option<Arc<Value>> {
        let name = (place, path.as_str().to_owned());
        let known = self.with(|lists| lists.get(&name).cloned());
        let age = known.as_ref().map(|known| known.at.elapsed());
        if age.is_some_and(|age| age < FRESH) {
            return known.map(|known| known.list);
        }
        let Some(list) = fetch(client, url, key, path).await.map(Arc::new) else {
            tracing::warn!(upstream = place, "an upstream gave no list of models");
            return known.filter(|_| age.is_some_and(|age| age < OLD)).map(|known| known.list);
        };
        self.with(|lists| {
            if lists.len() >= MOST_LISTS {
                lists.clear();
            }
            lists.insert(name, Known { list: Arc::clone(&list), at: Instant::now() });
        });
        Some(list)
    }

    fn with<T>(&self, read: impl FnOnce(&mut HashMap<(usize, String), Known>) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn fetch(
    client: &HttpClient,
    url: &UpstreamUrl,
    key: Option<&UpstreamKey>,
    path: &UpstreamPath,
) -> Option<Value> {
    let request: Box<Request<Body>> = Box::new(Request::new(full(Bytes::new())));
    let answer = async {
        let response = upstream::send(client, url, key, path, request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.ok()?;
        serde_json::from_slice(&body.to_bytes()).ok().filter(Value::is_object)
    };
    tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
}

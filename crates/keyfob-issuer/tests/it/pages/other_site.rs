//! Another site, whose pages do what they like.

use axum::Router;
use axum::response::Html;
use keyfob_issuer::server;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server with one page, whatever is asked for.
pub(crate) struct OtherSite {
    port: u16,
    serving: AbortHandle,
}

/// How far away it is from the issuer: browsers trust the two differently.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Distance {
    /// Another origin of the same site: cookies with `SameSite` come along.
    Neighbour,
    /// Another site.
    Stranger,
}

impl Distance {
    pub(crate) const ALL: [Self; 2] = [Self::Neighbour, Self::Stranger];
}

impl OtherSite {
    /// Serves a page with this body.
    pub(crate) async fn with(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let page = format!("<!doctype html><title>Other</title><body>{body}</body>");
        let router = Router::new().fallback(async move || Html(page));
        let serving = async move {
            server::serve(vec![listener], &server::Limits::default(), router, std::future::pending()).await;
        };
        Self { port, serving: tokio::spawn(serving).abort_handle() }
    }

    /// Returns its address; the issuer of a test is at 127.0.0.1.
    pub(crate) fn address(&self, distance: Distance) -> String {
        let host = match distance {
            Distance::Neighbour => "127.0.0.1",
            Distance::Stranger => "localhost",
        };
        format!("http://{host}:{}/", self.port)
    }
}

impl Drop for OtherSite {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

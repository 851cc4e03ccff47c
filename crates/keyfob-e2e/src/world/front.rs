//! What stands before the issuer of a world behind TLS, and the ways to it.

use super::World;
use crate::forward_proxy::ForwardProxy;
use crate::front::Names;
use crate::leak::Stream;
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, SocketAddr};

impl World {
    /// Returns how an issuer behind TLS is found.
    pub fn names(&self) -> Result<&Names> {
        self.front.as_ref().map(|front| &front.names).context("the issuer is not behind TLS")
    }

    /// Waits for a line of HAProxy's log. There is one for each request and for each connection that came to nothing,
    /// and it may come after the answer that it tells of.
    pub async fn front_logs(&self, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        let front = self.front.as_ref().context("the issuer is not behind TLS")?;
        front.running.line(Stream::Stdout, is_wanted).await
    }

    /// Starts a proxy that leads to the issuer behind TLS, for those who cannot find it by themselves.
    pub async fn forward_proxy(&self) -> Result<ForwardProxy> {
        self.forward_proxy_at(Ipv4Addr::LOCALHOST).await
    }

    /// Starts it at another address of ours.
    pub async fn forward_proxy_at(&self, address: Ipv4Addr) -> Result<ForwardProxy> {
        ForwardProxy::start(self.folder.path(), self.names()?, address, &self.evidence).await
    }

    /// Returns where our issuer listens behind its front, and another can once it is stopped.
    pub fn behind(&self) -> SocketAddr {
        self.behind
    }
}

//! How streams are passed on: the section `[streams]`.

use std::time::Duration;

/// What may be chosen about streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Streams {
    /// After which silence of a stream of events a comment is sent; without it, streams pass byte for byte.
    pub keep_alive: Option<Duration>,
    /// Whether callers may speak WebSocket.
    pub web_sockets: WebSockets,
}

/// Whether callers may speak WebSocket.
///
/// What is said there is not read: limits, policies and prices that depend on it do not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebSockets {
    /// They are told that they may not.
    #[default]
    Refused,
    /// They may on `/v1/responses` and `/v1/realtime`, if the upstream does.
    Tunnelled,
}

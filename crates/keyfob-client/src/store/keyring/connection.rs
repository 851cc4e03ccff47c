//! One connection to the Secret Service, with the session by which secrets cross the bus encrypted.

use super::SessionBus;
use super::secret_service::{KeyringError, failure};
use secret_service::{EncryptionType, SecretService};
use std::fmt;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use zbus::names::OwnedUniqueName;

/// Where the service is on the bus.
const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";

/// A connection that is made when it is needed and used again: agreeing on a session's key is most of what a call costs.
///
/// It lives on a runtime of its own, which runs during calls only.
#[derive(Default)]
pub(super) struct Connection {
    session: Option<Session>,
    runtime: Option<Runtime>,
}

/// A session, and the daemon with which it was agreed on.
struct Session {
    bus: zbus::Connection,
    daemon: OwnedUniqueName,
    service: SecretService<'static>,
}

impl Connection {
    /// Does `work` with the daemon behind `bus`, within `limit`.
    pub(super) fn call<T, E: From<KeyringError>>(
        &mut self,
        bus: &SessionBus,
        limit: Duration,
        work: impl AsyncFnOnce(&SecretService<'static>) -> Result<T, E>,
    ) -> Result<T, E> {
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => {
                none.insert(Builder::new_current_thread().enable_all().build().map_err(KeyringError::Helper)?)
            }
        };
        let earlier = self.session.take();
        let (session, result) = runtime.block_on(async {
            let call = async {
                let session = match earlier {
                    Some(session) if session.is_with_the_same_daemon().await => session,
                    Some(_) | None => Session::open(bus).await?,
                };
                let result = work(&session.service).await;
                // What failed may be the session: the next call begins with another.
                Ok((result.is_ok().then_some(session), result))
            };
            // Over its limit, a call takes its session with it.
            tokio::time::timeout(limit, call).await.unwrap_or(Err(KeyringError::TimedOut))
        })?;
        self.session = session;
        result
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_open", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Connection {
    /// Waits for nothing: this may be dropped inside another runtime, where waiting is not allowed.
    fn drop(&mut self) {
        self.session = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Session {
    async fn open(bus: &SessionBus) -> Result<Self, KeyringError> {
        let unavailable = |error: zbus::Error| KeyringError::Unavailable(Box::new(error.into()));
        let bus = zbus::connection::Builder::address(bus.address()).map_err(unavailable)?.build().await;
        let bus = bus.map_err(unavailable)?;
        let daemon = introduce(&bus).await.map_err(unavailable)?;
        let service = SecretService::connect_with_existing(EncryptionType::Dh, bus.clone()).await;
        Ok(Self { daemon, service: service.map_err(failure)?, bus })
    }

    /// A daemon that was started anew knows nothing of the sessions of the last.
    async fn is_with_the_same_daemon(&self) -> bool {
        introduce(&self.bus).await.is_ok_and(|daemon| daemon == self.daemon)
    }
}

/// Lets the daemon note this connection before it is asked for a session, and returns who it is.
///
/// gnome-keyring notes a connection beside its first message and not always before it; a request for a session that
/// overtakes the note aborts the daemon, for everybody (GNOME/gnome-keyring #190, #196, #199). Who has an answer is noted.
async fn introduce(bus: &zbus::Connection) -> zbus::Result<OwnedUniqueName> {
    let question = ("org.freedesktop.Secret.Service", "Collections");
    let properties = Some("org.freedesktop.DBus.Properties");
    let answer = bus.call_method(Some(NAME), PATH, properties, "Get", &question).await?;
    let sender = answer.header().sender().map(|name| name.to_owned().into());
    sender.ok_or(zbus::Error::InvalidReply)
}

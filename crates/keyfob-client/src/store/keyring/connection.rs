//! One connection to the Secret Service for all calls of a process, each with a limit.

use super::SessionBus;
use super::secret_service::{KeyringError, failure};
use super::session::Session;
use std::fmt;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A connection that is made when it is needed and used again: agreeing on a session's key is most of what a call costs.
///
/// It lives on a runtime of its own, which runs during calls only.
#[derive(Default)]
pub(super) struct Connection {
    session: Option<Session>,
    runtime: Option<Runtime>,
}

impl Connection {
    /// Does `work` with the daemon behind `bus`, within `limit`.
    pub(super) fn call<T, E: From<KeyringError>>(
        &mut self,
        bus: &SessionBus,
        limit: Duration,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
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
                    Some(session) if session.is_the_same_daemon().await => session,
                    Some(_) | None => Session::open(bus).await.map_err(failure)?,
                };
                let result = work(&session).await;
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

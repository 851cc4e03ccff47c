//! A database server: the connections that are kept to it, and the transactions on them.
//!
//! The driver's own pool asks the server whether it is there each time that a connection comes back to it, which is a tenth
//! of what a refresh asks. Here the BEGIN of the next transaction is the test.

use crate::error::{comes_later, is_lost, storage_error};
use crate::queue::Queue;
use crate::urgency::{LONGEST, Urgency};
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool,
};
use keyfob_issuer_core::storage::StorageError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use std::fmt;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Each statement sees what was committed before it, as those that lock need it, whatever the server's default is.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// How long a connection is used: what the server keeps for it grows.
const LIFE: Duration = Duration::from_mins(30);
/// How long one is kept that nobody uses, and how often it is looked.
const IDLE: Duration = Duration::from_mins(10);
const LOOK: Duration = Duration::from_mins(1);
/// How long it is waited before a server that has no place yet is asked again; doubled each time.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A server, to which there are so many connections at most.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pool: Pool<Connector>,
    queue: Queue,
}

impl Server {
    /// Reaches a server by one connection, and by further ones when they are needed.
    pub(crate) async fn connect(
        options: PgConnectOptions,
        connections: u32,
        urgency: Urgency,
    ) -> Result<Self, sqlx::Error> {
        let pool = Pool::builder(Connector(Box::new(options.options(urgency.limits()))))
            .max_size(usize::try_from(connections).unwrap_or(usize::MAX))
            .queue_mode(QueueMode::Lifo)
            .build();
        let server = Self { pool: pool.map_err(|_| sqlx::Error::PoolClosed)?, queue: Queue::of(urgency) };
        // It ends with the pool.
        drop(tokio::spawn(close_idle(server.pool.weak())));
        // One at least: the first to come is not the one who waits for it.
        drop(timeout(LONGEST, server.connection()).await.map_err(|_| sqlx::Error::PoolTimedOut)??);
        Ok(server)
    }

    /// Begins a transaction, once there is a connection.
    pub(crate) async fn begin(&self) -> Result<ServerTransaction, StorageError> {
        let begun = self.queue.wait(self.begin_where_it_works()).await;
        let begun = begun.map_err(|stalled| StorageError::Unavailable(Box::new(stalled)))?;
        let begun = begun.map_err(storage_error)?;
        self.queue.moved();
        Ok(begun)
    }

    /// Begins on a connection that works: after a restart of the server, every one that is kept is lost.
    async fn begin_where_it_works(&self) -> Result<ServerTransaction, sqlx::Error> {
        for _ in 0..self.pool.status().max_size {
            match ServerTransaction::begin(self.connection().await?).await {
                Err(error) if is_lost(&error) => {}
                outcome => return outcome,
            }
        }
        ServerTransaction::begin(self.connection().await?).await
    }

    async fn connection(&self) -> Result<Object<Connector>, sqlx::Error> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                sqlx::Error::PoolClosed
            }
        })
    }

    /// Ends every connection that nobody uses, and each other one when it is not used any more.
    pub(crate) async fn close(self) {
        let kept = self.pool.retain(|_, _| false).removed;
        self.pool.close();
        end(kept).await;
    }
}

/// Ends connections in good order; one that does not end so ends all the same.
async fn end(connections: Vec<PgConnection>) {
    for connection in connections {
        drop(timeout(LONGEST, connection.close()).await);
    }
}

/// Ends, again and again, what nobody uses.
async fn close_idle(pool: WeakPool<Connector>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(pool) = pool.upgrade() else { return };
        let unused = pool.retain(|_, metrics| is_kept(metrics.age(), metrics.last_used())).removed;
        drop(pool);
        end(unused).await;
    }
}

fn is_kept(age: Duration, unused: Duration) -> bool {
    age < LIFE && unused < IDLE
}

/// Connects to the server.
struct Connector(Box<PgConnectOptions>);

impl fmt::Debug for Connector {
    /// The driver's own would show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// Waits for a server that starts, or has no place: who wants the connection says for how long.
    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        let (mut pause, longest) = PAUSES;
        loop {
            match PgConnection::connect_with(&self.0).await {
                Err(error) if comes_later(&error) => tokio::time::sleep(pause).await,
                outcome => return outcome,
            }
            pause = longest.min(pause * 2);
        }
    }

    async fn recycle(&self, _connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if is_kept(metrics.age(), Duration::ZERO) {
            Ok(())
        } else {
            Err(RecycleError::message("it was used for long enough"))
        }
    }
}

/// A transaction on one of the connections, which goes back when it is over; dropped, it is rolled back.
pub(crate) struct ServerTransaction(Option<Object<Connector>>);

impl ServerTransaction {
    async fn begin(connection: Object<Connector>) -> Result<Self, sqlx::Error> {
        let mut unsure = Unsure(Some(connection));
        unsure.say(BEGIN).await?;
        Ok(Self(unsure.0.take()))
    }

    /// Returns what its statements go over, until it is over.
    pub(crate) fn connection(&mut self) -> Option<&mut PgConnection> {
        self.0.as_deref_mut()
    }

    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let mut unsure = Unsure(self.0.take());
        unsure.say("COMMIT").await?;
        unsure.give_back();
        Ok(())
    }

    pub(crate) async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        Unsure(self.0.take()).roll_back().await
    }
}

impl Drop for ServerTransaction {
    /// Others may wait for what it has locked.
    fn drop(&mut self) {
        let unsure = Unsure(self.0.take());
        if let (Unsure(Some(_)), Ok(runtime)) = (&unsure, Handle::try_current()) {
            // One that cannot be rolled back in time is closed, which ends its transaction too.
            drop(runtime.spawn(timeout(LONGEST, unsure.roll_back())));
        }
    }
}

/// A connection of which nobody knows whether it is in a transaction: dropped, it is closed.
struct Unsure(Option<Object<Connector>>);

impl Unsure {
    async fn say(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        if let Self(Some(connection)) = self {
            (&mut **connection).execute(statement).await?;
        }
        Ok(())
    }

    async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        self.say("ROLLBACK").await?;
        self.give_back();
        Ok(())
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Unsure {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_for_ten_minutes_without_use_and_for_half_an_hour_in_all() {
        let kept = |age, unused| is_kept(Duration::from_secs(age), Duration::from_secs(unused));

        assert_eq!(
            [kept(1_799, 0), kept(1_800, 0), kept(700, 599), kept(700, 600)],
            [true, false, true, false]
        );
    }
}

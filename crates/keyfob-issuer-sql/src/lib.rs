//! The issuer's storage on SQLite or PostgreSQL: the traits of [`keyfob_issuer_core::storage`].
//!
//! Nothing outside this crate knows which of the two runs. SQL is written by hand, once, in the part that both accept
//! (`$n`, integer times, `RETURNING`, `ON CONFLICT`). What differs is in three places: how a database is opened
//! (`database`), which of SQLite's words PostgreSQL calls differently in a table's definition (`schema`), and that a
//! statement which reads what the transaction may change locks it on a server (`statement::locking!`). On a file nothing
//! has to be locked: one connection writes, and its transactions begin `IMMEDIATE`; those that are shared commit together
//! (`file`). On both, a commit is on disk before it is answered, and whoever comes second waits or gets
//! [`StorageError::Conflict`].
//!
//! It refuses to decide anything: a row that is no legal entity is [`StorageError::Inconsistent`], never a guess. A file is
//! created so that nobody else can read it, a server elsewhere has to show its certificate, and an address holds no
//! password.
//!
//! To add a table: write its step `migrations/NNNN_name.sql` with SQLite's types (`TEXT`, `INTEGER`, `BLOB`) and `STRICT`,
//! and name it in `schema::STEPS`; write its repository in `src/table/`, with `locking!` around a `SELECT` whose row the
//! transaction may change and a `WHERE` on the old state in the `UPDATE`; and say what it promises in `tests/it/`, where
//! `on_both!` runs it on a real file and a real server.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use keyfob_issuer_core::storage::Storage as _;
//! use keyfob_issuer_sql::{Access, Database, DatabaseUrl, Urgency};
//!
//! let url = DatabaseUrl::parse("postgres://keyfob@localhost/keyfob")?;
//! let access = Access { url: &url, directory: "/var/lib/keyfob".as_ref(), password: None, connections: 16 };
//! let storage = Database::reach(&access).await?.into_storage(Urgency::Requests).await?;
//! let users = storage.begin().await?.list_users().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`Database`].

mod backup;
mod cells;
mod database;
mod error;
mod file;
mod queue;
mod row;
mod schema;
mod server;
mod statement;
mod table;
mod transaction;
mod urgency;
mod url;

pub use backup::{BackupError, Record, Take, Value};
pub use database::{Access, Database, OpenError, SqlStorage};
pub use transaction::Effect;
pub use urgency::Urgency;
pub use url::{DatabaseUrl, InvalidDatabaseUrl};

#[cfg(doc)]
use keyfob_issuer_core::storage::StorageError;

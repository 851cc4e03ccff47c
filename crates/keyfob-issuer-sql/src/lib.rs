//! The issuer's storage on SQLite: the traits of [`keyfob_issuer_core::storage`], one file per aggregate.
//!
//! SQL is written by hand, in the part that PostgreSQL accepts too (`$n`, integer times, `RETURNING`, `ON CONFLICT`).
//! One connection writes; transactions begin `IMMEDIATE`, so that what one reads nobody changes before it commits; a
//! commit is on disk before it is answered (WAL, `synchronous = FULL`).
//!
//! It refuses to decide anything: a row that is no legal entity is [`StorageError::Inconsistent`], never a guess, and
//! files are created so that nobody else can read them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use keyfob_issuer_core::storage::Storage as _;
//! use keyfob_issuer_sql::SqliteStorage;
//!
//! let storage = SqliteStorage::open("issuer.db".as_ref()).await?;
//! let users = storage.begin().await?.list_users().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`SqliteStorage`].

mod error;
mod row;
mod sqlite;
mod statement;
mod table;
mod transaction;

pub use sqlite::{OpenError, SqliteStorage};

#[cfg(doc)]
use keyfob_issuer_core::storage::StorageError;

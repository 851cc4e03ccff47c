//! The tokens, in a file with one writer: what waits when it comes round becomes durable together.

use crate::token;
use anyhow::{Context as _, Result, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// How many rotations share a commit at most.
const MOST: usize = 64;

/// What is written beside each rotation.
#[derive(Clone, Copy)]
pub(crate) enum Beside {
    Nothing,
    Audit,
    Feed,
}

impl Beside {
    pub(crate) fn parse(word: &str) -> Result<Self> {
        match word {
            "audit" => Ok(Self::Audit),
            "feed" => Ok(Self::Feed),
            _ => bail!("{word}: neither audit nor feed"),
        }
    }
}

struct Rotation {
    presented: [u8; 32],
    next: [u8; 32],
    done: oneshot::Sender<Option<i64>>,
}

/// Where rotations are sent.
pub(crate) struct Ledger(Sender<Rotation>);

const TABLES: &str = "
    CREATE TABLE tokens (digest BLOB PRIMARY KEY, family INTEGER NOT NULL, ends INTEGER NOT NULL, spent INTEGER)
        WITHOUT ROWID, STRICT;
    CREATE TABLE head (id INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
    INSERT INTO head VALUES (1, 0, '');
    CREATE TABLE entries (sequence INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
    CREATE TABLE epoch (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT;
    INSERT INTO epoch VALUES (1, 0);
    CREATE TABLE revocations (epoch INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL)
        STRICT;";
const INSERT: &str = "INSERT INTO tokens (digest, family, ends) VALUES (?, ?, ?)";
const LIFE: i64 = 30 * 86_400;

impl Ledger {
    /// Makes the file anew with `first` in it, and starts its writer.
    pub(crate) fn open(path: &Path, first: &[String], beside: Beside) -> Result<Self> {
        let connection = Connection::open(path).context("cannot open the database")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("BEGIN")?;
        connection.execute_batch(TABLES)?;
        let ends = token::now()? + LIFE;
        for (family, value) in (1_i64..).zip(first) {
            connection.prepare_cached(INSERT)?.execute(params![
                token::digest(value.as_bytes()),
                family,
                ends
            ])?;
        }
        connection.execute_batch("COMMIT")?;
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || write(&connection, &receiver, beside))?;
        Ok(Self(sender))
    }

    /// Puts `next` in the place of `presented`; returns the family once that is on disk, nothing if it was not to be.
    pub(crate) async fn rotate(&self, presented: [u8; 32], next: [u8; 32]) -> Result<Option<i64>> {
        let (done, waiting) = oneshot::channel();
        self.0.send(Rotation { presented, next, done }).map_err(|_| anyhow!("the writer has ended"))?;
        Ok(waiting.await?)
    }
}

fn write(connection: &Connection, waiting: &Receiver<Rotation>, beside: Beside) -> Result<()> {
    while let Ok(first) = waiting.recv() {
        let group: Vec<Rotation> = std::iter::once(first).chain(waiting.try_iter().take(MOST - 1)).collect();
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let families = group.iter().map(|one| rotate(connection, one, beside)).collect::<Result<Vec<_>>>()?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        for (one, family) in group.into_iter().zip(families) {
            // Whoever asked may have gone.
            let _sent = one.done.send(family);
        }
    }
    Ok(())
}

fn rotate(connection: &Connection, one: &Rotation, beside: Beside) -> Result<Option<i64>> {
    let now = token::now()?;
    let family: Option<i64> = connection
        .prepare_cached(
            "UPDATE tokens SET spent = ?2 WHERE digest = ?1 AND spent IS NULL AND ends > ?2 RETURNING family",
        )?
        .query_row(params![one.presented, now], |row| row.get(0))
        .optional()?;
    let Some(family) = family else { return Ok(None) };
    connection.prepare_cached(INSERT)?.execute(params![one.next, family, now + LIFE])?;
    match beside {
        Beside::Nothing => {}
        Beside::Audit => add_entry(connection, family, now)?,
        Beside::Feed => {
            let epoch: i64 = connection
                .prepare_cached("UPDATE epoch SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")?
                .query_row([], |row| row.get(0))?;
            connection
                .prepare_cached(
                    "INSERT INTO revocations (epoch, kind, name, at) VALUES (?, 'session', ?, ?)",
                )?
                .execute(params![epoch, family.to_string(), now])?;
        }
    }
    Ok(Some(family))
}

fn add_entry(connection: &Connection, family: i64, now: i64) -> Result<()> {
    let (sequence, hash): (i64, String) = connection
        .prepare_cached("SELECT sequence + 1, hash FROM head WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let entry = format!(
        r#"{{"sequence":{sequence},"at":{now},"action":"session.refresh","outcome":"done","subject":"user-{family}","client":"app_EMoamEEZ73f0CkXaXp7hrann","about":"{family}","address":"127.0.0.1","request":"0123456789abcdef"}}"#
    );
    let hash = URL_SAFE_NO_PAD.encode(token::digest(format!("{hash}\n{entry}").as_bytes()));
    connection
        .prepare_cached("UPDATE head SET sequence = ?1, hash = ?2 WHERE id = 1 AND sequence = ?1 - 1")?
        .execute(params![sequence, hash])?;
    connection
        .prepare_cached("INSERT INTO entries (sequence, entry, hash) VALUES (?, ?, ?)")?
        .execute(params![sequence, entry, hash])?;
    Ok(())
}

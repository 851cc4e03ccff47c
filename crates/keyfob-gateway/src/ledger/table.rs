//! The ledger's tables.

use super::{Message, Spent};
use crate::tokens::Tokens;
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Money;
use rusqlite::{Connection, Row, params};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS reserved (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    workspace TEXT NOT NULL,
    credential TEXT NOT NULL,
    key_id TEXT,
    route TEXT NOT NULL,
    model TEXT,
    upstream TEXT NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    price INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS reserved_by_time ON reserved (at);
CREATE INDEX IF NOT EXISTS reserved_by_person ON reserved (workspace, subject, at);
CREATE INDEX IF NOT EXISTS reserved_by_key ON reserved (key_id, at) WHERE key_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS ended (
    request_id TEXT NOT NULL PRIMARY KEY REFERENCES reserved (request_id),
    state TEXT NOT NULL CHECK (state IN ('settled', 'aborted')),
    input INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    is_estimate INTEGER NOT NULL,
    price INTEGER,
    status INTEGER,
    ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS reserved_stays BEFORE UPDATE ON reserved
BEGIN SELECT RAISE(ABORT, 'what stands in the ledger is not changed'); END;
CREATE TRIGGER IF NOT EXISTS reserved_is_kept BEFORE DELETE ON reserved
BEGIN SELECT RAISE(ABORT, 'what stands in the ledger is not removed'); END;
CREATE TRIGGER IF NOT EXISTS ended_stays BEFORE UPDATE ON ended
BEGIN SELECT RAISE(ABORT, 'what stands in the ledger is not changed'); END;
CREATE TRIGGER IF NOT EXISTS ended_is_kept BEFORE DELETE ON ended
BEGIN SELECT RAISE(ABORT, 'what stands in the ledger is not removed'); END;
";

/// Adds all rows, or none.
pub(super) fn add(connection: &mut Connection, messages: &[Message]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for message in messages {
        match message {
            Message::Reserve(row, _) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO reserved (request_id, at, subject, workspace, credential, key_id, route, model, \
                         upstream, input, output, price) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                    )?
                    .execute(params![
                        row.request_id,
                        row.at.as_unix(),
                        row.subject,
                        row.workspace,
                        row.credential,
                        row.key_id,
                        row.route,
                        row.model,
                        row.upstream,
                        whole(row.tokens.input),
                        whole(row.tokens.output),
                        row.price.map(|price| whole(price.as_nano())),
                    ])?;
            }
            Message::Settle(row) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO ended (request_id, state, input, cached, output, reasoning, is_estimate, price, \
                         status, ms, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    )?
                    .execute(params![
                        row.request_id,
                        row.state.as_str(),
                        whole(row.tokens.input),
                        whole(row.tokens.cached),
                        whole(row.tokens.output),
                        whole(row.tokens.reasoning),
                        row.is_estimate,
                        row.price.map(|price| whole(price.as_nano())),
                        row.status,
                        i64::try_from(row.took.as_millis()).unwrap_or(i64::MAX),
                        whole(row.bytes),
                    ])?;
            }
        }
    }
    transaction.commit()
}

/// SQLite's numbers have a sign.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a number that was written by [`whole`].
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

/// Reads an amount, if there is one.
pub(super) fn amount(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Money>> {
    row.get::<_, Option<i64>>(column).map(|nano| nano.map(|nano| Money::from_nano(nano.unsigned_abs())))
}

/// Returns what was spent since.
pub(super) fn spent(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Spent>> {
    let mut statement = connection.prepare(
        "SELECT at, subject, workspace, key_id, coalesce(ended.input, reserved.input) AS input, \
         coalesce(ended.output, reserved.output) AS output, \
         CASE WHEN ended.request_id IS NULL THEN reserved.price ELSE ended.price END AS price \
         FROM reserved LEFT JOIN ended USING (request_id) WHERE at >= ?1 ORDER BY number",
    )?;
    statement.query_map([since.as_unix()], read_spent)?.collect()
}

/// Returns what was spent in a stretch of time, added up by the hour.
pub(super) fn spent_by_hour(
    connection: &Connection,
    since: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Vec<Spent>> {
    let mut statement = connection.prepare(
        "SELECT max(at) AS at, subject, workspace, key_id, sum(coalesce(ended.input, reserved.input)) AS input, \
         sum(coalesce(ended.output, reserved.output)) AS output, \
         sum(coalesce(CASE WHEN ended.request_id IS NULL THEN reserved.price ELSE ended.price END, 0)) AS price \
         FROM reserved LEFT JOIN ended USING (request_id) WHERE at >= ?1 AND at < ?2 \
         GROUP BY workspace, subject, key_id, at / 3600 ORDER BY 1",
    )?;
    statement.query_map([since.as_unix(), until.as_unix()], read_spent)?.collect()
}

fn read_spent(row: &Row<'_>) -> rusqlite::Result<Spent> {
    let tokens = Tokens { input: count(row, "input")?, output: count(row, "output")?, ..Tokens::default() };
    Ok(Spent {
        at: Timestamp::from_unix(row.get("at")?),
        subject: row.get("subject")?,
        workspace: row.get("workspace")?,
        key_id: row.get("key_id")?,
        tokens: tokens.input.saturating_add(tokens.output),
        price: amount(row, "price")?.unwrap_or_default(),
    })
}

//! The table of decisions.

use super::entry::{Entry, Kept};
use crate::policy::{Asking, Credential, OwnedModel, Route, Store};
use http::Method;
use keyfob_oauth::{Scope, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

/// For how long a decision is kept.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// What is kept is added and, when it is old, removed; it is never changed.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    credential TEXT NOT NULL,
    subject TEXT NOT NULL,
    workspace TEXT NOT NULL,
    scope TEXT NOT NULL,
    retention TEXT,
    residency TEXT,
    data_sharing INTEGER,
    models TEXT,
    route TEXT NOT NULL,
    method TEXT NOT NULL,
    model_said INTEGER NOT NULL,
    model TEXT,
    code TEXT,
    words TEXT,
    rule TEXT NOT NULL,
    store_forbidden INTEGER NOT NULL,
    upstream TEXT,
    passed_over TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS decisions_by_id ON decisions (id);
CREATE INDEX IF NOT EXISTS decisions_by_time ON decisions (at);
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'what was decided is not changed'); END;
";

const COLUMNS: &str = "id, at, credential, subject, workspace, scope, retention, residency, data_sharing, models, route, \
                       method, model_said, model, code, words, rule, store_forbidden, upstream, passed_over";

/// Adds `entries`, and removes what is too old at `sweep`.
pub(super) fn insert(
    connection: &mut Connection,
    entries: &[Entry],
    sweep: Option<Timestamp>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let text = format!(
            "INSERT INTO decisions ({COLUMNS}) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
        );
        let mut statement = transaction.prepare_cached(&text)?;
        for entry in entries {
            let Asking { credential, subject, workspace, scope, retention, residency, .. } = &entry.asking;
            let asking = &entry.asking;
            let (is_said, model) = match &asking.model {
                OwnedModel::None => (true, None),
                OwnedModel::Unsaid => (false, None),
                OwnedModel::Named(name) => (true, Some(name)),
            };
            let (code, words) = match &entry.outcome {
                Kept::Allowed => (None, None),
                Kept::Refused { code, words } => (Some(code), Some(words)),
            };
            statement.execute(params![
                entry.id,
                entry.at.as_unix(),
                credential.as_str(),
                subject,
                workspace,
                scope.to_string(),
                retention,
                residency,
                asking.data_sharing,
                asking.models.as_ref().map(|models| serde_json::json!(models).to_string()),
                asking.route.as_str(),
                asking.method.as_str(),
                is_said,
                model,
                code,
                words,
                entry.rule,
                entry.store == Store::Forbidden,
                entry.upstream,
                serde_json::json!(entry.passed_over).to_string(),
            ])?;
        }
    }
    if let Some(now) = sweep {
        let seconds = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        transaction
            .execute("DELETE FROM decisions WHERE at < ?1", [now.as_unix().saturating_sub(seconds)])?;
    }
    transaction.commit()
}

/// Returns the decision of this name.
pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Entry>> {
    let text = format!("SELECT {COLUMNS} FROM decisions WHERE id = ?1 ORDER BY number DESC LIMIT 1");
    connection.query_row(&text, [id], entry).optional()
}

/// Hands each decision since `since` to `take`, in order.
pub(super) fn each_since(
    connection: &Connection,
    since: Timestamp,
    mut take: impl FnMut(Entry),
) -> rusqlite::Result<()> {
    let text = format!("SELECT {COLUMNS} FROM decisions WHERE at >= ?1 ORDER BY number");
    let mut statement = connection.prepare(&text)?;
    for entry in statement.query_map([since.as_unix()], entry)? {
        take(entry?);
    }
    Ok(())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let json = |column: &str| -> rusqlite::Result<String> { row.get(column) };
    let models: Option<String> = row.get("models")?;
    let model = match (row.get("model_said")?, row.get("model")?) {
        (true, Some(name)) => OwnedModel::Named(name),
        (true, None) => OwnedModel::None,
        (false, _) => OwnedModel::Unsaid,
    };
    let asking = Asking {
        credential: word(row, "credential", &Credential::ALL, Credential::as_str)?,
        subject: row.get("subject")?,
        workspace: row.get("workspace")?,
        scope: Scope::parse(&json("scope")?).map_err(|error| broken("scope", error))?,
        retention: row.get("retention")?,
        residency: row.get("residency")?,
        data_sharing: row.get("data_sharing")?,
        models: models
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| broken("models", error))?,
        route: word(row, "route", &Route::ALL, Route::as_str)?,
        method: Method::from_bytes(json("method")?.as_bytes()).map_err(|error| broken("method", error))?,
        model,
    };
    let outcome = match (row.get("code")?, row.get("words")?) {
        (Some(code), Some(words)) => Kept::Refused { code, words },
        (None, _) | (_, None) => Kept::Allowed,
    };
    Ok(Entry {
        id: row.get("id")?,
        at: Timestamp::from_unix(row.get("at")?),
        asking,
        outcome,
        rule: row.get("rule")?,
        store: if row.get("store_forbidden")? { Store::Forbidden } else { Store::AsAsked },
        upstream: row.get("upstream")?,
        passed_over: serde_json::from_str(&json("passed_over")?)
            .map_err(|error| broken("passed_over", error))?,
    })
}

/// Reads one of the words that are known; another is an error, never a guess.
fn word<T: Copy>(
    row: &Row<'_>,
    column: &'static str,
    known: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    known.iter().copied().find(|word| as_str(*word) == text).ok_or_else(|| broken(column, UnknownWord(text)))
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known")]
struct UnknownWord(String);

#[derive(Debug, thiserror::Error)]
#[error("the column {0} cannot be read")]
struct BrokenColumn(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>);

fn broken(column: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    let error = BrokenColumn(column, Box::new(error));
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

//! What was used, added up.

use super::{FILE, table};
use crate::database;
use keyfob_oauth::Timestamp;
use keyfob_usage::{By, Line, Report};
use std::path::Path;

/// Whose use is added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybody,
    /// That of one person in one workspace, their keys' included.
    Person {
        /// Who.
        subject: String,
        /// Where.
        workspace: String,
    },
}

/// The ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// There is none.
    #[error("{0} holds no ledger: `data` of a gateway that has answered is such a folder")]
    Missing(String),
    /// It is damaged, or held by another program.
    #[error("cannot read the ledger")]
    Database(#[from] rusqlite::Error),
}

/// Adds up what stands in the ledger in `folder` since then.
pub fn report(folder: &Path, by: By, since: Timestamp, whose: &Whose) -> Result<Report, UsageError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Err(UsageError::Missing(folder.display().to_string()));
    }
    let connection = database::open_to_read(&path)?;
    let text = format!(
        "SELECT {name} AS name, count(*) AS requests, \
         count(*) FILTER (WHERE state = 'aborted') AS aborted, count(*) FILTER (WHERE state IS NULL) AS reserved, \
         sum(coalesce(ended.input, reserved.input)) AS input, sum(coalesce(cached, 0)) AS cached, \
         sum(coalesce(ended.output, reserved.output)) AS output, sum(coalesce(reasoning, 0)) AS reasoning, \
         sum(coalesce(CASE WHEN state IS NULL THEN reserved.price ELSE ended.price END, 0)) AS price, \
         count(*) FILTER (WHERE CASE WHEN state IS NULL THEN reserved.price ELSE ended.price END IS NULL) AS unpriced \
         FROM reserved LEFT JOIN ended USING (request_id) \
         WHERE at >= ?1 AND (?2 IS NULL OR (subject = ?2 AND workspace = ?3)) GROUP BY 1 ORDER BY 1",
        name = name_of(by)
    );
    let (subject, workspace) = match whose {
        Whose::Everybody => (None, None),
        Whose::Person { subject, workspace } => (Some(subject), Some(workspace)),
    };
    let mut statement = connection.prepare(&text)?;
    let lines = statement.query_map(rusqlite::params![since.as_unix(), subject, workspace], |row| {
        Ok(Line {
            name: row.get("name")?,
            requests: table::count(row, "requests")?,
            aborted: table::count(row, "aborted")?,
            reserved: table::count(row, "reserved")?,
            input: table::count(row, "input")?,
            cached: table::count(row, "cached")?,
            output: table::count(row, "output")?,
            reasoning: table::count(row, "reasoning")?,
            price: table::amount(row, "price")?.unwrap_or_default(),
            unpriced: table::count(row, "unpriced")?,
        })
    })?;
    Ok(Report { by, lines: lines.collect::<rusqlite::Result<_>>()? })
}

const fn name_of(by: By) -> &'static str {
    match by {
        By::Caller => {
            "CASE WHEN key_id IS NULL THEN subject || ' in ' || workspace \
             ELSE subject || ' in ' || workspace || ' by key ' || key_id END"
        }
        By::Workspace => "workspace",
        By::Model => "coalesce(model, 'none')",
        By::Day => "date(at, 'unixepoch')",
    }
}

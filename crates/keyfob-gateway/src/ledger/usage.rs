//! What was used, added up.

use super::{FILE, table};
use crate::database;
use keyfob_oauth::Timestamp;
use keyfob_usage::{By, Line, Report};
use rusqlite::{Connection, ErrorCode, ToSql};
use std::path::Path;
use std::time::{Duration, Instant};

/// Whose use is added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybody,
    /// That of one person in one workspace, of the keys that they made there too.
    Person {
        /// Who.
        subject: String,
        /// Where.
        workspace: String,
    },
    /// That of one key, by its identifier.
    Key(String),
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
    /// It has more lines than are told at once, or takes longer than anybody waits.
    #[error("this is more than is told at once")]
    TooMuch,
}

/// How many lines are told at once to who asks about themselves: the names of models are theirs to choose.
const MOST_LINES: usize = 500;
/// How many characters of a name are told, and tell it from others.
const NAME_LENGTH: usize = 200;
/// After how many steps of the database it is looked whether it takes too long.
const STEPS: i32 = 1_000;

/// Adds up what stands in the ledger in `folder` since then.
pub fn report(folder: &Path, by: By, since: Timestamp, whose: &Whose) -> Result<Report, UsageError> {
    read(&open(folder)?, by, since, whose, None)
}

/// As [`report`], with an end to lines and to time.
pub(crate) fn report_within(
    limit: Duration,
    folder: &Path,
    by: By,
    since: Timestamp,
    whose: &Whose,
) -> Result<Report, UsageError> {
    let connection = open(folder)?;
    let began = Instant::now();
    connection.progress_handler(STEPS, Some(move || began.elapsed() > limit))?;
    let report = read(&connection, by, since, whose, Some(MOST_LINES + 1)).map_err(|error| match error {
        UsageError::Database(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            UsageError::TooMuch
        }
        error => error,
    })?;
    if report.lines.len() > MOST_LINES { Err(UsageError::TooMuch) } else { Ok(report) }
}

fn open(folder: &Path) -> Result<Connection, UsageError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Err(UsageError::Missing(folder.display().to_string()));
    }
    Ok(database::open_to_read(&path)?)
}

fn read(
    connection: &Connection,
    by: By,
    since: Timestamp,
    whose: &Whose,
    most: Option<usize>,
) -> Result<Report, UsageError> {
    // Each has an index, so that who used little is answered at once.
    let (theirs, names): (_, &[&str]) = match whose {
        Whose::Everybody => ("", &[]),
        Whose::Person { subject, workspace } => {
            (" AND subject = ?3 AND workspace = ?4", &[subject, workspace])
        }
        Whose::Key(id) => (" AND key_id = ?3", &[id]),
    };
    let text = format!(
        "SELECT substr({name}, 1, {NAME_LENGTH}) AS name, count(*) AS requests, \
         count(*) FILTER (WHERE state = 'aborted') AS aborted, count(*) FILTER (WHERE state IS NULL) AS reserved, \
         sum(coalesce(ended.input, reserved.input)) AS input, sum(coalesce(cached, 0)) AS cached, \
         sum(coalesce(ended.output, reserved.output)) AS output, sum(coalesce(reasoning, 0)) AS reasoning, \
         sum(coalesce(CASE WHEN state IS NULL THEN reserved.price ELSE ended.price END, 0)) AS price, \
         count(*) FILTER (WHERE CASE WHEN state IS NULL THEN reserved.price ELSE ended.price END IS NULL) AS unpriced \
         FROM reserved LEFT JOIN ended USING (request_id) WHERE at >= ?1{theirs} GROUP BY 1 ORDER BY 1 LIMIT ?2",
        name = name_of(by)
    );
    let most = most.and_then(|most| i64::try_from(most).ok()).unwrap_or(-1);
    let (since, mut statement) = (since.as_unix(), connection.prepare(&text)?);
    let mut bound: Vec<&dyn ToSql> = vec![&since, &most];
    bound.extend(names.iter().map(|name| name as &dyn ToSql));
    let lines = statement.query_map(&*bound, |row| {
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

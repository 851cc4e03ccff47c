//! What was used, added up.

use super::{FILE, table};
use crate::database;
use crate::money::Money;
use keyfob_oauth::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// By what it is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person in a workspace, or a key.
    Caller,
    /// A workspace.
    Workspace,
    /// A model.
    Model,
    /// A day, in UTC.
    Day,
}

impl By {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Workspace => "workspace",
            Self::Model => "model",
            Self::Day => "day",
        }
    }

    const fn expression(self) -> &'static str {
        match self {
            Self::Caller => {
                "CASE WHEN key_id IS NULL THEN subject || ' in ' || workspace \
                 ELSE subject || ' in ' || workspace || ' by key ' || key_id END"
            }
            Self::Workspace => "workspace",
            Self::Model => "coalesce(model, 'none')",
            Self::Day => "date(at, 'unixepoch')",
        }
    }
}

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

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of whom, what or when.
    pub name: String,
    /// How many requests went to an upstream.
    pub requests: u64,
    /// Of how many the answer did not come whole.
    pub aborted: u64,
    /// How many run, or were left by a crash; they count as much as was reserved.
    pub reserved: u64,
    /// Tokens, of which `cached` is a part of `input` and `reasoning` of `output`.
    pub input: u64,
    /// What of the input came from a cache.
    pub cached: u64,
    /// Tokens that came back.
    pub output: u64,
    /// What of them was thought, not said.
    pub reasoning: u64,
    /// What it cost, where there was a price.
    pub price: Money,
    /// Of how many requests nobody knows the price.
    pub unpriced: u64,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// By what it is added up.
    pub by: By,
    /// Its lines, in the order of their names.
    pub groups: Vec<Group>,
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

impl Usage {
    /// Adds up what stands in the ledger in `folder` since then.
    pub fn read(folder: &Path, by: By, since: Timestamp, whose: &Whose) -> Result<Self, UsageError> {
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
            name = by.expression()
        );
        let (subject, workspace) = match whose {
            Whose::Everybody => (None, None),
            Whose::Person { subject, workspace } => (Some(subject), Some(workspace)),
        };
        let mut statement = connection.prepare(&text)?;
        let groups = statement.query_map(rusqlite::params![since.as_unix(), subject, workspace], |row| {
            Ok(Group {
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
        let groups = groups.collect::<rusqlite::Result<_>>()?;
        Ok(Self { by, groups })
    }

    /// Returns the report as JSON; amounts are texts, since they are exact.
    pub fn to_json(&self) -> Value {
        let line = |group: &Group| {
            json!({
                (self.by.as_str()): group.name,
                "requests": group.requests, "aborted": group.aborted, "reserved": group.reserved,
                "input_tokens": group.input, "cached_tokens": group.cached,
                "output_tokens": group.output, "reasoning_tokens": group.reasoning,
                "price": group.price.to_string(), "unpriced_requests": group.unpriced,
            })
        };
        json!({ "schema": 1, "by": self.by.as_str(), "usage": self.groups.iter().map(line).collect::<Vec<_>>() })
    }

    /// Returns the report as a table for people.
    pub fn to_text(&self) -> String {
        let head = [self.by.as_str(), "requests", "aborted", "input", "cached", "output", "price"]
            .map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.groups.iter().map(|group| {
            let price = match group.unpriced {
                0 => group.price.to_string(),
                unpriced => format!("{} + {unpriced} without a price", group.price),
            };
            let [requests, aborted, input, cached, output] =
                [group.requests, group.aborted, group.input, group.cached, group.output]
                    .map(|n| n.to_string());
            [keyfob_oauth::text::printable(&group.name), requests, aborted, input, cached, output, price]
        }));
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..7).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let cells: Vec<String> = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            // A text takes whatever is written to it.
            writeln!(text, "{}", cells.join("  ").trim_end()).ok();
        }
        text
    }

    /// Returns the report as CSV (RFC 4180).
    pub fn to_csv(&self) -> String {
        let mut text = format!(
            "{},requests,aborted,reserved,input_tokens,cached_tokens,output_tokens,reasoning_tokens,price,unpriced_requests\r\n",
            self.by.as_str()
        );
        for group in &self.groups {
            let name = quoted(&group.name);
            let Group {
                requests, aborted, reserved, input, cached, output, reasoning, price, unpriced, ..
            } = group;
            write!(
                text,
                "{name},{requests},{aborted},{reserved},{input},{cached},{output},{reasoning},{price},{unpriced}\r\n"
            )
            .ok();
        }
        text
    }
}

/// Quotes a cell; a spreadsheet would run one that begins like a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

//! `usage`: what was used, for whoever runs the gateway.

use crate::args::{Format, UsageArguments};
use crate::system::SystemClock;
use anyhow::Context as _;
use keyfob_gateway::ledger::usage::{Whose, report};
use keyfob_oauth::{Clock as _, Timestamp};
use std::io::Write as _;
use std::process::ExitCode;

const DAY: i64 = 24 * 60 * 60;

pub(crate) fn usage(asked: &UsageArguments) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now().as_unix();
    let since = asked.since.map_or(0, |days| now.saturating_sub(i64::from(days).saturating_mul(DAY)));
    let usage = report(&asked.data, asked.by.into(), Timestamp::from_unix(since), &Whose::Everybody)?;
    let text = match asked.output {
        Format::Text => usage.to_text(),
        Format::Json => format!("{}\n", usage.to_json()),
        Format::Csv => usage.to_csv(),
    };
    write!(std::io::stdout(), "{text}").context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

//! `policy test`, `policy diff` and `explain`: what they read, and what they print.

use crate::args::{Explain, PolicyDiff, PolicyTest};
use crate::system::SystemClock;
use anyhow::Context as _;
use keyfob_gateway::config::read_policy;
use keyfob_gateway::decisions::{diff, explain};
use keyfob_gateway::policy::Policy;
use keyfob_gateway::policy::cases::Cases;
use keyfob_gateway::upstream::UpstreamKey;
use keyfob_gateway::upstreams::{NamedUpstream, UpstreamSections};
use keyfob_oauth::{Clock as _, Timestamp};
use serde::Deserialize;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is read of the gateway's configuration here; the rest is the start's affair.
#[derive(Deserialize)]
struct Configured {
    policy: Option<PathBuf>,
    #[serde(default)]
    upstream: UpstreamSections,
}

pub(crate) fn test(test: &PolicyTest) -> anyhow::Result<ExitCode> {
    let (policy, upstreams) = match (&test.config, &test.policy) {
        (Some(config), _) => configured(config)?,
        (None, Some(file)) => (read_policy(file)?, None),
        (None, None) => (Policy::default(), None),
    };
    let cases = Cases::parse(&test.cases, &text(&test.cases)?)?;
    let report = cases.run(&policy, upstreams.as_deref());
    print(&report)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn configured(path: &Path) -> anyhow::Result<(Policy, Option<Vec<NamedUpstream>>)> {
    let shown = path.display();
    let configured: Configured =
        toml::from_str(&text(path)?).map_err(|error| anyhow::anyhow!("{shown}: {}", error.message()))?;
    // A path in the file is meant from where the file is.
    let beside = |file: &Path| path.parent().unwrap_or(Path::new("")).join(file);
    let policy =
        configured.policy.as_deref().map(|file| read_policy(&beside(file))).transpose()?.unwrap_or_default();
    // Whom a request may go to does not depend on the key that is shown there.
    let no_key = |_: &Path| UpstreamKey::parse("unread");
    let upstreams = configured.upstream.read(no_key).with_context(|| format!("in {shown}"))?;
    Ok((policy, Some(upstreams)))
}

pub(crate) fn diff(other: &PolicyDiff) -> anyhow::Result<ExitCode> {
    const DAY: i64 = 24 * 60 * 60;
    let policy = read_policy(&other.policy)?;
    let since = SystemClock.now().as_unix().saturating_sub(i64::from(other.since) * DAY);
    let difference = diff::diff(&other.data, &policy, Timestamp::from_unix(since))?;
    print(&difference)?;
    Ok(if difference.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn explain(asked: &Explain) -> anyhow::Result<ExitCode> {
    let told = explain::explain(&asked.data, &asked.request_id)?;
    let Some(told) = told else {
        return Err(anyhow::anyhow!(
            "no decision is kept about {:?}: it is older than 30 days, it came from nobody whom the issuer vouches for, or it \
             was of another gateway",
            keyfob_oauth::text::printable(&asked.request_id)
        ));
    };
    print(&told)?;
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn print(what: &impl Display) -> anyhow::Result<()> {
    write!(std::io::stdout(), "{what}").context("cannot print")
}

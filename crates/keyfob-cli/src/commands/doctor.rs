//! `keyfob doctor`: shows the findings, and writes them down for somebody who helps.

use super::times::utc;
use super::{Acting, on_runtime};
use crate::args::Doctor;
use crate::doctor::{Finding, Verdict, examine, examine_reach};
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::{Reach, Status, SystemClock};
use keyfob_oauth::{Clock as _, IssuerUrl, Timestamp};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Checks everything; fails if a finding does.
pub(crate) fn run(
    arguments: &Doctor,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let now = SystemClock.now();
    let mut findings = examine(acting, environment, now);
    if let Some(issuer) = issuer(acting) {
        let reach = on_runtime(async { Ok(Reach::of(&settings::network(environment), &issuer).await) })?;
        findings.extend(examine_reach(&issuer, &reach, now));
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    let exit = if failed { Exit::Failure } else { Exit::Ok };
    let text = lines(&findings).join("\n");
    if let Some(path) = &arguments.bundle {
        write(path, &report(&text, now))?;
        output::say(&format!("Wrote `{}`; it holds no secret", path.display()));
    }
    let shown = if arguments.json { document(&findings, failed) } else { text };
    output::data(&shown).map_err(Failure::Output)?;
    Ok(exit)
}

/// The issuer of the stored login, else the one in the configuration, if it can be read.
fn issuer(acting: &Acting) -> Option<IssuerUrl> {
    let stored = match acting.session.status() {
        Ok(Status::Account(account)) => account.issuer,
        // A store that cannot be read is a finding of its own.
        Ok(Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | Err(_) => None,
    };
    stored.or_else(|| settings::issuer(None, &acting.settings).unwrap_or_default())
}

fn lines(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        lines.push(format!("{:<4}  {:<14}  {}", finding.verdict.as_str(), finding.check, finding.what));
        if let Some(next) = finding.next {
            lines.push(format!("{:22}-> {next}", ""));
        }
    }
    lines
}

fn document(findings: &[Finding], failed: bool) -> String {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check, "verdict": finding.verdict.as_str(),
                "what": finding.what, "next": finding.next,
            })
        })
        .collect();
    json!({ "schema": 1, "healthy": !failed, "findings": findings }).to_string()
}

fn report(findings: &str, now: Timestamp) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let when = utc(now).unwrap_or_default();
    format!("keyfob {version} on {system} {machine}, {when}\n\n{findings}\n")
}

/// Writes a file that does not exist yet, for this user alone.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Failure::Report { path: path.to_owned(), source })
}

//! Looking for what could keep a sign-in from working. Each finding says what it is about, and what to do.
//!
//! A finding is made of names, paths, sizes and reasons; nothing of a credential's or a setting's text is in it.

mod files;
mod lock;
mod logins;
mod network;
mod policy;
mod surroundings;

use crate::commands::Acting;
use crate::environment::Environment;
use crate::settings;
use keyfob_client::Reach;
use keyfob_oauth::{IssuerUrl, Timestamp};
use keyfob_settings::Settings;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    /// What to do next; nothing when all is well.
    pub(crate) next: Option<&'static str>,
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, what: what.into(), next: None }
    }

    fn warn(check: &'static str, what: impl Into<String>, next: &'static str) -> Self {
        Self { check, verdict: Verdict::Warn, what: what.into(), next: Some(next) }
    }

    fn fail(check: &'static str, what: impl Into<String>, next: &'static str) -> Self {
        Self { check, verdict: Verdict::Fail, what: what.into(), next: Some(next) }
    }
}

/// Checks everything on this machine.
pub(crate) fn examine(acting: &Acting, environment: &Environment, now: Timestamp) -> Vec<Finding> {
    let home = acting.logins.home();
    let mut findings = vec![files::store(&acting.session, now)];
    findings.extend(files::damaged(acting.session.store().home()));
    findings.extend(files::permissions(home));
    findings.extend(logins::findings(acting));
    findings.push(files::file_system(home));
    findings.extend(files::exposures(home));
    let places = settings::places(environment, home);
    findings.extend(files::configuration(&places));
    findings.extend(policy::findings(&Settings::load(&places)));
    findings.push(lock::refresh(acting.session.store().home()));
    findings.extend(files::clock(&acting.session, now));
    findings.push(surroundings::keyring(acting, environment));
    findings.extend(surroundings::credentials(acting));
    findings.extend(surroundings::proxies());
    findings.extend(surroundings::certificates());
    findings.push(surroundings::callback_ports());
    findings
}

/// Judges the way to `issuer`.
pub(crate) fn examine_reach(issuer: &IssuerUrl, reach: &Reach, now: Timestamp) -> Vec<Finding> {
    network::findings(issuer, reach, now)
}

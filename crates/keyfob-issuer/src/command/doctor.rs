//! `doctor`: what could keep people from signing in, and what to do.

use crate::command::audit;
use crate::command::config_check::{self, told};
use crate::command::files::FileError;
use crate::command::opened::{OpenDataError, reach};
use crate::config::Config;
use crate::database::DatabaseError;
use keyfob_issuer_core::key_ring::{KeyState, schedule};
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_sql::{SqlStorage, Urgency};
use keyfob_oauth::{Clock, Timestamp};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// To be looked at.
    Warn,
    /// It keeps people from signing in, or what is kept from being trusted.
    Fail,
}

impl Verdict {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it was found.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// What to do.
    pub next: Option<&'static str>,
}

/// A signing key that is older is worth a new one.
const OLD_KEY: Duration = Duration::from_hours(24 * 90);
/// A backup that is older is worth a new one.
const OLD_BACKUP: Duration = Duration::from_hours(24 * 7);

/// Looks at the issuer in `data`, which may be serving, and changes nothing.
pub async fn examine(data: &Path, clock: &dyn Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |check, verdict, what: String, next| findings.push(Finding { check, verdict, what, next });
    let wrong = config_check::check(data);
    let is_in_order = wrong.is_empty();
    for what in wrong {
        note("settings", Verdict::Fail, what, Some("change it, then run `keyfob-issuer config check`"));
    }
    let Ok(config) = Config::load(data) else { return findings };
    if is_in_order {
        note("settings", Verdict::Ok, format!("{} is in order", config.url), None);
    }
    match config.operations {
        Some(address) => note("probes", Verdict::Ok, format!("served on {address}"), None),
        None => note(
            "probes",
            Verdict::Warn,
            "no probes and no metrics are served".to_owned(),
            Some("set `operations = \"127.0.0.1:9400\"` in issuer.toml"),
        ),
    }
    match &config.mail {
        Some(mail) => note("mail", Verdict::Ok, format!("letters go through {}", mail.server), None),
        None => note(
            "mail",
            Verdict::Warn,
            "no letters are sent: who forgot a password needs a link from you".to_owned(),
            Some("set `[mail]` in issuer.toml, or use `keyfob-issuer user reset-link`"),
        ),
    }
    let mut reached = match reach(data).await {
        Ok(reached) => reached,
        Err(error) => {
            let (check, next) = remedy(&error);
            note(check, Verdict::Fail, told(&error), Some(next));
            return findings;
        }
    };
    note("database", Verdict::Ok, format!("{} opens with this seal key", config.database.url), None);
    match reached.database.pending().await {
        Ok(pending) if pending.is_empty() => note("tables", Verdict::Ok, "up to date".to_owned(), None),
        Ok(pending) => {
            let what = format!("of an older version: {} to come", pending.join(", "));
            note("tables", Verdict::Warn, what, Some("take a backup, then run `keyfob-issuer migrate`"));
            return findings;
        }
        Err(error) => {
            note(
                "tables",
                Verdict::Fail,
                told(&error),
                Some("use the version that made them, or a newer one"),
            );
            return findings;
        }
    }
    match reached.database.into_storage(Urgency::Commands).await {
        Ok(storage) => {
            findings.extend(examine_storage(&storage, clock.now()).await);
            storage.close().await;
        }
        Err(error) => {
            note("database", Verdict::Fail, told(&error), Some("look at the database's own log"));
            return findings;
        }
    }
    findings.push(match audit::verify(data).await {
        Ok(verified) => {
            let what =
                format!("{} entries, none changed, signed up to {}", verified.head.sequence, verified.signed);
            Finding { check: "audit trail", verdict: Verdict::Ok, what, next: None }
        }
        Err(error) => Finding {
            check: "audit trail",
            verdict: Verdict::Fail,
            what: told(&error),
            next: Some("find out who wrote to the database; keep a copy of it as it is"),
        },
    });
    findings
}

/// Returns what is wrong with an issuer that cannot be opened, and what to do about it.
fn remedy(error: &OpenDataError) -> (&'static str, &'static str) {
    match error {
        OpenDataError::Config(_) => ("settings", "change it, then run `keyfob-issuer config check`"),
        OpenDataError::File(FileError::Read { source, .. }) if source.kind() != ErrorKind::NotFound => {
            ("seal key", "let whoever runs the issuer read it, or run this as they do")
        }
        OpenDataError::File(_) => ("seal key", "put your copy of it back: a backup has none"),
        OpenDataError::Database(DatabaseError::Password(_)) => {
            ("database", "look at the file for its password that `[database]` names")
        }
        OpenDataError::Database(DatabaseError::Open(_)) => {
            ("database", "start the database, or restore a backup")
        }
        OpenDataError::Database(DatabaseError::Foreign { .. }) => {
            ("database", "put back the seal key that it was made with, or name the database of this one")
        }
    }
}

async fn examine_storage(storage: &SqlStorage, now: Timestamp) -> Vec<Finding> {
    let broken = |check, error: &dyn std::error::Error| Finding {
        check,
        verdict: Verdict::Fail,
        what: told(error),
        next: Some("look at the database's own log"),
    };
    let keys = async { storage.begin().await?.list_signing_keys().await }.await;
    let key = match keys {
        Err(error) => broken("signing key", &error),
        Ok(keys) => {
            let signing = schedule(&keys, now).into_iter().find(|key| key.state == KeyState::Signing);
            match signing {
                None => Finding {
                    check: "signing key",
                    verdict: Verdict::Fail,
                    what: "there is none".to_owned(),
                    next: Some("restore a backup"),
                },
                Some(key) => {
                    let age = now.since(key.created_at);
                    let what = format!("{} signs, made {} days ago", key.id, age.as_secs() / 86_400);
                    let next = "run `keyfob-issuer signing-key rotate`";
                    let (verdict, next) =
                        if age > OLD_KEY { (Verdict::Warn, Some(next)) } else { (Verdict::Ok, None) };
                    Finding { check: "signing key", verdict, what, next }
                }
            }
        }
    };
    let backup = match audit::last(storage, "issuer.backup").await {
        Err(error) => broken("backup", &error),
        Ok(Some(at)) if now.since(at) <= OLD_BACKUP => {
            let what = format!("the last was taken {} days ago", now.since(at).as_secs() / 86_400);
            Finding { check: "backup", verdict: Verdict::Ok, what, next: None }
        }
        Ok(at) => Finding {
            check: "backup",
            verdict: Verdict::Warn,
            what: match at {
                Some(at) => format!("the last was taken {} days ago", now.since(at).as_secs() / 86_400),
                None => "none was taken by `keyfob-issuer backup`".to_owned(),
            },
            next: Some("run `keyfob-issuer backup`, and keep the seal key elsewhere"),
        },
    };
    vec![key, backup]
}

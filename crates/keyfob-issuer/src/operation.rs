//! `backup`, `restore`, `recover`, `migrate` and `doctor`, in words.

use crate::args::Output;
use crate::args::operation::{Backup, Doctor, Migrate, Recover, Restore};
use crate::signing_keys::moment;
use crate::system::{SystemClock, SystemEntropy};
use crate::{Outcome, say};
use anyhow::Context as _;
use keyfob_issuer::command::doctor::{Finding, Verdict, examine};
use keyfob_issuer::command::restore::{Wish, look};
use keyfob_issuer::command::{backup, migrate, restore, user};
use keyfob_issuer::config::DatabaseSettings;
use keyfob_issuer_core::operation::Fate;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_sql::DatabaseUrl;
use serde_json::json;
use std::io::Write as _;

pub(crate) async fn back_up(arguments: Backup) -> anyhow::Result<()> {
    let Backup { data, output, to } = arguments;
    let done = backup::backup(&data, &to, &SystemClock).await?;
    print(output, || json!({ "schema": 1, "file": to, "rows": done.rows, "bytes": done.bytes }))?;
    say(&format!("keyfob-issuer: wrote {} rows to {}", done.rows, to.display()));
    say("keyfob-issuer: it cannot be restored without `seal.key`, which is not in it: keep that elsewhere");
    Ok(())
}

pub(crate) async fn put_back(arguments: Restore) -> anyhow::Result<()> {
    let fate = |goes_on| if goes_on { Fate::GoesOn } else { Fate::Ends };
    let database = match arguments.database.as_deref() {
        None => None,
        Some(url) => Some(DatabaseSettings {
            url: DatabaseUrl::parse(url).context("--database")?,
            password_file: arguments.database_password_file.map(std::path::absolute).transpose()?,
            ..DatabaseSettings::default()
        }),
    };
    let wish = Wish {
        backup: arguments.backup,
        seal_key: arguments.seal_key,
        database,
        sessions: fate(arguments.keep_sessions),
        keys: fate(arguments.keep_keys),
    };
    if arguments.dry_run {
        let found = look(&arguments.data, &wish)?;
        let at = moment(found.created_at);
        print(arguments.output, || json!({ "schema": 1, "created_at": at, "rows": found.rows }))?;
        say(&format!("keyfob-issuer: would restore {} rows of {at}", found.rows));
        return Ok(());
    }
    let (found, settled) = restore::restore(&arguments.data, &wish, &SystemClock).await?;
    let at = moment(found.created_at);
    print(arguments.output, || {
        json!({
            "schema": 1, "created_at": at, "rows": found.rows,
            "sessions_ended": settled.sessions, "keys_ended": settled.keys,
        })
    })?;
    say(&format!("keyfob-issuer: restored {} rows of {at} in {}", found.rows, arguments.data.display()));
    say(&format!("keyfob-issuer: {} sessions and {} keys ended", settled.sessions, settled.keys));
    Ok(())
}

pub(crate) async fn recover(arguments: Recover) -> anyhow::Result<()> {
    let Recover { data, output, email } = arguments;
    let email = email.map(|text| Email::parse(&text).with_context(|| text.clone())).transpose()?;
    let (email, link) = user::recover(&data, email.as_ref(), &SystemClock, &SystemEntropy).await?;
    match output {
        Output::Text => writeln!(std::io::stdout().lock(), "{}", link.expose())?,
        Output::Json => {
            print(output, || json!({ "schema": 1, "email": email.as_str(), "link": link.expose() }))?;
        }
    }
    say(&format!("keyfob-issuer: {email} has no second factor any more, is signed out everywhere,"));
    say("keyfob-issuer: and chooses a new password there, once, within half an hour");
    Ok(())
}

pub(crate) async fn bring_up_to_date(arguments: Migrate) -> anyhow::Result<()> {
    let Migrate { data, dry_run, output } = arguments;
    let steps = if dry_run { migrate::pending(&data).await? } else { migrate::migrate(&data).await? };
    print(output, || json!({ "schema": 1, "dry_run": dry_run, "steps": steps }))?;
    say(&match (steps.as_slice(), dry_run) {
        ([], _) => "keyfob-issuer: the tables are up to date".to_owned(),
        (steps, true) => format!("keyfob-issuer: would take these steps: {}", steps.join(", ")),
        (steps, false) => format!("keyfob-issuer: took these steps: {}", steps.join(", ")),
    });
    Ok(())
}

pub(crate) async fn look_after(arguments: Doctor) -> anyhow::Result<Outcome> {
    let findings = examine(&arguments.data, &SystemClock).await;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    let mut out = std::io::stdout().lock();
    match arguments.output {
        Output::Text => {
            for Finding { check, verdict, what, next } in &findings {
                writeln!(out, "{:<4}  {check:<14}  {what}", verdict.as_str())?;
                if let Some(next) = next {
                    writeln!(out, "{:22}-> {next}", "")?;
                }
            }
        }
        Output::Json => {
            let told = findings.iter().map(|Finding { check, verdict, what, next }| {
                json!({ "check": check, "verdict": verdict.as_str(), "what": what, "next": next })
            });
            let told = told.collect::<Vec<_>>();
            writeln!(out, "{}", json!({ "schema": 1, "healthy": !failed, "findings": told }))?;
        }
    }
    Ok(if failed { Outcome::FoundWrong } else { Outcome::Done })
}

fn print(output: Output, told: impl FnOnce() -> serde_json::Value) -> std::io::Result<()> {
    match output {
        Output::Text => Ok(()),
        Output::Json => writeln!(std::io::stdout().lock(), "{}", told()),
    }
}

//! `signing-key`, in words.

use crate::args::Output;
use crate::args::operation::{Rotate, SigningKey};
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use keyfob_issuer::command::signing_key;
use keyfob_issuer_core::key_ring::{KeyState, ListedSigningKey};
use keyfob_issuer_core::operation::{SigningKeyError, Start};
use keyfob_oauth::Timestamp;
use serde_json::json;
use std::io::Write as _;

pub(crate) async fn run(command: SigningKey) -> anyhow::Result<()> {
    match command {
        SigningKey::List { data, output } => print(&signing_key::list(&data, &SystemClock).await?, output),
        SigningKey::Rotate(arguments) => rotate(arguments).await,
        SigningKey::Retire { data, dry_run, output, id } => {
            let keys = signing_key::list(&data, &SystemClock).await?;
            let Some(key) = keys.iter().find(|key| key.id == id) else {
                return Err(SigningKeyError::NotFound(id).into());
            };
            let then = match key.state {
                KeyState::Signing => "; a new key signs at once",
                KeyState::Published | KeyState::Retired | KeyState::Gone => "",
            };
            if dry_run {
                say(&format!("keyfob-issuer: would drop {id}, and with it what it signed{then}"));
                return print(&keys, output);
            }
            let keys = signing_key::retire(&data, &id, &SystemClock, &SystemEntropy).await?;
            say(&format!("keyfob-issuer: dropped {id}, and with it what it signed{then}"));
            print(&keys, output)
        }
    }
}

pub(crate) async fn rotate(arguments: Rotate) -> anyhow::Result<()> {
    let Rotate { data, now, dry_run, output } = arguments;
    if dry_run {
        let keys = signing_key::list(&data, &SystemClock).await?;
        signing_key::may_rotate(&keys)?;
        say("keyfob-issuer: would make the next signing key");
        return print(&keys, output);
    }
    let start = if now { Start::Now } else { Start::WhenKnown };
    let keys = signing_key::rotate(&data, start, &SystemClock, &SystemEntropy).await?;
    if let Some(new) = keys.last() {
        say(&format!("keyfob-issuer: made the key {}; it signs from {} on", new.id, moment(new.signs_from)));
    }
    print(&keys, output)
}

fn print(keys: &[ListedSigningKey], output: Output) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Text => {
            for key in keys {
                let until = key.published_until.map_or_else(|| "-".to_owned(), moment);
                let (from, state) = (moment(key.signs_from), key.state.as_str());
                writeln!(out, "{}\t{state}\t{from}\t{until}", key.id)?;
            }
        }
        Output::Json => {
            let told = keys.iter().map(|key| {
                json!({
                    "id": key.id,
                    "state": key.state.as_str(),
                    "created_at": moment(key.created_at),
                    "signs_from": moment(key.signs_from),
                    "published_until": key.published_until.map(moment),
                })
            });
            writeln!(out, "{}", json!({ "schema": 1, "signing_keys": told.collect::<Vec<_>>() }))?;
        }
    }
    Ok(())
}

/// Returns a moment in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix()).map_or_else(|_| "-".to_owned(), |at| at.to_string())
}

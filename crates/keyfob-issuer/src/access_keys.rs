//! `token` and `key`, in words.

use crate::args::{Key, NewKey};
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use anyhow::Context as _;
use keyfob_issuer::command::access_key::{self, OwnedKey};
use keyfob_issuer_core::access_key::{KeyKind, KeyLabel, Models};
use keyfob_issuer_core::operation;
use keyfob_issuer_core::user::Email;
use keyfob_oauth::{Scope, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

pub(crate) async fn run(kind: KeyKind, command: Key) -> anyhow::Result<()> {
    match command {
        Key::Create(arguments) => {
            let email = email(&arguments.email)?;
            let wish = wish(kind, &arguments)?;
            let place = arguments.place;
            let made =
                access_key::create(&place.data, email.clone(), wish, &SystemClock, &SystemEntropy).await?;
            say(&format!("keyfob-issuer: made {}; it is not shown again", made.key.id));
            let secret = made.secret.expose();
            let mut told = described(&OwnedKey { key: made.key, owner: email });
            if let Some(members) = told.as_object_mut() {
                members.insert("secret".to_owned(), secret.into());
            }
            place.print(secret, told)?;
        }
        Key::List { place } => {
            let keys = access_key::list(&place.data, kind, &SystemClock).await?;
            let lines: Vec<String> = keys.iter().map(line).collect();
            let told: Vec<Value> = keys.iter().map(described).collect();
            place.print(&lines.join("\n"), json!({ "keys": told }))?;
        }
        Key::Revoke { place, id } => {
            access_key::revoke(&place.data, kind, &id, &SystemClock).await?;
            place.print("", json!({ "id": id, "revoked": true }))?;
            say(&format!("keyfob-issuer: revoked {id}"));
        }
    }
    Ok(())
}

fn email(given: &str) -> anyhow::Result<Email> {
    Email::parse(given).with_context(|| format!("--email {given}"))
}

fn wish(kind: KeyKind, arguments: &NewKey) -> anyhow::Result<operation::NewKey> {
    Ok(operation::NewKey {
        kind,
        label: KeyLabel::parse(&arguments.label).context("--label: nothing that can be shown")?,
        scope: arguments.scope.as_deref().map(Scope::parse).transpose().context("--scope")?,
        models: Models::parse(&arguments.models.join(" ")).context("--model: not a list of models")?,
        life: arguments.days.map(|days| Duration::from_secs(days.saturating_mul(DAY))),
    })
}

fn described(owned: &OwnedKey) -> Value {
    let OwnedKey { key, owner } = owned;
    let moment = |time: Timestamp| {
        jiff::Timestamp::from_second(time.as_unix()).map(|moment| moment.to_string()).unwrap_or_default()
    };
    json!({
        "id": key.id.to_string(), "kind": key.kind.as_str(), "label": key.label.as_str(), "ending": key.ending,
        "email": owner.as_str(), "scope": key.scope.to_string(), "models": key.models.names(),
        "created_at": moment(key.created_at), "expires_at": key.expires_at.map(moment),
        "last_used_at": key.last_used_at.map(moment),
    })
}

fn line(owned: &OwnedKey) -> String {
    let OwnedKey { key, owner } = owned;
    let moment = |time: Option<Timestamp>, none: &str| {
        let shown = time.and_then(|time| jiff::Timestamp::from_second(time.as_unix()).ok());
        shown.map_or_else(|| none.to_owned(), |shown| shown.to_string())
    };
    let (end, used) = (moment(key.expires_at, "lasting"), moment(key.last_used_at, "never used"));
    format!("{}\t…{}\t{owner}\t{}\t{end}\t{used}", key.id, key.ending, key.label.as_str())
}

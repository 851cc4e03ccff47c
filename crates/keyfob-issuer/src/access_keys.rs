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
use std::io::Write as _;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

pub(crate) async fn run(kind: KeyKind, command: Key) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    match command {
        Key::Create(arguments) => {
            let (data, email) = (arguments.data.clone(), email(&arguments.email)?);
            let made = access_key::create(&data, email, wish(kind, arguments)?, &SystemClock, &SystemEntropy);
            let made = made.await?;
            say(&format!("keyfob-issuer: made {}; it is not shown again", made.key.id));
            writeln!(output, "{}", made.secret.expose())?;
        }
        Key::List { data } => {
            for owned in access_key::list(&data, kind, &SystemClock).await? {
                writeln!(output, "{}", line(&owned))?;
            }
        }
        Key::Revoke { data, id } => {
            access_key::revoke(&data, kind, &id, &SystemClock).await?;
            say(&format!("keyfob-issuer: revoked {id}"));
        }
    }
    Ok(())
}

fn email(given: &str) -> anyhow::Result<Email> {
    Email::parse(given).with_context(|| format!("--email {given}"))
}

fn wish(kind: KeyKind, arguments: NewKey) -> anyhow::Result<operation::NewKey> {
    Ok(operation::NewKey {
        kind,
        label: KeyLabel::parse(&arguments.label).context("--label: nothing that can be shown")?,
        scope: arguments.scope.map(|text| Scope::parse(&text)).transpose().context("--scope")?,
        models: Models::parse(&arguments.models.join(" ")).context("--model: not a list of models")?,
        life: arguments.days.map(|days| Duration::from_secs(days.saturating_mul(DAY))),
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

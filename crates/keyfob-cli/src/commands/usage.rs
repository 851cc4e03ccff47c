//! `keyfob usage`: what one used at the gateway of a provider of models, asked of it with what it is otherwise shown.

use super::provided::Provided;
use super::{Acting, ci, on_runtime, signed_in};
use crate::args::{Format, Usage};
use crate::environment::Environment;
use crate::error::{CommandError, Failure, ProviderFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::provider::{Credential, Destination, Source, UsageError, own_usage};
use keyfob_client::refresh::RefreshError;
use keyfob_client::store::StoreError;
use keyfob_client::{Jitter, Need, Status, SystemClock, SystemEntropy};
use keyfob_oauth::{AccessToken, Clock as _, Secret};
use keyfob_usage::{Ask, OwnUsage, Whose};
use serde_json::{Value, json};
use std::io;

/// Asks, and prints the answer.
pub(super) fn run(
    arguments: &Usage,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    super::config::warn(acting.logins.home());
    signed_in(acting, environment, || {
        let provided = Provided::find(arguments.provider.as_deref(), acting)?;
        ci::guard(&acting.settings)?;
        let ask = Ask { by: arguments.by.into(), days: Some(arguments.since) };
        let (usage, to) = told(&provided, ask, acting)?;
        print(arguments, &provided, &usage, &to)
    })
}

/// Returns what was used, and where that was told; what is refused is had anew once, if it can be.
fn told(provided: &Provided, ask: Ask, acting: &Acting) -> Result<(OwnUsage, Destination), CommandError> {
    let nobody = || ProviderFailure::NobodyKnown(provided.provider.id.clone());
    let source = provided.source(acting)?.ok_or_else(nobody)?;
    let first = shown(provided, source, None, acting)?;
    match asked(provided, &first, ask, acting)? {
        Err(refused) if refused.is_of_credential() => {
            let newer = shown(provided, source, Some(&first.secret), acting)?;
            if newer.secret == first.secret {
                return Err(refused.into());
            }
            Ok(asked(provided, &newer, ask, acting)??)
        }
        outcome => Ok(outcome?),
    }
}

/// Returns what is shown to the gateway: in the place of what was `refused`, if something was and there is anything else.
fn shown(
    provided: &Provided,
    source: Source,
    refused: Option<&Secret>,
    acting: &Acting,
) -> Result<Credential, CommandError> {
    let session = &acting.session;
    match (source, session.status()?) {
        (Source::StoredLogin, Status::Account(_)) => {}
        (_, _) => return provided.held(source, refused, acting),
    }
    let need = match refused {
        Some(refused) => Need::in_place_of(&AccessToken::new(refused.expose())),
        None => Need::Usable(
            Jitter::draw(&SystemEntropy).map_err(|error| Failure::Setup(io::Error::other(error)))?,
        ),
    };
    let token = match session.fresh_token(SystemClock.now(), need)? {
        Some(token) => token,
        None => on_runtime(async { Ok(session.token(&SystemClock, &SystemEntropy, need).await?) })?,
    };
    // Whose it is, is asked of the store: another login may have been stored meanwhile.
    let now = Provided::find(Some(&provided.provider.id), acting)?;
    match now.credential() {
        Some(stored) if stored.secret.expose() == token.expose() => Ok(stored.clone()),
        Some(_) | None => Err(RefreshError::Store(StoreError::Changed).into()),
    }
}

fn asked(
    provided: &Provided,
    credential: &Credential,
    ask: Ask,
    acting: &Acting,
) -> Result<Result<(OwnUsage, Destination), UsageError>, CommandError> {
    let to = provided.destination(Some(credential))?;
    let authorization = Provided::authorize(credential, &to, acting)?;
    let (network, beside) = (acting.logins.network(), provided.headers(Some(credential)));
    let usage = on_runtime(async { Ok(own_usage(network, &to, &authorization, &beside, ask).await) })?;
    Ok(usage.map(|usage| (usage, to)))
}

fn print(
    arguments: &Usage,
    provided: &Provided,
    usage: &OwnUsage,
    to: &Destination,
) -> Result<Exit, CommandError> {
    let text = match arguments.format() {
        Format::Json => document(provided, usage, to).to_string(),
        // The end of the last line is added to it.
        Format::Csv => usage.report.to_csv().trim_end_matches('\n').to_owned(),
        Format::Text => {
            output::say(&headline(usage, to));
            if usage.report.lines.is_empty() {
                return Ok(Exit::Ok);
            }
            usage.report.to_text().trim_end().to_owned()
        }
    };
    output::data(&text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn headline(usage: &OwnUsage, to: &Destination) -> String {
    let Whose { subject, workspace, key } = &usage.whose;
    let who = match key {
        Some(key) => format!("The key {key} of {subject} in workspace {workspace}"),
        None => format!("{subject} in workspace {workspace}"),
    };
    let since = match usage.days {
        Some(1) => " in the last day".to_owned(),
        Some(days) => format!(" in the last {days} days"),
        None => String::new(),
    };
    if usage.report.lines.is_empty() {
        return format!("{who} used nothing at {}{since}.", to.server);
    }
    let prices = usage.currency.map_or_else(String::new, |currency| format!("; prices in {currency}"));
    format!("{who} used at {}{since}{prices}:", to.server)
}

fn document(provided: &Provided, usage: &OwnUsage, to: &Destination) -> Value {
    let mut document = json!({
        "schema": 1, "state": Exit::Ok.state(), "provider": provided.provider.id, "gateway": to.url.as_str(),
    });
    if let (Some(members), Value::Object(told)) = (document.as_object_mut(), usage.to_json()) {
        members.extend(told);
    }
    document
}

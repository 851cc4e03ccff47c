//! `keyfob login --provider ID --with-api-key` and `keyfob logout --provider ID`: keys of providers of models.

use super::super::{Acting, on_runtime};
use super::key::{API_KEY_FLAG, read};
use crate::args::Login;
use crate::error::{CommandError, Failure, ProviderFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::login::{Brought, Replace, keep_brought};
use keyfob_client::logins::Logins;
use keyfob_client::logout::{Ends, SignedOut};
use keyfob_client::provider::{Source, Way};
use keyfob_client::why::Asked;
use keyfob_client::{Session, SystemClock};
use serde_json::json;
use std::io::{self, IsTerminal as _};

/// Keeps the key on standard input for one provider, in the store that logins are kept in.
pub(super) fn keep(id: &str, arguments: &Login, acting: &Acting) -> Result<Exit, CommandError> {
    let provider = acting.settings.provider(Some(id)).map_err(ProviderFailure::from)?;
    let precedence =
        acting.settings.own().precedence.as_ref().map(|precedence| precedence.value).unwrap_or_default();
    let way = Way::of(&provider, precedence);
    if !way.order(precedence, Asked::Nothing).contains(&Source::KeptKey) {
        return Err(ProviderFailure::TakesNoKey { id: provider.id, way: way.as_str() }.into());
    }
    let session = place(id, &acting.logins)?;
    let key = read(API_KEY_FLAG, "API key")?;
    let brought = Brought::ApiKey(key);
    let keeping = keep_brought(&session, &brought, Replace::Anything, &SystemClock);
    on_runtime(async { Ok(keeping.await?) })?;
    if arguments.json || !io::stdout().is_terminal() {
        let document = json!({ "schema": 1, "state": Exit::Ok.state(), "method": "api_key", "provider": id });
        output::data(&document.to_string()).map_err(Failure::Output)?;
    }
    output::say(&format!("API key for provider `{id}` saved"));
    output::say(&format!("Kept in `{}`", session.store().blocking().location()));
    Ok(Exit::Ok)
}

/// Removes the key that is kept for one provider; no session ends by that.
pub(in super::super) fn forget(id: &str, logins: &Logins) -> Result<Exit, CommandError> {
    let session = place(id, logins)?;
    let removed = on_runtime(async { Ok(session.sign_out(Ends::Anything, &SystemClock).await?) })?;
    // A token that its command printed goes too.
    session.store().blocking().forget()?;
    output::say(&match removed {
        SignedOut::NothingStored => format!("No key is kept for provider `{id}`"),
        SignedOut::Removed(_) => format!("Removed the key for provider `{id}`"),
    });
    Ok(Exit::Ok)
}

fn place(id: &str, logins: &Logins) -> Result<Session, ProviderFailure> {
    logins.provider(id).ok_or_else(|| ProviderFailure::Unnameable(id.to_owned()))
}

//! `keyfob login --with-api-key` and `--with-access-token`.

use super::super::{Acting, exposed, on_runtime};
use super::conduct::Ended;
use super::manner::Manner;
use super::plan::Plan;
use crate::args::Login;
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::login::{Brought, Replace, Superseded, keep_brought};
use keyfob_client::{SystemClock, who_is};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_codex::who_am_i::WhoAmI;
use keyfob_oauth::text::printable;
use keyfob_oauth::{AccessToken, ApiKey, InvalidKey, WorkspaceId};
use keyfob_settings::logins::Which;
use serde_json::json;
use std::io::{self, IsTerminal as _};
use zeroize::Zeroizing;

/// How a personal access token begins.
pub(super) const PERSONAL: &str = "at-";
/// More than any key has; what is longer is refused and not read to its end.
const MOST: usize = 16 * 1024;

/// Asks for a key at a terminal, else takes the one on standard input, and keeps it.
pub(super) fn enter_api_key(
    arguments: &Login,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let plan = Plan::to_enter_a_key(arguments, acting, environment)?;
    let key = match plan.manner {
        Manner::Unattended => read(API_KEY_FLAG, "API key")?,
        Manner::Lines | Manner::Screen { .. } => match plan.carry_out()? {
            Ended::Key(key) => key,
            Ended::SignedIn(_) => return Err(Failure::NothingOnInput("API key").into()),
        },
    };
    keep_api_key(arguments, acting, key)
}

/// Keeps the key, in the words of the Codex CLI.
pub(super) fn keep_api_key(arguments: &Login, acting: &Acting, key: ApiKey) -> Result<Exit, CommandError> {
    if key.is_of_keyfob() && acting.chosen.login == Which::Shared && !arguments.replace {
        return Err(Failure::OwnKey.into());
    }
    keep(arguments, acting, "api_key", async || Ok((Brought::ApiKey(key), None)))?;
    output::say("API key saved. Authentication is checked when you send a request.");
    say_where(acting);
    Ok(Exit::Ok)
}

/// Keeps the personal access token on standard input, once its issuer has said whose it is.
pub(super) fn keep_access_token(arguments: &Login, acting: &Acting) -> Result<Exit, CommandError> {
    let issuer = super::issuer(arguments, acting)?;
    let given = read("--with-access-token", "access token")?;
    if !given.expose().starts_with(PERSONAL) {
        return Err(Failure::NotAPersonalToken.into());
    }
    let token = AccessToken::new(given.expose());
    if acting.chosen.login == Which::Shared && issuer.as_str() != UNNAMED_ISSUER {
        output::say(&format!(
            "note: a Codex CLI with this home sends the token to OpenAI, unless it runs with \
             CODEX_AUTHAPI_BASE_URL={issuer}/api/accounts"
        ));
    }
    let ask = async || {
        let whose = who_is(acting.logins.network(), &issuer, &token).await?;
        match &arguments.workspace {
            Some(wanted) if *wanted != whose.chatgpt_account_id => Err(Failure::OtherWorkspace.into()),
            Some(_) | None => {
                let workspace = WorkspaceId::new(&whose.chatgpt_account_id);
                let (token, issuer) = (token.clone(), issuer.clone());
                Ok((Brought::AccessToken { token, issuer, workspace }, Some(whose)))
            }
        }
    };
    let whose = keep(arguments, acting, "access_token", ask)?;
    output::say("Successfully logged in");
    if let Some(WhoAmI { email, chatgpt_user_id, chatgpt_account_id, .. }) = whose {
        let person = printable(&email.unwrap_or(chatgpt_user_id));
        output::say(&format!(
            "With a token of {person}, workspace {}, at {issuer}",
            printable(&chatgpt_account_id)
        ));
    }
    say_where(acting);
    Ok(Exit::Ok)
}

fn keep(
    arguments: &Login,
    acting: &Acting,
    method: &str,
    ask: impl AsyncFnOnce() -> Result<(Brought, Option<WhoAmI>), CommandError>,
) -> Result<Option<WhoAmI>, CommandError> {
    let replace = if arguments.replace { Replace::Anything } else { Replace::SameIssuer };
    let (whose, kept) = on_runtime(async {
        let (brought, whose) = ask().await?;
        Ok((whose, keep_brought(&acting.session, &brought, replace, &SystemClock).await?))
    })?;
    if let Some(place) = &kept.set_aside {
        output::say(&format!("note: the damaged login that was there is kept in `{place}`"));
    }
    match kept.superseded {
        Superseded::Nothing | Superseded::Revoked => {}
        Superseded::Unconfirmed => {
            output::say("warning: the session that this replaces could not be ended at its issuer");
        }
    }
    if arguments.json || !io::stdout().is_terminal() {
        let login = acting.chosen.login.to_string();
        let document = json!({ "schema": 1, "state": Exit::Ok.state(), "method": method, "login": login });
        output::data(&document.to_string()).map_err(Failure::Output)?;
    }
    Ok(whose)
}

fn say_where(acting: &Acting) {
    let store = acting.session.store();
    output::say(&format!("Kept in `{}`", store.blocking().location()));
    exposed::warn(store.home());
}

/// What asks for a key on standard input.
pub(super) const API_KEY_FLAG: &str = "--with-api-key";

/// Reads one secret from standard input; `flag` asked for it, `what` is what it is called.
pub(super) fn read(flag: &'static str, what: &'static str) -> Result<ApiKey, CommandError> {
    if io::stdin().is_terminal() {
        return Err(Failure::SecretFromTerminal { flag, what }.into());
    }
    output::say(&format!("Reading {what} from stdin..."));
    match ApiKey::parse(&read_all().map_err(Failure::Input)?) {
        Ok(key) => Ok(key),
        Err(InvalidKey::Empty) => Err(Failure::NothingOnInput(what).into()),
        Err(problem) => Err(Failure::NotAKey(what, problem).into()),
    }
}

/// Reads into one buffer that never moves, past the one of the standard library, so that no copy of a key is left behind.
fn read_all() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; MOST]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::read(io::stdin(), rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

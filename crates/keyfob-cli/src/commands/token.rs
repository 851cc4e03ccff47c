//! `keyfob token`.

use super::times::utc;
use super::{Acting, ci, on_runtime, variables};
use crate::args::Token;
use crate::environment::variable;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use crate::settings::SettingsError;
use keyfob_client::why::{Decision, Source};
use keyfob_client::{AccountStatus, Jitter, Need, Session, Status, SystemClock, SystemEntropy, TokenFacts};
use keyfob_oauth::{AccessToken, Clock as _, IssuerUrl, Timestamp};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// The issuer of what does not say it.
const UNNAMED: &str = "an issuer that it does not name";

/// Prints a usable access token, alone on its line or in JSON.
pub(crate) fn run(arguments: &Token, acting: &Acting) -> Result<Exit, CommandError> {
    // A terminal keeps what it shows, in its history and in whatever records it (security C-50).
    if io::stdout().is_terminal() && !arguments.yes {
        return Err(Failure::TokenToTerminal.into());
    }
    ci::guard(&acting.settings)?;
    let issuer = arguments.issuer.as_deref().map(IssuerUrl::parse).transpose();
    let issuer = issuer.map_err(SettingsError::IssuerArgument)?;
    let least = arguments.min_ttl.map(Duration::from_secs);
    // A variable that is set decides before the store is looked at (design D8).
    match variables::look(acting.asked()).decide() {
        Decision::Refuses(source, flaw) => {
            return Err(Failure::UnusableVariable { name: source.as_str(), flaw }.into());
        }
        Decision::Uses(source @ Source::CodexApiKey) => {
            variables::admit(source, acting)?;
            return Err(Failure::KeyIsUsed.into());
        }
        Decision::Uses(source @ Source::CodexAccessToken) => {
            variables::admit(source, acting)?;
            return of_variable(arguments, issuer, least);
        }
        Decision::Uses(Source::StoredLogin) | Decision::Nothing => {}
    }
    acting.require()?;
    if let Some(wanted) = issuer {
        require_issuer(wanted, acting)?;
    }
    stored(arguments, least, &acting.session).map_err(|error| acting.advise(error))
}

/// Prints the token that the environment gives, as it is.
fn of_variable(
    arguments: &Token,
    issuer: Option<IssuerUrl>,
    least: Option<Duration>,
) -> Result<Exit, CommandError> {
    let source = Source::CodexAccessToken.as_str();
    let text = variable(source).and_then(|text| text.into_string().ok());
    let token = AccessToken::new(text.unwrap_or_default());
    let facts = TokenFacts::unverified(&token);
    if let Some(wanted) = issuer.filter(|wanted| facts.issuer.as_ref() != Some(wanted)) {
        let at = facts.issuer.map_or_else(|| UNNAMED.to_owned(), |issuer| issuer.to_string());
        return Err(Failure::OtherIssuer { name: source.to_owned(), at, wanted }.into());
    }
    let now = SystemClock.now();
    if facts.expires.is_some_and(|end| now >= end) {
        return Err(Failure::VariableExpired.into());
    }
    require(least.unwrap_or_default(), facts.expires, now)?;
    print(arguments, &token, &facts)
}

/// Refuses a login of another issuer, whose token would open its person's account elsewhere (security C-23).
fn require_issuer(wanted: IssuerUrl, acting: &Acting) -> Result<(), CommandError> {
    let at = match acting.session.status()? {
        Status::SignedOut => return Ok(()),
        Status::Account(account) if account.issuer.as_ref() == Some(&wanted) => return Ok(()),
        Status::Account(account) => account.issuer.map(|issuer| issuer.to_string()),
        Status::ApiKey | Status::AccessToken | Status::Foreign(_) => None,
    };
    let name = acting.chosen.login.to_string();
    Err(Failure::OtherIssuer { name, at: at.unwrap_or_else(|| UNNAMED.to_owned()), wanted }.into())
}

fn stored(arguments: &Token, least: Option<Duration>, session: &Session) -> Result<Exit, CommandError> {
    let need = match least {
        Some(least) => Need::Life(least),
        None => Need::Usable(
            Jitter::draw(&SystemEntropy).map_err(|error| Failure::Setup(io::Error::other(error)))?,
        ),
    };
    let token = if let Some(token) = session.fresh_token(SystemClock.now(), need)? {
        token
    } else {
        let token = on_runtime(async { Ok(session.token(&SystemClock, &SystemEntropy, need).await?) })?;
        if let Some(least) = least {
            let now = SystemClock.now();
            let issuers_now = session.clock_skew(now).map_or(now, |skew| skew.corrected(now));
            require(least, account(session)?.and_then(|account| account.access_token_expires), issuers_now)?;
        }
        token
    };
    // Only JSON says more than the token, and reading twice costs as much as everything else.
    let facts = if arguments.json { facts(session)? } else { TokenFacts::default() };
    print(arguments, &token, &facts)
}

fn facts(session: &Session) -> Result<TokenFacts, CommandError> {
    Ok(account(session)?.map_or_else(TokenFacts::default, |account| TokenFacts {
        issuer: account.issuer,
        scope: keyfob_oauth::Scope::default(),
        expires: account.access_token_expires,
        workspace: account.account.workspace,
    }))
}

/// A token that the issuer gives for less, or that could not be stored, is not what was asked for.
fn require(least: Duration, end: Option<Timestamp>, now: Timestamp) -> Result<(), CommandError> {
    let Some(end) = end.filter(|end| now.plus(least) >= *end) else { return Ok(()) };
    Err(Failure::TooShort { left: end.since(now).as_secs(), least: least.as_secs() }.into())
}

fn print(arguments: &Token, token: &AccessToken, facts: &TokenFacts) -> Result<Exit, CommandError> {
    let line = if arguments.json {
        let document = json!({
            "schema": 1, "state": Exit::Ok.state(), "access_token": token.expose(),
            "expires_at": facts.expires.and_then(utc), "workspace": facts.workspace,
        });
        document.to_string()
    } else {
        token.expose().to_owned()
    };
    output::data(&line).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn account(session: &Session) -> Result<Option<Box<AccountStatus>>, CommandError> {
    Ok(match session.status()? {
        Status::Account(account) => Some(account),
        Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_) => None,
    })
}

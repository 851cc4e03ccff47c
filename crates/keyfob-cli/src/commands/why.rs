//! `keyfob why`: which credential is used, why, and who pays; it only reports.

use super::Acting;
use super::provided::Provided;
use super::used::{OPENAI_API_KEY, exit_of, restricted, restricted_document};
use crate::args::Why;
use crate::environment::variable;
use crate::error::{CommandError, Failure, ProviderFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::provider::{Bound, Credential, Decision, Destination, Source, Way, headers};
use keyfob_client::why::{Flaw, Found};
use keyfob_client::{AccountStatus, Status, SystemClock};
use keyfob_oauth::Clock as _;
use keyfob_settings::{Judgement, Origin, Precedence};
use serde_json::{Value, json};

/// Everything that is told.
struct Told<'a> {
    provided: Provided,
    acting: &'a Acting,
    exit: Exit,
    store: String,
    /// The stored login, if it is what is used.
    stored: Option<Status>,
    /// What restrictions say of what is used.
    judgement: Judgement,
    /// Where it goes, or why it does not.
    goes: Result<Destination, ProviderFailure>,
    /// Whether `OPENAI_API_KEY` is set, which nobody uses on its own.
    ignores_openai_key: bool,
}

/// Tells the whole decision, for people or as JSON.
pub(crate) fn run(arguments: &Why, acting: &Acting) -> Result<Exit, CommandError> {
    let told = Told::find(arguments, acting)?;
    let text = if arguments.json { told.document().to_string() } else { told.lines().join("\n") };
    output::data(&text).map_err(Failure::Output)?;
    Ok(told.exit)
}

impl<'a> Told<'a> {
    fn find(arguments: &Why, acting: &'a Acting) -> Result<Self, CommandError> {
        let provided = Provided::find(arguments.provider.as_deref(), acting)?;
        let stored = match provided.decide() {
            Decision::Uses(Source::StoredLogin) => Some(acting.session.status()),
            Decision::Uses(_) | Decision::Refuses(..) | Decision::Nothing => None,
        };
        let judgement = provided.judgement(acting);
        let credential = provided.credential();
        let goes = provided.destination(credential).and_then(|to| match credential {
            Some(credential) => Provided::authorize(credential, &to, acting).map(|_| to),
            None => Ok(to),
        });
        let exit = match (provided.decide(), &stored) {
            _ if matches!(judgement, Judgement::Broken(_)) => Exit::PolicyDenied,
            (Decision::Nothing, _) if !provided.looked.way.needs_credential() => Exit::Ok,
            (Decision::Nothing, _) if provided.looked.way == Way::Login => Exit::SignedOut,
            (Decision::Refuses(Source::StoredLogin, Flaw::Unreadable), _) => Exit::StoreUnavailable,
            (Decision::Nothing | Decision::Refuses(..), _) => Exit::Failure,
            (Decision::Uses(_), Some(stored)) => exit_of(stored, SystemClock.now()),
            (Decision::Uses(_), None) => Exit::Ok,
        };
        let openai_key_is_its_own =
            provided.provider.env_key.as_ref().is_some_and(|key| key.value == OPENAI_API_KEY);
        Ok(Self {
            exit,
            acting,
            store: acting.session.store().blocking().location().to_string(),
            stored: stored.and_then(Result::ok),
            judgement,
            goes,
            ignores_openai_key: variable(OPENAI_API_KEY).is_some() && !openai_key_is_its_own,
            provided,
        })
    }

    fn lines(&self) -> Vec<String> {
        let provided = &self.provided;
        let mut lines = vec!["Looked at, in this order:".to_owned()];
        let title = |source| provided.title(source);
        for place in &provided.looked.places {
            let found = match (place.found, place.source) {
                (Found::Absent, Source::StoredLogin) => "nobody is signed in".to_owned(),
                (Found::Absent, _) => "not set".to_owned(),
                (Found::Present, Source::StoredLogin) => format!("in {}", self.store),
                (Found::Present, _) => "set".to_owned(),
                (Found::Flawed(flaw), _) => format!("not usable: {flaw}"),
            };
            let is_used = provided.decide() == Decision::Uses(place.source);
            let mark = if is_used { "  <- used" } else { "" };
            lines.push(format!("  {:<20}  {found}{mark}", title(place.source)));
        }
        if let Some(name) = &provided.looked.passed_over {
            lines
                .push(format!("  {:<20}  set, and passed over: the login is asked for", format!("`{name}`")));
        }
        if self.ignores_openai_key {
            lines.push(format!("  {:<20}  set, and not used on its own", format!("`{OPENAI_API_KEY}`")));
        }
        lines.push(String::new());
        let mut row = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
        row(
            "Uses",
            match provided.decide() {
                Decision::Nothing if provided.looked.way == Way::Login => {
                    "nothing: nobody is signed in".into()
                }
                Decision::Nothing => "nothing".into(),
                Decision::Refuses(source, flaw) => {
                    format!("nothing: {} comes first and cannot be used ({flaw})", title(source))
                }
                Decision::Uses(source) => title(source),
            },
        );
        if let Decision::Uses(source) = provided.decide() {
            row("Pays", self.payer(source));
        }
        if let Some(account) = self.account() {
            row("Account", account.account.email.clone().unwrap_or_else(|| "unknown".into()));
            row("Issuer", account.issuer.as_ref().map_or_else(|| "unknown".into(), ToString::to_string));
        }
        if let Some(by) = self.acting.by() {
            row("Login", format!("`{}`, {by}", self.acting.chosen.login));
        }
        let shadowed: Vec<String> = provided.shadowed().into_iter().map(title).collect();
        row("Shadows", if shadowed.is_empty() { "nothing".into() } else { shadowed.join(", ") });
        let entry = &provided.provider;
        let chosen = entry.chosen.as_ref().map_or_else(String::new, |origin| format!(" ({origin})"));
        row("Provider", format!("`{}`{chosen}", entry.id));
        if let Some(credential) = provided.credential() {
            row("Print", credential.fingerprint().to_string());
        }
        match &self.goes {
            Ok(to) => row("Sends to", to.url.to_string()),
            Err(why) => row("Not sent", why.to_string()),
        }
        if let Some(restricted) = restricted(&self.judgement) {
            row("But", restricted);
        }
        if self.exit == Exit::SessionEnded {
            row("But", "the session has ended; `keyfob login` signs in again".into());
        }
        lines
    }

    fn account(&self) -> Option<&AccountStatus> {
        match &self.stored {
            Some(Status::Account(account)) => Some(account),
            Some(Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | None => {
                None
            }
        }
    }

    fn payer(&self, source: Source) -> String {
        match (source, &self.stored) {
            (Source::CodexApiKey, _) | (Source::StoredLogin, Some(Status::ApiKey)) => {
                "the API organisation of the key, by use (a key does not say which)".into()
            }
            (Source::StoredLogin, Some(Status::Account(account))) => {
                let unknown = || "unknown".to_owned();
                format!(
                    "workspace {}, plan {}",
                    account.account.workspace.as_ref().map_or_else(unknown, ToString::to_string),
                    account.account.plan.clone().unwrap_or_else(unknown)
                )
            }
            (Source::CodexAccessToken, _) => "the workspace of the token".into(),
            (Source::StoredLogin, _) => "whoever the stored login belongs to".into(),
            (Source::EnvKey | Source::BearerToken | Source::Command | Source::KeptKey, _) => {
                format!("whoever the credential belongs to at {}", self.provided.provider.name)
            }
        }
    }

    fn document(&self) -> Value {
        let provided = &self.provided;
        let looked_at: Vec<Value> = provided
            .looked
            .places
            .iter()
            .map(|place| match place.found {
                Found::Absent => json!({ "source": place.source.as_str(), "found": "absent" }),
                Found::Present => json!({ "source": place.source.as_str(), "found": "present" }),
                Found::Flawed(flaw) => {
                    json!({ "source": place.source.as_str(), "found": "unusable", "why": flaw.to_string() })
                }
            })
            .collect();
        let source = match provided.decide() {
            Decision::Uses(source) => Some(source),
            Decision::Refuses(..) | Decision::Nothing => None,
        };
        let mut not_used: Vec<&str> = provided.looked.passed_over.iter().map(String::as_str).collect();
        if self.ignores_openai_key && !not_used.contains(&OPENAI_API_KEY) {
            not_used.push(OPENAI_API_KEY);
        }
        let shadows: Vec<&str> = provided.shadowed().into_iter().map(Source::as_str).collect();
        let account = self.account();
        json!({
            "schema": 1, "state": self.exit.state(), "source": source.map(Source::as_str), "looked_at": looked_at,
            "shadows": shadows, "not_used": not_used,
            "email": account.and_then(|account| account.account.email.clone()),
            "workspace": account.and_then(|account| account.account.workspace.clone()),
            "plan": account.and_then(|account| account.account.plan.clone()),
            "issuer": account.and_then(|account| account.issuer.as_ref().map(ToString::to_string)),
            "store": self.store, "login": self.acting.document(),
            "restricted": restricted_document(&self.judgement),
            "fingerprint": provided.credential().map(|credential| credential.fingerprint().to_string()),
            "pays": source.map(|source| self.payer(source)),
            "precedence": match provided.precedence { Precedence::Keyfob => "keyfob", Precedence::Codex => "codex" },
            "provider": self.provider(),
        })
    }

    fn provider(&self) -> Value {
        let provided = &self.provided;
        let entry = &provided.provider;
        let at = |origin: Option<&Origin>| origin.map(ToString::to_string);
        let is_authorized = matches!(provided.decide(), Decision::Uses(_));
        let names = headers(entry, &variable, is_authorized).into_iter().map(|(name, _)| name);
        let names: Vec<String> =
            is_authorized.then(|| "Authorization".to_owned()).into_iter().chain(names).collect();
        let is_person = |credential: &Credential| matches!(credential.bound, Bound::Person { .. });
        json!({
            "id": entry.id, "name": entry.name, "way": provided.looked.way.as_str(),
            "sends_to": self.goes.as_ref().ok().map(|to| to.url.to_string()),
            "refused": self.goes.as_ref().err().map(ToString::to_string),
            "headers": names,
            "stands_for_a_person": provided.credential().is_some_and(is_person),
            "configured": {
                "model_provider": at(entry.chosen.as_ref()),
                "base_url": at(entry.base_url.as_ref().map(|url| &url.origin)),
                "requires_openai_auth": at(entry.login.as_ref().and_then(Option::as_ref)),
                "env_key": at(entry.env_key.as_ref().map(|key| &key.origin)),
                "experimental_bearer_token": at(entry.bearer_token.as_ref().map(|token| &token.origin)),
                "auth": at(entry.command.as_ref().map(|command| &command.origin)),
            },
        })
    }
}

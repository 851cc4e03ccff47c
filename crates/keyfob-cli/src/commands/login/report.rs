//! Who was signed in, and where that is kept.

use super::super::{Acting, exposed};
use crate::exit::Exit;
use crate::output;
use keyfob_client::login::{SignedIn, Superseded};
use keyfob_client::{Account, Jitter, Need, SystemClock, TokenFacts};
use keyfob_oauth::{Capability, Clock as _, IssuerUrl};
use keyfob_settings::logins::Which;
use serde_json::{Value, json};

/// Says it to a program.
pub(in super::super) fn document(signed_in: &SignedIn, issuer: &IssuerUrl, acting: &Acting) -> Value {
    let Account { email, workspace, plan, .. } = &signed_in.account;
    json!({
        "schema": 1, "state": Exit::Ok.state(), "issuer": issuer.as_str(), "email": email, "plan": plan,
        "workspace": workspace.as_ref().map(keyfob_oauth::WorkspaceId::as_str),
        "login": place(signed_in, acting).to_string(),
    })
}

/// Says that the new login does not have what was asked for, if it does not: the issuer may grant less (RFC 6749 §5.1).
pub(super) fn say_if_not_in(capability: Capability, signed_in: &SignedIn, acting: &Acting) {
    let session = acting.logins.session(&place(signed_in, acting));
    let token = session.fresh_token(SystemClock.now(), Need::Usable(Jitter::NONE));
    let scope = token.ok().flatten().map(|token| TokenFacts::unverified(&token).scope);
    if scope.is_some_and(|scope| !scope.contains(capability.scope())) {
        output::say(&format!(
            "warning: this login does not have `{}`: the workspace's administrators decide whether its members do",
            capability.scope()
        ));
    }
}

/// Says it to a person.
pub(in super::super) fn say(signed_in: &SignedIn, issuer: &IssuerUrl, acting: &Acting) {
    output::say("Successfully logged in");
    let login = place(signed_in, acting);
    let store = acting.logins.store(&login);
    let location = store.blocking().location();
    output::say(&format!(
        "Signed in as {} at {issuer}; credentials in `{}`",
        who(&signed_in.account),
        location
    ));
    if signed_in.beside.is_some() {
        output::say("note: another login is in the place that is shared with the Codex CLI, and stays there");
    }
    if let Which::Beside(name) = &login {
        output::say(&format!(
            "note: this login is kept as `{name}`: name it with `--login {name}`, or let `keyfob logins use {name}` \
             make it the usual one"
        ));
    }
    if let Some(place) = &signed_in.set_aside {
        output::say(&format!("note: the damaged login that was there is kept in `{place}`"));
    }
    exposed::warn(store.home());
    match signed_in.superseded {
        Superseded::Nothing | Superseded::Revoked => {}
        Superseded::Unconfirmed => {
            output::say("warning: the session that this one replaces could not be ended at the issuer");
        }
    }
}

fn place(signed_in: &SignedIn, acting: &Acting) -> Which {
    signed_in.beside.clone().map_or_else(|| acting.chosen.login.clone(), Which::Beside)
}

fn who(account: &Account) -> String {
    let email = account.email.as_deref().unwrap_or("somebody without an e-mail address");
    match &account.workspace {
        Some(workspace) => format!("{email}, workspace {workspace}"),
        None => email.to_owned(),
    }
}

//! `keyfob workload`: an access token for a job in CI, or for a pod, without any secret of its own.

use super::times::utc;
use super::{ci, on_runtime};
use crate::args::Workload;
use crate::environment::{self, Environment};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::login::LoginError;
use keyfob_client::workload::{ask_platform, exchange};
use keyfob_client::{Network, TokenFacts};
use keyfob_codex::client::CLIENT_ID;
use keyfob_oauth::{AccessToken, ClientId, IdToken, IssuerUrl};
use keyfob_settings::{Judgement, Presented, Workspace};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use zeroize::Zeroizing;

/// In which a job finds an ID token that its platform made: GitLab's `id_tokens` puts it into a variable of any name.
const ID_TOKEN: &str = "KEYFOB_ID_TOKEN";
/// Where a job of GitHub Actions asks for one, and with what.
const GITHUB: [&str; 2] = ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];

/// Prints the token alone on its line, or in JSON.
pub(crate) fn run(arguments: &Workload, environment: &Environment) -> Result<Exit, CommandError> {
    if io::stdout().is_terminal() {
        return Err(Failure::WorkloadToTerminal.into());
    }
    let home = settings::home(environment)?;
    let settings = settings::load(environment, &home)?;
    let issuer = settings::issuer(arguments.issuer.as_deref(), &settings)?.ok_or(Failure::NoIssuer)?;
    let restrictions = settings.restrictions();
    restrictions.may_sign_in_at(&issuer).map_err(LoginError::Restricted)?;
    ci::guard(&settings)?;
    let network = settings::network(environment);
    let token = on_runtime(async {
        let identity = identity(arguments, &network, &issuer).await?;
        Ok(exchange(&network, &issuer, &ClientId::new(CLIENT_ID), &identity).await?)
    })?;
    let facts = TokenFacts::unverified(&token);
    // It comes from its issuer, whom nobody stands between.
    let workspace = facts.workspace.as_ref().map_or(Workspace::None, Workspace::Of);
    if let Judgement::Broken(broken) =
        restrictions.judge(Presented::Account { issuer: Some(&issuer), workspace })
    {
        return Err(LoginError::Restricted(broken).into());
    }
    let line = if arguments.json {
        let end = facts.expires.and_then(utc);
        let state = Exit::Ok.state();
        json!({ "schema": 1, "state": state, "access_token": token.expose(), "expires_at": end }).to_string()
    } else {
        token.expose().to_owned()
    };
    output::data(&line).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

async fn identity(
    arguments: &Workload,
    network: &Network,
    issuer: &IssuerUrl,
) -> Result<IdToken, CommandError> {
    if let Some(path) = &arguments.id_token_file {
        let unreadable = |source| Failure::IdTokenFile { path: path.clone(), source };
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        return Ok(IdToken::new(text.trim()));
    }
    if let Some(token) = text(ID_TOKEN) {
        return Ok(IdToken::new(token.trim()));
    }
    let [Some(endpoint), Some(bearer)] = GITHUB.map(text) else { return Err(Failure::NoIdToken.into()) };
    Ok(ask_platform(network, &endpoint, &AccessToken::new(bearer), issuer).await?)
}

fn text(name: &str) -> Option<String> {
    environment::variable(name)?.into_string().ok().filter(|text| !text.is_empty())
}

//! `keyfob setup codex --undo`: what was there before comes back.

use super::file::Files;
use super::provider::ProviderId;
use super::refused;
use crate::args::SetupCodex;
use crate::environment::Environment;
use crate::error::{CommandError, Failure, SetupFailure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::Home;
use serde_json::json;

/// Takes out all that is ours, or one provider of it.
pub(super) fn run(arguments: &SetupCodex, environment: &Environment) -> Result<Exit, CommandError> {
    let home = settings::home(environment)?;
    let named = arguments.name.as_deref().map(ProviderId::parse).transpose().map_err(SetupFailure::Name)?;
    let files = Files::read(&home)?;
    // Where there is nothing of ours, nothing is made for the lock either.
    let taken = if arguments.dry_run || files.record.is_none() {
        take_out(&home, &files, named.as_ref())?
    } else {
        let mut locked = Files::lock(&home)?;
        let taken = take_out(&home, &locked.files, named.as_ref())?;
        if let Some(taken) = &taken {
            locked.replace(taken.text.as_deref(), taken.left.as_ref())?;
        }
        taken
    };
    show(arguments, &home, taken)?;
    Ok(Exit::Ok)
}

/// Takes out all that is ours before it is forgotten; says so where there was something.
pub(in super::super) fn before_purge(home: &Home) -> Result<(), CommandError> {
    if Files::read(home)?.record.is_none() {
        return Ok(());
    }
    let mut locked = Files::lock(home)?;
    if let Some(taken) = take_out(home, &locked.files, None)? {
        locked.replace(taken.text.as_deref(), None)?;
        say(home, &taken, "Took");
    }
    Ok(())
}

/// What is taken out, and what is left.
struct Taken {
    providers: Vec<ProviderId>,
    text: Option<String>,
    left: Option<super::record::Record>,
    /// Whether the file is what it was before.
    is_whole: bool,
}

fn take_out(home: &Home, files: &Files, named: Option<&ProviderId>) -> Result<Option<Taken>, SetupFailure> {
    let Some(record) = &files.record else {
        return named.map_or(Ok(None), |id| Err(SetupFailure::NotOurs(id.clone())));
    };
    let ours = record.providers();
    let edit = |error| refused(home, error);
    match (named, &files.text) {
        (Some(id), _) if !record.has(id) => Err(SetupFailure::NotOurs(id.clone())),
        (Some(id), Some(present)) if ours.len() > 1 => {
            let (left, text) = record.without_provider(present, id).map_err(edit)?;
            Ok(Some(Taken {
                providers: vec![id.clone()],
                text: Some(text),
                left: Some(left),
                is_whole: false,
            }))
        }
        (Some(_) | None, present) => {
            let text = record.without(present.as_deref()).map_err(edit)?;
            let is_whole = text == record.former;
            Ok(Some(Taken { providers: ours, text, left: None, is_whole }))
        }
    }
}

fn show(arguments: &SetupCodex, home: &Home, taken: Option<Taken>) -> Result<(), CommandError> {
    let path = home.codex_config_file();
    if arguments.json {
        let document = json!({
            "schema": 1, "state": Exit::Ok.state(), "changed": taken.is_some() && !arguments.dry_run,
            "file": path.display().to_string(),
            "providers": taken.as_ref().map_or(&[][..], |taken| &taken.providers),
            "as_before": taken.as_ref().is_none_or(|taken| taken.is_whole),
        });
        return Ok(output::data(&document.to_string()).map_err(Failure::Output)?);
    }
    let Some(taken) = taken else {
        output::say(&format!("There is nothing of `keyfob setup codex` in `{}`", path.display()));
        return Ok(());
    };
    say(home, &taken, if arguments.dry_run { "Would take" } else { "Took" });
    Ok(())
}

fn say(home: &Home, taken: &Taken, did: &str) {
    let path = home.codex_config_file();
    let names: Vec<String> = taken.providers.iter().map(|id| format!("`{id}`")).collect();
    let rest =
        if taken.is_whole { "which is as it was before" } else { "where everything else stays as it is" };
    output::say(&format!("{did} {} out of `{}`, {rest}", names.join(", "), path.display()));
    let secrets = home.path().join("secrets/gateway_oauth.json");
    if secrets.exists() {
        output::say(&format!(
            "note: a sign-in of the Codex CLI's own is still in `{}`; remove that file to be rid of it here, and end the \
             session at the issuer",
            secrets.display()
        ));
    }
}

//! What programs are told of a failure: one document on standard output (design §6).

use crate::args::{
    Command, ConfigAction, Format, HandoffAction, LoginsAction, SandboxCommand, SessionCommand,
};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output;
use keyfob_client::refresh::RefreshError;
use keyfob_codex::errors::RefreshRejection;
use serde_json::{Value, json};

/// Whether a program reads the standard output of a command, and what it makes of several documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// A person reads it.
    Nothing,
    /// The one document of a command.
    One,
    /// A document a line, of which the last is the result.
    Lines,
}

impl Reads {
    /// Looks at what the command was told.
    pub(crate) fn of(command: &Command) -> Self {
        let one = match command {
            Command::Login(login) if login.action.is_none() => {
                return if login.json { Self::Lines } else { Self::Nothing };
            }
            Command::Token(arguments) => arguments.json,
            Command::Workload(arguments) => arguments.json,
            Command::Status(arguments) => arguments.json,
            Command::Why(arguments) => arguments.json,
            Command::Usage(arguments) => arguments.format() == Format::Json,
            Command::Doctor(arguments) => arguments.json,
            Command::Sandbox(SandboxCommand::Init(arguments)) => arguments.json,
            Command::Handoff(arguments) => match &arguments.action {
                Some(HandoffAction::Receive(arguments)) => arguments.json,
                None => false,
            },
            Command::Session(SessionCommand::List { json })
            | Command::Logins { action: LoginsAction::List { json } } => *json,
            Command::Config(arguments) => match arguments.action {
                ConfigAction::Show { json, .. } | ConfigAction::Check { json } => json,
                ConfigAction::Set { .. } | ConfigAction::Unset { .. } | ConfigAction::Schema { .. } => false,
            },
            _ => false,
        };
        if one { Self::One } else { Self::Nothing }
    }

    /// Tells of `error`, unless the command has told all there is.
    pub(crate) fn tell(self, error: &CommandError) {
        let is_told = match self {
            Self::Nothing => true,
            Self::One => output::has_data(),
            Self::Lines => false,
        };
        // Wrong usage is no state of anything.
        if !is_told && error.exit != Exit::Usage {
            // Nobody is left to tell when the standard output is closed.
            let _closed = output::data(&document(error).to_string());
        }
    }
}

fn document(error: &CommandError) -> Value {
    let told = error.source.to_string();
    let mut document = json!({
        "schema": 1, "state": error.exit.state(), "error": told.lines().next().unwrap_or_default(),
    });
    let reason = error.source.downcast_ref().and_then(reason);
    if let (Some(members), Some(reason)) = (document.as_object_mut(), reason) {
        members.insert("reason".into(), reason.into());
    }
    if let (Some(members), Exit::Offline) = (document.as_object_mut(), error.exit) {
        // What could be used was given out.
        members.insert("usable".into(), false.into());
    }
    document
}

/// Returns why a session is over, if it is, in the word of design §6.
pub(crate) fn reason(error: &RefreshError) -> Option<&'static str> {
    match error {
        RefreshError::Ended { reason, .. } => reason.map(|reason| match reason {
            RefreshRejection::Expired => "expired",
            RefreshRejection::Reused => "reused",
            RefreshRejection::Invalidated => "revoked",
            RefreshRejection::Superseded => "copied",
        }),
        // The issuer gave a newer token to a holder of this login that is not this home.
        RefreshError::Copied { .. } => Some("copied"),
        RefreshError::NotRefreshable => Some("expired"),
        _ => None,
    }
}

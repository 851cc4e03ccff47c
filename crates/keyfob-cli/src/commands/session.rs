//! `keyfob session`: the person's sessions at the issuer of the login.

use super::on_runtime;
use super::times::{Zone, parse, relative};
use crate::args::SessionCommand;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::{IssuerSession, Session, SystemClock, SystemEntropy};
use keyfob_oauth::{Clock as _, Timestamp};
use serde_json::{Value, json};

/// Lists the sessions, or ends one.
pub(crate) fn run(command: &SessionCommand, session: &Session) -> Result<Exit, CommandError> {
    match command {
        SessionCommand::List { json } => {
            let listed = on_runtime(async {
                let sessions = session.issuer_sessions(&SystemClock, &SystemEntropy).await?;
                Ok(sessions.list().await?)
            })?;
            let text = if *json { document(&listed).to_string() } else { table(&listed, SystemClock.now()) };
            output::data(&text).map_err(Failure::Output)?;
        }
        SessionCommand::Rename { id, name } => {
            on_runtime(async {
                let sessions = session.issuer_sessions(&SystemClock, &SystemEntropy).await?;
                Ok(sessions.rename(id, name).await?)
            })?;
            output::say(&format!("Renamed the session {id}"));
        }
        SessionCommand::Revoke { id } => {
            on_runtime(async {
                let sessions = session.issuer_sessions(&SystemClock, &SystemEntropy).await?;
                Ok(sessions.end(id).await?)
            })?;
            output::say(&format!("Ended the session {id}"));
        }
    }
    Ok(Exit::Ok)
}

fn document(sessions: &[IssuerSession]) -> Value {
    let sessions: Vec<Value> = sessions
        .iter()
        .map(|session| {
            json!({
                "id": session.id, "name": session.name, "tool": session.tool, "machine": session.machine,
                "place": session.place, "created_at": session.created_at,
                "last_used_at": session.last_used_at, "expires_at": session.expires_at,
                "current": session.is_current,
            })
        })
        .collect();
    json!({ "schema": 1, "state": Exit::Ok.state(), "sessions": sessions })
}

/// One block a session: a name of 36 characters leaves no room for columns.
fn table(sessions: &[IssuerSession], now: Timestamp) -> String {
    let blocks: Vec<String> = sessions.iter().map(|session| block(session, now)).collect();
    blocks.join("\n\n")
}

fn block(session: &IssuerSession, now: Timestamp) -> String {
    let when = |text: &str| match parse(text) {
        Some(moment) => format!("{} ({})", Zone::of_the_person().local(moment), relative(moment, now)),
        None => text.to_owned(),
    };
    let unknown = || "unknown".to_owned();
    let mark = if session.is_current { " (this one)" } else { "" };
    let mut rows = vec![
        ("Session", format!("{}{mark}", session.id)),
        ("Tool", session.tool.clone()),
        ("Machine", session.machine.clone().unwrap_or_else(unknown)),
        ("From", session.place.clone().unwrap_or_else(unknown)),
        ("Began", when(&session.created_at)),
        ("Last used", when(&session.last_used_at)),
        ("Ends", when(&session.expires_at)),
    ];
    if let Some(name) = &session.name {
        rows.insert(1, ("Name", name.clone()));
    }
    let lines: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<10} {value}")).collect();
    lines.join("\n")
}

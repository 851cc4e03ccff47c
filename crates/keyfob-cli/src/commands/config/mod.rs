//! `keyfob config`: what is configured where, whether it is right, and changing it.

mod change;
mod check;
mod project;
mod schema;
mod show;

pub(crate) use change::ChangeFailure;
pub(super) use project::warn;

use crate::args::{Config, ConfigAction};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::settings;

/// Does what was asked; no login is looked at.
pub(crate) fn run(arguments: &Config, environment: &Environment) -> Result<Exit, CommandError> {
    match &arguments.action {
        ConfigAction::Schema { file } => schema::run(*file),
        ConfigAction::Show { key, json } => {
            let home = settings::home(environment)?;
            show::run(key.as_deref(), *json, &home, environment)
        }
        ConfigAction::Check { json } => check::run(*json, &settings::home(environment)?, environment),
        ConfigAction::Set { key, value } => {
            change::set(key, value, &settings::home(environment)?, environment)
        }
        ConfigAction::Unset { key } => change::unset(key, &settings::home(environment)?, environment),
    }
}

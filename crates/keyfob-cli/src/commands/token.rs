//! `keyfob token`.

use super::on_runtime;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::{Jitter, Need, Session, SystemClock, SystemEntropy};
use keyfob_oauth::Clock as _;

/// Prints a usable access token and a newline.
pub(crate) fn run(session: &Session) -> Result<Exit, CommandError> {
    let jitter =
        Jitter::draw(&SystemEntropy).map_err(|error| Failure::Setup(std::io::Error::other(error)))?;
    let need = Need::Usable(jitter);
    let token = match session.fresh_token(SystemClock.now(), need)? {
        Some(token) => token,
        None => on_runtime(async { Ok(session.token(&SystemClock, &SystemEntropy, need).await?) })?,
    };
    output::data(token.expose()).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

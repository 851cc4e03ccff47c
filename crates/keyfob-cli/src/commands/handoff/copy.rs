//! `keyfob handoff --copy`: the login itself, as the documentation of the Codex CLI describes.

use super::super::{Acting, on_runtime, unless_interrupted};
use super::target::Way;
use crate::args::Handoff;
use crate::error::{CommandError, HandoffFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::store::{Slot, StoreError};
use keyfob_settings::Judgement;

/// Writes the login to the usual place over there; says what two machines with one login come to.
pub(super) fn run(arguments: &Handoff, way: &Way, acting: &Acting) -> Result<Exit, CommandError> {
    let slot = acting.session.store().blocking().load()?;
    // It was admitted a moment ago; what is copied is what is judged.
    if acting.session.judgement_of(&slot) != Judgement::Allowed {
        return Err(StoreError::Changed.into());
    }
    let text = match slot {
        Slot::Holds { record, .. } => zeroize::Zeroizing::new(record.to_text()),
        Slot::Empty => return Err(acting.signed_out()),
        Slot::Corrupt { .. } => return Err(HandoffFailure::Damaged.into()),
    };
    output::say(
        "WARNING: both machines have one login now. Whichever refreshes first ends it for the other; without `--copy`, \
         where the issuer can do that, the other one gets a session of its own",
    );
    let script = script(text.len(), arguments.replace);
    on_runtime(unless_interrupted(async { Ok(way.run_script(&script, text.as_bytes()).await?) }))?;
    output::say(&format!("Copied the login to {way}"));
    Ok(Exit::Ok)
}

/// Written beside, compared by its length since a connection may break, and renamed: nothing there is ever half.
fn script(length: usize, replace: bool) -> String {
    let guard = if replace {
        ""
    } else {
        "if [ -e \"$d/auth.json\" ]; then echo 'a login is there already; add --replace' >&2; exit 1; fi && "
    };
    format!(
        "umask 077 && d=\"${{CODEX_HOME:-$HOME/.codex}}\" && mkdir -p \"$d\" && {guard}t=\"$d/.auth.json.$$\" && \
         cat > \"$t\" && if [ \"$(wc -c < \"$t\")\" -eq {length} ]; then mv -f \"$t\" \"$d/auth.json\"; \
         else rm -f \"$t\"; exit 1; fi"
    )
}

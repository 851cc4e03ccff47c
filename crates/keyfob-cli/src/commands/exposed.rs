//! What is said of a home from which secrets go further.

use crate::exposure;
use crate::output;
use keyfob_client::Home;

/// Says it when a login was stored; a git work tree is told once, and what would be added to it left out from then on.
pub(super) fn warn(home: &Home) {
    for exposure in exposure::of(home) {
        if matches!(exposure.shield(home), Ok(true)) {
            output::say(&format!(
                "warning: {exposure}; a `.gitignore` there now leaves the login out. Better keep it elsewhere: set CODEX_HOME"
            ));
        } else {
            output::say(&format!(
                "warning: {exposure}, and with it the login; set CODEX_HOME to a folder elsewhere"
            ));
        }
    }
}

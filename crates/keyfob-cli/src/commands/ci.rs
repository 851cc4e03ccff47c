//! Jobs of a CI that outsiders can start: whatever runs there of theirs can use a credential (design S8).

use crate::environment::variable;
use crate::error::{CommandError, Failure};
use crate::output;
use keyfob_codex::requirements::UntrustedCi;
use keyfob_settings::Settings;

/// What started a job of GitHub Actions.
const GITHUB_EVENT: &str = "GITHUB_EVENT_NAME";
/// Events that somebody without any right to the repository can cause, while the job has its secrets.
const BY_ANYBODY: [&str; 9] = [
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
    "fork",
    "watch",
    "gollum",
];

/// Warns before a credential is used in such a job, or refuses where an administrator wants that.
pub(super) fn guard(settings: &Settings) -> Result<(), CommandError> {
    let event = variable(GITHUB_EVENT).and_then(|event| event.into_string().ok());
    let Some(event) = event.filter(|event| BY_ANYBODY.contains(&event.as_str())) else { return Ok(()) };
    match settings.restrictions().untrusted_ci() {
        Some(said) if said.value == UntrustedCi::Refuse => {
            Err(Failure::UntrustedJob { event, origin: said.origin.clone() }.into())
        }
        Some(_) | None => {
            output::say(&format!(
                "warning: this job was started by `{event}`, which anybody can cause; whatever it runs of theirs can use \
                 the credential"
            ));
            Ok(())
        }
    }
}

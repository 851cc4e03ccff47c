//! The logins beside the shared one, and the settings that name them.

use super::{Finding, files};
use crate::commands::Acting;
use crate::settings;
use keyfob_settings::logins::Which;

/// Whether they are private, and whether what is named is there; nothing is said where there is only the shared one.
pub(super) fn findings(acting: &Acting) -> Vec<Finding> {
    const CHECK: &str = "logins";
    let names = match acting.logins.names() {
        Ok(names) => names,
        Err(error) => return vec![Finding::fail(CHECK, error.to_string(), "give yourself access to it")],
    };
    let mut findings = Vec::new();
    for name in names {
        let store = acting.logins.store(&Which::Beside(name));
        let (folder, file) = (store.home().path().to_owned(), store.home().auth_file());
        findings.push(files::private(&folder));
        if file.exists() {
            findings.push(files::private(&file));
        }
    }
    // A configuration that cannot be read is a finding of its own.
    for (login, place) in settings::named(&acting.settings, acting.logins.home()) {
        if !acting.logins.has(&login) {
            findings.push(Finding::fail(
                CHECK,
                format!("{place} names `{login}`, which does not exist: what it is for is refused"),
                "change it, or sign in under that name: `keyfob login --as NAME`",
            ));
        }
    }
    findings
}

//! Why a store cannot be used, with advice.

use super::CommandError;
use crate::exit::Exit;
use keyfob_client::store::StoreError;
use keyfob_codex::auth_file::InvalidAuthFile;

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let hints = store_hints(&error);
        Self::new(Exit::StoreUnavailable, error, hints)
    }
}

pub(super) fn store_hints(error: &StoreError) -> &'static [&'static str] {
    match error {
        StoreError::Corrupt { why: InvalidAuthFile::NotJson { .. } | InvalidAuthFile::TooDeep, .. } => {
            &["nothing was changed; `keyfob login` signs in anew and keeps the damage under another name"]
        }
        StoreError::Corrupt { why: InvalidAuthFile::Member(_), .. } => {
            &["nothing was changed; `keyfob login --replace` signs in anew and keeps it under another name"]
        }
        StoreError::TooLarge(_) => &["nothing was changed; move it away, or remove it"],
        StoreError::Lock(_) => &["another program is refreshing or signing in; try again when it is done"],
        StoreError::Changed => &["try again"],
        StoreError::Keyring(_) | StoreError::KeyringLost(_) => &[
            "nothing was changed; `cli_auth_credentials_store = \"file\"` in `$CODEX_HOME/config.toml` uses a file",
        ],
        StoreError::NotRemoved { .. } => &[
            "unlock the keyring and run `keyfob logout` again, or remove the entry with the keyring's own program",
        ],
        StoreError::Undecided(_) => &[
            "nothing was changed; remove the one you do not need, or set `cli_auth_credentials_store` to `file` or \
               `keyring`",
        ],
        StoreError::Home(_)
        | StoreError::Link { .. }
        | StoreError::Read { .. }
        | StoreError::Write { .. }
        | StoreError::NotAFile(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_client::Location;
    use keyfob_client::store::KeyringError;

    #[test]
    fn c_44_a_login_that_the_keyring_keeps_is_named_and_ends_with_7() {
        let location = Location::Keyring("cli|0123".into());
        let error = CommandError::from(StoreError::NotRemoved { location, source: KeyringError::TimedOut });

        let told = "the login in keyring (Codex Auth, cli|0123) could not be removed and is still there";
        assert_eq!((error.exit, error.source.to_string()), (Exit::StoreUnavailable, told.to_owned()));
    }
}

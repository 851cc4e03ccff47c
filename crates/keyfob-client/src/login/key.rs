//! Keeping a key or a token that the person brings: nobody signs in.

use super::{LoginError, Replace, Superseded, slot};
use crate::logout::revoke;
use crate::restricted;
use crate::session::Session;
use crate::shared_family;
use crate::store::{Slot, StoreError};
use crate::superseded;
use crate::token_of;
use crate::written_here;
use keyfob_codex::auth_file::AuthFile;
use keyfob_oauth::{AccessToken, ApiKey, Clock, IssuerUrl, WorkspaceId};

/// A key or a token is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What became of the account login that was there before.
    pub superseded: Superseded,
    /// Where the damaged login is kept that was there before, for people.
    pub set_aside: Option<String>,
}

/// What a person brings.
#[derive(Clone, Debug)]
pub enum Brought {
    /// An API key; its issuer is not asked.
    ApiKey(ApiKey),
    /// A personal access token, as its issuer knows it.
    AccessToken {
        /// The token.
        token: AccessToken,
        /// Who issued it.
        issuer: IssuerUrl,
        /// What it is bound to.
        workspace: WorkspaceId,
    },
    /// The login of another machine, which goes on using it.
    Copy(Box<AuthFile>),
}

/// Stores what was `brought` in the place of nothing, of its like, of damage, or of whatever `replace` admits.
///
/// Dropped before the end, it leaves what was there, or the new one whole.
pub async fn keep_brought(
    session: &Session,
    brought: &Brought,
    replace: Replace,
    clock: &dyn Clock,
) -> Result<Kept, LoginError> {
    let (store, network) = (session.store(), session.network());
    restricted::admit_brought(session.restrictions(), brought)?;
    slot::admit_brought(&store.load().await.map_err(LoginError::Store)?, brought, replace)?;
    store.prepare().await.map_err(LoginError::Store)?;
    let record = match brought {
        Brought::ApiKey(key) => AuthFile::of_api_key(key),
        Brought::AccessToken { token, .. } => AuthFile::of_access_token(token),
        Brought::Copy(record) => AuthFile::clone(record),
    };
    let lock = store.lock().await.map_err(LoginError::Store)?;
    let mut set_aside = None;
    let mut tries = MOST_TRIES;
    let old = loop {
        let stored = store.load_locked().await.map_err(LoginError::Store)?;
        slot::admit_brought(&stored, brought, replace)?;
        let expected = match &stored {
            Slot::Corrupt { digest, bytes, .. } => {
                let place = store.set_aside(bytes.clone(), clock.now()).await.map_err(LoginError::Store)?;
                set_aside.get_or_insert(place);
                Some(*digest)
            }
            Slot::Empty | Slot::Holds { .. } => stored.digest(),
        };
        let old = match brought {
            // Neither a key nor a token has a name of its own.
            Brought::ApiKey(_) | Brought::AccessToken { .. } => slot::session(&stored, ""),
            Brought::Copy(record) => slot::session_of_another(&stored, record),
        };
        if let Some(old) = &old {
            // So that a crash does not leave it alive (security C-64).
            superseded::note(store, old.clone(), clock.now()).await;
        }
        tries -= 1;
        match store.save(expected, &record).await {
            Ok(digest) => {
                match brought {
                    Brought::ApiKey(_) => {
                        written_here::note(store.home(), digest);
                        shared_family::forget(store.home());
                    }
                    Brought::AccessToken { issuer, workspace, .. } => {
                        written_here::note(store.home(), digest);
                        token_of::note(store.home(), digest, issuer, workspace);
                        shared_family::forget(store.home());
                    }
                    // It was written elsewhere, which is said when its session ends (security R-47).
                    Brought::Copy(_) => shared_family::note(store.home()),
                }
                break old;
            }
            // Another program stored something in this very moment: look again at what it is.
            Err(StoreError::Changed) if tries > 0 => {}
            Err(error) => return Err(LoginError::Store(error)),
        }
    };
    drop(lock);
    let superseded = match old {
        Some(old) if revoke(network, &old.issuer, &old.revocation()).await.is_ok() => {
            superseded::forget(store, &old.refresh_token).await;
            Superseded::Revoked
        }
        Some(_) => Superseded::Unconfirmed,
        None => Superseded::Nothing,
    };
    Ok(Kept { superseded, set_aside })
}

/// Whoever stores something in the very moment of each try means it.
const MOST_TRIES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::super::Occupied;
    use super::*;
    use crate::home::Home;
    use crate::network::Network;
    use crate::store::{FileStore, SharedStore};
    use keyfob_codex::client::UNNAMED_ISSUER;
    use keyfob_oauth::Timestamp;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(10_000)
        }
    }

    async fn kept_over(before: Option<&str>, replace: Replace) -> (Result<Kept, LoginError>, String) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        if let Some(text) = before {
            std::fs::File::create(home.auth_file())
                .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
                .unwrap();
        }
        let store = SharedStore::new(home.clone(), Arc::new(FileStore::new(home.clone())));
        let session = Session::new(store, Network::default(), Arc::default());
        let kept = keep_brought(&session, &Brought::ApiKey(ApiKey::new("sk-new")), replace, &Stopped).await;
        (kept, std::fs::read_to_string(home.auth_file()).unwrap_or_default())
    }

    const KEY: &str = "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"sk-new\"\n}";

    #[tokio::test]
    async fn s_02_a_key_is_stored_as_the_codex_cli_does_over_nothing_another_key_or_damage() {
        let nothing_before = Kept { superseded: Superseded::Nothing, set_aside: None };
        let another = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-old"}"#;
        for before in [None, Some(another)] {
            let (kept, stored) = kept_over(before, Replace::SameIssuer).await;
            assert_eq!((kept.unwrap(), stored.as_str()), (nothing_before.clone(), KEY));
        }

        let (kept, stored) = kept_over(Some("{broken"), Replace::SameIssuer).await;
        assert_eq!((kept.unwrap().set_aside.is_some(), stored.as_str()), (true, KEY));
    }

    #[tokio::test]
    async fn d_14_a_key_and_a_token_do_not_take_each_others_place_unasked() {
        let token = r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-1"}"#;

        let (kept, stored) = kept_over(Some(token), Replace::SameIssuer).await;

        let other = Occupied::OtherKind("personal access token".into());
        assert!(matches!(kept, Err(LoginError::Occupied(occupied)) if occupied == other));
        assert_eq!(stored, token);
    }

    #[tokio::test]
    async fn d_14_a_key_takes_the_place_of_a_login_only_when_that_is_asked_for() {
        let account =
            r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"r"}}"#;
        for replace in [Replace::SameIssuer, Replace::ElseBeside] {
            let (kept, stored) = kept_over(Some(account), replace).await;
            let unnamed = Occupied::OtherIssuer(IssuerUrl::parse(UNNAMED_ISSUER).unwrap());
            assert!(matches!(kept, Err(LoginError::Occupied(occupied)) if occupied == unnamed));
            assert_eq!(stored, account);
        }

        // Whose session it is was not written down, so there is nobody to end it.
        let (kept, stored) = kept_over(Some(account), Replace::Anything).await;
        assert_eq!((kept.unwrap().superseded, stored.as_str()), (Superseded::Nothing, KEY));
    }
}

//! Keys that people make, and the servers that may ask about them.

use crate::fixture::{Database, NOW, on_both, user, workspace};
use keyfob_issuer_core::KeyId;
use keyfob_issuer_core::access_key::{AccessKey, KeyKind, KeyLabel, KeySecret, Models};
use keyfob_issuer_core::digest::{KeyDigest, ServerSecretDigest};
use keyfob_issuer_core::resource_server::{ResourceServer, ServerId, ServerSecret};
use keyfob_issuer_core::storage::StorageError;
use keyfob_oauth::{Audience, Scope, Subject, WorkspaceId};
use std::time::Duration;

fn key(number: u32) -> AccessKey {
    AccessKey {
        id: KeyId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap(),
        kind: KeyKind::Api,
        digest: digest(number),
        ending: "c0de".into(),
        label: KeyLabel::parse("ci").unwrap(),
        subject: user().subject,
        workspace_id: workspace().id,
        scope: Scope::parse("api.connectors.read").unwrap(),
        models: Models::Only(vec!["small".into(), "large".into()]),
        created_at: NOW,
        expires_at: Some(NOW.plus(Duration::from_hours(1))),
        last_used_at: None,
        revoked_at: None,
    }
}

fn digest(number: u32) -> KeyDigest {
    KeyDigest::of(&KeySecret::new(number.to_string()))
}

fn server() -> ResourceServer {
    ResourceServer {
        id: ServerId::parse("gateway").unwrap(),
        secret: ServerSecretDigest::of(&ServerSecret::new("secret")),
        audience: Audience::new("https://gateway.example"),
    }
}

on_both!(a_key_comes_back_used_and_ended);
async fn a_key_comes_back_used_and_ended(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let lasting = AccessKey { kind: KeyKind::Personal, models: Models::All, expires_at: None, ..key(2) };
    for stored in [key(1), lasting.clone()] {
        transaction.insert_key(&stored).await.unwrap();
        assert_eq!(transaction.find_key(&stored.digest).await.unwrap(), Some(stored));
    }

    let later = NOW.plus(Duration::from_mins(5));
    transaction.note_key_use(key(1).id, later).await.unwrap();
    let used = AccessKey { last_used_at: Some(later), ..key(1) };
    assert_eq!(transaction.list_keys().await.unwrap(), [lasting.clone(), used.clone()]);
    assert!(transaction.end_key(key(1).id, later).await.unwrap());
    assert!(!transaction.end_key(key(1).id, NOW).await.unwrap());

    assert_eq!(transaction.list_keys().await.unwrap(), [lasting]);
    let ended = AccessKey { revoked_at: Some(later), ..used };
    assert_eq!(transaction.find_key(&digest(1)).await.unwrap(), Some(ended));
    assert_eq!(transaction.find_key(&digest(3)).await.unwrap(), None);
}

on_both!(i_69_keys_are_listed_for_their_maker_and_workspace_alone);
async fn i_69_keys_are_listed_for_their_maker_and_workspace_alone(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_key(&key(1)).await.unwrap();
    let (mine, here) = (user().subject, workspace().id);

    assert_eq!(transaction.list_keys_of(&mine, &here).await.unwrap(), [key(1)]);
    assert_eq!(transaction.list_keys_of(&Subject::new("zoe"), &here).await.unwrap(), []);
    assert_eq!(transaction.list_keys_of(&mine, &WorkspaceId::new("other")).await.unwrap(), []);
}

on_both!(a_resource_server_comes_back_until_it_is_deleted_and_its_name_is_its_own);
async fn a_resource_server_comes_back_until_it_is_deleted_and_its_name_is_its_own(database: Database) {
    let mut transaction = database.begin().await;
    transaction.insert_resource_server(&server(), NOW).await.unwrap();
    let id = server().id;

    assert_eq!(transaction.find_resource_server(&id).await.unwrap(), Some(server()));
    assert_eq!(transaction.list_resource_servers().await.unwrap(), [server()]);
    assert!(transaction.delete_resource_server(&id).await.unwrap());
    assert!(!transaction.delete_resource_server(&id).await.unwrap());
    assert_eq!(transaction.find_resource_server(&id).await.unwrap(), None);

    transaction.insert_resource_server(&server(), NOW).await.unwrap();
    let again = transaction.insert_resource_server(&server(), NOW).await;
    assert!(matches!(again, Err(StorageError::Exists)), "{again:?}");
}

on_both!(i_36_an_id_token_is_spent_once_until_it_is_long_forgotten);
async fn i_36_an_id_token_is_spent_once_until_it_is_long_forgotten(database: Database) {
    let mut transaction = database.begin().await;
    let later = NOW.plus(Duration::from_mins(10));

    assert!(transaction.spend_id_token("a", NOW).await.unwrap());
    assert!(!transaction.spend_id_token("a", later).await.unwrap());
    assert!(transaction.spend_id_token("b", later).await.unwrap());
    assert_eq!(transaction.forget_spent_id_tokens(later, 9).await.unwrap(), 1);
    assert!(transaction.spend_id_token("a", later).await.unwrap());
    assert!(!transaction.spend_id_token("b", later).await.unwrap());
}

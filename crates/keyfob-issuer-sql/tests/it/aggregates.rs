//! Everything that is stored comes back as it was.

use crate::fixture::{
    Database, NOW, approval, assert_conflict, client, family, grant_id, on_both, session, user, workspace,
};
use keyfob_issuer_core::browser_session::BrowserSession;
use keyfob_issuer_core::digest::{CodeDigest, InteractionDigest};
use keyfob_issuer_core::grant::{AuthorizationGrant, Progress};
use keyfob_issuer_core::sign_in::Proof;
use keyfob_issuer_core::storage::{SealedSigningKey, StorageError, StoredSigningKey};
use keyfob_issuer_core::user::{DeviceCodes, Email, User, UserStatus};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::token::{Nonce, State};
use keyfob_oauth::{AuthorizationCode, ClientId, Scope, Subject, WorkspaceId};
use std::time::Duration;

fn grant() -> AuthorizationGrant {
    AuthorizationGrant {
        id: grant_id(),
        client_id: client().id,
        redirect_uri: "http://127.0.0.1:1/callback".into(),
        scope: Scope::parse("openid email").unwrap(),
        state: Some(State::new("state")),
        nonce: Some(Nonce::new("nonce")),
        signed_in_since: Some(NOW),
        code_challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
        login_hint: Some("mia".into()),
        allowed: AllowedWorkspaces::parse("w,v").unwrap(),
        workspace: Some(workspace().id),
        browser: InteractionDigest::from_bytes(&[1; 32]),
        expires_at: NOW,
        progress: Progress::Pending,
    }
}

on_both!(a_grant_comes_back_at_every_step_of_its_life);
async fn a_grant_comes_back_at_every_step_of_its_life(database: Database) {
    let database = database.with_user().await;
    let code = CodeDigest::of(&AuthorizationCode::new("code"));
    let approved = grant().approve(approval(), code.clone(), NOW.plus(Duration::from_mins(1))).unwrap();
    let exchanged = approved.clone().exchange(family().id).unwrap();
    let mut transaction = database.begin().await;
    transaction.insert_grant(&grant()).await.unwrap();
    assert_eq!(transaction.find_grant(grant().id).await.unwrap(), Some(grant()));

    for step in [approved, exchanged.clone()] {
        transaction.update_grant(&step).await.unwrap();
        assert_eq!(transaction.find_grant(grant().id).await.unwrap(), Some(step));
    }

    assert_eq!(transaction.find_grant_by_code(&code).await.unwrap(), Some(exchanged));
    let other = CodeDigest::of(&AuthorizationCode::new("other"));
    assert_eq!(transaction.find_grant_by_code(&other).await.unwrap(), None);
}

on_both!(i_05_a_grant_takes_each_step_once_whoever_else_has_read_it);
async fn i_05_a_grant_takes_each_step_once_whoever_else_has_read_it(database: Database) {
    let database = database.with_user().await;
    let code = CodeDigest::of(&AuthorizationCode::new("code"));
    let denied = grant().deny().unwrap();
    let approved = grant().approve(approval(), code, NOW).unwrap();
    let exchanged = approved.clone().exchange(family().id).unwrap();
    let mut transaction = database.begin().await;
    transaction.insert_grant(&grant()).await.unwrap();

    assert_conflict(&transaction.update_grant(&exchanged).await);
    transaction.update_grant(&denied).await.unwrap();
    assert_conflict(&transaction.update_grant(&approved).await);
    assert_conflict(&transaction.update_grant(&denied).await);

    assert_eq!(transaction.find_grant(grant().id).await.unwrap(), Some(denied));
}

on_both!(people_workspaces_clients_and_keys_come_back);
async fn people_workspaces_clients_and_keys_come_back(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let key = |id: &str, seconds| StoredSigningKey {
        key: SealedSigningKey { id: id.into(), sealed: vec![1, 2, 3] },
        created_at: NOW,
        signs_from: NOW.plus(Duration::from_secs(seconds)),
    };
    for key in [key("a", 9), key("b", 0)] {
        transaction.insert_signing_key(&key).await.unwrap();
    }

    assert_eq!(transaction.find_client(&client().id).await.unwrap(), Some(client()));
    assert_eq!(transaction.find_client(&ClientId::new("nobody")).await.unwrap(), None);
    assert_eq!(transaction.find_user(&user().subject).await.unwrap(), Some(user()));
    assert_eq!(transaction.find_user_by_email(&user().email).await.unwrap(), Some(user()));
    assert_eq!(transaction.find_user(&Subject::new("nobody")).await.unwrap(), None);
    assert_eq!(transaction.list_users().await.unwrap(), [user()]);
    assert_eq!(transaction.find_workspace(&workspace().id).await.unwrap(), Some(workspace()));
    assert_eq!(transaction.find_workspace(&WorkspaceId::new("x")).await.unwrap(), None);
    assert_eq!(transaction.find_personal_workspace(&user().subject).await.unwrap(), Some(workspace()));
    assert_eq!(transaction.list_signing_keys().await.unwrap(), [key("b", 0), key("a", 9)]);
    assert!(transaction.delete_signing_key("b").await.unwrap());
    assert!(!transaction.delete_signing_key("b").await.unwrap());
    assert_eq!(transaction.list_signing_keys().await.unwrap(), [key("a", 9)]);
    transaction.set_device_codes(&user().subject, DeviceCodes::On).await.unwrap();
    transaction.set_user_status(&user().subject, UserStatus::Locked).await.unwrap();
    let enabled = User { device_codes: DeviceCodes::On, status: UserStatus::Locked, ..user() };
    assert_eq!(transaction.find_user(&user().subject).await.unwrap(), Some(enabled));
}

on_both!(a_pending_grant_remembers_which_workspace_was_chosen_and_a_decided_one_keeps_it);
async fn a_pending_grant_remembers_which_workspace_was_chosen_and_a_decided_one_keeps_it(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let other = WorkspaceId::new("v");
    transaction.insert_grant(&grant()).await.unwrap();

    transaction.choose_workspace(grant().id, &other).await.unwrap();
    let chosen = AuthorizationGrant { workspace: Some(other), ..grant() };
    assert_eq!(transaction.find_grant(grant().id).await.unwrap(), Some(chosen.clone()));

    transaction.update_grant(&chosen.deny().unwrap()).await.unwrap();
    assert_conflict(&transaction.choose_workspace(grant().id, &workspace().id).await);
}

on_both!(an_address_belongs_to_one_user);
async fn an_address_belongs_to_one_user(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let namesake = User { subject: Subject::new("other"), ..user() };

    let added = transaction.insert_user(&namesake).await;

    assert!(matches!(added, Err(StorageError::Exists)), "{added:?}");
    drop(transaction);
    let somebody = Email::parse("zoe@example.org").unwrap();
    assert_eq!(database.begin().await.find_user_by_email(&somebody).await.unwrap(), None);
}

on_both!(a_session_comes_back_until_it_is_deleted);
async fn a_session_comes_back_until_it_is_deleted(database: Database) {
    let database = database.with_user().await;
    let proof = Proof { password_at: NOW, second_factor_at: Some(NOW) };
    let session = BrowserSession { proof, ..session(1, NOW) };
    let mut transaction = database.begin().await;
    transaction.insert_session(&session).await.unwrap();
    assert_eq!(transaction.find_session(&session.digest).await.unwrap(), Some(session.clone()));

    transaction.delete_session(&session.digest).await.unwrap();
    assert_eq!(transaction.find_session(&session.digest).await.unwrap(), None);
}

on_both!(a_session_lasts_as_long_as_it_was_last_said_to);
async fn a_session_lasts_as_long_as_it_was_last_said_to(database: Database) {
    let database = database.with_user().await;
    let session = session(1, NOW);
    let mut transaction = database.begin().await;
    transaction.insert_session(&session).await.unwrap();
    let later = NOW.plus(Duration::from_mins(5));

    transaction.prolong_session(&session.digest, later).await.unwrap();

    let found = transaction.find_session(&session.digest).await.unwrap();
    assert_eq!(found, Some(BrowserSession { expires_at: later, ..session }));
}

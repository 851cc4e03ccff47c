//! What has ended is forgotten, and nothing else.

use crate::fixture::{Database, NOW, client, device, family, on_both, refresh_digest, session};
use keyfob_issuer_core::digest::RefreshDigest;
use keyfob_issuer_core::grant::{AuthorizationGrant, Progress};
use keyfob_issuer_core::refresh_family::RefreshFamily;
use keyfob_issuer_core::storage::Transaction;
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::{Scope, Timestamp};
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn token(number: u64) -> RefreshDigest {
    refresh_digest(&format!("token {number}"))
}

async fn insert_family(transaction: &mut dyn Transaction, number: u64, created_at: Timestamp) {
    let family = RefreshFamily { id: FamilyId::lowest_at(created_at), created_at, ..family() };
    transaction.insert_family(&family, &token(number)).await.unwrap();
}

on_both!(i_87_families_are_forgotten_from_the_oldest_on_with_their_tokens);
async fn i_87_families_are_forgotten_from_the_oldest_on_with_their_tokens(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    for number in [4, 1, 3, 2] {
        insert_family(&mut *transaction, number, at(number)).await;
    }

    let first = transaction.forget_families(at(4), 2).await.unwrap();
    let mut left = Vec::new();
    for number in 1..=4 {
        left.push(transaction.find_refresh_token(&token(number)).await.unwrap().is_some());
    }
    let second = transaction.forget_families(at(4), 2).await.unwrap();

    assert_eq!((first, left, second), (2, vec![false, false, true, true], 1));
    assert!(transaction.find_refresh_token(&token(4)).await.unwrap().is_some(), "it began at that moment");
}

on_both!(grants_device_grants_and_sessions_are_forgotten_once_they_are_over);
async fn grants_device_grants_and_sessions_are_forgotten_once_they_are_over(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    for number in 1..=3 {
        transaction.insert_grant(&grant(number)).await.unwrap();
        transaction.insert_device_grant(&device(number, at(number.into()))).await.unwrap();
        transaction.insert_session(&session(number, at(number.into()))).await.unwrap();
    }

    let mut forgotten = Vec::new();
    for most in [1, 9] {
        forgotten.push(transaction.forget_grants(at(3), most).await.unwrap());
        forgotten.push(transaction.forget_device_grants(at(3), most).await.unwrap());
        forgotten.push(transaction.forget_sessions(at(3), most).await.unwrap());
    }

    assert_eq!(forgotten, [1; 6]);
    assert_eq!(transaction.find_grant(grant(3).id).await.unwrap(), Some(grant(3)));
    let left = device(3, at(3));
    assert_eq!(transaction.find_device_grant(&left.digest).await.unwrap(), Some(left));
    let last = session(3, at(3));
    assert_eq!(transaction.find_session(&last.digest).await.unwrap(), Some(last));
}

fn grant(number: u8) -> AuthorizationGrant {
    AuthorizationGrant {
        id: GrantId::parse(&format!("01890000-0000-7000-8000-00000000000{number}")).unwrap(),
        client_id: client().id,
        redirect_uri: "http://127.0.0.1:1/callback".into(),
        scope: Scope::parse("openid").unwrap(),
        state: None,
        nonce: None,
        signed_in_since: None,
        code_challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
        login_hint: None,
        allowed: AllowedWorkspaces::Any,
        workspace: None,
        browser: None,
        expires_at: at(number.into()),
        progress: Progress::Pending,
    }
}

//! What has ended is forgotten, and nothing else.

use crate::fixture::{Database, NOW, client, device, family, on_both, refresh_digest, session};
use keyfob_issuer_core::digest::RefreshDigest;
use keyfob_issuer_core::grant::{AuthorizationGrant, Progress};
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::RefreshFamily;
use keyfob_issuer_core::storage::{Rotated, Rotation, Transaction};
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
    transaction.insert_family(&family, &Origin::default(), &token(number), created_at).await.unwrap();
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

on_both!(r_42_a_token_that_is_redeemed_at_this_moment_is_not_swept_from_under_whoever_redeems_it);
async fn r_42_a_token_that_is_redeemed_at_this_moment_is_not_swept_from_under_whoever_redeems_it(
    database: Database,
) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    insert_family(&mut *transaction, 1, at(1)).await;
    transaction.commit().await.unwrap();
    let mut redeeming = database.begin().await;
    let (_, family) = redeeming.find_refresh_token(&token(1)).await.unwrap().unwrap();

    let sweeping = async {
        let mut sweeping = database.begin().await;
        sweeping.forget_families(at(2), 9).await.unwrap();
        sweeping.commit().await.unwrap();
    };
    let redeem = async {
        let next = token(2);
        let rotation = Rotation {
            family: family.id,
            generation: 0,
            next: &next,
            sealed: b"sealed",
            attempt: None,
            now: at(2),
        };
        assert_eq!(redeeming.rotate(&rotation).await.unwrap(), Rotated::Done);
        redeeming.commit().await.unwrap();
    };
    tokio::join!(sweeping, redeem);

    let mut after = database.begin().await;
    after.forget_families(at(2), 9).await.unwrap();
    for number in [1, 2] {
        assert_eq!(after.find_refresh_token(&token(number)).await.unwrap(), None, "whole, by now");
    }
}

on_both!(r_42_who_comes_while_a_sweeper_forgets_a_token_finds_it_gone_and_nothing_half);
async fn r_42_who_comes_while_a_sweeper_forgets_a_token_finds_it_gone_and_nothing_half(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    insert_family(&mut *transaction, 1, at(1)).await;
    transaction.commit().await.unwrap();
    let mut sweeping = database.begin().await;
    assert_eq!(sweeping.forget_families(at(2), 9).await.unwrap(), 1);

    let redeem = async { database.begin().await.find_refresh_token(&token(1)).await.unwrap() };
    let (found, swept) = tokio::join!(redeem, sweeping.commit());

    swept.unwrap();
    assert_eq!(found, None);
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

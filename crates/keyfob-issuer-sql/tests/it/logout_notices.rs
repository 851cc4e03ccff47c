//! What programs are still to be told of sessions that ended.

use crate::fixture::{Database, NOW, family, on_both, refresh_digest};
use keyfob_issuer_core::back_channel::{LogoutNotice, ProgramSession};
use keyfob_issuer_core::delivery::Fate;
use keyfob_issuer_core::digest::SessionDigest;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::revocation::{Revocation, Revoked};
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_oauth::{ClientId, Timestamp};
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn session(number: u64) -> ProgramSession {
    let RefreshFamily { client_id, subject, .. } = family();
    ProgramSession { id: FamilyId::lowest_at(at(number)), client_id, subject }
}

/// Three sessions of one person in one workspace.
async fn three(database: Database) -> Database {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    for number in 1..=3 {
        let family = RefreshFamily { id: session(number).id, created_at: at(number), ..family() };
        let first = refresh_digest(&number.to_string());
        transaction.insert_family(&family, &Origin::default(), &first, at(number)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    database
}

on_both!(i_79_an_entry_of_the_feed_leads_to_the_sessions_that_it_is_about);
async fn i_79_an_entry_of_the_feed_leads_to_the_sessions_that_it_is_about(database: Database) {
    let database = three(database).await;
    let mut transaction = database.begin().await;
    transaction.end_family(session(1).id, FamilyStatus::Revoked, at(10)).await.unwrap();
    transaction.end_everything_in(&family().workspace_id, &family().subject, at(20)).await.unwrap();
    let feed = transaction.revocations_after(0, 9).await.unwrap();
    let locked = Revocation { epoch: 9, revoked: Revoked::User(family().subject), at: at(20) };

    let mut ended = Vec::new();
    for entry in feed.entries.iter().chain([&locked]) {
        let mut sessions = transaction.sessions_ended_by(entry).await.unwrap();
        sessions.sort_by_key(|session| session.id.to_string());
        ended.push(sessions);
    }

    let both = vec![session(2), session(3)];
    assert_eq!(ended, [vec![session(1)], both.clone(), both]);
}

on_both!(i_79_a_session_is_told_once_and_taken_by_one_at_a_time_until_that_is_over);
async fn i_79_a_session_is_told_once_and_taken_by_one_at_a_time_until_that_is_over(database: Database) {
    let mut transaction = database.begin().await;
    let notice = |number, seconds, tries| LogoutNotice { session: session(number), at: at(seconds), tries };
    for told in [notice(1, 0, 0), notice(1, 5, 0), notice(2, 1, 0)] {
        transaction.insert_logout_notice(&told).await.unwrap();
    }
    let client = session(1).client_id;
    let other = ClientId::new("other");
    assert_eq!(transaction.claim_logout_notices(&other, at(1), at(61), 9).await.unwrap(), [], "to another");

    let mut taken = transaction.claim_logout_notices(&client, at(1), at(61), 9).await.unwrap();
    taken.sort_by_key(|notice| notice.at);
    assert_eq!(taken, [notice(1, 0, 1), notice(2, 1, 1)]);
    assert_eq!(transaction.claim_logout_notices(&client, at(60), at(120), 9).await.unwrap(), []);
    transaction.settle_logout_notice(session(1).id, Fate::Again(at(100))).await.unwrap();
    transaction.settle_logout_notice(session(2).id, Fate::Over).await.unwrap();
    transaction.insert_logout_notice(&notice(2, 50, 0)).await.unwrap();
    assert_eq!(transaction.claim_logout_notices(&client, at(99), at(160), 9).await.unwrap(), []);
    assert_eq!(
        transaction.claim_logout_notices(&client, at(100), at(160), 9).await.unwrap(),
        [notice(1, 0, 2)]
    );

    assert_eq!(transaction.forget_logout_notices(at(1), 9).await.unwrap(), 1);
    assert_eq!(transaction.forget_logout_notices(at(2), 9).await.unwrap(), 1);
}

on_both!(i_79_the_sessions_of_a_browser_stay_its_own_with_another_cookie);
async fn i_79_the_sessions_of_a_browser_stay_its_own_with_another_cookie(database: Database) {
    let database = three(database).await;
    let mut transaction = database.begin().await;
    let browser = |number| SessionDigest::from_bytes(&[number; 32]).unwrap();
    let grant = |number: u8| GrantId::parse(&format!("01890000-0000-7000-8000-00000000000{number}")).unwrap();
    for (number, of) in [(1, 1), (2, 1), (3, 2)] {
        transaction.note_approval(grant(number), &browser(of), at(0)).await.unwrap();
    }
    transaction.note_begun(grant(1), session(1).id).await.unwrap();
    transaction.note_begun(grant(3), session(3).id).await.unwrap();

    transaction.move_browser(&browser(1), &browser(9)).await.unwrap();

    assert_eq!(transaction.sessions_of_browser(&browser(1)).await.unwrap(), []);
    assert_eq!(transaction.sessions_of_browser(&browser(9)).await.unwrap(), [session(1)]);
    assert_eq!(transaction.sessions_of_browser(&browser(2)).await.unwrap(), [session(3)]);
    assert_eq!(transaction.forget_browser_logins(at(1), 2).await.unwrap(), 2);
    assert_eq!(transaction.forget_browser_logins(at(0), 2).await.unwrap(), 0);
}

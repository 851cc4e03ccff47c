//! What a webhook is still to be told.

use crate::fixture::{Database, NOW, device, family, on_both, refresh_digest, user};
use keyfob_issuer_core::anomaly::{Notice, Pattern};
use keyfob_issuer_core::delivery::Fate;
use keyfob_issuer_core::device_grant::DeviceProgress;
use keyfob_issuer_core::digest::UndoDigest;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::{FamilyId, NoticeId};
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn notice(number: u8, pattern: Pattern, session: Option<FamilyId>, seconds: u64) -> Notice {
    Notice {
        id: NoticeId::parse(&format!("01890000-0000-7000-8000-00000000000{number}")).unwrap(),
        pattern,
        subject: Subject::new("u"),
        session,
        count: 17,
        at: at(seconds),
        tries: 0,
    }
}

on_both!(i_88_the_same_is_told_once_an_hour_and_taken_by_one_at_a_time_until_it_is_over);
async fn i_88_the_same_is_told_once_an_hour_and_taken_by_one_at_a_time_until_it_is_over(database: Database) {
    let mut transaction = database.begin().await;
    let first = notice(1, Pattern::Replays, Some(family().id), 0);
    for told in [
        first.clone(),
        notice(2, Pattern::Replays, Some(family().id), 3599),
        notice(3, Pattern::Logins, None, 1),
        notice(4, Pattern::Logins, None, 3600),
    ] {
        transaction.insert_notice(&told).await.unwrap();
    }

    let mut taken = transaction.claim_notices(at(1), at(61), 9).await.unwrap();
    taken.sort_by_key(|notice| notice.at);
    let expected =
        [Notice { tries: 1, ..first.clone() }, Notice { tries: 1, ..notice(3, Pattern::Logins, None, 1) }];
    assert_eq!(taken, expected);
    assert_eq!(transaction.claim_notices(at(60), at(120), 9).await.unwrap(), [], "they are being delivered");
    transaction.settle_notice(first.id, Fate::Again(at(100))).await.unwrap();
    transaction.settle_notice(expected[1].id, Fate::Over).await.unwrap();
    assert_eq!(transaction.claim_notices(at(99), at(160), 9).await.unwrap(), []);
    let again = transaction.claim_notices(at(100), at(160), 9).await.unwrap();
    assert_eq!(again, [Notice { tries: 2, ..first }]);

    assert_eq!(transaction.forget_notices(at(3600), 1).await.unwrap(), 1);
    assert_eq!(transaction.forget_notices(at(3600), 9).await.unwrap(), 1);
    assert_eq!(transaction.claim_notices(at(3600), at(3660), 9).await.unwrap().len(), 1);
}

on_both!(i_88_logins_are_counted_by_their_person_with_their_places_and_devices_by_who_let_them_in);
async fn i_88_logins_are_counted_by_their_person_with_their_places_and_devices_by_who_let_them_in(
    database: Database,
) {
    let database = database.with_user().await;
    let subject = user().subject;
    let mut transaction = database.begin().await;
    for (number, place) in [(1, None), (2, "192.0.2.7".parse().ok()), (3, "2001:db8::1".parse().ok())] {
        let id = FamilyId::lowest_at(at(number));
        // The last was handed over by a session that is older.
        let created_at = if number == 3 { at(0) } else { at(number) };
        let login = keyfob_issuer_core::refresh_family::RefreshFamily { id, created_at, ..family() };
        let origin = Origin::new(None, None, place);
        let first = refresh_digest(&format!("{number}"));
        transaction.insert_family(&login, &origin, &first, at(number)).await.unwrap();
    }
    for number in 1..=3 {
        // Each asked a quarter of an hour before it ends.
        let asked = device(number, at(u64::from(number) + 900));
        transaction.insert_device_grant(&asked).await.unwrap();
        let undo = UndoDigest::from_bytes(&[number; 32]).unwrap();
        let decided = if number == 1 {
            asked.deny().unwrap()
        } else {
            asked.approve(crate::fixture::approval(), undo).unwrap()
        };
        transaction.update_device_grant(&decided).await.unwrap();
    }

    let places = transaction.places_of_logins(&subject, at(2), 9).await.unwrap();
    assert_eq!(places, ["2001:db8::1".parse().ok(), "192.0.2.7".parse().ok()]);
    assert_eq!(transaction.places_of_logins(&subject, at(0), 2).await.unwrap().len(), 2);
    assert_eq!(transaction.places_of_logins(&Subject::new("other"), at(0), 9).await.unwrap(), []);
    assert_eq!(transaction.count_devices_let_in(&subject, at(0)).await.unwrap(), 2);
    assert_eq!(transaction.count_devices_let_in(&subject, at(3)).await.unwrap(), 1);
    let fetched = transaction.find_device_grant(&device(3, at(903)).digest).await.unwrap().unwrap();
    assert!(matches!(fetched.progress, DeviceProgress::Approved(_)));
}

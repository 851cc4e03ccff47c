//! Transactions: what happens together, what nobody sees, and who waits for whom.

use crate::fixture::{Database, NOW, attempt_digest, client, family, on_both, refresh_digest, user};
use keyfob_issuer_core::client::Client;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::FamilyStatus;
use keyfob_issuer_core::storage::{Rotated, Rotation, Storage as _, StorageError};
use keyfob_issuer_core::user::{Email, User};
use keyfob_issuer_sql::Urgency;
use keyfob_oauth::{ClientId, Subject};

on_both!(what_is_committed_stays_and_what_is_dropped_never_happened);
async fn what_is_committed_stays_and_what_is_dropped_never_happened(database: Database) {
    let database = database.with_user().await;
    let dropped = Client { id: ClientId::new("dropped"), ..client() };
    let mut transaction = database.begin().await;
    transaction.insert_client(&dropped, NOW).await.unwrap();
    drop(transaction);
    let place = database.place;
    database.storage.close().await;

    let reached = keyfob_issuer_sql::Database::reach(&place.access()).await.unwrap();
    let mut transaction = reached.into_storage(Urgency::Commands).await.unwrap().begin().await.unwrap();

    assert_eq!(transaction.find_client(&dropped.id).await.unwrap(), None);
    assert_eq!(transaction.find_user(&user().subject).await.unwrap(), Some(user()));
}

on_both!(a_transaction_in_which_a_statement_failed_cannot_be_committed);
async fn a_transaction_in_which_a_statement_failed_cannot_be_committed(database: Database) {
    let database = database.with_user().await;
    let other = Client { id: ClientId::new("other"), ..client() };
    let mut transaction = database.begin().await;
    transaction.insert_client(&other, NOW).await.unwrap();
    let twice = transaction.insert_client(&other, NOW).await;
    assert!(matches!(twice, Err(StorageError::Exists)), "{twice:?}");

    let committed = transaction.commit().await;

    assert!(matches!(committed, Err(StorageError::Unavailable(_))), "{committed:?}");
    assert_eq!(database.begin().await.find_client(&other.id).await.unwrap(), None);
}

on_both!(i_24_of_transactions_that_present_one_token_at_once_one_rotates_and_the_others_see_it);
async fn i_24_of_transactions_that_present_one_token_at_once_one_rotates_and_the_others_see_it(
    database: Database,
) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("first"), NOW).await.unwrap();
    transaction.commit().await.unwrap();

    let present = |number: usize| {
        let storage = database.storage.clone();
        async move {
            let mut transaction = storage.begin().await.unwrap();
            let found = transaction.find_refresh_token(&refresh_digest("first")).await.unwrap();
            let (token, family) = found.unwrap();
            if let Some(successor) = token.successor {
                assert_eq!((family.generation, successor.attempt), (1, Some(attempt_digest("attempt"))));
                return 0;
            }
            let next = refresh_digest(&format!("next {number}"));
            let attempt = attempt_digest("attempt");
            let rotation = Rotation {
                family: family.id,
                generation: 0,
                next: &next,
                sealed: b"sealed",
                attempt: Some(&attempt),
                now: NOW,
            };
            assert_eq!(transaction.rotate(&rotation).await.unwrap(), Rotated::Done);
            transaction.commit().await.unwrap();
            1
        }
    };
    let tasks: Vec<_> = (0..32).map(|number| tokio::spawn(present(number))).collect();
    let mut rotated = 0;
    for task in tasks {
        rotated += task.await.unwrap();
    }

    assert_eq!(rotated, 1);
    let tokens = database.place.query("SELECT CAST(count(*) AS TEXT) FROM refresh_tokens").await;
    assert_eq!(tokens, ["2"]);
}

on_both!(i_26_a_family_that_ends_while_another_transaction_waits_is_found_ended);
async fn i_26_a_family_that_ends_while_another_transaction_waits_is_found_ended(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("first"), NOW).await.unwrap();
    transaction.commit().await.unwrap();
    let mut ending = database.begin().await;
    ending.find_refresh_token(&refresh_digest("first")).await.unwrap();
    let storage = database.storage.clone();
    let waiting = tokio::spawn(async move {
        let mut transaction = storage.begin().await.unwrap();
        transaction.find_refresh_token(&refresh_digest("first")).await.unwrap().unwrap().1.status
    });
    tokio::task::yield_now().await;

    ending.end_family(family().id, FamilyStatus::Revoked, NOW).await.unwrap();
    assert!(!waiting.is_finished());
    ending.commit().await.unwrap();

    assert_eq!(waiting.await.unwrap(), FamilyStatus::Revoked);
}

on_both!(people_are_listed_in_one_order);
async fn people_are_listed_in_one_order(database: Database) {
    let mut transaction = database.begin().await;
    for (subject, email) in [("1", "a_b@x.example"), ("2", "ab@x.example"), ("3", "a-c@x.example")] {
        let email = Email::parse(email).unwrap();
        transaction.insert_user(&User { subject: Subject::new(subject), email, ..user() }).await.unwrap();
    }

    let users = transaction.list_users().await.unwrap();

    let addresses: Vec<&str> = users.iter().map(|user| user.email.as_str()).collect();
    assert_eq!(addresses, ["a-c@x.example", "a_b@x.example", "ab@x.example"]);
}

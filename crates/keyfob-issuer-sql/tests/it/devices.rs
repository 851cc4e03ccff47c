//! The grants of devices.

use crate::fixture::{Database, NOW, approval, assert_conflict, client, device, family, grant_id, on_both};
use keyfob_issuer_core::device_grant::{Began, Delivered, DeviceDialect, DeviceGrant, Waiting};
use keyfob_issuer_core::digest::{UndoDigest, UndoToken};
use keyfob_issuer_core::login_session::Origin;
use keyfob_oauth::{ClientId, Timestamp};

fn undo() -> UndoDigest {
    UndoDigest::of(&UndoToken::new("undo"))
}

fn delivered(began: Began) -> Delivered {
    Delivered { at: NOW, began }
}

on_both!(a_device_grant_takes_each_step_once_whoever_else_has_read_it);
async fn a_device_grant_takes_each_step_once_whoever_else_has_read_it(database: Database) {
    let database = database.with_user().await;
    let device = device(1, NOW);
    let denied = device.clone().deny().unwrap();
    let approved = device.clone().approve(approval(), undo()).unwrap();
    let answered = approved.clone().deliver(delivered(Began::Grant(grant_id()))).unwrap();
    let mut transaction = database.begin().await;
    transaction.insert_device_grant(&device).await.unwrap();

    assert_conflict(&transaction.update_device_grant(&answered).await);
    transaction.update_device_grant(&denied).await.unwrap();
    assert_conflict(&transaction.update_device_grant(&approved).await);
    assert_conflict(&transaction.update_device_grant(&denied).await);

    assert_eq!(transaction.find_device_grant(&device.digest).await.unwrap(), Some(denied));
}

on_both!(a_device_grant_comes_back_at_every_step_of_its_life);
async fn a_device_grant_comes_back_at_every_step_of_its_life(database: Database) {
    let database = database.with_user().await;
    let first = device(1, NOW);
    let second = DeviceGrant {
        dialect: DeviceDialect::Codex,
        origin: Origin::default(),
        network: None,
        ..device(2, NOW)
    };
    let approved = first.clone().approve(approval(), undo()).unwrap();
    let answers = [Began::Grant(grant_id()), Began::Session(family().id)];
    let [with_code, with_session] = answers.map(|began| approved.clone().deliver(delivered(began)).unwrap());
    let mut transaction = database.begin().await;
    for device in [&first, &second] {
        transaction.insert_device_grant(device).await.unwrap();
    }
    assert_eq!(transaction.find_device_grant(&second.digest).await.unwrap(), Some(second));

    for step in [first, approved.clone(), with_code] {
        transaction.update_device_grant(&step).await.unwrap();
        let by_digest = transaction.find_device_grant(&step.digest).await.unwrap();
        let by_code = transaction.find_device_grant_by_user_code(&step.user_code).await.unwrap();
        assert_eq!((by_digest, by_code), (Some(step.clone()), Some(step)));
    }

    let by_undo = transaction.find_device_grant_by_undo(&undo()).await.unwrap();
    assert_eq!(by_undo.map(|grant| grant.digest), Some(approved.digest.clone()));
    drop(transaction);
    let mut transaction = database.begin().await;
    transaction.insert_device_grant(&device(1, NOW)).await.unwrap();
    transaction.update_device_grant(&approved).await.unwrap();
    transaction.update_device_grant(&with_session).await.unwrap();
    assert_eq!(transaction.find_device_grant(&with_session.digest).await.unwrap(), Some(with_session));
}

on_both!(i_51_codes_that_wait_are_counted_of_a_network_of_a_client_and_all);
async fn i_51_codes_that_wait_are_counted_of_a_network_of_a_client_and_all(database: Database) {
    let database = database.with_user().await;
    let later = Timestamp::from_unix(NOW.as_unix() + 1);
    let elsewhere = DeviceGrant { network: Some("192.0.2.8".into()), ..device(2, later) };
    let here = DeviceGrant { network: None, ..device(3, later) };
    let decided = device(4, later);
    let mut transaction = database.begin().await;
    for device in [&device(1, later), &elsewhere, &here, &decided, &device(5, NOW)] {
        transaction.insert_device_grant(device).await.unwrap();
    }
    transaction.update_device_grant(&decided.deny().unwrap()).await.unwrap();

    let own = transaction.count_device_grants(&client().id, Some("192.0.2.7"), NOW).await.unwrap();
    let other = transaction.count_device_grants(&ClientId::new("other"), None, NOW).await.unwrap();

    assert_eq!(own, Waiting { network: 1, client: 3, all: 3 });
    assert_eq!(other, Waiting { network: 0, client: 0, all: 3 });
}

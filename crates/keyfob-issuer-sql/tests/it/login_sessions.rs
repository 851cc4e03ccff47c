//! Refresh families as their people know them.

use crate::fixture::{Database, NOW, device, family, on_both, refresh_digest, user};
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::amr::Amr;
use keyfob_issuer_core::browser_session::BrowserSession;
use keyfob_issuer_core::device_grant::DeviceProgress;
use keyfob_issuer_core::digest::{CodeDigest, DeviceAuthDigest, SessionDigest, UndoDigest};
use keyfob_issuer_core::grant::{Approval, AuthorizationGrant, Progress};
use keyfob_issuer_core::login_session::{LoginSession, Origin, SessionName};
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::sign_in::Proof;
use keyfob_issuer_core::storage::{Rotation, Transaction};
use keyfob_issuer_core::user::{Email, User};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::{AuthorizationCode, Subject};
use std::time::Duration;

fn id(number: u32) -> FamilyId {
    FamilyId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap()
}

fn origin() -> Origin {
    Origin::new(Some("keyfob/1"), Some("desk"), "2001:db8::7".parse().ok())
}

fn fresh(number: u32) -> LoginSession {
    let family = RefreshFamily { id: id(number), ..family() };
    LoginSession { family, name: None, origin: origin(), last_used_at: NOW }
}

async fn add(transaction: &mut dyn Transaction, family: &RefreshFamily) {
    transaction
        .insert_family(family, &origin(), &refresh_digest(&family.id.to_string()), family.created_at)
        .await
        .unwrap();
}

on_both!(a_session_comes_back_with_its_labels_and_its_last_use);
async fn a_session_comes_back_with_its_labels_and_its_last_use(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let subject = user().subject;
    add(&mut *transaction, &fresh(1).family).await;
    assert_eq!(transaction.find_login_session(id(1), &subject).await.unwrap(), Some(fresh(1)));

    let name = SessionName::parse("the desk");
    transaction.name_login_session(id(1), name.as_ref()).await.unwrap();
    let later = NOW.plus(Duration::from_mins(5));
    let next = refresh_digest("next");
    let rotation =
        Rotation { family: id(1), generation: 0, next: &next, sealed: b"s", attempt: None, now: later };
    transaction.rotate(&rotation).await.unwrap();

    let family = RefreshFamily { generation: 1, last_anonymous: Some(1), ..fresh(1).family };
    let used = LoginSession { family, name, last_used_at: later, ..fresh(1) };
    assert_eq!(transaction.find_login_session(id(1), &subject).await.unwrap(), Some(used.clone()));
    transaction.name_login_session(id(1), None).await.unwrap();
    let unnamed = LoginSession { name: None, ..used };
    assert_eq!(transaction.find_login_session(id(1), &subject).await.unwrap(), Some(unnamed));
}

on_both!(i_69_a_session_is_found_by_its_own_person_alone);
async fn i_69_a_session_is_found_by_its_own_person_alone(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let somebody = Subject::new("somebody");
    for number in [1, 2] {
        add(&mut *transaction, &fresh(number).family).await;
    }
    add(&mut *transaction, &RefreshFamily { subject: somebody.clone(), ..fresh(3).family }).await;
    transaction.end_family(id(1), FamilyStatus::Revoked, NOW).await.unwrap();

    assert_eq!(transaction.find_login_session(id(2), &somebody).await.unwrap(), None);
    assert_eq!(transaction.find_login_session(id(3), &user().subject).await.unwrap(), None);
    assert_eq!(transaction.list_login_sessions(&user().subject).await.unwrap(), [fresh(2)]);
    assert_eq!(transaction.list_login_sessions(&Subject::new("nobody")).await.unwrap(), []);
}

on_both!(i_33_everything_of_one_person_ends_at_once_and_nothing_of_another);
async fn i_33_everything_of_one_person_ends_at_once_and_nothing_of_another(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let zoe = User { subject: Subject::new("z"), email: Email::parse("zoe@example.org").unwrap(), ..user() };
    transaction.insert_user(&zoe).await.unwrap();
    for number in [1, 2, 3] {
        add(&mut *transaction, &fresh(number).family).await;
    }
    add(&mut *transaction, &RefreshFamily { subject: zoe.subject.clone(), ..fresh(4).family }).await;
    for (number, subject) in [(1, &user().subject), (2, &zoe.subject)] {
        approve_everywhere(&mut *transaction, number, subject).await;
    }

    let ended = transaction.end_everything_of(&user().subject, Some(id(2)), NOW).await.unwrap();
    assert_eq!(ended, 2);
    assert_eq!(transaction.list_login_sessions(&user().subject).await.unwrap(), [fresh(2)]);
    assert_eq!(transaction.end_everything_of(&user().subject, None, NOW).await.unwrap(), 1);

    assert_eq!(transaction.list_login_sessions(&user().subject).await.unwrap(), []);
    assert_eq!(left_of(&mut *transaction, 1).await, (false, false, DeviceProgress::Denied));
    assert_eq!(transaction.list_login_sessions(&zoe.subject).await.unwrap().len(), 1);
    let approved = DeviceProgress::Approved(approval(&zoe.subject));
    assert_eq!(left_of(&mut *transaction, 2).await, (true, true, approved));
}

fn approval(subject: &Subject) -> Approval {
    Approval {
        subject: subject.clone(),
        workspace_id: family().workspace_id,
        auth_time: NOW,
        amr: Amr::Password,
    }
}

fn code(number: u8) -> CodeDigest {
    CodeDigest::of(&AuthorizationCode::new(number.to_string()))
}

/// A signed-in browser, a code and a device of one person.
async fn approve_everywhere(transaction: &mut dyn Transaction, number: u8, subject: &Subject) {
    let ends = NOW.plus(Duration::from_mins(1));
    let browser = BrowserSession {
        digest: SessionDigest::from_bytes(&[number; 32]).unwrap(),
        subject: subject.clone(),
        proof: Proof::of_password(NOW),
        began_at: NOW,
        expires_at: ends,
    };
    transaction.insert_session(&browser).await.unwrap();
    let grant = AuthorizationGrant {
        id: keyfob_issuer_core::GrantId::parse(&id(number.into()).to_string()).unwrap(),
        client_id: family().client_id,
        redirect_uri: "http://127.0.0.1:1/callback".into(),
        scope: family().scope,
        state: None,
        nonce: None,
        signed_in_since: None,
        code_challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
        login_hint: None,
        allowed: AllowedWorkspaces::Any,
        workspace: None,
        browser: None,
        expires_at: ends,
        progress: Progress::Approved { approval: approval(subject), code: code(number) },
    };
    transaction.insert_grant(&grant).await.unwrap();
    let device = device(number, ends);
    transaction.insert_device_grant(&device).await.unwrap();
    let undo = UndoDigest::from_bytes(&[number; 32]).unwrap();
    transaction.update_device_grant(&device.approve(approval(subject), undo).unwrap()).await.unwrap();
}

/// Whether the browser is signed in, whether the code can be redeemed, and how far the device is.
async fn left_of(transaction: &mut dyn Transaction, number: u8) -> (bool, bool, DeviceProgress) {
    let session = SessionDigest::from_bytes(&[number; 32]).unwrap();
    let device = DeviceAuthDigest::from_bytes(&[number; 32]).unwrap();
    (
        transaction.find_session(&session).await.unwrap().is_some(),
        transaction.find_grant_by_code(&code(number)).await.unwrap().is_some(),
        transaction.find_device_grant(&device).await.unwrap().unwrap().progress,
    )
}

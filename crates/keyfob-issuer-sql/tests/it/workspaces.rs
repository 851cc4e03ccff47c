//! Workspaces, who is in them, and who is asked into them.

use crate::fixture::{Database, NOW, family, on_both, refresh_digest, user, workspace};
use keyfob_issuer_core::InvitationId;
use keyfob_issuer_core::digest::{InvitationDigest, InvitationToken};
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::storage::{StorageError, Transaction};
use keyfob_issuer_core::user::{Email, User, UserStatus};
use keyfob_issuer_core::workspace::{
    ApiKeyPolicy, ApiOrganisation, DataSharing, DevicePolicy, Invitation, Member, Membership, Policy, Role,
    SessionLength, SignInMethod, Tag, WordSet, Workspace, WorkspaceKind, WorkspaceName,
};
use keyfob_oauth::{Subject, WorkspaceId};
use std::time::Duration;

fn shared(id: &str, name: &str) -> Workspace {
    Workspace::new(WorkspaceId::new(id), WorkspaceName::parse(name).unwrap(), WorkspaceKind::Shared)
}

/// One in which nothing is as in a new one.
fn strict() -> Workspace {
    Workspace {
        policy: Policy {
            methods: WordSet::of(&[SignInMethod::Sso]),
            mfa: MfaPolicy::Always,
            device_codes: DevicePolicy::On,
            session_length: SessionLength::new(Duration::from_hours(8)),
            api_keys: ApiKeyPolicy::Refused,
            capabilities: WordSet::of(&[]),
            retention: Tag::parse("zero"),
            residency: Tag::parse("eu"),
        },
        organisation: ApiOrganisation { retention: Tag::parse("30-days"), data_sharing: DataSharing::On },
        ..shared("s", "Strict")
    }
}

fn zoe() -> User {
    User { subject: Subject::new("z"), email: Email::parse("zoe@example.org").unwrap(), ..user() }
}

fn member(user: &User, role: Role) -> Member {
    Member {
        subject: user.subject.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        status: user.status,
        role,
        joined_at: NOW,
    }
}

fn invitation(number: u32, email: &str, role: Role) -> Invitation {
    Invitation {
        id: InvitationId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap(),
        workspace_id: WorkspaceId::new("s"),
        email: Email::parse(email).unwrap(),
        role,
        digest: InvitationDigest::of(&InvitationToken::new(number.to_string())),
        expires_at: NOW.plus(Duration::from_secs(number.into())),
    }
}

async fn with_shared(database: Database) -> Database {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_user(&zoe()).await.unwrap();
    transaction.insert_workspace(&shared("s", "Strict"), NOW).await.unwrap();
    transaction.commit().await.unwrap();
    database
}

on_both!(a_workspace_comes_back_with_all_that_holds_in_it);
async fn a_workspace_comes_back_with_all_that_holds_in_it(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_workspace(&shared("s", "New"), NOW).await.unwrap();
    assert_eq!(transaction.find_workspace(&strict().id).await.unwrap(), Some(shared("s", "New")));

    transaction.update_workspace(&strict()).await.unwrap();

    assert_eq!(transaction.lock_workspace(&strict().id).await.unwrap(), Some(strict()));
    assert_eq!(transaction.list_workspaces().await.unwrap(), [strict(), workspace()]);
    let again = transaction.insert_workspace(&strict(), NOW).await;
    assert!(matches!(again, Err(StorageError::Exists)), "{again:?}");
}

on_both!(everybody_has_one_personal_workspace);
async fn everybody_has_one_personal_workspace(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    assert_eq!(transaction.find_personal_workspace(&user().subject).await.unwrap(), Some(workspace()));

    let second = Workspace { id: WorkspaceId::new("x"), ..workspace() };
    let second = transaction.insert_workspace(&second, NOW).await;

    assert!(matches!(second, Err(StorageError::Exists)), "{second:?}");
}

on_both!(i_69_members_are_found_in_their_own_workspaces_alone);
async fn i_69_members_are_found_in_their_own_workspaces_alone(database: Database) {
    let database = with_shared(database).await;
    let mut transaction = database.begin().await;
    let (mia, id) = (user().subject, WorkspaceId::new("s"));
    transaction.insert_member(&id, &mia, Role::Member, NOW).await.unwrap();
    transaction.insert_member(&id, &zoe().subject, Role::Owner, NOW).await.unwrap();
    transaction.set_role(&id, &mia, Role::Admin).await.unwrap();
    transaction.set_user_status(&zoe().subject, UserStatus::Disabled).await.unwrap();

    let personal = Membership { workspace: workspace(), role: Role::Owner };
    let joined = Membership { workspace: shared("s", "Strict"), role: Role::Admin };
    assert_eq!(transaction.list_memberships(&mia).await.unwrap(), [personal, joined.clone()]);
    assert_eq!(transaction.find_membership(&id, &mia).await.unwrap(), Some(joined));
    assert_eq!(transaction.find_membership(&workspace().id, &zoe().subject).await.unwrap(), None);
    let disabled = User { status: UserStatus::Disabled, ..zoe() };
    let members = [member(&user(), Role::Admin), member(&disabled, Role::Owner)];
    assert_eq!(transaction.list_members(&id).await.unwrap(), members);
    assert_eq!(transaction.list_members(&workspace().id).await.unwrap(), [member(&user(), Role::Owner)]);

    transaction.delete_member(&id, &mia).await.unwrap();
    assert_eq!(transaction.find_membership(&id, &mia).await.unwrap(), None);
    assert_eq!(transaction.list_members(&workspace().id).await.unwrap().len(), 1);
}

on_both!(i_70_an_address_has_one_invitation_to_a_workspace_and_a_link_is_worth_one);
async fn i_70_an_address_has_one_invitation_to_a_workspace_and_a_link_is_worth_one(database: Database) {
    let database = with_shared(database).await;
    let mut transaction = database.begin().await;
    let (first, second) =
        (invitation(1, "a@x.example", Role::Admin), invitation(2, "a@x.example", Role::Member));
    let other = invitation(3, "b@x.example", Role::Member);
    for invitation in [&first, &second, &other] {
        transaction.replace_invitation(invitation).await.unwrap();
    }

    assert_eq!(transaction.find_invitation(&first.digest).await.unwrap(), None);
    assert_eq!(transaction.find_invitation(&second.digest).await.unwrap(), Some(second.clone()));
    let id = WorkspaceId::new("s");
    assert_eq!(transaction.list_invitations(&id, NOW).await.unwrap(), [second.clone(), other.clone()]);
    assert_eq!(
        transaction.list_invitations(&id, second.expires_at).await.unwrap(),
        std::slice::from_ref(&other)
    );
    assert_eq!(transaction.list_invitations(&workspace().id, NOW).await.unwrap(), []);

    assert!(
        !transaction.delete_invitation(&workspace().id, second.id).await.unwrap(),
        "of another workspace"
    );
    assert!(transaction.delete_invitation(&id, second.id).await.unwrap());
    assert!(!transaction.delete_invitation(&id, second.id).await.unwrap());
    assert_eq!(transaction.forget_invitations(other.expires_at, 9).await.unwrap(), 0);
    assert_eq!(
        transaction.forget_invitations(other.expires_at.plus(Duration::from_secs(1)), 9).await.unwrap(),
        1
    );
}

on_both!(i_72_what_somebody_has_in_one_workspace_ends_and_nothing_elsewhere);
async fn i_72_what_somebody_has_in_one_workspace_ends_and_nothing_elsewhere(database: Database) {
    let database = with_shared(database).await;
    let mut transaction = database.begin().await;
    let id = WorkspaceId::new("s");
    let family = |number: u32, workspace: &str, subject: &str| RefreshFamily {
        id: keyfob_issuer_core::FamilyId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap(),
        workspace_id: WorkspaceId::new(workspace),
        subject: Subject::new(subject),
        ..family()
    };
    for family in [family(1, "s", "u"), family(2, "w", "u"), family(3, "s", "z")] {
        transaction
            .insert_family(&family, &Origin::default(), &refresh_digest(&family.id.to_string()), NOW)
            .await
            .unwrap();
    }

    transaction.end_everything_in(&id, &user().subject, NOW).await.unwrap();

    let expected = [FamilyStatus::Revoked, FamilyStatus::Live, FamilyStatus::Live];
    for (number, expected) in (1..).zip(expected) {
        let digest = refresh_digest(&family(number, "", "").id.to_string());
        let (_, found) = transaction.find_refresh_token(&digest).await.unwrap().unwrap();
        assert_eq!(found.status, expected, "{number}");
    }
}

on_both!(i_70_who_changes_the_members_of_one_workspace_takes_turns);
async fn i_70_who_changes_the_members_of_one_workspace_takes_turns(database: Database) {
    let database = with_shared(database).await;
    let mut first = database.begin().await;
    first.lock_workspace(&WorkspaceId::new("s")).await.unwrap();
    let storage = database.storage.clone();
    let waiting = tokio::spawn(async move {
        let mut second = keyfob_issuer_core::storage::Storage::begin(&storage).await.unwrap();
        second.lock_workspace(&WorkspaceId::new("s")).await.unwrap();
        members(&mut *second).await
    });
    tokio::task::yield_now().await;

    first.insert_member(&WorkspaceId::new("s"), &zoe().subject, Role::Owner, NOW).await.unwrap();
    assert!(!waiting.is_finished());
    first.commit().await.unwrap();

    assert_eq!(waiting.await.unwrap(), [member(&zoe(), Role::Owner)], "it sees what the first has done");
}

async fn members(transaction: &mut dyn Transaction) -> Vec<Member> {
    transaction.list_members(&WorkspaceId::new("s")).await.unwrap()
}

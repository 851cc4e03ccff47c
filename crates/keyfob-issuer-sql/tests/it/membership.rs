//! The operations by which people look after a workspace, over this storage.

use crate::fixture::{Database, NOW, on_both, user};
use keyfob_issuer_core::InvitationId;
use keyfob_issuer_core::operation::{
    Actor, By, WorkspaceError, add_workspace, change_role, change_settings, invite, remove_member, take_back,
    view_workspace,
};
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_core::user::{Email, User, UserStatus};
use keyfob_issuer_core::workspace::{Role, Setting, WorkspaceName};
use keyfob_oauth::{Entropy, EntropyError, Subject, WorkspaceId};
use tokio::task::JoinSet;

/// One byte over and over: for tests that make one thing of a kind.
#[derive(Debug)]
struct Same(u8);

impl Entropy for Same {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0);
        Ok(())
    }
}

/// The workspace Blue with one person of each role, beside Mia, who has another workspace.
struct Blue {
    database: Database,
    id: WorkspaceId,
}

const OWNER: &str = "owner";
const ADMIN: &str = "admin";
const MEMBER: &str = "member";
/// Mia's subject.
const NOBODY: &str = "u";

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.org")).unwrap()
}

fn subject(name: &str) -> Subject {
    Subject::new(name)
}

fn by(subject: &Subject) -> By<'_> {
    By { actor: Actor::Member(subject), ..By::operator(NOW) }
}

impl Blue {
    async fn build(database: Database) -> Self {
        let database = database.with_user().await;
        let mut transaction = database.begin().await;
        for name in [OWNER, ADMIN, MEMBER] {
            let person = User { subject: subject(name), email: email(name), ..user() };
            transaction.insert_user(&person).await.unwrap();
        }
        transaction.commit().await.unwrap();
        let name = WorkspaceName::parse("Blue").unwrap();
        let blue = add_workspace(&database.storage, &Same(1), &By::operator(NOW), name, &email(OWNER))
            .await
            .unwrap();
        let mut transaction = database.begin().await;
        for (name, role) in [(ADMIN, Role::Admin), (MEMBER, Role::Member)] {
            transaction.insert_member(&blue.id, &subject(name), role, NOW).await.unwrap();
        }
        transaction.commit().await.unwrap();
        Self { database, id: blue.id }
    }

    async fn change(&self, actor: &str, target: &str, role: Role) -> Result<(), WorkspaceError> {
        let actor = subject(actor);
        change_role(&self.database.storage, &by(&actor), &self.id, &subject(target), role).await
    }

    async fn remove(&self, actor: &str, target: &str) -> Result<(), WorkspaceError> {
        let actor = subject(actor);
        remove_member(&self.database.storage, &by(&actor), &self.id, &subject(target)).await
    }

    async fn invite(&self, actor: &str, role: Role) -> Result<InvitationId, WorkspaceError> {
        let (actor, storage) = (subject(actor), &self.database.storage);
        let guest = email("guest");
        let invited = invite(storage, &Same(2), &by(&actor), &self.id, &guest, role).await?;
        Ok(invited.invitation.id)
    }

    async fn set(&self, actor: &str, key: &str, value: &str) -> Result<(), WorkspaceError> {
        let actor = subject(actor);
        let settings = [Setting::parse(key, value).unwrap()];
        change_settings(&self.database.storage, &by(&actor), &self.id, &settings).await.map(drop)
    }

    /// Returns who is what, as the operator sees it.
    async fn roles(&self) -> Vec<(String, Role)> {
        let storage = &self.database.storage;
        let view = view_workspace(storage, Actor::Operator, NOW, &self.id).await.unwrap();
        view.members.into_iter().map(|member| (member.subject.to_string(), member.role)).collect()
    }
}

fn all() -> Vec<(String, Role)> {
    [(ADMIN, Role::Admin), (MEMBER, Role::Member), (OWNER, Role::Owner)]
        .map(|(name, role)| (name.to_owned(), role))
        .to_vec()
}

macro_rules! assert_refused {
    ($outcome:expr, $error:pat) => {
        let outcome = $outcome;
        assert!(matches!(outcome, Err($error)), "{outcome:?}");
    };
}

on_both!(i_70_nobody_gains_what_their_role_does_not_let_them);
async fn i_70_nobody_gains_what_their_role_does_not_let_them(database: Database) {
    let blue = Blue::build(database).await;

    assert_refused!(blue.change(ADMIN, ADMIN, Role::Owner).await, WorkspaceError::Forbidden);
    assert_refused!(blue.change(ADMIN, MEMBER, Role::Owner).await, WorkspaceError::Forbidden);
    assert_refused!(blue.change(ADMIN, OWNER, Role::Member).await, WorkspaceError::Forbidden);
    assert_refused!(blue.remove(ADMIN, OWNER).await, WorkspaceError::Forbidden);
    assert_refused!(blue.invite(ADMIN, Role::Owner).await, WorkspaceError::Forbidden);
    assert_refused!(blue.set(ADMIN, "data_sharing", "on").await, WorkspaceError::Forbidden);
    for (target, role) in [(MEMBER, Role::Admin), (ADMIN, Role::Member), (OWNER, Role::Owner)] {
        assert_refused!(blue.change(MEMBER, target, role).await, WorkspaceError::Forbidden);
    }
    assert_refused!(blue.remove(MEMBER, ADMIN).await, WorkspaceError::Forbidden);
    assert_refused!(blue.remove(MEMBER, NOBODY).await, WorkspaceError::Forbidden);
    assert_refused!(blue.invite(MEMBER, Role::Member).await, WorkspaceError::Forbidden);
    assert_refused!(blue.set(MEMBER, "mfa", "cloud").await, WorkspaceError::Forbidden);

    assert_eq!(blue.roles().await, all());
    blue.change(ADMIN, MEMBER, Role::Admin).await.unwrap();
    blue.change(MEMBER, ADMIN, Role::Member).await.unwrap();
    blue.remove(ADMIN, ADMIN).await.unwrap();
    blue.set(MEMBER, "mfa", "always").await.unwrap();
    assert_refused!(blue.set(OWNER, "methods", "sso").await, WorkspaceError::NobodyCouldSignIn);
    let left = [(MEMBER.to_owned(), Role::Admin), (OWNER.to_owned(), Role::Owner)];
    assert_eq!(blue.roles().await, left);
}

on_both!(i_69_to_others_a_workspace_is_as_unknown_as_one_that_never_was);
async fn i_69_to_others_a_workspace_is_as_unknown_as_one_that_never_was(database: Database) {
    let blue = Blue::build(database).await;
    let invitation = blue.invite(OWNER, Role::Owner).await.unwrap();
    let nobody = subject(NOBODY);
    let nobody = by(&nobody);
    let storage = &blue.database.storage;

    for id in [blue.id.clone(), WorkspaceId::new("never")] {
        let blue = Blue {
            id: id.clone(),
            database: Database { storage: storage.clone(), place: crate::fixture::Place::file() },
        };
        assert_refused!(view_workspace(storage, nobody.actor, NOW, &id).await, WorkspaceError::NotFound);
        assert_refused!(blue.change(NOBODY, NOBODY, Role::Owner).await, WorkspaceError::NotFound);
        assert_refused!(blue.remove(NOBODY, OWNER).await, WorkspaceError::NotFound);
        assert_refused!(blue.remove(NOBODY, NOBODY).await, WorkspaceError::NotFound);
        assert_refused!(blue.invite(NOBODY, Role::Member).await, WorkspaceError::NotFound);
        assert_refused!(blue.set(NOBODY, "mfa", "cloud").await, WorkspaceError::NotFound);
        assert_refused!(take_back(storage, &nobody, &id, invitation).await, WorkspaceError::NotFound);
    }
    // Nor does somebody learn, in their own workspace, of what is in another.
    let own = WorkspaceId::new("w");
    assert_refused!(take_back(storage, &nobody, &own, invitation).await, WorkspaceError::NotFound);
    assert_refused!(
        change_role(storage, &nobody, &own, &subject(OWNER), Role::Owner).await,
        WorkspaceError::Personal
    );
    assert_eq!(blue.roles().await, all());
}

on_both!(i_70_the_last_owner_stays);
async fn i_70_the_last_owner_stays(database: Database) {
    let blue = Blue::build(database).await;

    assert_refused!(blue.remove(OWNER, OWNER).await, WorkspaceError::LastOwner);
    assert_refused!(blue.change(OWNER, OWNER, Role::Admin).await, WorkspaceError::LastOwner);
    blue.change(OWNER, ADMIN, Role::Owner).await.unwrap();
    let mut transaction = blue.database.begin().await;
    transaction.set_user_status(&subject(ADMIN), UserStatus::Locked).await.unwrap();
    transaction.commit().await.unwrap();
    assert_refused!(blue.remove(OWNER, OWNER).await, WorkspaceError::LastOwner);
    let mut transaction = blue.database.begin().await;
    transaction.set_user_status(&subject(ADMIN), UserStatus::Active).await.unwrap();
    transaction.commit().await.unwrap();

    blue.remove(OWNER, OWNER).await.unwrap();
    assert_refused!(blue.remove(ADMIN, ADMIN).await, WorkspaceError::LastOwner);
}

on_both!(i_70_of_two_owners_who_leave_or_demote_each_other_at_once_one_stays);
async fn i_70_of_two_owners_who_leave_or_demote_each_other_at_once_one_stays(database: Database) {
    let blue = Blue::build(database).await;
    let (owner, admin) = (subject(OWNER), subject(ADMIN));
    for round in 0..10 {
        for subject in [&owner, &admin] {
            let mut transaction = blue.database.begin().await;
            transaction.delete_member(&blue.id, subject).await.unwrap();
            transaction.insert_member(&blue.id, subject, Role::Owner, NOW).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let mut tasks = JoinSet::new();
        for (actor, target) in [(owner.clone(), admin.clone()), (admin.clone(), owner.clone())] {
            let (storage, id) = (blue.database.storage.clone(), blue.id.clone());
            tasks.spawn(async move {
                let who = by(&actor);
                match round % 2 {
                    0 => remove_member(&storage, &who, &id, &actor).await,
                    _ => change_role(&storage, &who, &id, &target, Role::Member).await,
                }
            });
        }

        let outcomes = tasks.join_all().await;

        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let owners = blue.roles().await.iter().filter(|(_, role)| *role == Role::Owner).count();
        assert_eq!(owners, 1, "{round}");
    }
    assert!(blue.database.storage.begin().await.is_ok());
}

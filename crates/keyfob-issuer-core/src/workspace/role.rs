//! What somebody may do in a workspace (I-70).

use super::Word;

/// What somebody is in a workspace; who may more is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Uses it.
    Member,
    /// Decides who uses it, and how.
    Admin,
    /// Decides about the administrators too; a workspace has one at least.
    Owner,
}

impl Word for Role {
    const ALL: &'static [Self] = &[Self::Member, Self::Admin, Self::Owner];

    fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// What can be done in a workspace beside using it and leaving it, which everybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See members, invitations and policy.
    SeeSettings,
    /// Invite people, and take invitations back.
    Invite,
    /// Change what others are, and remove them.
    ChangeMembers,
    /// Change the policy.
    ChangePolicy,
    /// Change what its API keys are subject to.
    ChangeOrganisation,
    /// Call it otherwise.
    Rename,
}

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 6] = [
        Self::SeeSettings,
        Self::Invite,
        Self::ChangeMembers,
        Self::ChangePolicy,
        Self::ChangeOrganisation,
        Self::Rename,
    ];
}

impl Role {
    /// Whether somebody of this role may do that; the whole table.
    pub const fn may(self, permission: Permission) -> bool {
        match (self, permission) {
            (
                Self::Owner,
                Permission::SeeSettings
                | Permission::Invite
                | Permission::ChangeMembers
                | Permission::ChangePolicy
                | Permission::ChangeOrganisation
                | Permission::Rename,
            )
            | (
                Self::Admin,
                Permission::SeeSettings
                | Permission::Invite
                | Permission::ChangeMembers
                | Permission::ChangePolicy,
            ) => true,
            (Self::Admin, Permission::ChangeOrganisation | Permission::Rename)
            | (
                Self::Member,
                Permission::SeeSettings
                | Permission::Invite
                | Permission::ChangeMembers
                | Permission::ChangePolicy
                | Permission::ChangeOrganisation
                | Permission::Rename,
            ) => false,
        }
    }

    /// Whether somebody of this role may invite people as `role`: as none above their own.
    pub fn may_invite_as(self, role: Self) -> bool {
        self.may(Permission::Invite) && role <= self
    }

    /// Whether somebody of this role may make a `before` an `after`, themselves included: neither may be above their
    /// own role.
    pub fn may_change(self, before: Self, after: Self) -> bool {
        self.may(Permission::ChangeMembers) && before <= self && after <= self
    }

    /// Whether somebody of this role may remove another who is a `role`.
    pub fn may_remove(self, role: Self) -> bool {
        self.may(Permission::ChangeMembers) && role <= self
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Member, Owner};
    use super::*;

    #[test]
    fn i_70_nobody_grants_takes_or_removes_a_role_above_their_own() {
        let allowed = |check: fn(Role, Role, Role) -> bool| -> Vec<(Role, Role, Role)> {
            let mut allowed = Vec::new();
            for actor in Role::ALL.iter().copied() {
                for before in Role::ALL.iter().copied() {
                    let after = Role::ALL.iter().copied().filter(|after| check(actor, before, *after));
                    allowed.extend(after.map(|after| (actor, before, after)));
                }
            }
            allowed
        };

        let changes = allowed(Role::may_change);
        let by_admin = changes.iter().filter(|(actor, ..)| *actor == Admin).map(|(_, b, a)| (*b, *a));
        let admins = [(Member, Member), (Member, Admin), (Admin, Member), (Admin, Admin)];
        assert_eq!(by_admin.collect::<Vec<_>>(), admins);
        assert!(changes.iter().all(|(actor, ..)| *actor != Member));
        assert_eq!(changes.len(), admins.len() + 9);
        for (actor, role) in [(Admin, Owner), (Member, Member), (Member, Owner)] {
            assert!(!actor.may_invite_as(role) && !actor.may_remove(role), "{actor:?} {role:?}");
        }
        for (actor, role) in [(Admin, Admin), (Admin, Member), (Owner, Owner)] {
            assert!(actor.may_invite_as(role) && actor.may_remove(role), "{actor:?} {role:?}");
        }
    }

    #[test]
    fn i_70_a_member_may_nothing_and_an_owner_everything() {
        let count = |role: Role| Permission::ALL.iter().filter(|permission| role.may(**permission)).count();

        assert_eq!([Member, Admin, Owner].map(count), [0, 4, Permission::ALL.len()]);
    }
}

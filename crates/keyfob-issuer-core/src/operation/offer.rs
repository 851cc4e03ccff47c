//! Which workspaces somebody may choose from.

use crate::operation::grantee::{Asked, GrantRefusal, Grantee, Way};
use crate::operation::person::Person;
use crate::user::DeviceCodes;
use crate::workspace::{AllowedWorkspaces, DevicePolicy, Membership, Role, Workspace};
use keyfob_oauth::{Scope, Timestamp, WorkspaceId};

/// A workspace that somebody is in, for a client that takes tokens for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which.
    pub workspace: Workspace,
    /// As what they are in it.
    pub role: Role,
    /// Why it cannot be chosen, if it cannot.
    pub refusal: Option<GrantRefusal>,
}

/// What asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    /// A program, through a browser.
    Program,
    /// A device, by a code.
    Device,
}

/// How many of the offers can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// None can.
    Impossible,
    /// Several can, and none is chosen.
    Open,
    /// One is chosen, or no other can be.
    Made,
}

/// Returns the workspaces of `person` for a client that takes tokens for `allowed`.
///
/// A second factor that is missing stands in the way of none: the sign-in asks for it once one is chosen. Nor does a
/// person's own switch for device codes, which letting a device in turns on.
pub(crate) fn offers(
    person: &Person,
    memberships: Vec<Membership>,
    asker: Asker,
    scope: &Scope,
    allowed: &AllowedWorkspaces,
    now: Timestamp,
) -> Vec<Offer> {
    let wish = Asked { amr: person.session.proof.amr(), scope, allowed };
    let memberships = memberships.into_iter().filter(|membership| allowed.contains(&membership.workspace.id));
    memberships
        .map(|Membership { workspace, role }| {
            let mut grantee = Grantee { user: person.user.clone(), workspace, role };
            let way = match asker {
                Asker::Program => Way::Browser(wish),
                Asker::Device => Way::Device(wish),
            };
            turn_on(&mut grantee);
            let refusal = match grantee.check(way, now) {
                Ok(_) | Err(GrantRefusal::SecondFactorMissing) => None,
                Err(refusal) => Some(refusal),
            };
            Offer { workspace: grantee.workspace, role, refusal }
        })
        .collect()
}

/// Turns the person's own switch for device codes on, where it is the one that counts.
pub(crate) fn turn_on(grantee: &mut Grantee) {
    match grantee.workspace.policy.device_codes {
        DevicePolicy::ByPerson => grantee.user.device_codes = DeviceCodes::On,
        DevicePolicy::Off | DevicePolicy::On => {}
    }
}

/// Returns the workspace that is meant: the one that `chosen` names, or the only one that can be chosen.
pub(crate) fn selected<'a>(offers: &'a [Offer], chosen: Option<&WorkspaceId>) -> (Choice, Option<&'a Offer>) {
    let mut possible = offers.iter().filter(|offer| offer.refusal.is_none());
    let named = chosen.and_then(|id| possible.clone().find(|offer| offer.workspace.id == *id));
    match (named, possible.next(), possible.next()) {
        (Some(named), _, _) => (Choice::Made, Some(named)),
        (None, Some(only), None) => (Choice::Made, Some(only)),
        (None, Some(_), Some(_)) => (Choice::Open, None),
        (None, None, _) => (Choice::Impossible, None),
    }
}

//! Signing in, as one state machine: every page asks it what comes next, every operation whether it may run (I-57).
//!
//! A state is not kept anywhere. It follows from what rests in the database (which factors the account has, what this
//! browser's session has proven and when) and from what is asked for. So neither going back, nor another tab, nor
//! starting again can take a step away.

use crate::amr::Amr;
use crate::workspace::Membership;
use keyfob_oauth::{Capability, Scope, Timestamp};
use std::time::Duration;

/// The word of a scope that stands for the cloud capabilities.
pub const CLOUD: &str = Capability::Cloud.scope();

/// Whether a factor may still be set up: after the password, long enough to install an app.
const SET_UP_WITHIN: Duration = Duration::from_mins(15);
/// How fresh a proof must be to let a device in (I-46).
const DEVICE_WITHIN: Duration = Duration::from_mins(15);
/// How fresh a proof must be to change factors or the password (I-58).
const CHANGE_WITHIN: Duration = Duration::from_mins(5);

/// When a workspace wants a second factor, of an account that can sign in with a password (design S9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaPolicy {
    /// Before the cloud capabilities.
    Cloud,
    /// Before everything.
    Always,
}

impl MfaPolicy {
    /// Every policy there is.
    pub const ALL: [Self; 2] = [Self::Cloud, Self::Always];

    /// Whether a second factor is wanted before `scope` is granted.
    pub fn wants_second_factor(self, scope: &Scope) -> bool {
        match self {
            Self::Always => true,
            Self::Cloud => scope.contains(CLOUD),
        }
    }

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Always => "always",
        }
    }

    /// Returns the policy that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// What is asked of a sign-in before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    second_factor: SecondFactor,
    within: Option<Duration>,
    since: Option<Timestamp>,
}

/// Whether a second factor is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecondFactor {
    /// From an account that has one.
    IfEnrolled,
    /// From every account; one without sets it up.
    Required,
}

impl Demand {
    /// What a client's request for `scope` asks, for a workspace with `policy`.
    pub fn of_grant(scope: &Scope, policy: MfaPolicy) -> Self {
        let second_factor =
            if policy.wants_second_factor(scope) { SecondFactor::Required } else { SecondFactor::IfEnrolled };
        Self { second_factor, within: None, since: None }
    }

    /// The same of a sign-in that began at `moment` or later, if one is named.
    #[must_use]
    pub const fn since(self, moment: Option<Timestamp>) -> Self {
        Self { since: moment, ..self }
    }

    /// What letting a device in asks.
    pub fn of_device(scope: &Scope, policy: MfaPolicy) -> Self {
        Self { within: Some(DEVICE_WITHIN), ..Self::of_grant(scope, policy) }
    }

    /// What the page of devices asks of somebody who is in these workspaces: what each of them asks, before it is known
    /// for which the device is.
    pub fn of_devices(scope: &Scope, memberships: &[Membership]) -> Self {
        let wants = |membership: &Membership| membership.workspace.policy.mfa.wants_second_factor(scope);
        let by_all = !memberships.is_empty() && memberships.iter().all(wants);
        Self::of_device(scope, if by_all { MfaPolicy::Always } else { MfaPolicy::Cloud })
    }

    /// What looking at one's own account asks.
    pub const fn of_account() -> Self {
        Self { second_factor: SecondFactor::IfEnrolled, within: None, since: None }
    }

    /// What changing one's own account asks.
    pub const fn of_change() -> Self {
        Self { second_factor: SecondFactor::IfEnrolled, within: Some(CHANGE_WITHIN), since: None }
    }

    /// What making keys asks, for the personal workspace among these: they outlive the sign-in, so it has to be a fresh
    /// one.
    pub fn of_keys(memberships: &[Membership]) -> Self {
        let personal = memberships.iter().find(|membership| membership.workspace.is_personal());
        let policy = personal.map_or(MfaPolicy::Always, |membership| membership.workspace.policy.mfa);
        Self { within: Some(CHANGE_WITHIN), ..Self::of_grant(&Scope::default(), policy) }
    }

    /// What looking after a workspace asks (I-71).
    pub const fn of_administration() -> Self {
        Self { second_factor: SecondFactor::Required, within: Some(DEVICE_WITHIN), since: None }
    }

    /// What setting a second factor up asks of an account that has none.
    pub const fn of_set_up() -> Self {
        Self { second_factor: SecondFactor::Required, within: Some(SET_UP_WITHIN), since: None }
    }
}

/// Whether an account has a second factor; the stronger is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enrolled {
    /// A password alone.
    Nothing,
    /// A second factor beside it.
    SecondFactor,
}

/// What a browser's session has proven, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The password.
    pub password_at: Timestamp,
    /// A second factor.
    pub second_factor_at: Option<Timestamp>,
}

impl Proof {
    /// What a session begins with: the password alone, whatever an earlier one had proven.
    pub const fn of_password(at: Timestamp) -> Self {
        Self { password_at: at, second_factor_at: None }
    }

    /// Returns what the claim `amr` says of it.
    pub const fn amr(self) -> Amr {
        match self.second_factor_at {
            Some(_) => Amr::PasswordAndSecondFactor,
            None => Amr::Password,
        }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has proven a password, or too long ago for what is asked.
    Anonymous,
    /// The account's second factor is asked for.
    SecondFactor,
    /// The account must set a second factor up.
    SetUp,
    /// Everything that is asked was proven.
    Proven,
}

/// What happens to a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The password was right.
    Password,
    /// The second factor was right.
    SecondFactor,
    /// A second factor was set up, or replaced, and was right.
    SetUp,
}

/// The event does not belong to the state; nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {event:?} does not follow {state:?}")]
pub struct OutOfTurn {
    event: Event,
    state: State,
}

/// A sign-in at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// What the account has.
    pub enrolled: Enrolled,
    /// What the browser's session has proven.
    pub proof: Option<Proof>,
}

impl SignIn {
    /// Takes `event` at `now` under `demand`; what does not belong there is refused.
    pub fn step(self, event: Event, demand: Demand, now: Timestamp) -> Result<Self, OutOfTurn> {
        let state = self.state(demand, now);
        match (event, self.proof, state) {
            (Event::Password, _, State::Anonymous) => {
                Ok(Self { proof: Some(Proof::of_password(now)), ..self })
            }
            // Proving it again is how a proof becomes fresh.
            (Event::SecondFactor, Some(proof), State::SecondFactor | State::Proven)
                if self.enrolled == Enrolled::SecondFactor =>
            {
                Ok(Self { proof: Some(Proof { second_factor_at: Some(now), ..proof }), ..self })
            }
            // Only who has proven all that the account has may add to it or replace it.
            (Event::SetUp, Some(proof), State::SetUp | State::Proven) => Ok(Self {
                enrolled: Enrolled::SecondFactor,
                proof: Some(Proof { second_factor_at: Some(now), ..proof }),
            }),
            (Event::Password | Event::SecondFactor | Event::SetUp, _, _) => Err(OutOfTurn { event, state }),
        }
    }

    /// Decides what comes next under `demand`.
    pub fn state(self, demand: Demand, now: Timestamp) -> State {
        let is_fresh = |at: Timestamp| demand.within.is_none_or(|within| now.since(at) <= within);
        let Some(proof) = self.proof else { return State::Anonymous };
        // A sign-in that is too old for the request is none, however fresh its second factor: tokens tell its time.
        if demand.since.is_some_and(|since| proof.password_at < since) {
            return State::Anonymous;
        }
        match (self.enrolled, demand.second_factor) {
            (Enrolled::SecondFactor, _) if proof.second_factor_at.is_some_and(is_fresh) => State::Proven,
            (Enrolled::SecondFactor, _) => State::SecondFactor,
            (Enrolled::Nothing, _) if !is_fresh(proof.password_at) => State::Anonymous,
            (Enrolled::Nothing, SecondFactor::IfEnrolled) => State::Proven,
            // Who finds an open browser must not make the account theirs.
            (Enrolled::Nothing, SecondFactor::Required) if now.since(proof.password_at) > SET_UP_WITHIN => {
                State::Anonymous
            }
            (Enrolled::Nothing, SecondFactor::Required) => State::SetUp,
        }
    }
}

#[cfg(test)]
mod tests;

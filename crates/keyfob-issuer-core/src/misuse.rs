//! Codes that count, in hands that may not have them (security I-05, I-48).
//!
//! Device codes are the same. Such a try spends nothing: a code is no secret of the client's (RFC 7636 §1), so whoever saw it pass could otherwise take
//! a sign-in away from the person. It is told to the audit trail, once for each code and client, with how often it was tried until
//! then, and beside the answer: a write that
//! the answer waited for would tell a code that counts from one that nobody made by the time it takes (I-37).

use crate::GrantId;
use crate::audit::{AuditEvent, Circumstance};
use crate::digest::DeviceAuthDigest;
use crate::lifetime;
use keyfob_oauth::{ClientId, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What was tried, and has to be told or was told a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Misuses(Mutex<Noted>);

/// Each kind has room of its own: whoever wears out that of devices, which anybody may start, hides nothing about grants.
#[derive(Debug, Default)]
struct Noted {
    grants: HashMap<Misused, Misuse>,
    devices: HashMap<Misused, Misuse>,
}

/// A code that counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Misused {
    /// That of a grant.
    Grant(GrantId),
    /// That of a device, in the hands of this client.
    Device(DeviceAuthDigest, ClientId),
}

impl Misused {
    /// Returns how long it counts at most.
    const fn life(&self) -> Duration {
        match self {
            Self::Grant(_) => lifetime::CODE,
            Self::Device(_, _) => lifetime::USER_CODE,
        }
    }
}

/// A try.
#[derive(Clone, Debug)]
pub(crate) struct Misuse {
    pub(crate) at: Timestamp,
    pub(crate) circumstance: Circumstance,
    event: AuditEvent,
    tries: u32,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Not,
    Yes,
}

/// So many of a kind are told at once, and no more: each is of a code that somebody's sign-in has just made.
const MOST: usize = 1_024;

impl Noted {
    fn of_kind(&mut self, code: &Misused) -> &mut HashMap<Misused, Misuse> {
        match code {
            Misused::Grant(_) => &mut self.grants,
            Misused::Device(_, _) => &mut self.devices,
        }
    }
}

impl Misuses {
    /// Notes a try, or counts it if one with the same code was noted before.
    pub(crate) fn note(&self, code: Misused, at: Timestamp, circumstance: Circumstance, event: AuditEvent) {
        let mut noted = self.noted();
        let noted = noted.of_kind(&code);
        let is_full = noted.len() >= MOST;
        match noted.entry(code) {
            Entry::Occupied(mut known) => {
                let misuse = known.get_mut();
                misuse.tries = misuse.tries.saturating_add(1);
            }
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(place) => {
                place.insert(Misuse { at, circumstance, event, tries: 1, told: Told::Not });
            }
        }
    }

    /// Returns what is to be told, and forgets what was told of codes that are over at `now`.
    pub(crate) fn untold(&self, now: Timestamp) -> Vec<(Misused, Misuse)> {
        let mut noted = self.noted();
        let Noted { grants, devices } = &mut *noted;
        for noted in [&mut *grants, &mut *devices] {
            noted.retain(|code, misuse| misuse.told == Told::Not || now < misuse.at.plus(code.life()));
        }
        let untold = grants.iter().chain(&*devices).filter(|(_, misuse)| misuse.told == Told::Not);
        let mut untold: Vec<_> = untold.map(|(code, misuse)| (code.clone(), misuse.clone())).collect();
        untold.sort_by_key(|(_, misuse)| misuse.at);
        untold
    }

    /// Notes that the try with a code was told.
    pub(crate) fn note_told(&self, code: &Misused) {
        if let Some(misuse) = self.noted().of_kind(code).get_mut(code) {
            misuse.told = Told::Yes;
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Misuse {
    /// Returns what the audit trail is told.
    pub(crate) fn event(&self) -> AuditEvent {
        match (&self.event.detail, self.tries) {
            (Some(detail), tries @ 2..) => self.event.clone().saying(format!("{detail}, {tries} times")),
            (Some(_) | None, _) => self.event.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Action;
    use crate::digest::DeviceAuthId;
    use keyfob_oauth::Secret;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn code(number: usize) -> Misused {
        Misused::Grant(GrantId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap())
    }

    fn note(misuses: &Misuses, number: usize, at: Timestamp) {
        let event = AuditEvent::refused(Action::BeginSession).saying("a code");
        misuses.note(code(number), at, Circumstance::default(), event);
    }

    #[test]
    fn i_05_of_however_many_tries_with_one_code_one_is_told() {
        let misuses = Misuses::default();
        for _ in 0..9 {
            note(&misuses, 1, NOW);
        }
        let untold = misuses.untold(NOW);
        assert_eq!(untold.iter().map(|(code, _)| code.clone()).collect::<Vec<_>>(), [code(1)]);
        assert_eq!(untold[0].1.event().detail.as_deref(), Some("a code, 9 times"));

        misuses.note_told(&code(1));
        note(&misuses, 1, NOW);

        assert!(misuses.untold(NOW).is_empty());
        assert!(misuses.untold(NOW.plus(lifetime::CODE)).is_empty());
        assert!(misuses.noted().grants.is_empty(), "the code is over");
    }

    #[test]
    fn i_05_what_was_not_told_stays_and_what_is_kept_is_bounded() {
        let misuses = Misuses::default();
        for number in 0..2 * MOST {
            note(&misuses, number, NOW);
        }

        assert_eq!(misuses.untold(NOW.plus(lifetime::CODE)).len(), MOST);
        assert_eq!(misuses.noted().grants.len(), MOST);
    }

    #[test]
    fn i_05_i_48_however_many_device_codes_are_misused_what_is_told_of_grants_has_room() {
        let misuses = Misuses::default();
        let client = ClientId::new("other");
        for number in 0..2 * MOST {
            let device = DeviceAuthDigest::of(&DeviceAuthId::from(Secret::new(number.to_string())));
            let event = AuditEvent::refused(Action::BeginSession).saying("a device code");
            let of_device = Misused::Device(device, client.clone());
            misuses.note(of_device, NOW, Circumstance::default(), event);
        }

        note(&misuses, 1, NOW);
        note(&misuses, 2, NOW.plus(lifetime::CODE));

        let untold = misuses.untold(NOW.plus(lifetime::CODE));
        let grants: Vec<_> =
            untold.iter().map(|(code, _)| code).filter(|code| matches!(code, Misused::Grant(_))).collect();
        assert_eq!(grants, [&code(1), &code(2)]);
        assert_eq!(untold.len(), MOST + 2);
        for (code, _) in &untold {
            misuses.note_told(code);
        }
        assert!(misuses.untold(NOW.plus(lifetime::USER_CODE * 2)).is_empty());
        assert!(misuses.noted().devices.is_empty(), "the codes are over");
    }
}

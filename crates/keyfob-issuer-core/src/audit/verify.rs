//! Whether a trail is as it was recorded, and if not, where it was changed.

use crate::audit::{Entry, Head, SignedHead, VerifyingKey};
use keyfob_oauth::Timestamp;
use std::collections::VecDeque;

/// What is wrong with a trail. An entry is named by its number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// An entry is not there.
    #[error("entry {0} is missing")]
    Missing(i64),
    /// An entry is not what follows the one before it.
    #[error("entry {0} was changed, or put in another's place")]
    Changed(i64),
    /// Entries were made anew up to their end: they hang together, and are not those that were signed.
    #[error("an entry between {after} and {until} was changed: the head signed at {} does not fit", .signed_at.as_unix())]
    Rewritten {
        /// The last signed head that fits; 0 before the first.
        after: i64,
        /// The one that does not.
        until: i64,
        /// When that was signed, in seconds since 1970.
        signed_at: Timestamp,
    },
    /// A signature is not by the key of this issuer.
    #[error("the signature of the head at entry {0} is not by this issuer's key")]
    Forged(i64),
    /// The trail is shorter or longer than the database says.
    #[error("the trail ends at entry {found}, and was left at entry {expected}")]
    OtherEnd {
        /// Where it ends.
        found: i64,
        /// Where it was left.
        expected: i64,
    },
}

/// Takes a trail in, entry by entry.
#[derive(Debug)]
pub struct Verifier {
    head: Head,
    trusted: i64,
    signed: VecDeque<SignedHead>,
}

impl Verifier {
    /// Begins before the first entry, with the heads that were signed, in their order.
    pub fn new(key: &VerifyingKey, signed: Vec<SignedHead>) -> Result<Self, Flaw> {
        match signed.iter().find(|head| !key.fits(head)) {
            Some(forged) => Err(Flaw::Forged(forged.head.sequence)),
            None => Ok(Self { head: Head::start(), trusted: 0, signed: signed.into() }),
        }
    }

    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Flaw> {
        let expected = self.head.sequence.saturating_add(1);
        if entry.sequence != expected {
            return Err(Flaw::Missing(expected));
        }
        let told = entry.read().and_then(|members| members.get("sequence")?.as_i64());
        if told != Some(expected) || !entry.follows(&self.head) {
            return Err(Flaw::Changed(expected));
        }
        self.head = entry.head();
        while let Some(signed) = self.signed.pop_front_if(|signed| signed.head.sequence <= expected) {
            if signed.head != self.head {
                let until = signed.head.sequence;
                return Err(Flaw::Rewritten { after: self.trusted, until, signed_at: signed.signed_at });
            }
            self.trusted = expected;
        }
        Ok(())
    }

    /// Ends the trail, which was left at `left`; returns its last entry and the last one that a signature covers.
    pub fn finish(self, left: &Head) -> Result<(Head, i64), Flaw> {
        let beyond = self.signed.back().map_or(0, |signed| signed.head.sequence);
        let expected = left.sequence.max(beyond);
        if expected != self.head.sequence {
            return Err(Flaw::OtherEnd { found: self.head.sequence, expected });
        }
        if left.hash != self.head.hash {
            return Err(Flaw::Changed(expected));
        }
        Ok((self.head, self.trusted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, AuditEvent, AuditKey, Circumstance};
    use crate::seal::SealKey;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn trail() -> Vec<Entry> {
        rewritten(1, Action::Backup)
    }

    /// Returns a chain that hangs together, whose entry `at` tells of `action`.
    fn rewritten(at: i64, action: Action) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut head = Head::start();
        for number in 1..=6 {
            let action = if number == at { action } else { Action::Backup };
            let entry = Entry::after(&head, NOW, &Circumstance::default(), &AuditEvent::done(action));
            head = entry.head();
            entries.push(entry);
        }
        entries
    }

    fn key(byte: u8) -> AuditKey {
        AuditKey::of(&SealKey::from_bytes(&[byte; 32]).unwrap()).unwrap()
    }

    fn verify(entries: &[Entry], signed: Vec<SignedHead>) -> Result<(Head, i64), Flaw> {
        let mut verifier = Verifier::new(&key(1).verifying_key(), signed)?;
        entries.iter().try_for_each(|entry| verifier.take(entry))?;
        verifier.finish(&trail()[5].head())
    }

    #[test]
    fn i_77_any_entry_that_is_deleted_edited_or_swapped_is_named() {
        let whole = trail();
        let signed = || [2, 4].map(|at: usize| key(1).sign(whole[at - 1].head(), NOW)).to_vec();
        assert_eq!(verify(&whole, signed()), Ok((whole[5].head(), 4)));
        assert_eq!(verify(&whole, vec![]), Ok((whole[5].head(), 0)));

        for at in 0..whole.len() {
            let number = i64::try_from(at).unwrap() + 1;
            let mut deleted = whole.clone();
            deleted.remove(at);
            let mut edited = whole.clone();
            edited[at].text = edited[at].text.replace("issuer.backup", "issuer.restore");
            let mut rehashed = edited.clone();
            let previous = if at == 0 { Head::start() } else { whole[at - 1].head() };
            rehashed[at].hash = super::super::entry::chained(&previous.hash, &rehashed[at].text);
            let mut swapped = whole.clone();
            let other = (at + 1) % whole.len();
            swapped[at].text.clone_from(&whole[other].text);
            swapped[other].text.clone_from(&whole[at].text);

            let last = at + 1 == whole.len();
            let missing = if last { Flaw::OtherEnd { found: 5, expected: 6 } } else { Flaw::Missing(number) };
            assert_eq!(verify(&deleted, signed()), Err(missing));
            assert_eq!(verify(&edited, signed()), Err(Flaw::Changed(number)));
            assert!(verify(&rehashed, signed()).is_err(), "{number}");
            assert_eq!(verify(&swapped, signed()), Err(Flaw::Changed(if last { 1 } else { number })));
        }
    }

    #[test]
    fn i_77_a_chain_that_was_made_anew_does_not_fit_what_was_signed() {
        let whole = trail();
        let signed = || [2, 4].map(|at: usize| key(1).sign(whole[at - 1].head(), NOW)).to_vec();
        let rewritten = rewritten(3, Action::Restore);

        assert_eq!(verify(&rewritten, signed()), Err(Flaw::Rewritten { after: 2, until: 4, signed_at: NOW }));
        let mut verifier = Verifier::new(&key(1).verifying_key(), signed()).unwrap();
        whole[..3].iter().for_each(|entry| verifier.take(entry).unwrap());
        let cut = verifier.finish(&whole[2].head());
        assert_eq!(cut, Err(Flaw::OtherEnd { found: 3, expected: 4 }), "the end cut off, and the note of it");
        let forged = vec![key(2).sign(rewritten[3].head(), NOW)];
        assert_eq!(verify(&rewritten, forged), Err(Flaw::Forged(4)));
    }
}

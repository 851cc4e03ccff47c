//! The sign-in of a device without a browser: a code shown there is approved here (RFC 8628, in the Codex dialect).

use crate::digest::DeviceAuthDigest;
use crate::grant::{Approval, WrongState};
use crate::workspace::AllowedWorkspaces;
use aws_lc_rs::hmac;
use keyfob_oauth::{ClientId, Entropy, EntropyError, Timestamp};

/// What a device asked for and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceGrant {
    /// How the value that the device polls with rests.
    pub digest: DeviceAuthDigest,
    /// How the code that the person types rests.
    pub user_code: UserCodeDigest,
    /// Who asked.
    pub client_id: ClientId,
    /// For which workspaces it takes tokens.
    pub allowed: AllowedWorkspaces,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What became of it.
    pub progress: DeviceProgress,
}

/// How far a device's sign-in has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceProgress {
    /// Nobody has decided.
    Pending,
    /// A user said yes; the device has not asked since.
    Approved(Approval),
    /// A user said no.
    Denied,
    /// The device was given its authorization code.
    Delivered,
}

impl DeviceGrant {
    /// The user says yes.
    pub fn approve(self, approval: Approval) -> Result<Self, WrongState> {
        self.decide(DeviceProgress::Approved(approval))
    }

    /// The user says no.
    pub fn deny(self) -> Result<Self, WrongState> {
        self.decide(DeviceProgress::Denied)
    }

    /// The device is given its code; there is no second time.
    pub fn deliver(self) -> Result<(Self, Approval), WrongState> {
        match self.progress {
            DeviceProgress::Approved(approval) => {
                Ok((Self { progress: DeviceProgress::Delivered, ..self }, approval))
            }
            DeviceProgress::Pending | DeviceProgress::Denied | DeviceProgress::Delivered => Err(WrongState),
        }
    }

    /// Whether somebody may still decide at `now`.
    pub fn is_undecided(&self, now: Timestamp) -> bool {
        self.progress == DeviceProgress::Pending && now < self.expires_at
    }

    fn decide(self, progress: DeviceProgress) -> Result<Self, WrongState> {
        match self.progress {
            DeviceProgress::Pending => Ok(Self { progress, ..self }),
            DeviceProgress::Approved(_) | DeviceProgress::Denied | DeviceProgress::Delivered => {
                Err(WrongState)
            }
        }
    }
}

/// The code that a person types: eight consonants, so that it spells no word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;

impl UserCode {
    /// Makes a new one.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut code = String::new();
        while code.len() < LETTERS {
            // 240 is the largest multiple of 20 in a byte: larger values would favour some letters.
            let bytes = entropy.bytes::<16>()?;
            let letters = bytes.iter().filter(|byte| **byte < 240);
            let letters = letters.filter_map(|byte| ALPHABET.get(usize::from(byte % 20)));
            code.extend(letters.take(LETTERS - code.len()).map(|letter| char::from(*letter)));
        }
        Ok(Self(code))
    }

    /// Parses what a person typed: case, dashes and blanks do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_uppercase())
            .take(LETTERS + 1)
            .collect();
        (code.len() == LETTERS && code.bytes().all(|b| ALPHABET.contains(&b))).then_some(Self(code))
    }

    /// Returns the form that is shown: `XXXX-XXXX`.
    pub fn shown(&self) -> String {
        let (first, second) = self.0.split_at(LETTERS / 2);
        format!("{first}-{second}")
    }
}

/// How a user code rests: authenticated under a key outside the database, since 34 bits could be tried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCodeDigest([u8; 32]);

impl UserCodeDigest {
    /// Returns the digest of `code`.
    pub fn of(code: &UserCode, key: &hmac::Key) -> Option<Self> {
        Self::from_bytes(hmac::sign(key, code.0.as_bytes()).as_ref())
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill_with(|| self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn i_44_a_user_code_is_eight_consonants_read_with_tolerance() {
        let code = UserCode::generate(&Counting(0.into())).unwrap();
        let shown = code.shown();

        assert_eq!((shown.len(), shown.find('-')), (9, Some(4)));
        assert_eq!(UserCode::parse(&shown), Some(code.clone()));
        assert_eq!(UserCode::parse(&format!(" {} ", shown.to_lowercase())), Some(code));
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "AEIO-UYBC", "BCDF-GHJ1", "ÄCDF-GHJK"] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }
}

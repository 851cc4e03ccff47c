//! Second factors: one file each. A new one is a file, a [`FactorKind`], and its line in [`FactorKind::factor`].

mod recovery;
mod totp;

pub use recovery::{RecoveryCode, RecoveryCodes};
pub use totp::{Totp, TotpOffer};

use crate::sign_in::Enrolled;
use keyfob_oauth::{Secret, Subject, Timestamp};

/// The factors there are, beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// Codes of an authenticator app (RFC 6238).
    Totp,
    /// Codes on paper, for whoever lost the app.
    Recovery,
}

/// What a factor keeps about an account. Only the factor's own file knows what it means; it rests sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose.
    pub subject: Subject,
    /// Which factor's.
    pub kind: FactorKind,
    /// What it keeps, sealed by the key outside the database.
    pub sealed: Vec<u8>,
    /// Goes up with each change, so that of two who change it at once one loses.
    pub version: i64,
    /// When it was set up.
    pub enrolled_at: Timestamp,
}

impl Enrolled {
    /// Returns what `enrolments` make of an account.
    pub(crate) fn by(enrolments: &[Enrolment]) -> Self {
        let kinds = enrolments.iter().map(|enrolment| enrolment.kind.enrols());
        kinds.max().unwrap_or(Self::Nothing)
    }
}

/// The answer is not the factor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not the factor's")]
pub struct FactorRejected;

/// How a factor tells right from wrong.
pub trait Factor: std::fmt::Debug {
    /// Tries `answer` against what is kept; returns what is kept from then on, so that no answer counts twice.
    fn verify(&self, kept: &Secret, answer: &str, now: Timestamp) -> Result<Secret, FactorRejected>;
}

impl FactorKind {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::Totp, Self::Recovery];

    /// Returns how it tells right from wrong.
    pub fn factor(self) -> &'static dyn Factor {
        match self {
            Self::Totp => &Totp,
            Self::Recovery => &RecoveryCodes,
        }
    }

    /// What it makes of an account that has it.
    pub const fn enrols(self) -> Enrolled {
        match self {
            Self::Totp => Enrolled::SecondFactor,
            // They stand in for a factor that was lost; alone they are none.
            Self::Recovery => Enrolled::Nothing,
        }
    }

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }

    /// Returns the kind that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

//! By what somebody proved who they are: the claim `amr` of a grant and of all that descends from it (RFC 8176).

use crate::workspace::{SignInMethod, Word};

/// By what somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amr {
    /// A password alone.
    Password,
    /// A password and a second factor.
    PasswordAndSecondFactor,
}

impl Word for Amr {
    const ALL: &'static [Self] = &[Self::Password, Self::PasswordAndSecondFactor];

    /// Returns the values of the claim, with blanks between them.
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::PasswordAndSecondFactor => "pwd otp mfa",
        }
    }
}

impl Amr {
    /// Returns the values of the claim.
    pub fn values(self) -> Vec<&'static str> {
        self.as_str().split(' ').collect()
    }

    /// Returns the way to sign in that this is.
    pub const fn method(self) -> SignInMethod {
        match self {
            Self::Password | Self::PasswordAndSecondFactor => SignInMethod::Password,
        }
    }

    /// Whether a second factor was proven.
    pub const fn has_second_factor(self) -> bool {
        match self {
            Self::Password => false,
            Self::PasswordAndSecondFactor => true,
        }
    }
}

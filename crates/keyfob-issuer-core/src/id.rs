//! Names that the issuer makes: UUIDs of version 7, so that neighbours in time are neighbours in the database.

use keyfob_oauth::{Entropy, EntropyError, Timestamp};
use uuid::{Builder, Uuid};

/// Makes a name from the moment and 74 random bits.
pub(crate) fn generate(now: Timestamp, entropy: &dyn Entropy) -> Result<Uuid, EntropyError> {
    Ok(at(now, &entropy.bytes::<10>()?))
}

fn at(moment: Timestamp, random: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(moment.as_unix()).unwrap_or(0).saturating_mul(1000);
    Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new one.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
                generate(now, entropy).map(Self)
            }

            /// Parses the hyphenated form.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

identifier! {
    /// Names an authorization grant; part of the address of its pages.
    GrantId
}
identifier! {
    /// Names a refresh family; the claim `sid` of its tokens.
    FamilyId
}

identifier! {
    /// Names a personal access token or an API key.
    KeyId
}

identifier! {
    /// Names an open invitation.
    InvitationId
}

identifier! {
    /// Names something that a webhook is told.
    NoticeId
}

impl FamilyId {
    /// Returns the lowest name that is made at `moment` or later: names sort by time.
    pub fn lowest_at(moment: Timestamp) -> Self {
        Self(at(moment, &[0; 10]))
    }
}

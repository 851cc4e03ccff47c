//! Passwords and their hashes: Argon2id with the parameters that OWASP recommends (19 MiB, 2 passes).

mod rules;

pub use rules::InvalidPassword;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::digest;
use keyfob_oauth::{Entropy, EntropyError, Secret};

/// What somebody typed.
#[derive(Clone, Debug)]
pub struct Password(Secret);

/// The longest password in bytes.
const LONGEST: usize = 1024;

impl Password {
    /// Takes what was typed to sign in; never refused, since a refusal would tell about stored passwords.
    pub fn typed(text: String) -> Self {
        let text = Secret::new(text);
        Self(Secret::new(rules::canonical(text.expose())))
    }

    /// Returns its SHA-1 in capital hexadecimal digits, the name under which lists of breached passwords have it.
    pub fn breach_name(&self) -> Secret {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.0.expose().as_bytes());
        let halves = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        let digits = halves.filter_map(|half| char::from_digit(u32::from(half), 16));
        Secret::new(digits.map(|digit| digit.to_ascii_uppercase()).collect())
    }
}

/// How a password rests: a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// A password cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// There was no salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The library refused.
    #[error("cannot hash the password")]
    Hash,
}

impl PasswordHash {
    /// Hashes; takes tens of milliseconds, so never on a runtime's thread and never inside a transaction.
    pub fn of(password: &Password, entropy: &dyn Entropy) -> Result<Self, HashError> {
        let salt = entropy.bytes::<16>()?;
        Argon2::default()
            .hash_password_with_salt(password.0.expose().as_bytes(), &salt)
            .map(|hash| Self(hash.to_string()))
            .map_err(|_| HashError::Hash)
    }

    /// Takes the stored form.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the stored form.
    pub fn as_stored(&self) -> &str {
        &self.0
    }

    /// A hash that no password has and that costs as much to try as a real one (I-53).
    pub(crate) fn nobodys() -> Self {
        Self(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
        )
    }

    /// Whether `password` has this hash; as slow as [`PasswordHash::of`].
    pub(crate) fn fits(&self, password: &Password) -> bool {
        // Nobody has one that is longer; hashing it would cost more than it is worth.
        let text = Some(password.0.expose()).filter(|text| text.len() <= LONGEST).unwrap_or_default();
        Argon2::default().verify_password(text.as_bytes(), self.0.as_str()).is_ok()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill(7);
            Ok(())
        }
    }

    #[test]
    fn a_hash_fits_its_password_alone() {
        let hash = PasswordHash::of(&Password::typed("correct horse".into()), &Fixed).unwrap();

        assert!(hash.as_stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.fits(&Password::typed("correct horse".into())));
        assert!(!hash.fits(&Password::typed("correct horsf".into())));
        assert!(!format!("{hash:?}").contains("argon2"));
    }

    #[test]
    fn i_53_the_hash_of_an_unknown_user_is_tried_like_a_real_one() {
        let nobody = PasswordHash::nobodys();
        let real = PasswordHash::of(&Password::typed("correct horse".into()), &Fixed).unwrap();

        assert_eq!(nobody.0.len(), real.0.len());
        assert!(!nobody.fits(&Password::typed(String::new())));
        // A hash that the library cannot read would be refused without any work.
        assert!(argon2::password_hash::phc::PasswordHash::new(&nobody.0).is_ok());
    }

    #[test]
    fn i_52_a_password_is_the_same_however_its_letters_were_typed() {
        let hash =
            PasswordHash::of(&Password::typed("Gr\u{fc}\u{df}e aus K\u{f6}ln \u{fb01}n".into()), &Fixed)
                .unwrap();

        assert!(hash.fits(&Password::typed("Gru\u{308}\u{df}e aus Ko\u{308}ln fin".into())));
        assert!(!hash.fits(&Password::typed("Gr\u{fc}sse aus K\u{f6}ln fin".into())));
    }

    #[test]
    fn a_password_is_known_to_lists_of_breaches_by_its_sha_1() {
        let name = Password::typed("password".into()).breach_name();

        assert_eq!(name.expose(), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
    }
}

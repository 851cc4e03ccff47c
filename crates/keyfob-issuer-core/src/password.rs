//! Passwords and their hashes: Argon2id with the parameters that OWASP recommends (19 MiB, 2 passes).

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use keyfob_oauth::{Entropy, EntropyError, Secret};

/// What somebody typed.
#[derive(Clone, Debug)]
pub struct Password(Secret);

/// A text may not become a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It is too easy to guess.
    #[error("the password is shorter than {SHORTEST} characters")]
    TooShort,
    /// Nobody types this; hashing it would cost more than it is worth.
    #[error("the password is longer than {LONGEST} bytes")]
    TooLong,
}

const SHORTEST: usize = 8;
const LONGEST: usize = 1024;

impl Password {
    /// Takes what was typed to sign in; never refused, since a refusal would tell about stored passwords.
    ///
    /// What no password can be, because it is too long, becomes the empty text, which none is either.
    pub fn typed(text: String) -> Self {
        let text = Secret::new(text);
        if text.expose().len() > LONGEST { Self(Secret::new(String::new())) } else { Self(text) }
    }

    /// Takes what is to become a password.
    pub fn chosen(text: String) -> Result<Self, InvalidPassword> {
        let text = Secret::new(text);
        if text.expose().len() > LONGEST {
            Err(InvalidPassword::TooLong)
        } else if text.expose().chars().count() < SHORTEST {
            Err(InvalidPassword::TooShort)
        } else {
            Ok(Self(text))
        }
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
        Argon2::default().verify_password(password.0.expose().as_bytes(), self.0.as_str()).is_ok()
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
        let hash = PasswordHash::of(&Password::chosen("correct horse".into()).unwrap(), &Fixed).unwrap();

        assert!(hash.as_stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.fits(&Password::typed("correct horse".into())));
        assert!(!hash.fits(&Password::typed("correct horsf".into())));
        assert!(!format!("{hash:?}").contains("argon2"));
    }

    #[test]
    fn i_53_the_hash_of_an_unknown_user_is_tried_like_a_real_one() {
        let nobody = PasswordHash::nobodys();
        let real = PasswordHash::of(&Password::chosen("correct horse".into()).unwrap(), &Fixed).unwrap();

        assert_eq!(nobody.0.len(), real.0.len());
        assert!(!nobody.fits(&Password::typed(String::new())));
        // A hash that the library cannot read would be refused without any work.
        assert!(argon2::password_hash::phc::PasswordHash::new(&nobody.0).is_ok());
    }

    #[test]
    fn short_and_endless_passwords_are_not_chosen() {
        assert_eq!(Password::chosen("ümlaut7".into()).unwrap_err(), InvalidPassword::TooShort);
        assert_eq!(Password::chosen("x".repeat(1025)).unwrap_err(), InvalidPassword::TooLong);
    }
}

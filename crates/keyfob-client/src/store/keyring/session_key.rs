//! The key under which secrets cross the bus: `dh-ietf1024-sha256-aes128-cbc-pkcs7` of the Secret Service API (its chapter
//! "Transfer of Secrets").
//!
//! The group is the one of RFC 2409 section 6.2, which the API names; the key is derived by RFC 5869 without salt and info.
//! It keeps secrets from whoever reads along. Who answers is not proven by it: the bus lets only the user's own programs in.

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::iv::FixedLength;
use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams as _};
use crypto_bigint::{U256, U1024, const_monty_params};
use zeroize::Zeroizing;

/// The name of this way of agreeing.
pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";
/// The length of a number of the group, in bytes.
const NUMBER: usize = 128;
const AES_KEY: usize = 16;
const BLOCK: usize = 16;

const_monty_params!(
    Oakley2,
    U1024,
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
     ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed\
     ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    "The numbers modulo the prime of the Second Oakley Group."
);

type Number = ConstMontyForm<Oakley2, { U1024::LIMBS }>;

/// Our half of an agreement.
pub(super) struct KeyAgreement(Zeroizing<U256>);

/// What both sides agreed on.
pub(super) struct SessionKey(Zeroizing<[u8; AES_KEY]>);

/// A secret as it crosses the bus.
pub(super) struct Sealed {
    /// The initialization vector.
    pub(super) parameters: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// What the service sent cannot be used for, or was not made with, the key agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable;

impl KeyAgreement {
    /// Begins with 32 random bytes.
    ///
    /// An exponent of 256 bits is more than twice what the group itself withstands (RFC 3526 section 8, of larger groups);
    /// its prime is a safe one, so that a short exponent gives nothing away (RFC 7919 section 5.2).
    pub(super) fn new(random: &Zeroizing<[u8; 32]>) -> Self {
        Self(Zeroizing::new(U256::from_be_slice(random.as_slice())))
    }

    /// Returns the half that the service is sent.
    pub(super) fn public(&self) -> Vec<u8> {
        self.raise(&U1024::from_u8(2)).to_vec()
    }

    /// Completes the agreement with the half that the service sent.
    pub(super) fn agree(&self, theirs: &[u8]) -> Result<SessionKey, Unusable> {
        let theirs = number(theirs).ok_or(Unusable)?;
        let shared = self.raise(&theirs);
        let mut key = Zeroizing::new([0; AES_KEY]);
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(shared.as_slice());
        let expanded = extracted.expand(&[], &AES_128).map_err(|_| Unusable)?;
        expanded.fill(key.as_mut_slice()).map_err(|_| Unusable)?;
        Ok(SessionKey(key))
    }

    fn raise(&self, base: &U1024) -> Zeroizing<[u8; NUMBER]> {
        let power = Number::new(base).pow(&*self.0).retrieve();
        let mut bytes = Zeroizing::new([0; NUMBER]);
        bytes.copy_from_slice(power.to_be_bytes().as_ref());
        bytes
    }
}

/// Reads a number other than 0, 1 and the prime less one, by which the shared secret would be known beforehand.
fn number(bytes: &[u8]) -> Option<U1024> {
    let mut padded = [0; NUMBER];
    let start = NUMBER.checked_sub(bytes.len())?;
    padded.get_mut(start..)?.copy_from_slice(bytes);
    let number = U1024::from_be_slice(&padded);
    let last = Oakley2::PARAMS.modulus().wrapping_sub(&U1024::ONE);
    (number > U1024::ONE && number < last).then_some(number)
}

impl SessionKey {
    /// Encrypts `secret` with a random `iv`.
    pub(super) fn seal(&self, secret: &[u8], iv: [u8; BLOCK]) -> Result<Sealed, Unusable> {
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(self.aes()?).map_err(|_| Unusable)?;
        // Room for the padding: a secret that is moved leaves itself behind.
        let mut value = Vec::with_capacity(secret.len() + BLOCK);
        value.extend_from_slice(secret);
        let context = aws_lc_rs::cipher::EncryptionContext::Iv128(FixedLength::from(iv));
        key.less_safe_encrypt(&mut value, context).map_err(|_| Unusable)?;
        Ok(Sealed { parameters: iv.to_vec(), value })
    }

    /// Decrypts what the service sent.
    pub(super) fn open(&self, sealed: Sealed) -> Result<Zeroizing<Vec<u8>>, Unusable> {
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(self.aes()?).map_err(|_| Unusable)?;
        let iv: [u8; BLOCK] = sealed.parameters.try_into().map_err(|_| Unusable)?;
        let mut value = Zeroizing::new(sealed.value);
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        let length = key.decrypt(&mut value, context).map_err(|_| Unusable)?.len();
        value.truncate(length);
        Ok(value)
    }

    fn aes(&self) -> Result<UnboundCipherKey, Unusable> {
        UnboundCipherKey::new(&AES_128, self.0.as_slice()).map_err(|_| Unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::array::from_fn;

    const SECRET: &[u8] = b"a secret that is longer than one block";
    const IV: [u8; 16] = [7; 16];
    /// [`SECRET`] under the key that 1, 2, … and 101, 102, … agree on, by Python's `pow` and `hmac` and by `openssl enc`.
    const CIPHERTEXT: [u8; 48] = [
        0x9c, 0xc7, 0x9c, 0x0d, 0x46, 0x3a, 0xbf, 0xb6, 0xe9, 0x8b, 0x2b, 0x56, 0xe3, 0x32, 0x10, 0xcf, 0x3d,
        0x97, 0xdb, 0xd2, 0xa0, 0x45, 0x69, 0x1c, 0x40, 0xc0, 0xaa, 0xde, 0x57, 0x9d, 0xa1, 0xd7, 0xe0, 0xfa,
        0x25, 0x89, 0x88, 0x37, 0x13, 0xfa, 0x94, 0xaa, 0x0e, 0x70, 0x59, 0xa3, 0x4b, 0x56,
    ];

    fn beginning_with(first: u8) -> KeyAgreement {
        KeyAgreement::new(&Zeroizing::new(from_fn(|i| first + u8::try_from(i).unwrap())))
    }

    #[test]
    fn c_43_the_key_of_a_session_is_the_one_that_others_compute() {
        let (ours, theirs) = (beginning_with(1), beginning_with(101));
        let key = ours.agree(&theirs.public()).unwrap();
        assert_eq!(*key.0, *theirs.agree(&ours.public()).unwrap().0);
        let sealed = key.seal(SECRET, IV).unwrap();
        assert_eq!((sealed.parameters.as_slice(), sealed.value.as_slice()), (&IV[..], &CIPHERTEXT[..]));
        assert_eq!(key.open(sealed).unwrap().as_slice(), SECRET);
    }

    #[test]
    fn c_43_a_half_by_which_the_key_would_be_known_beforehand_is_refused() {
        let modulus = Oakley2::PARAMS.modulus().to_be_bytes();
        let minus_one = modulus.as_ref().iter().copied().rev().enumerate();
        let minus_one: Vec<u8> = minus_one.map(|(i, byte)| if i == 0 { byte - 1 } else { byte }).collect();
        let minus_one: Vec<u8> = minus_one.into_iter().rev().collect();
        for refused in [&[][..], &[0], &[1], &minus_one, modulus.as_ref(), &[0xff; 128], &[2; 129]] {
            assert_eq!(beginning_with(1).agree(refused).err(), Some(Unusable), "{refused:?}");
        }
        assert!(beginning_with(1).agree(&[2]).is_ok(), "leading zeros may be left out");
    }

    #[test]
    fn c_43_what_was_not_sealed_with_the_key_is_refused() {
        let key = beginning_with(1).agree(&beginning_with(101).public()).unwrap();
        let sealed = |parameters: &[u8], value: &[u8]| Sealed {
            parameters: parameters.to_vec(),
            value: value.to_vec(),
        };
        for refused in [
            sealed(&IV[..15], &CIPHERTEXT),
            sealed(&IV, &CIPHERTEXT[..47]),
            sealed(&IV, &CIPHERTEXT[..32]),
            sealed(&IV, &[]),
        ] {
            assert_eq!(key.open(refused).err(), Some(Unusable));
        }
    }
}

//! Codes on paper, for whoever lost the app: ten of 50 bits, each good once (I-56).

use super::{Factor, FactorRejected};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{Entropy, EntropyError, Secret, Timestamp, secret_newtype};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

secret_newtype! {
    /// A code as its owner writes it down: `XXXXX-XXXXX`.
    RecoveryCode
}

/// Codes on paper.
#[derive(Debug)]
pub struct RecoveryCodes;

const CODES: usize = 10;
const LETTERS: usize = 10;
/// Without I, L, O and U, which are mistaken for others (Crockford's base32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RecoveryCodes {
    /// Makes a new set: what its owner is shown once, and what is kept.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Result<(Vec<RecoveryCode>, Secret), EntropyError> {
        let salt = URL_SAFE_NO_PAD.encode(entropy.bytes::<16>()?);
        let mut codes = Vec::new();
        for _ in 0..CODES {
            let bytes = entropy.bytes::<LETTERS>()?;
            let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
            codes.push(letters.map(|letter| char::from(*letter)).collect::<String>());
        }
        let digests: Vec<String> = codes.iter().map(|code| digest(&salt, code)).collect();
        let shown = codes.iter().map(|code| {
            let (first, second) = code.split_at(LETTERS / 2);
            RecoveryCode::new(format!("{first}-{second}"))
        });
        Ok((shown.collect(), Secret::new(format!("{salt} {}", digests.join(" ")))))
    }

    /// Returns how many are left of what is kept.
    pub(crate) fn left(kept: &Secret) -> usize {
        kept.expose().split(' ').skip(1).count()
    }
}

impl Factor for RecoveryCodes {
    fn verify(&self, kept: &Secret, answer: &str, _now: Timestamp) -> Result<Secret, FactorRejected> {
        let (salt, digests) = kept.expose().split_once(' ').ok_or(FactorRejected)?;
        let presented = digest(salt, &canonical(answer));
        let is_presented = |digest: &&str| bool::from(digest.as_bytes().ct_eq(presented.as_bytes()));
        let (used, left): (Vec<&str>, Vec<&str>) = digests.split(' ').partition(is_presented);
        match used.as_slice() {
            [] => Err(FactorRejected),
            // Without its digest the code is worth nothing any more.
            _ if left.is_empty() => Ok(Secret::new(salt.to_owned())),
            _ => Ok(Secret::new(format!("{salt} {}", left.join(" ")))),
        }
    }
}

/// The one form in which codes are compared, however they were typed.
fn canonical(answer: &str) -> String {
    let letters = answer.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LETTERS + 1);
    letters
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

fn digest(salt: &str, code: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(salt).chain_update(" ").chain_update(code).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[derive(Debug)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill_with(|| self.0.fetch_add(37, Ordering::Relaxed));
            Ok(())
        }
    }

    fn set() -> (Vec<RecoveryCode>, Secret) {
        RecoveryCodes::generate(&Counting(0.into())).unwrap()
    }

    fn verify(kept: &Secret, answer: &str) -> Result<Secret, FactorRejected> {
        RecoveryCodes.verify(kept, answer, Timestamp::from_unix(0))
    }

    #[test]
    fn i_56_each_of_ten_codes_works_once() {
        let (codes, mut kept) = set();
        assert_eq!(codes.len(), 10);

        for (used, code) in codes.iter().enumerate() {
            assert_eq!(RecoveryCodes::left(&kept), 10 - used);
            kept = verify(&kept, code.expose()).unwrap();
            assert_eq!(verify(&kept, code.expose()), Err(FactorRejected));
        }

        assert_eq!(RecoveryCodes::left(&kept), 0);
        assert_eq!(verify(&kept, ""), Err(FactorRejected));
    }

    #[test]
    fn i_56_what_is_kept_holds_no_code() {
        let (codes, kept) = set();

        for code in codes {
            assert!(!kept.expose().contains(&code.expose().replace('-', "")));
            assert_eq!(code.expose().len(), 11);
        }
    }

    #[test]
    fn a_code_is_read_with_tolerance() {
        let (codes, kept) = set();
        let code = codes[0].expose();

        assert!(verify(&kept, &format!("  {}", code.to_lowercase().replace('-', " "))).is_ok());
        assert!(verify(&kept, &code.replace('0', "o").replace('1', "l")).is_ok());
        for wrong in ["", "-", code.split('-').next().unwrap(), &format!("{code}0"), "ÄÖÜÄÖ-ÜÄÖÜÄ"]
        {
            assert_eq!(verify(&kept, wrong), Err(FactorRejected), "{wrong:?}");
        }
    }
}

//! The code that a person types, and the number beside it.

use aws_lc_rs::hmac;
use keyfob_oauth::{Entropy, EntropyError};
use subtle::ConstantTimeEq as _;

/// The code that a person types: eight consonants, so that it spells no word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;
/// How many digits the number behind the code has.
const DIGITS: usize = 2;

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

    /// Parses what a person typed or a device sends: case, dashes and blanks do not matter, nor does the number behind.
    pub fn parse(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_uppercase())
            .take(LETTERS + DIGITS + 1)
            .collect();
        let (letters, number) = code.split_at_checked(LETTERS)?;
        let is_number = number.len() == DIGITS && number.bytes().all(|b| b.is_ascii_digit());
        (letters.bytes().all(|b| ALPHABET.contains(&b)) && (number.is_empty() || is_number))
            .then(|| Self(letters.to_owned()))
    }

    /// Returns the form that is shown: `XXXX-XXXX`.
    pub fn shown(&self) -> String {
        let (first, second) = self.0.split_at(LETTERS / 2);
        format!("{first}-{second}")
    }

    /// Returns the form that a device shows when its number is asked for too: `XXXX-XXXX-NN`.
    pub fn shown_with(&self, number: MatchNumber) -> String {
        format!("{}-{}", self.shown(), number.0)
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

/// The number of two digits that a device shows behind its code; it follows from the code, and only the issuer knows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchNumber(u8);

impl MatchNumber {
    /// Returns the number of `code`: 10 to 99.
    pub fn of(code: &UserCode, key: &hmac::Key) -> Option<Self> {
        let tag = hmac::sign(key, code.0.as_bytes());
        // What a remainder favours among 2^32 is beyond measure.
        let (first, _) = tag.as_ref().split_first_chunk::<4>()?;
        u8::try_from(10 + u32::from_be_bytes(*first) % 90).ok().map(Self)
    }

    /// Whether `typed` is this number.
    pub fn is(self, typed: &str) -> bool {
        self.0.to_string().as_bytes().ct_eq(typed.trim().as_bytes()).into()
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
        assert_eq!(UserCode::parse(&format!("{shown}-42")), Some(code.clone()));
        assert_eq!(UserCode::parse(&format!(" {} ", shown.to_lowercase())), Some(code));
        for bad in [
            "",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "AEIO-UYBC",
            "BCDF-GHJ1",
            "ÄCDF-GHJK",
            "BCDF-GHJK-4",
            "BCDF-GHJK-421",
            "BCDF-GHJK-4B",
            "BCDF-GHJÄ",
        ] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn i_50_the_number_behind_a_code_follows_from_it_and_a_secret() {
        let key = |byte: u8| hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]);
        let code = UserCode::parse("BCDF-GHJK").unwrap();
        let number = MatchNumber::of(&code, &key(1)).unwrap();
        let shown = code.shown_with(number);
        let digits = shown.strip_prefix("BCDF-GHJK-").unwrap();

        assert_eq!(MatchNumber::of(&code, &key(1)), Some(number));
        assert!(number.is(&format!(" {digits} ")) && !number.is("") && !number.is(&format!("0{digits}")));
        let others: Vec<MatchNumber> =
            (2..32).filter_map(|byte| MatchNumber::of(&code, &key(byte))).collect();
        assert!(others.iter().any(|other| *other != number), "another issuer's differ");
        assert!(others.iter().all(|other| (10..=99).contains(&other.0)));
    }
}

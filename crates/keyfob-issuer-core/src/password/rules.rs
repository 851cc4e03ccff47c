//! What may become a password: long enough, and not one that everybody tries first (NIST SP 800-63B-4 §3.1.1.2).

use super::{LONGEST, Password};
use crate::sign_in::Enrolled;
use crate::user::Email;
use unicode_normalization::UnicodeNormalization as _;

/// A text may not become a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It is too easy to guess.
    #[error("the password is shorter than {0} characters")]
    TooShort(usize),
    /// Nobody types this; hashing it would cost more than it is worth.
    #[error("the password is longer than {LONGEST} bytes")]
    TooLong,
    /// Attackers try it first.
    #[error("the password is one of those that are tried first")]
    Common,
}

/// Beside a second factor.
const SHORTEST_OF_TWO: usize = 8;
/// On its own.
const SHORTEST_ALONE: usize = 15;

/// The 11,611 of eight characters and more among the 30,000 passwords that were seen most, sorted.
const COMMON: &str = include_str!("common.txt");

impl Password {
    /// Takes what is to become the password of `account`.
    pub fn chosen(text: String, account: &Email, enrolled: Enrolled) -> Result<Self, InvalidPassword> {
        let password = Self::typed(text);
        let shortest = match enrolled {
            Enrolled::Nothing => SHORTEST_ALONE,
            Enrolled::SecondFactor => SHORTEST_OF_TWO,
        };
        let text = password.0.expose();
        if text.len() > LONGEST {
            Err(InvalidPassword::TooLong)
        } else if text.chars().count() < shortest {
            Err(InvalidPassword::TooShort(shortest))
        } else if is_tried_first(&text.to_lowercase(), account) {
            Err(InvalidPassword::Common)
        } else {
            Ok(password)
        }
    }
}

fn is_tried_first(text: &str, account: &Email) -> bool {
    let own = [account.as_str(), account.local_part()];
    let word = unit(text);
    [text, word]
        .iter()
        .any(|word| own.contains(word) || word.len() < 4 || COMMON.split('\n').any(|common| common == *word))
}

/// Returns what `text` repeats, or itself: `abcabcabc` is no longer to guess than `abc`.
fn unit(text: &str) -> &str {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    let mut units =
        ends.filter_map(|end| text.get(..end)).filter(|unit| text.len().is_multiple_of(unit.len()));
    units.find(|unit| unit.repeat(text.len() / unit.len()) == text).unwrap_or(text)
}

/// The one form in which passwords are compared, however they were typed.
pub(super) fn canonical(text: &str) -> String {
    text.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, enrolled: Enrolled) -> Result<(), InvalidPassword> {
        let account = Email::parse("mia.the.great.one@example.org").unwrap();
        Password::chosen(text.to_owned(), &account, enrolled).map(drop)
    }

    #[test]
    fn i_52_a_password_has_fifteen_characters_alone_and_eight_beside_a_factor() {
        assert_eq!(chosen("fourteen chars", Enrolled::Nothing), Err(InvalidPassword::TooShort(15)));
        assert_eq!(chosen("fifteen chars ü", Enrolled::Nothing), Ok(()));
        assert_eq!(chosen("seven c", Enrolled::SecondFactor), Err(InvalidPassword::TooShort(8)));
        assert_eq!(chosen("eight ch", Enrolled::SecondFactor), Ok(()));
        // Composed and decomposed letters are one.
        assert_eq!(
            chosen("u\u{308}u\u{308}u\u{308}u\u{308}", Enrolled::SecondFactor),
            Err(InvalidPassword::TooShort(8))
        );
    }

    #[test]
    fn i_52_up_to_1024_bytes_of_anything_are_taken() {
        let long: String = "horse battery ".chars().cycle().take(1023).collect();

        assert_eq!(chosen(&format!("{long}!"), Enrolled::Nothing), Ok(()));
        assert_eq!(chosen(&format!("{long}!!"), Enrolled::Nothing), Err(InvalidPassword::TooLong));
    }

    #[test]
    fn i_52_what_attackers_try_first_is_refused() {
        for common in [
            "password1",
            "PassWord1",
            "12345678",
            "12345678900987654321",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "password1password1",
            "mia.the.great.one",
            "mia.the.great.one@example.org",
        ] {
            assert_eq!(chosen(common, Enrolled::SecondFactor), Err(InvalidPassword::Common), "{common}");
        }
    }
}

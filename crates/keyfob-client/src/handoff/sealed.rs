//! What is carried as a text that somebody copies: encrypted, with a passphrase that goes another way (security C-65).
//!
//! AES-256-GCM under a key that HKDF-SHA-256 makes from the passphrase. That is 100 random bits of ours and no word of a
//! person, so nothing slower than that is needed, and each key encrypts once.

use super::{Handoff, InvalidHandoff};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_oauth::{Entropy, EntropyError, secret_newtype};
use zeroize::Zeroizing;

secret_newtype! {
    /// What opens a text: five groups of four letters and digits, in which `o` is `0`, and `i` and `l` are `1`.
    Passphrase
}

/// A text cannot be made, or is not opened.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The system gave no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The library refused.
    #[error("the text cannot be encrypted")]
    Seal,
    /// It was not copied whole, or it is not such a text.
    #[error("the text is not whole")]
    NotWhole,
    /// The passphrase is another text's, or was mistyped; or the text was changed.
    #[error("the passphrase does not open the text")]
    WrongPassphrase,
    /// What is in it cannot be used.
    #[error("what is in the text cannot be used")]
    Content(#[source] InvalidHandoff),
}

const BEGIN: &str = "-----BEGIN KEYFOB HANDOFF-----";
const END: &str = "-----END KEYFOB HANDOFF-----";
/// Base 32 without letters that are taken for others (Crockford's).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 5;
const LETTERS: usize = 4;
/// As long as a line of a letter is.
const WIDTH: usize = 64;
const SALT: &[u8] = b"keyfob handoff 1";

/// Encrypts what is carried; returns the text, and what opens it.
pub fn seal(handoff: &Handoff, entropy: &dyn Entropy) -> Result<(String, Passphrase), SealedError> {
    let drawn = entropy.bytes::<{ GROUPS * LETTERS }>()?;
    // 256 is a multiple of 32, so every letter is as likely as any other.
    let letters: Vec<char> = drawn
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect();
    let groups: Vec<String> = letters.chunks(LETTERS).map(|group| group.iter().collect()).collect();
    let passphrase = Passphrase::new(groups.join("-"));
    let nonce = entropy.bytes::<NONCE_LEN>()?;
    let mut bytes = handoff.to_line().as_bytes().to_vec();
    key(&passphrase)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
        .map_err(|_| SealedError::Seal)?;
    let encoded = STANDARD.encode([nonce.as_slice(), &bytes].concat());
    let mut lines = vec![BEGIN.to_owned()];
    lines.extend(encoded.as_bytes().chunks(WIDTH).map(|line| String::from_utf8_lossy(line).into_owned()));
    lines.push(END.to_owned());
    Ok((lines.join("\n"), passphrase))
}

/// Whether `line` is the first of such a text.
pub fn is_sealed(line: &str) -> bool {
    line.trim() == BEGIN
}

/// Decrypts a text that may have spaces around its lines.
pub fn open(text: &str, passphrase: &Passphrase) -> Result<Handoff, SealedError> {
    let inner = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let inner: String = inner.ok_or(SealedError::NotWhole)?.split_whitespace().collect();
    let bytes = STANDARD.decode(inner).map_err(|_| SealedError::NotWhole)?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealedError::NotWhole)?;
    let mut bytes = Zeroizing::new(rest.to_vec());
    let plain = key(passphrase)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut bytes)
        .map_err(|_| SealedError::WrongPassphrase)?;
    Handoff::parse(plain).map_err(SealedError::Content)
}

impl Passphrase {
    /// Returns whether `line` ends such a text.
    pub fn follows(line: &str) -> bool {
        line.trim() == END
    }

    /// Returns its letters as they were drawn, however somebody typed them.
    fn plain(&self) -> Zeroizing<String> {
        let letter = |typed: char| match typed.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        Zeroizing::new(self.expose().chars().filter(char::is_ascii_alphanumeric).map(letter).collect())
    }
}

fn key(passphrase: &Passphrase) -> Result<LessSafeKey, SealedError> {
    let key = Salt::new(HKDF_SHA256, SALT).extract(passphrase.plain().as_bytes());
    let key = key.expand(&[b"text"], &AES_256_GCM).map_err(|_| SealedError::Seal)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use keyfob_oauth::{ClientId, HandoffCode, IssuerUrl, Timestamp};

    fn handoff() -> Handoff {
        Handoff {
            issuer: IssuerUrl::parse("https://id.test").unwrap(),
            client_id: ClientId::new("app"),
            code: HandoffCode::new("kfh_secret.code"),
            email: None,
            expires_at: Timestamp::from_unix(600),
        }
    }

    #[test]
    fn c_65_a_text_opens_with_its_passphrase_however_that_is_typed() {
        let (text, passphrase) = seal(&handoff(), &SystemEntropy).unwrap();

        let shouted =
            passphrase.expose().to_uppercase().replace('-', " ").replace('0', "O").replace('1', "L");
        let indented = format!("\n  {}\r\n", text.replace('\n', "\r\n  "));
        assert_eq!(open(&text, &passphrase).unwrap(), handoff());
        assert_eq!(open(&indented, &Passphrase::new(shouted)).unwrap(), handoff());
        assert_eq!(passphrase.expose().len(), 24, "20 letters of 5 bits");
    }

    #[test]
    fn c_65_a_text_says_nothing_and_does_not_open_when_it_or_the_passphrase_is_another() {
        let (text, passphrase) = seal(&handoff(), &SystemEntropy).unwrap();
        let (other, other_passphrase) = seal(&handoff(), &SystemEntropy).unwrap();

        assert!(matches!(open(&text, &other_passphrase), Err(SealedError::WrongPassphrase)));
        assert!(matches!(open(&other, &passphrase), Err(SealedError::WrongPassphrase)));
        let lines: Vec<&str> = text.lines().collect();
        let cut = [&lines[..1], &lines[2..]].concat().join("\n");
        assert!(matches!(open(&cut, &passphrase), Err(SealedError::WrongPassphrase | SealedError::NotWhole)));
        for broken in ["", BEGIN, &lines[..2].join("\n"), &text.replace("-----END", "-----AND")] {
            assert!(matches!(open(broken, &passphrase), Err(SealedError::NotWhole)), "{broken}");
        }
        let encoded: String = lines[1..lines.len() - 1].concat();
        let bytes = STANDARD.decode(encoded).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
    }
}

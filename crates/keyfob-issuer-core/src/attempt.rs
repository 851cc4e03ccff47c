//! The attempt id: by which a retry of a refresh is known to be one (security §7.3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::secret_newtype;

secret_newtype! {
    /// What a client derives from the token it spends and a key that never leaves the machine.
    ///
    /// It redeems nothing by itself, but a thief of the spent token would need it, so it is kept like a secret.
    RefreshAttempt
}

const BYTES: usize = 16;

impl RefreshAttempt {
    /// Reads 16 bytes in base64url without padding, in their one spelling.
    ///
    /// What is anything else counts as absent, for an honest client behind something that mangles headers as for a thief:
    /// that it is there and wrong tells no more than that it is not there, and must not be answered better or worse.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_27_an_attempt_id_has_one_spelling() {
        assert!(RefreshAttempt::parse("AAAAAAAAAAAAAAAAAAAA-w").is_some());
        for malformed in [
            "",
            "AAAAAAAAAAAAAAAAAAAA-",
            "AAAAAAAAAAAAAAAAAAAA-x",
            "AAAAAAAAAAAAAAAAAAAA+w",
            "AAAAAAAAAAAAAAAAAAAA-w==",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            " AAAAAAAAAAAAAAAAAAAA-w",
        ] {
            assert!(RefreshAttempt::parse(malformed).is_none(), "{malformed}");
        }
    }
}

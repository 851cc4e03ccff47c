//! Codes of an authenticator app: RFC 6238 with what every app knows, SHA-1, six digits, 30 seconds.

use super::{Factor, FactorRejected};
use keyfob_oauth::{Secret, Timestamp};
use totp_rs::Builder;

/// Codes of an authenticator app.
#[derive(Debug)]
pub struct Totp;

/// A secret that an account may take up, before it has proven that its app holds it.
#[derive(Clone, Debug)]
pub struct TotpOffer {
    secret: Secret,
}

/// How many steps a code may be early or late: clocks of phones differ, and typing takes time (RFC 6238 §5.2).
const SKEW: u16 = 1;
/// No code was taken yet; every step is later.
const NO_STEP: u64 = 0;
/// What RFC 4226 §4 recommends for SHA-1.
const SECRET_BYTES: usize = 20;

impl TotpOffer {
    /// Makes the offer out of random bytes.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let (secret, _) = bytes.split_at(SECRET_BYTES);
        let secret = totp_rs::Secret::from(secret.to_vec());
        Self { secret: Secret::new(secret.to_base32()) }
    }

    /// Returns the secret in base32, for people who cannot scan.
    pub fn base32(&self) -> &Secret {
        &self.secret
    }

    /// Returns the address that an app scans: the secret, under the names of `issuer` and `account`.
    pub fn address(&self, issuer: &str, account: &str) -> Option<Secret> {
        // The form has no way to write a colon in a name.
        let (issuer, account) = (issuer.replace(':', " "), account.replace(':', " "));
        let builder = builder(&self.secret)?.with_account_name(account).with_issuer(Some(issuer));
        builder.build().ok()?.to_url().ok().map(Secret::new)
    }

    /// Takes the offer up with the app's first code: what is kept from then on.
    pub(crate) fn accept(&self, code: &str, now: Timestamp) -> Result<Secret, FactorRejected> {
        Totp.verify(&kept(&self.secret, NO_STEP), code, now)
    }
}

impl Factor for Totp {
    fn verify(&self, kept_text: &Secret, answer: &str, now: Timestamp) -> Result<Secret, FactorRejected> {
        let (secret, last) = kept_text.expose().split_once(' ').ok_or(FactorRejected)?;
        let last: u64 = last.parse().map_err(|_| FactorRejected)?;
        let secret = Secret::new(secret.to_owned());
        let app = builder(&secret).and_then(|builder| builder.build().ok()).ok_or(FactorRejected)?;
        let digits: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
        let moment = u64::try_from(now.as_unix()).map_err(|_| FactorRejected)?;
        let step = app.check(&digits, moment).ok_or(FactorRejected)?;
        // RFC 6238 §5.2: a code counts once, and none counts that is older than one that did.
        if step > last { Ok(kept(&secret, step)) } else { Err(FactorRejected) }
    }
}

fn builder(base32: &Secret) -> Option<Builder> {
    let secret = totp_rs::Secret::try_from_base32(base32.expose()).ok()?;
    Some(Builder::new().with_secret(secret).with_skew(SKEW))
}

fn kept(base32: &Secret, last_step: u64) -> Secret {
    Secret::new(format!("{} {last_step}", base32.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B: `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn verify(kept: &Secret, code: &str, at: i64) -> Result<Secret, FactorRejected> {
        Totp.verify(kept, code, Timestamp::from_unix(at))
    }

    #[test]
    fn i_55_codes_are_those_of_rfc_6238() {
        let fresh = kept(&Secret::new(SECRET.into()), NO_STEP);

        // Appendix B, the last six of its eight digits.
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(at / 30).unwrap();
            assert_eq!(verify(&fresh, code, at), Ok(kept(&Secret::new(SECRET.into()), step)), "{at}");
        }
    }

    #[test]
    fn i_55_a_code_is_good_one_step_early_or_late_and_no_more() {
        let fresh = kept(&Secret::new(SECRET.into()), NO_STEP);
        // The step of this code is 1,111,111,110 to 1,111,111,139.
        let accepted = |at| verify(&fresh, "050471", at).is_ok();

        let shown = [-31, -30, 0, 29, 30, 59, 60].map(|offset| accepted(1_111_111_110 + offset));

        assert_eq!(shown, [false, true, true, true, true, true, false]);
    }

    #[test]
    fn i_55_a_code_counts_once_and_so_does_an_older_one() {
        let fresh = kept(&Secret::new(SECRET.into()), NO_STEP);

        let after = verify(&fresh, "050471", 1_111_111_111).unwrap();

        assert_eq!(verify(&after, "050471", 1_111_111_112), Err(FactorRejected), "again");
        assert_eq!(verify(&after, "081804", 1_111_111_112), Err(FactorRejected), "the one before");
    }

    #[test]
    fn what_is_no_code_is_refused_and_blanks_are_not() {
        let fresh = kept(&Secret::new(SECRET.into()), NO_STEP);

        for wrong in ["", "05047", "0504711", "o50471", "-50471", "+50471", "٠٥٠٤٧١"] {
            assert_eq!(verify(&fresh, wrong, 1_111_111_111), Err(FactorRejected), "{wrong:?}");
        }
        assert!(verify(&fresh, " 050 471 ", 1_111_111_111).is_ok());
    }

    #[test]
    fn an_app_reads_issuer_account_and_secret_from_the_address() {
        let offer = TotpOffer { secret: Secret::new(SECRET.into()) };

        let address = offer.address("localhost:8400", "mia@example.org").unwrap();

        let expected = format!(
            "otpauth://totp/localhost%208400:mia%40example%2Eorg?secret={SECRET}&issuer=localhost%208400"
        );
        assert_eq!(address.expose().replace("%2E", "."), expected.replace("%2E", "."));
    }
}

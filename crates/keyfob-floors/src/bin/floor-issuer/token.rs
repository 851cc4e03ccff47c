//! Random values, their digests, and signed tokens.

use anyhow::{Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest as hash};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns 256 random bits.
#[expect(clippy::disallowed_methods, reason = "this program is its own adapter")]
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| anyhow!("no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns the SHA-256 by which a value rests.
pub(crate) fn digest(value: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash(&SHA256, value).as_ref());
    digest
}

/// Signs with one ES256 key.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    pub(crate) fn new() -> Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| anyhow!("no key"))?;
        Ok(Self { key, random: SystemRandom::new() })
    }

    /// Signs about as many claims as the tokens of a Codex CLI have.
    pub(crate) fn sign(&self, token_type: &str, family: i64) -> Result<String> {
        let now = now()?;
        let header = format!(r#"{{"typ":"{token_type}","alg":"ES256","kid":"{}"}}"#, "k".repeat(43));
        let claims = format!(
            r#"{{"iss":"http://127.0.0.1:1455","sub":"user-{family}","aud":"https://api.example.org","client_id":"app_EMoamEEZ73f0CkXaXp7hrann","exp":{},"iat":{now},"jti":"{}","sid":"{family}","scope":"openid email profile offline_access","auth_time":{now},"amr":["pwd"],"email":"mia@example.org","email_verified":true,"name":"mia","https://api.openai.com/auth":{{"chatgpt_account_id":"ws-{family}","chatgpt_plan_type":"pro","chatgpt_user_id":"user-{family}","organization_id":"org-{family}","project_id":"proj-{family}","completed_platform_onboarding":true,"is_org_owner":true}}}}"#,
            now + 3600,
            random()?,
        );
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature =
            self.key.sign(&self.random, message.as_bytes()).map_err(|_| anyhow!("cannot sign"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[expect(clippy::disallowed_methods, reason = "this program is its own adapter")]
pub(crate) fn now() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?)
}

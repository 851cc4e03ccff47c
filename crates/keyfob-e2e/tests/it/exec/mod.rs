//! `keyfob exec`: commands with what a provider of models needs, and with nothing else.

mod command;
mod matrix;
pub(crate) mod sdks;
mod session;
mod upstream;

use anyhow::Result;
use keyfob_jose::{SigningKey, TokenType};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Asks the model server that the environment names, with what the environment says; no credential is an argument.
const ASK: &str = r#"{ printf 'url = "%s/responses"\n' "$OPENAI_BASE_URL"
printf 'header = "Authorization: Bearer %s"\n' "$OPENAI_API_KEY"
printf '%s\n' "$OPENAI_CUSTOM_HEADERS" | sed -n 's/..*/header = "&"/p'; } | curl --silent --show-error --fail --output /dev/null --config -"#;

/// The first 12 hexadecimal digits of the SHA-256 of a credential.
fn fingerprint(credential: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(credential).into();
    let first = digest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    format!("{:012x}", first >> 16)
}

/// An end that no test lives to see.
const FAR: i64 = 4_000_000_000;

/// Returns what is stored of an account of OpenAI's, and its access token.
fn account() -> Result<(String, String)> {
    let key = SigningKey::generate()?;
    let claims = json!({ "iat": 0, "exp": FAR, "sub": "u-1", "aud": ["https://api.openai.com/v1"] });
    let access = key.sign(TokenType::AccessToken, &claims)?;
    let person = json!({ "sub": "u-1", "email": "mia@example.org",
        "https://api.openai.com/auth": { "chatgpt_account_id": "ws-1", "chatgpt_plan_type": "pro" } });
    let document = json!({
        "auth_mode": "chatgpt", "OPENAI_API_KEY": null,
        "tokens": { "id_token": key.sign(TokenType::IdToken, &person)?, "access_token": access,
            "refresh_token": "rt-of-openai", "login_owner_id": "o", "account_id": "ws-1" },
        "last_refresh": "2026-11-22T13:45:27.128760237Z",
    });
    Ok((document.to_string(), access))
}

//! The device sign-in, seen from the device: the test plays its part.

use anyhow::{Context as _, Result};
use keyfob_codex::{client, device};
use keyfob_e2e::World;
use keyfob_e2e::leak::Kind;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

#[tokio::test]
async fn s_19_a_device_gets_its_tokens_once_a_person_has_approved_it() -> Result<()> {
    let world = World::start().await?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let post = |path: &str, body: &Value| http.post(format!("{}{path}", world.issuer())).json(body).send();
    let started = post(device::USER_CODE_PATH, &json!({ "client_id": client::CLIENT_ID })).await?;
    let started: Value = started.error_for_status()?.json().await?;
    let device_auth_id = text(&started, "device_auth_id")?;
    let user_code = text(&started, "user_code")?;
    world.evidence().note(Kind::DeviceCode, device_auth_id);
    let poll = json!({ "device_auth_id": device_auth_id, "user_code": user_code });

    let early = post(device::POLL_PATH, &poll).await?.status().as_u16();
    let page = Url::parse(&format!("{}{}", world.issuer(), device::VERIFICATION_PATH))?;
    world.form_client()?.approve_device(&page, user_code, world.owner()).await?;
    let approved: Value = post(device::POLL_PATH, &poll).await?.error_for_status()?.json().await?;
    let code = text(&approved, "authorization_code")?;
    let verifier = text(&approved, "code_verifier")?;
    world.evidence().note(Kind::Code, code);
    world.evidence().note(Kind::Verifier, verifier);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client::CLIENT_ID),
        ("code", code),
        ("redirect_uri", &format!("{}{}", world.issuer(), client::DEVICE_CALLBACK_PATH)),
        ("code_verifier", verifier),
    ];
    let token = format!("{}{}", world.issuer(), client::TOKEN_PATH);
    let tokens: Value = http.post(token).form(&form).send().await?.error_for_status()?.json().await?;

    assert!(matches!(early, 403 | 404), "{early} ends the wait of the Codex CLI");
    for (name, kind) in [
        ("access_token", Kind::AccessToken),
        ("refresh_token", Kind::RefreshToken),
        ("id_token", Kind::IdToken),
    ] {
        world.evidence().note(kind, text(&tokens, name)?);
    }
    world.finish().await
}

fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    answer.get(name).and_then(Value::as_str).with_context(|| format!("no {name}"))
}

//! Logins that are refreshed without end, whatever happens to the issuer or its database meanwhile.

use crate::world::{World, refresh};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_codex::client::CLIENT_ID;
use std::collections::BTreeMap;
use std::time::Duration;

/// A client on a machine of its own.
pub(crate) struct Login {
    token: String,
    http: reqwest::Client,
}

/// What became of a refresh.
pub(crate) enum Refreshed {
    /// The login has its next token.
    Yes,
    /// Nobody knows: no answer, half of one, or one that says to try again.
    Perhaps,
}

pub(crate) const LOGINS: usize = 16;

/// Signs in as often as there are logins.
pub(crate) async fn logins(world: &World) -> Vec<Login> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    let mut logins = Vec::new();
    for _ in 0..LOGINS {
        logins.push(Login { token: world.tokens().await.refresh, http: http.clone() });
    }
    logins
}

impl Login {
    /// Refreshes at the issuer that listens at `address` and is called `host`; panics if the login is lost.
    pub(crate) async fn refresh(&mut self, address: &str, host: &str) -> Refreshed {
        let attempt = URL_SAFE_NO_PAD.encode(&digest(&SHA256, self.token.as_bytes()).as_ref()[..16]);
        let request = self.http.post(format!("http://{address}/oauth/token")).header("host", host);
        let request = request.header("x-refresh-attempt", attempt).form(&refresh(CLIENT_ID, &self.token));
        let Ok(response) = request.send().await else { return Refreshed::Perhaps };
        let status = response.status().as_u16();
        let Ok(body) = response.text().await else { return Refreshed::Perhaps };
        match status {
            200 => {
                let tokens: serde_json::Value = serde_json::from_str(&body).unwrap();
                tokens["refresh_token"].as_str().unwrap().clone_into(&mut self.token);
                Refreshed::Yes
            }
            503 => Refreshed::Perhaps,
            other => panic!("the login is lost: {other} {body}"),
        }
    }
}

/// Asserts that every family has one token that is not spent, and one token a generation.
pub(crate) async fn assert_one_leaf_each(world: &World) {
    const FAMILIES: &str = "SELECT f.id || ' ' || f.status || ' ' || (f.generation + 1 - count(*)) || ' '
        || (count(*) - count(t.superseded_at)) FROM refresh_families f JOIN refresh_tokens t ON t.family_id = f.id
        GROUP BY f.id, f.status, f.generation";
    let families = world.query(FAMILIES).await;
    let ends: BTreeMap<&str, &str> = families.iter().map(|family| family.split_once(' ').unwrap()).collect();
    assert_eq!(ends.len(), LOGINS);
    assert!(ends.values().all(|end| *end == "live 0 1"), "{ends:?}");
}

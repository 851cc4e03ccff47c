//! What rests in the database.

use crate::world::{Kept, PASSWORD, Tokens, VERIFIER, World, codex_request, exchange, on_both};
use keyfob_codex::client::CLIENT_ID;
use serde_json::json;
use std::fmt::Write as _;

on_both!(i_29_the_database_holds_nothing_that_could_be_redeemed);
async fn i_29_the_database_holds_nothing_that_could_be_redeemed(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let code = world.decide(&mut browser, &interaction, "approve").await.redirected()["code"].clone();
    let first = Tokens::read(&browser.post("/oauth/token", &exchange(&code)).await);
    let second = Tokens::read(&world.refresh(&first.refresh).await);
    let device = browser
        .post_json("/api/accounts/deviceauth/usercode", &json!({ "client_id": CLIENT_ID }))
        .await
        .json();
    let mut secrets = vec![PASSWORD.to_owned(), VERIFIER.to_owned(), code];
    for tokens in [first, second] {
        let signatures =
            [&tokens.access, &tokens.id].map(|token| token.rsplit('.').next().unwrap().to_owned());
        secrets.extend([tokens.refresh.trim_start_matches("kfr_").to_owned()]);
        secrets.extend(signatures);
    }
    secrets.extend(browser.cookies.values().cloned());
    for member in ["device_auth_id", "user_code"] {
        secrets.push(device[member].as_str().unwrap().to_owned());
    }
    secrets.push(device["user_code"].as_str().unwrap().replace('-', ""));

    let rest = rest_of(&world);

    assert!(contains(&rest, "mia@example.org"), "the scan finds what is there");
    for secret in secrets {
        assert!(!contains(&rest, &secret), "{secret}");
    }
    assert!(!contains(&rest, "PRIVATE KEY"));
}

/// Returns all that rests on disk.
pub(crate) fn rest_of(world: &World) -> Vec<u8> {
    match &world.postgres {
        Some(database) => database.dump().unwrap().into_bytes(),
        None => ["issuer.db", "issuer.db-wal"]
            .map(|name| std::fs::read(world.data.path().join(name)).unwrap())
            .concat(),
    }
}

/// Whether `rest` holds `text`, as it is or as `pg_dump` writes bytes.
pub(crate) fn contains(rest: &[u8], text: &str) -> bool {
    let mut hex = String::new();
    for byte in text.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    [text, &hex].iter().any(|form| rest.windows(form.len()).any(|window| window == form.as_bytes()))
}

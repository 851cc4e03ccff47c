//! The token endpoint: codes, bodies, claims.

use crate::browser::Answer;
use crate::trail::entries;
use crate::world::{
    Kept, OWNER, START, Tokens, VERIFIER, World, authorize, challenge, changed, codex_request, exchange,
    on_both, refresh,
};
use futures_util::future::join_all;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_jose::{Expected, KeySet, TokenType, read_unverified};
use keyfob_oauth::Timestamp;
use serde_json::{Value, json};

const REFUSED: (u16, &str) =
    (400, r#"{"error":"invalid_grant","error_description":"the authorization code is not valid"}"#);

async fn redeem(world: &World, fields: &[(&str, &str)]) -> Answer {
    world.browser().post("/oauth/token", fields).await
}

fn as_json(fields: &[(&str, &str)]) -> Value {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

on_both!(i_04_a_code_needs_the_challenge_with_s256_and_its_verifier);
async fn i_04_a_code_needs_the_challenge_with_s256_and_its_verifier(kept: Kept) {
    let world = World::keeping(kept).await;
    let right = challenge();

    for (challenge, method) in [
        (&*right, ""),
        (&right, "plain"),
        ("", "S256"),
        ("", ""),
        ("", "plain"),
        ("short", "S256"),
        (VERIFIER, "plain"),
        (&right, "s256"),
    ] {
        let request =
            changed(&codex_request(), &[("code_challenge", challenge), ("code_challenge_method", method)]);
        let answer = world.browser().get(&authorize(&request)).await;
        assert_eq!(answer.redirected()["error"], "invalid_request", "{challenge} {method}");
    }
    let code = world.code(&codex_request()).await;
    let other = "x".repeat(43);
    for verifier in ["", "short", &*right, &*other] {
        let answer = redeem(&world, &changed(&exchange(&code), &[("code_verifier", verifier)])).await;
        assert_eq!(answer.essence(), REFUSED, "{verifier}");
    }
    assert_eq!(redeem(&world, &exchange(&code)).await.status, 200);
}

on_both!(i_05_a_replayed_code_is_refused_and_ends_what_it_began);
async fn i_05_a_replayed_code_is_refused_and_ends_what_it_began(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;
    let first = Tokens::read(&redeem(&world, &exchange(&code)).await);

    let replayed = redeem(&world, &exchange(&code)).await;

    assert_eq!(replayed.essence(), REFUSED);
    let dead = world.refresh(&first.refresh).await;
    assert_eq!((dead.status, dead.json()["error"].as_str()), (400, Some("invalid_grant")));
}

on_both!(i_05_misuses_of_a_code_spend_nothing_write_nothing_before_the_answer_and_are_told_once);
async fn i_05_misuses_of_a_code_spend_nothing_write_nothing_before_the_answer_and_are_told_once(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;
    let count = async || entries(&world).await.len();
    let before = count().await;

    for _ in 0..3 {
        for wrong in [
            changed(&exchange(&code), &[("client_id", GATEWAY_CLIENT_ID)]),
            changed(&exchange(&code), &[("redirect_uri", "http://127.0.0.1:43118/auth/callback")]),
            changed(&exchange(&code), &[("code_verifier", &"y".repeat(43))]),
        ] {
            assert_eq!(redeem(&world, &wrong).await.essence(), REFUSED);
        }
    }

    assert_eq!(count().await, before, "as of a code that nobody made");
    world.tell_misuses().await;
    world.tell_misuses().await;
    let told = entries(&world).await.split_off(before);
    assert_eq!(
        told.iter().map(|entry| (&entry["action"], &entry["client"], &entry["detail"])).collect::<Vec<_>>(),
        [(
            &json!("session.begin"),
            &json!(GATEWAY_CLIENT_ID),
            &json!(format!("code of another client, {CLIENT_ID}, 9 times"))
        )]
    );
    assert!(told[0]["request"].is_string(), "by the request that brought it: {told:?}");
    assert_eq!(redeem(&world, &exchange(&code)).await.status, 200);
}

on_both!(i_05_a_code_that_comes_again_and_again_is_told_once_whoever_brings_it);
async fn i_05_a_code_that_comes_again_and_again_is_told_once_whoever_brings_it(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;
    let first = Tokens::read(&redeem(&world, &exchange(&code)).await);
    let before = entries(&world).await.len();

    for _ in 0..3 {
        let others = changed(&exchange(&code), &[("client_id", GATEWAY_CLIENT_ID)]);
        for again in [others, exchange(&code).to_vec()] {
            assert_eq!(redeem(&world, &again).await.essence(), REFUSED);
        }
    }

    world.tell_misuses().await;
    let told = entries(&world).await.split_off(before);
    assert_eq!(told.iter().map(|entry| &entry["detail"]).collect::<Vec<_>>(), ["code used before"]);
    assert_eq!(world.refresh(&first.refresh).await.status, 400);
}

on_both!(i_05_of_many_parallel_redemptions_exactly_one_succeeds);
async fn i_05_of_many_parallel_redemptions_exactly_one_succeeds(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;

    let answers = join_all((0..16).map(|_| async { redeem(&world, &exchange(&code)).await })).await;

    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(world.refresh(&Tokens::read(won[0]).refresh).await.status, 400);
}

on_both!(i_37_every_code_that_does_not_count_gets_the_same_answer);
async fn i_37_every_code_that_does_not_count_gets_the_same_answer(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;
    let expired = world.code(&codex_request()).await;
    let gateway = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:9/callback")];
    let others = world.code(&changed(&codex_request(), &gateway)).await;

    for wrong in [
        exchange("unknown").to_vec(),
        exchange(&others).to_vec(),
        changed(&exchange(&others), &[("redirect_uri", "http://127.0.0.1:9/callback")]),
        changed(&exchange(&code), &[("client_id", GATEWAY_CLIENT_ID)]),
        changed(&exchange(&code), &[("redirect_uri", "http://127.0.0.1:43118/auth/callback")]),
        changed(&exchange(&code), &[("code_verifier", &"y".repeat(43))]),
    ] {
        assert_eq!(redeem(&world, &wrong).await.essence(), REFUSED, "{wrong:?}");
        let by_json = world.browser().post_json("/oauth/token", &as_json(&wrong)).await;
        assert_eq!(by_json.essence(), REFUSED, "{wrong:?}");
    }
    assert_eq!(redeem(&world, &exchange(&code)).await.status, 200, "a wrong try spends nothing");
    world.clock.advance(60);
    assert_eq!(redeem(&world, &exchange(&expired)).await.essence(), REFUSED);
}

on_both!(i_23_a_form_and_json_are_decided_alike);
async fn i_23_a_form_and_json_are_decided_alike(kept: Kept) {
    let world = World::keeping(kept).await;
    let by_form = redeem(&world, &exchange(&world.code(&codex_request()).await)).await;
    let code = world.code(&codex_request()).await;
    let by_json = world.browser().post_json("/oauth/token", &as_json(&exchange(&code))).await;
    let members = |answer: &Answer| answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((by_form.status, members(&by_form)), (by_json.status, members(&by_json)));

    let password = [("grant_type", "password"), ("client_id", CLIENT_ID)];
    let no_type = [("client_id", CLIENT_ID)];
    let nobody = refresh("nobody", "kfr_x");
    let target = changed(&refresh(CLIENT_ID, "kfr_x"), &[("resource", "https://other.example")]);
    for fields in [&password[..], &no_type, &exchange("x")[..3], &nobody, &target] {
        let form = redeem(&world, fields).await;
        let json = world.browser().post_json("/oauth/token", &as_json(fields)).await;
        assert_eq!(form.essence(), json.essence(), "{fields:?}");
        assert_eq!(form.status, 400, "{fields:?}");
    }
}

on_both!(i_23_other_bodies_and_credentials_in_the_query_are_refused);
async fn i_23_other_bodies_and_credentials_in_the_query_are_refused(kept: Kept) {
    let world = World::keeping(kept).await;
    let post = async |path: &str, kind: &str, body: &str| {
        world.browser().post_with(path, ("content-type", kind), body).await.status
    };
    let form = "grant_type=refresh_token&client_id=x&refresh_token=y";

    assert_eq!(post("/oauth/token", "text/plain", form).await, 415);
    assert_eq!(post("/oauth/token", "multipart/form-data", form).await, 415);
    assert_eq!(post("/oauth/token", "application/json;charset=utf-16", "{}").await, 415);
    assert_eq!(post("/oauth/token", "application/json", r#"{"code":"a","code":"b"}"#).await, 400);
    assert_eq!(post("/oauth/token", "application/json", "[]").await, 400);
    let query = format!("/oauth/token?{form}");
    assert_eq!(post(&query, "application/x-www-form-urlencoded", form).await, 400);
    assert_eq!(world.browser().get("/oauth/token").await.status, 405);
}

on_both!(i_38_the_tokens_say_exactly_this);
async fn i_38_the_tokens_say_exactly_this(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&changed(&codex_request(), &[("nonce", "n-1")])).await;
    let answer = redeem(&world, &exchange(&code)).await;
    let json = answer.json();
    let tokens = Tokens::read(&answer);
    let access = read_unverified(&tokens.access).unwrap();
    let id = read_unverified(&tokens.id).unwrap();
    let (subject, workspace) = (access.text("sub").unwrap(), access.text("workspace_id").unwrap());
    let namespaced = json!({
        "chatgpt_account_id": workspace, "chatgpt_plan_type": "pro", "chatgpt_user_id": subject,
        "organization_id": format!("org-{workspace}"), "project_id": format!("proj-{workspace}"),
        "completed_platform_onboarding": true, "is_org_owner": true,
    });
    let claims = |token: &str| -> Value {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    };

    assert_eq!(
        (&json["token_type"], &json["expires_in"], &json["scope"]),
        (&json!("Bearer"), &json!(3600), &json!(keyfob_codex::authorize::SCOPE))
    );
    assert_eq!(
        claims(&tokens.access),
        json!({
            "iss": world.base, "sub": subject, "aud": world.base, "client_id": CLIENT_ID,
            "exp": START + 3600, "iat": START, "jti": access.text("jti").unwrap(),
            "scope": keyfob_codex::authorize::SCOPE, "sid": access.text("sid").unwrap(),
            "workspace_id": workspace, "workspace_role": "owner", "https://api.openai.com/auth": namespaced,
            "auth_time": START, "amr": ["pwd"],
        })
    );
    assert_eq!(
        claims(&tokens.id),
        json!({
            "iss": world.base, "sub": id.text("sub").unwrap(), "aud": CLIENT_ID, "exp": START + 3600,
            "iat": START, "jti": id.text("jti").unwrap(), "sid": access.text("sid").unwrap(),
            "auth_time": START, "amr": ["pwd"], "nonce": "n-1", "email": OWNER, "email_verified": true,
            "name": "mia", "https://api.openai.com/auth": namespaced,
        })
    );
    assert!(tokens.refresh.starts_with("kfr_") && tokens.refresh.len() == 47);
}

on_both!(i_38_the_published_key_verifies_both_tokens_each_as_its_own_kind);
async fn i_38_the_published_key_verifies_both_tokens_each_as_its_own_kind(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let keys = world.browser().get("/oauth/jwks").await;
    let keys = KeySet::parse(keys.body.as_bytes()).unwrap();
    let verify = |token: &str, token_type, audience: &str| {
        let expected = Expected { token_type, issuer: &world.base, audience };
        keys.verify(token, &expected, Timestamp::from_unix(START)).is_ok()
    };

    assert!(verify(&tokens.access, TokenType::AccessToken, &world.base));
    assert!(verify(&tokens.id, TokenType::IdToken, CLIENT_ID));
    assert!(!verify(&tokens.id, TokenType::AccessToken, CLIENT_ID));
    assert!(!verify(&tokens.access, TokenType::IdToken, &world.base));
}

on_both!(unknown_scope_words_are_passed_over_and_the_gateway_client_gets_ten_minutes);
async fn unknown_scope_words_are_passed_over_and_the_gateway_client_gets_ten_minutes(kept: Kept) {
    let world = World::keeping(kept).await;
    let redirect = "http://127.0.0.1:9/callback";
    let asked =
        [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", redirect), ("scope", "inference offline_access")];
    let code = world.code(&changed(&codex_request(), &asked)).await;
    let fields = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", redirect), ("resource", &*world.base)];

    let answer = redeem(&world, &changed(&exchange(&code), &fields)).await.json();

    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(600), &json!("offline_access")));
    let unscoped = world.code(&changed(&codex_request(), &[("scope", "")])).await;
    let answer = redeem(&world, &exchange(&unscoped)).await.json();
    assert_eq!(answer["scope"], "openid profile email offline_access");
}

//! What the provider is shown: what the `keyfob` command would use there, and where it does not go.

use super::world::{Local, PROVIDER_TOKEN, Refresher, answer, provider};
use crate::world::{Exchange, FakeUpstream};
use http::{Request, StatusCode};
use std::os::unix::fs::PermissionsExt as _;

/// Sends one request, which the provider answers.
async fn served(local: &Local) -> Exchange {
    let (answered, exchange) = tokio::join!(local.send(local.request(), "{}"), local.reply(200, "{}"));
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    exchange
}

/// Sends one request, which the gateway answers.
async fn refused(local: &Local) -> (u16, String, String) {
    let answered = local.send(local.request(), "{}").await;
    assert!(local.upstream.saw_nothing());
    (answered.status.as_u16(), answered.code(), answered.text())
}

#[tokio::test]
async fn s_22_a_providers_own_key_and_headers_go_to_it_and_the_callers_do_not() {
    let lines = "env_key = 'GATEWAY_KEY'\nhttp_headers = { X-Team = 'blue' }\nenv_http_headers = { X-Region = 'REGION' }";
    let local = Local::with(lines, &[("GATEWAY_KEY", "sk-env"), ("REGION", "eu")], |_| {}).await;

    let asked = local
        .request()
        .header("x-team", "red")
        .header("chatgpt-account-id", "ws-2")
        .header("x-api-key", "sk-caller");
    let (answered, exchange) = tokio::join!(local.send(asked, "{}"), local.reply(200, "{}"));

    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(exchange.header("authorization"), ["Bearer sk-env"]);
    assert_eq!(exchange.header("x-team"), ["blue"]);
    assert_eq!(exchange.header("x-region"), ["eu"]);
    assert!(exchange.header("chatgpt-account-id").is_empty() && exchange.header("x-api-key").is_empty());
}

#[tokio::test]
async fn s_07_what_was_used_is_told_by_the_gateway_behind_as_to_the_person() {
    let local = Local::new().await;
    let asked = Request::get("/v1/keyfob/usage?by=day")
        .header("host", local.address.to_string())
        .header("authorization", format!("Bearer {}", local.key));

    let (answered, exchange) = tokio::join!(local.send(asked, ""), local.reply(200, r#"{"by":"day"}"#));

    assert_eq!((answered.status, answered.text().as_str()), (StatusCode::OK, r#"{"by":"day"}"#));
    assert!(exchange.head.starts_with("GET /base/v1/keyfob/usage?by=day HTTP/1.1\r\n"), "{}", exchange.head);
    assert_eq!(exchange.header("authorization"), [format!("Bearer {PROVIDER_TOKEN}")]);
}

#[tokio::test]
async fn s_22_a_provider_that_asks_for_nothing_gets_nothing_and_one_without_its_key_says_which() {
    let open = Local::with("", &[], |_| {}).await;
    assert!(served(&open).await.header("authorization").is_empty());

    let keyless = Local::with("env_key = 'GATEWAY_KEY'", &[], |_| {}).await;
    let (status, code, text) = refused(&keyless).await;
    assert_eq!((status, code.as_str()), (403, "credential_unusable"));
    assert!(text.contains("`GATEWAY_KEY` is not set"), "{text}");
}

#[tokio::test]
async fn d_08_a_variable_comes_before_the_stored_login_and_one_that_is_wrong_has_no_substitute() {
    let issuer = Refresher::start().await;
    let lines = "requires_openai_auth = true";
    let sign_in = |home: &_| issuer.sign_in(home);

    let stored = Local::with(lines, &[], sign_in).await;
    assert!(issuer.token(0).is_in(&served(&stored).await.header("authorization")));

    // OpenAI's own key goes to OpenAI and nowhere else (security C-23).
    let key = Local::with(lines, &[("CODEX_API_KEY", "sk-openai")], sign_in).await;
    let (status, code, _) = refused(&key).await;
    assert_eq!((status, code.as_str()), (403, "server_not_vouched_for"));

    let flawed = Local::with(lines, &[("CODEX_ACCESS_TOKEN", "nonsense")], sign_in).await;
    let (status, code, _) = refused(&flawed).await;
    assert_eq!((status, code.as_str()), (503, "credential_unusable"));
}

#[tokio::test]
async fn c_23_a_login_goes_to_no_server_that_its_issuer_does_not_vouch_for() {
    let issuer = Refresher::start().await;
    let elsewhere = |home: &super::world::Home| {
        issuer.sign_in(home);
        let text = home.read("auth.json").replace(&issuer.url, "https://id.test");
        home.put("auth.json", &text);
    };
    let local = Local::with("requires_openai_auth = true", &[], elsewhere).await;

    let (status, code, text) = refused(&local).await;

    assert_eq!((status, code.as_str()), (403, "server_not_vouched_for"));
    assert!(text.contains("`login_origins`"), "{text}");
}

#[tokio::test]
async fn d_09_a_login_that_breaks_a_restriction_is_not_sent_and_is_removed_as_by_the_command() {
    let issuer = Refresher::start().await;
    let local = Local::with("requires_openai_auth = true", &[], |home| issuer.sign_in(home)).await;
    served(&local).await;

    let configuration = local.home.read("config.toml");
    local.home.put("config.toml", &format!("forced_login_method = 'api'\n{configuration}"));
    let (status, code, _) = refused(&local).await;

    assert_eq!((status, code.as_str()), (403, "refused_by_policy"));
    assert!(!local.home.path().join("auth.json").exists());
    let (status, code, text) = refused(&local).await;
    assert_eq!((status, code.as_str()), (403, "not_signed_in"));
    assert!(text.contains("run `keyfob login`"), "{text}");
}

#[tokio::test]
async fn g_08_a_configuration_that_leads_elsewhere_later_gets_nothing_there() {
    let issuer = Refresher::start().await;
    let local = Local::with("requires_openai_auth = true", &[], |home| issuer.sign_in(home)).await;
    let other = FakeUpstream::start().await;

    local.home.put("config.toml", &provider(other.address, "requires_openai_auth = true"));
    let (status, code, _) = refused(&local).await;

    assert_eq!((status, code.as_str()), (503, "configuration_changed"));
    assert!(other.saw_nothing());
}

#[tokio::test]
async fn g_31_a_command_is_run_again_for_a_token_in_place_of_one_that_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("print-token");
    let text = "#!/bin/sh\necho x >> \"$0.runs\"\necho \"token-$(wc -l < \"$0.runs\")\"\n";
    std::io::Write::write_all(&mut std::fs::File::create(&script).unwrap(), text.as_bytes()).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let lines = format!("[model_providers.p.auth]\ncommand = '{}'", script.display());
    let local = Local::with(&lines, &[], |_| {}).await;
    let upstream = async {
        let first = local.upstream.answer(&answer(401, "{}")).await;
        (first, local.upstream.answer(&answer(200, "{}")).await)
    };

    let (answered, (first, second)) = tokio::join!(local.send(local.request(), "{}"), upstream);
    let third = served(&local).await;

    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(first.header("authorization"), ["Bearer token-1"]);
    assert_eq!(second.header("authorization"), ["Bearer token-2"]);
    assert_eq!(third.header("authorization"), ["Bearer token-2"]);
}

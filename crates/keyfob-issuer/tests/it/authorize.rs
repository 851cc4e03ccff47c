//! The authorization request.

use crate::world::{CALLBACK, World, authorize, changed, codex_request};
use keyfob_codex::client::GATEWAY_CLIENT_ID;

const NEVER_REGISTERED: [&str; 40] = [
    "http://localhost.evil:1455/auth/callback",
    "http://localhost:1455@evil/auth/callback",
    "http://user@127.0.0.1:1455/auth/callback",
    "http://127.0.0.1:1455@evil/auth/callback",
    "http://127.0.0.1:1455%2f@evil/auth/callback",
    "http://127.0.0.1@evil:1455/auth/callback",
    "http://@127.0.0.1:1455/auth/callback",
    "http://[::1].evil:1455/auth/callback",
    "http://[::1]:1455/auth/callback",
    "//evil/auth/callback",
    "http:\\\\evil\\auth\\callback",
    "http://127.0.0.1:1455\\@evil/auth/callback",
    "http://127.0.0.1:1455/auth/callback#fragment",
    "http://127.0.0.1:1455/auth/callback?x=1",
    "http://127.0.0.1:1455/auth/callback/",
    "http://127.0.0.1:1455/auth/callback/..",
    "http://127.0.0.1:1455/auth/callback/..%2f",
    "http://127.0.0.1:1455/auth/..;/callback",
    "http://127.0.0.1:1455/auth/./callback",
    "http://127.0.0.1:1455//auth/callback",
    "http://127.0.0.1:1455/auth%2fcallback",
    "http://127.0.0.1:1455/AUTH/callback",
    "http://127.0.0.1:1455/callback",
    "HTTP://127.0.0.1:1455/auth/callback",
    "https://127.0.0.1:1455/auth/callback",
    "ftp://127.0.0.1:1455/auth/callback",
    "javascript:alert(1)//127.0.0.1:1455/auth/callback",
    "http://0x7f.1:1455/auth/callback",
    "http://2130706433:1455/auth/callback",
    "http://127.1:1455/auth/callback",
    "http://127.0.0.1.:1455/auth/callback",
    "http://localhost.:1455/auth/callback",
    "http://127\u{3002}0\u{3002}0\u{3002}1:1455/auth/callback",
    "http://127.0.0.1:1455\t/auth/callback",
    "http://127.0.0.1:14\n55/auth/callback",
    " http://127.0.0.1:1455/auth/callback",
    "http://127.0.0.1:1455/auth/callback ",
    "http://LOCALHOST:1455/auth/callback",
    "http://evil.example/auth/callback",
    "urn:ietf:wg:oauth:2.0:oob",
];

#[tokio::test]
async fn i_01_an_address_that_is_not_registered_letter_by_letter_gets_a_page_and_no_redirect() {
    let world = World::start().await;

    for uri in NEVER_REGISTERED {
        let request = changed(&codex_request(), &[("redirect_uri", uri)]);
        let answer = world.browser().get(&authorize(&request)).await;
        assert_eq!((answer.status, answer.location()), (400, None), "{uri:?}");
    }
}

#[tokio::test]
async fn i_02_only_the_port_of_127_0_0_1_is_free_and_localhost_has_two() {
    let world = World::start().await;
    let status = async |uri: &str| {
        let request = changed(&codex_request(), &[("redirect_uri", uri)]);
        world.browser().get(&authorize(&request)).await.status
    };

    for port in ["1", "80", "1455", "65535"] {
        assert_eq!(status(&format!("http://127.0.0.1:{port}/auth/callback")).await, 303, "{port}");
    }
    for port in ["0", "65536", "01455", "", "-1", "1455:1"] {
        assert_eq!(status(&format!("http://127.0.0.1:{port}/auth/callback")).await, 400, "{port}");
    }
    assert_eq!(status("http://localhost:1455/auth/callback").await, 303);
    assert_eq!(status("http://localhost:1457/auth/callback").await, 303);
    assert_eq!(status("http://localhost:1456/auth/callback").await, 400);
    assert_eq!(status("http://127.0.0.2:1455/auth/callback").await, 400);
    // The address of devices is for devices alone.
    assert_eq!(status(&format!("{}/deviceauth/callback", world.base)).await, 400);
}

#[tokio::test]
async fn i_03_only_a_verified_address_is_told_about_an_error() {
    let world = World::start().await;
    let ask = async |changes: &[(&str, &str)]| {
        world.browser().get(&authorize(&changed(&codex_request(), changes))).await
    };

    let unknown_client = ask(&[("client_id", "nobody"), ("redirect_uri", "http://evil.example/")]).await;
    assert_eq!((unknown_client.status, unknown_client.location()), (400, None));
    let unknown_client = ask(&[("client_id", "nobody")]).await;
    assert_eq!((unknown_client.status, unknown_client.location()), (400, None));
    let evil_address = ask(&[("redirect_uri", "http://evil.example/"), ("scope", "\"")]).await;
    assert_eq!((evil_address.status, evil_address.location()), (400, None));
    let bad_scope = ask(&[("scope", "open\"id")]).await;
    assert_eq!(bad_scope.status, 303);
    let expected = format!(
        "{CALLBACK}?error=invalid_scope&state=the-state&iss={}",
        url::form_urlencoded::byte_serialize(world.base.as_bytes()).collect::<String>()
    );
    assert_eq!(bad_scope.location(), Some(expected.as_str()));
}

#[tokio::test]
async fn i_08_only_the_code_flow_with_s256_is_offered() {
    let world = World::start().await;
    let error = async |changes: &[(&str, &str)]| {
        let answer = world.browser().get(&authorize(&changed(&codex_request(), changes))).await;
        let location = answer.location().unwrap().to_owned();
        assert!(!location.contains('#'), "{location}");
        answer.redirected().remove("error").unwrap_or_default()
    };

    for response_type in ["token", "id_token", "code id_token", "none", "code code"] {
        assert_eq!(error(&[("response_type", response_type)]).await, "unsupported_response_type");
    }
    assert_eq!(error(&[("response_type", "")]).await, "invalid_request");
    assert_eq!(error(&[("response_mode", "fragment")]).await, "invalid_request");
    assert_eq!(error(&[("prompt", "none")]).await, "login_required");
    assert_eq!(error(&[("resource", "https://other.example")]).await, "invalid_target");
}

#[tokio::test]
async fn i_10_a_repeated_or_broken_parameter_is_refused_in_query_and_form_alike() {
    let world = World::start().await;
    let query = authorize(&codex_request());
    let form = query.split_once('?').unwrap().1.to_owned();
    let form_type = ("content-type", "application/x-www-form-urlencoded");

    for (name, _) in codex_request() {
        let twice = format!("&{name}=x");
        let by_query = world.browser().get(&format!("{query}{twice}")).await;
        assert_eq!((by_query.status, by_query.location()), (400, None), "{name}");
        let by_form =
            world.browser().post_with("/oauth/authorize", form_type, &format!("{form}{twice}")).await;
        assert_eq!((by_form.status, by_form.location()), (400, None), "{name}");
    }
    for broken in ["&x=%00", "&x=%C0%AF", "&x=%f", "&x=%zz"] {
        assert_eq!(world.browser().get(&format!("{query}{broken}")).await.status, 400, "{broken}");
    }
    let mixed = world.browser().post_with(&query, form_type, &form).await;
    assert_eq!(mixed.status, 400);
    let large = format!("{form}&x={}", "x".repeat(70_000));
    assert_eq!(world.browser().post_with("/oauth/authorize", form_type, &large).await.status, 413);
    assert_eq!(world.browser().post_with("/oauth/authorize", form_type, &form).await.status, 303);
}

#[tokio::test]
async fn the_gateway_client_has_its_own_address_and_the_audience_as_its_resource() {
    let world = World::start().await;
    let request = changed(
        &codex_request(),
        &[("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:5/callback")],
    );
    let request = changed(&request, &[("resource", &world.base), ("scope", "inference offline_access")]);

    assert_eq!(world.browser().get(&authorize(&request)).await.status, 303);
    let other_path = changed(&request, &[("redirect_uri", CALLBACK)]);
    assert_eq!(world.browser().get(&authorize(&other_path)).await.status, 400);
}

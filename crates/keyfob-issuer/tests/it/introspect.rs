//! Resource servers ask what tokens mean (RFC 7662).

use crate::browser::Answer;
use crate::people::make_key;
use crate::world::{TestEntropy, World};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::resource_server;
use keyfob_jose::read_unverified;
use reqwest::Method;
use serde_json::{Value, json};

const INACTIVE: (u16, &str) = (200, r#"{"active":false}"#);

/// A resource server, by what it authenticates with.
pub(crate) struct Server(String);

impl Server {
    pub(crate) async fn add(world: &World, name: &str, audience: Option<&str>) -> Self {
        let audience = audience.map(str::to_owned);
        let data = world.data.path();
        let secret = resource_server::add(data, name, audience, &*world.clock, &TestEntropy).await.unwrap();
        Self::known(name, secret.expose())
    }

    /// One that was added before.
    pub(crate) fn known(name: &str, secret: &str) -> Self {
        Self(basic(name, secret))
    }

    pub(crate) async fn ask(&self, world: &World, token: &str) -> Answer {
        let headers = [("authorization", &*self.0)];
        world.browser().post_form_with("/oauth/introspect", &headers, &[("token", token)]).await
    }
}

pub(crate) fn basic(name: &str, secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

#[tokio::test]
async fn i_35_a_gateway_learns_what_an_access_token_says_and_of_its_end() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    let tokens = world.tokens().await;
    let claims = read_unverified(&tokens.access).unwrap();
    let mut expected = json!({ "active": true, "token_type": "Bearer", "kind": "access_token" });
    let told = [
        "iss",
        "sub",
        "aud",
        "client_id",
        "exp",
        "iat",
        "jti",
        "scope",
        "sid",
        "workspace_id",
        "workspace_role",
        "auth_time",
        "amr",
    ];
    for member in told {
        expected[member] = claims.get(member).unwrap().clone();
    }

    let answer = gateway.ask(&world, &tokens.access).await;
    assert_eq!((answer.status, answer.json()), (200, expected));

    let session = format!("/api/sessions/{}", claims.text("sid").unwrap());
    assert_eq!(world.browser().call(Method::DELETE, &session, &tokens.access, None).await.status, 204);
    assert_eq!(gateway.ask(&world, &tokens.access).await.essence(), INACTIVE);
    let others = world.tokens().await;
    world.clock.advance(3600);
    assert_eq!(gateway.ask(&world, &others.access).await.essence(), INACTIVE);
}

#[tokio::test]
async fn a_gateway_learns_the_limits_of_a_key_and_that_it_ended() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    let tokens = world.tokens().await;
    let claims = read_unverified(&tokens.access).unwrap();
    let wish = json!({
        "kind": "api_key", "label": "ci", "scope": "api.connectors.read", "models": "small", "expires_in": 600,
    });
    let key = make_key(&world, &tokens, &wish).await;

    let answer = gateway.ask(&world, &key.secret).await;

    let issued: i64 = claims.time("iat").unwrap().as_unix();
    let expected = json!({
        "active": true, "token_type": "Bearer", "kind": "api_key", "iss": world.base,
        "sub": claims.text("sub"), "aud": world.base, "exp": issued + 600, "iat": issued, "jti": key.id,
        "scope": "api.connectors.read", "workspace_id": claims.text("workspace_id"), "models": ["small"],
        "data_policy": { "retention": null, "data_sharing": false },
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let path = format!("/api/keys/{}", key.id);
    assert_eq!(world.browser().call(Method::DELETE, &path, &tokens.access, None).await.status, 204);
    assert_eq!(gateway.ask(&world, &key.secret).await.essence(), INACTIVE);
}

#[tokio::test]
async fn s_04_a_sign_in_follows_its_workspace_and_an_api_key_its_organisation() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    world
        .query(
            "UPDATE workspaces SET retention = 'zero', residency = 'eu', organisation_retention = '30-days',
             data_sharing = 'on'",
        )
        .await;
    let tokens = world.tokens().await;
    let make =
        async |kind: &str| make_key(&world, &tokens, &json!({ "kind": kind, "label": "a" })).await.secret;
    let (personal, api) = (make("personal_access_token").await, make("api_key").await);

    let of_workspace = json!({ "retention": "zero", "residency": "eu" });
    let of_organisation = json!({ "retention": "30-days", "data_sharing": true });
    for (token, expected) in
        [(&tokens.access, &of_workspace), (&personal, &of_workspace), (&api, &of_organisation)]
    {
        assert_eq!(gateway.ask(&world, token).await.json()["data_policy"], *expected);
    }
}

#[tokio::test]
async fn i_35_a_server_learns_nothing_of_tokens_for_another_audience_or_of_another_kind() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    let other = Server::add(&world, "other", Some("https://other.example")).await;
    let tokens = world.tokens().await;
    let key = make_key(&world, &tokens, &json!({ "kind": "personal_access_token", "label": "a" })).await;

    for token in [&tokens.access, &key.secret] {
        assert_eq!(gateway.ask(&world, token).await.json()["active"], true);
        assert_eq!(other.ask(&world, token).await.essence(), INACTIVE);
    }
    let tampered = format!("{}x", tokens.access);
    for token in [&*tokens.id, &*tokens.refresh, &*tampered, "x", "at-x", "a.b.c"] {
        assert_eq!(gateway.ask(&world, token).await.essence(), INACTIVE);
    }
}

#[tokio::test]
async fn i_22_only_a_registered_server_with_its_secret_in_the_header_is_answered() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    let other = Server::add(&world, "other", None).await;
    let secret_of_other = other.0.clone();
    let tokens = world.tokens().await;
    let ask = async |authorization: &str, form: &[(&str, &str)]| {
        let headers = [("authorization", authorization)];
        world.browser().post_form_with("/oauth/introspect", &headers, form).await
    };
    let token = [("token", &*tokens.access)];

    let nobody = world.browser().post("/oauth/introspect", &token).await;
    assert_eq!((nobody.status, nobody.json()["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(nobody.headers["www-authenticate"], "Basic realm=\"resource servers\"");
    let bearer = format!("Bearer {}", tokens.access);
    for wrong in [
        &*basic("gateway", ""),
        &*basic("gateway", "kfs_wrong"),
        &*basic("nobody", "kfs_wrong"),
        &*basic("other", "kfs_wrong"),
        &*bearer,
        "Basic !",
    ] {
        assert_eq!(ask(wrong, &token).await.essence(), nobody.essence(), "{wrong}");
    }
    for second in [("client_secret", "x"), ("client_assertion", "a.b.c")] {
        let both = [token[0], ("client_id", "gateway"), second];
        assert_eq!(ask(&gateway.0, &both).await.essence(), nobody.essence(), "{second:?}");
        let feed = format!("/api/revocations?after=0&{}={}", second.0, second.1);
        let followed = world.browser().get_with(&feed, ("authorization", &gateway.0)).await;
        assert_eq!(followed.essence(), nobody.essence(), "{second:?}");
    }
    assert_eq!(ask(&secret_of_other, &token).await.status, 200);
    resource_server::remove(world.data.path(), "gateway", &*world.clock).await.unwrap();
    assert_eq!(gateway.ask(&world, &tokens.access).await.essence(), nobody.essence());
    assert_eq!(read_unverified(&tokens.access).unwrap().text("client_id"), Some(CLIENT_ID));
}

#[tokio::test]
async fn i_35_name_and_secret_may_be_encoded_as_in_a_form_before_they_are_joined() {
    let world = World::start().await;
    let data = world.data.path();
    let secret = resource_server::add(data, "gateway-1", None, &*world.clock, &TestEntropy).await.unwrap();
    let tokens = world.tokens().await;
    // RFC 6749 §2.3.1, by clients that escape everything that is no letter or digit.
    let escaped = secret.expose().replace('_', "%5F").replace('-', "%2d");
    assert_ne!(escaped, secret.expose());

    let plain = Server::known("gateway-1", secret.expose()).ask(&world, &tokens.access).await;
    let encoded = Server::known("gateway%2D1", &escaped).ask(&world, &tokens.access).await;
    let broken =
        Server::known("gateway-1", &format!("{}%", secret.expose())).ask(&world, &tokens.access).await;

    assert_eq!((encoded.status, encoded.json()), (200, plain.json()));
    assert_eq!(plain.json()["active"], true);
    assert_eq!((broken.status, broken.json()["error"].as_str()), (401, Some("invalid_client")));
}

#[tokio::test]
async fn i_35_guessing_is_throttled_and_keeps_nobody_from_asking_about_real_tokens() {
    let world = World::start().await;
    let gateway = Server::add(&world, "gateway", None).await;
    let tokens = world.tokens().await;
    for number in 0..300 {
        assert_eq!(gateway.ask(&world, &format!("guess-{number}")).await.essence(), INACTIVE);
    }

    let throttled = gateway.ask(&world, "one more").await;

    assert_eq!((throttled.status, &throttled.headers["retry-after"]), (429, &"60".parse().unwrap()));
    assert_eq!(gateway.ask(&world, &tokens.access).await.json()["active"], Value::Bool(true));
    world.clock.advance(60);
    assert_eq!(gateway.ask(&world, "one more").await.essence(), INACTIVE);
}

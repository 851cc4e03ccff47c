//! Who signed in, for programs (OpenID Connect Core §5.3).

use crate::world::{OWNER, Tokens, World, changed, codex_request, exchange};
use reqwest::Method;
use serde_json::json;

async fn tokens(world: &World, scope: &str) -> Tokens {
    let code = world.code(&changed(&codex_request(), &[("scope", scope)])).await;
    Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await)
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_open_by_get_and_by_post() {
    let world = World::start().await;
    for (scope, email, name) in
        [("openid", false, false), ("openid email", true, false), ("openid profile", false, true)]
    {
        let tokens = tokens(&world, scope).await;
        let subject = keyfob_jose::read_unverified(&tokens.id).unwrap().text("sub").unwrap().to_owned();
        let mut expected = json!({ "sub": subject });
        if email {
            expected["email"] = OWNER.into();
            expected["email_verified"] = true.into();
        }
        if name {
            expected["name"] = "mia".into();
        }
        for method in [Method::GET, Method::POST] {
            let answer = world.browser().call(method, "/oauth/userinfo", &tokens.access, None).await;
            assert_eq!((answer.status, answer.json()), (200, expected.clone()), "{scope}");
        }
    }
}

#[tokio::test]
async fn userinfo_needs_the_scope_openid() {
    let world = World::start().await;
    let tokens = tokens(&world, "email").await;

    let answer = world.browser().call(Method::GET, "/oauth/userinfo", &tokens.access, None).await;

    assert_eq!(answer.essence(), (403, r#"{"error":"insufficient_scope"}"#));
}

#[tokio::test]
async fn the_app_server_learns_the_workspace_and_that_nothing_limits_it() {
    let world = World::start().await;
    let tokens = tokens(&world, "openid").await;
    let workspace = keyfob_jose::read_unverified(&tokens.access).unwrap();

    let account = json!({
        "id": workspace.text("workspace_id"), "name": "Personal", "workspace_backend_origin": world.base,
        "account_routing_override": "NO_CONSTRAINT",
    });
    // As Codex CLI 0.169.0 makes them of a `chatgpt_base_url` that is an origin, and of one that ends in `/backend-api`.
    for base in ["/api/codex", "/backend-api/wham", "/wham"] {
        let ask = async |what: &str| {
            world.browser().call(Method::GET, &format!("{base}{what}"), &tokens.access, None).await.json()
        };
        assert_eq!(ask("/accounts/check").await, json!({ "accounts": [account] }));
        assert_eq!(ask("/usage").await, json!({ "plan_type": "pro", "rate_limit": null }));
    }
}

//! Every grant in every state of its account and workspace: what must not pass is refused at redemption (I-32).

use crate::handoff::{hand_over, handoff_code, take_over};
use crate::introspect::Server;
use crate::people::make_key;
use crate::world::{Tokens, World, changed, codex_request, exchange, refresh};
use keyfob_codex::client::CLIENT_ID;
use reqwest::Method;
use serde_json::{Value, json};

/// Everything that can be redeemed or presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Code,
    Refresh,
    /// A device that was let in asks for its code.
    Device,
    /// A device redeems its code.
    DeviceCode,
    Child,
    ApiKeyExchange,
    /// A session hands over.
    HandOver,
    /// Another machine takes over.
    TakeOver,
    PersonalAccessToken,
    ApiKey,
}

impl Grant {
    const ALL: [Self; 10] = [
        Self::PersonalAccessToken,
        Self::ApiKey,
        Self::Child,
        Self::ApiKeyExchange,
        Self::HandOver,
        Self::TakeOver,
        Self::Code,
        Self::Refresh,
        Self::Device,
        Self::DeviceCode,
    ];
}

/// What has happened to the account or to its workspace since.
#[derive(Clone, Copy, Debug)]
enum State {
    AsItWas,
    Locked,
    Disabled,
    Removed,
    WorkspaceGone,
    SecondFactorWanted,
    SsoOnly,
    SessionsShorter,
    DevicesOffInWorkspace,
    DevicesOffForPerson,
    NoApiKeys,
}

impl State {
    const ALL: [Self; 11] = [
        Self::AsItWas,
        Self::Locked,
        Self::Disabled,
        Self::Removed,
        Self::WorkspaceGone,
        Self::SecondFactorWanted,
        Self::SsoOnly,
        Self::SessionsShorter,
        Self::DevicesOffInWorkspace,
        Self::DevicesOffForPerson,
        Self::NoApiKeys,
    ];

    fn sql(self) -> &'static [&'static str] {
        match self {
            Self::AsItWas => &[],
            Self::Locked => &["UPDATE users SET status = 'locked'"],
            Self::Disabled => &["UPDATE users SET status = 'disabled'"],
            Self::Removed => &["DELETE FROM members"],
            Self::WorkspaceGone => &["PRAGMA foreign_keys = ON", "DELETE FROM workspaces"],
            Self::SecondFactorWanted => &["UPDATE workspaces SET mfa = 'always'"],
            Self::SsoOnly => &["UPDATE workspaces SET methods = 'sso'"],
            Self::SessionsShorter => &[
                "UPDATE workspaces SET session_seconds = 600",
                "UPDATE refresh_families SET created_at = created_at - 600",
            ],
            Self::DevicesOffInWorkspace => &["UPDATE workspaces SET device_codes = 'off'"],
            Self::DevicesOffForPerson => &["UPDATE users SET device_code_enabled = 0"],
            Self::NoApiKeys => &["UPDATE workspaces SET api_keys = 'refused'"],
        }
    }

    /// What passes no more; the whole table.
    fn refuses(self) -> &'static [Grant] {
        const SIGN_INS: &[Grant] = &[
            Grant::Child,
            Grant::ApiKeyExchange,
            Grant::HandOver,
            Grant::TakeOver,
            Grant::Code,
            Grant::Refresh,
            Grant::Device,
            Grant::DeviceCode,
        ];
        match self {
            Self::AsItWas => &[],
            Self::Locked | Self::Disabled | Self::Removed | Self::WorkspaceGone => &Grant::ALL,
            Self::SecondFactorWanted | Self::SsoOnly => SIGN_INS,
            Self::SessionsShorter => {
                &[Grant::Child, Grant::ApiKeyExchange, Grant::HandOver, Grant::TakeOver, Grant::Refresh]
            }
            Self::DevicesOffInWorkspace | Self::DevicesOffForPerson => &[Grant::Device, Grant::DeviceCode],
            Self::NoApiKeys => &[Grant::ApiKey, Grant::ApiKeyExchange],
        }
    }
}

struct Matrix {
    world: World,
    gateway: Server,
    tokens: Tokens,
    code: String,
    device: Value,
    delivered: Value,
    handoff: String,
    personal: String,
    api: String,
}

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

impl Matrix {
    /// Has everything made while all is well.
    async fn build() -> Self {
        let world = World::start_with("\napi_key_exchange = true\n").await;
        let gateway = Server::add(&world, "gateway", None).await;
        let tokens = world.tokens().await;
        let device = let_in(&world).await;
        let delivered = poll(&world, &let_in(&world).await).await;
        assert_eq!(delivered.0, 200, "{}", delivered.1);
        let personal = json!({ "kind": "personal_access_token", "label": "a" });
        let personal = make_key(&world, &tokens, &personal).await.secret;
        let api = make_key(&world, &tokens, &json!({ "kind": "api_key", "label": "a" })).await.secret;
        let code = world.code(&codex_request()).await;
        let handoff = handoff_code(&world, &tokens.refresh).await;
        Self { world, gateway, tokens, code, device, delivered: delivered.1, handoff, personal, api }
    }

    async fn passes(&self, grant: Grant) -> bool {
        let world = &self.world;
        let token = async |form: &[(&str, &str)]| world.browser().post("/oauth/token", form).await.status;
        let exchanged = |subject: &'static str| {
            [("grant_type", EXCHANGE), ("client_id", CLIENT_ID), ("subject_token_type", subject)]
        };
        let status = match grant {
            Grant::Code => token(&exchange(&self.code)).await,
            Grant::Refresh => token(&refresh(CLIENT_ID, &self.tokens.refresh)).await,
            Grant::Device => poll(world, &self.device).await.0,
            Grant::DeviceCode => {
                let callback = format!("{}/deviceauth/callback", world.base);
                let text = |member: &str| self.delivered[member].as_str().unwrap();
                let changes = [
                    ("code", text("authorization_code")),
                    ("code_verifier", text("code_verifier")),
                    ("redirect_uri", &*callback),
                ];
                token(&changed(&exchange(""), &changes)).await
            }
            Grant::Child => {
                let access = exchanged("urn:ietf:params:oauth:token-type:access_token");
                token(&changed(&access, &[("subject_token", &self.tokens.access)])).await
            }
            Grant::ApiKeyExchange => {
                let id = exchanged("urn:ietf:params:oauth:token-type:id_token");
                let wish = [("subject_token", &*self.tokens.id), ("requested_token", "openai-api-key")];
                token(&changed(&id, &wish)).await
            }
            Grant::HandOver => hand_over(world, &self.tokens.refresh, &[]).await.status,
            Grant::TakeOver => take_over(world, &self.handoff, &[]).await.status,
            Grant::PersonalAccessToken => {
                let path = keyfob_codex::who_am_i::PATH;
                world.browser().call(Method::GET, path, &self.personal, None).await.status
            }
            Grant::ApiKey => return self.gateway.ask(world, &self.api).await.json()["active"] == true,
        };
        status == 200
    }
}

/// Starts a device's sign-in and lets it in.
async fn let_in(world: &World) -> Value {
    const PAGE: &str = "/codex/device";
    let client = json!({ "client_id": CLIENT_ID });
    let device = world.browser().post_json("/api/accounts/deviceauth/usercode", &client).await.json();
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, crate::world::PASSWORD).await;
    let user_code = device["user_code"].as_str().unwrap();
    let csrf = browser.get(PAGE).await.csrf();
    let csrf = browser.post(PAGE, &[("csrf", &csrf), ("user_code", user_code)]).await.csrf();
    let form = [("csrf", &*csrf), ("user_code", user_code), ("decision", "approve")];
    assert_eq!(browser.post("/codex/device/approve", &form).await.status, 200);
    device
}

async fn poll(world: &World, device: &Value) -> (u16, Value) {
    let body = json!({ "device_auth_id": device["device_auth_id"], "user_code": device["user_code"] });
    let answer = world.browser().post_json("/api/accounts/deviceauth/token", &body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn i_32_of_all_grants_in_all_states_of_account_and_workspace_only_the_right_ones_pass() {
    let mut tried = 0;
    for state in State::ALL {
        let matrix = Matrix::build().await;
        for statement in state.sql() {
            matrix.world.query(statement).await;
        }
        for grant in Grant::ALL {
            let expected = !state.refuses().contains(&grant);
            assert_eq!(matrix.passes(grant).await, expected, "{grant:?} when {state:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 11 * 10);
}

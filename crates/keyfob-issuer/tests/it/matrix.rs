//! Every kind of secret at every door that takes one: only the fitting ones pass (I-06, I-39).

use crate::administration::{add, for_administration, tokens_for};
use crate::app::enrol;
use crate::device_grant::redeem as redeem_device;
use crate::handoff::{hand_over, handoff_code, take_over};
use crate::introspect::{Server, basic};
use crate::mail::PostOffice;
use crate::people::make_key;
use crate::world::{OWNER, TestEntropy, Tokens, World, changed, codex_request, exchange, refresh};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_issuer::command::{resource_server, user, workspace};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::Role;
use reqwest::Method;
use serde_json::json;

/// Where a browser may be led that was signed out.
const BYE: &str = "https://portal.example/bye";

/// Every kind of secret that the issuer hands out to programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AccessToken,
    GatewayAccessToken,
    ChildToken,
    IdToken,
    RefreshToken,
    Code,
    PersonalAccessToken,
    ApiKey,
    DeviceAuthId,
    UserCode,
    DeviceCode,
    ServerSecret,
    SessionCookie,
    AdministrationToken,
    ResetLink,
    EmailLink,
    UndoLink,
    InvitationLink,
    HandoffCode,
}

/// Every door that takes a secret and tells whether it counts.
#[derive(Clone, Copy, Debug)]
enum Door {
    Sessions,
    Keys,
    UserInfo,
    WhoAmI,
    RedeemCode,
    Refresh,
    HandOn,
    AskForApiKey,
    Introspect,
    IntrospectAs,
    PollDevice,
    RedeemDevice,
    Administration,
    Feed,
    ResetPage,
    EmailPage,
    UndoPage,
    Join,
    LogoutHint,
    HandOver,
    TakeOver,
}

impl Door {
    const ALL: [Self; 21] = [
        Self::Sessions,
        Self::Keys,
        Self::UserInfo,
        Self::WhoAmI,
        Self::HandOn,
        Self::Introspect,
        Self::IntrospectAs,
        Self::PollDevice,
        Self::RedeemDevice,
        Self::Administration,
        Self::Feed,
        Self::ResetPage,
        Self::EmailPage,
        Self::UndoPage,
        Self::Join,
        Self::LogoutHint,
        Self::HandOver,
        // These use up what they take, so they come last.
        Self::TakeOver,
        Self::AskForApiKey,
        Self::RedeemCode,
        Self::Refresh,
    ];

    /// Which kinds pass; the whole table.
    fn takes(self) -> &'static [Kind] {
        match self {
            Self::Sessions | Self::Keys | Self::UserInfo | Self::HandOn => &[Kind::AccessToken],
            Self::WhoAmI => &[Kind::PersonalAccessToken],
            Self::RedeemCode => &[Kind::Code],
            Self::Refresh | Self::HandOver => &[Kind::RefreshToken],
            Self::TakeOver => &[Kind::HandoffCode],
            Self::AskForApiKey | Self::LogoutHint => &[Kind::IdToken],
            Self::Introspect => &[
                Kind::AccessToken,
                Kind::GatewayAccessToken,
                Kind::ChildToken,
                Kind::PersonalAccessToken,
                Kind::ApiKey,
            ],
            Self::IntrospectAs | Self::Feed => &[Kind::ServerSecret],
            Self::Administration => &[Kind::AdministrationToken],
            Self::ResetPage => &[Kind::ResetLink],
            Self::EmailPage => &[Kind::EmailLink],
            Self::UndoPage => &[Kind::UndoLink],
            Self::Join => &[Kind::InvitationLink],
            Self::PollDevice => &[Kind::DeviceAuthId],
            Self::RedeemDevice => &[Kind::DeviceCode],
        }
    }
}

struct Matrix {
    world: World,
    gateway: Server,
    user_code: String,
    secrets: Vec<(Kind, String)>,
}

impl Matrix {
    async fn build() -> Self {
        let (mut post_office, letters) = PostOffice::start();
        let settings = format!(
            "\napi_key_exchange = true\n[post_logout_redirect_uris]\n{CLIENT_ID} = [\"{BYE}\"]\n{letters}"
        );
        let world = World::start_with(&settings).await;
        let tokens = world.tokens().await;
        let data = world.data.path();
        let secret = resource_server::add(data, "gateway", None, &*world.clock, &TestEntropy);
        let secret = secret.await.unwrap().expose().to_owned();
        let device = json!({ "client_id": CLIENT_ID });
        let device = world.browser().post_json("/api/accounts/deviceauth/usercode", &device).await.json();
        let standard = [("client_id", CLIENT_ID)];
        let standard = world.browser().post("/oauth/device_authorization", &standard).await;
        let text = |member: &str| device[member].as_str().unwrap().to_owned();
        let mut browser = world.browser();
        let interaction = world.begin(&mut browser, &codex_request()).await;
        world.sign_in(&mut browser, &interaction, crate::world::PASSWORD).await;
        let port = world.base.rsplit(':').next().unwrap();
        let personal =
            make_key(&world, &tokens, &json!({ "kind": "personal_access_token", "label": "a" })).await;
        let api = make_key(&world, &tokens, &json!({ "kind": "api_key", "label": "a" })).await;
        let secrets = vec![
            (Kind::GatewayAccessToken, gateway_tokens(&world).await.access),
            (Kind::ChildToken, child_token(&world, &tokens).await),
            (Kind::Code, world.code(&codex_request()).await),
            (Kind::PersonalAccessToken, personal.secret),
            (Kind::ApiKey, api.secret),
            (Kind::DeviceAuthId, text("device_auth_id")),
            (Kind::UserCode, text("user_code")),
            (Kind::DeviceCode, standard.json()["device_code"].as_str().unwrap().to_owned()),
            (Kind::ServerSecret, secret.clone()),
            (Kind::SessionCookie, browser.cookies[&format!("keyfob_{port}")].clone()),
            (Kind::HandoffCode, handoff_code(&world, &tokens.refresh).await),
            (Kind::AccessToken, tokens.access),
            (Kind::IdToken, tokens.id),
            (Kind::RefreshToken, tokens.refresh),
        ];
        let links = links(&world, &mut post_office).await;
        let secrets = secrets.into_iter().chain(links).collect();
        let gateway = Server::known("gateway", &secret);
        Self { gateway, user_code: text("user_code"), secrets, world }
    }

    /// Whether the secret passes the door.
    async fn passes(&self, secret: &str, door: Door) -> bool {
        let world = &self.world;
        let bearer = async |path: &str| world.browser().call(Method::GET, path, secret, None).await.status;
        let token = async |form: &[(&str, &str)]| world.browser().post("/oauth/token", form).await.status;
        let status = match door {
            Door::Sessions => bearer("/api/sessions").await,
            Door::Keys => bearer("/api/keys").await,
            Door::UserInfo => bearer("/oauth/userinfo").await,
            Door::WhoAmI => bearer(keyfob_codex::who_am_i::PATH).await,
            Door::RedeemCode => token(&exchange(secret)).await,
            Door::Refresh => token(&refresh(CLIENT_ID, secret)).await,
            Door::HandOver => hand_over(world, secret, &[]).await.status,
            Door::TakeOver => take_over(world, secret, &[]).await.status,
            Door::HandOn => token(&hand_on(secret)).await,
            Door::AskForApiKey => {
                let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
                token(&changed(&hand_on(secret), &[kind, ("requested_token", "openai-api-key")])).await
            }
            Door::Introspect => return self.gateway.ask(world, secret).await.json()["active"] == true,
            Door::IntrospectAs => {
                let basic = basic("gateway", secret);
                let headers = [("authorization", &*basic)];
                world.browser().post_form_with("/oauth/introspect", &headers, &[("token", "x")]).await.status
            }
            Door::PollDevice => {
                let poll = json!({ "device_auth_id": secret, "user_code": self.user_code });
                let answer = world.browser().post_json("/api/accounts/deviceauth/token", &poll).await;
                // Nobody has decided yet, which only the device itself is told.
                return answer.status == 403;
            }
            Door::Administration => bearer("/api/admin").await,
            Door::Feed => {
                let basic = basic("gateway", secret);
                let headers = ("authorization", &*basic);
                world.browser().get_with("/api/revocations?after=0", headers).await.status
            }
            Door::ResetPage => world.browser().get(&format!("/reset/{secret}")).await.status,
            Door::EmailPage => world.browser().get(&format!("/email/{secret}")).await.status,
            Door::UndoPage => world.browser().get(&format!("/undo/{secret}")).await.status,
            Door::Join => {
                let mut browser = world.browser();
                browser.get(&format!("/invite/{secret}")).await;
                browser.get("/join").await.status
            }
            Door::LogoutHint => {
                let asked = format!("/oauth/logout?id_token_hint={secret}&post_logout_redirect_uri={BYE}");
                return world.browser().get(&asked).await.location() == Some(BYE);
            }
            Door::RedeemDevice => {
                let answer = world.browser().post("/oauth/token", &redeem_device(secret)).await;
                return answer.json()["error"] == "authorization_pending";
            }
        };
        status == 200
    }
}

/// Returns what letters carry, and a token that looks after a workspace: of somebody who has a second factor from then on.
async fn links(world: &World, post_office: &mut PostOffice) -> Vec<(Kind, String)> {
    let (data, clock) = (world.data.path(), &*world.clock);
    let last = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    let device = crate::device_grant::start(world, CLIENT_ID).await;
    let undo = crate::device_page::letter_of(world, post_office, &device).await;
    let blue = add(world, "Blue", OWNER).await;
    let guest = Email::parse("guest@example.org").unwrap();
    let invited = workspace::invite(data, &blue, &guest, Role::Member, clock, &TestEntropy).await.unwrap();
    let mut browser = world.browser();
    enrol(world, &mut browser).await;
    let csrf = browser.get("/account/email").await.csrf();
    browser.post("/account/email", &[("csrf", &csrf), ("email", "mia@new.example")]).await;
    let verify = post_office.link(&world.base, "/email/").1;
    let owner = Email::parse(OWNER).unwrap();
    let reset = user::reset_link(data, &owner, clock, &TestEntropy).await.unwrap();
    let tokens = tokens_for(world, &mut browser, &blue).await;
    let administration = for_administration(world, &tokens.access).await;
    vec![
        (Kind::AdministrationToken, administration.json()["access_token"].as_str().unwrap().to_owned()),
        (Kind::ResetLink, last(reset.expose())),
        (Kind::EmailLink, last(&verify)),
        (Kind::UndoLink, last(&undo)),
        (Kind::InvitationLink, last(invited.link.expose())),
    ]
}

fn hand_on(secret: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", CLIENT_ID),
        ("subject_token", secret),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ]
}

async fn child_token(world: &World, tokens: &Tokens) -> String {
    let answer = world.browser().post("/oauth/token", &hand_on(&tokens.access)).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn gateway_tokens(world: &World) -> Tokens {
    let client = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
    let code = world.code(&changed(&codex_request(), &client)).await;
    Tokens::read(&world.browser().post("/oauth/token", &changed(&exchange(&code), &client)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn i_06_i_39_of_all_kinds_of_secret_at_all_doors_only_the_fitting_ones_pass() {
    let matrix = Matrix::build().await;
    let mut tried = 0;
    for door in Door::ALL {
        let (fitting, others): (Vec<_>, Vec<_>) =
            matrix.secrets.iter().partition(|(kind, _)| door.takes().contains(kind));
        assert_eq!(fitting.len(), door.takes().len(), "{door:?}");

        for (kind, secret) in others {
            assert!(!matrix.passes(secret, door).await, "{kind:?} passes {door:?}");
            tried += 1;
        }
        // After all the others: none of those attempts used up what is right here.
        for (kind, secret) in fitting {
            assert!(matrix.passes(secret, door).await, "{kind:?} does not pass {door:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 21 * 19);
}

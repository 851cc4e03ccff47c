//! People look after their workspaces: by programs with a token for that alone, and on pages (I-69 to I-72).

use crate::app::{answer, enrol};
use crate::browser::{Answer, Browser};
use crate::mail::PostOffice;
use crate::people::{make_key, other_tokens};
use crate::world::{Kept, OWNER, PASSWORD, TestEntropy, Tokens, World, changed, codex_request, exchange};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::workspace;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::{Role, WorkspaceName};
use keyfob_issuer_sql::Effect;
use keyfob_jose::read_unverified;
use keyfob_oauth::WorkspaceId;
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const ZOE: &str = "zoe@example.org";

/// Makes a workspace that `owner` owns.
pub(crate) async fn add(world: &World, name: &str, owner: &str) -> WorkspaceId {
    let (data, name) = (world.data.path(), WorkspaceName::parse(name).unwrap());
    let owner = Email::parse(owner).unwrap();
    let made = workspace::add(data, name, &owner, Effect::Kept, &*world.clock, &TestEntropy).await;
    made.unwrap().id
}

pub(crate) async fn enrol_as(world: &World, id: &WorkspaceId, email: &str, role: Role) {
    let email = Email::parse(email).unwrap();
    workspace::set_member(world.data.path(), id, &email, role, Effect::Kept, &*world.clock).await.unwrap();
}

/// Signs in to one workspace, in a browser whose person has proven all that they have.
pub(crate) async fn tokens_for(world: &World, browser: &mut Browser, id: &WorkspaceId) -> Tokens {
    let request = changed(&codex_request(), &[("allowed_workspace_id", id.as_str())]);
    let interaction = world.begin(browser, &request).await;
    let answer = world.decide(browser, &interaction, "approve").await;
    let code = answer.redirected()["code"].clone();
    Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await)
}

pub(crate) async fn for_administration(world: &World, access: &str) -> Answer {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", CLIENT_ID),
        ("subject_token", access),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", &format!("{}/api/admin", world.base)),
    ];
    world.browser().post("/oauth/token", &form).await
}

/// The owner, with a second factor, in a workspace of theirs.
pub(crate) struct Blue {
    pub(crate) world: World,
    pub(crate) id: WorkspaceId,
    pub(crate) browser: Browser,
    pub(crate) tokens: Tokens,
    admin: String,
    post_office: PostOffice,
}

impl Blue {
    pub(crate) async fn build() -> Self {
        Self::keeping(Kept::InFile).await
    }

    pub(crate) async fn keeping(kept: Kept) -> Self {
        let (post_office, settings) = PostOffice::start();
        let world = World::start_with_on(&settings, kept).await;
        let id = add(&world, "Blue", OWNER).await;
        let mut browser = world.browser();
        enrol(&world, &mut browser).await;
        let tokens = tokens_for(&world, &mut browser, &id).await;
        let exchanged = for_administration(&world, &tokens.access).await;
        assert_eq!(exchanged.status, 200, "{}", exchanged.body);
        let admin = exchanged.json()["access_token"].as_str().unwrap().to_owned();
        Self { world, id, browser, tokens, admin, post_office }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.world.browser().call(method, path, &self.admin, body).await
    }

    /// Returns a token that looks after the workspace.
    pub(crate) fn token(&self) -> &str {
        &self.admin
    }

    pub(crate) async fn view(&self) -> Value {
        let answer = self.call(Method::GET, "/api/admin", None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn invite(&mut self, email: &str, role: &str) -> (String, String) {
        let wish = json!({ "email": email, "role": role });
        let made = self.call(Method::POST, "/api/admin/invitations", Some(&wish)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let (to, link) = self.post_office.link(&self.world.base, "/invite/");
        assert_eq!(to, email);
        (made.json()["id"].as_str().unwrap().to_owned(), link)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i_71_looking_after_a_workspace_takes_a_token_for_that_alone_soon_after_a_whole_sign_in() {
    let mut blue = Blue::build().await;
    let world = &blue.world;
    let status =
        async |token: &str| world.browser().call(Method::GET, "/api/admin", token, None).await.status;
    let key = make_key(world, &blue.tokens, &json!({ "kind": "personal_access_token", "label": "a" })).await;
    assert_eq!(status(&blue.tokens.access).await, 401, "the audience is another");
    assert_eq!(status(&blue.tokens.id).await, 401);
    assert_eq!(status(&key.secret).await, 401);
    assert_eq!(blue.browser.get("/api/admin").await.status, 401, "a cookie opens nothing");
    assert_eq!(blue.view().await["role"], "owner");
    let sessions = world.browser().call(Method::GET, "/api/sessions", &blue.admin, None).await;
    assert_eq!(sessions.status, 401, "and it opens nothing else");

    // Without a second factor, and too late, there is no such token.
    let alone = other_tokens(world).await;
    let refused = for_administration(world, &alone.access).await;
    assert_eq!((refused.status, refused.json()["error"].clone()), (400, json!("invalid_grant")));
    world.clock.advance(8 * 60);
    let late = for_administration(world, &blue.tokens.access).await.json();
    let late = late["access_token"].as_str().unwrap();
    world.clock.advance(8 * 60);
    assert_eq!(for_administration(world, &blue.tokens.access).await.status, 400);
    let old = world.browser().call(Method::GET, "/api/admin", late, None).await;
    assert_eq!((old.status, old.json()["error"].clone()), (401, json!("insufficient_user_authentication")));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_and_change_what_holds_in_their_workspace() {
    let blue = Blue::build().await;
    let change = json!({ "mfa": "always", "session_length": "8h", "name": "Green" });

    let changed = blue.call(Method::PATCH, "/api/admin", Some(&change)).await;

    assert_eq!(changed.status, 200, "{}", changed.body);
    let expected = json!({
        "name": "Green", "methods": "password sso", "mfa": "always", "device_codes": "off",
        "session_length": "8h", "api_keys": "allowed", "capabilities": "cloud", "retention": "none",
        "residency": "none", "api_retention": "none", "data_sharing": "off",
    });
    assert_eq!(changed.json()["settings"], expected);
    let view = blue.view().await;
    assert_eq!((&view["settings"], &view["kind"]), (&expected, &json!("shared")));
    assert_eq!(view["members"].as_array().unwrap().len(), 1);
    for (change, expected) in [
        (json!({ "mfa": "never" }), (400, "invalid_request")),
        (json!({ "methods": "sso" }), (409, "nobody_could_sign_in")),
        (json!({ "mfa": "cloud", "methods": "sso" }), (409, "nobody_could_sign_in")),
    ] {
        let refused = blue.call(Method::PATCH, "/api/admin", Some(&change)).await;
        assert_eq!((refused.status, refused.json()["error"].as_str().unwrap()), expected);
    }
    assert_eq!(blue.view().await["settings"], view["settings"], "all of a change or nothing");
    let own = format!("/api/admin/members/{}", view["members"][0]["subject"].as_str().unwrap());
    let leaves = blue.call(Method::DELETE, &own, None).await;
    assert_eq!(leaves.essence(), (409, r#"{"error":"last_owner"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn i_72_who_is_removed_is_refused_at_the_next_refresh_and_everywhere_else_at_once() {
    let blue = Blue::build().await;
    let world = &blue.world;
    let personal = other_tokens(world).await;
    enrol_as(world, &blue.id, ZOE, Role::Member).await;
    let request = changed(&codex_request(), &[("allowed_workspace_id", blue.id.as_str())]);
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &request).await;
    let csrf = browser.get(&interaction).await.csrf();
    let form = [("csrf", &*csrf), ("email", ZOE), ("password", PASSWORD)];
    browser.post(&format!("{interaction}/sign-in"), &form).await;
    let approved = world.decide(&mut browser, &interaction, "approve").await;
    let code = approved.redirected()["code"].clone();
    let tokens = Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await);
    let subject = read_unverified(&tokens.access).unwrap().text("sub").unwrap().to_owned();

    let removed = blue.call(Method::DELETE, &format!("/api/admin/members/{subject}"), None).await;

    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
    let sessions = world.browser().call(Method::GET, "/api/sessions", &tokens.access, None).await;
    assert_eq!(sessions.status, 401);
    assert_eq!(world.refresh(&personal.refresh).await.status, 200, "their own workspace is theirs");
    enrol_as(world, &blue.id, ZOE, Role::Member).await;
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400, "what ended does not come back");
}

/// Another tenant: Zoe, with a workspace of her own, a session, a key and an invitation there.
struct Green {
    workspace: String,
    subject: String,
    session: String,
    key: String,
    invitation: String,
}

impl Green {
    async fn build(world: &World) -> (Self, Tokens) {
        let tokens = other_tokens(world).await;
        let id = add(world, "Green", ZOE).await;
        let guest = Email::parse("guest@example.org").unwrap();
        let data = world.data.path();
        let invited = workspace::invite(data, &id, &guest, Role::Member, &*world.clock, &TestEntropy).await;
        let key = make_key(world, &tokens, &json!({ "kind": "api_key", "label": "a" })).await;
        let claims = read_unverified(&tokens.access).unwrap();
        let green = Self {
            workspace: id.to_string(),
            subject: claims.text("sub").unwrap().to_owned(),
            session: claims.text("sid").unwrap().to_owned(),
            key: key.id,
            invitation: invited.unwrap().invited.invitation.id.to_string(),
        };
        (green, tokens)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i_69_what_belongs_to_another_tenant_is_as_unknown_as_what_never_was() {
    let mut blue = Blue::build().await;
    let (green, zoe) = Green::build(&blue.world).await;
    let never = "01890000-0000-7000-8000-000000000000";
    let role = json!({ "role": "owner" });
    let name = json!({ "name": "mine" });
    let (own, admin) = (blue.tokens.access.clone(), blue.admin.clone());
    let doors = [
        (Method::PATCH, "/api/sessions/", &green.session, &own, Some(&name)),
        (Method::DELETE, "/api/sessions/", &green.session, &own, None),
        (Method::DELETE, "/api/keys/", &green.key, &own, None),
        (Method::PATCH, "/api/admin/members/", &green.subject, &admin, Some(&role)),
        (Method::DELETE, "/api/admin/members/", &green.subject, &admin, None),
        (Method::DELETE, "/api/admin/invitations/", &green.invitation, &admin, None),
    ];
    for (method, path, id, token, body) in doors {
        let mut answers = Vec::new();
        for id in [id.as_str(), never] {
            let path = format!("{path}{id}");
            answers.push(blue.world.browser().call(method.clone(), &path, token, body).await);
        }
        assert_eq!(answers[0].essence(), answers[1].essence(), "{method} {path}");
        assert_eq!(answers[0].status, 404, "{method} {path}");
    }

    // On pages: looking, changing in each way, and choosing at a sign-in.
    let csrf = blue.browser.get(&format!("/workspaces/{}", blue.id)).await.csrf();
    for change in [
        &[("change", "settings"), ("mfa", "cloud")][..],
        &[("change", "role"), ("member", &green.subject), ("role", "member")],
        &[("change", "remove"), ("member", &green.subject)],
        &[("change", "take_back"), ("invitation", &green.invitation)],
        &[("change", "invite"), ("email", "x@example.org"), ("role", "member")],
    ] {
        let form = [&[("csrf", &*csrf)], change].concat();
        let mut answers = Vec::new();
        for id in [green.workspace.as_str(), never] {
            answers.push(blue.browser.post(&format!("/workspaces/{id}"), &form).await);
        }
        assert_eq!(answers[0].essence(), answers[1].essence(), "{change:?}");
        assert_eq!(answers[0].status, 404, "{change:?}");
    }
    let [looked, unknown] = [
        blue.browser.clone().get(&format!("/workspaces/{}", green.workspace)).await,
        blue.browser.clone().get(&format!("/workspaces/{never}")).await,
    ];
    assert_eq!((looked.essence(), looked.status), (unknown.essence(), 404));
    let interaction = blue.world.begin(&mut blue.browser, &codex_request()).await;
    let csrf = blue.browser.get(&interaction).await.csrf();
    for id in [green.workspace.as_str(), never] {
        let form = [("csrf", &*csrf), ("workspace", id)];
        let chosen = blue.browser.post(&format!("{interaction}/workspace"), &form).await;
        assert_eq!((chosen.status, chosen.location()), (303, Some(&*interaction)));
        let form = [("csrf", &*csrf), ("workspace", id), ("decision", "approve")];
        let approved = blue.browser.post(&format!("{interaction}/confirm"), &form).await;
        assert_eq!((approved.status, approved.location()), (303, Some(&*interaction)));
    }

    // Nothing of hers has changed.
    let keys = blue.world.browser().call(Method::GET, "/api/keys", &zoe.access, None).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(blue.world.refresh(&zoe.refresh).await.status, 200);
    let id = WorkspaceId::new(&*green.workspace);
    let view = workspace::show(blue.world.data.path(), &id, &*blue.world.clock).await.unwrap();
    assert_eq!((view.members.len(), view.members[0].role, view.invitations.len()), (1, Role::Owner, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_25_administrators_look_after_a_workspace_on_its_page() {
    let mut blue = Blue::build().await;
    other_tokens(&blue.world).await;
    enrol_as(&blue.world, &blue.id, ZOE, Role::Member).await;
    let zoe = blue.world.query("SELECT subject FROM users WHERE email = 'zoe@example.org'").await.remove(0);
    let path = format!("/workspaces/{}", blue.id);
    let list = blue.browser.get("/workspaces").await;
    assert!(list.body.contains(&format!("href=\"{path}\"")), "{}", list.body);
    let page = blue.browser.get(&path).await;
    assert!(page.body.contains(ZOE) && page.body.contains("id=\"invite\""), "{}", page.body);
    let csrf = page.csrf();
    let mut send = async |form: &[(&str, &str)]| {
        let form = [&[("csrf", &*csrf)], form].concat();
        blue.browser.post(&path, &form).await
    };

    assert_eq!(send(&[("change", "role"), ("member", &zoe), ("role", "admin")]).await.status, 303);
    assert_eq!(send(&[("change", "settings"), ("mfa", "always"), ("residency", "eu")]).await.status, 303);
    assert_eq!(
        send(&[("change", "invite"), ("email", "a@example.org"), ("role", "member")]).await.status,
        303
    );
    let wrong = send(&[("change", "settings"), ("session_length", "1m")]).await;
    assert!(
        wrong.status == 409 && wrong.body.contains("look at “How long a session lasts” again"),
        "{}",
        wrong.body
    );

    let view = blue.view().await;
    assert_eq!(view["members"][1]["role"], "admin");
    assert_eq!((&view["settings"]["mfa"], &view["settings"]["residency"]), (&json!("always"), &json!("eu")));
    assert_eq!(view["invitations"][0]["email"], "a@example.org");
    // Fifteen minutes later, the second factor is asked for again.
    blue.world.clock.advance(15 * 60 + 1);
    assert_eq!(blue.browser.get(&path).await.location(), Some("/workspaces"));
    assert!(blue.browser.get("/workspaces").await.body.contains("id=\"second-factor\""));
}

#[tokio::test]
async fn i_71_an_account_without_a_second_factor_sets_one_up_before_it_looks_after_anything() {
    let world = World::start().await;
    let id = add(&world, "Blue", OWNER).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/workspaces", PASSWORD).await;
    let page = browser.get("/workspaces").await;
    assert!(page.body.contains("id=\"set-up\""), "{}", page.body);
    let csrf = page.csrf();
    let form = [("csrf", &*csrf), ("change", "settings"), ("mfa", "always")];
    let early = browser.post(&format!("/workspaces/{id}"), &form).await;
    assert_eq!((early.status, early.location()), (303, Some("/workspaces")));

    let app = crate::app::App::scan(&page);
    answer(&mut browser, "/workspaces", "set-up", &app.code(&world)).await;

    let page = browser.get(&format!("/workspaces/{id}")).await;
    assert!(page.body.contains("value=\"cloud\"") && page.body.contains("This issuer sends no letters"));
}

//! Requests that go far, each with all that it takes.

use crate::administration::{Blue, ZOE, enrol_as};
use crate::browser::{Answer, Browser};
use crate::introspect::basic;
use crate::people::other_tokens;
use crate::world::{Kept, PASSWORD, TestEntropy, Tokens, changed, codex_request, exchange};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::resource_server;
use keyfob_issuer_core::workspace::Role;
use reqwest::Method;
use serde_json::{Map, Value};

/// A request that would be answered: what is attacked is one of its values at a time.
pub(super) struct Door {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) form: Vec<(String, String)>,
    /// Brought by a browser that is signed in, with the token of the form; else by a program.
    is_page: bool,
}

pub(super) struct Attack {
    pub(super) blue: Blue,
    pub(super) tokens: Tokens,
    gateway: String,
    /// A browser without cookies.
    pub(super) program: Browser,
    csrf: [(&'static str, String); 3],
}

impl Attack {
    pub(super) async fn begin(kept: Kept) -> Self {
        let mut blue = Blue::keeping(kept).await;
        other_tokens(&blue.world).await;
        enrol_as(&blue.world, &blue.id, ZOE, Role::Member).await;
        let (data, clock) = (blue.world.data.path(), &*blue.world.clock);
        let secret = resource_server::add(data, "gateway", None, clock, &TestEntropy).await.unwrap();
        let workspace = format!("/workspaces/{}", blue.id);
        let csrf = [
            ("/workspaces", blue.browser.get(&workspace).await.csrf()),
            ("/account", blue.browser.get("/account/keys").await.csrf()),
            ("/codex/device", blue.browser.get("/codex/device").await.csrf()),
        ];
        let program = blue.world.browser();
        Self { tokens: blue.tokens.clone(), blue, gateway: basic("gateway", secret.expose()), program, csrf }
    }

    fn page(&self, path: &str, form: &[(&str, &str)]) -> Door {
        let csrf =
            self.csrf.iter().find(|(place, _)| path.starts_with(place)).map(|(_, csrf)| ("csrf", &**csrf));
        let form =
            csrf.iter().chain(form).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Door { method: Method::POST, path: path.to_owned(), form, is_page: true }
    }

    fn program(method: Method, path: &str, form: &[(&str, &str)]) -> Door {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Door { method, path: path.to_owned(), form, is_page: false }
    }

    /// Returns requests that go far, each with all that it takes.
    pub(super) fn doors(&self) -> Vec<Door> {
        Self::of_programs()
            .into_iter()
            .chain(self.exchanges())
            .chain(self.of_people())
            .chain(links())
            .collect()
    }

    fn of_programs() -> Vec<Door> {
        let post = |path: &str, form: &[(&str, &str)]| Self::program(Method::POST, path, form);
        vec![
            post(
                "/oauth/authorize",
                &changed(
                    &codex_request(),
                    &[
                        ("login_hint", "a@b.example"),
                        ("prompt", "login"),
                        ("max_age", "1"),
                        ("nonce", "n"),
                        ("allowed_workspace_id", "w"),
                        ("resource", "r"),
                    ],
                ),
            ),
            post("/oauth/token", &exchange("x")),
            post(
                "/oauth/token",
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", CLIENT_ID),
                    ("refresh_token", "x"),
                    ("resource", "x"),
                    ("allowed_workspace_id", "x"),
                ],
            ),
            post(
                "/oauth/token",
                &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                    ("client_id", CLIENT_ID),
                    ("device_code", "x"),
                    ("resource", "x"),
                ],
            ),
            post(
                "/oauth/token",
                &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("client_id", CLIENT_ID),
                    ("subject_token", "x"),
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
                    ("requested_token_type", "urn:keyfob:token-type:handoff"),
                    ("session_name", "x"),
                ],
            ),
            post(
                "/oauth/device_authorization",
                &[("client_id", CLIENT_ID), ("scope", "openid"), ("resource", "x")],
            ),
            post("/oauth/refresh/ack", &[("client_id", CLIENT_ID), ("refresh_token", "x")]),
            post("/oauth/revoke", &[("client_id", CLIENT_ID), ("token", "x"), ("token_type_hint", "x")]),
            post("/oauth/introspect", &[("token", "x")]),
            post("/api/accounts/deviceauth/usercode", &[("client_id", CLIENT_ID)]),
            post("/api/accounts/deviceauth/token", &[("device_auth_id", "x"), ("user_code", "BBBB-BBBB")]),
            post(
                "/api/keys",
                &[
                    ("kind", "api_key"),
                    ("label", "a"),
                    ("scope", "api.connectors.read"),
                    ("models", "m"),
                    ("expires_in", "600"),
                ],
            ),
            Self::program(Method::PATCH, "/api/sessions/ID", &[("name", "a")]),
            Self::program(Method::DELETE, "/api/sessions/ID", &[]),
            Self::program(Method::DELETE, "/api/keys/ID", &[]),
            Self::program(
                Method::PATCH,
                "/api/admin",
                &[("name", "Blue"), ("residency", "eu"), ("retention", "zero")],
            ),
            Self::program(Method::PATCH, "/api/admin/members/ID", &[("role", "admin")]),
            Self::program(Method::DELETE, "/api/admin/members/ID", &[]),
            post("/api/admin/invitations", &[("email", "x@example.org"), ("role", "member")]),
            Self::program(Method::DELETE, "/api/admin/invitations/ID", &[]),
        ]
    }

    fn exchanges(&self) -> [Door; 3] {
        let post = |path: &str, form: &[(&str, &str)]| Self::program(Method::POST, path, form);
        let exchange_of = |kind: &str| {
            let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
            [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
                ("client_id", CLIENT_ID.to_owned()),
                ("subject_token", self.tokens.access.clone()),
                ("subject_token_type", kind),
                ("scope", "openid".to_owned()),
                ("resource", self.blue.world.base.clone()),
                ("allowed_workspace_id", self.blue.id.to_string()),
            ]
        };
        ["access_token", "id_token", "jwt"].map(|kind| {
            let form = exchange_of(kind);
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
            post("/oauth/token", &form)
        })
    }

    fn of_people(&self) -> Vec<Door> {
        let workspace = format!("/workspaces/{}", self.blue.id);
        let never = "01890000-0000-7000-8000-000000000000";
        vec![
            self.page("/account/sign-in", &[("email", "nobody@example.org"), ("password", PASSWORD)]),
            self.page("/account/second-factor", &[("answer", "123456")]),
            self.page(
                "/account/keys",
                &[("kind", "api_key"), ("label", "a"), ("models", "m"), ("days", "1")],
            ),
            self.page("/account/keys/ID/end", &[]),
            self.page("/account/sessions/ID/name", &[("name", "a")]),
            self.page("/account/sessions/ID/end", &[]),
            self.page("/account/email", &[("email", "new@example.org")]),
            self.page("/codex/device", &[("user_code", "BBBB-BBBB"), ("workspace", "w")]),
            self.page(&workspace, &[("change", "settings"), ("name", "Blue"), ("residency", "eu")]),
            self.page(&workspace, &[("change", "role"), ("member", never), ("role", "member")]),
            self.page(&workspace, &[("change", "remove"), ("member", never)]),
            self.page(&workspace, &[("change", "take_back"), ("invitation", never)]),
            self.page(&workspace, &[("change", "invite"), ("email", "x@example.org"), ("role", "member")]),
            self.page("/workspaces/ID", &[("change", "remove"), ("member", never)]),
        ]
    }

    /// Sends a request with `hostile` in the place of its value number `at`, or where its path says ID; returns what came.
    pub(super) async fn send(&self, door: &Door, at: Option<usize>, hostile: &str) -> Answer {
        let named = if at.is_none() { hostile } else { "01890000-0000-7000-8000-000000000000" };
        let encoded: String = url::form_urlencoded::byte_serialize(named.as_bytes()).collect();
        let path = door.path.replace("ID", &encoded.replace('+', "%20"));
        let mut form = door.form.clone();
        if let Some(at) = at {
            hostile.clone_into(&mut form[at].1);
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut browser = if door.is_page { self.blue.browser.clone() } else { self.program.clone() };
        match (&door.method, door.is_page) {
            (&Method::GET, _) => browser.get(&path).await,
            (_, true) => browser.post(&path, &form).await,
            (&Method::POST, false) if path == "/oauth/introspect" => {
                browser.post_form_with(&path, &[("authorization", &self.gateway)], &form).await
            }
            (&Method::POST, false) if !path.starts_with("/api/") => browser.post(&path, &form).await,
            (method, false) => {
                let token =
                    if path.starts_with("/api/admin") { self.blue.token() } else { &self.tokens.access };
                let number = |name: &str, value: &str| match (name, value.parse::<u64>()) {
                    ("expires_in", Ok(number)) => Value::from(number),
                    (_, _) => Value::from(value),
                };
                let body: Map<String, Value> =
                    form.iter().map(|(name, value)| ((*name).to_owned(), number(name, value))).collect();
                let body = Value::Object(body);
                browser.call(method.clone(), &path, token, (!form.is_empty()).then_some(&body)).await
            }
        }
    }
}

/// Returns what letters lead to, and what is looked at.
fn links() -> impl Iterator<Item = Door> {
    let paths = [
        "/reset/ID",
        "/undo/ID",
        "/email/ID",
        "/email-undo/ID",
        "/invite/ID",
        "/interaction/ID",
        "/workspaces/ID",
        "/interaction/ID/workspace",
    ];
    paths.into_iter().map(|path| Door {
        method: Method::GET,
        path: path.to_owned(),
        form: Vec::new(),
        is_page: true,
    })
}

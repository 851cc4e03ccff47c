//! The discovery document, held to its word: every member has a check, and a member without one fails (I-81).

use crate::browser::Answer;
use crate::handoff::{handoff_code, take_over};
use crate::world::{CALLBACK, TestEntropy, Tokens, World, authorize, changed, codex_request, exchange};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_issuer::command::resource_server;
use keyfob_jose::{KeySet, read_unverified};
use serde_json::{Value, json};

const GRANT_TYPES: [&str; 8] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];
const METHODS: [&str; 4] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

struct Checked {
    world: World,
    tokens: Tokens,
}

impl Checked {
    /// Checks that exactly the words of `list` are taken by `is_taken`.
    async fn exactly(&self, list: &Value, words: &[&str], is_taken: impl AsyncFn(&str) -> bool) {
        let advertised: Vec<&str> =
            list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        for word in &advertised {
            assert!(is_taken(word).await, "{word} is advertised and refused");
        }
        for word in words.iter().filter(|word| !advertised.contains(word)) {
            assert!(!is_taken(word).await, "{word} is taken and not advertised");
        }
    }

    /// Whether the address is served: whatever else it lacks, something is there.
    async fn is_served(&self, address: &Value) -> bool {
        let path =
            address.as_str().unwrap().strip_prefix(&self.world.base).expect("an address of the issuer");
        let statuses =
            [self.world.browser().get(path).await.status, self.world.browser().post(path, &[]).await.status];
        statuses.iter().all(|status| ![404, 500, 503].contains(status))
            && statuses.iter().any(|status| *status != 405)
    }

    async fn authorize(&self, change: (&str, &str)) -> Answer {
        self.world.browser().get(&authorize(&changed(&codex_request(), &[change]))).await
    }

    /// Asks `path` as a client that authenticates by `method`; `form` says who it is without.
    async fn ask(&self, path: &str, method: &str, form: &[(&str, &str)], secret: &str) -> Answer {
        let with = |more: &[(&str, &str)]| -> Vec<(String, String)> {
            form.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (headers, form) = match method {
            "client_secret_basic" => (vec![("authorization", secret)], with(&[])),
            "client_secret_post" => (vec![], with(&[("client_secret", "secret")])),
            "private_key_jwt" => (vec![], with(&[("client_assertion", "a.b.c")])),
            _ => (vec![], with(&[])),
        };
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.world.browser().post_form_with(path, &headers, &form).await
    }

    /// Checks that the answers to an authorization request say whose they are (RFC 9207).
    async fn answers_name_the_issuer(&self) {
        let world = &self.world;
        let refused = self.authorize(("response_type", "token")).await;
        let mut browser = world.browser();
        let interaction = world.begin(&mut browser, &codex_request()).await;
        world.sign_in(&mut browser, &interaction, crate::world::PASSWORD).await;
        let approved = world.decide(&mut browser, &interaction, "approve").await;
        for answer in [refused, approved] {
            assert!(answer.location().unwrap().starts_with(CALLBACK));
            assert_eq!(answer.redirected()["iss"], world.base);
        }
    }

    /// Whether a session is handed over.
    async fn hands_over(&self) -> bool {
        let code = handoff_code(&self.world, &self.tokens.refresh).await;
        take_over(&self.world, &code, &[]).await.status == 200
    }

    /// Checks one member.
    async fn check(&self, member: &str, value: &Value) {
        let world = &self.world;
        match member {
            "issuer" => assert_eq!(*value, *world.base),
            "jwks_uri" => {
                let keys = world.browser().get("/oauth/jwks").await.body;
                assert!(self.is_served(value).await && KeySet::parse(keys.as_bytes()).is_ok());
            }
            endpoint if endpoint.ends_with("_endpoint") => assert!(self.is_served(value).await, "{endpoint}"),
            "response_types_supported" => {
                let words = ["token", "id_token", "code token", "code id_token", "none"];
                self.exactly(value, &["code"], async |word| {
                    self.authorize(("response_type", word))
                        .await
                        .location()
                        .unwrap()
                        .starts_with("/interaction/")
                })
                .await;
                for word in words {
                    let refused = self.authorize(("response_type", word)).await.redirected();
                    assert_eq!(refused["error"], "unsupported_response_type", "{word}");
                }
            }
            "grant_types_supported" => {
                self.exactly(value, &GRANT_TYPES, async |word| {
                    let form = [("grant_type", word), ("client_id", CLIENT_ID)];
                    let answer = world.browser().post("/oauth/token", &form).await;
                    answer.json()["error"] != "unsupported_grant_type"
                })
                .await;
            }
            "code_challenge_methods_supported" => {
                self.exactly(value, &["plain", "S512"], async |word| {
                    let answer = self.authorize(("code_challenge_method", word)).await;
                    answer.location().unwrap().starts_with("/interaction/")
                })
                .await;
            }
            "token_endpoint_auth_methods_supported" => {
                self.exactly(value, &METHODS, async |method| {
                    let code = world.code(&codex_request()).await;
                    let answer = self.ask("/oauth/token", method, &exchange(&code), "Basic eDp5").await;
                    answer.status == 200
                })
                .await;
            }
            "revocation_endpoint_auth_methods_supported" => {
                self.exactly(value, &METHODS, async |method| {
                    let form = [("client_id", CLIENT_ID), ("token", "x")];
                    self.ask("/oauth/revoke", method, &form, "Basic eDp5").await.status == 200
                })
                .await;
            }
            "introspection_endpoint_auth_methods_supported" => {
                let data = world.data.path();
                let secret = resource_server::add(data, "gateway", None, &*world.clock, &TestEntropy).await;
                let basic = crate::introspect::basic("gateway", secret.unwrap().expose());
                self.exactly(value, &METHODS, async |method| {
                    let form = [("client_id", "gateway"), ("token", "x")];
                    self.ask("/oauth/introspect", method, &form, &basic).await.status == 200
                })
                .await;
            }
            "scopes_supported" => {
                self.exactly(value, &["admin", "address", "phone"], async |word| {
                    let request = changed(&codex_request(), &[("scope", word)]);
                    if word == "cloud" {
                        return asks_for_a_factor(&request).await;
                    }
                    let code = world.code(&request).await;
                    world.browser().post("/oauth/token", &exchange(&code)).await.json()["scope"] == word
                })
                .await;
            }
            "subject_types_supported" => {
                assert_eq!(*value, json!(["public"]));
                let client =
                    [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
                let code = world.code(&changed(&codex_request(), &client)).await;
                let other = world.browser().post("/oauth/token", &changed(&exchange(&code), &client)).await;
                let subject = |token: &str| read_unverified(token).unwrap().text("sub").unwrap().to_owned();
                assert_eq!(subject(&Tokens::read(&other).id), subject(&self.tokens.id));
            }
            "id_token_signing_alg_values_supported" => {
                assert_eq!(*value, json!([head_of(&self.tokens.id)["alg"]]));
            }
            "authorization_response_iss_parameter_supported" => {
                assert_eq!(*value, json!(true));
                self.answers_name_the_issuer().await;
            }
            "keyfob_handoff_supported" => assert_eq!((value, self.hands_over().await), (&json!(true), true)),
            // What they are told is `back_channel`'s to show.
            "backchannel_logout_supported" | "backchannel_logout_session_supported" => {
                assert_eq!(*value, json!(read_unverified(&self.tokens.id).unwrap().text("sid").is_some()));
            }
            unknown => panic!("the discovery document says {unknown}, and nothing holds it to that"),
        }
    }
}

/// Returns the header of a token.
fn head_of(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&head).unwrap()
}

#[tokio::test]
async fn i_81_everything_advertised_works_and_what_is_not_advertised_is_refused() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let document = world.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(world.browser().get("/.well-known/oauth-authorization-server").await.json(), document);
    let checked = Checked { world, tokens };

    for (member, value) in document.as_object().unwrap() {
        checked.check(member, value).await;
    }
}

/// Whether a sign-in is led to what only the scope `cloud` wants of an account without a second factor; that it is granted
/// then is `s_09_…`'s to show. In a world of its own: the account has a factor to answer with from then on.
async fn asks_for_a_factor(request: &[(&str, &str)]) -> bool {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, request).await;
    world.sign_in(&mut browser, &interaction, crate::world::PASSWORD).await;
    browser.get(&interaction).await.body.contains("id=\"set-up\"")
}

#[tokio::test]
async fn the_issuers_own_interface_says_whose_tokens_open_it() {
    let world = World::start_for("https://gateway.example").await;

    let document = world.browser().get("/.well-known/oauth-protected-resource").await.json();

    let scopes: Vec<&str> = keyfob_codex::authorize::SCOPE.split(' ').chain(["cloud"]).collect();
    assert_eq!(
        document,
        json!({
            "resource": world.base, "authorization_servers": [world.base], "scopes_supported": scopes,
            "bearer_methods_supported": ["header"],
        })
    );
    let tokens = world.tokens().await;
    let opened = world.browser().call(reqwest::Method::GET, "/oauth/userinfo", &tokens.access, None).await;
    assert_eq!(opened.status, 200);
}

#[tokio::test]
async fn a_resource_that_is_not_the_audience_is_refused_at_every_step() {
    let world = World::start().await;
    let elsewhere = ("resource", "https://elsewhere.example");

    let asked = world.browser().get(&authorize(&changed(&codex_request(), &[elsewhere]))).await;
    let code = world.code(&changed(&codex_request(), &[("resource", &world.base)])).await;
    let redeemed = world.browser().post("/oauth/token", &changed(&exchange(&code), &[elsewhere])).await;

    assert_eq!(asked.redirected()["error"], "invalid_target");
    assert_eq!((redeemed.status, redeemed.json()["error"].as_str()), (400, Some("invalid_target")));
}

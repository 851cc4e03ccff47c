//! The sign-in, event by event.

mod beside;
mod device;
mod replacing;

use super::*;
use keyfob_codex::auth_file::Login as StoredLogin;
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::{AccessToken, AuthorizationCode, ClientId, Entropy, EntropyError, RefreshToken};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const NOW: Timestamp = Timestamp::from_unix(10_000);

#[derive(Debug, Default)]
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// An issuer that signs what a test asks for.
struct World {
    key: SigningKey,
    login: Login,
}

impl World {
    fn begin(replace: Replace) -> (Self, Effect) {
        Self::begin_by(Means::Browser, replace)
    }

    fn begin_by(means: Means, replace: Replace) -> (Self, Effect) {
        let once = Once::draw(&Counting::default()).unwrap();
        let issuer = IssuerUrl::parse("https://id.test").unwrap();
        let client_id = ClientId::new("app");
        let (login, effect) = Login::begin(
            Asked { issuer, client_id, means, workspace: None, capabilities: Vec::new(), replace },
            Arc::default(),
            once,
        );
        (Self { key: SigningKey::generate().unwrap(), login }, effect)
    }

    /// A sign-in whose address was shown over `stored`.
    fn waiting(stored: Slot) -> Self {
        Self::waiting_to(Replace::SameIssuer, stored)
    }

    fn waiting_to(replace: Replace, stored: Slot) -> Self {
        let (mut world, effect) = Self::begin(replace);
        assert!(matches!(effect, Effect::Load));
        world.go_on_to_waiting(stored);
        world
    }

    fn go_on_to_waiting(&mut self, stored: Slot) {
        assert!(matches!(self.login.step(Event::Loaded(Ok(stored))), Effect::Prepare));
        assert!(matches!(self.login.step(Event::Prepared(Ok(()))), Effect::Discover));
        let effect = self.login.step(Event::Discovered(Ok(Box::new(endpoints()))));
        let Effect::Listen(RegisteredCallbacks::AnyPort, expected) = effect else { panic!("a listener") };
        assert_eq!(expected.state, self.login.once.state);
        assert_eq!((expected.issuer.as_str(), expected.names_itself), ("https://id.test", true));
        let Effect::Show(address) = self.login.step(Event::Listening(Ok(1457))) else { panic!("an address") };
        let query: Vec<(String, String)> = address.query_pairs().into_owned().collect();
        let find = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(find("redirect_uri"), Some("http://127.0.0.1:1457/auth/callback"));
        assert_eq!(find("code_challenge_method"), Some("S256"));
        assert_eq!(find("state"), Some(self.login.once.state.expose()));
    }

    /// A sign-in that holds tokens and waits for the keys.
    fn verifying(stored: Slot, id_token: &Value) -> (Self, TokenResponse) {
        let mut world = Self::waiting(stored);
        assert!(matches!(world.login.step(called()), Effect::Exchange(..)));
        let response = world.response(id_token);
        let effect = world.login.step(Event::Answered(Ok(response.clone())));
        assert!(matches!(effect, Effect::FetchKeys(url) if url.as_str() == "https://id.test/keys"));
        (world, response)
    }

    fn claims(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = json!({
            "iss": "https://id.test", "aud": "app", "exp": 10_600, "iat": 10_000, "sub": "mia",
            "email": "mia@example.org", "nonce": self.login.once.nonce.expose(),
            "https://api.openai.com/auth": { "chatgpt_account_id": "ws", "chatgpt_plan_type": "pro" },
        });
        change(&mut claims);
        claims
    }

    fn response(&self, claims: &Value) -> TokenResponse {
        TokenResponse {
            access_token: AccessToken::new("at"),
            refresh_token: Some(RefreshToken::new("rt")),
            id_token: Some(keyfob_oauth::IdToken::new(self.key.sign(TokenType::IdToken, claims).unwrap())),
            expires_in: None,
        }
    }

    fn keys(&self) -> Event {
        Event::Keys(Ok(KeySet::parse(self.key.key_set().to_string().as_bytes()).unwrap()), NOW)
    }
}

fn called() -> Event {
    Event::Called(Answer::Code(AuthorizationCode::new("code")))
}

fn endpoints() -> Endpoints {
    let url = |path: &str| Url::parse(&format!("https://id.test{path}")).unwrap();
    Endpoints {
        sessions: None,
        authorization: url("/authorize"),
        token: url("/token"),
        keys: url("/keys"),
        device: DeviceEndpoint::Codex,
        revocation: None,
        dialect: Dialect::Codex,
        hands_over: true,
        names_itself: true,
    }
}

fn holds(text: &str) -> Slot {
    let record = Box::new(AuthFile::parse(text.as_bytes()).unwrap());
    Slot::Holds { digest: Digest::of(text.as_bytes()), record }
}

fn account_of(issuer: &str) -> String {
    format!(
        r#"{{"auth_mode":"chatgpt","tokens":{{"id_token":"i","access_token":"a","refresh_token":"old",
        "oauth_provenance":{{"issuer":"{issuer}","client_id":"app"}}}}}}"#
    )
}

#[test]
fn s_01_a_login_is_stored_before_the_browser_hears_of_it_and_then_the_old_one_ends() {
    let old = account_of("https://id.test");
    let mut world = World::waiting(holds(&old));
    let claims = world.claims(|_| {});
    let Effect::Exchange(url, request) = world.login.step(called()) else { panic!("a post") };
    assert_eq!(url.as_str(), "https://id.test/token");
    let verifier = world.login.once.verifier.clone();
    assert_eq!(
        request.form(),
        [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", "code"),
            ("redirect_uri", "http://127.0.0.1:1457/auth/callback"),
            ("code_verifier", verifier.expose()),
        ]
    );
    let response = world.response(&claims);
    world.login.step(Event::Answered(Ok(response)));
    assert!(matches!(world.login.step(world.keys()), Effect::Lock));
    assert!(matches!(world.login.step(Event::Locked(Ok(()))), Effect::Load));

    let Effect::Note(noted) = world.login.step(Event::Loaded(Ok(holds(&old)))) else { panic!("a note") };
    let Effect::Save(expected, record) = world.login.step(Event::Noted) else { panic!("a save") };
    let told = world.login.step(Event::Saved(Ok(Digest::of(b"new"))));
    let Effect::Revoke(issuer, revocation) = world.login.step(Event::Told) else { panic!("a revocation") };
    let done = world.login.step(Event::Revoked(Ok(())));

    assert_eq!(expected, Some(Digest::of(old.as_bytes())));
    assert_eq!(record.to_text().matches("\"at\"").count(), 1);
    assert!(matches!(told, Effect::Tell(Page::SignedIn)));
    assert_eq!((issuer.as_str(), revocation.token.expose()), ("https://id.test", "old"));
    let session = OldSession {
        issuer,
        client_id: ClientId::new("app"),
        refresh_token: RefreshToken::new("old"),
        login: None,
        replaced_by: record.login_owner_id().unwrap(),
    };
    assert_eq!(noted, session);
    let Effect::Done(Ok(signed_in)) = done else { panic!("a login") };
    assert_eq!(signed_in.superseded, Superseded::Revoked);
    assert_eq!(signed_in.account.email.as_deref(), Some("mia@example.org"));
}

#[test]
fn c_03_an_id_token_of_another_sign_in_is_not_stored() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("nonce of another", |claims| claims["nonce"] = json!("other")),
        ("no nonce", |claims| claims["nonce"] = Value::Null),
        ("another client's", |claims| claims["aud"] = json!("other")),
        ("another issuer's", |claims| claims["iss"] = json!("https://evil.test")),
        ("expired", |claims| claims["exp"] = json!(9_000)),
    ];
    for (name, change) in changes {
        let mut world = World::waiting(Slot::Empty);
        let claims = world.claims(change);
        world.login.step(called());
        let response = world.response(&claims);
        world.login.step(Event::Answered(Ok(response)));

        let effect = world.login.step(world.keys());

        assert!(matches!(effect, Effect::Tell(Page::Failed(_))), "{name}");
        let done = world.login.step(Event::Told);
        assert!(matches!(done, Effect::Done(Err(LoginError::IdToken { .. }))), "{name}");
    }
}

#[test]
fn c_54_an_id_token_signed_by_a_stranger_is_not_stored() {
    let stranger = World::waiting(Slot::Empty);
    let claims = stranger.claims(|_| {});
    let (mut world, _) = World::verifying(Slot::Empty, &claims);

    let effect = world.login.step(stranger.keys());

    assert!(matches!(effect, Effect::Tell(Page::Failed(_))));
}

#[test]
fn a_refusal_is_told_to_the_browser_and_to_the_terminal() {
    let mut world = World::waiting(Slot::Empty);
    let denied = Answer::Refused { code: "access_denied".into(), description: Some("Mia said no".into()) };

    let told = world.login.step(Event::Called(denied));
    let done = world.login.step(Event::Told);

    assert!(matches!(told, Effect::Tell(Page::Failed(why)) if why == "sign-in failed: Mia said no"));
    assert!(matches!(done, Effect::Done(Err(LoginError::Refused { code, .. })) if code == "access_denied"));
}

#[test]
fn codex_defect_19_a_browser_login_that_nobody_finishes_ends_and_stores_nothing() {
    let mut world = World::waiting(Slot::Empty);

    let done = world.login.step(Event::TimedOut);

    let Effect::Done(Err(error)) = done else { panic!("it goes on: {done:?}") };
    assert_eq!(error.to_string(), "nobody signed in within 15 minutes");
}

#[test]
fn d_14_what_is_not_of_this_issuer_is_not_overwritten_unasked() {
    let other = account_of("https://other.test");
    let unnamed = r#"{"tokens":{"id_token":"i","access_token":"a","refresh_token":"r"}}"#;
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#;
    let pat = r#"{"personal_access_token":"at-1"}"#;
    for stored in [other.as_str(), unnamed, key, pat] {
        let (mut careful, _) = World::begin(Replace::SameIssuer);
        let (mut told_to, _) = World::begin(Replace::Anything);

        let refused = careful.login.step(Event::Loaded(Ok(holds(stored))));
        let admitted = told_to.login.step(Event::Loaded(Ok(holds(stored))));

        assert!(matches!(refused, Effect::Done(Err(LoginError::Occupied(_)))), "{stored}");
        assert!(matches!(admitted, Effect::Prepare), "{stored}");
    }
}

#[test]
fn c_17_a_login_is_not_exchanged_for_somebody_elses_unasked() {
    let key = SigningKey::generate().unwrap();
    let stored_id =
        key.sign(TokenType::IdToken, &json!({ "sub": "ada", "email": "ada@example.org" })).unwrap();
    let stored = account_of("https://id.test").replace("\"i\"", &format!("\"{stored_id}\""));
    let mut world = World::waiting(holds(&stored));
    let claims = world.claims(|_| {});
    world.login.step(called());
    let response = world.response(&claims);
    world.login.step(Event::Answered(Ok(response)));
    world.login.step(world.keys());
    world.login.step(Event::Locked(Ok(())));

    let told = world.login.step(Event::Loaded(Ok(holds(&stored))));

    let why =
        "the login of ada@example.org is stored in the place that the one of mia@example.org would take";
    assert!(matches!(told, Effect::Tell(Page::Failed(said)) if said == why));
    let done = world.login.step(Event::Told);
    assert!(matches!(done, Effect::Done(Err(LoginError::Occupied(Occupied::OtherAccount { .. })))));
}

#[test]
fn codex_defect_15_a_disk_that_takes_nothing_is_found_out_before_anybody_signs_in() {
    let (mut world, _) = World::begin(Replace::SameIssuer);
    world.login.step(Event::Loaded(Ok(Slot::Empty)));

    let full = StoreError::Write { path: "auth.json".into(), source: std::io::ErrorKind::StorageFull.into() };
    let effect = world.login.step(Event::Prepared(Err(full)));

    assert!(matches!(effect, Effect::Done(Err(LoginError::Store(StoreError::Write { .. })))));
}

#[test]
fn a_login_that_appears_during_the_sign_in_is_looked_at_again() {
    let mut world = World::waiting(Slot::Empty);
    let claims = world.claims(|_| {});
    world.login.step(called());
    let response = world.response(&claims);
    world.login.step(Event::Answered(Ok(response)));
    world.login.step(world.keys());
    world.login.step(Event::Locked(Ok(())));
    world.login.step(Event::Loaded(Ok(Slot::Empty)));

    let again = world.login.step(Event::Saved(Err(StoreError::Changed)));
    assert!(matches!(again, Effect::Load));
    let told = world.login.step(Event::Loaded(Ok(holds(&account_of("https://other.test")))));

    assert!(matches!(told, Effect::Tell(Page::Failed(_))));
    let done = world.login.step(Event::Told);
    assert!(matches!(done, Effect::Done(Err(LoginError::Occupied(Occupied::OtherIssuer(_))))));
}

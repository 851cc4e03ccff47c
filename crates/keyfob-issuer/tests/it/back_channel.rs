//! Programs are told of sessions that ended (OpenID Connect Back-Channel Logout 1.0).

use crate::app::{answer, enrol};
use crate::browser::Browser;
use crate::people::other_tokens;
use crate::world::{Kept, PASSWORD, START, Tokens, World, changed, codex_request, exchange, on_both};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_issuer::back_channel::tell;
use keyfob_issuer::command::user;
use keyfob_issuer_core::user::{Email, UserStatus};
use keyfob_jose::{Expected, KeySet, TokenType, read_unverified};
use keyfob_oauth::Clock as _;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const HOUR: i64 = 3600;

/// A program's server, which is told of logouts.
#[derive(Clone)]
struct Program {
    address: String,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<AtomicU16>,
}

impl Program {
    async fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let program = Self { address, received: Arc::default(), answers: Arc::new(AtomicU16::new(200)) };
        let own = program.clone();
        let told = async move |headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            own.received.lock().unwrap().push((headers, body));
            StatusCode::from_u16(own.answers.load(Ordering::SeqCst)).unwrap()
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/ended", post(told))).await });
        program
    }

    fn answer(&self, status: u16) {
        self.answers.store(status, Ordering::SeqCst);
    }

    /// Lets the issuer tell what is due, and returns the tokens that came.
    async fn tokens(&self, world: &World) -> Vec<String> {
        tell(world.app()).await.unwrap();
        let received = std::mem::take(&mut *self.received.lock().unwrap());
        received.into_iter().map(|(headers, body)| token(&headers, &body)).collect()
    }

    /// Lets the issuer tell what is due, and returns the names of the sessions.
    async fn sessions(&self, world: &World) -> BTreeSet<String> {
        self.tokens(world).await.iter().map(|token| sid(token)).collect()
    }
}

/// Takes a logout token from a request, which holds nothing else (§2.5).
fn token(headers: &HeaderMap, body: &str) -> String {
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert!(headers.get("authorization").is_none() && headers.get("cookie").is_none());
    body.strip_prefix("logout_token=").unwrap().to_owned()
}

fn sid(token: &str) -> String {
    read_unverified(token).unwrap().text("sid").unwrap().to_owned()
}

/// An issuer that tells the program of the Codex CLI's client.
async fn told(kept: Kept) -> (World, Program) {
    let program = Program::listening().await;
    let settings = format!(
        "\n[backchannel_logout]\nallow_private_addresses = true\nuris.{CLIENT_ID} = \"http://{}/ended\"\n",
        program.address
    );
    (World::start_with_on(&settings, kept).await, program)
}

/// Signs a program in at a browser, which may be signed in already.
async fn sign_in(world: &World, browser: &mut Browser, request: &[(&str, &str)]) -> Tokens {
    let interaction = world.begin(browser, request).await;
    if browser.get(&interaction).await.body.contains("name=\"password\"") {
        world.sign_in(browser, &interaction, PASSWORD).await;
    }
    let code = world.decide(browser, &interaction, "approve").await.redirected()["code"].clone();
    let client = request.iter().filter(|(name, _)| ["client_id", "redirect_uri"].contains(name));
    let exchange = changed(&exchange(&code), &client.copied().collect::<Vec<_>>());
    Tokens::read(&world.browser().post("/oauth/token", &exchange).await)
}

async fn sign_out(browser: &mut Browser) {
    let csrf = browser.get("/oauth/logout").await.csrf();
    assert_eq!(browser.post("/oauth/logout", &[("csrf", &csrf)]).await.status, 200);
}

fn names<'a>(tokens: impl IntoIterator<Item = &'a Tokens>) -> BTreeSet<String> {
    tokens.into_iter().map(|tokens| sid(&tokens.id)).collect()
}

on_both!(i_79_a_browsers_sign_out_is_told_to_the_programs_that_were_signed_in_there_by_a_signed_token);
async fn i_79_a_browsers_sign_out_is_told_to_the_programs_that_were_signed_in_there_by_a_signed_token(
    kept: Kept,
) {
    let (world, program) = told(kept).await;
    let (mut browser, mut elsewhere) = (world.browser(), world.browser());
    let tokens = sign_in(&world, &mut browser, &codex_request()).await;
    let other = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
    sign_in(&world, &mut browser, &changed(&codex_request(), &other)).await;
    sign_in(&world, &mut elsewhere, &codex_request()).await;
    assert_eq!(program.tokens(&world).await, Vec::<String>::new());
    world.clock.advance(HOUR);

    sign_out(&mut browser).await;

    let [logout] = program.tokens(&world).await.try_into().unwrap();
    let keys = KeySet::parse(world.browser().get("/oauth/jwks").await.body.as_bytes()).unwrap();
    let expected = Expected { token_type: TokenType::Logout, issuer: &world.base, audience: CLIENT_ID };
    let claims = keys.verify(&logout, &expected, world.clock.now()).unwrap();
    let id = read_unverified(&tokens.id).unwrap();
    let said = ["iss", "aud", "sub", "sid", "iat", "exp", "events", "nonce"].map(|name| claims.get(name));
    let whole = [
        Some(&json!(world.base)),
        Some(&json!(CLIENT_ID)),
        id.get("sub"),
        id.get("sid"),
        Some(&json!(START + HOUR)),
        Some(&json!(START + HOUR + 120)),
        Some(&json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
        None,
    ];
    assert_eq!(said, whole);
    assert!(claims.text("jti").is_some());
    assert_eq!(world.refresh(&tokens.refresh).await.status, 200, "the session itself goes on");
    assert_eq!(program.tokens(&world).await, Vec::<String>::new(), "once");
}

on_both!(i_79_whoever_ends_a_session_its_program_is_told_once);
async fn i_79_whoever_ends_a_session_its_program_is_told_once(kept: Kept) {
    let (world, program) = told(kept).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(world.tokens().await);
    }
    let zoe = other_tokens(&world).await;
    let revoke = [("client_id", CLIENT_ID), ("token", &*sessions[0].refresh)];
    assert_eq!(world.browser().post("/oauth/revoke", &revoke).await.status, 200);
    assert_eq!(program.sessions(&world).await, names(&sessions[..1]));

    // A spent token ends its family.
    assert_eq!(world.refresh(&sessions[1].refresh).await.status, 200);
    world.clock.advance(61);
    assert_eq!(world.refresh(&sessions[1].refresh).await.status, 400);
    assert_eq!(program.sessions(&world).await, names(&sessions[1..2]));

    let all = world.browser().call(Method::DELETE, "/api/sessions", &sessions[2].access, None).await;
    assert_eq!(all.json(), json!({ "ended": 2 }));
    assert_eq!(program.sessions(&world).await, names(&sessions[2..]));

    let email = Email::parse("zoe@example.org").unwrap();
    let locked = UserStatus::Locked;
    user::set_status(world.data.path(), &email, locked, &*world.clock).await.unwrap();
    assert_eq!(program.sessions(&world).await, names([&zoe]));
    assert_eq!(program.tokens(&world).await, Vec::<String>::new());
}

on_both!(i_79_a_program_that_fails_holds_nobody_up_and_is_told_again_until_it_is_given_up);
async fn i_79_a_program_that_fails_holds_nobody_up_and_is_told_again_until_it_is_given_up(kept: Kept) {
    let (world, program) = told(kept).await;
    let mut browser = world.browser();
    let tokens = sign_in(&world, &mut browser, &codex_request()).await;
    program.answer(503);
    sign_out(&mut browser).await;

    let first = program.tokens(&world).await;
    assert_eq!(first.iter().map(|token| sid(token)).collect::<BTreeSet<_>>(), names([&tokens]));
    assert_eq!(program.tokens(&world).await, Vec::<String>::new(), "not at once");
    world.clock.advance(10);
    let second = program.tokens(&world).await;
    let jti = |tokens: &[String]| read_unverified(&tokens[0]).unwrap().text("jti").unwrap().to_owned();
    assert_ne!(jti(&first), jti(&second), "a program takes each name once");
    let mut tries = 2;
    for _ in 0..48 {
        world.clock.advance(HOUR);
        tries += program.tokens(&world).await.len();
    }
    assert_eq!(tries, 9);
    program.answer(200);
    world.clock.advance(12 * HOUR);
    assert_eq!(program.tokens(&world).await, Vec::<String>::new(), "given up");
    world.sweep().await;
    world.clock.advance(30 * 24 * HOUR);
    world.sweep().await;
    assert_eq!(world.query("SELECT session_id FROM logout_notices").await, Vec::<String>::new());
    assert_eq!(world.query("SELECT grant_id FROM browser_logins").await, Vec::<String>::new());
}

on_both!(i_79_a_program_that_does_not_answer_holds_up_no_other);
async fn i_79_a_program_that_does_not_answer_holds_up_no_other(kept: Kept) {
    let program = Program::listening().await;
    // Takes every connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = format!(
        "\n[backchannel_logout]\nallow_private_addresses = true\nuris.{CLIENT_ID} = \"http://{}/ended\"\n\
         uris.{GATEWAY_CLIENT_ID} = \"http://{}/ended\"\n",
        program.address,
        silent.local_addr().unwrap()
    );
    let world = World::start_with_on(&settings, kept).await;
    let mut browser = world.browser();
    let other = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
    for _ in 0..9 {
        sign_in(&world, &mut browser, &changed(&codex_request(), &other)).await;
    }
    let tokens = sign_in(&world, &mut browser, &codex_request()).await;
    sign_out(&mut browser).await;

    // As many as are told at once are waited for, and one more is left.
    let told = async {
        while program.received.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        silent.accept().await.unwrap();
    };
    tokio::select! {
        biased;
        () = told => {}
        ended = tell(world.app()) => panic!("{ended:?} before the program was told"),
    }

    let claimed = world.query("SELECT client_id FROM logout_notices WHERE tries > 0").await;
    let of_silent = claimed.iter().filter(|client| *client == GATEWAY_CLIENT_ID).count();
    assert_eq!((of_silent, claimed.len()), (8, 9));
    let received = std::mem::take(&mut *program.received.lock().unwrap());
    let told: BTreeSet<_> = received.iter().map(|(headers, body)| sid(&token(headers, body))).collect();
    assert_eq!(told, names([&tokens]));
}

#[tokio::test]
async fn i_79_what_was_not_delivered_is_delivered_once_the_program_answers() {
    let (world, program) = told(Kept::InFile).await;
    let tokens = world.tokens().await;
    program.answer(400);
    let revoke = [("client_id", CLIENT_ID), ("token", &*tokens.refresh)];
    world.browser().post("/oauth/revoke", &revoke).await;
    assert_eq!(program.tokens(&world).await.len(), 1);

    program.answer(204);
    world.clock.advance(10);
    assert_eq!(program.sessions(&world).await, names([&tokens]));
    world.clock.advance(24 * HOUR);
    assert_eq!(program.tokens(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn i_79_a_browser_that_proves_more_or_anew_is_the_same_and_one_that_changes_hands_is_signed_out() {
    let (world, program) = told(Kept::InFile).await;
    let mut browser = world.browser();
    let (app, _) = enrol(&world, &mut browser).await;
    let first = sign_in(&world, &mut browser, &codex_request()).await;
    // The password and a code anew, each with a new cookie.
    let fresh = changed(&codex_request(), &[("prompt", "login")]);
    world.clock.advance(60);
    let interaction = world.begin(&mut browser, &fresh).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    answer(&mut browser, &interaction, "second-factor", &app.code(&world)).await;
    let code = world.decide(&mut browser, &interaction, "approve").await.redirected()["code"].clone();
    let second = Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await);
    assert_eq!(program.tokens(&world).await, Vec::<String>::new());
    other_tokens(&world).await;
    world.clock.advance(60);

    let interaction = world.begin(&mut browser, &fresh).await;
    let csrf = browser.get(&interaction).await.csrf();
    let zoe = [("csrf", &*csrf), ("email", "zoe@example.org"), ("password", PASSWORD)];
    browser.post(&format!("{interaction}/sign-in"), &zoe).await;

    assert_eq!(program.sessions(&world).await, names([&first, &second]));
}

#[tokio::test]
async fn i_79_i_67_no_program_is_told_at_a_private_address_unless_the_settings_allow_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = format!("\n[backchannel_logout.uris]\n{CLIENT_ID} = \"https://localhost:{port}/ended\"\n");
    let world = World::start_with(&settings).await;
    let tokens = world.tokens().await;
    let revoke = [("client_id", CLIENT_ID), ("token", &*tokens.refresh)];
    world.browser().post("/oauth/revoke", &revoke).await;

    tell(world.app()).await.unwrap();

    let waiting = world.query("SELECT CAST(tries AS TEXT) FROM logout_notices WHERE due_at > 0").await;
    assert_eq!(waiting, ["1"], "it was tried");
    let came = tokio::select! {
        biased;
        came = listener.accept() => Some(came),
        () = tokio::task::yield_now() => None,
    };
    assert!(came.is_none(), "nothing came");
}

#[tokio::test]
async fn i_79_a_logout_token_is_no_other_token() {
    let (world, program) = told(Kept::InFile).await;
    let mut browser = world.browser();
    sign_in(&world, &mut browser, &codex_request()).await;
    sign_out(&mut browser).await;
    let [logout] = program.tokens(&world).await.try_into().unwrap();

    let opened = world.browser().call(Method::GET, "/api/sessions", &logout, None).await;
    assert_eq!(opened.status, 401);
    let keys = KeySet::parse(world.browser().get("/oauth/jwks").await.body.as_bytes()).unwrap();
    for token_type in [TokenType::AccessToken, TokenType::IdToken, TokenType::Revocations] {
        let expected = Expected { token_type, issuer: &world.base, audience: CLIENT_ID };
        assert!(keys.verify(&logout, &expected, world.clock.now()).is_err(), "{token_type:?}");
    }
}

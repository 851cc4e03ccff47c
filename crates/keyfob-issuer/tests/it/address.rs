//! The address of an account, and the letters about an account.

use crate::app::{answer, enrol};
use crate::browser::{Answer, Browser};
use crate::mail::PostOffice;
use crate::people::other_tokens;
use crate::world::{OWNER, PASSWORD, TestEntropy, World};
use keyfob_issuer::command::user;
use keyfob_issuer_core::password::Password;
use keyfob_issuer_core::user::{Email, EmailWord};
use serde_json::json;

const PAGE: &str = "/account/email";
const NEW: &str = "mia@new.example";

async fn ask(browser: &mut Browser, email: &str) -> Answer {
    let csrf = browser.get(PAGE).await.csrf();
    browser.post(PAGE, &[("csrf", &csrf), ("email", email)]).await
}

/// Presses the button of the page that a link leads to.
async fn follow(browser: &mut Browser, link: &str) -> Answer {
    let page = browser.get(link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    browser.post(link, &[("csrf", &page.csrf())]).await
}

async fn signs_in(world: &World, email: &str) -> bool {
    let mut browser = world.browser();
    let csrf = browser.get("/account").await.csrf();
    let form = [("csrf", &*csrf), ("email", email), ("password", PASSWORD)];
    browser.post("/account/sign-in", &form).await.status == 303
}

#[tokio::test(flavor = "multi_thread")]
async fn i_61_i_58_an_address_counts_once_its_link_was_followed_and_the_one_before_can_take_it_back() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let tokens = world.tokens().await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;

    assert!(ask(&mut browser, " Mia@New.example").await.body.contains("id=\"done\""));
    let (to, verify) = post_office.link(&world.base, "/email/");
    assert_eq!(to, NEW);
    browser.get(&verify).await;
    assert_eq!(
        (signs_in(&world, OWNER).await, signs_in(&world, NEW).await),
        (true, false),
        "nothing changed yet"
    );

    // Whoever reads the letters need not be signed in where they read them.
    assert_eq!(follow(&mut world.browser(), &verify).await.status, 200);
    assert_eq!((signs_in(&world, OWNER).await, signs_in(&world, NEW).await), (false, true));
    assert_eq!(browser.get(&verify).await.status, 410, "a link works once");
    let (to, undo) = post_office.link(&world.base, "/email-undo/");
    assert_eq!(to, OWNER, "the address before is told");

    // A further change does not take the way back away.
    ask(&mut browser, "mia@newer.example").await;
    follow(&mut browser, &post_office.link(&world.base, "/email/").1).await;
    world.clock.advance(24 * 3600 - 1);
    assert_eq!(follow(&mut world.browser(), &undo).await.status, 200);
    assert!(signs_in(&world, OWNER).await && !signs_in(&world, "mia@newer.example").await);
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400, "and everything is signed out");
    assert_eq!(world.query("SELECT purpose FROM email_links").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn i_58_i_61_links_end_after_a_day_and_with_the_next_one() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;

    ask(&mut browser, NEW).await;
    let replaced = post_office.link(&world.base, "/email/").1;
    ask(&mut browser, NEW).await;
    let late = post_office.link(&world.base, "/email/").1;
    assert_eq!(browser.get(&replaced).await.status, 410);
    let csrf = browser.get(&late).await.csrf();
    world.clock.advance(24 * 3600);

    assert_eq!(browser.post(&late, &[("csrf", &csrf)]).await.status, 410);
    assert!(signs_in(&world, OWNER).await);
    // One kind of link is not the other (I-06).
    assert_eq!(browser.get(&late.replace("/email/", "/email-undo/")).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_58_an_address_is_asked_for_within_five_minutes_of_a_proof_alone() {
    let (_post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;
    let csrf = browser.get(PAGE).await.csrf();

    world.clock.advance(5 * 60 + 1);
    let late = browser.post(PAGE, &[("csrf", &csrf), ("email", NEW)]).await;

    assert!(late.body.contains("id=\"sign-in\""), "{}", late.body);
    assert_eq!(world.query("SELECT purpose FROM email_links").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn i_53_i_61_the_address_of_somebody_else_is_answered_alike_and_does_nothing() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    other_tokens(&world).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;

    let free = ask(&mut browser, NEW).await;
    post_office.link(&world.base, "/email/");
    let taken = ask(&mut browser, "zoe@example.org").await;

    assert_eq!(taken.essence(), free.essence());
    let link = post_office.link(&world.base, "/email/").1;
    assert_eq!(follow(&mut browser, &link).await.status, 410);
    assert!(signs_in(&world, OWNER).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_61_tokens_say_of_an_address_that_it_is_verified_once_it_is() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let zoe = Email::parse("zoe@example.org").unwrap();
    let password = Password::typed(PASSWORD.into());
    let data = world.data.path();
    user::add(data, zoe.clone(), EmailWord::Nobody, &password, &*world.clock, &TestEntropy).await.unwrap();
    let verified =
        "SELECT CASE WHEN email_verified_at IS NULL THEN 'no' ELSE 'yes' END FROM users ORDER BY email";
    assert_eq!(world.query(verified).await, ["yes", "no"], "the administrator named the owner");
    assert_eq!(said_to_be_verified(&world, OWNER).await, json!(true));
    assert_eq!(said_to_be_verified(&world, "zoe@example.org").await, json!(false));

    let mut browser = world.browser();
    let csrf = browser.get(PAGE).await.csrf();
    let form = [("csrf", &*csrf), ("email", "zoe@example.org"), ("password", PASSWORD)];
    browser.post(&format!("{PAGE}/sign-in"), &form).await;
    assert!(browser.get("/account").await.body.contains("It is not verified"));
    ask(&mut browser, "zoe@example.org").await;
    follow(&mut browser, &post_office.link(&world.base, "/email/").1).await;
    assert_eq!(said_to_be_verified(&world, "zoe@example.org").await, json!(true));
    assert!(
        browser.get("/account").await.body.contains("It is verified"),
        "an address that stays signs nobody out"
    );

    let max = Email::parse("max@example.org").unwrap();
    user::add(data, max.clone(), EmailWord::Nobody, &password, &*world.clock, &TestEntropy).await.unwrap();
    user::verify(data, &max, &*world.clock).await.unwrap();
    assert_eq!(world.query(verified).await, ["yes", "yes", "yes"]);
}

/// Returns what the ID token and userinfo say of the address of `email`; they say the same.
async fn said_to_be_verified(world: &World, email: &str) -> serde_json::Value {
    let tokens = crate::people::tokens_of(world, email).await;
    let claims = tokens.id.split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&decoded(claims)).unwrap();
    let answer = world.browser().call(reqwest::Method::GET, "/oauth/userinfo", &tokens.access, None).await;
    assert_eq!(answer.json()["email_verified"], claims["email_verified"]);
    claims["email_verified"].clone()
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn i_56_i_58_people_are_told_of_a_used_recovery_code_and_of_changed_factors_and_passwords() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();
    let (_, codes) = enrol(&world, &mut browser).await;
    let mut told = |words: &str| {
        let letter = post_office.letter();
        assert!(letter.starts_with(OWNER) && letter.contains(words), "{words}: {letter}");
    };
    told("An authenticator app was set up");

    let mut other = world.browser();
    world.sign_in(&mut other, "/account", PASSWORD).await;
    assert_eq!(answer(&mut other, "/account", "second-factor", &codes[0]).await.status, 303);
    told("A recovery code was used");

    let csrf = browser.get("/account").await.csrf();
    browser.post("/account/recovery-codes", &[("csrf", &csrf)]).await;
    told("New recovery codes were made");

    let csrf = browser.get("/account/password").await.csrf();
    let form = [("csrf", &*csrf), ("new_password", "a longer walk by the sea")];
    browser.post("/account/password", &form).await;
    told("Its password was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_83_names_and_addresses_put_nothing_into_letters_and_send_none_elsewhere() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let hostile = "x\r\nBcc: all@example.org\r\n\r\n<a href=//evil.example>win</a>\u{202e}";
    world.change("UPDATE users SET name = $1", hostile).await;
    world.change("UPDATE workspaces SET name = $1", hostile).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;

    // What could be read as a name before another address goes nowhere; the next letter is the next one's.
    for address in [
        "<victim@example.org>",
        "mia<victim@example.org>",
        "\"victim@example.org\"",
        "victim@example.org,mia",
    ] {
        ask(&mut browser, address).await;
    }
    ask(&mut browser, NEW).await;
    let letter = post_office.letter();

    assert!(letter.starts_with(NEW), "{letter}");
    for part in ["Bcc", "evil.example", "\u{202e}", "<a", "victim"] {
        assert!(!letter.contains(part), "{part}: {letter}");
    }
    let heads = letter.lines().skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> = heads.filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| **name == "To").count(), 1, "{letter}");
}

//! Pages of other origins against somebody who is signed in.

use super::guest::Guest;
use super::other_site::{Distance, OtherSite};
use super::tour::{Stop, tour};
use crate::browser::Browser;
use crate::mail::PostOffice;
use crate::world::{OWNER, PASSWORD, TestEntropy, World};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::user;
use keyfob_issuer_core::user::Email;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Another address of the account.
const NEW: &str = "mia@new.example";
/// Everything that a form can change, as text.
const STATE: &str = "
    SELECT 'user ' || email || ' ' || password_hash || ' ' || device_code_enabled FROM users
    UNION ALL SELECT 'browser ' || hex(digest) || ' ' || signed_in_at FROM browser_sessions
    UNION ALL SELECT 'factor ' || kind || ' ' || version || ' ' || hex(sealed) FROM enrolments
    UNION ALL SELECT 'grant ' || id || ' ' || progress FROM authorization_grants
    UNION ALL SELECT 'device ' || hex(digest) || ' ' || progress FROM device_grants
    UNION ALL SELECT 'session ' || id || ' ' || status || ' ' || coalesce(name, '') FROM refresh_families
    UNION ALL SELECT 'link ' || purpose || ' ' || email FROM email_links
    UNION ALL SELECT 'key ' || id || ' ' || coalesce(revoked_at, 0) FROM access_keys
    UNION ALL SELECT 'workspace ' || id || ' ' || name || ' ' || mfa FROM workspaces
    UNION ALL SELECT 'member ' || subject || ' ' || role FROM members
    UNION ALL SELECT 'invitation ' || id FROM invitations
    ORDER BY 1";

/// Takes a page's forms as they are, tokens included: more than an attacker can have.
const FORMS: &str = r#"
return [...document.forms].map((form) => ({
  action: form.action,
  fields: [...new FormData(form)].concat(
    [...form.elements].filter((field) => field.type === "submit" && field.name).slice(0, 1)
      .map((field) => [field.name, field.value])),
}));
"#;

#[tokio::test(flavor = "multi_thread")]
async fn i_13_i_47_no_page_is_shown_in_a_frame_of_another_origin() {
    let mut seen = BTreeSet::new();
    tour(async |guest: &Guest, stop: Stop| {
        let here = guest.chromium.client().current_url().await.unwrap();
        if !seen.insert(here.path().to_owned()) {
            return;
        }
        for distance in Distance::ALL {
            let other = OtherSite::with(&format!(
                "<iframe src=\"{here}\"></iframe><iframe src=\"/inner\" name=\"control\"></iframe>"
            ))
            .await;
            let window = guest.chromium.client().new_window(true).await.unwrap();
            let first = guest.chromium.client().window().await.unwrap();
            guest.chromium.client().switch_to_window(window.handle).await.unwrap();
            guest.chromium.client().goto(&other.address(distance)).await.unwrap();
            assert_eq!(frame(guest, 0).await, "chrome-error://chromewebdata/", "{stop:?} {distance:?}");
            assert!(frame(guest, 1).await.starts_with("http://"), "a frame that nobody forbids is shown");
            guest.chromium.client().close_window().await.unwrap();
            guest.chromium.client().switch_to_window(first).await.unwrap();
        }
    })
    .await;
    assert!(seen.len() > 10, "{seen:?}");
}

/// Says what the frame `number` of the page shows.
async fn frame(guest: &Guest, number: u16) -> String {
    guest.chromium.client().enter_frame(number).await.unwrap();
    let address = guest.run("return location.href").await;
    guest.chromium.client().enter_parent_frame().await.unwrap();
    address.as_str().unwrap().to_owned()
}

/// Somebody whose every form is known, tokens included, and what they have.
async fn victim(world: &World) -> (Guest, Vec<Value>) {
    let guest = Guest::at(world).await;
    let mut forms = Vec::new();
    let mut note = async |guest: &Guest| forms.extend(guest.run(FORMS).await.as_array().unwrap().clone());
    guest.open("/account").await;
    note(&guest).await;
    guest.sign_in().await;
    guest.open("/account/set-up").await;
    note(&guest).await;
    let app = crate::app::App::of(&guest.shown("#secret").await);
    guest.send("set-up", &[("answer", &app.code(world))]).await;
    guest.press("a#next").await;
    crate::own_pages::let_in(world, &guest).await;
    guest.open("/account/keys").await;
    guest.send("make", &[("label", "a key")]).await;
    let own = ["/account", "/account/password", "/account/sessions", "/account/keys", "/codex/device"];
    for path in own {
        guest.open(path).await;
        note(&guest).await;
    }
    guest.ask(&[]).await;
    note(&guest).await;
    let device = json!({ "client_id": CLIENT_ID });
    let device = world.browser().post_json("/api/accounts/deviceauth/usercode", &device).await.json();
    guest.open("/codex/device").await;
    guest.send("device-code", &[("user_code", device["user_code"].as_str().unwrap())]).await;
    note(&guest).await;
    (guest, forms)
}

#[tokio::test(flavor = "multi_thread")]
async fn i_14_i_15_a_form_of_another_origin_is_refused_even_with_every_field_right() {
    let world = World::start().await;
    let (guest, forms) = victim(&world).await;
    let before = world.query(STATE).await;
    assert!(forms.len() >= 10, "{forms:#?}");

    for form in &forms {
        for distance in Distance::ALL {
            let other = OtherSite::with(&copied(form)).await;
            guest.chromium.client().goto(&other.address(distance)).await.unwrap();
            guest.press("form button").await;
            let told = guest.shown("h1").await;
            // A stranger's form comes without cookies: the pages of a grant do not know the browser then.
            let refusals = ["This form is out of date", "This sign-in is over"];
            assert!(refusals.contains(&&*told), "{distance:?} {form}: {told}");
        }
    }

    assert_eq!(world.query(STATE).await, before);
    // The same fields do change something from where they belong.
    guest.open("/account").await;
    guest.press("form#device-codes button").await;
    assert_ne!(world.query(STATE).await, before);
    guest.chromium.close().await.unwrap();
}

/// Writes a form of the attacker's, with what the victim's would send.
fn copied(form: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().replace('&', "&amp;").replace('"', "&quot;");
    let fields = form["fields"].as_array().unwrap().iter();
    let inputs: Vec<String> = fields
        .map(|field| {
            let value = match field[0].as_str().unwrap() {
                "email" => OWNER.to_owned(),
                "password" => PASSWORD.to_owned(),
                "new_password" => "a password of the attacker".to_owned(),
                _ => text(&field[1]),
            };
            format!("<input type=\"hidden\" name=\"{}\" value=\"{value}\">", text(&field[0]))
        })
        .collect();
    let inputs = inputs.concat();
    format!("<form method=\"post\" action=\"{}\">{inputs}<button>Win</button></form>", text(&form["action"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn i_14_i_80_a_script_of_another_origin_reads_nothing_and_changes_nothing() {
    let world = World::start().await;
    let (guest, forms) = victim(&world).await;
    let before = world.query(STATE).await;
    let pages: Vec<String> = keyfob_issuer::pages().map(|path| format!("{}{path}", world.base)).collect();

    for distance in Distance::ALL {
        let other = OtherSite::with("").await;
        guest.chromium.client().goto(&other.address(distance)).await.unwrap();
        let outcome =
            guest.chromium.client().execute_async(FETCHES, vec![json!(pages), json!(forms)]).await.unwrap();
        assert_eq!(outcome, json!({ "read": [], "sent": forms.len() }), "{distance:?}");
    }

    assert_eq!(world.query(STATE).await, before);
    guest.chromium.close().await.unwrap();
}

/// Reads every page, and sends every form in the two ways that a browser lets it without asking first.
const FETCHES: &str = r#"
const [pages, forms, answer] = arguments;
const readable = (address) => fetch(address, { credentials: "include" }).then(() => address, () => null);
const send = ({ action, fields }) => {
  const body = new URLSearchParams(fields);
  const blind = { method: "POST", credentials: "include", mode: "no-cors" };
  return fetch(action, { ...blind, body })
    .then(() => fetch(action, { ...blind, body: body.toString(), headers: { "content-type": "text/plain" } }));
};
Promise.all(pages.map(readable))
  .then((read) => read.filter((address) => address !== null))
  .then((read) => Promise.all(forms.map(send)).then((sent) => answer({ read, sent: sent.length })))
  .catch((error) => answer(String(error)));
"#;

#[tokio::test(flavor = "multi_thread")]
async fn i_14_looking_at_every_page_changes_nothing() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let device = crate::device_grant::start(&world, CLIENT_ID).await;
    let take_back = crate::device_page::letter_of(&world, &mut post_office, &device).await;
    let mut browser = world.browser();
    let (_, codes) = crate::app::enrol(&world, &mut browser).await;
    let interaction = world.begin(&mut browser, &crate::world::codex_request()).await;
    let undo = change_address(&world, &mut browser, &mut post_office).await;
    let email = Email::parse(NEW).unwrap();
    let link = user::reset_link(world.data.path(), &email, &*world.clock, &TestEntropy).await.unwrap();
    let reset = link.expose().strip_prefix(&world.base).unwrap().to_owned();
    let verify = ask_for_address(&world, &mut browser, &mut post_office, "mia@other.example").await;
    let workspace = format!("/workspaces/{}", crate::administration::add(&world, "Blue", NEW).await);
    let links = [
        ("/interaction/{grant}", &interaction),
        ("/interaction/{grant}/workspace", &format!("{interaction}/workspace")),
        ("/reset/{token}", &reset),
        ("/email/{token}", &verify),
        ("/email-undo/{token}", &undo),
        ("/undo/{token}", &take_back),
        ("/workspaces/{id}", &workspace),
    ];
    let before = world.query(STATE).await;

    for page in keyfob_issuer::pages() {
        let link = links.iter().find(|(of, _)| *of == page);
        let path = link.map_or(page, |(_, link)| link);
        assert!(!path.contains('{'), "a page with a part of its own: {path}");
        let answer = browser.get(path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }

    assert_eq!((world.query(STATE).await, codes.len()), (before, 10));
    for (_, link) in links {
        assert_eq!(browser.get(link).await.status, 200, "{link} still works");
    }
}

/// Has a link sent to an address that is to be the account's.
async fn ask_for_address(
    world: &World,
    browser: &mut Browser,
    post_office: &mut PostOffice,
    email: &str,
) -> String {
    let csrf = browser.get("/account/email").await.csrf();
    browser.post("/account/email", &[("csrf", &csrf), ("email", email)]).await;
    post_office.link(&world.base, "/email/").1
}

/// Changes the address of the account; returns the link that takes it back.
async fn change_address(world: &World, browser: &mut Browser, post_office: &mut PostOffice) -> String {
    let link = ask_for_address(world, browser, post_office, NEW).await;
    let csrf = browser.get(&link).await.csrf();
    browser.post(&link, &[("csrf", &csrf)]).await;
    post_office.link(&world.base, "/email-undo/").1
}

#[tokio::test(flavor = "multi_thread")]
async fn i_19_going_back_after_signing_out_shows_nothing_of_the_account() {
    let world = World::start().await;
    let guest = Guest::at(&world).await;
    guest.open("/account").await;
    guest.sign_in().await;
    assert!(guest.chromium.text().await.unwrap().contains(OWNER));
    guest.open("/account/password").await;
    guest.open("/account").await;
    guest.press("form#sign-out button").await;

    for _ in 0..3 {
        guest.chromium.client().back().await.unwrap();
        let shown = guest.chromium.text().await.unwrap();
        assert!(!shown.contains(OWNER), "{shown}");
    }
    guest.chromium.close().await.unwrap();
}

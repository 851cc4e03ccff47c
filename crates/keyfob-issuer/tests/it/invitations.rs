//! Somebody is asked into a workspace, by a letter (I-61, I-70).

use crate::administration::{Blue, ZOE};
use crate::browser::Browser;
use crate::people::other_tokens;
use crate::world::PASSWORD;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn i_61_i_70_an_invitation_makes_whoever_reads_the_letter_a_member_once() {
    let mut blue = Blue::build().await;
    let (_, link) = blue.invite("new@example.org", "admin").await;
    let world = &blue.world;
    let mut browser = world.browser();
    let followed = browser.get(&link).await;
    assert_eq!((followed.status, followed.location()), (303, Some("/join")));
    let page = browser.get("/join").await;
    assert!(page.body.contains("Join Blue?") && page.body.contains("new@example.org"), "{}", page.body);

    let csrf = page.csrf();
    let weak = browser.post("/join/password", &[("csrf", &csrf), ("new_password", "short")]).await;
    assert_eq!(weak.status, 422, "{}", weak.body);
    let form = [("csrf", &*csrf), ("new_password", PASSWORD)];
    let joined = browser.post("/join/password", &form).await;
    assert!(joined.status == 200 && joined.body.contains("id=\"joined\""), "{}", joined.body);

    let replayed = browser.post("/join/password", &form).await;
    assert_eq!(replayed.status, 410);
    assert_eq!(browser.get("/join").await.status, 410);
    let view = blue.view().await;
    assert_eq!(view["invitations"], json!([]));
    let member = &view["members"].as_array().unwrap()[1];
    assert_eq!((&member["email"], &member["role"]), (&json!("new@example.org"), &json!("admin")));
    let csrf = browser.get("/account").await.csrf();
    let form = [("csrf", &*csrf), ("email", "new@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.post("/account/sign-in", &form).await.status, 303, "and signs in");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_70_an_invitation_is_worth_nothing_to_anybody_else_nor_after_it_was_taken_back_or_ran_out() {
    let mut blue = Blue::build().await;
    other_tokens(&blue.world).await;
    let (id, link) = blue.invite(ZOE, "member").await;
    let sign_in = async |browser: &mut Browser, email: &str| {
        let csrf = browser.get("/join").await.csrf();
        let form = [("csrf", &*csrf), ("email", email), ("password", PASSWORD)];
        browser.post("/join/sign-in", &form).await.status
    };

    // The owner follows it in the browser in which they are signed in.
    blue.browser.get(&link).await;
    let page = blue.browser.get("/join").await;
    assert!(page.body.contains("You are signed in as"), "{}", page.body);
    let forged = blue.browser.post("/join/accept", &[("csrf", &page.csrf())]).await;
    assert_eq!((forged.status, forged.location()), (303, Some("/join")), "nothing was accepted");

    let mut zoe = blue.world.browser();
    zoe.get(&link).await;
    assert!(zoe.get("/join").await.body.contains(&format!("value=\"{ZOE}\"")), "the address is filled in");
    assert_eq!(sign_in(&mut zoe, ZOE).await, 303);
    let csrf = zoe.get("/join").await.csrf();
    let back = blue.call(Method::DELETE, &format!("/api/admin/invitations/{id}"), None).await;
    assert_eq!(back.status, 204);
    assert_eq!(zoe.post("/join/accept", &[("csrf", &csrf)]).await.status, 410, "taken back");

    let (_, first) = blue.invite(ZOE, "member").await;
    let (_, second) = blue.invite(ZOE, "admin").await;
    zoe.get(&first).await;
    assert_eq!(zoe.get("/join").await.status, 410, "replaced");
    zoe.get(&second).await;
    let csrf = zoe.get("/join").await.csrf();
    assert!(zoe.post("/join/accept", &[("csrf", &csrf)]).await.body.contains("id=\"joined\""));
    assert_eq!(blue.view().await["members"][1]["role"], "admin");

    let (_, late) = blue.invite("late@example.org", "member").await;
    blue.world.clock.advance(7 * 24 * 3600);
    let mut late_browser = blue.world.browser();
    late_browser.get(&late).await;
    assert_eq!(late_browser.get("/join").await.status, 410, "ran out");
    blue.world.sweep().await;
    let left = blue.world.query("SELECT id FROM invitations").await;
    assert_eq!(left.len(), 1, "forgotten a little later");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_53_who_invites_an_address_does_not_learn_whether_it_has_an_account() {
    let blue = Blue::build().await;
    other_tokens(&blue.world).await;
    let mut answers = Vec::new();
    for email in [ZOE, "new@example.org"] {
        let wish = json!({ "email": email, "role": "member" });
        let answer = blue.call(Method::POST, "/api/admin/invitations", Some(&wish)).await;
        let mut body = answer.json();
        assert_eq!(body["email"].take(), email);
        assert!(body["id"].take().is_string(), "{}", answer.body);
        answers.push((answer.status, body));
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 201);
}

//! The page of one's own account.

use crate::app::{App, answer, enrol};
use crate::world::{Kept, PASSWORD, World, on_both};

on_both!(i_58_changing_anything_asks_for_a_proof_of_the_last_five_minutes);
async fn i_58_changing_anything_asks_for_a_proof_of_the_last_five_minutes(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let (app, _) = enrol(&world, &mut browser).await;
    let change = async |browser: &mut crate::browser::Browser| {
        let csrf = browser.get("/account").await.csrf();
        let codes = browser.post("/account/recovery-codes", &[("csrf", &csrf)]).await;
        let device = [("csrf", &*csrf), ("device_codes", "on")];
        let device = browser.post("/account/device-codes", &device).await;
        let replace = browser.get("/account/set-up").await;
        (codes.status, device.location().map(str::to_owned), replace.body.contains("id=\"set-up\""))
    };
    assert_eq!(change(&mut browser).await, (200, Some("/account".into()), true));

    world.clock.advance(5 * 60);
    assert!(browser.get("/account").await.body.contains("id=\"unlock\""));
    assert_eq!(change(&mut browser).await, (303, Some("/account/change".into()), false));

    assert!(browser.get("/account/change").await.body.contains("id=\"second-factor\""));
    answer(&mut browser, "/account/change", "second-factor", &app.code(&world)).await;
    assert_eq!(browser.get("/account/change").await.location(), Some("/account"));
    assert_eq!(change(&mut browser).await, (200, Some("/account".into()), true));
}

on_both!(i_58_a_stolen_session_with_an_old_password_sets_nothing_up);
async fn i_58_a_stolen_session_with_an_old_password_sets_nothing_up(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    let offered = App::scan(&browser.get("/account/set-up").await);
    let csrf = browser.get("/account/set-up").await.csrf();

    world.clock.advance(15 * 60 + 1);

    assert!(browser.get("/account/set-up").await.body.contains("id=\"sign-in\""));
    let form = [("csrf", &*csrf), ("answer", &*offered.code(&world))];
    let late = browser.post("/account/set-up/set-up", &form).await;
    assert_eq!((late.status, late.location()), (303, Some("/account/set-up")));
    assert!(browser.get("/account").await.body.contains("There is none"));
}

on_both!(another_app_takes_the_place_of_the_first);
async fn another_app_takes_the_place_of_the_first(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let (old, _) = enrol(&world, &mut browser).await;

    let new = App::scan(&browser.get("/account/set-up").await);
    assert_ne!(new.secret(), old.secret());
    let done = answer(&mut browser, "/account/set-up", "set-up", &new.code(&world)).await;
    assert_eq!(done.status, 200, "{}", done.body);

    world.clock.advance(30);
    let mut other = world.browser();
    world.sign_in(&mut other, "/account", PASSWORD).await;
    assert_eq!(answer(&mut other, "/account", "second-factor", &old.code(&world)).await.status, 401);
    assert_eq!(answer(&mut other, "/account", "second-factor", &new.code(&world)).await.status, 303);
}

on_both!(s_25_the_page_links_the_set_up_pages_of_other_providers_and_has_the_switch);
async fn s_25_the_page_links_the_set_up_pages_of_other_providers_and_has_the_switch(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    let page = browser.get("/account").await;
    for link in ["myaccount.google.com", "account.microsoft.com", "support.apple.com", "id=\"set-up\""] {
        assert!(page.body.contains(link), "{link}");
    }

    let form = [("csrf", &*page.csrf()), ("device_codes", "on")];
    browser.post("/account/device-codes", &form).await;
    assert!(browser.get("/account").await.body.contains("It is on"));
    browser.post("/account/device-codes", &[("csrf", &page.csrf()), ("device_codes", "off")]).await;
    assert!(browser.get("/account").await.body.contains("It is off"));
}

//! Pages without a mouse, and without scripts.

use super::guest::Guest;
use super::tour::{Stop, tour};
use crate::world::{OWNER, PASSWORD, World};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};

/// Numbers what a person can use, in the order of the page, and says how many there are. Of a choice between several the
/// one that is chosen stands for all: from there the arrows lead on.
const NUMBER: &str = r#"
const controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((control) => control.type !== "hidden" && control.getClientRects().length > 0)
  .filter((control) => control.type !== "radio" || control.checked);
controls.forEach((control, number) => { control.dataset.number = number; });
document.activeElement.blur();
return controls.length;
"#;
/// Says what has the focus, and whether that can be seen.
const FOCUSED: &str = r#"
const control = document.activeElement;
const { outlineStyle, outlineWidth } = getComputedStyle(control);
return [control.dataset.number ?? null, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_control_of_every_page_is_reached_in_order_by_the_keyboard_and_shows_that_it_is() {
    tour(async |guest: &Guest, stop: Stop| {
        let controls = guest.run(NUMBER).await.as_u64().unwrap();
        let mut reached = Vec::new();
        // One more than there are: the page has to let go again.
        for _ in 0..=controls {
            tap(guest, Key::Tab.into()).await;
            let focused = guest.run(FOCUSED).await;
            if let Value::String(number) = &focused[0] {
                assert_eq!(focused[1], json!(true), "{stop:?}: control {number} does not show its focus");
                reached.push(number.parse::<u64>().unwrap());
            }
        }
        // It begins wherever the page put the focus, and goes around.
        let start = reached.first().copied().unwrap_or_default();
        let expected: Vec<u64> = (0..controls).map(|step| (start + step) % controls.max(1)).collect();
        reached.truncate(expected.len());
        assert_eq!(reached, expected, "{stop:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_mouse_and_without_scripts_signs_in_and_lets_a_client_in() {
    let world = World::start().await;
    let guest = Guest::at(&world).await;
    guest.without_scripts().await;
    guest.ask(&[]).await;

    // The first field has the focus already.
    type_keys(&guest, OWNER).await;
    tap(&guest, Key::Tab.into()).await;
    type_keys(&guest, PASSWORD).await;
    leave(&guest, "form#sign-in", Key::Enter).await;
    assert!(guest.has("form#confirm").await, "{}", guest.chromium.text().await.unwrap());
    tap(&guest, Key::Tab.into()).await;
    leave(&guest, "form#confirm", Key::Enter).await;

    let here = guest.chromium.client().current_url().await.unwrap();
    assert!(super::guest::is_callback(here.as_str()) && here.query().unwrap().contains("code="), "{here}");
}

async fn tap(guest: &Guest, key: char) {
    let keys = KeyActions::new("keys".into());
    let keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
    guest.chromium.client().perform_actions(keys).await.unwrap();
}

async fn type_keys(guest: &Guest, text: &str) {
    for key in text.chars() {
        tap(guest, key).await;
    }
}

/// Presses a key that leads to another page.
async fn leave(guest: &Guest, here: &str, key: Key) {
    let page = guest.chromium.wanted(here).await.unwrap();
    tap(guest, key.into()).await;
    guest.chromium.gone(&page).await.unwrap();
}

//! Pages on small and large screens.

use super::guest::{Guest, Scheme};
use super::tour::{Stop, tour};
use serde_json::json;

/// Names what reaches beyond the left or right edge of the screen.
const OVERFLOWING: &str = r#"
const root = document.documentElement;
const wide = [...document.body.querySelectorAll("*")].filter((element) => {
  const { left, right, width } = element.getBoundingClientRect();
  return width > 0 && (left < -0.5 || right > root.clientWidth + 0.5);
});
const names = wide.map((element) => element.outerHTML.slice(0, 120));
return root.scrollWidth > root.clientWidth ? [...names, `the page: ${root.scrollWidth} px`] : names;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_wider_than_the_screen_at_320_768_and_1280_pixels() {
    tour(async |guest: &Guest, stop: Stop| {
        for width in [320, 768, 1280] {
            guest.resize(width).await;
            assert_eq!(guest.run("return innerWidth").await, json!(width));
            assert_eq!(guest.run(OVERFLOWING).await, json!([]), "{stop:?} at {width} px");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_light_or_dark_as_the_system_is() {
    tour(async |guest: &Guest, stop: Stop| {
        let mut grounds = Vec::new();
        for scheme in [Scheme::Light, Scheme::Dark] {
            guest.prefer(scheme).await;
            let ground = guest.run("return getComputedStyle(document.body).backgroundColor").await;
            grounds.push(ground.as_str().unwrap().to_owned());
        }
        assert_eq!(grounds, ["rgb(244, 245, 248)", "rgb(16, 18, 24)"], "{stop:?}");
    })
    .await;
}

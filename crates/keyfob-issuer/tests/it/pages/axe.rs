//! What axe-core, somebody else's reading of the rules of accessible pages (WCAG), says of each page.

use super::guest::{Guest, Scheme};
use super::tour::{Stop, tour};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs it on the page; answers with what it calls serious or critical.
const RUN: &str = r#"
const answer = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  ({ violations, passes }) => answer({
    passes: passes.length,
    violations: violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`),
  }),
  (error) => answer(String(error)),
);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn axe_core_finds_nothing_serious_on_any_page_on_small_and_large_screens_light_and_dark() {
    let axe = std::fs::read_to_string(installed()).unwrap();

    tour(async |guest: &Guest, stop: Stop| {
        guest.run(&axe).await;
        for (width, scheme) in
            [(320, Scheme::Light), (320, Scheme::Dark), (1280, Scheme::Light), (1280, Scheme::Dark)]
        {
            guest.resize(width).await;
            guest.prefer(scheme).await;
            assert_eq!(violations(guest).await, json!([]), "{stop:?} at {width} px, {scheme:?}");
        }
    })
    .await;
}

async fn violations(guest: &Guest) -> Value {
    let mut found = guest.chromium.client().execute_async(RUN, Vec::new()).await.unwrap();
    assert!(found["passes"].as_u64() > Some(5), "it looked at something: {found}");
    found["violations"].take()
}

/// Where `scripts/test` installs it, unless `KEYFOB_TEST_AXE` says otherwise.
fn installed() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/axe-core");
    let path = keyfob_testing::variable("KEYFOB_TEST_AXE").map_or(usual, PathBuf::from);
    let file = path.join("node_modules/axe-core/axe.min.js");
    assert!(file.is_file(), "{} is missing; `scripts/test --only axe-core` installs it", file.display());
    file
}

//! The harness itself: it must see what it is there to see.

use anyhow::Result;
use keyfob_e2e::{World, files};

#[tokio::test]
async fn c_46_a_secret_planted_in_any_file_of_a_run_is_found() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let refresh_token = home.tokens()?.refresh_token.expect("a login has a refresh token");
    let log = home.codex_home().join("log");
    files::make_folder(&log)?;
    files::replace(&log.join("planted.log"), format!("sent {}", refresh_token.expose()).as_bytes())?;

    let error = world.finish().await.expect_err("the search misses a planted secret");

    assert_eq!(
        error.to_string(),
        "secrets leaked:\nRefreshToken (as it is) in the file homes/mia/codex/log/planted.log"
    );
    Ok(())
}

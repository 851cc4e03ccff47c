//! The loopback callback of a sign-in.

use anyhow::Result;
use keyfob_e2e::World;
use keyfob_e2e::process::LIMIT;

#[tokio::test]
async fn c_02_a_wrong_state_is_refused_and_the_login_goes_on() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    let mut forged = callback.clone();
    forged.query_pairs_mut().clear().append_pair("code", "forged-code").append_pair("state", "forged-state");
    let mut stateless = callback.clone();
    stateless.query_pairs_mut().clear().append_pair("error", "access_denied");

    let refused = client.get(&forged).await?;
    let refused_without_state = client.get(&stateless).await?;
    let stored_meanwhile = home.auth_text().is_ok();
    let accepted = client.deliver(&callback).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    assert_eq!((refused.status.as_u16(), refused_without_state.status.as_u16()), (400, 400));
    assert!(!stored_meanwhile, "a refused callback stores nothing");
    assert!(accepted.status.is_success() && accepted.has_id("signed-in"), "{}", accepted.text);
    home.token().await?;
    world.finish().await
}

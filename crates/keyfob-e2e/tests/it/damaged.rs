//! A login that something damaged: it stays until a new one is stored, and then under another name.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::World;
use keyfob_e2e::process::LIMIT;
use std::path::{Path, PathBuf};

#[tokio::test]
async fn c_38_r_34_a_damaged_login_is_set_aside_by_the_next_one_and_goes_with_it() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("damaged")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let mut torn = home.auth_text()?;
    torn.truncate(torn.len() - 40);
    home.write_auth_text(&torn)?;

    home.expect(7, &["token"]).await?;
    ensure!(home.auth_text()? == torn, "changed by a look");
    let abandoned = home.start_sign_in().await?;
    drop(abandoned);
    ensure!(home.auth_text()? == torn && set_aside(&home.codex_home())?.is_empty(), "before a new login");
    let (mut running, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    client.deliver(&callback).await?;
    let told = running.finished(LIMIT).await?.expect_code(0)?.stderr;

    let kept = set_aside(&home.codex_home())?;
    let [path] = kept.as_slice() else { anyhow::bail!("not one: {kept:?}") };
    ensure!(std::fs::read_to_string(path)? == torn, "not what was there");
    let note = format!("note: the damaged login that was there is kept in `{}`\n", path.display());
    ensure!(told.matches(&note).count() == 1, "{told}");
    let again = home.expect(0, &["token"]).await?;
    ensure!(again.stderr.is_empty(), "said again: {again:?}");
    let doctor = home.expect(0, &["doctor"]).await?.stdout;
    ensure!(doctor.contains(&path.display().to_string()), "{doctor}");
    home.expect(0, &["logout"]).await?;
    ensure!(set_aside(&home.codex_home())?.is_empty(), "left behind");
    world.finish().await
}

fn set_aside(home: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(home).context("no home")?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.to_string_lossy().contains("auth.json.corrupt-")).collect())
}

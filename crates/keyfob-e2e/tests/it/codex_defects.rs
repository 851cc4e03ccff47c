//! The defects that were seen in the real Codex CLI: none of them is here.
//!
//! Each test bears the number of its defect. Those of a single function have their test beside it.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::{Finished, LIMIT, Program};
use keyfob_e2e::{Home, World, files};
use keyfob_oauth::AccessToken;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

const INTERRUPTED: i32 = 130;
const SIGKILL: i32 = 9;
const INTERRUPTS: usize = 6;

#[tokio::test]
async fn codex_defect_01_eight_processes_that_find_an_expired_token_refresh_once() -> Result<()> {
    let (world, home) = signed_in("once").await?;
    home.expire_access_token(world.signing_key())?;
    let before = world.wire().tally();

    let mut running = Vec::new();
    for _ in 0..8 {
        running.push(home.keyfob(&["token"])?.start(world.evidence()).await?);
    }
    for process in &mut running {
        process.finished(LIMIT).await?.expect_code(0)?;
    }

    ensure!(world.wire().tally().since(before).refreshes == 1);
    home.expire_access_token(world.signing_key())?;
    home.token().await.context("the session has ended")?;
    world.finish().await
}

#[tokio::test]
async fn codex_defect_02_a_refresh_that_is_interrupted_on_its_way_back_loses_nothing() -> Result<()> {
    let (world, home) = signed_in("interrupted").await?;

    for number in 0..2 * INTERRUPTS {
        home.expire_access_token(world.signing_key())?;
        let mut held = world.wire().hold();
        let mut refresh = home.keyfob(&["token"])?.start(world.evidence()).await?;
        held.has_come().await?;
        if number < INTERRUPTS {
            refresh.interrupt();
        } else {
            refresh.kill();
        }
        let ended = refresh.finished(LIMIT).await?;
        drop(held);

        let (code, signal) = (ended.status.code(), ended.status.signal());
        let expected = if number < INTERRUPTS { (Some(INTERRUPTED), None) } else { (None, Some(SIGKILL)) };
        ensure!((code, signal) == expected, "{ended:?}");
        home.token().await.with_context(|| format!("logged out by interrupt {number}"))?;
    }
    world.finish().await
}

#[tokio::test]
async fn codex_defect_03_a_token_that_could_not_be_stored_is_not_lost() -> Result<()> {
    let (world, home) = signed_in("unstored").await?;
    let lock = home.codex_home().join("auth.json.lock");
    home.expire_access_token(world.signing_key())?;
    let before = world.wire().tally();

    let locked = holding(&home, &lock, &["token"])?.run(world.evidence()).await?;
    let next = home.token().await.context("the run after it is signed out")?;

    ensure!(locked.stderr.contains("auth.json.lock"), "{locked:?}");
    ensure!(world.wire().tally().since(before).successors == 1, "more than one token for the one spent");
    ensure!(next == home.tokens()?.access_token.expose());
    world.finish().await
}

#[tokio::test]
async fn codex_defect_04_an_issuer_that_answers_nonsense_is_not_stormed() -> Result<()> {
    for (status, body) in [(200, "{}"), (500, "oh no"), (429, "{\"error\":\"slow_down\"}")] {
        let (world, home) = signed_in("nonsense").await?;
        home.expire_access_token(world.signing_key())?;
        let stored = home.auth_text()?;
        let before = world.wire().tally();
        world.wire().answer_instead(1_000, status, body);

        for _ in 0..5 {
            home.expect(8, &["token"]).await?;
        }

        let asked = world.wire().tally().since(before).refreshes;
        ensure!(asked <= 3, "{status} {body}: asked {asked} times by 5 commands in a row");
        ensure!(home.auth_text()? == stored, "{status} {body} changed the login");
        world.wire().mend();
        world.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn codex_defect_07_a_new_sign_in_that_comes_to_nothing_costs_the_old_one_nothing() -> Result<()> {
    let (world, home) = signed_in("again").await?;
    let old = home.auth_text()?;

    let (mut interrupted, _) = home.start_sign_in().await?;
    interrupted.interrupt();
    interrupted.finished(LIMIT).await?.expect_code(INTERRUPTED)?;
    let (mut killed, _) = home.start_sign_in().await?;
    killed.kill();
    killed.finished(LIMIT).await?;
    let (mut denied, address) = home.start_sign_in().await?;
    let mut client = world.form_client()?;
    let callback = client.deny(&address, world.owner()).await?;
    client.deliver(&callback).await?;
    denied.finished(LIMIT).await?.expect_code(1)?;
    let nobody_there = ["login", "--no-browser", "--replace", "--issuer", "http://localhost:9"];
    home.expect(1, &nobody_there).await?;

    ensure!(home.auth_text()? == old, "the old login changed");
    home.expire_access_token(world.signing_key())?;
    home.token().await.context("the old session has ended")?;
    world.finish().await
}

#[tokio::test]
async fn codex_defect_08_auto_without_a_keyring_signs_out() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("auto")?;
    home.configure_codex("cli_auth_credentials_store = \"auto\"\n")?;
    home.sign_in(&mut world.form_client()?).await?;
    ensure!(home.has_auth_file(), "there is no keyring here");

    home.expect(0, &["logout"]).await?;

    ensure!(!home.has_auth_file());
    home.expect(4, &["status"]).await?;
    world.finish().await
}

#[tokio::test]
async fn codex_defect_09_a_sign_out_that_cannot_remove_the_login_does_not_end_it() -> Result<()> {
    let (world, home) = signed_in("read-only").await?;
    let read_only = r#"mount --bind -o ro "$CODEX_HOME" "$CODEX_HOME" && exec "$@""#;
    let under =
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", read_only, "sh"].map(str::to_owned);

    let refused = home.keyfob_under(&under, &["logout"])?.run(world.evidence()).await?.expect_code(7)?;

    ensure!(refused.stderr.contains("Read-only file system"), "{refused:?}");
    home.expire_access_token(world.signing_key())?;
    home.token().await.context("still there, but dead")?;
    world.finish().await
}

#[tokio::test]
async fn codex_defect_10_a_lock_that_nobody_lets_go_is_waited_for_with_a_limit_and_named() -> Result<()> {
    let (world, home) = signed_in("held").await?;
    let lock = home.codex_home().join("auth.lock");
    home.expire_access_token(world.signing_key())?;

    let refresh = holding(&home, &lock, &["token"])?.run(world.evidence()).await?;
    let logout = holding(&home, &lock, &["logout"])?.run(world.evidence()).await?;

    for finished in [&refresh, &logout] {
        ensure!(finished.stderr.contains("auth.lock"), "{finished:?}");
    }
    home.token().await.context("what could not be removed is still there and works")?;
    world.finish().await
}

#[tokio::test]
async fn codex_defect_14_a_revocation_that_failed_is_said() -> Result<()> {
    let (mut world, home) = signed_in("unconfirmed").await?;
    world.stop_issuer().await?;

    let logout = home.expect(0, &["logout"]).await?;

    ensure!(!home.has_auth_file());
    ensure!(logout.stderr.contains(world.issuer()), "{logout:?}");
    world.finish().await
}

#[tokio::test]
async fn codex_defect_24_what_went_wrong_is_said_once_with_where_and_what_to_do() -> Result<()> {
    let (mut world, home) = signed_in("unclear").await?;
    let other = world.home("offline")?;
    other.sign_in(&mut world.form_client()?).await?;
    other.expire_access_token(world.signing_key())?;
    let whole = home.auth_text()?;
    let file = home.codex_home().join("auth.json").display().to_string();

    home.write_auth_text("not json")?;
    let damaged = home.expect(7, &["token"]).await?;
    home.write_auth_text(&whole)?;
    end_session(&world, &home).await?;
    let ended = home.expect(5, &["token"]).await?;
    world.stop_issuer().await?;
    let offline = other.expect(8, &["token"]).await?;

    for (finished, place) in [(&damaged, file.as_str()), (&offline, world.issuer()), (&ended, "keyfob login")]
    {
        says_once(finished, place)?;
    }
    world.finish().await
}

#[tokio::test]
async fn codex_defect_26_output_without_a_terminal_is_plain_and_status_is_data() -> Result<()> {
    let (world, home) = signed_in("plain").await?;

    let status = home.expect(0, &["status"]).await?;
    let json = home.expect(0, &["status", "--json"]).await?;

    ensure!(!status.stdout.is_empty() && status.stderr.is_empty(), "{status:?}");
    ensure!(!status.stdout.contains('\u{1b}'), "colours without a terminal: {status:?}");
    let document: serde_json::Value = serde_json::from_str(&json.stdout)?;
    ensure!(document.get("state").is_some_and(|state| state == "active"), "{json:?}");
    world.finish().await
}

async fn signed_in(name: &str) -> Result<(World, Home)> {
    let world = World::start().await?;
    let home = world.home(name)?;
    home.sign_in(&mut world.form_client()?).await?;
    Ok((world, home))
}

/// `keyfob` while another program holds the lock in `file`.
fn holding(home: &Home, file: &Path, arguments: &[&str]) -> Result<Program> {
    if !file.exists() {
        files::replace(file, b"")?;
    }
    let under = ["flock", "--no-fork", &file.to_string_lossy()].map(str::to_owned);
    home.keyfob_under(&under, arguments)
}

/// Ends the session at the issuer behind the back of `home`, whose access token has expired.
async fn end_session(world: &World, home: &Home) -> Result<AccessToken> {
    let kept = home.auth_text()?;
    home.expect(0, &["logout"]).await?;
    home.write_auth_text(&kept)?;
    home.expire_access_token(world.signing_key())
}

/// One message, which names `place`, and nothing of a parser or an HTTP library.
fn says_once(finished: &Finished, place: &str) -> Result<()> {
    let Finished { stdout, stderr, .. } = finished;
    ensure!(stdout.is_empty(), "{finished:?}");
    ensure!(stderr.contains(place), "does not name {place}: {finished:?}");
    let errors = stderr.lines().filter(|line| line.starts_with("error: ")).count();
    ensure!(errors == 1 && stderr.lines().count() <= 4, "{finished:?}");
    for words in ["at line 1 column", "builder error", "error decoding", "error sending request"] {
        ensure!(!stderr.contains(words), "the words of a library: {finished:?}");
    }
    Ok(())
}

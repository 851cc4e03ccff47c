//! Trouble on the machine: each kind has its message and its exit code, and the login stays as it is.

use anyhow::{Result, ensure};
use keyfob_e2e::process::LIMIT;
use keyfob_e2e::{Home, World};

/// Lays a full disk of 128 KiB over the home, with the home's files on it.
const FULL_DISK: &str = r#"
    saved=$(mktemp -d) && cp -a "$CODEX_HOME/." "$saved" &&
    mount -t tmpfs -o size=128k tmpfs "$CODEX_HOME" && cp -a "$saved/." "$CODEX_HOME" && rm -r "$saved" &&
    { cat /dev/zero >"$CODEX_HOME/filler" 2>/dev/null || :; }
"#;
const READ_ONLY: &str = r#"mount --bind -o ro "$CODEX_HOME" "$CODEX_HOME""#;
const YEAR: [&str; 2] = ["+1y", "-1y"];

#[tokio::test]
async fn r_11_a_full_disk_is_found_before_the_token_is_spent() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "full").await?;

    in_place(&world, &home, FULL_DISK, 0, &["token"]).await?;
    home.expire_access_token(world.signing_key())?;
    let before = world.wire().tally();
    let refused = in_place(&world, &home, FULL_DISK, 7, &["token"]).await?;
    let asked = world.wire().tally().since(before).refreshes;

    ensure!(refused.contains("No space left on device"), "{refused}");
    ensure!(asked == 0, "the token was spent");
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn r_12_a_read_only_home_gives_out_what_it_has_and_spends_nothing() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "read-only").await?;

    in_place(&world, &home, READ_ONLY, 0, &["token"]).await?;
    in_place(&world, &home, READ_ONLY, 0, &["status"]).await?;
    home.expire_access_token(world.signing_key())?;
    let before = world.wire().tally();
    let refused = in_place(&world, &home, READ_ONLY, 7, &["token"]).await?;
    let logout = in_place(&world, &home, READ_ONLY, 7, &["logout"]).await?;
    let asked = world.wire().tally().since(before).refreshes;

    for text in [refused, logout] {
        ensure!(text.contains("Read-only file system"), "{text}");
    }
    ensure!(asked == 0, "the token was spent");
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn r_17_a_clock_wrong_by_a_year_costs_no_login() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "clock").await?;

    for offset in YEAR {
        let under = ["faketime", "-f", offset].map(str::to_owned);
        for arguments in [["token", ""], ["status", ""], ["login", "status"]] {
            let arguments: Vec<&str> = arguments.into_iter().filter(|word| !word.is_empty()).collect();
            let finished = home.keyfob_under(&under, &arguments)?.run(world.evidence()).await?;
            ensure!(finished.status.success(), "{offset} {arguments:?}: {finished:?}");
        }
        home.token().await?;
        home.expire_access_token(world.signing_key())?;
        home.token().await?;
    }
    world.finish().await
}

#[tokio::test]
async fn r_17_a_clock_wrong_by_a_year_is_named_and_costs_one_refresh() -> Result<()> {
    let world = World::start().await?;
    for (offset, way) in YEAR.into_iter().zip(["ahead of", "behind"]) {
        let home = signed_in(&world, way).await?;
        let named =
            |text: &str| text.contains("clock is 36") && text.contains(&format!(" d {way} the issuer's"));
        let wrong = async |arguments: &[&str]| {
            let under = ["faketime", "-f", offset].map(str::to_owned);
            home.keyfob_under(&under, arguments)?.run(world.evidence()).await
        };
        let before = world.wire().tally();

        let first = wrong(&["token"]).await?.expect_code(0)?;
        home.tokens()?;
        for _ in 0..3 {
            wrong(&["token"]).await?.expect_code(0)?;
        }
        let asked = world.wire().tally().since(before).refreshes;
        let kept = home.auth_text()?;
        let status = wrong(&["status"]).await?.expect_code(0)?;
        let doctor = wrong(&["doctor"]).await?.expect_code(1)?;
        ensure!(named(&first.stderr), "{first:?}");
        ensure!(asked == 1, "{asked} refreshes with a clock {way} the issuer's");
        let says = status.stdout.lines().find(|line| line.starts_with("Clock")).unwrap_or_default();
        ensure!(says.contains("the issuer's says") && says.contains(way), "{status:?}");
        ensure!(named(&doctor.stdout), "{doctor:?}");

        ensure!(home.auth_text()? == kept, "the login changed");
        home.token().await?;
        ensure!(home.auth_text()? == kept, "a clock that was set right had it refreshed");
        let set = home.expect(0, &["status"]).await?;
        ensure!(!set.stdout.contains("Clock"), "{set:?}");
    }
    world.finish().await
}

#[tokio::test]
async fn r_17_a_sign_in_with_a_clock_wrong_by_a_year_is_refused_for_that_and_stores_nothing() -> Result<()> {
    let world = World::start().await?;
    for (offset, way) in YEAR.into_iter().zip(["ahead of", "behind"]) {
        let home = world.home(way)?;
        let under = ["faketime", "-f", offset].map(str::to_owned);
        let login = ["login", "--no-browser", "--issuer", world.issuer()];
        let mut running = home.keyfob_under(&under, &login)?.start(world.evidence()).await?;
        let address = home.printed_address(&running).await?;
        let mut client = world.form_client()?;
        let callback = client.approve(&address, world.owner()).await?;
        client.deliver(&callback).await?;

        let refused = running.finished(LIMIT).await?.expect_code(1)?;

        ensure!(refused.stderr.contains(&format!(" d {way} the issuer's")), "{refused:?}");
        ensure!(refused.stderr.contains("hint: nothing was stored; set the clock"), "{refused:?}");
        ensure!(!home.has_auth_file(), "something was stored");
    }
    world.finish().await
}

#[tokio::test]
async fn c_38_a_damaged_file_is_named_and_left_alone() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "damaged").await?;
    let whole = home.auth_text()?;

    for end in [0, 1, whole.len() / 2, whole.len() - 1] {
        let damaged = whole.get(..end).unwrap_or_default();
        home.write_auth_text(damaged)?;
        for arguments in [["token"].as_slice(), &["status"], &["status", "--json"]] {
            let finished = home.expect(7, arguments).await?;
            ensure!(finished.stderr.contains("is damaged"), "{finished:?}");
            ensure!(home.auth_text()? == damaged, "{arguments:?} changed it");
        }
    }
    home.write_auth_text(&whole)?;
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn c_60_without_the_issuer_a_login_is_offline_and_stays() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "offline").await?;
    let issuer = world.issuer();
    // Nobody listens there.
    let elsewhere = home.auth_text()?.replace(issuer, "http://localhost:9");
    home.write_auth_text(&elsewhere)?;
    home.token().await?;
    home.expire_access_token(world.signing_key())?;
    let before = home.auth_text()?;

    let first = home.expect(8, &["token"]).await?;
    let second = home.expect(8, &["token"]).await?;

    ensure!(first.stderr.contains("http://localhost:9"), "{}", first.stderr);
    ensure!(second.stderr.contains("asked again in"), "{}", second.stderr);
    ensure!(home.auth_text()? == before, "the login changed");
    world.finish().await
}

async fn signed_in(world: &World, name: &str) -> Result<Home> {
    let home = world.home(name)?;
    home.sign_in(&mut world.form_client()?).await?;
    Ok(home)
}

/// Runs `keyfob` where `mounts` are in force, for it alone; returns what it says to people.
async fn in_place(world: &World, home: &Home, mounts: &str, code: i32, arguments: &[&str]) -> Result<String> {
    let script = format!(
        r#"{} || exit 99
        before=$(cat "$CODEX_HOME/auth.json"); "$@"; code=$?
        [ "$before" = "$(cat "$CODEX_HOME/auth.json")" ] || exit 98
        exit $code"#,
        mounts.trim()
    );
    let under =
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", &script, "sh"].map(str::to_owned);
    let finished = home.keyfob_under(&under, arguments)?.run(world.evidence()).await?;
    Ok(finished.expect_code(code)?.stderr)
}

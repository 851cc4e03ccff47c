//! Every named failpoint, in a refresh, a login and a logout: a kill, an I/O error, a disk that is full from there on.

use crate::crash::{drive, holders, survives};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::{Finished, LIMIT, Program};
use keyfob_e2e::rounds::report;
use keyfob_e2e::{FormClient, Home, Store, World};
use std::os::unix::process::ExitStatusExt as _;

const SIGKILL: i32 = 9;
/// Only a login in a file begins as a temporary file and is held by a folder.
const OF_FILES: [&str; 3] = ["tmp.write", "tmp.fsync", "dir.fsync"];
const OF_KEYRINGS: [&str; 1] = ["keyring.written"];

#[tokio::test]
async fn r_01_r_02_file_a_kill_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::File, Fault::Kill).await
}

#[tokio::test]
async fn r_13_file_an_io_error_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::File, Fault::IoError).await
}

#[tokio::test]
async fn r_11_file_a_disk_full_from_any_named_point_on_costs_no_login() -> Result<()> {
    every_point(Store::File, Fault::FullDisk).await
}

#[tokio::test]
async fn r_01_r_02_keyring_a_kill_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::Keyring, Fault::Kill).await
}

#[tokio::test]
async fn r_13_keyring_an_io_error_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::Keyring, Fault::IoError).await
}

#[tokio::test]
async fn r_11_keyring_a_disk_full_from_any_named_point_on_costs_no_login() -> Result<()> {
    every_point(Store::Keyring, Fault::FullDisk).await
}

#[tokio::test]
async fn r_01_r_02_auto_a_kill_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::Auto, Fault::Kill).await
}

#[tokio::test]
async fn r_13_auto_an_io_error_at_any_named_point_costs_no_login() -> Result<()> {
    every_point(Store::Auto, Fault::IoError).await
}

#[tokio::test]
async fn r_11_auto_a_disk_full_from_any_named_point_on_costs_no_login() -> Result<()> {
    every_point(Store::Auto, Fault::FullDisk).await
}

/// Whether a login gets to the point `name`, where it is killed.
pub(crate) async fn killed_in_login(
    world: &World,
    home: &Home,
    client: &mut FormClient,
    name: &str,
) -> Result<bool> {
    Point { world, home, name, fault: Fault::Kill }.reached_in_login(client).await
}

async fn every_point(store: Store, fault: Fault) -> Result<()> {
    let world = World::start().await?;
    let home = match fault {
        Fault::Kill | Fault::IoError => world.home_with("failpoints", store).await?,
        Fault::FullDisk => world.home_on_small_disk("failpoints", store).await?,
    };
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let names = home.expect(0, &["failpoints"]).await.context(
        "not built with failpoints; run `cargo build --workspace --bins --features keyfob-cli/failpoints`",
    )?;

    let mut never_reached = Vec::new();
    for name in names.stdout.lines() {
        report(&format!("{fault:?} at {name}, {}", store.name()));
        let point = Point { world: &world, home: &home, name, fault };
        let describe = |command: &str| format!("{fault:?} at {name} in a {command}");
        let in_refresh = point.refresh().await.with_context(|| describe("refresh"))?;
        let in_login = point.login(&mut client).await.with_context(|| describe("login"))?;
        let in_logout = point.logout(&mut client).await.with_context(|| describe("logout"))?;
        if !in_refresh && !in_login && !in_logout {
            never_reached.push(name);
        }
    }

    let expected: &[&str] = if store == Store::File { &OF_KEYRINGS } else { &OF_FILES };
    assert_eq!(never_reached, expected);
    world.finish().await
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    IoError,
    /// From there on; there is room again for the next command.
    FullDisk,
}

/// One point at which something happens.
struct Point<'a> {
    world: &'a World,
    home: &'a Home,
    name: &'a str,
    fault: Fault,
}

impl Point<'_> {
    /// Whether a refresh gets there; the next command is signed in.
    async fn refresh(&self) -> Result<bool> {
        self.home.expire_access_token(self.world.signing_key())?;
        self.home.cache_as_codex()?;
        let finished = self.armed(self.home.keyfob(&["token"])?).run(self.world.evidence()).await?;
        let was_reached = self.outcome(finished, 7)?;
        survives(self.world, self.home).await?;
        Ok(was_reached)
    }

    /// Whether a login in the place of another gets there; the next command is signed in.
    async fn login(&self, client: &mut FormClient) -> Result<bool> {
        let was_reached = self.reached_in_login(client).await?;
        survives(self.world, self.home).await?;
        Ok(was_reached)
    }

    async fn reached_in_login(&self, client: &mut FormClient) -> Result<bool> {
        self.home.cache_as_codex()?;
        let program = self.armed(self.home.sign_in_program()?);
        let mut login = program.start(self.world.evidence()).await?;
        // It fails when the login ends meanwhile, which is what is wanted.
        let _driven = drive(self.world, self.home, client, &login).await;
        self.outcome(login.finished(LIMIT).await?, 1)
    }

    /// Whether a logout gets there; the next one has the person signed out.
    async fn logout(&self, client: &mut FormClient) -> Result<bool> {
        self.home.cache_as_codex()?;
        let finished = self.armed(self.home.keyfob(&["logout"])?).run(self.world.evidence()).await?;
        let says_signed_out = finished.status.success();
        let was_reached = self.outcome(finished, 7)?;
        if !says_signed_out {
            self.home.expect(0, &["logout"]).await?;
        }
        ensure!(!self.home.is_signed_in()?, "the login is still stored");
        let holders = holders(self.home);
        ensure!(holders.is_empty(), "left behind: {holders:?}");

        self.home.sign_in(client).await?;
        survives(self.world, self.home).await?;
        Ok(was_reached)
    }

    fn armed(&self, program: Program) -> Program {
        let action = match self.fault {
            Fault::Kill => "kill",
            Fault::IoError => "eio",
            Fault::FullDisk => "full",
        };
        program.env("KEYFOB_FAIL_AT", format!("{}:{action}", self.name))
    }

    /// Whether the point was reached; whoever failed there did so with this exit code and says why.
    fn outcome(&self, finished: Finished, code: i32) -> Result<bool> {
        ensure!(self.home.is_cache_in_step()?, "the Codex CLI would find what is no longer stored");
        let (was_reached, why) = match self.fault {
            Fault::Kill => {
                let was_killed = finished.status.signal() == Some(SIGKILL);
                ensure!(was_killed || finished.status.success(), "{finished:?}");
                return Ok(was_killed);
            }
            Fault::IoError => (
                finished.stderr.contains(&format!("failpoint {} was reached", self.name)),
                "Input/output error",
            ),
            Fault::FullDisk => {
                let filler = self.home.codex_home().join("filler");
                (std::fs::remove_file(filler).is_ok(), "No space left on device")
            }
        };
        if !finished.status.success() {
            let finished = finished.expect_code(code)?;
            ensure!(was_reached && finished.stderr.contains(why), "another message: {}", finished.stderr);
        }
        Ok(was_reached)
    }
}

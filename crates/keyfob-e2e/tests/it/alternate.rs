//! `keyfob` and the real Codex CLI by turns on one home.

use crate::codex_gateway::configuration;
use crate::codex_login::{device_sign_in, printed_code};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::chance::Chance;
use keyfob_e2e::process::{Finished, LIMIT, Program};
use keyfob_e2e::rounds::{report, rounds};
use keyfob_e2e::{FormClient, Home, World, codex};
use serde_json::{Value, json};
use std::path::PathBuf;

const USUAL_STEPS: u32 = 24;
/// The members of `tokens` that a refresh replaces; `last_refresh` is the one outside.
const REFRESHED: [&str; 3] = ["access_token", "refresh_token", "id_token"];

#[tokio::test]
async fn r_33_keyfob_and_the_real_codex_cli_share_a_home_and_ours_removes_only_what_it_is_asked_to()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("shared")?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;
    let mut table = Table { client: world.form_client()?, world: &world, home: &home, codex };
    let chance = Chance::new()?;

    for step in rounds(USUAL_STEPS)? {
        let describe = || format!("KEYFOB_TEST_SEED={}, step {step}", chance.seed());
        let next = Step::choose(&mut chance.of_round(step), home.has_auth_file());
        table.take(next).await.with_context(|| format!("{}: {next:?}", describe()))?;
        report(&format!("alternation {step}: {next:?}"));
    }
    world.finish().await
}

/// What either of the two does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    OurLogin,
    TheirLogin,
    OurRefresh,
    TheirRefresh,
    OurStatus,
    TheirStatus,
    OurLogout,
    TheirLogout,
}

impl Step {
    /// Refreshes more often than the rest, as in life.
    fn choose(chance: &mut Chance, is_signed_in: bool) -> Self {
        match (is_signed_in, chance.below(12)) {
            (false, 0..6) | (true, 0) => Self::OurLogin,
            (false, 6..) | (true, 1) => Self::TheirLogin,
            (true, 2..5) => Self::OurRefresh,
            (true, 5..8) => Self::TheirRefresh,
            (true, 8) => Self::OurStatus,
            (true, 9) => Self::TheirStatus,
            (true, 10) => Self::OurLogout,
            (true, 11..) => Self::TheirLogout,
        }
    }
}

/// Where the two take turns.
struct Table<'a> {
    world: &'a World,
    home: &'a Home,
    codex: PathBuf,
    client: FormClient,
}

impl Table<'_> {
    async fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::OurLogin => self.our_login().await,
            Step::TheirLogin => self.their_login().await,
            Step::OurRefresh => self.our_refresh().await,
            Step::TheirRefresh => self.their_refresh().await,
            Step::OurStatus => {
                let before = self.home.auth_text()?;
                self.home.expect(0, &["status"]).await?;
                ensure!(self.home.auth_text()? == before, "a look changed it");
                Ok(())
            }
            Step::TheirStatus => {
                let status = self.codex(&["login", "status"])?;
                ensure!(
                    status.run(self.world.evidence()).await?.expect_code(0)?.stderr.ends_with(" ChatGPT\n")
                );
                Ok(())
            }
            Step::OurLogout => {
                self.home.expect(0, &["logout"]).await?;
                ensure!(!self.home.has_auth_file(), "still there");
                Ok(())
            }
            Step::TheirLogout => {
                self.codex(&["logout"])?.run(self.world.evidence()).await?.expect_code(0)?;
                ensure!(!self.home.has_auth_file(), "still there");
                self.home.expect(4, &["token"]).await?;
                Ok(())
            }
        }
    }

    async fn our_login(&mut self) -> Result<()> {
        self.home.sign_in(&mut self.client).await?;
        self.home.token().await?;
        self.plant()
    }

    async fn their_login(&mut self) -> Result<()> {
        let program = self.with_issuer(device_sign_in(self.world, self.home, &self.codex)?);
        let mut login = program.start(self.world.evidence()).await?;
        let (address, code) = printed_code(&login).await?;
        self.client.approve_device(&address, &code, self.world.owner()).await?;
        login.finished(LIMIT).await?.expect_code(0)?;
        self.home.token().await?;
        self.plant()
    }

    async fn our_refresh(&mut self) -> Result<()> {
        self.home.expire_access_token(self.world.signing_key())?;
        let (tokens, rest) = (self.home.tokens()?, self.rest()?);

        let token = self.home.token().await?;

        let after = self.home.tokens()?;
        ensure!(after.access_token.expose() == token, "not what is stored");
        ensure!(after.refresh_token != tokens.refresh_token, "not rotated");
        ensure!(self.rest()? == rest, "from {rest} to {}", self.rest()?);
        Ok(())
    }

    /// It drops members that it does not know.
    async fn their_refresh(&mut self) -> Result<()> {
        self.home.expire_access_token(self.world.signing_key())?;
        let tokens = self.home.tokens()?;

        let finished: Finished = self
            .codex(&["exec", "--skip-git-repo-check", "hi"])?
            .run(self.world.evidence())
            .await?
            .expect_code(0)?;

        let after = self.home.tokens()?;
        ensure!(after.refresh_token != tokens.refresh_token, "not rotated: {finished:?}");
        ensure!(self.home.token().await? == after.access_token.expose(), "not what is stored");
        self.plant()
    }

    fn codex(&self, arguments: &[&str]) -> Result<Program> {
        Ok(self.with_issuer(self.home.codex(&self.codex, arguments)?))
    }

    /// It revokes at OpenAI, and refreshes there a login that names no issuer, unless it is told otherwise.
    fn with_issuer(&self, program: Program) -> Program {
        let issuer = self.world.issuer();
        program
            .env("CODEX_REFRESH_TOKEN_URL_OVERRIDE", format!("{issuer}/oauth/token"))
            .env("CODEX_REVOKE_TOKEN_URL_OVERRIDE", format!("{issuer}/oauth/revoke"))
    }

    /// Adds members that neither of the two knows, at two levels.
    fn plant(&self) -> Result<()> {
        let mut document: Value = serde_json::from_str(&self.home.auth_text()?)?;
        let members = document.as_object_mut().context("no object")?;
        members.insert("of_a_later_release".into(), json!({ "b": [1, 2.5, null], "a": "text" }));
        let tokens = members.get_mut("tokens").and_then(Value::as_object_mut).context("no tokens")?;
        tokens.insert("of_a_later_release".into(), json!(true));
        self.home.write_auth_text(&format!("{document:#}"))
    }

    /// Everything in order, but for what a refresh replaces.
    fn rest(&self) -> Result<String> {
        let mut document: Value = serde_json::from_str(&self.home.auth_text()?)?;
        let members = document.as_object_mut().context("no object")?;
        if let Some(moment) = members.get_mut("last_refresh") {
            *moment = Value::Null;
        }
        let tokens = members.get_mut("tokens").and_then(Value::as_object_mut).context("no tokens")?;
        for name in REFRESHED {
            ensure!(tokens.insert(name.into(), Value::Null).is_some(), "no {name}");
        }
        Ok(document.to_string())
    }
}

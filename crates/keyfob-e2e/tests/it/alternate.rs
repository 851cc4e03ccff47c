//! `keyfob` and the real Codex CLI by turns on one home.

use crate::codex_gateway::configuration;
use crate::codex_login::{device_sign_in, printed_code};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::chance::Chance;
use keyfob_e2e::process::{Finished, LIMIT, Program};
use keyfob_e2e::rounds::{report, rounds};
use keyfob_e2e::{FormClient, Home, World, codex};
use std::path::PathBuf;

const USUAL_STEPS: u32 = 24;
/// Members that neither of the two knows: before `account_id` in `tokens`, and at the end of all.
const PLANTED: [&str; 2] = [
    r#""of_a_later_release":12345678901234567890123,"#,
    r#","of_a_later_release":{"b":[1.50,null],"a":"text"}"#,
];

#[tokio::test]
async fn r_33_keyfob_and_the_real_codex_cli_share_a_home_and_ours_removes_only_what_it_is_asked_to()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("shared")?;
    // Logins that the Codex CLI made here are ours to end, too.
    home.configure()?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;
    let client = world.form_client()?;
    let mut table = Table { client, world: &world, home: &home, codex, planted: false };
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
    /// Whether the login has members that neither of the two knows, and we have seen them.
    planted: bool,
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
                self.signed_out()
            }
            Step::TheirLogout => {
                self.codex(&["logout"])?.run(self.world.evidence()).await?.expect_code(0)?;
                self.home.expect(4, &["token"]).await?;
                self.signed_out()
            }
        }
    }

    async fn our_login(&mut self) -> Result<()> {
        self.home.sign_in(&mut self.client).await?;
        self.home.token().await?;
        self.keeps_what_was_planted().await
    }

    async fn their_login(&mut self) -> Result<()> {
        let program = self.with_issuer(device_sign_in(self.world, self.home, &self.codex)?);
        let mut login = program.start(self.world.evidence()).await?;
        let (address, code) = printed_code(&login).await?;
        self.client.approve_device(&address, &code, self.world.owner()).await?;
        login.finished(LIMIT).await?.expect_code(0)?;
        self.home.token().await?;
        ensure!(!has_planted(&self.home.auth_text()?), "it keeps them by now");
        self.keeps_what_was_planted().await
    }

    /// The members that neither of the two knows are there after our next refresh: kept, brought back, or new.
    async fn keeps_what_was_planted(&mut self) -> Result<()> {
        if !self.planted {
            plant(self.home)?;
            self.planted = true;
        }
        self.our_refresh().await
    }

    async fn our_refresh(&mut self) -> Result<()> {
        self.home.expire_access_token(self.world.signing_key())?;
        let (tokens, before) = (self.home.tokens()?, self.rest()?);

        let token = self.home.token().await?;

        let after = self.home.tokens()?;
        ensure!(after.access_token.expose() == token, "not what is stored");
        ensure!(after.refresh_token != tokens.refresh_token, "not rotated");
        let text = self.home.auth_text()?;
        ensure!(PLANTED.iter().all(|member| squeezed(&text).contains(member)), "not brought back: {text}");
        let (before, after) = (without_planted(&before), without_planted(&self.rest()?));
        ensure!(before == after, "from {before} to {after}");
        Ok(())
    }

    /// It drops members that it does not know.
    async fn their_refresh(&mut self) -> Result<()> {
        self.home.expire_access_token(self.world.signing_key())?;
        let (tokens, before) = (self.home.tokens()?, self.rest()?);

        let finished: Finished = self
            .codex(&["exec", "--skip-git-repo-check", "hi"])?
            .run(self.world.evidence())
            .await?
            .expect_code(0)?;

        let after = self.home.tokens()?;
        ensure!(after.refresh_token != tokens.refresh_token, "not rotated: {finished:?}");
        ensure!(self.home.token().await? == after.access_token.expose(), "not what is stored");
        ensure!(self.rest()? == without_planted(&before), "from {before} to {}", self.rest()?);
        Ok(())
    }

    /// Whoever signed out: nothing of the login is left beside it.
    fn signed_out(&mut self) -> Result<()> {
        self.planted = false;
        ensure!(!self.home.has_auth_file(), "still there");
        ensure!(!self.home.codex_home().join("keyfob/members.json").exists(), "the side file is left");
        Ok(())
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

    /// Everything in order, but for what a refresh replaces.
    fn rest(&self) -> Result<String> {
        let (text, tokens) = (self.home.auth_text()?, self.home.tokens()?);
        let refresh_token = tokens.refresh_token.context("no refresh token")?;
        let replaced = [tokens.access_token.expose(), refresh_token.expose(), tokens.id_token.expose()];
        let text = replaced.iter().fold(text, |text, token| text.replace(token, ""));
        let (start, moment) = text.split_once("\"last_refresh\": \"").context("no last_refresh")?;
        let (_, end) = moment.split_once('"').context("no end of last_refresh")?;
        Ok(squeezed(&format!("{start}{end}")))
    }
}

/// Adds the members, each to its object.
fn plant(home: &Home) -> Result<()> {
    let [in_tokens, at_the_end] = PLANTED;
    let text = home.auth_text()?.replace("\"account_id\"", &format!("{in_tokens}\"account_id\""));
    let end = text.rfind('}').context("no object")?;
    let text = format!("{}{at_the_end}}}", text.get(..end).context("no object")?);
    ensure!(has_planted(&text));
    home.write_auth_text(&text)
}

fn has_planted(text: &str) -> bool {
    PLANTED.iter().any(|member| squeezed(text).contains(member))
}

fn without_planted(text: &str) -> String {
    PLANTED.iter().fold(text.to_owned(), |text, member| text.replace(member, ""))
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

//! One person's home: where `keyfob` and the real Codex CLI keep the login they share.

use crate::administered::{Administered, Peculiar};
use crate::browser::Person;
use crate::evidence::Evidence;
use crate::form_client::FormClient;
use crate::gate::Gate;
use crate::leak::{Kind, Stream};
use crate::place::{LoginPlace, Store};
use crate::process::{Finished, LIMIT, Log, Program, Running};
use crate::{environment, files};
use anyhow::{Context as _, Result, bail, ensure};
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Login};
use keyfob_jose::{SigningKey, TokenType, read_unverified};
use keyfob_oauth::AccessToken;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use url::Url;

/// A home folder with a `CODEX_HOME` in it.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    issuer: Url,
    person: Person,
    password_file: PathBuf,
    evidence: Evidence,
    log: Log,
    login: LoginPlace,
    variables: Vec<(String, OsString)>,
    administered: Option<Administered>,
}

impl Home {
    pub(crate) fn make(
        folder: PathBuf,
        issuer: Url,
        person: Person,
        password_file: PathBuf,
        evidence: Evidence,
        log: Log,
    ) -> Result<Self> {
        let login = LoginPlace::File(folder.join("codex/auth.json"));
        let home = Self {
            folder,
            issuer,
            person,
            password_file,
            evidence,
            log,
            login,
            variables: Vec::new(),
            administered: None,
        };
        files::make_folder(&home.codex_home())?;
        Ok(home)
    }

    /// Returns this home with its eyes on the login `name` of `person`, which is kept beside the shared one.
    #[must_use]
    pub fn beside(&self, name: &str, person: &Person) -> Self {
        Self {
            folder: self.folder.clone(),
            issuer: self.issuer.clone(),
            person: person.clone(),
            password_file: self.password_file.clone(),
            evidence: self.evidence.clone(),
            log: self.log,
            login: LoginPlace::File(self.codex_home().join("keyfob/logins").join(name).join("auth.json")),
            variables: self.variables.clone(),
            administered: self.administered.clone(),
        }
    }

    /// Lets every program that is started here have this variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Lets the login be kept in `store`; the keyring is one of this home's own.
    pub(crate) async fn keep_in(mut self, store: Store) -> Result<Self> {
        self.configure_codex(&format!("cli_auth_credentials_store = \"{}\"\n", store.name()))?;
        if store != Store::File {
            self.login = LoginPlace::keyring(&self.folder, &self.codex_home(), &self.evidence).await?;
        }
        Ok(self)
    }

    /// Returns the folder of the home itself, in which programs are started.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder that `CODEX_HOME` names.
    pub fn codex_home(&self) -> PathBuf {
        self.folder.join("codex")
    }

    /// Returns the folder in which the browser of this person keeps its history.
    pub fn browser_profile(&self) -> PathBuf {
        self.folder.join("browser-profile")
    }

    /// Returns `keyfob` with these arguments.
    pub fn keyfob(&self, arguments: &[&str]) -> Result<Program> {
        let verb = arguments.first().copied().unwrap_or_default();
        let program = self.started(&format!("keyfob {verb}"), &environment::program("keyfob")?);
        Ok(self.at_home(program).args(arguments))
    }

    /// Returns `keyfob` with these arguments, which waits at `gate` before it runs.
    pub fn keyfob_before(&self, gate: &Gate, arguments: &[&str]) -> Result<Program> {
        let verb = arguments.first().copied().unwrap_or_default();
        let program = gate.before(&format!("keyfob {verb}"), &environment::program("keyfob")?, &self.folder);
        Ok(self.at_home(program).args(arguments))
    }

    /// Returns `keyfob` with these arguments, run by another program: `under` is its name and what it wants before.
    pub fn keyfob_under(&self, under: &[String], arguments: &[&str]) -> Result<Program> {
        let (other, before) = under.split_first().context("no other program")?;
        let verb = arguments.first().copied().unwrap_or_default();
        let program = Program::new(&format!("keyfob {verb}"), Path::new(other), &self.folder);
        let keyfob = environment::program("keyfob")?;
        Ok(self.at_home(program).args(before).args([keyfob]).args(arguments))
    }

    /// Returns `keyfob` as `words` run it, under the name of `verb`.
    pub fn keyfob_in_words(&self, verb: &str, words: &[String]) -> Result<Program> {
        let (program, arguments) = words.split_first().context("no program")?;
        Ok(self
            .at_home(Program::new(&format!("keyfob {verb}"), Path::new(program), &self.folder))
            .args(arguments))
    }

    /// Returns the real Codex CLI at `path` with these arguments.
    pub fn codex(&self, path: &Path, arguments: &[&str]) -> Result<Program> {
        let verb = arguments.first().copied().unwrap_or_default();
        let programs = environment::programs()?;
        let search = std::env::join_paths(
            std::iter::once(programs).chain(std::env::split_paths(&environment::search_path())),
        )?;
        let program = self
            .started(&format!("codex {verb}"), path)
            .env("CODEX_HOME", self.codex_home())
            .env("PATH", search)
            // Nothing but loopback is reached: a closed port stands for the rest of the world.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .args(arguments);
        Ok(self.with_variables(self.with_browser(program)?))
    }

    /// Runs `keyfob` with these arguments and expects this exit code.
    pub async fn expect(&self, code: i32, arguments: &[&str]) -> Result<Finished> {
        let finished = self.keyfob(arguments)?.run(&self.evidence).await?;
        self.note_tokens();
        finished.expect_code(code)
    }

    /// Runs `keyfob token` and returns the token.
    pub async fn token(&self) -> Result<String> {
        let finished = self.expect(0, &["token"]).await?;
        let token = finished.stdout.strip_suffix('\n').context("no newline after the token")?;
        ensure!(!token.is_empty() && !token.contains(char::is_whitespace), "more than a token on stdout");
        self.evidence.note(Kind::AccessToken, token);
        Ok(token.to_owned())
    }

    /// Signs in with a real browser, as a person at a desk does.
    pub async fn sign_in_with_browser(&self) -> Result<Finished> {
        let program = self.keyfob(&["login", "--issuer", self.issuer.as_str().trim_end_matches('/')])?;
        let finished = self.with_browser(program)?.run(&self.evidence).await?.expect_code(0)?;
        self.note_tokens();
        Ok(finished)
    }

    /// Starts a sign-in that prints its address and opens nothing; returns it with the address.
    pub async fn start_sign_in(&self) -> Result<(Running, Url)> {
        let running = self.sign_in_program()?.start(&self.evidence).await?;
        let address = self.printed_address(&running).await?;
        Ok((running, address))
    }

    /// Returns the sign-in that prints its address and opens nothing.
    pub fn sign_in_program(&self) -> Result<Program> {
        self.keyfob(&["login", "--no-browser", "--issuer", self.issuer.as_str().trim_end_matches('/')])
    }

    /// Returns that sign-in at a pseudo-terminal, which `script` (util-linux) makes and which does not repeat what is typed.
    pub fn sign_in_at_terminal(&self, script: &Path) -> Result<Program> {
        let keyfob = environment::program("keyfob")?;
        let issuer = self.issuer.as_str().trim_end_matches('/');
        let command = format!("'{}' login --no-browser --issuer '{issuer}'", keyfob.display());
        let program = Program::new("keyfob login", script, &self.folder);
        Ok(self.at_home(program).args(["-qefc", &command, "-E", "never", "/dev/null"]))
    }

    /// Waits for the sign-in address that `running` prints alone on a line.
    pub async fn printed_address(&self, running: &Running) -> Result<Url> {
        let line = running
            .line(Stream::Stderr, |line| Url::parse(line.trim()).is_ok_and(|url| url.has_host()))
            .await?;
        let address = Url::parse(line.trim())?;
        self.evidence.note_address(&address);
        Ok(address)
    }

    /// Signs in as `keyfob login --as NAME` by filling the forms over plain HTTP.
    pub async fn sign_in_as(&self, name: &str, client: &mut FormClient) -> Result<()> {
        let program = self.sign_in_program()?.args(["--as", name]);
        self.finish_sign_in(program.start(&self.evidence).await?, client).await?;
        Ok(())
    }

    /// Signs in by filling the forms over plain HTTP.
    pub async fn sign_in(&self, client: &mut FormClient) -> Result<()> {
        let running = self.sign_in_program()?.start(&self.evidence).await?;
        self.finish_sign_in(running, client).await?;
        Ok(())
    }

    /// Fills the forms that the sign-in `running` waits for.
    pub async fn finish_sign_in(&self, mut running: Running, client: &mut FormClient) -> Result<Finished> {
        let address = self.printed_address(&running).await?;
        let callback = client.approve(&address, &self.person).await?;
        client.deliver(&callback).await?;
        let finished = running.finished(LIMIT).await?.expect_code(0)?;
        self.note_tokens();
        Ok(finished)
    }

    /// Returns whether there is an `auth.json`.
    pub fn has_auth_file(&self) -> bool {
        self.codex_home().join("auth.json").exists()
    }

    /// Returns the files of the home that a login is to be in.
    pub fn login_files(&self) -> Vec<PathBuf> {
        match &self.login {
            LoginPlace::File(path) => vec![path.clone()],
            LoginPlace::Keyring(..) => Vec::new(),
        }
    }

    /// Replaces the document of the login.
    pub fn write_auth_text(&self, text: &str) -> Result<()> {
        self.login.write(text)
    }

    /// Returns the document of the login: the text of `auth.json`, or what the keyring holds.
    pub fn auth_text(&self) -> Result<String> {
        self.login.read()?.context("there is no login")
    }

    /// Lets the Codex CLI have read the login: from a keyring, it keeps a copy in the kernel.
    pub fn cache_as_codex(&self) -> Result<()> {
        self.login.cache()
    }

    /// Whether a Codex CLI would find what is stored, and no older copy.
    pub fn is_cache_in_step(&self) -> Result<bool> {
        let cached = self.login.cached()?;
        Ok(cached.is_none() || cached == self.login.read()?)
    }

    /// Writes down everything that is said on the keyring's bus; what is written is searched for secrets like any output.
    pub async fn listen_on_bus(&self) -> Result<Running> {
        let address = self.login.bus().context("the login is in no keyring")?;
        let monitor = Program::new("dbus-monitor", Path::new("dbus-monitor"), &self.folder)
            .args(["--address", address])
            .start(&self.evidence)
            .await
            .context("Debian's package `dbus-bin` has it")?;
        monitor.line(Stream::Stdout, |line| line.contains("member=NameLost")).await?;
        Ok(monitor)
    }

    /// Whether any document is in the place of the login.
    pub fn is_signed_in(&self) -> Result<bool> {
        Ok(self.login.read()?.is_some())
    }

    /// Returns the tokens that are stored; from then on they are secrets of this run.
    pub fn tokens(&self) -> Result<AccountTokens> {
        let file = AuthFile::parse(self.auth_text()?.as_bytes())?;
        let Login::Account(tokens) = file.login() else { bail!("what is stored is no account login") };
        self.evidence.note(Kind::AccessToken, tokens.access_token.expose());
        self.evidence.note(Kind::IdToken, tokens.id_token.expose());
        if let Some(refresh_token) = &tokens.refresh_token {
            self.evidence.note(Kind::RefreshToken, refresh_token.expose());
        }
        Ok(*tokens)
    }

    /// Stores an access token that the issuer's `key` signed, like the present one but expired.
    pub fn expire_access_token(&self, key: &SigningKey) -> Result<AccessToken> {
        let present = self.tokens()?.access_token;
        let claims = read_unverified(present.expose()).context("the access token is no JWT")?;
        let issued = claims.time("iat").context("no time of issue")?.as_unix();
        let mut expired: Map<String, Value> = payload(present.expose())?;
        expired.insert("iat".into(), Value::from(issued - 7_200));
        expired.insert("exp".into(), Value::from(issued - 3_600));
        let token = AccessToken::new(key.sign(TokenType::AccessToken, &expired)?);
        let mut file = AuthFile::parse(self.auth_text()?.as_bytes())?;
        file.replace_tokens(&token, None, None);
        self.write_auth_text(&file.to_text())?;
        self.tokens()?;
        Ok(token)
    }

    /// Writes the configuration of the Codex CLI.
    pub fn configure_codex(&self, toml: &str) -> Result<()> {
        files::replace(&self.codex_home().join("config.toml"), toml.as_bytes())
    }

    /// Writes our own configuration: this home's issuer is the world's.
    pub fn configure(&self) -> Result<()> {
        let issuer = self.issuer.as_str().trim_end_matches('/');
        let folder = self.codex_home().join("keyfob");
        files::make_folder(&folder)?;
        files::replace(&folder.join("config.toml"), format!("issuer = \"{issuer}\"\n").as_bytes())
    }

    /// Puts a file of an administrator into `/etc/codex`, for `keyfob` and the Codex CLI of this home.
    pub fn administer(&mut self, name: &str, text: &str) -> Result<()> {
        self.administered()?.write(name, text.as_bytes())
    }

    /// Makes that file a peculiar one.
    pub fn make_peculiar(&mut self, name: &str, how: Peculiar) -> Result<()> {
        self.administered()?.make_peculiar(name, how)
    }

    fn administered(&mut self) -> Result<&Administered> {
        let made = match self.administered.take() {
            Some(made) => made,
            None => Administered::make(self.folder.join("etc"))?,
        };
        Ok(self.administered.insert(made))
    }

    /// Returns the program at `path`, where the administrator's files are, if there are any.
    fn started(&self, name: &str, path: &Path) -> Program {
        let Some(administered) = &self.administered else { return Program::new(name, path, &self.folder) };
        let (around, words) = administered.around(path);
        Program::new(name, around, &self.folder).args(words)
    }

    /// Lets `program` open a real browser in which this person signs in.
    pub fn with_browser(&self, program: Program) -> Result<Program> {
        Ok(program
            .env("BROWSER", environment::program("keyfob-browse")?)
            .env("KEYFOB_BROWSE_EMAIL", &self.person.email)
            .env("KEYFOB_BROWSE_PASSWORD_FILE", &self.password_file)
            .env("KEYFOB_BROWSE_PROFILE", self.browser_profile()))
    }

    /// Lets `program` find this home and its keyring.
    pub(crate) fn at_home(&self, program: Program) -> Program {
        let program = self.with_variables(program.env("CODEX_HOME", self.codex_home()).log(self.log));
        match self.login.bus() {
            Some(bus) => program.env("DBUS_SESSION_BUS_ADDRESS", bus),
            None => program,
        }
    }

    fn with_variables(&self, program: Program) -> Program {
        self.variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    /// Notes the tokens of a home that is signed in; one that is not has none.
    fn note_tokens(&self) {
        let _noted = self.tokens();
    }
}

fn payload(token: &str) -> Result<Map<String, Value>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.split('.').nth(1).context("the token is no JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

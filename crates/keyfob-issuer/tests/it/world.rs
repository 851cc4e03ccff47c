//! An issuer in this process, on an ephemeral port, with a clock that a test moves.

use crate::browser::{Answer, Browser};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::init::{NewIssuer, init};
use keyfob_issuer::config::Config;
use keyfob_issuer::{App, OpenError, router, server};
use keyfob_issuer_core::password::Password;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_sql::DatabaseUrl;
use keyfob_jose::SigningKey;
use keyfob_oauth::{Clock, CodeVerifier, Entropy, EntropyError, Timestamp};
use keyfob_testing::postgres;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub(crate) const OWNER: &str = "mia@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:43117/auth/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const START: i64 = 1_800_000_000;

/// An issuer and its surroundings.
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) data: tempfile::TempDir,
    /// The database of a real server, unless it is a file.
    pub(crate) postgres: Option<postgres::Database>,
    app: Arc<App>,
    server: AbortHandle,
}

/// What keeps an issuer's data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    InFile,
    OnServer,
    /// One that no other test uses, and that may be restarted.
    OnOwnServer,
}

/// Runs a behaviour, a function of this name, with an issuer whose data is in a file and with one whose is on a server.
macro_rules! on_both {
    ($behaviour:ident) => {
        mod $behaviour {
            use crate::world::Kept;

            #[tokio::test]
            async fn on_sqlite() {
                super::$behaviour(Kept::InFile).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                super::$behaviour(Kept::OnServer).await;
            }
        }
    };
}
pub(crate) use on_both;

impl Kept {
    /// Makes an empty database, if a server is to keep it.
    pub(crate) fn database(self) -> Option<postgres::Database> {
        match self {
            Self::InFile => None,
            Self::OnServer => Some(postgres::Server::shared().unwrap().database().unwrap()),
            Self::OnOwnServer => Some(postgres::Server::own().unwrap().database().unwrap()),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
pub(crate) struct TestEntropy;

impl Entropy for TestEntropy {
    #[expect(clippy::disallowed_methods, reason = "the tests' adapter of randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// Tokens as they came.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::keeping(Kept::InFile).await
    }

    pub(crate) async fn keeping(kept: Kept) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self::start_configured(listener, base.clone(), &base, |file| file, kept).await
    }

    /// Starts an issuer whose address is `url`, wherever it listens.
    pub(crate) async fn start_as(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self::start_configured(listener, base, url, |file| file, Kept::InFile).await
    }

    /// Starts an issuer whose settings have these lines too.
    pub(crate) async fn start_with(settings: &str) -> Self {
        Self::start_with_on(settings, Kept::InFile).await
    }

    /// Starts an issuer whose settings have these lines too, and whose data is kept there.
    pub(crate) async fn start_with_on(settings: &str, kept: Kept) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self::start_configured(listener, base.clone(), &base, |file| file + settings, kept).await
    }

    /// Starts an issuer whose access tokens are for the resource server `audience`.
    pub(crate) async fn start_for(audience: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let line = |audience: &str| format!("audience = \"{audience}\"");
        let edit = |file: String| file.replace(&line(&base), &line(audience));
        Self::start_configured(listener, base.clone(), &base, edit, Kept::InFile).await
    }

    async fn start_configured(
        listener: TcpListener,
        base: String,
        url: &str,
        edit: impl FnOnce(String) -> String,
        kept: Kept,
    ) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let data = tempfile::tempdir().unwrap();
        let postgres = kept.database();
        make_issuer_in(data.path(), url, &*clock, postgres.as_ref()).await;
        edit_settings(data.path(), edit);
        let app = App::open(data.path(), Arc::<TestClock>::clone(&clock), Arc::new(TestEntropy)).await;
        let app = Arc::new(app.unwrap());
        let own = Arc::clone(&app);
        let serving = async move {
            server::serve(vec![listener], &own.limits(), router(Arc::clone(&own)), std::future::pending())
                .await;
        };
        let server = tokio::spawn(serving).abort_handle();
        Self { base, clock, data, postgres, app, server }
    }

    /// Opens the issuer once more beside the one that runs, as the next start would.
    pub(crate) async fn reopen(&self) -> Result<App, OpenError> {
        let clock = Arc::<TestClock>::clone(&self.clock);
        App::open(self.data.path(), clock, Arc::new(TestEntropy)).await
    }

    /// Ends this issuer, and starts it again with these lines in its settings too.
    pub(crate) async fn restart_with(&mut self, settings: &str) {
        self.server.abort();
        edit_settings(self.data.path(), |file| file + settings);
        let clock = Arc::<TestClock>::clone(&self.clock);
        self.app = Arc::new(App::open(self.data.path(), clock, Arc::new(TestEntropy)).await.unwrap());
        let address = self.base.strip_prefix("http://").unwrap();
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                // The old listener goes with its task.
                Err(_taken) => tokio::task::yield_now().await,
            }
        };
        let own = Arc::clone(&self.app);
        let serving = async move {
            server::serve(vec![listener], &own.limits(), router(Arc::clone(&own)), std::future::pending())
                .await;
        };
        self.server = tokio::spawn(serving).abort_handle();
    }

    /// Runs SQL behind the issuer's back; returns the first column of each row.
    pub(crate) async fn query(&self, sql: &'static str) -> Vec<String> {
        if let Some(postgres) = &self.postgres {
            return postgres.query(sql).unwrap().lines().map(str::to_owned).collect();
        }
        let file = SqliteConnectOptions::new().filename(self.data.path().join("issuer.db"));
        let mut connection = SqliteConnection::connect_with(&file).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }

    /// Changes a value in the file behind the issuer's back.
    pub(crate) async fn change(&self, sql: &'static str, value: &str) {
        let file = SqliteConnectOptions::new().filename(self.data.path().join("issuer.db"));
        let mut connection = SqliteConnection::connect_with(&file).await.unwrap();
        sqlx::query(sql).bind(value).execute(&mut connection).await.unwrap();
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Forgets what has ended by now.
    pub(crate) async fn sweep(&self) {
        keyfob_issuer::sweep::once(&self.app).await;
    }

    /// Returns what is served to whoever runs the issuer.
    pub(crate) async fn operations(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        self.serve_also(listener, keyfob_issuer::operations_router);
        base
    }

    /// Serves what `router` makes of the issuer on `listener` too.
    pub(crate) fn serve_also(&self, listener: TcpListener, router: fn(Arc<App>) -> axum::Router) {
        let (router, limits) = (router(Arc::clone(&self.app)), self.app.limits());
        tokio::spawn(async move {
            server::serve(vec![listener], &limits, router, std::future::pending()).await;
        });
    }

    /// Takes up the signing keys as they are now.
    pub(crate) async fn reload_keys(&self) {
        keyfob_issuer::sweep::reload_keys(&self.app).await;
    }

    /// Records what misused codes the issuer has answered.
    pub(crate) async fn tell_misuses(&self) {
        keyfob_issuer::sweep::tell_misuses(&self.app).await;
    }

    /// Signs the end of the audit trail.
    pub(crate) async fn sign_audit(&self) {
        keyfob_issuer::sweep::sign_audit(&self.app).await;
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.base)
    }

    /// Opens the sign-in page of an authorization request.
    pub(crate) async fn begin(&self, browser: &mut Browser, request: &[(&str, &str)]) -> String {
        let answer = browser.get(&authorize(request)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location().unwrap().to_owned()
    }

    /// Signs in at the interaction's page and returns the answer to the form.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, interaction: &str, password: &str) -> Answer {
        let csrf = browser.get(interaction).await.csrf();
        let form = [("csrf", &*csrf), ("email", OWNER), ("password", password)];
        browser.post(&format!("{interaction}/sign-in"), &form).await
    }

    pub(crate) async fn decide(&self, browser: &mut Browser, interaction: &str, decision: &str) -> Answer {
        let csrf = browser.get(interaction).await.csrf();
        let form = [("csrf", &*csrf), ("decision", decision)];
        browser.post(&format!("{interaction}/confirm"), &form).await
    }

    /// Goes the whole way to a code.
    pub(crate) async fn code(&self, request: &[(&str, &str)]) -> String {
        let mut browser = self.browser();
        let interaction = self.begin(&mut browser, request).await;
        self.sign_in(&mut browser, &interaction, PASSWORD).await;
        let answer = self.decide(&mut browser, &interaction, "approve").await;
        answer.redirected()["code"].clone()
    }

    /// Goes the whole way to tokens.
    pub(crate) async fn tokens(&self) -> Tokens {
        let code = self.code(&codex_request()).await;
        let answer = self.browser().post("/oauth/token", &exchange(&code)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Tokens::read(&answer)
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.browser().post("/oauth/token", &refresh(CLIENT_ID, refresh_token)).await
    }
}

fn edit_settings(data: &Path, edit: impl FnOnce(String) -> String) {
    let path = data.join("issuer.toml");
    write(&path, &edit(std::fs::read_to_string(&path).unwrap()));
}

/// Writes a file anew.
pub(crate) fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

impl Tokens {
    pub(crate) fn read(answer: &Answer) -> Self {
        let json = answer.json();
        let text = |member: &str| json[member].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") }
    }
}

pub(crate) async fn make_issuer(data: &Path, url: &str, clock: &dyn Clock) {
    make_issuer_in(data, url, clock, None).await;
}

pub(crate) async fn make_issuer_in(
    data: &Path,
    url: &str,
    clock: &dyn Clock,
    postgres: Option<&postgres::Database>,
) {
    let mut config = Config::new(url, None).unwrap();
    if let Some(postgres) = postgres {
        config.database.url = DatabaseUrl::parse(&postgres.url()).unwrap();
    }
    let new = NewIssuer {
        config,
        owner: Email::parse(OWNER).unwrap(),
        password: Password::typed(PASSWORD.into()),
        signing_key: SigningKey::generate().unwrap(),
    };
    init(data, new, clock, &TestEntropy).await.unwrap();
}

pub(crate) fn challenge() -> String {
    CodeVerifier::parse(VERIFIER).unwrap().challenge().as_str().to_owned()
}

/// The authorization request of the Codex CLI.
pub(crate) fn codex_request() -> [(&'static str, &'static str); 7] {
    [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("state", "the-state"),
        ("scope", keyfob_codex::authorize::SCOPE),
    ]
}

/// Returns `request` with `changes`; an empty value takes a parameter away.
pub(crate) fn changed<'a>(
    request: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = request.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect()
}

pub(crate) fn authorize(request: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(request).finish();
    format!("/oauth/authorize?{query}")
}

pub(crate) fn exchange(code: &str) -> [(&'static str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn refresh<'a>(client_id: &'a str, refresh_token: &'a str) -> [(&'static str, &'a str); 3] {
    [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", refresh_token)]
}

//! Whose gateway it is: what their configuration and their stores say now, read as the `keyfob` command reads them.

use http::StatusCode;
use keyfob_client::logins::Logins;
use keyfob_client::provider::command::CommandError;
use keyfob_client::provider::variable::VariableError;
use keyfob_client::provider::{self, Credential, Destination, DestinationError, Local, Looked, Lookup};
use keyfob_client::refresh::RefreshError;
use keyfob_client::store::StoreError;
use keyfob_client::why::{Asked, Flaw};
use keyfob_client::{Home, NoHome, Session, Whereabouts};
use keyfob_oauth::Timestamp;
use keyfob_settings::logins::{Chooser, InvalidLoginName, Rule, Which, choose};
use keyfob_settings::{Precedence, Provider, ProviderError, Settings, SettingsError};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Reads a variable of the environment.
type Variable = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// The person whose login is used, and what the program was told.
pub struct Person {
    /// Where their configuration and logins are.
    pub whereabouts: Whereabouts,
    /// The provider that was named; else the one that is configured.
    pub provider: Option<String>,
    /// The login that was named.
    pub login: Option<String>,
    /// The value of `KEYFOB_LOGIN`.
    pub login_variable: Option<OsString>,
    /// The folder that the program was started in, for rules.
    pub folder: Option<PathBuf>,
    /// The environment.
    pub variable: Box<Variable>,
    /// The variables that a command that prints a token does not get.
    pub without: Vec<OsString>,
}

/// No credential can be had now.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no home.
    #[error(transparent)]
    NoHome(#[from] NoHome),
    /// The configuration cannot be used.
    #[error("the configuration cannot be used")]
    Settings(#[from] SettingsError),
    /// There is no such login.
    #[error("that is not the name of a login")]
    LoginName(#[from] InvalidLoginName),
    /// There is no such provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The provider signs in by itself.
    #[error("provider `{0}` has a sign-in of its own, which a gateway cannot do for it")]
    OwnSignIn(String),
    /// It does not say where it serves, or not safely.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// Its address cannot be an upstream's.
    #[error("the `base_url` of the provider cannot be served")]
    Address(#[from] crate::upstream::InvalidUpstreamUrl),
    /// The configuration leads to another server than when the gateway was started.
    #[error("the provider is at another address than when the gateway was started")]
    Moved,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The provider's own key is not there.
    #[error("the provider has no key: `{0}` is not set, and none is kept for it")]
    NoKey(String),
    /// What comes first cannot be used.
    #[error("what is used first for the provider cannot be used: {0}")]
    Flawed(Flaw),
    /// Nobody vouches for the server.
    #[error(transparent)]
    NotVouched(#[from] provider::Refusal),
    /// It could not stand in a header.
    #[error("the credential cannot be sent")]
    NotAHeader,
    /// The login cannot be used.
    #[error("cannot use the login")]
    Login(#[from] RefreshError),
    /// The credential in a variable cannot be used.
    #[error("cannot use the credential in a variable")]
    Variable(#[from] VariableError),
    /// The command gave no token.
    #[error("cannot get the provider's token")]
    Command(#[from] CommandError),
    /// The store cannot be read.
    #[error("cannot read the login")]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error("cannot draw random numbers")]
    Entropy(#[from] keyfob_oauth::EntropyError),
    /// The reader went away.
    #[error("cannot look for the credential")]
    Lost(#[from] tokio::task::JoinError),
}

/// What is configured and stored now.
pub(super) struct Found {
    pub(super) settings: Settings,
    pub(super) logins: Logins,
    pub(super) session: Session,
    pub(super) provider: Provider,
    pub(super) kept: Option<Session>,
    pub(super) looked: Looked,
    pub(super) asked: Asked,
}

/// Where Codex looks for local providers.
const LOCAL_ADDRESS: &str = "CODEX_OSS_BASE_URL";
const LOCAL_PORT: &str = "CODEX_OSS_PORT";

impl Person {
    /// Returns the home that the keys and the audit are in.
    pub fn home(&self) -> Result<Home, NoHome> {
        self.whereabouts.home()
    }

    /// Reads the configuration and looks for the credential; blocks, asks nobody and runs nothing.
    pub(super) fn look(&self, now: Timestamp) -> Result<Found, Unusable> {
        let home = self.home()?;
        let settings = Settings::load(&self.whereabouts.places(&home))?;
        let own = settings.own();
        let flag = self.login.as_deref().map(Which::parse).transpose()?;
        let variable = self.login_variable.as_ref().map(|name| Which::parse(&name.to_string_lossy()));
        let rule = self.folder.as_deref().and_then(|folder| Rule::matching(&own.rules, folder));
        let default = own.default_login.as_ref().map(|login| login.value.clone());
        let chosen = choose(flag, variable.transpose()?, rule, default);
        let asked = if chosen.by == Chooser::Flag { Asked::Login } else { Asked::Nothing };
        let logins = self.whereabouts.logins(&home, &settings);
        if !logins.has(&chosen.login) {
            return Err(Unusable::SignedOut);
        }
        let session = logins.session(&chosen.login);
        let provider = settings.provider(self.provider.as_deref())?;
        if provider.own_sign_in.is_some() {
            return Err(Unusable::OwnSignIn(provider.id));
        }
        let precedence =
            own.precedence.as_ref().map_or_else(Precedence::default, |precedence| precedence.value);
        let kept = logins.provider(&provider.id);
        let lookup = Lookup {
            provider: &provider,
            precedence,
            asked,
            variable: &*self.variable,
            login: &session,
            kept: kept.as_ref(),
            own_issuer: settings.issuer().map(|issuer| &issuer.value),
            now,
        };
        let looked = lookup.look();
        Ok(Found { settings, logins, session, provider, kept, looked, asked })
    }

    /// Returns where the provider serves whoever has `credential`.
    pub(super) fn destination(
        &self,
        provider: &Provider,
        credential: Option<&Credential>,
    ) -> Result<Destination, DestinationError> {
        let text = |name| {
            (self.variable)(name).and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty())
        };
        let local = Local {
            base_url: text(LOCAL_ADDRESS),
            port: text(LOCAL_PORT).and_then(|port| port.parse().ok()),
        };
        provider::destination(provider, credential, &local)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Unusable {
    /// Returns the whole sentence for whoever sent the request: whose fault it is, and which command helps.
    pub(super) fn advice(&self) -> String {
        let helps = match self {
            Self::SignedOut | Self::Login(RefreshError::SignedOut) => "run `keyfob login`",
            Self::Login(RefreshError::Ended { .. } | RefreshError::Copied { .. }) => {
                "run `keyfob login` to sign in again"
            }
            Self::Login(RefreshError::Restricted(_) | RefreshError::Unverified { .. })
            | Self::Variable(_) => "`keyfob why` says what restricts it",
            Self::Login(RefreshError::Unavailable { .. } | RefreshError::LeftAlone { .. }) => {
                "try again shortly; `keyfob status --check` asks the issuer"
            }
            Self::Moved => "start `keyfob-gateway local` again",
            Self::NotVouched(_) => {
                "name the server in `login_origins`, if it is yours (`keyfob why` shows where the credential goes)"
            }
            Self::Settings(_) | Self::NoHome(_) | Self::LoginName(_) | Self::Provider(_) => {
                "`keyfob config check` says what is wrong"
            }
            Self::OwnSignIn(_)
            | Self::Destination(_)
            | Self::Address(_)
            | Self::NoKey(_)
            | Self::Flawed(_)
            | Self::NotAHeader
            | Self::Login(_)
            | Self::Command(_)
            | Self::Store(_)
            | Self::Entropy(_)
            | Self::Lost(_) => "`keyfob why` says which credential is used",
        };
        format!("The gateway has no credential for its provider: {}; {helps}", self.innermost())
    }

    /// What a person can act on: our own words stand in front of a cause that says it all.
    fn innermost(&self) -> String {
        match self {
            Self::Login(error) => error.to_string(),
            Self::Variable(error) => error.to_string(),
            other => other.to_string(),
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut
            | Self::NoKey(_)
            | Self::NotVouched(_)
            | Self::Variable(_)
            | Self::Login(
                RefreshError::SignedOut
                | RefreshError::Ended { .. }
                | RefreshError::Copied { .. }
                | RefreshError::Restricted(_)
                | RefreshError::Unverified { .. },
            ) => StatusCode::FORBIDDEN,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::SignedOut | Self::Login(RefreshError::SignedOut) => "not_signed_in",
            Self::Login(RefreshError::Ended { .. } | RefreshError::Copied { .. }) => "session_ended",
            Self::Login(RefreshError::Restricted(_) | RefreshError::Unverified { .. })
            | Self::Variable(_) => "refused_by_policy",
            Self::Login(RefreshError::Unavailable { .. } | RefreshError::LeftAlone { .. }) => {
                "issuer_unreachable"
            }
            Self::NotVouched(_) => "server_not_vouched_for",
            Self::Moved => "configuration_changed",
            _ => "credential_unusable",
        }
    }
}

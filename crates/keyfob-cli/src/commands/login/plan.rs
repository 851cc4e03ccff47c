//! What a sign-in is for, and in which manner its person is met.

use super::conduct::{Ended, conduct};
use super::face::{Face, Method, Notes};
use super::lines::Lines;
use super::manner::{Manner, Streams};
use super::over;
use super::prompt;
use super::screen::{Facts, Screen};
use crate::args::Login;
use crate::commands::{Acting, on_runtime_noting};
use crate::environment::{self, Environment};
use crate::error::CommandError;
use crate::settings::{self, SettingsError};
use crate::surroundings::{self, Remote};
use keyfob_client::login::{Asked, Carried, LoginError, Means, PendingSignIn, Prompt, SignIn};
use keyfob_client::{Account, Status, SystemClock, SystemEntropy};
use keyfob_codex::client::{CLIENT_ID, UNNAMED_ISSUER};
use keyfob_oauth::{Capability, ClientId, IssuerUrl, WorkspaceId};
use keyfob_settings::logins::Which;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A sign-in, before it begins.
pub(super) struct Plan<'a> {
    pub(super) arguments: &'a Login,
    acting: &'a Acting,
    /// What is around, but not a port that nobody here has to forward.
    environment: Environment,
    /// Where the callback comes in, if another machine has the browser.
    carried: Option<Carried>,
    pub(super) issuer: IssuerUrl,
    remote: Option<Remote>,
    pub(super) manner: Manner,
    /// The method, unless the person is to choose it.
    pub(super) named: Option<Method>,
    /// Whether a program reads the standard output.
    pub(super) programs_read: bool,
    /// Whether the Codex CLI will see the login and does not know the issuer.
    codex_cares: bool,
}

impl<'a> Plan<'a> {
    /// Plans a sign-in at `issuer`.
    pub(super) fn to_sign_in(
        arguments: &'a Login,
        acting: &'a Acting,
        environment: &'a Environment,
        issuer: IssuerUrl,
    ) -> Self {
        // The Codex CLI does not see the logins that are kept beside the shared one.
        let codex_cares = acting.chosen.login == Which::Shared
            && issuer.as_str() != UNNAMED_ISSUER
            && !settings::codex_knows(&issuer, &acting.settings);
        let mut plan = Self::new(arguments, acting, environment, issuer);
        plan.codex_cares = codex_cares;
        plan.named = match plan.manner {
            Manner::Unattended => Some(plan.usual()),
            Manner::Lines | Manner::Screen { .. } => plan.is_said().then(|| plan.usual()),
        };
        plan
    }

    /// Plans to ask for a key; like a login that names nobody, it is one of OpenAI's, and no issuer is asked about it.
    pub(super) fn to_enter_a_key(
        arguments: &'a Login,
        acting: &'a Acting,
        environment: &'a Environment,
    ) -> Result<Self, CommandError> {
        let unnamed = IssuerUrl::parse(UNNAMED_ISSUER).map_err(SettingsError::IssuerArgument)?;
        Ok(Self { named: Some(Method::ApiKey), ..Self::new(arguments, acting, environment, unnamed) })
    }

    fn new(
        arguments: &'a Login,
        acting: &'a Acting,
        environment: &'a Environment,
        issuer: IssuerUrl,
    ) -> Self {
        let remote = surroundings::remote(&environment::Here);
        let manner = if arguments.json {
            Manner::Unattended
        } else {
            Manner::of(Streams::of_this_process(), arguments.plain, &environment::Here)
        };
        let programs_read = arguments.json || !io::stdout().is_terminal();
        let carried = over::carried(arguments);
        let is_over_ssh = environment.is_over_ssh && carried.is_none();
        let environment = Environment { is_over_ssh, ..environment.clone() };
        let (named, codex_cares) = (None, false);
        Self {
            arguments,
            acting,
            environment,
            carried,
            issuer,
            remote,
            manner,
            named,
            programs_read,
            codex_cares,
        }
    }

    /// Carries it out.
    pub(super) fn carry_out(&self) -> Result<Ended, CommandError> {
        // Before there is a runtime, in which no store may be waited for.
        let facts = self.facts();
        match self.manner {
            Manner::Screen { look, has_blocks } => {
                let (sender, notes) = mpsc::unbounded_channel();
                let to_screen = Notes::Told(sender);
                on_runtime_noting(&to_screen, async {
                    match Screen::open(facts.clone(), look, has_blocks, notes) {
                        Ok(mut screen) => conduct(&mut screen, self, &to_screen).await,
                        // A terminal that does not say where its cursor is takes lines.
                        Err(_) => self.in_lines(facts).await,
                    }
                })
            }
            Manner::Lines | Manner::Unattended => {
                let work = over::while_heard(self.carried.is_some(), self.in_lines(facts));
                on_runtime_noting(&Notes::Said, work)
            }
        }
    }

    async fn in_lines(&self, facts: Facts) -> Result<Ended, CommandError> {
        conduct(&mut Lines::new(facts, &self.environment), self, &Notes::Said).await
    }

    /// Begins, by `means`.
    pub(super) async fn start(&self, means: Means) -> Result<PendingSignIn, LoginError> {
        let sign_in = self.sign_in(means);
        match self.carried.clone() {
            Some(carried) => sign_in.start_behind(carried, &SystemEntropy).await,
            None => sign_in.start(&SystemEntropy).await,
        }
    }

    /// Returns what the issuer and the store are asked for.
    fn sign_in(&self, means: Means) -> SignIn {
        let asked = Asked {
            issuer: self.issuer.clone(),
            client_id: ClientId::new(CLIENT_ID),
            means,
            workspace: self.arguments.workspace.as_deref().map(WorkspaceId::new),
            capabilities: self.arguments.cloud.then_some(Capability::Cloud).into_iter().collect(),
            replace: super::beside_or_replace(self.arguments.replace, self.acting),
        };
        SignIn {
            store: self.acting.session.store().clone(),
            beside: self.acting.logins.clone(),
            asked,
            clock: Arc::new(SystemClock),
            machine: environment::machine_name(),
        }
    }

    /// A browser that would not come back here is of no use, unless the person says otherwise.
    pub(super) fn usual(&self) -> Method {
        let is_browser = self.arguments.no_browser || self.arguments.browser.is_some();
        match (self.arguments.device_auth, is_browser, self.remote) {
            (true, _, _) | (false, false, Some(_)) => Method::DeviceCode,
            (false, true, _) | (false, false, None) => Method::Browser,
        }
    }

    /// Whether the person named a method.
    fn is_said(&self) -> bool {
        self.arguments.device_auth || self.arguments.no_browser || self.arguments.browser.is_some()
    }

    fn facts(&self) -> Facts {
        Facts {
            issuer: self.issuer.to_string(),
            expected: self.expected(),
            remote: self.remote.map(|remote| remote.to_string()),
            can_choose: self.named.is_none(),
        }
    }

    /// Returns who alone may sign in: whoever's login of this issuer is in the place already.
    fn expected(&self) -> Option<String> {
        if self.manner == Manner::Unattended {
            return None;
        }
        let Ok(Status::Account(stored)) = self.acting.session.status() else { return None };
        let Account { email, .. } = stored.account;
        (!self.arguments.replace && stored.issuer.as_ref() == Some(&self.issuer)).then_some(email).flatten()
    }

    /// The Codex CLI sends a login that it finds to OpenAI's hosts, whoever issued it (design D14).
    pub(super) fn warn(&self, face: &mut impl Face, goes_beside: bool) -> io::Result<()> {
        if !self.codex_cares || goes_beside {
            return Ok(());
        }
        face.say(&super::codex_note(&self.issuer))
    }

    /// Says why the person is asked for this, where it is not what they asked for.
    pub(super) fn say_why(&self, face: &mut impl Face, pending: &PendingSignIn) -> io::Result<()> {
        match (pending.prompt(), self.remote) {
            (Prompt::Visit { .. }, _) if pending.fell_back() => {
                face.say("Device code login is not enabled; falling back to browser login.")
            }
            (Prompt::Type(_), Some(remote)) if self.named == Some(Method::DeviceCode) && !self.is_said() => {
                face.say(&format!(
                    "note: {remote}, so a code is used; `--no-browser` shows an address instead"
                ))
            }
            (Prompt::Visit { port, .. }, _) if matches!(self.manner, Manner::Screen { .. }) => {
                prompt::port_warning(*port, &self.environment).map_or(Ok(()), |warning| face.say(&warning))
            }
            (Prompt::Visit { .. } | Prompt::Type(_), _) => Ok(()),
        }
    }
}

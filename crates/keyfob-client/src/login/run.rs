//! A sign-in from its beginning to its end, with the person in between.

use super::machine::wanted_workspaces;
use super::shell::Shell;
use super::{Asked, Carried, Effect, Event, Login, LoginError, Once, PendingDevice, SignedIn};
use crate::logins::Logins;
use crate::store::SharedStore;
use keyfob_oauth::{Clock, Entropy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// How long a person has to sign in (security C-11).
pub(super) const PATIENCE: Duration = Duration::from_mins(15);

/// A sign-in that is about to begin.
#[derive(Debug)]
pub struct SignIn {
    /// Where the login is kept.
    pub store: SharedStore,
    /// Where it is kept if that place is taken, and `replace` says so.
    pub beside: Logins,
    /// What is asked for, and of whom.
    pub asked: Asked,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What this machine is called in the list of sessions; told to issuers that keep one, and to no other.
    pub machine: Option<String>,
}

/// A sign-in that waits for the person.
#[derive(Debug)]
pub struct PendingSignIn {
    login: Login,
    shell: Shell,
    prompt: Prompt,
}

/// What the person is asked to do.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// Go to this address with a browser on this machine, which then comes back to `port` of loopback.
    Visit {
        /// Where to go.
        address: Url,
        /// Where the browser comes back.
        port: u16,
    },
    /// Type this code into a browser anywhere.
    Type(PendingDevice),
}

/// How far a sign-in has come.
#[derive(Debug)]
pub enum Step {
    /// It waits for the person, who is asked for something else now.
    Asks(Box<PendingSignIn>),
    /// It waits as before: what the person typed is neither the address nor the code of this sign-in.
    NotUnderstood(Box<PendingSignIn>),
    /// The login is stored.
    SignedIn(SignedIn),
}

impl SignIn {
    /// Looks at the store and the issuer, and listens for the callback or asks for a code; nothing is changed yet.
    pub async fn start(self, entropy: &dyn Entropy) -> Result<PendingSignIn, LoginError> {
        let (asked, shell) = self.equip()?;
        Self::begin(asked, shell, entropy).await
    }

    /// As [`SignIn::start`], where the callback does not come to a port of this machine.
    pub async fn start_behind(
        self,
        carried: Carried,
        entropy: &dyn Entropy,
    ) -> Result<PendingSignIn, LoginError> {
        let (asked, shell) = self.equip()?;
        Self::begin(asked, Shell { carried: Some(carried), ..shell }, entropy).await
    }

    async fn begin(
        asked: Asked,
        mut shell: Shell,
        entropy: &dyn Entropy,
    ) -> Result<PendingSignIn, LoginError> {
        let (mut login, mut effect) =
            Login::begin(asked, Arc::clone(shell.restrictions()), Once::draw(entropy)?);
        loop {
            effect = match effect {
                Effect::Show(address) => return Ok(PendingSignIn::to_visit(login, shell, address)),
                Effect::ShowCode(device) => return Ok(PendingSignIn::to_type(login, shell, *device)),
                Effect::Done(Err(error)) => return Err(error),
                other => login.step(shell.perform(other).await),
            };
        }
    }

    pub(super) fn equip(self) -> Result<(Asked, Shell), LoginError> {
        let issuer = self.asked.issuer.clone();
        let http = self
            .beside
            .network()
            .client(&issuer)
            .map_err(|source| super::DiscoveryError::Unreachable { issuer: issuer.clone(), source })?;
        let workspaces = wanted_workspaces(self.asked.workspace.as_ref(), self.beside.restrictions());
        let shell = Shell {
            store: self.store,
            beside: self.beside,
            issuer,
            client_id: self.asked.client_id.clone(),
            workspaces,
            capabilities: self.asked.capabilities.clone(),
            http,
            clock: self.clock,
            machine: self.machine.filter(|name| is_header_text(name)),
            lock: None,
            server: None,
            carried: None,
            deadline: tokio::time::Instant::now() + PATIENCE,
            redeemed: None,
        };
        Ok((self.asked, shell))
    }
}

impl PendingSignIn {
    /// Returns what the person is asked to do.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// Whether a code was asked for and the issuer has none, so that a browser is needed.
    pub fn fell_back(&self) -> bool {
        self.login.fell_back
    }

    /// Whether the place that was asked for holds a login that stays, so that the new one is kept beside it.
    pub fn goes_beside(&self) -> bool {
        self.login.place_is_taken
    }

    /// Returns when nobody waits for the person any more.
    pub fn deadline(&self) -> tokio::time::Instant {
        self.shell.deadline
    }

    /// Waits for the person, whose lines come from `typed`, then redeems, verifies and stores.
    ///
    /// Dropped before the end, it leaves the old login in place; a session that the issuer made meanwhile is unused.
    pub async fn go_on(mut self, typed: &mut mpsc::Receiver<String>) -> Result<Step, LoginError> {
        let event = match &self.prompt {
            Prompt::Visit { .. } => match self.shell.callback(typed).await {
                Some(event) => event,
                None => return Ok(Step::NotUnderstood(Box::new(self))),
            },
            Prompt::Type(_) => Event::Shown,
        };
        let mut effect = self.login.step(event);
        loop {
            effect = match effect {
                Effect::Done(result) => {
                    self.shell.finish(&result).await;
                    return result.map(Step::SignedIn);
                }
                Effect::Show(address) => {
                    return Ok(Step::Asks(Box::new(Self::to_visit(self.login, self.shell, address))));
                }
                Effect::ShowCode(device) => {
                    return Ok(Step::Asks(Box::new(Self::to_type(self.login, self.shell, *device))));
                }
                other => self.login.step(self.shell.perform(other).await),
            };
        }
    }

    fn to_visit(login: Login, shell: Shell, address: Url) -> Self {
        let port = shell.server.as_ref().map_or(0, |server| server.port);
        Self { login, shell, prompt: Prompt::Visit { address, port } }
    }

    fn to_type(login: Login, mut shell: Shell, device: PendingDevice) -> Self {
        // A browser that is about to finish is heard until there is a code.
        shell.server = None;
        shell.deadline = tokio::time::Instant::now() + device.life;
        Self { login, shell, prompt: Prompt::Type(device) }
    }
}

/// A name that is no header's text would break the request that it is told with.
fn is_header_text(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic())
}

//! Does what [`Login`] says.

use super::callback::{CallbackServer, Typed};
use super::{
    Asked, Carried, Effect, Event, KeysError, Login, LoginError, Once, Page, PendingDevice, SignedIn,
    Superseded,
};
use crate::account::Account;
use crate::device_endpoint;
use crate::endpoints::Endpoints;
use crate::failpoint::Failpoint;
use crate::http::HttpClient;
use crate::logins::Logins;
use crate::logout::{end_waiting, revoke};
use crate::shared_family;
use crate::signed_in_at;
use crate::store::{Lock, SharedStore, StoreError};
use crate::superseded;
use crate::token_endpoint::{TokenError, redeem};
use crate::written_here;
use keyfob_jose::KeySet;
use keyfob_oauth::request::RevocationRequest;
use keyfob_oauth::{ClientId, Clock, Entropy, IssuerUrl, RefreshToken, WorkspaceId};
use keyfob_settings::logins::{LoginName, Which};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// How long a person has to sign in (security C-11).
pub(super) const PATIENCE: Duration = Duration::from_mins(15);

/// By which an issuer that lists sessions learns what the machine is called (`docs/sessions.md`).
const MACHINE_HEADER: &str = "x-session-machine";

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
        let (mut login, mut effect) = Login::begin(asked, Once::draw(entropy)?);
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
        let shell = Shell {
            store: self.store,
            beside: self.beside,
            issuer,
            client_id: self.asked.client_id.clone(),
            workspace: self.asked.workspace.clone(),
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

/// The hands of a sign-in.
#[derive(Debug)]
pub(super) struct Shell {
    store: SharedStore,
    beside: Logins,
    issuer: IssuerUrl,
    client_id: ClientId,
    workspace: Option<WorkspaceId>,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    machine: Option<String>,
    lock: Option<Lock>,
    server: Option<CallbackServer>,
    /// Where callbacks come in, unless at a port of this machine.
    carried: Option<Carried>,
    /// When nobody waits for the person any more, however many wrong callbacks came.
    deadline: tokio::time::Instant,
    /// The session that the issuer has begun.
    redeemed: Option<RefreshToken>,
}

impl Shell {
    pub(super) async fn perform(&mut self, effect: Effect) -> Event {
        match effect {
            Effect::Load => Event::Loaded(match self.lock {
                Some(_) => self.store.load_locked().await,
                None => self.store.load().await,
            }),
            Effect::Prepare => Event::Prepared(self.store.prepare().await),
            Effect::Discover => {
                let found = Endpoints::discover(&self.http, &self.issuer).await;
                if !found.as_ref().is_ok_and(|found| found.sessions.is_some()) {
                    self.machine = None;
                }
                Event::Discovered(found.map(Box::new))
            }
            Effect::Listen(registered, expected) => {
                self.server = None;
                let opened = match &self.carried {
                    Some(carried) => CallbackServer::behind(carried, expected),
                    None => CallbackServer::open(registered, expected).await,
                };
                Event::Listening(opened.map(|server| self.server.insert(server).port))
            }
            Effect::RequestCode(endpoint, dialect) => {
                let wanted = (dialect.scope(), self.workspace.as_ref());
                let given =
                    device_endpoint::ask(&self.http, &self.issuer, &endpoint, &self.client_id, wanted);
                Event::CodeGiven(given.await.map(Box::new))
            }
            Effect::Show(_) | Effect::ShowCode(_) => Event::Shown,
            Effect::Pause(pause) => self.pause(pause).await,
            Effect::Poll(endpoint, device) => {
                let (http, issuer, client_id) = (&self.http, &self.issuer, &self.client_id);
                let header = self.machine_header();
                let polled = device_endpoint::poll(http, issuer, &endpoint, client_id, &device, header);
                Event::Polled(polled.await)
            }
            Effect::Exchange(endpoint, request) => {
                if let Err(error) = Failpoint::CallbackReceived.reach() {
                    return Event::Answered(Err(TokenError::broken(&error)));
                }
                let header = self.machine_header();
                let redeemed = redeem(&self.http, endpoint.as_str(), &request, header).await;
                if let Ok(redeemed) = &redeemed {
                    self.redeemed.clone_from(&redeemed.tokens.refresh_token);
                }
                Event::Answered(redeemed.map(|redeemed| redeemed.tokens))
            }
            Effect::FetchKeys(url) => Event::Keys(self.keys(&url).await, self.clock.now()),
            Effect::Lock => Event::Locked(self.store.lock().await.map(|held| self.lock = Some(held))),
            Effect::GoBeside(account) => {
                self.lock = None;
                Event::WentBeside(self.go_beside(account).await)
            }
            Effect::SetAside(damaged) => {
                Event::SetAside(self.store.set_aside(damaged, self.clock.now()).await)
            }
            Effect::Note(old) => {
                superseded::note(&self.store, old, self.clock.now()).await;
                Event::Noted
            }
            Effect::Save(expected, record) => {
                // Before the save, so that no login of ours is ever taken for somebody else's.
                if let Err(error) = signed_in_at::note(self.store.home(), &self.issuer) {
                    tracing::debug!(%error, "where this sign-in was made could not be noted");
                }
                let saved = self.store.save(expected, &record).await;
                if let Ok(digest) = saved {
                    written_here::note(self.store.home(), digest);
                    shared_family::forget(self.store.home());
                }
                Event::Saved(saved)
            }
            Effect::Tell(page) => {
                Failpoint::LockRelease.pass();
                self.lock = None;
                // A browser that cannot be told changes nothing.
                if Failpoint::CallbackReply.reach().is_ok() {
                    self.tell(page).await;
                }
                Event::Told
            }
            Effect::Revoke(issuer, request) => {
                let revoked = revoke(self.beside.network(), &issuer, &request).await;
                if revoked.is_ok() {
                    superseded::forget(&self.store, &request.token).await;
                }
                Event::Revoked(revoked)
            }
            Effect::Done(_) => Event::TimedOut,
        }
    }

    /// Does what is left to do when a sign-in is over: what a crash left behind is ended, and a session that was begun and
    /// refused.
    pub(super) async fn finish(&mut self, result: &Result<SignedIn, LoginError>) {
        match result {
            // An issuer that did not answer a moment ago is not asked again.
            Ok(new) if new.superseded == Superseded::Unconfirmed => {}
            Ok(_) => {
                let (store, network, now) = (&self.store, self.beside.network(), self.clock.now());
                superseded::finish(store, network, now).await;
                end_waiting(store, network, now).await;
            }
            // It may be stored all the same.
            Err(LoginError::Store(_)) => {}
            Err(_) => self.end_redeemed().await,
        }
    }

    /// Ends a session that was begun and has no place here.
    async fn end_redeemed(&mut self) {
        let Some(token) = self.redeemed.take() else { return };
        let request = RevocationRequest { client_id: self.client_id.clone(), token };
        if let Err(error) = revoke(self.beside.network(), &self.issuer, &request).await {
            tracing::warn!(issuer = %self.issuer, %error, "a session that has no place here could not be ended");
        }
    }

    /// Waits for a browser or for a line; nothing is returned for a line that says nothing.
    async fn callback(&mut self, typed: &mut mpsc::Receiver<String>) -> Option<Event> {
        let Some(server) = &mut self.server else { return Some(Event::TimedOut) };
        let line = tokio::select! {
            answered = tokio::time::timeout_at(self.deadline, server.answer()) => {
                return Some(answered.ok().flatten().map_or(Event::TimedOut, Event::Called));
            }
            Some(line) = typed.recv() => line,
        };
        match server.expected.read(&line) {
            Typed::Answer(answer) => Some(Event::Called(answer)),
            Typed::DeviceCode => Some(Event::CodeWanted),
            Typed::Nothing => None,
        }
    }

    /// Waits, but not past the end of the code.
    async fn pause(&self, pause: Duration) -> Event {
        match tokio::time::timeout_at(self.deadline, tokio::time::sleep(pause)).await {
            Ok(()) => Event::Paused,
            Err(_) => Event::TimedOut,
        }
    }

    fn machine_header(&self) -> Option<(&'static str, &str)> {
        self.machine.as_deref().map(|name| (MACHINE_HEADER, name))
    }

    async fn go_beside(&mut self, account: Account) -> Result<LoginName, StoreError> {
        let name = self.beside.name_for(&self.issuer, &account).await?;
        self.store = self.beside.store(&Which::Beside(name.clone()));
        Ok(name)
    }

    async fn tell(&mut self, page: Page) {
        if let Some(server) = self.server.take() {
            server.finish(page).await;
        }
    }

    async fn keys(&self, url: &Url) -> Result<KeySet, KeysError> {
        let answer = self.http.get(url.as_str()).await?;
        if answer.status != 200 {
            return Err(KeysError::Status(answer.status));
        }
        Ok(KeySet::parse(&answer.body)?)
    }
}

#[cfg(test)]
mod tests;

//! The hands of a sign-in: does what [`Login`](super::Login) says.

use super::callback::{CallbackServer, Typed};
use super::{Asked, Carried, Effect, Event, KeysError, LoginError, Page, SignedIn, Superseded};
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
use keyfob_oauth::{Capability, ClientId, Clock, IssuerUrl, RefreshToken};
use keyfob_settings::Restrictions;
use keyfob_settings::logins::{LoginName, Which};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// By which an issuer that lists sessions learns what the machine is called (`docs/sessions.md`).
const MACHINE_HEADER: &str = "x-session-machine";

/// The hands of a sign-in.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) store: SharedStore,
    pub(super) beside: Logins,
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    pub(super) workspaces: Option<String>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) http: HttpClient,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) machine: Option<String>,
    pub(super) lock: Option<Lock>,
    pub(super) server: Option<CallbackServer>,
    /// Where callbacks come in, unless at a port of this machine.
    pub(super) carried: Option<Carried>,
    /// When nobody waits for the person any more, however many wrong callbacks came.
    pub(super) deadline: tokio::time::Instant,
    /// The session that the issuer has begun.
    pub(super) redeemed: Option<RefreshToken>,
}

impl Shell {
    pub(super) fn restrictions(&self) -> &Arc<Restrictions> {
        self.beside.restrictions()
    }

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
                let scope = Asked::scope(&self.capabilities, dialect);
                let wanted = (scope.as_str(), self.workspaces.as_deref());
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
    pub(super) async fn callback(&mut self, typed: &mut mpsc::Receiver<String>) -> Option<Event> {
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

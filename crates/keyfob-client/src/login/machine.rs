//! The decisions of a sign-in.

use super::device::Device;
use super::{Effect, Event, LoginError, Page, Replace, SignedIn, Superseded, slot};
use crate::account::Account;
use crate::endpoints::{Dialect, Endpoints};
use crate::store::{Digest, StoreError};
use crate::superseded::OldSession;
use keyfob_codex::auth_file::AuthFile;
use keyfob_oauth::token::{Nonce, State as CallbackState};
use keyfob_oauth::{
    Capability, ClientId, CodeVerifier, Entropy, EntropyError, HandoffCode, IssuerUrl, Secret, TokenResponse,
    WorkspaceId,
};
use keyfob_settings::Restrictions;
use keyfob_settings::logins::LoginName;
use std::sync::Arc;

/// The random values of one sign-in.
#[derive(Debug)]
pub struct Once {
    pub(super) state: CallbackState,
    pub(super) nonce: Nonce,
    pub(super) verifier: CodeVerifier,
    pub(super) owner: Secret,
}

impl Once {
    /// Draws them.
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self {
            state: entropy.token()?.into(),
            nonce: entropy.token()?.into(),
            verifier: CodeVerifier::generate(entropy)?,
            owner: entropy.token()?,
        })
    }
}

/// By what a person shows an issuer who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A browser on this machine, which comes back here.
    Browser,
    /// A code, typed into a browser anywhere.
    DeviceCode,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who is asked.
    pub issuer: IssuerUrl,
    /// As which client.
    pub client_id: ClientId,
    /// By what.
    pub means: Means,
    /// For this workspace alone.
    pub workspace: Option<WorkspaceId>,
    /// What is to be used beside the plain models.
    pub capabilities: Vec<Capability>,
    /// What may be replaced.
    pub replace: Replace,
}

impl Asked {
    /// Returns the scope that is asked for in `dialect`.
    pub(super) fn scope(capabilities: &[Capability], dialect: Dialect) -> String {
        let words = capabilities.iter().map(|capability| capability.scope());
        std::iter::once(dialect.scope()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Returns for which workspaces an issuer is asked, in the one text in which the Codex CLI names several.
pub(super) fn wanted_workspaces(
    workspace: Option<&WorkspaceId>,
    restrictions: &Restrictions,
) -> Option<String> {
    if let Some(workspace) = workspace {
        return Some(workspace.as_str().to_owned());
    }
    let allowed = restrictions.allowed_workspaces()?;
    Some(allowed.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(","))
}

/// The state of one sign-in.
#[derive(Debug)]
pub struct Login {
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    pub(super) workspace: Option<WorkspaceId>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) replace: Replace,
    pub(super) restrictions: Arc<Restrictions>,
    pub(super) once: Once,
    /// Whether a login that stays was in the place when the sign-in began.
    pub(super) place_is_taken: bool,
    /// Whether the issuer has no device codes, so that a browser is used after all.
    pub(super) fell_back: bool,
    /// Where it is kept, if not in the place that was asked for.
    pub(super) beside: Option<LoginName>,
    means: Means,
    /// What another machine handed over, until it is redeemed; nobody is asked anything then.
    pub(super) handoff: Option<HandoffCode>,
    state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Looking,
    Preparing,
    Discovering,
    Opening(Endpoints),
    Waiting {
        endpoints: Endpoints,
        redirect_uri: String,
    },
    Asking(Endpoints, usize),
    PausingToAsk(Endpoints, usize),
    Showing(Endpoints, Box<Device>),
    Pausing(Endpoints, Box<Device>),
    Polling(Endpoints, Box<Device>),
    /// The ID token has this nonce, or need not have any.
    Exchanging(Endpoints, Option<Nonce>),
    Verifying(TokenResponse, Option<Nonce>),
    Locking(Box<New>),
    Comparing(Box<New>),
    GoingBeside(Box<New>),
    SettingAside(Box<New>, Digest),
    Noting(Box<New>, Option<Digest>, Box<AuthFile>, OldSession),
    Saving(Box<New>, Option<OldSession>),
    Telling(Result<(SignedIn, Option<OldSession>), LoginError>),
    Revoking(SignedIn),
    Finished,
}

/// The login that is to be stored.
#[derive(Debug)]
pub(super) struct New {
    pub(super) account: Account,
    pub(super) record: AuthFile,
    /// Where the damaged login is kept that was there before.
    pub(super) set_aside: Option<String>,
}

impl Login {
    /// Begins; `restrictions` bind what is stored.
    pub fn begin(asked: Asked, restrictions: Arc<Restrictions>, once: Once) -> (Self, Effect) {
        let Asked { issuer, client_id, means, workspace, capabilities, replace } = asked;
        let (place_is_taken, fell_back, beside, state) = (false, false, None, State::Looking);
        let login = Self {
            issuer,
            client_id,
            workspace,
            capabilities,
            replace,
            restrictions,
            once,
            place_is_taken,
            fell_back,
            beside,
            means,
            handoff: None,
            state,
        };
        let effect = match login.restrictions.may_sign_in_at(&login.issuer) {
            Ok(()) => Effect::Load,
            Err(broken) => Effect::Done(Err(broken.into())),
        };
        (login, effect)
    }

    /// Takes in what happened and says what to do next.
    ///
    /// An event that does not belong to the current state ends the sign-in without a change.
    pub fn step(&mut self, event: Event) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Looking, Event::Loaded(Ok(slot))) => match slot::admit(&slot, &self.issuer, self.replace)
            {
                Ok(()) => self.go(State::Preparing, Effect::Prepare),
                Err(occupied) if self.goes_beside(&occupied) => {
                    self.place_is_taken = true;
                    self.go(State::Preparing, Effect::Prepare)
                }
                Err(occupied) => failed(occupied.into()),
            },
            (State::Preparing, Event::Prepared(Ok(()))) => self.go(State::Discovering, Effect::Discover),
            (State::Looking, Event::Loaded(Err(error))) | (State::Preparing, Event::Prepared(Err(error))) => {
                failed(LoginError::Store(error))
            }
            (State::Discovering, Event::Discovered(Ok(found))) => match (self.handoff.take(), self.means) {
                (Some(code), _) => self.take_over(*found, code),
                (None, Means::Browser) => self.listen(*found),
                (None, Means::DeviceCode) => self.ask_for_code(*found, 0),
            },
            (State::Discovering, Event::Discovered(Err(error))) => failed(error.into()),
            (State::Opening(endpoints), Event::Listening(Ok(port))) => self.show(endpoints, port),
            (State::Opening(_), Event::Listening(Err(error))) => failed(error.into()),
            (State::Waiting { endpoints, redirect_uri }, Event::Called(answer)) => {
                self.called(endpoints, redirect_uri, answer)
            }
            (State::Waiting { endpoints, .. }, Event::CodeWanted) => self.ask_for_code(endpoints, 0),
            (State::Asking(endpoints, tries), Event::CodeGiven(given)) => self.given(endpoints, tries, given),
            (State::PausingToAsk(endpoints, tries), Event::Paused) => self.ask_for_code(endpoints, tries),
            (State::Showing(endpoints, device), Event::Shown) => self.wait(endpoints, device),
            (State::Pausing(endpoints, device), Event::Paused) => self.poll(endpoints, device),
            (State::Polling(endpoints, device), Event::Polled(polled)) => {
                self.polled(endpoints, device, polled)
            }
            (State::Waiting { .. }, Event::TimedOut) => failed(LoginError::TimedOut),
            (State::Pausing(..) | State::PausingToAsk(..), Event::TimedOut) => {
                failed(LoginError::CodeExpired)
            }
            (State::Exchanging(endpoints, nonce), Event::Answered(Ok(response))) => {
                self.go(State::Verifying(response, nonce), Effect::FetchKeys(endpoints.keys))
            }
            (State::Exchanging(..), Event::Answered(Err(source))) => {
                self.tell(LoginError::Exchange { issuer: self.issuer.clone(), source })
            }
            (State::Verifying(response, nonce), Event::Keys(Ok(keys), now)) => {
                match self.accept(response, nonce.as_ref(), &keys, now) {
                    Ok(new) => self.go(State::Locking(Box::new(new)), Effect::Lock),
                    Err(error) => self.tell(error),
                }
            }
            (State::Verifying(..), Event::Keys(Err(source), _)) => {
                self.tell(LoginError::Keys { issuer: self.issuer.clone(), source })
            }
            (State::Locking(new), Event::Locked(Ok(()))) => self.go(State::Comparing(new), Effect::Load),
            (State::Comparing(new), Event::Loaded(Ok(slot))) => self.save(new, &slot),
            (State::GoingBeside(new), Event::WentBeside(Ok(name))) => {
                self.beside = Some(name);
                self.go(State::Locking(new), Effect::Lock)
            }
            (State::SettingAside(mut new, damaged), Event::SetAside(Ok(place))) => {
                new.set_aside = Some(place);
                let record = Box::new(new.record.clone());
                self.go(State::Saving(new, None), Effect::Save(Some(damaged), record))
            }
            (State::Noting(new, expected, record, old), Event::Noted) => {
                self.go(State::Saving(new, Some(old)), Effect::Save(expected, record))
            }
            // Another program stored something in this very moment: look again at what it is.
            (State::Saving(new, _), Event::Saved(Err(StoreError::Changed))) => {
                self.go(State::Comparing(new), Effect::Load)
            }
            (State::Saving(new, old), Event::Saved(Ok(_))) => {
                let New { account, set_aside, .. } = *new;
                let beside = self.beside.clone();
                let signed_in = SignedIn { account, beside, superseded: Superseded::Nothing, set_aside };
                self.go(State::Telling(Ok((signed_in, old))), Effect::Tell(Page::SignedIn))
            }
            (State::Locking(_), Event::Locked(Err(error)))
            | (State::Comparing(_), Event::Loaded(Err(error)))
            | (State::GoingBeside(_), Event::WentBeside(Err(error)))
            | (State::SettingAside(..), Event::SetAside(Err(error)))
            | (State::Saving(..), Event::Saved(Err(error))) => self.tell(LoginError::Store(error)),
            (State::Telling(Err(error)), Event::Told) => failed(error),
            (State::Telling(Ok((signed_in, None))), Event::Told) => Effect::Done(Ok(signed_in)),
            (State::Telling(Ok((signed_in, Some(old)))), Event::Told) => {
                let revocation = old.revocation();
                self.go(State::Revoking(signed_in), Effect::Revoke(old.issuer, revocation))
            }
            (State::Revoking(signed_in), Event::Revoked(result)) => {
                let superseded = if result.is_ok() { Superseded::Revoked } else { Superseded::Unconfirmed };
                Effect::Done(Ok(SignedIn { superseded, ..signed_in }))
            }
            (_, _) => failed(LoginError::NoCode),
        }
    }

    pub(super) fn go(&mut self, state: State, effect: Effect) -> Effect {
        self.state = state;
        effect
    }

    pub(super) fn tell(&mut self, error: LoginError) -> Effect {
        let page = Page::Failed(error.to_string());
        self.go(State::Telling(Err(error)), Effect::Tell(page))
    }
}

fn failed(error: LoginError) -> Effect {
    Effect::Done(Err(error))
}

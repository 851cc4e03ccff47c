//! Whoever is at one of the pages that ask for a sign-in.

use crate::app::App;
use crate::endpoint::{LOGOUT_PATH, set_cookie};
use crate::error::PageError;
use crate::guard::network;
use crate::parameters::Parameters;
use crate::site::VisitCookie;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use keyfob_issuer_core::digest::{InteractionCookie, SessionCookie};
use keyfob_issuer_core::operation::{Admission, Page, Prompt, TryOrigin, device_scope};
use keyfob_issuer_core::sign_in::Demand;
use keyfob_issuer_core::workspace::Membership;
use keyfob_issuer_core::{GrantId, lifetime};
use keyfob_oauth::WorkspaceId;
use std::sync::Arc;

/// What somebody came for; its page asks for steps of a sign-in until they may get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To let a client in.
    Grant(GrantId),
    /// To let a device in.
    Device,
    /// To see their own account.
    Account,
    /// To change their own account.
    Change,
    /// To set a second factor up.
    SetUp,
    /// To see where their programs are signed in.
    Sessions,
    /// To make keys for their programs.
    Keys,
    /// To have another address, or show that theirs is theirs.
    Email,
    /// To show by a link that an address is theirs.
    EmailVerify,
    /// To take a change of the address back by a link.
    EmailUndo,
    /// To choose a password by a link, which stands for the sign-in.
    Reset,
    /// To have such a link sent.
    Forgot,
    /// To take back that a device was let in, by a link.
    Undo,
    /// To join a workspace by an invitation.
    Join,
    /// To look after their workspaces.
    Workspaces,
    /// To be signed out of this browser.
    Logout,
}

/// Somebody at a place.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) place: Place,
    pub(crate) session: Option<SessionCookie>,
    /// Ties the pages of this visit to the browser; set by the grant's request, or by the place itself.
    cookie: VisitCookie,
    pub(crate) origin: TryOrigin,
    /// The workspace that was last used from this browser.
    pub(crate) workspace: Option<WorkspaceId>,
}

/// What a visitor is asked before they get on.
pub(crate) struct Asked {
    pub(crate) prompt: Prompt,
    /// Who sent them, if a client did.
    pub(crate) client: Option<String>,
    /// Who the client thinks they are.
    pub(crate) login_hint: Option<String>,
}

impl Place {
    /// Where the forms of its steps go, and where a step leads back to.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Grant(grant) => format!("/interaction/{grant}"),
            Self::Device => keyfob_codex::device::VERIFICATION_PATH.to_owned(),
            Self::Account => "/account".to_owned(),
            Self::Change => "/account/change".to_owned(),
            Self::SetUp => "/account/set-up".to_owned(),
            Self::Sessions => "/account/sessions".to_owned(),
            Self::Keys => "/account/keys".to_owned(),
            Self::Email => "/account/email".to_owned(),
            Self::EmailVerify => "/email".to_owned(),
            Self::EmailUndo => "/email-undo".to_owned(),
            Self::Reset => "/reset".to_owned(),
            Self::Forgot => "/forgot".to_owned(),
            Self::Undo => "/undo".to_owned(),
            Self::Join => "/join".to_owned(),
            Self::Workspaces => "/workspaces".to_owned(),
            Self::Logout => LOGOUT_PATH.to_owned(),
        }
    }

    fn of_route(route: &str) -> Option<Self> {
        // The longest first: each is a folder of the ones before it.
        let places = [
            Self::SetUp,
            Self::Change,
            Self::Sessions,
            Self::Keys,
            Self::Email,
            Self::EmailUndo,
            Self::EmailVerify,
            Self::Account,
            Self::Device,
            Self::Reset,
            Self::Forgot,
            Self::Undo,
            Self::Join,
            Self::Workspaces,
            Self::Logout,
        ];
        places.into_iter().find(|place| route.starts_with(&place.path()))
    }

    pub(crate) fn demand(self, memberships: &[Membership]) -> Demand {
        match self {
            Self::Device => Demand::of_devices(&device_scope(), memberships),
            // A grant's demand follows from its scope, which the core knows.
            Self::Account
            | Self::Sessions
            | Self::Grant(_)
            | Self::EmailVerify
            | Self::EmailUndo
            | Self::Reset
            | Self::Forgot
            | Self::Undo
            | Self::Logout
            | Self::Join => Demand::of_account(),
            Self::Keys => Demand::of_keys(memberships),
            Self::Change | Self::Email => Demand::of_change(),
            Self::Workspaces => Demand::of_administration(),
            Self::SetUp => Demand::of_set_up(),
        }
    }
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, PageError> {
        let parameters = RawPathParams::from_request_parts(parts, app).await.ok();
        let named = parameters.as_ref().and_then(|named| named.iter().find(|(name, _)| *name == "grant"));
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let (place, cookie) = if let Some((_, grant)) = named {
            let grant = GrantId::parse(grant).ok_or(PageError::UnknownInteraction)?;
            let cookie = app.site.interaction(&parts.headers, grant);
            let cookie = cookie.ok_or(PageError::UnknownInteraction)?;
            (Place::Grant(grant), VisitCookie::new(cookie.expose()))
        } else {
            let place = Place::of_route(route).ok_or(PageError::NotFound)?;
            let cookie = app.site.visit(&parts.headers);
            // A form that comes without the cookie fails for its token.
            (place, cookie.map_or_else(|| app.entropy.token().map(VisitCookie::from), Ok)?)
        };
        let origin = TryOrigin {
            network: network::of(&parts.extensions, &parts.headers, &app.trusted_proxies),
            mark: app.site.mark(&parts.headers),
        };
        let (session, workspace) = (app.site.session(&parts.headers), app.site.workspace(&parts.headers));
        Ok(Self { place, session, cookie, origin, workspace })
    }
}

impl Visitor {
    /// The same visitor at another place.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// Returns what ties a grant's pages to its browser.
    pub(crate) fn interaction(&self) -> InteractionCookie {
        InteractionCookie::new(self.cookie.expose())
    }

    /// Says what is asked next; nothing when they may get on, or when there is nothing to get on with.
    pub(crate) async fn asked(&self, app: &App) -> Result<Option<Asked>, PageError> {
        if let Place::Grant(grant) = self.place {
            let page = app.issuer.page(grant, &self.interaction(), self.session.as_ref()).await?;
            return Ok(match page {
                Page::Prompt { client, prompt, login_hint } => {
                    Some(Asked { prompt, client: Some(client.name), login_hint })
                }
                Page::Choose { .. } | Page::Consent(_) | Page::Finished => None,
            });
        }
        Ok(match self.admit(app).await? {
            Admission::Asked(prompt) => Some(Asked { prompt, client: None, login_hint: None }),
            Admission::Granted(_) => None,
        })
    }

    /// Says whether they may get on at a place that is no grant's.
    pub(crate) async fn admit(&self, app: &App) -> Result<Admission, PageError> {
        let place = self.place;
        Ok(app.issuer.admit(self.session.as_ref(), |memberships| place.demand(memberships)).await?)
    }

    /// Returns the token that the forms of this visitor's pages bring back.
    pub(crate) fn csrf(&self, app: &App) -> String {
        app.site.csrf_token(self.purpose(), &self.binding())
    }

    /// Returns the token of a form that is about `subjects` alone.
    pub(crate) fn csrf_for(&self, app: &App, subjects: &[&str]) -> String {
        app.site.csrf_token(self.purpose(), &[&self.binding(), subjects].concat())
    }

    /// Reads a form if it is from one of our pages, shown to this visitor.
    pub(crate) async fn form(&self, app: &App, request: Request) -> Result<Parameters, PageError> {
        let mut form = self.foreign_form(app, request).await?;
        self.check(app, form.take("csrf")?.as_deref(), &self.binding())?;
        Ok(form)
    }

    /// Reads a form whose token is about what it says in `fields`; returns that too, as far as it says it.
    pub(crate) async fn form_for<const N: usize>(
        &self,
        app: &App,
        request: Request,
        fields: [&str; N],
    ) -> Result<(Parameters, [Option<String>; N]), PageError> {
        let mut form = self.foreign_form(app, request).await?;
        let csrf = form.take("csrf")?;
        let mut said = [const { None }; N];
        for (said, field) in said.iter_mut().zip(fields) {
            *said = form.take(field)?;
        }
        let subjects: Vec<&str> = said.iter().flatten().map(String::as_str).collect();
        self.check(app, csrf.as_deref(), &[&self.binding(), &*subjects].concat())?;
        Ok((form, said))
    }

    /// Checks a form that was read already, whose token is about `subjects`.
    pub(crate) fn check_form(
        &self,
        app: &App,
        headers: &HeaderMap,
        csrf: &str,
        subjects: &[&str],
    ) -> Result<(), PageError> {
        if !app.site.is_own_form(headers) {
            return Err(PageError::ForeignForm);
        }
        self.check(app, Some(csrf), &[&self.binding(), subjects].concat())
    }

    /// Gives the browser what ties its pages together.
    pub(crate) fn welcome(&self, app: &App, response: Response) -> Response {
        match self.place {
            Place::Grant(_) => response,
            Place::Device
            | Place::Account
            | Place::Change
            | Place::SetUp
            | Place::Sessions
            | Place::Keys
            | Place::Email
            | Place::EmailVerify
            | Place::EmailUndo
            | Place::Reset
            | Place::Forgot
            | Place::Undo
            | Place::Join
            | Place::Logout
            | Place::Workspaces => set_cookie(response, &app.site.set_visit(&self.cookie, lifetime::VISIT)),
        }
    }

    async fn foreign_form(&self, app: &App, request: Request) -> Result<Parameters, PageError> {
        if !app.site.is_own_form(request.headers()) {
            return Err(PageError::ForeignForm);
        }
        Ok(Parameters::from_page(request).await?)
    }

    fn check(&self, app: &App, csrf: Option<&str>, binding: &[&str]) -> Result<(), PageError> {
        if app.site.is_csrf_token(csrf, self.purpose(), binding) {
            Ok(())
        } else {
            Err(PageError::ForeignForm)
        }
    }

    fn purpose(&self) -> &'static str {
        match self.place {
            Place::Grant(_) => "interaction",
            Place::Device => "device",
            Place::Account | Place::Change | Place::SetUp | Place::Sessions | Place::Keys | Place::Email => {
                "account"
            }
            Place::EmailVerify => "email",
            Place::EmailUndo => "email-undo",
            Place::Reset => "reset",
            Place::Forgot => "forgot",
            Place::Undo => "undo",
            Place::Join => "join",
            Place::Workspaces => "workspaces",
            Place::Logout => "logout",
        }
    }

    fn binding(&self) -> [&str; 2] {
        [self.cookie.expose(), self.session.as_ref().map_or("", SessionCookie::expose)]
    }
}

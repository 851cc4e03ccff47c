//! What follows from the configured address: host, origin, cookies, CSRF tokens. Never from a request (I-20).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use keyfob_issuer_core::GrantId;
use keyfob_issuer_core::digest::{BrowserMark, InteractionCookie, InvitationToken, SessionCookie};
use keyfob_oauth::{IssuerUrl, WorkspaceId, secret_newtype};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use url::Url;

secret_newtype! {
    /// The cookie that ties the pages of a visit to one browser, where there is no grant.
    VisitCookie
}

/// The site that the pages make up.
#[derive(Debug)]
pub(crate) struct Site {
    origin: String,
    host: String,
    cookies: CookieNames,
    csrf: hmac::Key,
}

/// How cookies are called and marked.
#[derive(Debug)]
enum CookieNames {
    /// On https: bound to the host by their prefix.
    Host,
    /// On http over loopback, where browsers may not take `Secure`: told apart by the port, which cookies ignore.
    Port(u16),
}

impl Site {
    pub(crate) fn new(url: &IssuerUrl, csrf: hmac::Key) -> Self {
        let parsed = Url::parse(url.as_str()).ok();
        let host = parsed.as_ref().map_or("", Url::authority);
        let port = parsed.as_ref().and_then(Url::port_or_known_default).unwrap_or_default();
        Self {
            origin: url.as_str().to_owned(),
            host: host.to_owned(),
            cookies: if url.is_plain_http() { CookieNames::Port(port) } else { CookieNames::Host },
            csrf,
        }
    }

    /// Whether the site is reached through TLS.
    pub(crate) fn is_https(&self) -> bool {
        matches!(self.cookies, CookieNames::Host)
    }

    /// Returns what the site is called in an authenticator app.
    pub(crate) fn name(&self) -> &str {
        &self.host
    }

    /// Whether a request names this site as its host.
    pub(crate) fn is_host(&self, host: Option<&HeaderValue>) -> bool {
        host.is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(self.host.as_bytes()))
    }

    /// Whether a form comes from one of our own pages, as far as the browser says (I-14).
    ///
    /// `Referrer-Policy: no-referrer` makes browsers send `Origin: null` even from our own forms, so `null` counts only
    /// where the fetch metadata does not contradict it.
    pub(crate) fn is_own_form(&self, headers: &HeaderMap) -> bool {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
        let own_site = site.is_none_or(|site| site == b"same-origin");
        let own_origin = origin.is_none_or(|origin| origin == b"null" || origin == self.origin.as_bytes());
        own_site && own_origin
    }

    /// Returns the token that a form of `purpose` must bring back; `binding` are the cookies it belongs to.
    pub(crate) fn csrf_token(&self, purpose: &str, binding: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.csrf);
        context.update(purpose.as_bytes());
        for part in binding {
            context.update(b"\0");
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }

    /// Whether `token` is that token; compared in constant time.
    pub(crate) fn is_csrf_token(&self, token: Option<&str>, purpose: &str, binding: &[&str]) -> bool {
        let expected = self.csrf_token(purpose, binding);
        token.is_some_and(|token| token.as_bytes().ct_eq(expected.as_bytes()).into())
    }

    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<SessionCookie> {
        cookie(headers, &self.cookie_name("")).map(SessionCookie::new)
    }

    pub(crate) fn interaction(&self, headers: &HeaderMap, grant: GrantId) -> Option<InteractionCookie> {
        cookie(headers, &self.interaction_name(grant)).map(InteractionCookie::new)
    }

    pub(crate) fn visit(&self, headers: &HeaderMap) -> Option<VisitCookie> {
        cookie(headers, &self.cookie_name("visit")).map(VisitCookie::new)
    }

    pub(crate) fn mark(&self, headers: &HeaderMap) -> Option<BrowserMark> {
        cookie(headers, &self.cookie_name("known")).map(BrowserMark::new)
    }

    /// Sets the cookie of the browser session; it ends with the browser, or earlier.
    pub(crate) fn set_session(&self, cookie: &SessionCookie) -> String {
        format!("{}={}{}", self.cookie_name(""), cookie.expose(), self.attributes())
    }

    /// Removes the cookie of the browser session.
    pub(crate) fn clear_session(&self) -> String {
        format!("{}={}; Max-Age=0", self.cookie_name(""), self.attributes())
    }

    pub(crate) fn set_interaction(
        &self,
        grant: GrantId,
        cookie: &InteractionCookie,
        life: Duration,
    ) -> String {
        let name = self.interaction_name(grant);
        format!("{name}={}{}; Max-Age={}", cookie.expose(), self.attributes(), life.as_secs())
    }

    pub(crate) fn set_visit(&self, cookie: &VisitCookie, life: Duration) -> String {
        let name = self.cookie_name("visit");
        format!("{name}={}{}; Max-Age={}", cookie.expose(), self.attributes(), life.as_secs())
    }

    /// Returns what the link of an invitation carried that was followed in this browser.
    pub(crate) fn invitation(&self, headers: &HeaderMap) -> Option<InvitationToken> {
        cookie(headers, &self.cookie_name("invitation")).map(InvitationToken::new)
    }

    /// Keeps what the link of an invitation carried out of the addresses that follow.
    pub(crate) fn set_invitation(&self, token: &InvitationToken, life: Duration) -> String {
        let name = self.cookie_name("invitation");
        format!("{name}={}{}; Max-Age={}", token.expose(), self.attributes(), life.as_secs())
    }

    /// Returns the workspace that was last used from this browser; a hint, and no more.
    pub(crate) fn workspace(&self, headers: &HeaderMap) -> Option<WorkspaceId> {
        cookie(headers, &self.cookie_name("workspace")).map(WorkspaceId::new)
    }

    /// Remembers the workspace that was used from this browser; nothing, if the id cannot be a cookie.
    pub(crate) fn set_workspace(&self, id: &WorkspaceId, life: Duration) -> Option<String> {
        let is_legal = id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let name = self.cookie_name("workspace");
        is_legal.then(|| format!("{name}={id}{}; Max-Age={}", self.attributes(), life.as_secs()))
    }

    /// Sets the cookie that tells this browser from a stranger's.
    pub(crate) fn set_mark(&self, mark: &BrowserMark, life: Duration) -> String {
        let name = self.cookie_name("known");
        format!("{name}={}{}; Max-Age={}", mark.expose(), self.attributes(), life.as_secs())
    }

    /// One cookie per grant, so that two tabs do not disturb each other.
    fn interaction_name(&self, grant: GrantId) -> String {
        self.cookie_name(&format!("interaction-{grant}"))
    }

    fn cookie_name(&self, purpose: &str) -> String {
        let dash = if purpose.is_empty() { "" } else { "-" };
        match self.cookies {
            CookieNames::Host => format!("__Host-keyfob{dash}{purpose}"),
            CookieNames::Port(port) => format!("keyfob_{port}{dash}{purpose}"),
        }
    }

    fn attributes(&self) -> &'static str {
        match self.cookies {
            CookieNames::Host => "; Path=/; HttpOnly; SameSite=Lax; Secure",
            CookieNames::Port(_) => "; Path=/; HttpOnly; SameSite=Lax",
        }
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split("; "))
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then(|| value.to_owned()))
}

//! A person without a browser: fills the issuer's forms over plain HTTP and follows redirects by hand.

use crate::browser::Person;
use crate::evidence::Evidence;
use crate::front::{self, Names};
use crate::html;
use crate::leak::Kind;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Certificate, RequestBuilder, StatusCode};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

const LIMIT: Duration = Duration::from_secs(20);
/// Sign-in, confirmation and a redirect between any two of them.
const MOST_STEPS: usize = 8;

/// Fills forms at one issuer, whose cookies it keeps.
#[derive(Debug)]
pub struct FormClient {
    http: reqwest::Client,
    issuer: Url,
    cookies: BTreeMap<String, String>,
    evidence: Evidence,
}

/// An answer, with the address it came from.
#[derive(Debug)]
pub struct Page {
    address: Url,
    /// The status.
    pub status: StatusCode,
    /// Where it redirects to.
    pub redirect: Option<Url>,
    /// The body.
    pub text: String,
}

impl Page {
    /// Whether some element has this `id`.
    pub fn has_id(&self, id: &str) -> bool {
        html::has_id(&self.text, id)
    }

    /// Whether there is a form with this `id`.
    pub fn has_form(&self, id: &str) -> bool {
        html::form(&self.text, id).is_some()
    }
}

impl FormClient {
    /// Starts without cookies; `names` says how an issuer behind TLS is found.
    pub fn new(issuer: Url, names: Option<&Names>, evidence: Evidence) -> Result<Self> {
        let mut http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(LIMIT);
        if let Some(names) = names {
            let ca = Certificate::from_pem(&std::fs::read(names.ca())?)?;
            http = http.tls_certs_only([ca]).resolve(names.host(), front::ADDRESS);
        }
        Ok(Self { http: http.build()?, issuer, cookies: BTreeMap::new(), evidence })
    }

    /// Fetches an address; a redirect is returned and not followed.
    pub async fn get(&mut self, address: &Url) -> Result<Page> {
        let request = self.http.get(address.clone());
        self.send(address, request).await
    }

    /// Sends the form `id` of `page` with `values` in place of its own.
    pub async fn submit(&mut self, page: &Page, id: &str, values: &[(&str, &str)]) -> Result<Page> {
        let form = html::form(&page.text, id).with_context(|| format!("no form {id} at {}", page.address))?;
        let mut fields = form.inputs;
        for (name, value) in &fields {
            if name == "csrf" {
                self.evidence.note(Kind::FormToken, value);
            }
        }
        for (name, value) in values {
            let is_field = |field: &&mut (String, String)| field.0 == *name;
            let is_button = form.buttons.contains(&((*name).to_owned(), (*value).to_owned()));
            match fields.iter_mut().find(is_field) {
                Some(field) => (*value).clone_into(&mut field.1),
                None if is_button => fields.push(((*name).to_owned(), (*value).to_owned())),
                None => bail!("form {id} at {} has no field {name}", page.address),
            }
        }
        let target = page.address.join(&form.action)?;
        let origin = page.address.origin().ascii_serialization();
        let request = self.http.post(target.clone()).header(ORIGIN, origin).form(&fields);
        self.send(&target, request).await
    }

    /// Signs in and approves what `address` asks for; returns the callback that a browser would be sent to.
    pub async fn approve(&mut self, address: &Url, person: &Person) -> Result<Url> {
        self.decide(address, person, "approve").await
    }

    /// Signs in and denies what `address` asks for; returns the callback that a browser would be sent to.
    pub async fn deny(&mut self, address: &Url, person: &Person) -> Result<Url> {
        self.decide(address, person, "deny").await
    }

    async fn decide(&mut self, address: &Url, person: &Person, decision: &str) -> Result<Url> {
        let mut page = self.get(address).await?;
        for _ in 0..MOST_STEPS {
            page = match &page.redirect {
                Some(next) if next.origin() == self.issuer.origin() => self.get(next).await?,
                Some(callback) => {
                    self.evidence.note_address(callback);
                    return Ok(callback.clone());
                }
                None if page.has_form("sign-in") => {
                    let fields = [("email", person.email.as_str()), ("password", person.password.expose())];
                    self.submit(&page, "sign-in", &fields).await?
                }
                None if page.has_form("confirm") => {
                    self.submit(&page, "confirm", &[("decision", decision)]).await?
                }
                None => bail!("no form to fill at {} ({}): {}", page.address, page.status, page.text),
            };
        }
        bail!("the issuer asks without end, now at {}", page.address)
    }

    /// Approves the device that shows `user_code` on the page at `address`.
    pub async fn approve_device(&mut self, address: &Url, user_code: &str, person: &Person) -> Result<()> {
        let page = self.decide_device(address, user_code, person, "approve").await?;
        ensure!(page.has_id("done"), "not approved at {} ({}): {}", page.address, page.status, page.text);
        Ok(())
    }

    /// Refuses the device that shows `user_code` on the page at `address`.
    pub async fn deny_device(&mut self, address: &Url, user_code: &str, person: &Person) -> Result<()> {
        let page = self.decide_device(address, user_code, person, "deny").await?;
        ensure!(page.status == 200, "not refused at {} ({}): {}", page.address, page.status, page.text);
        Ok(())
    }

    async fn decide_device(
        &mut self,
        address: &Url,
        user_code: &str,
        person: &Person,
        decision: &str,
    ) -> Result<Page> {
        let mut page = self.get(address).await?;
        if page.has_form("sign-in") {
            let fields = [("email", person.email.as_str()), ("password", person.password.expose())];
            page = self.submit(&page, "sign-in", &fields).await?;
            page = self.redirected(page).await?;
        }
        let page = self.submit(&page, "device-code", &[("user_code", user_code)]).await?;
        self.submit(&page, "device-approve", &[("decision", decision)]).await
    }

    /// Goes to the callback and to the page it redirects to, as a browser does.
    pub async fn deliver(&mut self, callback: &Url) -> Result<Page> {
        let page = self.get(callback).await?;
        self.redirected(page).await
    }

    /// Returns the page that `page` redirects to, or itself.
    async fn redirected(&mut self, page: Page) -> Result<Page> {
        match &page.redirect {
            Some(next) => self.get(next).await,
            None => Ok(page),
        }
    }

    async fn send(&mut self, address: &Url, mut request: RequestBuilder) -> Result<Page> {
        let is_issuer = address.origin() == self.issuer.origin();
        if is_issuer && !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let response = request.send().await?;
        if is_issuer {
            for cookie in response.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').context("a cookie without a value")?;
                self.evidence.note(Kind::Cookie, value);
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = response.status();
        let redirect = match response.headers().get(LOCATION) {
            Some(location) if status.is_redirection() => Some(address.join(location.to_str()?)?),
            Some(_) | None => None,
        };
        ensure!(!status.is_redirection() || redirect.is_some(), "a redirect to nowhere at {address}");
        let text = response.text().await.map_err(|error| anyhow!(error))?;
        Ok(Page { address: address.clone(), status, redirect, text })
    }
}

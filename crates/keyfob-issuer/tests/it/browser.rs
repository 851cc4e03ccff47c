//! A browser of few lines: cookies, forms, and redirects that it does not follow.

use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use std::collections::BTreeMap;
use std::time::Duration;

/// A browser at one site.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) base: String,
    pub(crate) cookies: BTreeMap<String, String>,
    http: reqwest::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Nothing here speaks TLS, and reading a machine's certificates takes longer than most requests.
            .tls_certs_only([])
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { base: base.to_owned(), cookies: BTreeMap::new(), http }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.base)).form(form)).await
    }

    pub(crate) async fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Posts `body` with one header more than usual.
    pub(crate) async fn post_with(&mut self, path: &str, header: (&str, &str), body: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).header(header.0, header.1);
        self.send(request.body(body.to_owned())).await
    }

    pub(crate) async fn post_form_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.base)).form(form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, header: (&str, &str)) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base)).header(header.0, header.1);
        self.send(request).await
    }

    /// Sends a request of any method with an access token.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&serde_json::Value>,
    ) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }
}

impl Answer {
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    }

    /// Returns the parameters of the address that the browser is sent to.
    pub(crate) fn redirected(&self) -> BTreeMap<String, String> {
        url::Url::parse(self.location().unwrap()).unwrap().query_pairs().into_owned().collect()
    }

    /// Returns the value of the page's first hidden `csrf` input.
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a page with a form");
        rest.split_once('"').unwrap().0.to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON, not {}", self.body))
    }

    /// Returns what decides about a refusal: status and body.
    pub(crate) fn essence(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}

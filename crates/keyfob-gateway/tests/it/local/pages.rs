//! Web pages stay out (security G-03 to G-05).

use super::world::Local;
use anyhow::Result;
use http::{Request, StatusCode};
use keyfob_testing::chromium::Chromium;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn g_03_a_request_that_names_another_host_is_refused() {
    let local = Local::new().await;
    let (port, key) = (local.address.port(), local.key.clone());
    let rest = format!("authorization: Bearer {key}\r\nconnection: close\r\n\r\n");
    let hosts = [
        "Host: evil.test\r\n".to_owned(),
        String::new(),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: localhost:{port}@evil.test\r\n"),
        format!("Host: 127.0.0.1.:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: LOCALHOST:{port}\r\n"),
        format!("Host: localhost:{port}.\r\n"),
    ];
    for host in hosts {
        let told = local.send_raw(&format!("GET /v1/models HTTP/1.1\r\n{host}{rest}")).await;
        assert!(matches!(status(&told), "400" | "421"), "{host:?}: {told}");
    }
    let absolute =
        format!("GET http://127.0.0.1:{port}/v1/models HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{rest}");
    assert_eq!(status(&local.send_raw(&absolute).await), "400");
    assert!(local.upstream.saw_nothing());
}

#[tokio::test]
async fn g_03_a_second_request_on_a_connection_is_looked_at_like_the_first() {
    let local = Local::new().await;
    let (address, key) = (local.address, &local.key);
    let good = format!("GET /v1/models HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n");
    let evil = format!("GET /v1/models HTTP/1.1\r\nhost: evil.test\r\nauthorization: Bearer {key}\r\n\r\n");

    let both = format!("{good}{evil}{good}");
    let (told, _) = tokio::join!(local.send_raw(&both), local.reply(200, "{}"));

    let answers = told.split("HTTP/1.1 ").skip(1);
    let statuses: Vec<&str> = answers.filter_map(|answer| answer.split(' ').next()).collect();
    assert_eq!(statuses, ["200", "421"], "{told}");
    assert!(local.upstream.saw_nothing());
}

#[tokio::test]
async fn g_04_a_preflight_is_refused_and_grants_nothing() {
    let local = Local::new().await;
    let asked = Request::options("/v1/responses")
        .header("host", local.address.to_string())
        .header("origin", "http://evil.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-private-network", "true");

    let refused = local.send(asked, "").await;

    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "page_refused".into()));
    assert!(!refused.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
}

#[tokio::test]
async fn g_05_a_body_that_a_page_can_send_is_refused_before_its_key_is_looked_at() {
    let local = Local::new().await;
    let asked = || Request::post("/v1/responses").header("host", local.address.to_string());
    let boundary = "multipart/form-data; boundary=x";
    for kind in ["text/plain", "application/x-www-form-urlencoded", boundary, ""] {
        for request in [asked(), asked().header("authorization", format!("Bearer {}", local.key))] {
            let refused = local.send(request.header("content-type", kind), "{}").await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json".into())
            );
        }
    }
    assert_eq!(local.send(asked(), "{}").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(local.upstream.saw_nothing());
}

/// A page of another origin; `location.hash` has the gateway's port and a key that opens it.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>evil</title><body><script>
const [port, key] = location.hash.slice(1).split(',');
const base = `http://127.0.0.1:${port}`;
const url = `${base}/v1/responses`;
const body = '{"model":"x","input":"stolen"}';
const auth = { authorization: `Bearer ${key}` };
const json = { 'content-type': 'application/json' };
const styles = {
  get: () => fetch(`${base}/v1/models`),
  get_no_cors: () => fetch(`${base}/v1/models`, { mode: 'no-cors' }),
  get_key: () => fetch(`${base}/v1/models`, { headers: auth }),
  get_credentials: () => fetch(`${base}/v1/models`, { credentials: 'include' }),
  get_no_referrer: () => fetch(`${base}/v1/models`, { mode: 'no-cors', referrerPolicy: 'no-referrer' }),
  get_localhost: () => fetch(`http://localhost:${port}/v1/models`, { headers: auth }),
  get_keepalive: () => fetch(`${base}/v1/models`, { keepalive: true, mode: 'no-cors' }),
  post_text: () => fetch(url, { method: 'POST', body, mode: 'no-cors' }),
  post_blob: () => fetch(url, { method: 'POST', body: new Blob([body]), mode: 'no-cors' }),
  post_form: () => fetch(url, { method: 'POST', body: new URLSearchParams({ body }), mode: 'no-cors' }),
  post_multipart: () => { const form = new FormData(); form.set('a', body); return fetch(url, { method: 'POST', body: form, mode: 'no-cors' }); },
  post_json: () => fetch(url, { method: 'POST', body, headers: json }),
  post_json_key: () => fetch(url, { method: 'POST', body, headers: { ...json, ...auth } }),
  delete_key: () => fetch(`${url}/1`, { method: 'DELETE', headers: auth }),
  health: () => fetch(`${base}/healthz`),
  beacon: () => navigator.sendBeacon(url, body) ? Promise.reject('sent') : Promise.reject('not sent'),
};
const event = (make) => new Promise((resolve) => {
  const thing = make();
  thing.onload = thing.onopen = thing.onmessage = () => resolve('opened');
  thing.onerror = () => resolve('failed');
});
(async () => {
  const told = {};
  for (const [name, style] of Object.entries(styles)) {
    try { const answer = await style(); told[name] = answer.type === 'opaque' ? 'opaque' : await answer.text(); }
    catch (error) { told[name] = 'failed'; }
  }
  told.websocket = await event(() => new WebSocket(`ws://127.0.0.1:${port}/v1/responses`));
  told.event_source = await event(() => new EventSource(`${base}/v1/responses`));
  told.script = await event(() => { const script = document.createElement('script'); script.src = `${base}/v1/models`; document.body.append(script); return script; });
  told.image = await event(() => { const image = new Image(); image.src = `${base}/v1/models`; return image; });
  const frame = document.createElement('iframe'); frame.name = 'hole'; document.body.append(frame);
  for (const kind of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: url, enctype: kind, target: 'hole' });
    form.innerHTML = '<input name=\'{"model":"x","a\' value=\'":"b"}\'>';
    document.body.append(form);
    await new Promise((resolve) => { frame.onload = resolve; form.submit(); });
  }
  document.title = 'done ' + JSON.stringify(told);
})();
</script>"#;

/// Serves the page to whoever asks.
async fn serve_page(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4096];
        // A browser opens connections before it needs them.
        if stream.read(&mut asked).await.unwrap_or(0) == 0 {
            continue;
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            PAGE.len()
        );
        stream.write_all(format!("{head}{PAGE}").as_bytes()).await.ok();
    }
}

#[tokio::test]
async fn g_04_no_page_in_a_real_browser_reaches_the_provider_even_with_a_key_that_opens_it() -> Result<()> {
    let local = Local::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let page = listener.local_addr()?.port();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve_page(listener));
    let profile = tempfile::tempdir()?;
    let browser = Chromium::start(&profile.path().join("profile")).await?;

    let (port, key) = (local.address.port(), &local.key);
    browser.client().goto(&format!("http://localhost:{page}/#{port},{key}")).await?;
    let told = crate::world::soon(async {
        loop {
            let title = browser.client().title().await?;
            if let Some(told) = title.strip_prefix("done ") {
                return Ok::<Value, anyhow::Error>(serde_json::from_str(told)?);
            }
            tokio::task::yield_now().await;
        }
    })
    .await?;
    browser.close().await?;

    let told = told.as_object().unwrap();
    assert_eq!(told.len(), 20, "{told:?}");
    for (style, outcome) in told {
        assert!(matches!(outcome.as_str(), Some("failed" | "opaque")), "{style}: {outcome}");
    }
    assert!(local.upstream.saw_nothing(), "no page reaches the provider");
    assert!(local.home.audit("tool").is_empty(), "no key is looked at for a page");
    Ok(())
}

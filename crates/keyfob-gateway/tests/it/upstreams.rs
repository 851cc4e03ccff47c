//! Several upstreams: which of them answers whom, and what happens when one is away.

use crate::world::{Answer, FakeUpstream, UPSTREAM_KEY, World, soon};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
const AWAY: &str = "HTTP/1.1 503 Away\r\ncontent-length: 4\r\nconnection: close\r\n\r\naway";
const OPEN: &str = "default = 'allow'";

/// A request of somebody whose workspace demands this.
fn demanding(world: &World, data_policy: Value) -> http::request::Builder {
    let token = world.issuer.token_with("data_policy", data_policy);
    Request::post("/v1/responses").header("host", "g").header("authorization", format!("Bearer {token}"))
}

/// The address of a server that is not there.
async fn nowhere() -> SocketAddr {
    FakeUpstream::start().await.address
}

fn told(answer: &Answer) -> (u16, Option<&str>, Option<&str>) {
    let header = |name| answer.headers.get(name).map(|value| value.to_str().unwrap());
    (answer.status.as_u16(), header("keyfob-upstream"), header("keyfob-data-policy"))
}

#[tokio::test]
async fn s_04_what_a_workspace_demands_of_its_data_chooses_the_upstream_and_the_answer_says_so() {
    let other = FakeUpstream::start().await;
    let upstreams = format!(
        "[upstream.plain]\nurl = 'http://{}'\n\
         [upstream.eu]\nurl = 'http://UPSTREAM'\nretention = ['zero', 'month']\nresidency = ['eu']",
        other.address
    );
    let world = World::ruled(&upstreams, OPEN, None).await;

    let demand = json!({ "retention": "zero", "residency": "eu" });
    let (answer, _) = tokio::join!(world.send(demanding(&world, demand), "{}"), world.upstream.answer(OK));
    assert_eq!(told(&answer), (200, Some("eu"), Some("retention=zero, residency=eu")));
    assert!(other.saw_nothing());

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), other.answer(OK));
    assert_eq!(told(&answer), (200, Some("plain"), None));
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn s_04_who_demands_what_nobody_promises_is_refused_and_nothing_is_sent() {
    let upstreams = "[upstream.a]\nurl = 'http://UPSTREAM'\nretention = ['month']";
    let world = World::ruled(upstreams, OPEN, None).await;

    let request = demanding(&world, json!({ "retention": "zero", "residency": "eu" }));
    let answer = world.send(request, r#"{"model":"m","input":"canary"}"#).await;

    assert_eq!((told(&answer), answer.code()), ((403, None, None), "no_compliant_upstream".into()));
    let words = "No upstream of this gateway promises what your \
                 workspace demands of your data: retention `zero`, residency `eu`. Nothing was sent. The gateway's \
                 administrator can add one that does";
    let text: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(text["error"]["message"], words);
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn s_04_who_demands_something_never_falls_back_to_who_does_not_promise_it() {
    let other = FakeUpstream::start().await;
    let upstreams = |eu: &str| {
        format!(
            "[upstream.eu]\nurl = 'http://{eu}'\nresidency = ['eu']\n[upstream.us]\nurl = 'http://{}'\nresidency = ['us']",
            other.address
        )
    };
    let eu = json!({ "residency": "eu" });

    let world = World::ruled(&upstreams("UPSTREAM"), OPEN, None).await;
    let (answer, _) =
        tokio::join!(world.send(demanding(&world, eu.clone()), "{}"), world.upstream.answer(AWAY));
    assert_eq!((told(&answer), answer.text()), ((503, Some("eu"), Some("residency=eu")), "away".into()));

    let world = World::ruled(&upstreams(&nowhere().await.to_string()), OPEN, None).await;
    for _ in 0..2 {
        let answer = world.send(demanding(&world, eu.clone()), "{}").await;
        assert_eq!((told(&answer), answer.code()), ((502, None, None), "upstream_unreachable".into()));
    }
    assert!(other.saw_nothing());
}

#[tokio::test]
async fn g_32_another_upstream_is_tried_where_no_connection_stood_and_is_preferred_for_a_while() {
    let upstreams = format!(
        "[upstream.away]\nurl = 'http://{}'\n[upstream.here]\nurl = 'http://UPSTREAM'",
        nowhere().await
    );
    let world = World::ruled(&upstreams, OPEN, None).await;
    let body = format!(r#"{{"input":"{}"}}"#, "x".repeat(100_000));

    for _ in 0..2 {
        let answered = async {
            let mut exchange = world.upstream.next().await;
            let body = exchange.body().await;
            exchange.send(OK).await;
            body
        };
        let (answer, sent) = tokio::join!(world.send(world.request(), body.clone()), answered);
        assert_eq!(told(&answer), (200, Some("here"), None));
        assert_eq!(sent, body);
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_32_no_other_upstream_is_tried_once_bytes_have_left() {
    let other = FakeUpstream::start().await;
    let upstreams =
        format!("[upstream.a]\nurl = 'http://UPSTREAM'\n[upstream.b]\nurl = 'http://{}'", other.address);
    let world = World::ruled(&upstreams, OPEN, None).await;

    let reset = async { world.upstream.next().await.reset() };
    let (answer, ()) = tokio::join!(world.send(world.request(), "{}"), reset);
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_unusable".into()));

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(AWAY));
    assert_eq!(told(&answer), (503, Some("a"), None));
    assert!(other.saw_nothing());
}

#[tokio::test]
async fn g_08_the_model_chooses_among_the_configured_upstreams_and_nothing_else_does() {
    let other = FakeUpstream::start().await;
    let upstreams = format!(
        "[upstream.small]\nurl = 'http://UPSTREAM'\nmodels = ['*-mini']\n\
         [upstream.big]\nurl = 'http://{}'\nmodels = ['gpt-*']",
        other.address
    );
    let world = World::ruled(&upstreams, OPEN, None).await;
    let request = || {
        world
            .request()
            .header("keyfob-upstream", "big")
            .header("x-base-url", format!("http://{}", other.address))
            .header("x-model", "gpt-5")
    };

    let body = r#"{"model":"gpt-5-mini","upstream":"big","api_base":"http://evil.test"}"#;
    let (answer, exchange) = tokio::join!(world.send(request(), body), world.upstream.answer(OK));
    assert_eq!(told(&answer), (200, Some("small"), None));
    assert_eq!(exchange.header("keyfob-upstream"), [""; 0]);
    assert!(other.saw_nothing());

    let (answer, _) = tokio::join!(world.send(request(), r#"{"model":"gpt-5"}"#), other.answer(OK));
    assert_eq!(told(&answer), (200, Some("big"), None));

    let nobodys = world.send(request(), r#"{"model":"http://evil.test/gpt-5"}"#).await;
    assert_eq!((nobodys.status, nobodys.code()), (StatusCode::NOT_FOUND, "model_not_found".into()));
    let two = world.send(request(), r#"{"model":"gpt-5","model":"gpt-5-mini"}"#).await;
    assert_eq!((two.status, two.code()), (StatusCode::BAD_REQUEST, "invalid_json".into()));
    assert!(world.upstream.saw_nothing() && other.saw_nothing());
}

/// Every way to say who calls that a server behind us might believe.
const SPELLINGS: [&str; 26] = [
    "keyfob-user",
    "Keyfob_User",
    "KEYFOB-USER",
    "x-keyfob-user",
    "x-user",
    "X-User-Id",
    "x_user_id",
    "X-User_Id",
    "user-id",
    "User_Id",
    "userid",
    "x-userid",
    "x-end-user-id",
    "openai-user",
    "x-openai-user",
    "x-litellm-end-user-id",
    "x-forwarded-user",
    "x-remote-user",
    "remote_user",
    "x-auth-request-user",
    "x-authenticated-userid",
    "x-consumer-username",
    "x-credential-identifier",
    "x-ms-client-principal-name",
    "x-amzn-oidc-identity",
    "x-goog-authenticated-user-email",
];

#[tokio::test]
async fn g_39_an_upstream_hears_who_calls_from_us_alone_and_as_much_as_it_is_to() {
    let data = tempfile::tempdir().unwrap();
    let heard = async |identity: &str, subject: &str, workspace: &str| {
        let upstreams = format!("[upstream.a]\nurl = 'http://UPSTREAM'\nidentity = '{identity}'");
        let world = World::ruled(&upstreams, OPEN, Some(data.path())).await;
        let mut claims = world.issuer.claims();
        claims["sub"] = subject.into();
        claims["workspace_id"] = workspace.into();
        let token = world.issuer.key.sign(keyfob_jose::TokenType::AccessToken, &claims).unwrap();
        let mut request = Request::post("/v1/responses")
            .header("host", "g")
            .header("authorization", format!("Bearer {token}"));
        for name in SPELLINGS {
            request = request.header(name, "canary").header(name, "canary");
        }
        let (answer, exchange) = tokio::join!(world.send(request, "{}"), world.upstream.answer(OK));
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!exchange.head.contains("canary"), "{}", exchange.head);
        exchange.header("keyfob-user").iter().map(|&name| name.to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(heard("none", "u-1", "w-1").await, Vec::<String>::new());
    assert_eq!(heard("subject", "u-1", "w-1").await, ["u-1"]);
    let [name] = &heard("pseudonym", "u-1", "w-1").await[..] else { panic!("there is one name") };
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert_eq!(heard("pseudonym", "u-1", "w-1").await, vec![name.clone()], "after another start too");
    let mut names = HashSet::from([name.clone()]);
    for (subject, workspace) in [("u-2", "w-1"), ("u-1", "w-2"), ("1u-1", "w-"), ("-1u-1", "w")] {
        names.extend(heard("pseudonym", subject, workspace).await);
    }
    assert_eq!(names.len(), 5, "{names:?}");
}

type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// Serves a connection over HTTP/2, and hands on what is asked there.
fn over_http2(stream: TcpStream) -> mpsc::Receiver<Asked> {
    let (hand_on, asked) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok(request)) = connection.accept().await {
            hand_on.send(request).await.unwrap();
        }
    });
    asked
}

/// Begins an answer to the next request, which is asked of `authority`.
async fn begin(asked: &mut mpsc::Receiver<Asked>, authority: &str) -> SendStream<Bytes> {
    let (request, mut respond) = soon(asked.recv()).await.unwrap();
    let uri = format!("http://{authority}/v1/responses");
    assert_eq!((request.version(), request.uri().to_string()), (Version::HTTP_2, uri));
    assert_eq!(request.headers()["authorization"], format!("Bearer {UPSTREAM_KEY}"));
    respond.send_response(Response::new(()), false).unwrap()
}

async fn next(answer: &mut Response<Incoming>) -> Bytes {
    soon(answer.frame()).await.unwrap().unwrap().into_data().unwrap()
}

#[tokio::test]
async fn g_26_requests_share_a_connection_over_http2_and_a_caller_who_leaves_ends_their_own_alone() {
    let upstreams = "[upstream.a]\nurl = 'http://UPSTREAM/v1'\nkey_file = 'key'\nhttp2 = true";
    let world = World::ruled(upstreams, OPEN, None).await;
    let authority = world.upstream.address.to_string();
    let accepted = async {
        let mut asked = over_http2(world.upstream.accept().await);
        (begin(&mut asked, &authority).await, asked)
    };
    let (mut leaves, (mut left, mut asked)) = tokio::join!(world.begin(world.request(), "{}"), accepted);
    let (mut stays, mut kept) =
        tokio::join!(world.begin(world.request(), "{}"), begin(&mut asked, &authority));
    for (stream, answer) in [(&mut left, &mut leaves), (&mut kept, &mut stays)] {
        stream.send_data("data: 1\n\n".into(), false).unwrap();
        assert_eq!(next(answer).await, "data: 1\n\n");
    }

    drop(leaves);

    let reset = soon(std::future::poll_fn(|context| left.poll_reset(context))).await;
    assert_eq!(reset.unwrap(), Reason::CANCEL);
    kept.send_data("data: 2\n\n".into(), true).unwrap();
    assert_eq!(next(&mut stays).await, "data: 2\n\n");
    assert!(soon(stays.frame()).await.is_none());
    assert!(world.upstream.saw_nothing(), "a second connection");
}

//! What the provider refuses is had anew once, and sent once more (security G-31, G-32).

use super::world::{Local, Refresher, answer};
use crate::world::Exchange;
use http::StatusCode;

const LOGIN: &str = "requires_openai_auth = true";

async fn signed_in(issuer: &Refresher) -> Local {
    Local::with(LOGIN, &[], |home| issuer.sign_in(home)).await
}

/// The upstream answers each request of `of`, in turn, with the next of `statuses`.
async fn answers(local: &Local, statuses: &[u16]) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for status in statuses {
        exchanges.push(local.upstream.answer(&answer(*status, "{}")).await);
    }
    exchanges
}

#[tokio::test]
async fn g_31_a_token_that_the_provider_refuses_is_refreshed_once_and_the_same_request_sent_again() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;

    let (served, exchanges) =
        tokio::join!(local.send(local.request(), r#"{"n":1}"#), answers(&local, &[401, 200]));

    assert_eq!((served.status, served.text()), (StatusCode::OK, "{}".into()));
    assert_eq!(issuer.refreshes(), 1);
    assert!(issuer.token(0).is_in(&exchanges[0].header("authorization")));
    assert!(issuer.token(1).is_in(&exchanges[1].header("authorization")));
    for exchange in &exchanges {
        assert_eq!(exchange.header("chatgpt-account-id"), ["ws-1"]);
        assert_eq!(exchange.header("content-length"), ["7"]);
        assert!(exchange.head.starts_with("POST /base/v1/responses HTTP/1.1\r\n"));
    }
    assert!(local.home.read("auth.json").contains("rt-next"));
}

#[tokio::test]
async fn g_31_a_provider_that_always_refuses_gets_two_requests_after_one_refresh_and_then_one_each() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;

    let (refused, _) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[401, 401]));
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "provider_refused_credential".into())
    );
    assert_eq!(issuer.refreshes(), 1);
    assert!(local.upstream.saw_nothing());

    let (again, _) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[401]));
    assert_eq!((again.status, issuer.refreshes()), (StatusCode::FORBIDDEN, 1), "nobody refreshes in a loop");
    assert!(local.upstream.saw_nothing());
}

#[tokio::test]
async fn g_31_a_403_is_the_providers_word_and_refreshes_nothing() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;

    let (refused, _) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[403]));

    assert_eq!((refused.status, refused.text()), (StatusCode::FORBIDDEN, "{}".into()));
    assert_eq!(issuer.refreshes(), 0);
    assert!(local.upstream.saw_nothing());
}

#[tokio::test]
async fn g_31_c_57_of_many_refused_requests_one_refreshes() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;
    let upstream = async {
        let mut refused = Vec::new();
        // Whoever comes with the first token is refused once all have come, and everybody else is served.
        while refused.len() < 6 {
            let exchange = local.upstream.next().await;
            assert!(issuer.token(0).is_in(&exchange.header("authorization")));
            refused.push(exchange);
        }
        for exchange in &mut refused {
            exchange.send(&answer(401, "{}")).await;
        }
        for _ in 0..6 {
            let served = local.upstream.answer(&answer(200, "{}")).await;
            assert!(issuer.token(1).is_in(&served.header("authorization")));
        }
    };

    let requests = futures_util::future::join_all((0..6).map(|_| local.send(local.request(), "{}")));
    let (served, ()) = tokio::join!(requests, upstream);

    assert!(served.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(issuer.refreshes(), 1);
}

#[tokio::test]
async fn g_31_a_body_that_is_too_large_to_keep_is_sent_once_and_the_next_request_has_the_new_token() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));

    let (told, exchange) = tokio::join!(local.send(local.request(), large), async {
        let mut exchange = local.upstream.next().await;
        exchange.send(&answer(401, "{}")).await;
        exchange
    });

    assert_eq!((told.status, told.code()), (StatusCode::SERVICE_UNAVAILABLE, "credential_renewed".into()));
    assert_eq!(exchange.header("transfer-encoding"), ["chunked"]);
    assert_eq!(issuer.refreshes(), 1);
    assert!(local.upstream.saw_nothing());
    let (served, exchanges) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[200]));
    assert_eq!((served.status, issuer.refreshes()), (StatusCode::OK, 1));
    assert!(issuer.token(1).is_in(&exchanges[0].header("authorization")));
}

#[tokio::test]
async fn g_32_what_the_provider_broke_off_or_failed_is_not_sent_again() {
    let issuer = Refresher::start().await;
    let local = signed_in(&issuer).await;

    let (reset, ()) =
        tokio::join!(local.send(local.request(), "{}"), async { local.upstream.next().await.reset() });
    assert_eq!((reset.status, reset.code()), (StatusCode::BAD_GATEWAY, "upstream_unusable".into()));
    for status in [500, 502, 503, 429] {
        let (failed, _) =
            tokio::join!(local.send(local.request(), "{}"), async { answers(&local, &[status]).await });
        assert_eq!(failed.status.as_u16(), status);
    }

    assert!(local.upstream.saw_nothing());
    assert_eq!(issuer.refreshes(), 0);
}

#[tokio::test]
async fn g_31_a_session_that_has_ended_says_so_and_who_signs_in_again_is_served() {
    let issuer = Refresher::answering(400).await;
    let local = signed_in(&issuer).await;

    let (told, _) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[401]));

    assert_eq!((told.status, told.code()), (StatusCode::FORBIDDEN, "session_ended".into()));
    assert!(told.text().contains("run `keyfob login` to sign in again"), "{}", told.text());
    let other = Refresher::start().await;
    other.sign_in(&local.home);
    let (served, exchanges) = tokio::join!(local.send(local.request(), "{}"), answers(&local, &[200]));
    assert_eq!(served.status, StatusCode::OK);
    assert!(other.token(0).is_in(&exchanges[0].header("authorization")));
}

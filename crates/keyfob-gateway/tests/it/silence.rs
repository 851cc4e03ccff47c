//! An hour without the issuer, which passes on the gateway's clocks alone.

use crate::world::{FakeIssuer, NOW, World, soon};
use http::Request;
use keyfob_gateway::config::EdgeConfig;
use keyfob_gateway::revocations::FeedConfig;
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// Reads how the feed is followed from a gateway's file with this in it.
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn feed(section: &str) -> FeedConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let start = "listen = '127.0.0.1:0'\nissuer = 'https://id.test'\nresource_server = 'gateway.secret'\n";
    std::fs::write(folder.path().join("gateway.secret"), "gateway:kfs_secret\n").unwrap();
    std::fs::write(&file, format!("{start}{section}[upstream.demo]\nurl = 'demo'\n")).unwrap();
    EdgeConfig::read(&file).unwrap().gateway.feed.unwrap()
}

/// Lets a minute pass on the gateway's clock, and for everything that waits.
async fn pass(world: &World) {
    world.pass(60);
    tokio::time::pause();
    tokio::time::advance(MINUTE).await;
    tokio::time::resume();
}

/// Returns the status of an answer to `token`, and the code of a refusal.
async fn asked(world: &World, token: &str) -> (u16, String) {
    let request = Request::get("/v1/models").header("host", "g");
    let answer = world.send(request.header("authorization", format!("Bearer {token}")), "").await;
    let code = if answer.status.is_success() { String::new() } else { answer.code() };
    (answer.status.as_u16(), code)
}

/// What is seen of a gateway after a minute.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    valid: (u16, String),
    ready: String,
    mode: String,
    lag: Duration,
}

async fn seen(world: &World, token: &str) -> Seen {
    let valid = asked(world, token).await;
    let ready = world.operator_asks("/ready").await.text();
    let metrics = world.operator_asks("/metrics").await.text();
    let value = |series: &str| metrics.lines().find_map(|line| line.strip_prefix(series));
    let lag: f64 = value("keyfob_gateway_revocation_lag_seconds ").unwrap().parse().unwrap();
    let modes = ["followed", "silent", "lost"].into_iter();
    let mode = modes.filter(|mode| {
        value(&format!("keyfob_gateway_revocation_mode{{mode=\"{mode}\"}} ")).is_some_and(|set| set == "1")
    });
    Seen { valid, ready, mode: mode.collect(), lag: Duration::from_secs_f64(lag) }
}

/// Lets the issuer be away for an hour; returns what is seen after each minute of it, then what becomes of a token whose time was
/// over meanwhile, and of one whose session had ended before.
async fn an_hour_away(section: &str) -> (Vec<Seen>, [(u16, String); 2]) {
    let issuer = FakeIssuer::start().await;
    let entries = [issuer.feed(0, 1, &json!([{ "at": NOW, "sid": "s-2" }])), issuer.feed(1, 1, &json!([]))];
    issuer.tell(Box::new(move |question| (200, entries[usize::from(question.contains("after=1&"))].clone())));
    let mut world = World::following(issuer, feed(section)).await;
    let token = world.issuer.token_with("exp", json!(NOW + 7_200));
    let short = world.issuer.token();
    let mut claims = world.issuer.claims();
    (claims["sid"], claims["exp"]) = (json!("s-2"), json!(NOW + 7_200));
    let ended = world.issuer.key.sign(keyfob_jose::TokenType::AccessToken, &claims).unwrap();
    let heard = async {
        while asked(&world, &token).await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    soon(heard).await;
    assert_eq!(asked(&world, &short).await.0, 200);

    world.issuer.leave().await;
    let mut hour = Vec::new();
    for _ in 0..60 {
        pass(&world).await;
        hour.push(seen(&world, &token).await);
    }
    let rest = [asked(&world, &short).await, asked(&world, &ended).await];
    (hour, rest)
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Checks that each minute added one to the silence.
fn each_is_a_minute(hour: &[Seen]) {
    for (number, seen) in (1..).zip(hour) {
        let late = seen.lag.checked_sub(MINUTE * number);
        assert!(late.is_some_and(|late| late < MINUTE), "{:?} after {number} minutes", seen.lag);
    }
}

#[tokio::test]
async fn r_32_g_38_an_issuer_that_is_away_for_an_hour_is_missed_for_five_minutes_and_then_nobody_is_let_in() {
    let (hour, rest) = an_hour_away("").await;

    each_is_a_minute(&hour);
    let (silent, lost) = hour.split_at(5);
    for seen in silent {
        let said = r#"{"ready":true,"keys":"loaded","revocations":"silent","stopping":false}"#;
        assert_eq!((&seen.valid, &*seen.ready, &*seen.mode), (&refused(200, ""), said, "silent"));
    }
    for seen in lost {
        let said = r#"{"ready":false,"keys":"loaded","revocations":"lost","stopping":false}"#;
        let valid = refused(503, "revocations_unknown");
        assert_eq!((&seen.valid, &*seen.ready, &*seen.mode), (&valid, said, "lost"));
    }
    assert_eq!(rest, [refused(401, "invalid_token"), refused(401, "invalid_token")]);
}

#[tokio::test]
async fn r_32_g_38_through_an_hour_without_the_issuer_valid_tokens_go_on_where_a_day_is_accepted() {
    let (hour, rest) = an_hour_away("[revocations]\ngrace = '24h'\n").await;

    each_is_a_minute(&hour);
    for seen in hour {
        let said = r#"{"ready":true,"keys":"loaded","revocations":"silent","stopping":false}"#;
        assert_eq!((&seen.valid, &*seen.ready, &*seen.mode), (&refused(200, ""), said, "silent"));
    }
    assert_eq!(rest, [refused(401, "invalid_token"), refused(401, "invalid_token")]);
}

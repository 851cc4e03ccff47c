//! What whoever runs a gateway sees of it.

use crate::world::World;
use http::{Request, StatusCode};

/// Returns the value of one series.
fn value<'a>(metrics: &'a str, series: &str) -> Option<&'a str> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[tokio::test]
async fn g_42_probes_say_whether_the_gateway_can_let_anybody_in_and_nothing_of_anybody() {
    let world = World::demo().await;
    world.send(world.request().method("GET").uri("/v1/models"), "").await;

    let (live, ready) = (world.operator_asks("/live").await, world.operator_asks("/ready").await);

    assert_eq!((live.status, live.text()), (StatusCode::OK, "live\n".into()));
    let said = r#"{"ready":true,"keys":"loaded","revocations":"not followed","stopping":false}"#;
    assert_eq!((ready.status, ready.text()), (StatusCode::OK, said.into()));
    assert_eq!(world.operator_asks("/shutdown").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_are_counted_by_what_they_ask_and_how_they_end_and_nobody_is_named() {
    let world = World::demo().await;

    world.send(world.request(), "{}").await;
    world.send(Request::post("/v1/embeddings").header("host", "g"), "{}").await;
    drop(world.begin(world.request(), r#"{"stream":true}"#).await);

    let counted = async {
        loop {
            let metrics = world.operator_asks("/metrics").await.text();
            // The answer that its caller left is over when the gateway has noticed.
            if value(&metrics, "keyfob_gateway_stream_aborts_total{side=\"caller\"}") == Some("1") {
                return metrics;
            }
            tokio::task::yield_now().await;
        }
    };
    let metrics = crate::world::soon(counted).await;
    let requests = |labels: &str| value(&metrics, &format!("keyfob_gateway_requests_total{{{labels}}}"));
    let chat = "gen_ai_operation_name=\"chat\",credential=\"access_token\",status=\"200\"";
    let refused = "gen_ai_operation_name=\"embeddings\",credential=\"none\",status=\"401\"";
    assert_eq!((requests(chat), requests(refused)), (Some("2"), Some("1")), "{metrics}");
    assert_eq!(value(&metrics, "keyfob_gateway_running"), Some("0"));
    let durations = "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"chat\"}";
    assert_eq!(value(&metrics, durations), Some("2"));
    assert!(
        !metrics.contains("u-1") && !metrics.contains("w-1") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn s_07_who_runs_a_gateway_sees_what_was_used_on_a_page_that_runs_and_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::metered_demo(folder.path()).await;
    let answer = world.send(world.request(), r#"{"model":"<b>small"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);

    let page = world.operator_asks("/usage").await;
    let json = world.operator_asks("/usage.json").await;

    let text = page.text();
    assert!(text.contains("<tr><th scope=\"row\">&lt;b&gt;small</th><td>1</td><td>0</td>"), "{text}");
    assert!(text.contains("<tr><th scope=\"row\">u-1 in w-1</th><td>1</td>"), "{text}");
    assert!(!text.contains("<b>") && !text.contains("<script"), "{text}");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    let reports: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    let by: Vec<_> =
        reports.as_array().unwrap().iter().map(|report| report["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["day", "model", "workspace", "caller"]);
    assert_eq!(reports[1]["usage"][0]["model"], "<b>small");
    for (host, status) in
        [("localhost:1", 200), ("[::1]:1", 200), ("evil.test:1", 421), ("127.0.0.1.evil.test", 421)]
    {
        for path in ["/usage", "/usage.json"] {
            assert_eq!(world.operator_asks_as(host, path).await.status.as_u16(), status, "{host}{path}");
        }
    }
    let nothing = World::demo().await.operator_asks("/usage").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}

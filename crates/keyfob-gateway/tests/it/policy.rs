//! The policy, as callers meet it.

use crate::world::World;
use http::{Request, StatusCode};
use keyfob_gateway::decisions::explain::explain;
use serde_json::{Value, json};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
const ONE: &str = "[upstream.one]\nurl = 'http://UPSTREAM'\nretention = ['zero']";

fn with(world: &World, claim: &str, value: Value) -> http::request::Builder {
    let token = world.issuer.token_with(claim, value);
    Request::post("/v1/responses").header("host", "g").header("authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_rule_that_denies_answers_with_its_words_and_nothing_is_sent() {
    let policy = "default = 'allow'\n[[rule]]\nname = 'no big'\nwhen = { models = ['big-*'] }\noutcome = 'deny'\n\
                  message = 'Big models are for releases. Ask the platform team for one'";
    let world = World::ruled(ONE, policy, None).await;

    let answer = world.send(world.request(), r#"{"model":"big-1","input":"x"}"#).await;

    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    let error = json!({
        "message": "Big models are for releases. Ask the platform team for one",
        "type": "invalid_request_error", "param": null, "code": "policy_denied",
    });
    assert_eq!((answer.status, &body["error"]), (StatusCode::FORBIDDEN, &error));
    assert!(world.upstream.saw_nothing());

    let (answer, _) =
        tokio::join!(world.send(world.request(), r#"{"model":"small"}"#), world.upstream.answer(OK));
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn s_04_a_workspace_that_keeps_nothing_has_nothing_stored_whatever_its_programs_ask() {
    let policy =
        "default = 'allow'\n[[data]]\nname = 'zero'\nwhen = { retention = ['zero'] }\nstore = 'forbid'";
    let world = World::ruled(ONE, policy, None).await;
    let zero = || with(&world, "data_policy", json!({ "retention": "zero" }));
    let sent = async |request: http::request::Builder, body: &'static str| {
        let answered = async {
            let mut exchange = world.upstream.next().await;
            let body = exchange.body().await;
            exchange.send(OK).await;
            body
        };
        let (answer, sent) = tokio::join!(world.send(request, body), answered);
        let kept_to =
            answer.headers.get("keyfob-data-policy").map(|value| value.to_str().unwrap().to_owned());
        (sent, kept_to)
    };

    let forced = Some("retention=zero, store=false".to_owned());
    let body = r#"{"model":"m","store":true,"temperature":1.00}"#;
    let written = r#"{"model":"m","store":false,"temperature":1.00}"#.to_owned();
    assert_eq!(sent(zero(), body).await, (written, forced.clone()));
    let chat = zero().uri("/v1/chat/completions");
    let written = r#"{"store":false,"model":"m"}"#.to_owned();
    assert_eq!(sent(chat, r#"{"model":"m"}"#).await, (written, forced.clone()));
    let embedding = zero().uri("/v1/embeddings");
    assert_eq!(sent(embedding, r#"{"model":"m"}"#).await.0, r#"{"model":"m"}"#);
    assert_eq!(sent(world.request(), body).await, (body.into(), None));

    for (encoding, body) in [("zstd", "{}"), ("identity", "[]")] {
        let answer = world.send(zero().header("content-encoding", encoding), body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid_json".into()));
    }
    let multipart = zero().header("content-type", "multipart/form-data; boundary=x");
    let answer = world.send(multipart, r#"{"store":true}"#).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid_json".into()));
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn s_04_a_token_that_opens_some_models_opens_no_other() {
    let world = World::ruled(ONE, "default = 'allow'", None).await;
    let narrow = || with(&world, "models", json!(["a"]));

    for body in [r#"{"model":"b"}"#, r#"{"model":"A"}"#, "{}", r#"{"model":null}"#] {
        let answer = world.send(narrow(), body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::FORBIDDEN, "model_not_allowed".into()),
            "{body}"
        );
    }
    assert!(world.upstream.saw_nothing());
    let (answer, _) = tokio::join!(world.send(narrow(), r#"{"model":"a"}"#), world.upstream.answer(OK));
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn the_catalogue_is_what_the_caller_may_use_and_each_of_it_is_answered() {
    let policy = "default = 'allow'\n\
                  [[rule]]\nname = 'no big'\nwhen = { models = ['big*'] }\noutcome = 'deny'\nmessage = 'Too big'\n\
                  [models.a]\ndisplay_name = 'A'\ndescription = 'First'\ncontext_window = 1000\ninstructions = 'Be brief'\n\
                  [models.b]\n[models.big]\n[models.nobodys]";
    let upstreams = "[upstream.one]\nurl = 'http://UPSTREAM'\nmodels = ['a', 'b', 'big']";
    let world = World::ruled(upstreams, policy, None).await;
    let listed = async |request: http::request::Builder| {
        let answer = world.send(request.method("GET").uri("/v1/models?client_version=0.169.0"), "").await;
        assert_eq!(
            (answer.status, &answer.headers["content-type"]),
            (StatusCode::OK, &"application/json".parse().unwrap())
        );
        serde_json::from_str::<Value>(&answer.text()).unwrap()
    };

    let all = listed(world.request()).await;
    let told = json!({
        "slug": "a", "display_name": "A", "visibility": "list", "priority": 0, "supported_in_api": true,
        "base_instructions": "Be brief", "supported_reasoning_levels": [], "support_verbosity": false,
        "shell_type": "shell_command", "truncation_policy": { "mode": "tokens", "limit": 10_000 },
        "experimental_supported_tools": [], "description": "First", "context_window": 1000,
    });
    assert_eq!(all["models"][0], told);
    assert_eq!(all["data"][0], json!({ "id": "a", "object": "model", "created": 0, "owned_by": "keyfob" }));
    let slugs = |list: &Value| -> Vec<String> {
        list["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["slug"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(slugs(&all), ["a", "b"]);
    assert_eq!(slugs(&listed(with(&world, "models", json!(["b", "big"]))).await), ["b"]);
    assert!(world.upstream.saw_nothing());

    for (model, status) in [("a", 200), ("b", 200), ("big", 403), ("nobodys", 404)] {
        let ask = world.send(world.request(), format!(r#"{{"model":"{model}"}}"#));
        let answer = if status == 200 { tokio::join!(ask, world.upstream.answer(OK)).0 } else { ask.await };
        assert_eq!(answer.status.as_u16(), status, "{model}");
    }
}

#[tokio::test]
async fn what_upstreams_list_is_told_as_they_say_it_of_what_they_would_answer() {
    let other = crate::world::FakeUpstream::start().await;
    let upstreams = format!(
        "[upstream.a]\nurl = 'http://UPSTREAM/v1'\nkey_file = 'k'\nmodels = ['a*', 'both']\n\
         [upstream.b]\nurl = 'http://{}/v1'\nresidency = ['eu']",
        other.address
    );
    let world = World::ruled(&upstreams, "default = 'allow'", None).await;
    let list = |models: &[&str]| {
        let data: Vec<Value> = models.iter().map(|id| json!({ "id": id, "owned_by": "them" })).collect();
        let body = json!({ "data": data, "models": [{ "slug": models[0], "x": 1 }] }).to_string();
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let listed = async |request: http::request::Builder| {
        let answer = world.send(request.method("GET").uri("/v1/models?client_version=0.169.0"), "").await;
        let list: Value = serde_json::from_str(&answer.text()).unwrap();
        (list["data"].clone(), list["models"].clone())
    };
    let theirs = |id: &str| json!({ "id": id, "owned_by": "them" });

    let (of_a, of_b) = (list(&["a1", "both", "other"]), list(&["b1", "both", "a1"]));
    let (all, asked, _) =
        tokio::join!(listed(world.request()), world.upstream.answer(&of_a), other.answer(&of_b));
    assert_eq!(all.0, json!([theirs("a1"), theirs("both"), theirs("b1")]));
    assert_eq!(all.1, json!([{ "slug": "a1", "x": 1 }, { "slug": "b1", "x": 1 }]));
    assert!(asked.head.starts_with("GET /v1/models?client_version=0.169.0 HTTP/1.1\r\n"));
    assert_eq!(asked.header("authorization"), [format!("Bearer {}", crate::world::UPSTREAM_KEY)]);

    let european = listed(with(&world, "data_policy", json!({ "residency": "eu" }))).await;
    assert_eq!(
        european.0,
        json!([theirs("b1"), theirs("both"), theirs("a1")]),
        "remembered, and only what b answers"
    );
    assert!(world.upstream.saw_nothing() && other.saw_nothing());
}

#[tokio::test]
async fn a_decision_is_explained_by_the_name_that_its_answer_carries_and_holds_nothing_of_what_was_said() {
    let data = tempfile::tempdir().unwrap();
    let upstreams = format!("[upstream.plain]\nurl = 'demo'\n{ONE}\nmodels = ['m']");
    let policy = "default = 'allow'\n\
                  [[rule]]\nname = 'no big'\nwhen = { models = ['big'] }\noutcome = 'deny'\nmessage = 'Too big'";
    let mut world = World::ruled(&upstreams, policy, Some(data.path())).await;
    let zero = || with(&world, "data_policy", json!({ "retention": "zero" }));
    let body = r#"{"model":"m","input":"canary"}"#;

    let (allowed, _) = tokio::join!(
        world.send(zero().header("x-note", "canary").uri("/v1/responses?q=canary"), body),
        world.upstream.answer(OK)
    );
    let refused = world.send(zero(), r#"{"model":"big","input":"canary"}"#).await;
    let uncompliant = world.send(zero(), r#"{"model":"x"}"#).await;
    world.stop();
    world.stopped().await;

    let told = |answer: &crate::world::Answer| {
        explain(data.path(), answer.headers["x-request-id"].to_str().unwrap()).unwrap().unwrap()
    };
    let head = |id: u8| {
        format!(
            "request    0000000000000000{id:08x}\nwhen       1800000000 (Unix time)\n\
             who        u-1 of workspace w-1, with an access_token\nscope      openid\ndata       retention zero\n"
        )
    };
    assert_eq!(
        told(&allowed),
        head(1)
            + "what       POST responses, m\noutcome    allowed by `default`\nupstream   one\n\
               not        plain: does not promise retention `zero`\n"
    );
    assert_eq!(
        told(&refused),
        head(2)
            + "what       POST responses, big\noutcome    refused by `no big`: policy_denied\n           Too big\n"
    );
    assert!(told(&uncompliant).contains(
        "refused by `upstreams`: no_compliant_upstream\n           No upstream of this gateway that serves the model `x` promises \
         what your workspace demands of your data: retention `zero`."
    ));
    assert_eq!(explain(data.path(), "unknown").unwrap(), None);
    for file in std::fs::read_dir(data.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}

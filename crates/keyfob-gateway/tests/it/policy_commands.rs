//! `policy test`, `policy diff` and `explain`, as an administrator runs them.

use crate::world::{World, soon};
use std::path::{Path, PathBuf};
use std::process::Output;
use tokio::process::Command;

const POLICY: &str = "default = 'deny'\nmessage = 'Ask the platform team'\n\
                      [[rule]]\nname = 'small'\nwhen = { models = ['*-mini'] }\noutcome = 'allow'\n\
                      [[data]]\nname = 'zero'\nwhen = { retention = ['zero'] }\nstore = 'forbid'\n";
const CASES: &str = "[[case]]\nname = 'small models are for everybody'\ncaller = { workspace = 'w-1', retention = 'zero' }\n\
                     request = { method = 'POST', path = '/v1/responses', model = 'gpt-mini' }\n\
                     expect = { outcome = 'allow', rule = 'small', store = 'forbid' }\n\
                     [[case]]\nname = 'big ones are for nobody'\ncaller = { credential = 'api_key' }\n\
                     request = { method = 'POST', path = '/v1/chat/completions', model = 'gpt' }\n\
                     expect = { outcome = 'deny', rule = 'default', code = 'policy_denied', message = 'Ask the platform team' }\n";

async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob-gateway"));
    let Output { status, stdout, stderr } = soon(command.args(arguments).output()).await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Puts a file into `folder`.
fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    path
}

#[tokio::test]
async fn cases_are_put_to_a_policy_and_what_differs_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let policy = put(folder.path(), "policy.toml", POLICY);
    let good = put(folder.path(), "good.toml", CASES);
    let bad =
        put(folder.path(), "bad.toml", &CASES.replace("'gpt-mini'", "'gpt'").replace("'default'", "'small'"));
    let policy = ["--policy", policy.to_str().unwrap()];

    let told = run(&["policy", "test", good.to_str().unwrap(), policy[0], policy[1]]).await;
    let good =
        "ok    small models are for everybody\nok    big ones are for nobody\n2 cases, 0 not as expected\n";
    assert_eq!(told, (Some(0), good.into(), String::new()));

    let told = run(&["policy", "test", bad.to_str().unwrap(), policy[0], policy[1]]).await;
    let differs = "FAIL  small models are for everybody\n        outcome: expected `allow`, was `deny`\n        rule: expected \
                   `small`, was `default`\nFAIL  big ones are for nobody\n        rule: expected `small`, was `default`\n2 \
                   cases, 2 not as expected\n";
    assert_eq!(told, (Some(1), differs.into(), String::new()));
}

#[tokio::test]
async fn s_04_cases_are_put_to_the_upstreams_of_a_configuration_whose_keys_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "policy.toml", POLICY);
    let upstreams = "policy = 'policy.toml'\nlisten = '127.0.0.1:1'\n\
                     [upstream.plain]\nurl = 'https://a.test/v1'\nkey_file = '/nowhere'\n\
                     [upstream.zero]\nurl = 'https://b.test/v1'\nretention = ['zero']\n";
    let config = put(folder.path(), "gateway.toml", upstreams);
    let cases = CASES.replace("store = 'forbid' }", "store = 'forbid', upstream = 'zero' }")
        + "[[case]]\nname = 'nobody is in the eu'\ncaller = { residency = 'eu' }\n\
           request = { method = 'POST', path = '/v1/responses', model = 'x-mini' }\n\
           expect = { outcome = 'deny', rule = 'upstreams', code = 'no_compliant_upstream' }\n";
    let cases = put(folder.path(), "cases.toml", &cases);

    let told = run(&["policy", "test", cases.to_str().unwrap(), "--config", config.to_str().unwrap()]).await;

    assert_eq!((told.0, told.2.as_str()), (Some(0), ""), "{}", told.1);
    assert!(told.1.ends_with("3 cases, 0 not as expected\n"), "{}", told.1);
}

#[tokio::test]
async fn a_policy_with_an_unknown_key_stops_the_start_and_says_where_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let policy =
        put(folder.path(), "policy.toml", "default = 'allow'\n[[rule]]\nnaem = 'x'\noutcome = 'allow'\n");
    let (policy, said) = (
        policy.to_str().unwrap(),
        format!(
            "keyfob-gateway: error: {}:3:1: `naem` is no key here; the nearest known one is `name`\n",
            policy.display()
        ),
    );

    let edge = ["edge", "--listen", "127.0.0.1:0", "--issuer", "https://id.test", "--upstream", "demo"];
    let started = run(&[&edge[..], &["--policy", policy]].concat()).await;

    assert_eq!(started, (Some(2), String::new(), said));
}

#[tokio::test]
async fn another_policy_is_laid_beside_what_was_decided_and_lists_exactly_who_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ruled("[upstream.a]\nurl = 'demo'", POLICY, Some(folder.path())).await;
    let first = world.send(world.request(), r#"{"model":"a-mini"}"#).await;
    for body in
        [r#"{"model":"a-mini"}"#, r#"{"model":"b-mini"}"#, r#"{"model":"big"}"#, r#"{"model":"other"}"#]
    {
        world.send(world.request(), body).await;
    }
    world.stop();
    world.stopped().await;
    let changed = POLICY.replace("'*-mini'", "'b-mini', 'big'").replace("'small'", "'chosen'");
    let (same, changed) =
        (put(folder.path(), "same.toml", POLICY), put(folder.path(), "changed.toml", &changed));
    let data = folder.path().to_str().unwrap();
    let diff = async |policy: &Path| {
        run(&["policy", "diff", "--policy", policy.to_str().unwrap(), "--data", data, "--since", "36500"])
            .await
    };

    let nothing = "Of 5 recorded requests, 0 would newly be refused and 0 newly be allowed\n";
    assert_eq!(diff(&same).await, (Some(0), nothing.into(), String::new()));
    let both = "Of 5 recorded requests, 2 would newly be refused and 1 newly be allowed\n\
                - 2 × u-1 of w-1 (access_token): POST responses a-mini, by `default`\n\
                + 1 × u-1 of w-1 (access_token): POST responses big, by `chosen`\n";
    assert_eq!(diff(&changed).await, (Some(1), both.into(), String::new()));

    let id = first.headers["x-request-id"].to_str().unwrap();
    let (code, told, _) = run(&["explain", id, "--data", data]).await;
    assert_eq!(code, Some(0));
    assert!(told.contains("outcome    allowed by `small`\nupstream   a\n"), "{told}");
    let (code, told, said) = run(&["explain", "x", "--data", data]).await;
    assert_eq!((code, told.as_str()), (Some(2), ""));
    assert!(said.starts_with("keyfob-gateway: error: no decision is kept about \"x\""), "{said}");
}

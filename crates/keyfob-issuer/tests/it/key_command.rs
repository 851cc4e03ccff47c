//! `keyfob-issuer token`, `key` and `resource-server`, on the host of a serving issuer.

use crate::command::run;
use crate::world::{OWNER, PASSWORD, World};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Output;

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_lists_and_revokes_a_token_on_the_host() {
    let world = World::start().await;
    let data = world.data.path();
    let who_am_i = async |token: &str| {
        world.browser().call(Method::GET, keyfob_codex::who_am_i::PATH, token, None).await
    };

    // The program reads the real clock, which is some way behind that of the tests.
    let create = ["token", "create", "--email", OWNER, "--label", "ci", "--days", "365"];
    let token = printed(&run(data, &create, ""));
    let token = token.trim_end();
    assert_eq!(who_am_i(token).await.json()["email"], OWNER);

    let listed = printed(&run(data, &["token", "list"], ""));
    let mut columns = listed.trim_end().split('\t');
    let id = columns.next().unwrap().to_owned();
    let ending = format!("…{}", token.get(token.len() - 4..).unwrap());
    assert_eq!(columns.take(3).collect::<Vec<_>>(), [&*ending, OWNER, "ci"]);
    assert_eq!(printed(&run(data, &["key", "list"], "")), "");

    let other_kind = refused(&run(data, &["key", "revoke", &id], ""));
    assert!(other_kind.contains(&format!("there is no api key {id} to revoke")), "{other_kind}");
    printed(&run(data, &["token", "revoke", &id], ""));
    assert_eq!(who_am_i(token).await.status, 401);
    assert_eq!(printed(&run(data, &["token", "list"], "")), "");
    let nobody = ["token", "create", "--email", "nobody@example.org", "--label", "ci"];
    assert!(refused(&run(data, &nobody, "")).contains("no user has the address nobody@example.org"));
}

#[test]
fn an_api_key_lasts_unless_days_are_named_and_a_year_is_the_most() {
    let data = tempfile::tempdir().unwrap();
    let init = ["init", "--url", "http://localhost:1", "--owner", OWNER];
    printed(&run(data.path(), &init, "correct horse battery\n"));
    let create = |days: &[&str]| {
        let mut arguments = vec!["key", "create", "--email", OWNER, "--label", "ci", "--model", "small"];
        arguments.extend(days);
        run(data.path(), &arguments, "")
    };

    assert!(printed(&create(&[])).starts_with("sk-kf-"));
    assert!(printed(&run(data.path(), &["key", "list"], "")).contains("\tlasting\tnever used"));
    assert!(refused(&create(&["--days", "366"])).contains("no key lives longer than a year"));
}

#[test]
fn a_resource_server_is_registered_listed_and_removed() {
    let data = tempfile::tempdir().unwrap();
    let init = ["init", "--url", "http://localhost:1", "--owner", OWNER];
    printed(&run(data.path(), &init, "correct horse battery\n"));
    let server = |arguments: &[&str]| run(data.path(), &[&["resource-server"], arguments].concat(), "");

    assert!(printed(&server(&["add", "gateway"])).starts_with("kfs_"));
    printed(&server(&["add", "other", "--audience", "https://other.example"]));
    let listed = "gateway\thttp://localhost:1\nother\thttps://other.example\n";
    assert_eq!(printed(&server(&["list"])), listed);
    assert!(refused(&server(&["add", "gateway"])).contains("exists already"));
    assert!(refused(&server(&["add", "Gate way"])).contains("is no name of a resource server"));
    printed(&server(&["remove", "other"]));
    assert!(refused(&server(&["remove", "other"])).contains("there is no resource server other"));
}

/// Runs a command with JSON as its output.
fn told(data: &std::path::Path, arguments: &[&str], input: &str) -> Value {
    let told = printed(&run(data, &[arguments, &["--output", "json"]].concat(), input));
    serde_json::from_str(&told).unwrap()
}

#[test]
fn what_commands_of_the_host_print_can_be_read_by_programs() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("issuer");
    let init = ["init", "--url", "http://localhost:1", "--owner", OWNER];
    assert!(run(&data, &init, PASSWORD).status.success());

    let zoe = "zoe@example.org";
    let added = told(&data, &["user", "add", "--unverified", "--email", zoe], PASSWORD);
    assert_eq!(added, json!({ "schema": 1, "email": zoe, "verified": false }));
    for (arguments, expected) in [
        (&["user", "verify", zoe][..], json!({ "schema": 1, "email": zoe, "verified": true })),
        (&["user", "mfa", zoe, "always"], json!({ "schema": 1, "email": zoe, "mfa": "always" })),
        (&["user", "status", zoe, "locked"], json!({ "schema": 1, "email": zoe, "status": "locked" })),
        (&["user", "reset-factors", zoe], json!({ "schema": 1, "email": zoe, "second_factor": false })),
    ] {
        assert_eq!(told(&data, arguments, ""), expected);
    }
    let link = told(&data, &["user", "reset-link", zoe], "");
    assert!(link["link"].as_str().unwrap().starts_with("http://localhost:1/reset/"), "{link}");
    let users = told(&data, &["user", "list"], "");
    let listed = users["users"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[1]["email"], &listed[1]["status"], &listed[1]["verified"]),
        (&json!(zoe), &json!("locked"), &json!(true))
    );

    let create = ["token", "create", "--email", OWNER, "--label", "ci", "--model", "small"];
    let made = told(&data, &create, "");
    let mut listed = told(&data, &["token", "list"], "")["keys"][0].clone();
    assert!(made["secret"].as_str().unwrap().ends_with(listed["ending"].as_str().unwrap()), "{made}");
    listed["secret"] = made["secret"].clone();
    listed["schema"] = json!(1);
    assert_eq!(made, listed);
    assert_eq!((&made["models"], &made["kind"]), (&json!(["small"]), &json!("personal_access_token")));
    let id = made["id"].as_str().unwrap();
    assert_eq!(told(&data, &["token", "revoke", id], ""), json!({ "schema": 1, "id": id, "revoked": true }));
    assert_eq!(told(&data, &["token", "list"], ""), json!({ "schema": 1, "keys": [] }));

    let server = told(&data, &["resource-server", "add", "gateway"], "");
    assert!(server["secret"].as_str().unwrap().starts_with("kfs_"), "{server}");
    let servers = told(&data, &["resource-server", "list"], "");
    let expected = json!([{ "name": "gateway", "audience": "http://localhost:1" }]);
    assert_eq!(servers, json!({ "schema": 1, "resource_servers": expected }));
    let removed = told(&data, &["resource-server", "remove", "gateway"], "");
    assert_eq!(removed, json!({ "schema": 1, "name": "gateway", "removed": true }));
}

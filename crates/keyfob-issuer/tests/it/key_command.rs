//! `keyfob-issuer token`, `key` and `resource-server`, on the host of a serving issuer.

use crate::command::run;
use crate::world::{OWNER, World};
use reqwest::Method;
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

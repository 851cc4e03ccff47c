//! `keyfob-issuer workspace` and `user status`, on the host of a serving issuer.

use crate::command::run;
use crate::world::{OWNER, PASSWORD, World};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs `workspace …` with JSON as its output.
fn asked(data: &Path, arguments: &[&str]) -> Value {
    let json = [&["workspace"], arguments, &["--output", "json"]].concat();
    serde_json::from_str(&printed(&run(data, &json, ""))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_a_workspace_and_says_who_is_in_it_and_what_holds_there() {
    let world = World::start().await;
    let data = world.data.path();
    printed(&run(data, &["user", "add", "--email", "zoe@example.org"], PASSWORD));

    let rehearsed = run(data, &["workspace", "add", "--owner", OWNER, "--dry-run", "Blue"], "");
    assert!(String::from_utf8_lossy(&rehearsed.stderr).contains("(not done: --dry-run)"), "{rehearsed:?}");
    assert_eq!(asked(data, &["list"])["workspaces"].as_array().unwrap().len(), 2, "the personal ones");
    let id = printed(&run(data, &["workspace", "add", "--owner", OWNER, "Blue"], ""));
    let id = id.trim_end();
    let blue = json!({ "id": id, "kind": "shared", "name": "Blue" });
    assert!(asked(data, &["list"])["workspaces"].as_array().unwrap().contains(&blue));

    printed(&run(data, &["workspace", "member", id, "zoe@example.org", "--role", "admin"], ""));
    printed(&run(data, &["workspace", "member", id, "zoe@example.org", "--remove", "--dry-run"], ""));
    let link = asked(data, &["invite", id, "new@example.org", "--role", "owner"]);
    assert!(link["link"].as_str().unwrap().starts_with(&format!("{}/invite/", world.base)), "{link}");
    let policy = ["policy", id, "mfa=always", "session_length=8h"];
    assert_eq!(asked(data, &[&policy[..], &["--dry-run"]].concat())["settings"]["mfa"], "always");
    assert_eq!(asked(data, &["policy", id])["settings"]["mfa"], "cloud", "it was a rehearsal");
    assert_eq!(asked(data, &policy)["settings"]["session_length"], "8h");

    let view = asked(data, &["show", id]);
    assert_eq!(
        (&view["schema"], &view["workspace"], &view["settings"]["mfa"]),
        (&json!(1), &blue, &json!("always"))
    );
    let of = |member: &Value| [member["email"].clone(), member["role"].clone(), member["status"].clone()];
    let members: Vec<_> = view["members"].as_array().unwrap().iter().map(of).collect();
    let expected = [[OWNER, "owner", "active"], ["zoe@example.org", "admin", "active"]];
    assert_eq!(members, expected.map(|member| member.map(Value::from)));
    assert_eq!(view["invitations"][0]["email"], "new@example.org");
    let shown = printed(&run(data, &["workspace", "show", id], ""));
    assert!(
        shown.contains("mfa=always\n") && shown.contains("member\tzoe@example.org\tadmin\tactive\n"),
        "{shown}"
    );
    printed(&run(data, &["workspace", "member", id, "zoe@example.org", "--remove"], ""));
    assert_eq!(asked(data, &["show", id])["members"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_cannot_do_to_a_workspace_is_said_with_what_would_do() {
    let world = World::start().await;
    let data = world.data.path();
    let id = printed(&run(data, &["workspace", "add", "--owner", OWNER, "Blue"], ""));
    let id = id.trim_end();
    let personal = world.query("SELECT id FROM workspaces WHERE personal_of IS NOT NULL").await.remove(0);

    for (arguments, reason) in [
        (&["add", "--owner", "nobody@example.org", "Red"][..], "nobody has the address nobody@example.org"),
        (&["show", "never"], "there is no workspace never"),
        (&["member", id, OWNER, "--remove"], "the workspace needs another owner first"),
        (&["member", id, OWNER, "--role", "member"], "the workspace needs another owner first"),
        (&["member", id, "zoe@example.org", "--remove"], "zoe@example.org is not a member"),
        (&["member", &personal, OWNER, "--role", "admin"], "a personal workspace has no other members"),
        (&["invite", id, OWNER], "mia@example.org is a member already"),
        (&["policy", id, "mfa=never"], "`mfa` is not `never`; it is cloud or always"),
        (&["policy", id, "mfa"], "mfa: not SETTING=VALUE"),
        (&["policy", id, "methods=sso"], "nobody could sign in"),
        (&["policy", id, "colour=blue"], "there is no setting `colour`; there are name, methods"),
    ] {
        let said = refused(&run(data, &[&["workspace"], arguments].concat(), ""));
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    let usage = run(data, &["workspace", "member", id, OWNER], "");
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_32_what_a_locked_account_has_rests_and_what_a_disabled_one_had_is_over() {
    let world = World::start().await;
    let data = world.data.path();
    let tokens = world.tokens().await;
    let set = |status: &str| printed(&run(data, &["user", "status", OWNER, status], ""));

    set("locked");
    let refused = world.refresh(&tokens.refresh).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("The account is locked"), "{}", refused.body);
    assert!(printed(&run(data, &["user", "list"], "")).ends_with("\tlocked\n"));
    set("active");
    let refreshed = world.refresh(&tokens.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);

    set("disabled");
    set("active");
    let next = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.refresh(&next).await.status, 400);
    let unknown = run(data, &["user", "status", "nobody@example.org", "locked"], "");
    assert_eq!(unknown.status.code(), Some(1));
}

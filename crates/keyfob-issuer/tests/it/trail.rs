//! Whatever changes something leaves one entry in the audit trail: every route and every command of the host has a line in
//! the tables here, and one without fails (I-71, I-77).

use crate::administration::{Blue, ZOE, enrol_as};
use crate::browser::Answer;
use crate::command::run;
use crate::people::other_tokens;
use crate::world::{Kept, OWNER, PASSWORD, World, on_both};
use keyfob_issuer_core::workspace::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Routes that change something, each with what the trail tells of it; without words, nothing that matters to security.
const ROUTES: [(&str, &[&str]); 45] = [
    ("POST /oauth/authorize", &[]),
    ("POST /interaction/{grant}/confirm", &["grant.decide"]),
    ("POST /interaction/{grant}/workspace", &[]),
    ("POST /codex/device", &["device.guesses_spent"]),
    ("POST /codex/device/approve", &["device.decide", "device.guesses_spent"]),
    ("POST /account/recovery-codes", &["factor.renew_codes"]),
    ("POST /account/device-codes", &["user.device_codes"]),
    ("POST /account/sessions/end-all", &["session.end_all"]),
    ("POST /account/sessions/{id}/name", &[]),
    ("POST /account/sessions/{id}/end", &["session.end"]),
    ("POST /account/keys", &["key.make"]),
    ("POST /account/keys/{id}/end", &["key.end"]),
    ("POST /account/password", &["password.change"]),
    ("POST /account/email", &["email.ask"]),
    ("POST /email/{token}", &["email.verify"]),
    ("POST /email-undo/{token}", &["email.undo"]),
    ("POST /join/password", &["workspace.join"]),
    ("POST /join/accept", &["workspace.join"]),
    ("POST /workspaces/{id}", &ADMINISTRATION),
    ("POST /forgot", &["password.reset_link"]),
    ("POST /reset/{token}", &["password.reset"]),
    ("POST /undo/{token}", &["device.take_back"]),
    (
        "POST /oauth/token",
        &[
            "session.begin",
            "session.token_reuse",
            "session.hand_on",
            "session.hand_over",
            "workload.let_in",
            "key.exchange",
        ],
    ),
    ("POST /oauth/device_authorization", &[]),
    ("POST /oauth/refresh/ack", &[]),
    ("POST /oauth/revoke", &["session.end", "key.end"]),
    ("DELETE /api/sessions", &["session.end_all"]),
    ("PATCH /api/sessions/{id}", &[]),
    ("DELETE /api/sessions/{id}", &["session.end"]),
    ("POST /oauth/introspect", &[]),
    ("POST /api/keys", &["key.make"]),
    ("DELETE /api/keys/{id}", &["key.end"]),
    ("PATCH /api/admin", &["workspace.settings"]),
    ("PATCH /api/admin/members/{subject}", &["workspace.role"]),
    ("DELETE /api/admin/members/{subject}", &["workspace.remove"]),
    ("POST /api/admin/invitations", &["workspace.invite"]),
    ("DELETE /api/admin/invitations/{id}", &["workspace.take_back"]),
    ("POST /api/accounts/deviceauth/usercode", &[]),
    ("POST /api/accounts/deviceauth/token", &[]),
    ("POST /oauth/userinfo", &[]),
    ("POST /oauth/logout", &["sign_in.sign_out"]),
    // The steps of a sign-in, the same at every place.
    ("POST …/sign-in", &["sign_in.password"]),
    ("POST …/second-factor", &["sign_in.second_factor"]),
    ("POST …/set-up", &["factor.set_up"]),
    ("POST …/sign-out", &["sign_in.sign_out"]),
];

/// What administrators do to a workspace.
const ADMINISTRATION: [&str; 5] =
    ["workspace.settings", "workspace.invite", "workspace.take_back", "workspace.role", "workspace.remove"];

/// Returns the routes that take another method than GET.
async fn changing_routes(world: &World) -> BTreeSet<String> {
    let steps = ["/sign-in", "/second-factor", "/set-up", "/sign-out"];
    let (mut found, mut browser) = (BTreeSet::new(), world.browser());
    for path in keyfob_issuer::paths() {
        let step = steps.iter().find(|step| path.ends_with(*step));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let status = browser.call(method.clone(), &path.replace(['{', '}'], ""), "x", None).await.status;
            if status != 405 {
                let shown = step.map_or(path.clone(), |step| format!("…{step}"));
                found.insert(format!("{method} {shown}"));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn i_71_every_route_that_changes_something_says_what_the_trail_tells_of_it() {
    let world = World::start().await;
    let known: BTreeSet<String> = ROUTES.iter().map(|(route, _)| (*route).to_owned()).collect();

    assert_eq!(changing_routes(&world).await, known);
    let words: BTreeSet<&str> =
        keyfob_issuer_core::audit::Action::ALL.iter().map(|action| action.as_str()).collect();
    for (route, told) in ROUTES {
        assert!(told.iter().all(|word| words.contains(word)), "{route}: {told:?}");
    }
}

pub(crate) async fn entries(world: &World) -> Vec<Value> {
    let entries = world.query("SELECT entry FROM audit_entries ORDER BY sequence").await;
    entries.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect()
}

/// Returns the entries since `before`, as who did what to whom in which workspace; each is the answer's own.
fn told(entries: &[Value], answer: &Answer) -> Vec<Value> {
    let request = answer.headers["x-request-id"].to_str().unwrap();
    let told = |entry: &Value| {
        assert_eq!((&entry["address"], &entry["request"]), (&json!("127.0.0.1"), &json!(request)), "{entry}");
        let members = ["action", "outcome", "actor", "subject", "about", "detail"];
        json!(members.map(|member| entry[member].clone()))
    };
    entries.iter().map(told).collect()
}

/// Returns an entry of something that Mia did to `subject` in the workspace Blue.
fn done(blue: &Blue, owner: &str, action: &str, subject: Option<&str>, detail: Option<&str>) -> Value {
    json!([action, "done", owner, subject, blue.id.as_str(), detail])
}

on_both!(i_71_every_change_by_the_interface_of_administrators_leaves_one_audit_row);
async fn i_71_every_change_by_the_interface_of_administrators_leaves_one_audit_row(kept: Kept) {
    let blue = Blue::keeping(kept).await;
    other_tokens(&blue.world).await;
    enrol_as(&blue.world, &blue.id, ZOE, Role::Member).await;
    let people = blue.world.query("SELECT subject FROM users ORDER BY email").await;
    let [owner, zoe] = [&people[0], &people[1]];
    let zoes = format!("/api/admin/members/{zoe}");
    let invited = json!({ "email": "a@example.org", "role": "admin" });
    let call = async |method: Method, path: &str, body: Option<&Value>| {
        let before = entries(&blue.world).await.len();
        let answer = blue.call(method, path, body).await;
        assert!(answer.status < 300, "{path}: {}", answer.body);
        (told(&entries(&blue.world).await[before..], &answer), answer)
    };

    let settings = json!({ "mfa": "always", "name": "Green", "session_length": "8h" });
    let (changed, _) = call(Method::PATCH, "/api/admin", Some(&settings)).await;
    let (asked, answer) = call(Method::POST, "/api/admin/invitations", Some(&invited)).await;
    let invitation = answer.json()["id"].as_str().unwrap().to_owned();
    let (withdrawn, _) = call(Method::DELETE, &format!("/api/admin/invitations/{invitation}"), None).await;
    let (promoted, _) = call(Method::PATCH, &zoes, Some(&json!({ "role": "admin" }))).await;
    let (removed, _) = call(Method::DELETE, &zoes, None).await;
    let (nothing, _) = call(Method::PATCH, "/api/admin", Some(&json!({}))).await;

    let of = |action: &str, subject: Option<&str>, detail: Option<&str>| {
        vec![done(&blue, owner, action, subject, detail)]
    };
    assert_eq!(changed, of("workspace.settings", None, Some("name, mfa=always, session_length=8h")));
    let invite = format!("{invitation} as admin");
    assert_eq!(asked, of("workspace.invite", None, Some(&invite)));
    assert_eq!(withdrawn, of("workspace.take_back", None, Some(&invitation)));
    assert_eq!(promoted, of("workspace.role", Some(zoe), Some("admin")));
    assert_eq!(removed, of("workspace.remove", Some(zoe), None));
    assert_eq!(nothing, Vec::<Value>::new(), "nothing was changed");
}

on_both!(i_71_every_change_on_the_page_of_a_workspace_leaves_one_audit_row_and_a_refused_one_none);
async fn i_71_every_change_on_the_page_of_a_workspace_leaves_one_audit_row_and_a_refused_one_none(
    kept: Kept,
) {
    let mut blue = Blue::keeping(kept).await;
    other_tokens(&blue.world).await;
    enrol_as(&blue.world, &blue.id, ZOE, Role::Member).await;
    let people = blue.world.query("SELECT subject FROM users ORDER BY email").await;
    let [owner, zoe] = [&people[0], &people[1]];
    let path = format!("/workspaces/{}", blue.id);
    let csrf = blue.browser.get(&path).await.csrf();
    let mut send = async |form: &[(&str, &str)], status: u16| {
        let before = entries(&blue.world).await.len();
        let answer = blue.browser.post(&path, &[&[("csrf", &*csrf)], form].concat()).await;
        assert_eq!(answer.status, status, "{form:?}: {}", answer.body);
        told(&entries(&blue.world).await[before..], &answer)
    };

    let changed = send(&[("change", "settings"), ("mfa", "always")], 303).await;
    let asked = send(&[("change", "invite"), ("email", "a@example.org"), ("role", "member")], 303).await;
    let invitation = blue.world.query("SELECT id FROM invitations").await.remove(0);
    let withdrawn = send(&[("change", "take_back"), ("invitation", &invitation)], 303).await;
    let promoted = send(&[("change", "role"), ("member", zoe), ("role", "owner")], 303).await;
    let removed = send(&[("change", "remove"), ("member", zoe)], 303).await;
    let refused = [
        send(&[("change", "remove"), ("member", owner)], 409).await,
        send(&[("change", "role"), ("member", owner), ("role", "member")], 409).await,
        send(&[("change", "settings"), ("methods", "sso")], 409).await,
        send(&[("change", "take_back"), ("invitation", &invitation)], 404).await,
    ];

    let of = |action: &str, subject: Option<&str>, detail: Option<&str>| {
        vec![done(&blue, owner, action, subject, detail)]
    };
    assert_eq!(changed, of("workspace.settings", None, Some("mfa=always")));
    let invite = format!("{invitation} as member");
    assert_eq!(asked, of("workspace.invite", None, Some(&invite)));
    assert_eq!(withdrawn, of("workspace.take_back", None, Some(&invitation)));
    assert_eq!(promoted, of("workspace.role", Some(zoe), Some("owner")));
    assert_eq!(removed, of("workspace.remove", Some(zoe), None));
    assert_eq!(refused, [const { Vec::<Value>::new() }; 4]);
}

/// An issuer, and the commands that were run on its host.
struct Host {
    folder: tempfile::TempDir,
    run: BTreeSet<String>,
}

impl Host {
    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("issuer")
    }

    fn trail(&self) -> Vec<Value> {
        let listed = run(&self.data(), &["audit", "list", "--output", "json"], "");
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs `command` with `arguments`, which leaves `told` in the trail; returns what it prints first.
    fn does(&mut self, command: &str, arguments: &[&str], told: &[&str]) -> String {
        let before = self.trail().len();
        let words: Vec<&str> = command.split(' ').collect();
        let output = run(&self.data(), &[&words, arguments].concat(), PASSWORD);
        assert!(output.status.success(), "{command}: {output:?}");
        let entries = self.trail().split_off(before);
        let shown =
            |entry: &Value| (entry["action"].clone(), entry["actor"].clone(), entry["outcome"].clone());
        let expected = told.iter().map(|action| (json!(action), json!("host"), json!("done")));
        assert_eq!(entries.iter().map(shown).collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{command}");
        self.run.insert(command.to_owned());
        let printed = String::from_utf8(output.stdout).unwrap();
        printed.split(['\t', '\n']).next().unwrap().to_owned()
    }
}

/// Returns the commands below `command`, those with commands of their own taken apart.
fn commands(command: &str) -> BTreeSet<String> {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_keyfob-issuer"))
        .arg("help")
        .args(command.split(' ').filter(|word| !word.is_empty()))
        .output()
        .unwrap();
    let text = String::from_utf8(program.stdout).unwrap();
    let Some((_, listed)) = text.split_once("Commands:\n") else { return [command.trim().to_owned()].into() };
    let named = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let words = named.map(|line| line.split_whitespace().next().unwrap()).filter(|word| *word != "help");
    words.flat_map(|word| commands(format!("{command} {word}").trim())).collect()
}

#[test]
fn i_71_every_command_of_the_host_that_changes_something_leaves_one_audit_row() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup").display().to_string();
    let mut host = Host { folder, run: BTreeSet::new() };

    host.does("init", &["--url", "http://localhost:1", "--owner", OWNER], &["issuer.initialize", "user.add"]);
    host.does("user add", &["--email", ZOE], &["user.add"]);
    host.does("user verify", &[ZOE], &["email.vouch"]);
    host.does("user mfa", &[ZOE, "always"], &["workspace.mfa_policy"]);
    host.does("user reset-link", &[ZOE], &["password.reset_link"]);
    host.does("user reset-factors", &[ZOE], &["factor.take"]);
    host.does("user status", &[ZOE, "locked"], &["user.status"]);
    host.does("user list", &[], &[]);
    let blue = host.does("workspace add", &["--owner", OWNER, "Blue"], &["workspace.add"]);
    host.does("workspace add", &["--owner", OWNER, "Green", "--dry-run"], &[]);
    host.does("workspace member", &[&blue, ZOE, "--role", "admin"], &["workspace.enrol"]);
    host.does("workspace member", &[&blue, ZOE, "--role", "owner"], &["workspace.role"]);
    host.does("workspace member", &[&blue, ZOE, "--remove"], &["workspace.remove"]);
    host.does("workspace invite", &[&blue, "new@example.org"], &["workspace.invite"]);
    host.does("workspace policy", &[&blue, "mfa=always"], &["workspace.settings"]);
    host.does("workspace policy", &[&blue], &[]);
    host.does("workspace show", &[&blue], &[]);
    host.does("workspace list", &[], &[]);
    for kind in ["token", "key"] {
        host.does(&format!("{kind} create"), &["--email", OWNER, "--label", "a"], &["key.make"]);
        let id = host.does(&format!("{kind} list"), &[], &[]);
        host.does(&format!("{kind} revoke"), &[&id], &["key.end"]);
    }
    host.does("key rotate", &["--now"], &["signing_key.make"]);
    let key = host.does("signing-key list", &[], &[]);
    host.does("signing-key retire", &[&key], &["signing_key.drop"]);
    host.does("signing-key rotate", &["--dry-run"], &[]);
    host.does("resource-server add", &["gateway"], &["resource_server.add"]);
    host.does("resource-server list", &[], &[]);
    host.does("resource-server remove", &["gateway"], &["resource_server.remove"]);
    host.does("backup", &[&file], &["issuer.backup"]);
    host.does("recover", &[], &["account.recover"]);
    host.does("migrate", &[], &[]);
    host.does("config check", &[], &[]);
    host.does("audit list", &[], &[]);
    host.does("audit export", &[], &[]);
    let seal_key = host.data().join("seal.key").display().to_string();
    let restored = Host { folder: tempfile::tempdir().unwrap(), run: BTreeSet::new() };
    let output = run(&restored.data(), &["restore", "--seal-key", &seal_key, &file], "");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(restored.trail().last().unwrap()["action"], "issuer.restore");

    // `serve` is the issuer itself; the others only look.
    host.run.extend(["restore", "serve", "doctor", "audit verify"].map(str::to_owned));
    assert_eq!(commands(""), host.run);
}

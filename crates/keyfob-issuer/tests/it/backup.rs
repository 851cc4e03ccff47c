//! Backups: taken while the issuer serves, restored where there is none, and what they must not bring back.

use crate::app::enrol;
use crate::browser::Browser;
use crate::command::run;
use crate::rest::contains;
use crate::world::{Kept, OWNER, PASSWORD, START, TestEntropy, Tokens, World, on_both, refresh, write};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::access_key;
use keyfob_issuer::command::backup::backup;
use keyfob_issuer::command::restore::{RestoreError, Wish, look, restore};
use keyfob_issuer::config::DatabaseSettings;
use keyfob_issuer::{App, router, server};
use keyfob_issuer_core::access_key::{KeyKind, KeyLabel, Models};
use keyfob_issuer_core::operation::{Fate, NewKey, Settled};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_sql::DatabaseUrl;
use keyfob_testing::postgres;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// An issuer that is no more, its backup and its seal key.
struct Lost {
    world: World,
    folder: tempfile::TempDir,
}

impl Lost {
    async fn after_backup(world: World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup");
        backup(world.data.path(), &file, &*world.clock).await.unwrap();
        Self { world, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn wish(&self, sessions: Fate, keys: Fate) -> Wish {
        let seal_key = self.world.data.path().join("seal.key");
        Wish { backup: self.file(), seal_key, database: None, sessions, keys }
    }

    /// Restores it in a directory of its own, in a database of the kind `kept`, and lets it serve under its address.
    async fn restored(&self, wish: Wish, kept: Kept) -> (Restored, Settled) {
        let data = self.folder.path().join("restored");
        let server = kept.database();
        let url = server.as_ref().map_or("sqlite:issuer.db".to_owned(), postgres::Database::url);
        let database =
            DatabaseSettings { url: DatabaseUrl::parse(&url).unwrap(), ..DatabaseSettings::default() };
        let wish = Wish { database: Some(database), ..wish };
        let clock = Arc::clone(&self.world.clock);
        let (_, settled) = restore(&data, &wish, &*clock).await.unwrap();
        let app = Arc::new(App::open(&data, clock, Arc::new(TestEntropy)).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let host = self.world.base.strip_prefix("http://").unwrap().to_owned();
        tokio::spawn(async move {
            server::serve(vec![listener], &app.limits(), router(Arc::clone(&app)), std::future::pending())
                .await;
        });
        (Restored { base, host, data, _server: server }, settled)
    }
}

/// A restored issuer; it serves at another port, under the name that it always had.
struct Restored {
    base: String,
    host: String,
    data: PathBuf,
    _server: Option<postgres::Database>,
}

impl Restored {
    async fn refresh(&self, token: &str) -> crate::browser::Answer {
        let mut browser = Browser::new(&self.base);
        browser.post_form_with("/oauth/token", &[("host", &*self.host)], &refresh(CLIENT_ID, token)).await
    }

    async fn who_am_i(&self, key: &str) -> u16 {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}{}", self.base, keyfob_codex::who_am_i::PATH);
        let request = http.get(url).header("host", &self.host).bearer_auth(key);
        request.send().await.unwrap().status().as_u16()
    }
}

async fn key(world: &World) -> String {
    let new = NewKey {
        kind: KeyKind::Personal,
        label: KeyLabel::parse("ci").unwrap(),
        scope: None,
        models: Models::All,
        life: None,
    };
    let owner = Email::parse(OWNER).unwrap();
    let made = access_key::create(world.data.path(), owner, new, &*world.clock, &TestEntropy).await.unwrap();
    made.secret.expose().to_owned()
}

on_both!(i_84_a_backup_holds_no_secret_and_others_cannot_read_it);
async fn i_84_a_backup_holds_no_secret_and_others_cannot_read_it(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let next = Tokens::read(&world.refresh(&tokens.refresh).await);
    let mut browser = world.browser();
    let (app, codes) = enrol(&world, &mut browser).await;
    let key = key(&world).await;
    let seal_key = std::fs::read_to_string(world.data.path().join("seal.key")).unwrap();
    let lost = Lost::after_backup(world).await;

    let rest = std::fs::read(lost.file()).unwrap();

    assert!(contains(&rest, OWNER), "the scan finds what is there");
    let mut secrets = vec![PASSWORD.to_owned(), key, app.secret().to_owned(), seal_key.trim().to_owned()];
    secrets.extend([tokens.refresh, next.refresh, tokens.access, next.id]);
    secrets.extend(codes);
    secrets.extend(browser.cookies.values().cloned());
    for secret in secrets {
        assert!(!contains(&rest, &secret), "{secret}");
    }
    assert!(!contains(&rest, "PRIVATE KEY"));
    assert_eq!(std::fs::metadata(lost.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

on_both!(r_40_after_a_restore_nobody_is_taken_for_a_thief_and_who_was_signed_out_stays_so);
async fn r_40_after_a_restore_nobody_is_taken_for_a_thief_and_who_was_signed_out_stays_so(kept: Kept) {
    let world = World::keeping(kept).await;
    let (signed_out, idle) = (world.tokens().await, world.tokens().await);
    let revoked = key(&world).await;
    let lost = Lost::after_backup(world).await;
    lost.world
        .browser()
        .post("/oauth/revoke", &[("client_id", CLIENT_ID), ("token", &*signed_out.refresh)])
        .await;
    lost.world.browser().post("/oauth/revoke", &[("client_id", CLIENT_ID), ("token", &*revoked)]).await;
    lost.world.clock.advance(3_600);

    // Into the other kind of database, which is the harder case.
    let other = if lost.world.postgres.is_some() { Kept::InFile } else { Kept::OnServer };
    let (restored, settled) = lost.restored(lost.wish(Fate::Ends, Fate::Ends), other).await;

    assert_eq!(settled, Settled { sessions: 2, keys: 1 });
    for token in [signed_out.refresh, idle.refresh] {
        let refused = restored.refresh(&token).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &"refresh_token_invalidated".into()));
    }
    assert_eq!(restored.who_am_i(&revoked).await, 401);
    let verified = run(&restored.data, &["audit", "verify"], "");
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

on_both!(r_40_sessions_that_are_kept_go_on_where_nothing_was_spent_and_else_are_signed_in_again);
async fn r_40_sessions_that_are_kept_go_on_where_nothing_was_spent_and_else_are_signed_in_again(kept: Kept) {
    let world = World::keeping(kept).await;
    let (first, idle) = (world.tokens().await, world.tokens().await);
    let at_backup = Tokens::read(&world.refresh(&first.refresh).await);
    let key = key(&world).await;
    let lost = Lost::after_backup(world).await;
    let after = Tokens::read(&lost.world.refresh(&at_backup.refresh).await);
    lost.world.clock.advance(3_600);

    let (restored, settled) = lost.restored(lost.wish(Fate::GoesOn, Fate::GoesOn), kept).await;

    assert_eq!(settled, Settled::default());
    assert_eq!(restored.refresh(&idle.refresh).await.status, 200);
    assert_eq!(restored.who_am_i(&key).await, 200);
    // A token from before, and one from after the backup: a plain sign-in, no alarm, and nothing else ends.
    for token in [&first.refresh, &after.refresh] {
        let refused = restored.refresh(token).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &"refresh_token_invalidated".into()));
    }
    assert_eq!(restored.refresh(&at_backup.refresh).await.status, 200);
    let told = run(&restored.data, &["audit", "list", "--action", "session.token_reuse"], "");
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "");
}

on_both!(i_84_people_sign_in_to_a_restored_issuer_as_before);
async fn i_84_people_sign_in_to_a_restored_issuer_as_before(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let (app, _) = enrol(&world, &mut browser).await;
    let lost = Lost::after_backup(world).await;
    let (restored, _) = lost.restored(lost.wish(Fate::Ends, Fate::Ends), kept).await;

    let mut browser = Browser::new(&restored.base);
    let host = ("host", &*restored.host);
    let page = browser.get_with("/account", host).await;
    let form = [("csrf", &*page.csrf()), ("email", OWNER), ("password", PASSWORD)];
    let signed_in = browser.post_form_with("/account/sign-in", &[host], &form).await;
    let page = browser.get_with("/account", host).await;
    let code = app.code(&lost.world);
    let form = [("csrf", &*page.csrf()), ("answer", &*code)];
    let proven = browser.post_form_with("/account/second-factor", &[host], &form).await;

    assert_eq!((signed_in.status, proven.status), (303, 303));
    assert!(browser.get_with("/account", host).await.body.contains("id=\"account\""));
}

async fn refusal(wish: &Wish, data: &Path) -> String {
    let error = restore(data, wish, &Start).await.unwrap_err();
    let told = match &error {
        RestoreError::Invalid { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    assert!(!data.join("issuer.toml").exists(), "{told}");
    assert_eq!(look(data, wish).unwrap_err().to_string(), error.to_string());
    told
}

#[derive(Debug)]
struct Start;

impl keyfob_oauth::Clock for Start {
    fn now(&self) -> keyfob_oauth::Timestamp {
        keyfob_oauth::Timestamp::from_unix(START)
    }
}

#[tokio::test]
async fn i_84_without_the_seal_key_or_with_a_change_nothing_is_restored() {
    let lost = Lost::after_backup(World::start().await).await;
    let data = lost.folder.path().join("restored");
    let wish = || lost.wish(Fate::Ends, Fate::Ends);
    let edit = |name: &str, edit: &dyn Fn(String) -> String| {
        let path = lost.folder.path().join(name);
        let text = edit(std::fs::read_to_string(lost.file()).unwrap());
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();
        Wish { backup: path, ..wish() }
    };
    let other = World::start().await;

    let missing = Wish { seal_key: lost.folder.path().join("nothing"), ..wish() };
    assert!(refusal(&missing, &data).await.starts_with("cannot read "));
    let wrong = Wish { seal_key: other.data.path().join("seal.key"), ..wish() };
    let changed = "it was changed, or the seal key is not that of the issuer which made it";
    assert_eq!(refusal(&wrong, &data).await, changed);
    let edited = edit("edited", &|text| text.replace(OWNER, "eve@example.org"));
    assert_eq!(refusal(&edited, &data).await, changed);
    let cut = edit("cut", &|text| text.lines().take(9).collect::<Vec<_>>().join("\n"));
    assert_eq!(refusal(&cut, &data).await, "it has no last line: it was cut off");
    let foreign = edit("foreign", &|_| "CREATE TABLE users;\n".to_owned());
    assert_eq!(refusal(&foreign, &data).await, "it is no backup of a keyfob-issuer");
    let newer = edit("newer", &|text| text.replace("\"keyfob_backup\":1", "\"keyfob_backup\":2"));
    assert_eq!(refusal(&newer, &data).await, "it is a backup of form 2, and this program reads form 1");
    assert!(restore(&data, &wish(), &Start).await.is_ok(), "nothing of all that was left behind");
    let twice = restore(&data, &wish(), &Start).await.unwrap_err();
    assert!(twice.to_string().ends_with("holds an issuer already"), "{twice}");
}

on_both!(a_backup_under_load_is_of_one_moment);
async fn a_backup_under_load_is_of_one_moment(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut login = world.tokens().await.refresh;
    let folder = tempfile::tempdir().unwrap();
    let (data, clock) = (world.data.path().to_owned(), Arc::clone(&world.clock));
    let file = folder.path().join("backup");
    let written = tokio::spawn(async move { backup(&data, &file, &*clock).await });
    let mut rotations = 0;
    while !written.is_finished() || rotations < 5 {
        login = Tokens::read(&world.refresh(&login).await).refresh;
        rotations += 1;
    }
    written.await.unwrap().unwrap();

    let lost = Lost { world, folder };
    let (restored, _) = lost.restored(lost.wish(Fate::GoesOn, Fate::GoesOn), kept).await;
    let checked = run(&restored.data, &["doctor", "--output", "json"], "");
    let told: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), &told["healthy"]), (Some(0), &true.into()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_restore_and_migrate_say_what_they_do_and_do_nothing_twice() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let file = file.to_str().unwrap();
    let seal_key = world.data.path().join("seal.key");
    let seal_key = seal_key.to_str().unwrap();
    let restored = folder.path().join("restored");
    let json = |output: std::process::Output| -> serde_json::Value {
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };

    let made = json(run(world.data.path(), &["backup", file, "--output", "json"], ""));
    assert!(made["rows"].as_u64().unwrap() > 5, "{made}");
    let again = run(world.data.path(), &["backup", file], "");
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");
    let told = run(world.data.path(), &["audit", "list", "--action", "issuer.backup"], "");
    assert_eq!(String::from_utf8(told.stdout).unwrap().lines().count(), 1);
    let wish = ["restore", "--seal-key", seal_key, file, "--output", "json"];
    let looked = json(run(&restored, &[&wish[..], &["--dry-run"]].concat(), ""));
    assert_eq!((&looked["rows"], restored.exists()), (&made["rows"], false));
    let done = json(run(&restored, &wish, ""));
    assert_eq!((&done["rows"], &done["sessions_ended"]), (&made["rows"], &0.into()));
    let migrated = json(run(&restored, &["migrate", "--dry-run", "--output", "json"], ""));
    assert_eq!(migrated["steps"], serde_json::json!([]));
    let twice = run(&restored, &wish, "");
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_63_an_owner_who_lost_everything_gets_back_in_by_a_link_that_works_once() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let mut browser = world.browser();
    enrol(&world, &mut browser).await;
    let entropy = TestEntropy;
    let recover = async || {
        let data = world.data.path();
        keyfob_issuer::command::user::recover(data, None, &*world.clock, &entropy).await.unwrap()
    };

    let (email, link) = recover().await;
    assert_eq!(email.as_str(), OWNER);
    let path = link.expose().strip_prefix(&world.base).unwrap().to_owned();
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
    assert!(browser.get("/account").await.body.contains("id=\"sign-in\""));
    let mut visitor = world.browser();
    let form = [("csrf", &*visitor.get(&path).await.csrf()), ("new_password", "a longer walk by the sea")];
    let chosen = visitor.post(&path, &form).await;
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    assert_eq!(visitor.get(&path).await.status, 410, "it works once");
    let signed_in = world.sign_in(&mut visitor, "/account", "a longer walk by the sea").await;
    assert_eq!(signed_in.status, 303);
    assert!(visitor.get("/account").await.body.contains("There is none"), "no second factor is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_63_whoever_comes_first_gets_nothing_and_serving_prints_no_way_in() {
    let world = World::start().await;
    for path in ["/setup", "/init", "/bootstrap", "/admin", "/register", "/sign-up", "/account/sign-in"] {
        let status = world.browser().get(path).await.status;
        assert!([404, 405].contains(&status), "{path}: {status}");
    }
    let mut visitor = world.browser();
    for password in ["", "admin", "password", "keyfob", "changeme"] {
        for email in ["admin", "admin@localhost", "root", "you@localhost"] {
            let csrf = visitor.get("/account").await.csrf();
            let form = [("csrf", &*csrf), ("email", email), ("password", password)];
            assert_ne!(visitor.post("/account/sign-in", &form).await.status, 303, "{email} {password}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_what_is_wrong_and_says_what_to_do() {
    let world = World::start().await;
    let found = |verdict: &str| {
        let output = run(world.data.path(), &["doctor", "--output", "json"], "");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = told["findings"].as_array().unwrap().iter();
        let found = findings.filter(|finding| finding["verdict"] == verdict);
        let found: Vec<String> = found.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), found)
    };

    let (code, failing) = found("FAIL");
    assert_eq!((code, failing), (Some(0), vec![]));
    world.query("DELETE FROM audit_entries WHERE sequence = 1 RETURNING hash").await;
    assert_eq!(found("FAIL"), (Some(3), vec!["audit trail".to_owned()]));
    let seal_key = world.data.path().join("seal.key");
    std::fs::set_permissions(&seal_key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(found("FAIL"), (Some(3), vec!["settings".to_owned(), "audit trail".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_for_the_seal_key_where_that_is_what_is_wrong() {
    let world = World::start().await;
    let seal_key = world.data.path().join("seal.key");
    let last = || {
        let output = run(world.data.path(), &["doctor", "--output", "json"], "");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = told["findings"].as_array().unwrap().last().unwrap().clone();
        let text = |member: &str| found[member].as_str().unwrap().to_owned();
        (output.status.code(), text("check"), text("next"))
    };

    write(&seal_key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    let other = "put back the seal key that it was made with, or name the database of this one";
    assert_eq!(last(), (Some(3), "database".to_owned(), other.to_owned()));
    std::fs::remove_file(&seal_key).unwrap();
    let none = "put your copy of it back: a backup has none";
    assert_eq!(last(), (Some(3), "seal key".to_owned(), none.to_owned()));
}

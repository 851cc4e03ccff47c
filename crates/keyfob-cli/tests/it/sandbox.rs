//! `keyfob sandbox init`: what is written, and what is left alone.

use crate::{Home, Ran, ran};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A home, and a folder beside it in which sandboxes are.
struct Desk {
    home: Home,
    beside: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { home: Home::empty(), beside: tempfile::tempdir().unwrap() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        std::fs::canonicalize(self.beside.path()).unwrap().join(name)
    }

    /// Runs it, with `$BESIDE` in the place of the folder's name.
    fn init(&self, name: &str, more: &[&str]) -> Ran {
        let (folder, beside) = (self.folder(name), self.folder("").display().to_string());
        let folder = folder.display().to_string();
        let done = self.home.run(&[&["sandbox", "init", &folder], more].concat());
        let short = |text: String| text.replace(beside.trim_end_matches('/'), "$BESIDE");
        Ran { stdout: short(done.stdout), stderr: short(done.stderr), ..done }
    }

    /// Returns the key in a folder.
    fn key(&self, name: &str) -> String {
        let text = read(&self.folder(name).join("env"));
        text.lines().find_map(|line| line.strip_prefix("OPENAI_API_KEY=")).unwrap().to_owned()
    }

    /// Returns what is kept of the keys, by name.
    fn kept(&self) -> BTreeMap<String, Value> {
        let Ok(entries) = std::fs::read_dir(self.home.path().join("keyfob/gateway-keys")) else {
            return BTreeMap::new();
        };
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                (name, serde_json::from_str(&read(&path)).unwrap())
            })
            .collect()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Returns every file below, by its path from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(inside, mode(&path));
            }
        }
    }
    found
}

fn digest(text: &str) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap();
    Sha256::digest(text).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[test]
fn g_02_g_07_a_folder_for_a_sandbox_holds_one_key_in_private_files_and_its_digest_is_kept() {
    let desk = Desk::new();

    let done = desk.init("agent", &["--quota", "60", "--model", "gpt-\"x\""]);

    let said = "`$BESIDE/agent` has what a sandbox needs to reach your gateway, as the tool `agent`, and no login of yours\n\
         Codex in there: CODEX_HOME=$BESIDE/agent/codex codex\n\
         Other programs: the variables in `$BESIDE/agent/env`\n\
         The gateway: keyfob-gateway local --listen 127.0.0.1:8790 (the sandbox has to reach it at this address, too)\n\
         To end it: keyfob-gateway local key revoke agent\n";
    assert_eq!(done, ran(0, "", said));
    let (folder, key) = (desk.folder("agent"), desk.key("agent"));
    let heading = "# Written by `keyfob sandbox init`. The key opens the gateway of the person who ran it, and nothing else;\n\
         # `keyfob-gateway local key revoke agent` ends it.\n";
    let env = format!("{heading}OPENAI_BASE_URL=http://127.0.0.1:8790/v1\nOPENAI_API_KEY={key}\n");
    let config = format!(
        "{heading}model = 'gpt-\"x\"'\nmodel_provider = \"keyfob\"\n\n[model_providers.keyfob]\nname = \"127.0.0.1:8790\"\n\
         base_url = \"http://127.0.0.1:8790/v1\"\nwire_api = \"responses\"\nsupports_websockets = false\n\
         experimental_bearer_token = \"{key}\"\n"
    );
    assert_eq!(
        (
            read(&folder.join("env")),
            read(&folder.join("codex/config.toml")),
            read(&folder.join(".gitignore"))
        ),
        (env, config, "*\n".to_owned())
    );
    let names = [".gitignore", "codex/config.toml", "env"];
    assert_eq!(files(&folder), names.map(|name| (name.into(), 0o600)).into());
    assert_eq!((mode(&folder), mode(&folder.join("codex"))), (0o700, 0o700));
    let mut kept = desk.kept();
    assert!(kept.get_mut("agent").unwrap().as_object_mut().unwrap().remove("created").is_some());
    let place = folder.display().to_string();
    let record = json!({ "sha256": digest(&key), "requests_per_minute": 60, "sandbox": place });
    assert_eq!(kept, [("agent".to_owned(), record)].into());
}

#[test]
fn g_06_a_folder_that_is_prepared_again_gets_another_key_and_the_earlier_one_is_revoked() {
    let desk = Desk::new();
    assert_eq!(desk.init("agent", &["--quota", "60"]).code, Some(0));
    let (earlier, place) = (desk.key("agent"), desk.folder("agent"));
    let config = place.join("codex/config.toml");
    std::fs::write(place.join("codex/history.jsonl"), "{}\n").unwrap();

    let same = desk.init("agent", &["--gateway", "[::1]:9000", "--json"]);
    let second = desk.key("agent");
    let renamed = desk.init("agent", &["--name", "other", "--quota", "5"]);

    let document = json!({
        "schema": 1, "state": "active", "changed": true, "folder": "$BESIDE/agent", "codex_home": "$BESIDE/agent/codex",
        "env_file": "$BESIDE/agent/env", "base_url": "http://[::1]:9000/v1", "tool": "agent", "requests_per_minute": 60,
        "renewed": true,
    });
    assert_eq!((same.code, serde_json::from_str(&same.stdout).ok()), (Some(0), Some(document)));
    assert!(renamed.stderr.ends_with("The key that was there before is revoked\n"), "{renamed:?}");
    let third = desk.key("agent");
    assert_eq!(std::collections::BTreeSet::from([&earlier, &second, &third]).len(), 3);
    let kept = desk.kept();
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(
        (&kept["other"]["sha256"], &kept["other"]["requests_per_minute"]),
        (&json!(digest(&third)), &json!(5))
    );
    assert!(read(&config).contains("base_url = \"http://127.0.0.1:8790/v1\""));
    assert_eq!(read(&place.join("codex/history.jsonl")), "{}\n");
}

#[test]
fn what_somebody_else_put_into_the_folder_stays_unless_it_is_said_otherwise() {
    let desk = Desk::new();
    let folder = desk.folder("work");
    std::fs::create_dir(&folder).unwrap();
    for name in ["notes", "env"] {
        std::fs::write(folder.join(name), "mine\n").unwrap();
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();

    let refused = desk.init("work", &[]);
    let (untouched, kept) = (read(&folder.join("env")), desk.kept());
    let told = desk.init("work", &["--replace"]);

    let words = "error: $BESIDE/work holds something else already\n\
         hint: nothing was changed; choose an empty folder, or add `--replace` to write beside what is there\n";
    assert_eq!(refused, ran(1, "", words));
    assert_eq!((untouched.as_str(), kept), ("mine\n", BTreeMap::new()));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!((read(&folder.join("notes")).as_str(), mode(&folder)), ("mine\n", 0o700));
    assert!(desk.key("work").starts_with("kfl-"));
}

#[test]
fn a_dry_run_shows_the_files_and_changes_nothing() {
    let desk = Desk::new();

    let shown = desk.init("agent", &["--dry-run"]);
    let told = desk.init("agent", &["--dry-run", "--json"]);

    let heading = "# Written by `keyfob sandbox init`. The key opens the gateway of the person who ran it, and nothing else;\n\
         # `keyfob-gateway local key revoke agent` ends it.\n";
    let config = format!(
        "{heading}model_provider = \"keyfob\"\n\n[model_providers.keyfob]\nname = \"127.0.0.1:8790\"\n\
         base_url = \"http://127.0.0.1:8790/v1\"\nwire_api = \"responses\"\nsupports_websockets = false\n\
         experimental_bearer_token = \"kfl-…\"\n"
    );
    let env = format!("{heading}OPENAI_BASE_URL=http://127.0.0.1:8790/v1\nOPENAI_API_KEY=kfl-…\n");
    let text = format!(
        "==> $BESIDE/agent/codex/config.toml <==\n{config}==> $BESIDE/agent/env <==\n{env}==> $BESIDE/agent/.gitignore <==\n*\n"
    );
    assert_eq!(shown, ran(0, &text, "This would be in `$BESIDE/agent`; nothing was changed\n"));
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&document["changed"], &document["renewed"]), (&json!(false), &json!(false)));
    let shown = json!({
        "$BESIDE/agent/codex/config.toml": config, "$BESIDE/agent/env": env, "$BESIDE/agent/.gitignore": "*\n",
    });
    assert_eq!(document["files"], shown);
    assert!(!desk.folder("agent").exists() && desk.kept().is_empty());
    assert_eq!(std::fs::read_dir(desk.home.path()).unwrap().count(), 0);

    assert_eq!(desk.init("agent", &[]).code, Some(0));
    let (key, again) = (desk.key("agent"), desk.init("agent", &["--dry-run"]));
    let words =
        "This would be in `$BESIDE/agent`, with another key than the present one; nothing was changed\n";
    assert_eq!((again.stderr.as_str(), desk.key("agent")), (words, key));
}

#[test]
fn g_07_links_that_a_sandbox_put_into_its_folder_lead_nowhere() {
    let desk = Desk::new();
    assert_eq!(desk.init("agent", &[]).code, Some(0));
    let (place, target) = (desk.folder("agent"), desk.folder("target"));
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("file"), "mine\n").unwrap();
    std::fs::remove_file(place.join("env")).unwrap();
    symlink(target.join("file"), place.join("env")).unwrap();

    let file = desk.init("agent", &[]);
    std::fs::remove_dir_all(place.join("codex")).unwrap();
    symlink(&target, place.join("codex")).unwrap();
    let kept = desk.kept();
    let folder = desk.init("agent", &[]);

    assert_eq!((file.code, read(&target.join("file")).as_str()), (Some(0), "mine\n"));
    assert!(!place.join("env").is_symlink());
    let words = "error: cannot use the folder $BESIDE/agent/codex\n  cause: Not a directory (os error 20)\n\
         hint: nothing was changed; what it is in has to be there, and no link stands for it\n";
    assert_eq!(folder, ran(1, "", words));
    assert_eq!(desk.kept(), kept);
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1);
}

#[test]
fn a_folder_that_would_give_the_login_away_is_refused() {
    let desk = Desk::new();
    let around = desk.folder("around");
    let home = around.join("home");
    std::fs::create_dir_all(home.join("inside")).unwrap();

    for folder in [home.clone(), home.join("inside"), home.join("new"), around] {
        let arguments = ["sandbox", "init", folder.to_str().unwrap(), "--replace", "--name", "agent"];
        let refused = desk.home.command(&arguments).env("CODEX_HOME", &home).output().unwrap();

        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("where your login may be, are not apart"), "{said}");
    }
    assert_eq!(files(&desk.folder("around")), BTreeMap::new());
}

#[test]
fn g_01_only_an_address_of_loopback_is_taken_for_the_gateway() {
    let desk = Desk::new();
    for address in ["10.0.0.1:8790", "0.0.0.0:8790", "127.0.0.1:0"] {
        let words = format!(
            "error: {address} is no address at which `keyfob-gateway local` could be reached: it listens on a port of loopback\n\
             hint: carry that port into the sandbox, as `ssh -R` does, in place of naming another address\n"
        );
        assert_eq!(desk.init("agent", &["--gateway", address]), ran(2, "", &words));
    }
    assert!(!desk.folder("agent").exists());
}

#[test]
fn the_name_of_a_tool_that_is_there_or_that_cannot_be_one_is_refused_before_anything_changes() {
    let desk = Desk::new();
    assert_eq!(desk.init("agent", &[]).code, Some(0));
    let kept = desk.kept();

    let taken = desk.init("other", &["--name", "agent"]);
    let unusable = desk.init("-x", &[]);

    let words = "error: there is a key for `agent` already; revoke it first\n\
         hint: nothing was changed; choose another name: `--name NAME`\n";
    assert_eq!(taken, ran(1, "", words));
    let words = "error: \"-x\" is no name for a tool: up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or \
         digit\nhint: name it: `--name NAME`\n";
    assert_eq!(unusable, ran(2, "", words));
    assert_eq!(desk.kept(), kept);
    assert!(!desk.folder("-x").exists());
}

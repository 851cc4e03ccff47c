//! Settings that are wrong or not safe: none starts, and each says why.

use crate::command::run;
use crate::world::OWNER;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

fn issuer() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let init = ["init", "--url", "http://localhost:1", "--owner", OWNER];
    assert!(run(data.path(), &init, "correct horse battery\n").status.success());
    data
}

fn write(path: &Path, text: &str, mode: u32) {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const URL: &str = "url = \"http://localhost:1\"\n";

/// Settings, and what is said of them: the key, and what it takes.
const BAD: [(&str, [&str; 2]); 40] = [
    ("", ["`url` is missing", "an address in quotes"]),
    ("url = 1", ["`url`", "an address in quotes"]),
    ("url = \"id.example.org\"", ["`url`", "is not a URL"]),
    ("url = \"http://id.example.org\"", ["`url`", "must use https"]),
    ("url = \"https://id.example.org/base\"", ["`url`", "no path"]),
    ("url = \"https://mia@id.example.org\"", ["`url`", "no user"]),
    ("url = \"https://id.example.org/?a=b\"", ["`url`", "query"]),
    ("url = \"http://localhost:1\"\nurl = \"http://localhost:2\"", ["issuer.toml", "duplicate key"]),
    ("url = ", ["issuer.toml", "not TOML"]),
    ("URL audience = \"*\"", ["`audience` is `*`", "name the one server"]),
    ("URL audience = \"\"", ["`audience`", "an address in quotes"]),
    ("URL listen = \"8400\"", ["`listen`", "an IP address with a port"]),
    ("URL listen = \"0.0.0.0:8400\"", ["`listen` is 0.0.0.0", "a proxy with TLS"]),
    ("URL lisen = \"127.0.0.1:1\"", ["`lisen`", "`listen`"]),
    ("URL listen = \"127.0.0.1:1\"\noperations = \"127.0.0.1:1\"", ["`operations`", "a port of its own"]),
    ("URL operations = true", ["`operations`", "an IP address with a port"]),
    ("URL database = \"mysql://a/b\"", ["`database`", "`sqlite:PATH`"]),
    ("URL database = \"postgres://u:hidden@h/d\"", ["`database`", "holds a password"]),
    ("URL database = \"postgres://u@h/d?sslmode=on\"", ["`database`", "`sslmode`"]),
    ("URL database = \"postgres://u@h/d?sslmod=require\"", ["`database`", "`sslmod`"]),
    ("URL database_connections = 0", ["`database_connections`", "between 1 and 1000"]),
    ("URL database_connections = \"16\"", ["`database_connections`", "a whole number"]),
    ("URL database_password_file = \"nothing\"", ["`database_password_file`", "not found"]),
    ("URL trusted_proxies = [\"0.0.0.0\"]", ["`trusted_proxies`", "name the addresses"]),
    ("URL trusted_proxies = \"127.0.0.1\"", ["`trusted_proxies`", "a list of IP addresses"]),
    ("URL breached_passwords = \"nowhere\"", ["`breached_passwords`", "not found"]),
    ("URL api_key_exchange = \"yes\"", ["`api_key_exchange`", "true or false"]),
    ("URL [browser_sessions]\nadministrator_idle_minutes = 31", ["`browser_sessions`", "30 minutes"]),
    ("URL [browser_sessions]\nidle_minutes = \"1\"", ["`browser_sessions.idle_minutes`", "a whole number"]),
    ("URL [post_logout_redirect_uris]\nnobody = []", ["`post_logout_redirect_uris`", "the program `nobody`"]),
    (
        "URL [post_logout_redirect_uris]\ncodex-gateway = [\"http://a.example/\"]",
        ["http://a.example/", "https"],
    ),
    (
        "URL [post_logout_redirect_uris]\ncodex-gateway = \"https://a.example/\"",
        ["`post_logout_redirect_uris`", "a table of lists"],
    ),
    (
        "URL [anomalies]\nwebhook = \"https://a.example/\"",
        ["`anomalies.secret_file` is missing", "a text in quotes"],
    ),
    (
        "URL [anomalies]\nwebhook = \"http://127.0.0.1:1/\"\nsecret_file = \"s\"",
        ["`anomalies.webhook`", "an https address"],
    ),
    (
        "URL [anomalies]\nwebhook = \"http://a.example/\"\nsecret_file = \"s\"\nallow_private_addresses = true",
        ["`anomalies.webhook`", "an https address"],
    ),
    (
        "URL [anomalies]\nwebhook = \"https://a.example/\"\nsecret_file = \"nothing\"",
        ["`anomalies.secret_file`", "not found"],
    ),
    (
        "URL [anomalies]\nwebhook = \"https://a.example/\"\nsecret_file = \"seal.key\"",
        ["`anomalies.secret_file`", "`whsec_` and 24 to 64 bytes in base64"],
    ),
    ("URL [refresh]\nanonymous_grace_seconds = 11", ["`refresh`", "at most 10 and 60 seconds"]),
    ("URL [mail]\nserver = \"smtps://m\"\nfrom = \"a@b.example\"\nuser = \"a\"", ["`mail.user`", "set both"]),
    ("URL [mail]\nserver = \"ftp://m\"\nfrom = \"a@b.example\"", ["`server` in `[mail]`", "smtps://HOST"]),
];

#[test]
fn i_86_thirty_bad_settings_do_not_start_and_each_names_the_key_and_what_it_takes() {
    let data = issuer();
    let data = data.path();
    for (settings, told) in BAD {
        write(&data.join("issuer.toml"), &settings.replace("URL ", URL), 0o600);

        let checked = run(data, &["config", "check", "--output", "json"], "");
        let started = run(data, &["serve"], "");

        assert_eq!((checked.status.code(), started.status.code()), (Some(3), Some(1)), "{settings}");
        let found: Value = serde_json::from_slice(&checked.stdout).unwrap();
        let finding = found["findings"][0].as_str().unwrap();
        let said = String::from_utf8(started.stderr).unwrap();
        for text in told {
            assert!(finding.contains(text) && !finding.contains('\n'), "{settings}: {finding}");
            assert!(said.contains(text), "{settings}: {said}");
        }
        assert!(!finding.contains("hidden") && !said.contains("hidden"), "{settings}");
    }
}

#[test]
fn i_86_i_41_files_that_give_a_secret_away_or_hold_none_do_not_start() {
    let exposed = "everybody on this machine can read it: run `chmod o-rwx";
    let one_byte = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=\n";
    let guess: [(&str, Option<&str>, u32, &str); 6] = [
        ("seal.key", None, 0o644, exposed),
        ("issuer.db", None, 0o604, exposed),
        ("issuer.toml", None, 0o602, "can be changed by everybody on this machine: run `chmod o-w"),
        ("seal.key", Some(one_byte), 0o600, "one repeated byte, which is no secret"),
        ("seal.key", Some("c2hvcnQ="), 0o600, "holds no seal key: 32 bytes in base64"),
        ("seal.key", Some(""), 0o600, "holds no seal key: 32 bytes in base64"),
    ];
    for (name, content, mode, told) in guess {
        let data = issuer();
        let path = data.path().join(name);
        match content {
            Some(text) => write(&path, text, mode),
            None => fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap(),
        }

        let checked = run(data.path(), &["config", "check"], "");
        let started = run(data.path(), &["serve"], "");

        assert_eq!((checked.status.code(), started.status.code()), (Some(3), Some(1)), "{name} {mode:o}");
        for said in [checked.stdout, started.stderr] {
            let said = String::from_utf8(said).unwrap();
            assert!(said.contains(told) && said.contains(name), "{name} {mode:o}: {said}");
        }
    }
}

#[test]
fn settings_in_order_are_said_to_be() {
    let data = issuer();
    let checked = run(data.path(), &["config", "check"], "");
    assert_eq!(String::from_utf8(checked.stdout).unwrap(), "the settings are in order\n");
    assert_eq!(checked.status.code(), Some(0));
}

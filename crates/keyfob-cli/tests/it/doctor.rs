//! `keyfob doctor`: each finding, and a report without secrets.

use crate::Home;
use crate::signed_in::{FAR, signed_in, signed_in_at};
use crate::stub::Stub;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

/// Runs it; leaves out the ports, which other programs may use.
fn findings(home: &Home, variables: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let told = home.run_with(variables, &["doctor"]);
    assert_eq!(told.stderr, "");
    let text = told.stdout.split("ok    callback_ports").next().unwrap_or_default();
    (told.code, text.lines().map(str::to_owned).collect())
}

#[test]
fn a_healthy_home_without_a_login_has_one_warning() {
    let home = Home::empty();
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();

    let (code, lines) = findings(&home, &[]);

    let expected = [
        "warn  store           nobody is signed in ($HOME/auth.json)",
        "                      -> run `keyfob login`",
        "ok    permissions     $HOME has mode 0700",
        "ok    file_system     the home is on a local file system",
        "ok    policy          nothing restricts sign-in",
        "ok    lock            nobody holds the refresh lock",
        "ok    keyring         there is no session bus, so only a file can keep the login",
        "ok    credentials     no variable comes before the stored login",
        "ok    proxy           none is set",
        "ok    certificates    those of the system are used",
    ];
    assert_eq!(lines.get(..10), Some(&expected.map(str::to_owned)[..]));
    assert_eq!(code, Some(0));
}

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let home = Home::holding("{");
    fs::write(home.path().join("auth.json.corrupt-1"), "{").unwrap();
    fs::set_permissions(home.auth_file(), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o770)).unwrap();
    fs::create_dir(home.path().join("keyfob")).unwrap();
    fs::set_permissions(home.path().join("keyfob"), Permissions::from_mode(0o700)).unwrap();
    fs::write(home.path().join("keyfob/config.toml"), "isuer = 1").unwrap();
    fs::write(home.path().join("config.toml"), "model = ").unwrap();
    let lock = fs::File::create(home.path().join("keyfob/refresh.lock")).unwrap();
    lock.lock().unwrap();

    let (code, lines) = findings(
        &home,
        &[
            ("CODEX_API_KEY", ""),
            ("CODEX_REFRESH_TOKEN_URL_OVERRIDE", "https://evil.test"),
            ("HTTPS_PROXY", "http://user:secret@proxy.test"),
            ("SSL_CERT_FILE", "/no/such"),
            ("CODEX_CA_CERTIFICATE", "/no/such"),
        ],
    );

    let me = std::process::id();
    let expected = [
        "fail  store           the login in $HOME/auth.json is damaged",
        "                      -> repair what is named, or run `keyfob login`: it keeps a damaged file under another name",
        "warn  store           a damaged login of earlier is kept in $HOME/auth.json.corrupt-1",
        "                      -> take from it what you need, and remove it; `keyfob logout` and `keyfob purge` do",
        "warn  permissions     others may replace files in $HOME (mode 0770)",
        "                      -> take the right to write from group and others: `chmod go-w`",
        "ok    permissions     $HOME/keyfob has mode 0700",
        "warn  permissions     others may look at $HOME/auth.json (mode 0644)",
        "                      -> keep it to yourself: `chmod go-rwx`",
        "ok    file_system     the home is on a local file system",
        "fail  configuration   cannot understand $HOME/config.toml from line 1 on",
        "                      -> `keyfob config check` shows what is wrong there",
        "fail  configuration   cannot understand $HOME/keyfob/config.toml from line 1 on",
        "                      -> `keyfob config check` shows what is wrong there",
        "warn  policy          what restricts sign-in is not known, since the configuration cannot be read",
        "                      -> `keyfob config check` shows what is wrong there",
        &format!("warn  lock            process {me} holds the refresh lock"),
        "                      -> it lets go within a minute; if it does not, end that process",
        "ok    keyring         there is no session bus, so only a file can keep the login",
        "fail  credentials     `CODEX_API_KEY` cannot be used: it is set and empty",
        "                      -> correct or unset it",
        "warn  credentials     `CODEX_REFRESH_TOKEN_URL_OVERRIDE` is set; Keyfob ignores it, the Codex CLI sends \
         the refresh token there",
        "                      -> unset it, unless you set it",
        "ok    proxy           set: `HTTPS_PROXY`",
        "fail  certificates    the file that `CODEX_CA_CERTIFICATE` names cannot be opened (entity not found)",
        "                      -> correct the path, or unset the variable",
    ];
    assert_eq!(lines.get(..expected.len()), Some(&expected.map(str::to_owned)[..]));
    assert_eq!(code, Some(1));
}

fn last(home: &Home, count: usize) -> (Option<i32>, Vec<String>) {
    let told = home.run(&["doctor"]);
    let mut lines: Vec<String> = told.stdout.lines().rev().take(count).map(str::to_owned).collect();
    lines.reverse();
    (told.code, lines)
}

#[test]
fn c_42_a_keyring_that_is_asked_for_and_cannot_be_reached_is_named() {
    let bus = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such")];
    let told = |kind: &str| {
        let home = Home::empty();
        fs::write(home.path().join("config.toml"), format!("cli_auth_credentials_store = \"{kind}\""))
            .unwrap();
        let (_, lines) = findings(&home, &bus);
        let at = lines.iter().position(|line| line.contains("  keyring  ")).unwrap();
        (lines[at].clone(), lines[at + 1].trim().to_owned())
    };
    let next = "-> unlock the keyring, or set `cli_auth_credentials_store = \"file\"`";

    for (kind, verdict, rest) in [("keyring", "fail", ""), ("auto", "warn", "; a login goes into the file")] {
        let (line, hint) = told(kind);
        assert!(
            line.starts_with(&format!("{verdict}  keyring         there is no keyring to use")),
            "{line}"
        );
        assert!(line.ends_with(rest) && hint == next, "{line} {hint}");
    }
}

#[test]
fn an_issuer_that_cannot_be_reached_is_a_failure() {
    let (home, _) = signed_in(FAR, "rt-secret");

    let expected = [
        "warn  network         http://127.0.0.1:1 takes no connection (connection refused)",
        "                      -> is it running, and does a firewall stand between? Behind a proxy this is usual",
        "fail  network         http://127.0.0.1:1 gives no answer: no connection: Connection refused (os error 111)",
        "                      -> check network, proxy and certificates; your login is untouched",
    ];
    assert_eq!(last(&home, 4), (Some(1), expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_clock_that_disagrees_with_the_issuers_is_a_failure() {
    let stub = Stub::open();
    let issuer = stub.issuer();
    let (home, _) = signed_in_at(&issuer, FAR, "rt-secret");

    let (code, lines) = stub.answering("200 OK", "{}".into(), || last(&home, 4));

    let address = issuer.trim_start_matches("http://");
    assert_eq!(lines[0], format!("ok    network         {issuer} takes connections at {address}"));
    assert_eq!(lines[1], format!("ok    network         {issuer} publishes its endpoints"));
    assert!(lines[2].starts_with("fail  clock           this machine is "), "{lines:?}");
    assert!(lines[2].ends_with(" s ahead of the issuer"), "{lines:?}");
    assert_eq!((lines[3].trim(), code), ("-> set the clock of this machine", Some(1)));
}

/// Whether `text` holds `secret` as it is, in hexadecimal, or in base64 at any of its three alignments.
fn holds(text: &str, secret: &str) -> bool {
    let encoded = ["", "x", "xx"].map(|before| {
        let whole = STANDARD_NO_PAD.encode(format!("{before}{secret}"));
        // The characters at the ends also depend on what stands before and after.
        whole.chars().skip(4).take(whole.len() - 8).collect::<String>()
    });
    text.contains(secret)
        || text.to_lowercase().contains(&hex(secret))
        || encoded.iter().any(|form| text.contains(form))
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

#[test]
fn p_35_the_report_holds_no_secret_in_any_form() {
    let canary = "canary-8c1f0d7a5e";
    let document = format!(
        r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":"{canary}-key","tokens":{{"id_token":"{canary}-id",
        "access_token":"{canary}-access","refresh_token":"{canary}-refresh","oauth_provenance":
        {{"issuer":"http://127.0.0.1:1","client_id":"app"}}}},"later":"{canary}-unknown"}}"#
    );
    let key = format!("sk-{canary}");
    let proxy = format!("http://mia:{canary}@127.0.0.1:1");
    let variables = [
        ("CODEX_API_KEY", key.as_str()),
        ("CODEX_ACCESS_TOKEN", &key),
        ("OPENAI_API_KEY", &key),
        ("SSL_CERT_FILE", &key),
        ("CODEX_CA_CERTIFICATE", &key),
        ("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &proxy),
        ("HTTPS_PROXY", &proxy),
    ];
    let damaged = document.replace("\"later\":", "\"later\"");
    for document in [document.as_str(), &damaged] {
        let home = Home::holding(document);
        fs::create_dir(home.path().join("keyfob")).unwrap();
        fs::write(home.path().join("keyfob/config.toml"), format!("issuer = \"{canary}\"\n")).unwrap();
        fs::write(home.path().join("config.toml"), format!("{canary} {canary}\n")).unwrap();
        let file = home.path().join("report.txt");

        let told = home.run_with(&variables, &["doctor", "--bundle", file.to_str().unwrap()]);

        assert_eq!(told.code, Some(1));
        assert_eq!(told.stderr, "Wrote `$HOME/report.txt`; it holds no secret\n");
        let report = fs::read_to_string(&file).unwrap();
        assert!(report.starts_with("keyfob 0.1.0 on linux ") && report.contains("permissions"), "{report}");
        assert!(!holds(&report, canary) && !holds(&told.stdout, canary), "{report}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_scan_that_found_nothing_ever_would_prove_nothing() {
    let canary = "canary-8c1f0d7a5e";

    for text in
        [canary.to_owned(), hex(canary).to_uppercase(), STANDARD_NO_PAD.encode(format!("a{canary}bc"))]
    {
        assert!(holds(&format!("… {text} …"), canary), "{text}");
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten_by_the_report() {
    let home = Home::holding("{}");
    let file = home.auth_file();

    let told = home.run(&["doctor", "--bundle", file.to_str().unwrap()]);

    assert_eq!(told.code, Some(1));
    assert!(told.stderr.starts_with("error: cannot write the report $HOME/auth.json\n"), "{told:?}");
    assert_eq!(home.stored().as_deref(), Some("{}"));
}

//! Opening a browser, whatever the issuer's documents and the environment say (security C-16, C-20, C-52).

use crate::fake_issuer::{DISCOVERY, FakeIssuer, SignIn, TOKEN};
use crate::{Home, Ran};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What no terminal may be sent, in ways that terminals know.
const SEQUENCES: [&str; 10] = [
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;https://evil.test\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}]52;c;b3duZWQ=\u{7}",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{9b}2J\u{9d}0;title\u{9c}",
    "\u{1b}[2J\u{1b}[1;1H",
    "\r\u{8}\u{8}\u{7f}",
    "\u{202e}evil\u{2066}\u{61c}",
    "\u{200b}\u{2060}\u{feff}\u{ad}",
    "line\u{2028}another\nthird",
];

fn hostile() -> String {
    SEQUENCES.concat()
}

fn is_inert(text: &str) -> bool {
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || "\u{202e}\u{2066}\u{61c}\u{200b}\u{2060}\u{feff}\u{ad}\u{2028}".contains(c)
    };
    !text.contains(bad) && !text.lines().any(|line| line.starts_with("third")) && text.len() < 4_096
}

/// A program that writes down its arguments, a line each, where a reader waits for them.
fn recorder(home: &Home) -> (PathBuf, PathBuf) {
    let (program, pipe) = (home.path().join("browser"), home.path().join("pipe"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(&program, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\n", pipe.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, pipe)
}

#[test]
fn c_16_a_hostile_authorization_endpoint_is_refused_before_anything_is_started() {
    let home = Home::empty();
    let (browser, _) = recorder(&home);
    let calls = home.path().join("calls");
    let issuer = FakeIssuer::start();
    let own = issuer.url.clone();
    let endpoints = [
        format!("{own}/$(calc)"),
        format!("{own}/`calc`"),
        format!("{own}\" & calc"),
        format!("{own}/a\nb"),
        format!("{own}/a b"),
        format!("{own}/;calc"),
        format!("{own}/{}", "a".repeat(100_000)),
        format!("{own}/{}", hostile()),
        "https://x/$(calc)".into(),
        "https://a\" & calc".into(),
        "https://evil.test/authorize".into(),
        "file:///etc/passwd".into(),
        "javascript:alert(1)".into(),
        "-profile".into(),
        "--app=http://127.0.0.1".into(),
        String::new(),
    ];

    for endpoint in endpoints {
        let mut document = issuer.metadata();
        document["authorization_endpoint"] = endpoint.clone().into();
        issuer.answer(DISCOVERY, "200 OK", &document.to_string());
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=execve,execveat", "-o"]).arg(&calls);
        command.arg(env!("CARGO_BIN_EXE_keyfob")).args(["login", "--issuer", &own]);
        command.env_remove("KEYFOB_LOGIN").env("CODEX_HOME", home.path()).env("BROWSER", &browser);
        let ran = Ran::of(command.output().unwrap(), &home);

        let text = format!(
            "error: the discovery document of {own} names an endpoint that must not be used: authorization_endpoint\n\
             hint: nothing was stored; tell whoever runs the issuer\n"
        );
        assert_eq!((ran.code, ran.stderr), (Some(1), text), "{endpoint}");
        let calls = fs::read_to_string(&calls).unwrap();
        assert_eq!(calls.matches("execve").count(), 1, "{endpoint} started something: {calls}");
    }
}

/// Lets `keyfob login` open a browser, and returns the arguments that it was started with.
fn opened(arguments: &[&str], variable: Option<&str>) -> Vec<String> {
    let home = Home::empty();
    let (program, pipe) = recorder(&home);
    let issuer = FakeIssuer::start();
    let with_program = |text: &str| text.replace("PROGRAM", &program.display().to_string());
    let mut all = vec!["login".to_owned(), "--issuer".into(), issuer.url.clone()];
    all.extend(arguments.iter().map(|argument| with_program(argument)));
    let mut command = home.command(&all.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("PATH", "/usr/bin:/bin");
    if let Some(variable) = variable {
        command.env("BROWSER", with_program(variable));
    }
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It is there when the program has opened it.
    let written = fs::read_to_string(&pipe).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let address = format!("{}/authorize?", issuer.url);
    let shown = |line: &str| match line.find(&address) {
        Some(start) => format!("{}ADDRESS", line.get(..start).unwrap_or_default()),
        None => line.to_owned(),
    };
    written.lines().map(shown).collect()
}

#[test]
fn c_16_the_browser_that_somebody_names_gets_the_address_as_one_argument_of_its_own() {
    assert_eq!(opened(&[], Some("PROGRAM")), ["ADDRESS"]);
    assert_eq!(opened(&[], Some("PROGRAM --app=%s $(touch a) ;")), ["--app=ADDRESS", "$(touch", "a)", ";"]);
    assert_eq!(opened(&[], Some("/nowhere/browser:PROGRAM --new")), ["--new", "ADDRESS"]);
    assert_eq!(opened(&["--browser", "PROGRAM -x %s -y"], Some("/nowhere/browser")), ["-x", "ADDRESS", "-y"]);
}

#[test]
fn c_16_a_browser_that_is_a_line_for_a_shell_is_no_program_and_nothing_else_is_tried() {
    let home = Home::empty();
    let issuer = FakeIssuer::start();
    let trap = home.path().join("trap");
    let line = format!("touch\t{};", trap.display()).replace('\t', "${IFS}");
    let mut command = home.command(&["login", "--issuer", &issuer.url]);
    command.env("PATH", "/usr/bin:/bin").env("BROWSER", line);

    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find(|line| line.starts_with("No browser"));
    child.kill().unwrap();
    child.wait().unwrap();

    assert_eq!(told.as_deref(), Some("No browser could be opened here; open the address yourself."));
    assert!(!trap.exists());
}

#[test]
fn c_16_what_is_no_plain_address_is_opened_by_nobody() {
    let home = Home::empty();
    let (browser, _) = recorder(&home);
    let trace = home.path().join("calls");
    let long = format!("https://id.test/{}", "a".repeat(20_000));

    for address in ["file:///etc/passwd", "http://id.test/", "-profile", "https://id.test/$(calc)", "", &long]
    {
        let given = home.path().join("address");
        fs::write(&given, address).unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=execve,execveat", "-o"]).arg(&trace);
        command.arg(env!("CARGO_BIN_EXE_keyfob")).arg("open-page").env("BROWSER", &browser);
        let output = command.stdin(fs::File::open(&given).unwrap()).output().unwrap();

        assert_eq!(output.status.code(), Some(1), "{address}: {output:?}");
        assert_eq!(fs::read_to_string(&trace).unwrap().matches("execve").count(), 1, "{address}");
    }
}

#[test]
fn c_52_c_20_nothing_that_an_issuer_writes_into_its_documents_reaches_the_terminal() {
    let issuer = FakeIssuer::start();
    let home = Home::empty();
    let members: Vec<String> = issuer.metadata().as_object().unwrap().keys().cloned().collect();
    for member in members {
        for value in [json!(hostile()), json!([hostile()]), json!(hostile().repeat(1_000)), Value::Null] {
            let mut document = issuer.metadata();
            document[&member] = value;
            issuer.answer(DISCOVERY, "200 OK", &document.to_string());
            if document[&member].is_null() && member.ends_with("sessions_endpoint") {
                continue;
            }

            let ran = home.run(&["login", "--no-browser", "--issuer", &issuer.url]);

            assert!(ran.code == Some(1) && is_inert(&ran.stderr), "{member}: {ran:?}");
        }
    }
    for body in [hostile(), "x".repeat(1_000_000), "[".repeat(100_000)] {
        issuer.answer(DISCOVERY, "200 OK", &body);
        let ran = home.run(&["login", "--no-browser", "--issuer", &issuer.url]);
        assert!(ran.code == Some(1) && is_inert(&ran.stderr), "{ran:?}");
    }
}

#[test]
fn c_52_nothing_that_an_issuer_answers_reaches_the_terminal() {
    let refused =
        |description: &str| json!({ "error": hostile(), "error_description": description }).to_string();
    let nested = json!({ "error": { "code": hostile(), "message": hostile() } }).to_string();
    let answers = [
        ("400 Bad Request", refused(&hostile())),
        ("400 Bad Request", refused(&hostile().repeat(1_000))),
        ("500 Oh No", nested),
        ("200 OK", json!({ "access_token": hostile(), "token_type": hostile() }).to_string()),
        ("200 OK", hostile()),
        ("200 OK", "x".repeat(1_000_000)),
        ("200 OK", json!({ "access_token": "a", "token_type": "Bearer", "id_token": hostile(), "refresh_token": "r" }).to_string()),
    ];

    for (status, body) in answers {
        let (issuer, home) = (FakeIssuer::start(), Home::empty());
        issuer.answer(TOKEN, status, &body);
        let ran = SignIn::start(&home, &issuer).finish("code=a");
        assert!(ran.code == Some(1) && is_inert(&ran.stderr), "{status} {body:.80}: {ran:?}");
    }
    let (issuer, home) = (FakeIssuer::start(), Home::empty());
    let described = "a%1B%5B2J%C2%9B%E2%80%AEb".repeat(300);
    let ran =
        SignIn::start(&home, &issuer).finish(&format!("error=access_denied&error_description={described}"));
    assert!(ran.code == Some(1) && is_inert(&ran.stderr), "{ran:?}");
}

#[test]
fn c_52_who_signed_in_is_shown_without_what_a_terminal_would_obey() {
    let (issuer, home) = (FakeIssuer::start(), Home::empty());
    let sign_in = SignIn::start(&home, &issuer);
    let mut claims = issuer.claims(&sign_in);
    claims["email"] = format!("mia{}@example.org", hostile()).into();
    claims["name"] = hostile().into();
    claims["https://api.openai.com/auth"] =
        json!({ "chatgpt_account_id": format!("ws{}", hostile()), "chatgpt_plan_type": hostile().repeat(3) });
    issuer.answer(TOKEN, "200 OK", &issuer.tokens(&claims));

    let signed_in = sign_in.finish("code=a");

    assert_eq!(signed_in.code, Some(0), "{signed_in:?}");
    assert!(signed_in.stderr.contains("Signed in as mia") && is_inert(&signed_in.stderr), "{signed_in:?}");
    for arguments in [&["status"][..], &["login", "status"], &["why"], &["logins", "list"], &["logout"]] {
        let ran = home.run(arguments);
        assert!(is_inert(&ran.stdout) && is_inert(&ran.stderr), "{arguments:?}: {ran:?}");
    }
}

//! What else can be stored: keys, kinds that we do not use, damage.

use crate::{Home, ran};

const KEY: &str = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret"}"#;

#[test]
fn an_api_key_is_shown_without_the_key() {
    let home = Home::holding(KEY);

    let words = "API key configured - ***\nAuthentication is checked when you send a request.\n";
    assert_eq!(home.run(&["login", "status"]), ran(0, "", words));
    assert_eq!(
        home.run(&["status"]),
        ran(
            0,
            "Method     API key\nKept in    $HOME/auth.json\nUsed       this login\n\
             Controls   the API organisation's: its retention and data sharing\n",
            ""
        )
    );
    let token = home.run(&["token"]);
    assert_eq!(token.code, Some(1));
    assert!(!format!("{token:?}").contains("sk-secret"));
}

#[test]
fn a_kind_that_we_do_not_use_is_shown_and_kept() {
    let document = r#"{"auth_mode":"bedrockApiKey","OPENAI_API_KEY":null,"bedrock_api_key":"secret"}"#;
    let home = Home::holding(document);

    let status = home.run(&["status"]);

    let shown =
        "Method     bedrockApiKey (kept, not used)\nKept in    $HOME/auth.json\nUsed       this login\n";
    assert_eq!(status, ran(0, shown, ""));
    assert_eq!(home.stored().as_deref(), Some(document));
}

const ANEW: &str =
    "hint: nothing was changed; `keyfob login` signs in anew and keeps the damage under another name\n";

#[test]
fn c_38_a_damaged_login_is_reported_and_left_alone() {
    let home = Home::holding("{\"auth_mode\":\"chatgpt\"");
    let text = format!(
        "error: the login in $HOME/auth.json is damaged\n  \
         cause: it is not a JSON object (line 1, column 22)\n{ANEW}"
    );

    assert_eq!(home.run(&["status"]), ran(7, "", &text));
    assert_eq!(home.run(&["token"]), ran(7, "", &text));
    assert_eq!(home.run(&["login", "status"]), ran(1, "", &text));
    let json = home.run(&["status", "--json"]);
    assert_eq!(json.code, Some(7));
    assert!(json.stdout.contains("\"state\":\"store_unavailable\""), "{json:?}");
    assert_eq!(home.stored().as_deref(), Some("{\"auth_mode\":\"chatgpt\""));
}

#[test]
fn c_38_r_34_every_kind_of_damage_is_named_and_left_alone() {
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret""#;
    let damaged =
        |cause: &str| format!("error: the login in $HOME/auth.json is damaged\n  cause: {cause}\n{ANEW}");
    let position =
        |line: u32, column: u32| damaged(&format!("it is not a JSON object (line {line}, column {column})"));
    let later = "error: the login in $HOME/auth.json is damaged\n  \
                 cause: its member `last_refresh` is missing or has the wrong form\n\
                 hint: nothing was changed; `keyfob login --replace` signs in anew and keeps it under another name\n";
    let account =
        r#"{"tokens":{"id_token":"i","access_token":"a","refresh_token":"r"},"last_refresh":1e999}"#;
    let huge = format!("{key},\"x\":{}}}", "9".repeat(1024 * 1024));
    let too_large = "error: $HOME/auth.json is larger than any login (1 MiB)\n\
                     hint: nothing was changed; move it away, or remove it\n";
    let deep = format!("{key},\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let kinds = [
        (Vec::new(), position(1, 0)),
        (vec![0; 512], position(1, 1)),
        (key.into(), position(1, 50)),
        (format!("\u{feff}{key}}}").into(), position(1, 1)),
        (format!("{key},\"auth_mode\":\"apikey\"}}").into(), position(1, 72)),
        (deep.into(), damaged("it is nested too deeply")),
        ([key.as_bytes(), b",\"x\":\"\xff\"}"].concat(), position(1, 57)),
        (account.into(), later.to_owned()),
        (huge.into(), too_large.to_owned()),
    ];
    for (bytes, told) in kinds {
        let home = Home::empty();
        std::fs::write(home.auth_file(), &bytes).unwrap();

        assert_eq!(home.run(&["token"]), ran(7, "", &told));
        assert_eq!(home.run(&["status"]), ran(7, "", &told));

        assert!(std::fs::read(home.auth_file()).unwrap() == bytes, "changed: {told}");
    }
}

#[test]
fn c_38_a_huge_number_that_nobody_reads_is_kept() {
    let document =
        format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret","x":{}}}"#, "9".repeat(100_000));
    let home = Home::holding(&document);

    assert_eq!(home.run(&["status"]).code, Some(0));
    assert_eq!(home.stored(), Some(document));
}

#[test]
fn logout_removes_a_key_and_says_that_there_was_no_session() {
    let home = Home::holding(KEY);

    let words = "Successfully logged out\nRemoved `$HOME/auth.json`; there was no session to end\n";
    assert_eq!(home.run(&["logout"]), ran(0, "", words));
    assert_eq!(home.stored(), None);
}

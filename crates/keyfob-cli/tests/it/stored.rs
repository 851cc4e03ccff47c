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
        ran(0, "Method     API key\nKept in    $HOME/auth.json\nUsed       this login\n", "")
    );
    let token = home.run(&["token"]);
    assert_eq!(token.code, Some(1));
    assert!(!format!("{token:?}").contains("sk-secret"));
}

#[test]
fn a_kind_that_we_do_not_use_is_shown_and_kept() {
    let document = r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-secret"}"#;
    let home = Home::holding(document);

    let status = home.run(&["status"]);

    let shown = "Method     personalAccessToken (kept, not used)\nKept in    $HOME/auth.json\nUsed       this login\n";
    assert_eq!(status, ran(0, shown, ""));
    assert_eq!(home.stored().as_deref(), Some(document));
}

#[test]
fn c_38_a_damaged_login_is_reported_and_left_alone() {
    let home = Home::holding("{\"auth_mode\":\"chatgpt\"");
    let text = "error: the login in $HOME/auth.json is damaged\n  \
                cause: it is not a JSON object (line 1, column 22)\n\
                hint: nothing was changed; if you do not need the file, `keyfob login --replace` overwrites it\n";

    assert_eq!(home.run(&["status"]), ran(7, "", text));
    assert_eq!(home.run(&["token"]), ran(7, "", text));
    assert_eq!(home.run(&["login", "status"]), ran(1, "", text));
    let json = home.run(&["status", "--json"]);
    assert_eq!(json.code, Some(7));
    assert!(json.stdout.contains("\"state\":\"store_unavailable\""), "{json:?}");
    assert_eq!(home.stored().as_deref(), Some("{\"auth_mode\":\"chatgpt\""));
}

#[test]
fn logout_removes_a_key_and_says_that_there_was_no_session() {
    let home = Home::holding(KEY);

    let words = "Successfully logged out\nRemoved `$HOME/auth.json`; there was no session to end\n";
    assert_eq!(home.run(&["logout"]), ran(0, "", words));
    assert_eq!(home.stored(), None);
}

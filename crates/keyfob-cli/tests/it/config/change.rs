//! `keyfob config set` and `unset`.

use super::{share, shared};
use crate::managed::Managed;
use crate::{Home, ran};
use std::fs;

fn own(home: &Home) -> String {
    fs::read_to_string(home.path().join("keyfob/config.toml")).unwrap()
}

#[test]
fn a_key_is_written_into_its_file_and_all_else_there_stays() {
    let home = Home::empty();
    share(&home, "# mine\nforced_login_method = 'api' # for now\n\n[tui]\n# no sound\nx = 1\n");

    let method = home.run(&["config", "set", "forced_login_method", "chatgpt"]);
    let list = home.run(&["config", "set", "forced_chatgpt_workspace_id", "[\"w-1\", \"w-2\"]"]);
    let issuer = home.run(&["config", "set", "issuer", "https://id.example"]);
    let login = home.run(&["config", "set", "default_login", "0"]);

    assert_eq!(method, ran(0, "", "Set `forced_login_method` in $HOME/config.toml\n"));
    assert_eq!(list, ran(0, "", "Set `forced_chatgpt_workspace_id` in $HOME/config.toml\n"));
    assert_eq!(issuer, ran(0, "", "Set `issuer` in $HOME/keyfob/config.toml\n"));
    assert_eq!(login.code, Some(0));
    assert_eq!(
        shared(&home),
        "# mine\nforced_login_method = \"chatgpt\" # for now\nforced_chatgpt_workspace_id = [\"w-1\", \"w-2\"]\n\n\
         [tui]\n# no sound\nx = 1\n"
    );
    assert_eq!(own(&home), "issuer = \"https://id.example\"\ndefault_login = \"0\"\n");
}

#[test]
fn what_the_reader_of_the_file_would_refuse_is_not_written() {
    let home = Home::empty();
    share(&home, "model = \"o9\"\n");
    let refused = |key: &str, value: &str| {
        let told = home.run(&["config", "set", key, value]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{told:?}");
        told.stderr
    };

    assert_eq!(
        refused("forced_login_method", "apy"),
        "error: `forced_login_method` cannot be set to that: unknown variant `apy`, expected `chatgpt` or `api`\n\
         hint: did you mean `api`?\nhint: nothing was changed\n"
    );
    assert_eq!(
        refused("forced_chatgpt_workspace_id", "w-1,w-2"),
        "error: `forced_chatgpt_workspace_id` cannot be set to that: a comma is no part of a workspace's id; \
         several are a list: [\"…\", \"…\"]\nhint: nothing was changed\n"
    );
    assert_eq!(
        refused("issuer", "http://id.example"),
        "error: `issuer` cannot be set to that: the issuer is not usable: \"http://id.example\" must use https; \
         http is allowed only on loopback\nhint: nothing was changed\n"
    );
    assert_eq!(
        refused("default_login", "\"w\" # \""),
        "error: `default_login` cannot be set to that: that is not the name of a login: \
         a login's name begins with a lower-case letter or a digit\nhint: nothing was changed\n"
    );
    assert_eq!(
        refused("login_rule", "x"),
        "error: `login_rule` holds tables, which a command line cannot\n\
         hint: `keyfob logins use NAME --here` adds a rule for the folder you are in\n"
    );
    assert_eq!(refused("isuer", "x"), "error: there is no key `isuer`\nhint: did you mean `issuer`?\n");
    assert_eq!(
        refused("allowed_login_methods", "api"),
        "error: `allowed_login_methods` is a key of requirements.toml, which an administrator writes\n\
         hint: nothing was changed; ask whoever administers this computer\n"
    );
    assert_eq!(shared(&home), "model = \"o9\"\n");
    assert!(!home.path().join("keyfob/config.toml").exists());
}

#[test]
fn s_18_what_an_administrator_requires_is_not_set_otherwise() {
    let requirements = "allowed_login_methods = [\"chatgpt\"]\ncli_auth_credentials_store = \"file\"\n\
                        [keyfob]\nissuer = \"https://id.example\"\n";
    let managed = Managed::empty().with("requirements.toml", requirements);
    let home = Home::empty();
    let only = "hint: nothing was changed; only whoever administers this computer can change that\n";
    let pinned = |key: &str, value: &str, pin: &str| {
        let told = managed.run(&home, &["config", "set", key, value]);
        let text = format!("error: `{key}` is required to be {pin}\n{only}");
        assert_eq!(told, ran(6, "", &text));
    };

    pinned("cli_auth_credentials_store", "keyring", "\"file\" by /etc/codex/requirements.toml:2");
    pinned("issuer", "https://mine.example", "\"https://id.example\" by /etc/codex/requirements.toml:4");

    let text = format!(
        "error: set to that, `forced_login_method` would leave no way to sign in: \
         `allowed_login_methods` is in /etc/codex/requirements.toml:1\n{only}"
    );
    assert_eq!(managed.run(&home, &["config", "set", "forced_login_method", "api"]), ran(6, "", &text));
    assert!(!home.path().join("config.toml").exists());
}

#[test]
fn c_53_nothing_is_set_while_restrictions_are_not_known() {
    let managed = Managed::empty().with("requirements.toml", "allowed_login_methods = [\"sso\"]\n");
    let home = Home::empty();

    let told = managed.run(&home, &["config", "set", "default_login", "work"]);

    assert_eq!(told.code, Some(6));
    assert!(
        told.stderr.starts_with("error: /etc/codex/requirements.toml:1:26: unknown variant `sso`"),
        "{told:?}"
    );
    assert!(!home.path().join("keyfob/config.toml").exists());
}

#[test]
fn a_stronger_layer_that_hides_the_value_is_told() {
    let managed =
        Managed::empty().with("managed_config.toml", "chatgpt_base_url = \"https://codex.example\"\n");
    let home = Home::empty();

    let told = managed.run(&home, &["config", "set", "chatgpt_base_url", "https://mine.example"]);

    let text = "Set `chatgpt_base_url` in $HOME/config.toml\n\
                note: /etc/codex/managed_config.toml:1 is stronger and says \"https://codex.example\"\n";
    assert_eq!(told, ran(0, "", text));
    let told = managed.run(&home, &["config", "unset", "chatgpt_base_url"]);
    let text = "Took `chatgpt_base_url` out of $HOME/config.toml\n\
                note: /etc/codex/managed_config.toml:1 says \"https://codex.example\"\n";
    assert_eq!(told, ran(0, "", text));
}

#[test]
fn a_wrong_value_can_be_set_right_and_a_key_can_be_taken_away() {
    let home = Home::empty();
    share(&home, "# method\nforced_login_method = \"sso\" # soon\n# next\nmodel = \"o9\"\n");
    assert_eq!(home.run(&["status"]).code, Some(1));

    let set = home.run(&["config", "set", "forced_login_method", "api"]);
    assert_eq!(set, ran(0, "", "Set `forced_login_method` in $HOME/config.toml\n"));
    assert_eq!(shared(&home), "# method\nforced_login_method = \"api\" # soon\n# next\nmodel = \"o9\"\n");

    let unset = home.run(&["config", "unset", "forced_login_method"]);
    assert_eq!(unset, ran(0, "", "Took `forced_login_method` out of $HOME/config.toml\n"));
    assert_eq!(shared(&home), "# method\n# next\nmodel = \"o9\"\n");
    let again = home.run(&["config", "unset", "forced_login_method"]);
    assert_eq!(again, ran(0, "", "`forced_login_method` is not set in $HOME/config.toml\n"));
}

#[test]
fn a_file_that_is_broken_elsewhere_is_not_touched() {
    let home = Home::empty();
    share(&home, "model = = 1\n");

    let told = home.run(&["config", "set", "forced_login_method", "api"]);

    let text = "error: $HOME/config.toml:1:9: extra `=`, expected nothing\n  |\n1 | model = = 1\n  |         ^\n\
                hint: nothing was changed; mend it there first, `keyfob config check` shows all that is wrong\n";
    assert_eq!(told, ran(1, "", text));
    assert_eq!(shared(&home), "model = = 1\n");
}

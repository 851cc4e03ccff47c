//! `keyfob config show`.

use super::{is_readable, share};
use crate::managed::Managed;
use crate::{Home, ran};
use serde_json::Value;

fn example() -> (Managed, Home) {
    let managed = Managed::empty()
        .with(
            "requirements.toml",
            "# ours\nallowed_login_methods = [\"chatgpt\"]\ncli_auth_credentials_store = \"file\"\n\
             [keyfob]\nissuer = \"https://id.example\"\n",
        )
        .with("managed_config.toml", "forced_chatgpt_workspace_id = [\"w-1\", \"w-2\"]\n");
    let home = Home::empty();
    share(
        &home,
        "model = \"o9\"\ncli_auth_credentials_store = \"keyring\"\nforced_chatgpt_workspace_id = \"w-1\"\n\
         chatgpt_base_url = \"https://mia:pass@codex.example/v1?key=k\"\n",
    );
    home.configure(
        "issuer = \"https://mine.example\"\n\n[[login_rule]]\npath = \"/work\"\nlogin = \"work\"\n",
    );
    (managed, home)
}

const EXAMPLE: &str = "\
allowed_login_methods = [\"chatgpt\"]
  from /etc/codex/requirements.toml:2 (requirements)
allowed_chatgpt_workspaces is not set: all
cli_auth_credentials_store = \"file\"
  from /etc/codex/requirements.toml:3 (requirements)
  over $HOME/config.toml:2 (user)
       \"keyring\"
chatgpt_base_url = \"https://codex.example/v1\"
  from $HOME/config.toml:4 (user)
issuer = \"https://id.example\"
  from /etc/codex/requirements.toml:5 (requirements)
  over $HOME/keyfob/config.toml:1 (own)
       \"https://mine.example\"
untrusted_ci is not set: \"warn\"
forced_login_method is not set: any
forced_chatgpt_workspace_id = [\"w-1\", \"w-2\"]
  from /etc/codex/managed_config.toml:1 (managed_config)
  over $HOME/config.toml:3 (user)
       \"w-1\"
default_login is not set: \"shared\"
precedence is not set: \"keyfob\"
login_origins is not set: none
login_rule = \"work\" in \"/work\"
  from $HOME/keyfob/config.toml:3 (own)

Restrictions on signing in, which all count:
allowed_login_methods allows chatgpt
  from /etc/codex/requirements.toml:2 (requirements)
forced_chatgpt_workspace_id allows w-1, w-2
  from /etc/codex/managed_config.toml:1 (managed_config)
forced_chatgpt_workspace_id allows w-1
  from $HOME/config.toml:3 (user)
";

#[test]
fn s_18_each_key_is_shown_with_its_value_its_place_and_what_it_stands_above() {
    let (managed, home) = example();

    let told = managed.run(&home, &["config", "show"]);

    assert_eq!(told, ran(0, EXAMPLE, ""));
    assert!(is_readable(&told.stdout));
}

#[test]
fn a_flag_stands_above_the_users_file_and_below_the_administrators() {
    let (managed, home) = example();

    let told = managed
        .run(&home, &["config", "show", "chatgpt_base_url", "-c", "chatgpt_base_url=https://flag.example"]);

    let text = "chatgpt_base_url = \"https://flag.example\"\n  from -c:1 (flag)\n  over $HOME/config.toml:4 (user)\n       \
                \"https://codex.example/v1\"\n";
    assert_eq!(told, ran(0, text, ""));
}

#[test]
fn programs_get_every_value_with_its_place() {
    let (managed, home) = example();

    let told = managed.run(&home, &["config", "show", "--json", "cli_auth_credentials_store"]);

    let expected = r#"{"schema":1,"keys":[{"key":"cli_auth_credentials_store","values":[
        {"value":"\"file\"","origin":{"layer":"requirements","file":"/etc/codex/requirements.toml","line":3}},
        {"value":"\"keyring\"","origin":{"layer":"user","file":"$HOME/config.toml","line":2}}],
        "default":"\"file\""}],"restrictions":[]}"#;
    let document = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!((told.code, document(&told.stdout)), (Some(0), document(expected)));
    let all = document(&managed.run(&home, &["config", "show", "--json"]).stdout);
    assert_eq!(all["keys"].as_array().unwrap().len(), 12);
    assert_eq!(
        all["restrictions"][1],
        document(
            r#"{"key":"forced_chatgpt_workspace_id","allows":["w-1","w-2"],
                "origin":{"layer":"managed_config","file":"/etc/codex/managed_config.toml","line":1}}"#
        )
    );
}

#[test]
fn a_key_that_there_is_not_is_answered_with_the_nearest() {
    let told = Home::empty().run(&["config", "show", "isuer"]);

    assert_eq!(told, ran(2, "", "error: there is no key `isuer`\nhint: did you mean `issuer`?\n"));
}

//! `keyfob config check`.

use super::{is_readable, share};
use crate::managed::{Managed, Repository};
use crate::{Home, ran};
use serde_json::{Value, json};

#[test]
fn nothing_is_wrong_where_nothing_is() {
    assert_eq!(Home::empty().run(&["config", "check"]), ran(0, "nothing is wrong\n", ""));
}

const ALL: &str = "\
error: unknown variant `keychain`, expected one of `file`, `keyring`, `auto`,
  `ephemeral`
  --> $HOME/config.toml:1:30
  |
1 | cli_auth_credentials_store = \"keychain\"
  |                              ^^^^^^^^^^

error: unknown variant `apy`, expected `chatgpt` or `api`
  --> $HOME/config.toml:2:23
  |
2 | forced_login_method = \"apy\"
  |                       ^^^^^
hint: did you mean `api`?

warning: no key of the Codex CLI's config.toml is called `chatgpt_base_uri`
  --> $HOME/config.toml:3:1
  |
3 | chatgpt_base_uri = \"*********************\"
  | ^^^^^^^^^^^^^^^^
hint: did you mean `chatgpt_base_url`?

warning: `forced_chatgpt_workspace_id` has no effect in the table `[tui]`
  --> $HOME/config.toml:5:1
  |
5 | forced_chatgpt_workspace_id = \"w-1\"
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: every key below a header belongs to its table: put it above the first
      header

error: unknown field `isuer`, expected one of `issuer`, `default_login`,
  `precedence`, `login_origins`, `login_rule`
  --> $HOME/keyfob/config.toml:1:1
  |
1 | isuer = \"******************\"
  | ^^^^^
hint: did you mean `issuer`?

looked at $HOME/config.toml (user)
looked at $HOME/keyfob/config.toml (own)
3 errors, 2 warnings
";

#[test]
fn all_that_is_wrong_in_all_files_is_told_at_once() {
    let home = Home::empty();
    share(
        &home,
        "cli_auth_credentials_store = \"keychain\"\nforced_login_method = \"apy\"\n\
         chatgpt_base_uri = \"https://codex.example\"\n[tui]\nforced_chatgpt_workspace_id = \"w-1\"\n",
    );
    home.configure("isuer = \"https://id.example\"\n");

    let told = home.run(&["config", "check"]);

    assert_eq!(told, ran(1, ALL, ""));
    assert!(is_readable(&told.stdout));
}

#[test]
fn c_22_a_projects_file_that_sets_what_only_the_user_may_is_a_warning() {
    let repository = Repository::with("model = \"o9\"\nforced_login_method = \"api\"\nx = = 1\n");

    let told = repository.run(&Home::empty(), &["config", "check"]);

    let expected = "\
warning: extra `=`, expected nothing
  --> $REPOSITORY/.codex/config.toml:3:5
  |
3 | x = = 1
  |     ^
hint: the Codex CLI cannot use this file

warning: `forced_login_method` in a project's file counts for nothing here
  --> $REPOSITORY/.codex/config.toml:2:1
  |
2 | forced_login_method = \"api\"
  | ^^^^^^^^^^^^^^^^^^^
hint: put it into your own config.toml, if you want it

looked at $REPOSITORY/.codex/config.toml (project)
0 errors, 2 warnings
";
    assert_eq!(told, ran(0, expected, ""));
}

#[test]
fn h_4_a_restriction_of_workspaces_that_keys_pass_is_a_warning() {
    let requirements = "allowed_chatgpt_workspaces = [\"w-1\"]\n";
    let open = Managed::empty().with("requirements.toml", requirements);
    let closed = Managed::empty()
        .with("requirements.toml", &format!("{requirements}allowed_login_methods = [\"chatgpt\"]\n"));
    let home = Home::empty();

    let told = open.run(&home, &["config", "check"]);

    let expected = "\
warning: `allowed_chatgpt_workspaces` restricts accounts alone: an API key is of
  no workspace and passes
  --> /etc/codex/requirements.toml:1:1
  |
1 | allowed_chatgpt_workspaces = [\"w-1\"]
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: where keys are not to pass, an administrator sets `allowed_login_methods =
      [\"chatgpt\"]`

looked at /etc/codex/requirements.toml (requirements)
0 errors, 1 warning
";
    assert_eq!(told, ran(0, expected, ""));
    let told = closed.run(&home, &["config", "check"]);
    assert_eq!(told.stdout, "looked at /etc/codex/requirements.toml (requirements)\nnothing is wrong\n");
}

#[test]
fn c_53_where_restrictions_cannot_be_known_the_code_is_6_whatever_else_is_wrong() {
    let managed = Managed::empty().with("requirements.toml", "allowed_login_methods = [\"sso\"]\n");
    let home = Home::empty();
    share(&home, "forced_login_method = \"sso\"\n");

    let told = managed.run(&home, &["config", "check", "--json"]);

    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    let place = |file: &str, column: u32| json!({ "file": file, "line": 1, "column": column });
    let message = "unknown variant `sso`, expected `chatgpt` or `api`";
    let expected = json!({
        "schema": 1,
        "usable": false,
        "files": [
            { "layer": "requirements", "file": "/etc/codex/requirements.toml" },
            { "layer": "user", "file": "$HOME/config.toml" },
        ],
        "findings": [
            {
                "severity": "error", "message": message, "place": place("/etc/codex/requirements.toml", 26),
                "hints": [
                    "nothing was changed; what an administrator restricts is not known, so nothing is allowed: ask \
                     whoever administers this computer",
                ],
            },
            { "severity": "error", "message": message, "place": place("$HOME/config.toml", 23), "hints": [] },
        ],
    });
    assert_eq!((told.code, document), (Some(6), expected));
}

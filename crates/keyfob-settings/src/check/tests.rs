use super::*;
use crate::settings::Settings;
use std::sync::Arc;

fn text(content: &str) -> Text {
    Text { layer: Layer::User, file: Arc::new("/f".into()), content: content.into() }
}

fn first_lines(problems: impl IntoIterator<Item = String>) -> Vec<String> {
    problems.into_iter().map(|problem| problem.lines().next().unwrap_or_default().to_owned()).collect()
}

fn errors_of(kind: FileKind, content: &str) -> Vec<String> {
    let parse = |text: &Text| match kind {
        FileKind::Requirements => Settings::default().require(text),
        FileKind::Shared => crate::settings::config(text).map(drop),
        FileKind::Own => crate::Own::parse(text, None).map(drop),
    };
    first_lines(errors(&text(content), parse).iter().map(ToString::to_string))
}

fn warnings_of(kind: FileKind, content: &str) -> Vec<String> {
    let warnings = warnings(kind, &text(content));
    let line = |warning: Problem| {
        format!("{}:{}: {}; {}", warning.line, warning.column, warning.message, warning.help.unwrap())
    };
    warnings.into_iter().map(line).collect()
}

#[test]
fn c_53_all_that_is_wrong_in_a_file_is_found_at_once() {
    assert_eq!(
        errors_of(
            FileKind::Shared,
            "model = 1\nforced_login_method = \"ü\"\ncli_auth_credentials_store = 7\n\
             forced_chatgpt_workspace_id = [\n  1,\n]\n[tui]\nx = 1\n"
        ),
        [
            "/f:2:23: unknown variant `ü`, expected `chatgpt` or `api`",
            "/f:3:30: `cli_auth_credentials_store` has to be one of \"file\", \"keyring\", \"auto\", \"ephemeral\"",
            "/f:5:3: `forced_chatgpt_workspace_id` has to be the id of a workspace, or a list of them",
        ]
    );
    assert_eq!(
        errors_of(
            FileKind::Requirements,
            "allowed_login_methods = [\"api\", \"sso\"]\n[keyfob]\nissuer = \"x\"\nisuer = 1\n[x]\ny = 1\n"
        )
        .len(),
        3
    );
    assert_eq!(
        errors_of(
            FileKind::Own,
            "isuer = 1\n[[login_rule]]\npath = \"w\"\nlogin = \"a\"\n[[login_rule]]\npath = \"/w\"\n\
             [[login_rule]]\nlogin = \"b\"\npath = \"/w\"\n[other]\nx = 1\n"
        ),
        [
            "/f:1:1: unknown field `isuer`, expected one of `issuer`, `default_login`, `precedence`, `login_origins`, `login_rule`",
            "/f:3:8: the path of a rule begins with `/` or `~/`",
            "/f:5:1: missing field `login`",
            "/f:10:2: unknown field `other`, expected one of `issuer`, `default_login`, `precedence`, `login_origins`, `login_rule`",
        ]
    );
}

#[test]
fn every_slip_of_syntax_is_found_at_once() {
    let found = errors_of(FileKind::Shared, "a = = 1\nb = 2\nc = [1,\nd = \"x\n");

    assert!(found.len() > 1, "{found:?}");
    assert!(found.iter().all(|line| line.starts_with("/f:")), "{found:?}");
}

#[test]
fn a_key_of_another_file_or_a_near_one_is_a_warning() {
    assert_eq!(
        warnings_of(
            FileKind::Shared,
            "allowed_login_methods = []\nissuer = 1\nforced_login_methd = 1\n[keyfob]\n"
        ),
        [
            "1:1: `allowed_login_methods` has no effect here; it is a key of requirements.toml",
            "2:1: `issuer` has no effect here; it is a key of keyfob/config.toml",
            "3:1: no key of the Codex CLI's config.toml is called `forced_login_methd`; did you mean `forced_login_method`?",
            "4:2: `keyfob` has no effect here; it is a key of requirements.toml",
        ]
    );
    assert_eq!(
        warnings_of(
            FileKind::Requirements,
            "forced_login_method = 1\nallowed_login_method = 1\n[keyfob]\nissuer = 1\n"
        ),
        [
            "1:1: `forced_login_method` has no effect here; it is a key of the Codex CLI's config.toml",
            "2:1: no key of requirements.toml is called `allowed_login_method`; did you mean `allowed_login_methods`?",
        ]
    );
}

#[test]
fn a_key_below_a_header_that_is_not_its_own_is_a_warning() {
    assert_eq!(
        warnings_of(
            FileKind::Requirements,
            "[features]\nallowed_login_methods = [\"api\"]\n[a.b]\nchatgpt_base_url = \"u\"\n"
        ),
        [
            format!("2:1: `allowed_login_methods` has no effect in the table `[features]`; {TO_THE_TOP}"),
            format!("4:1: `chatgpt_base_url` has no effect in the table `[a.b]`; {TO_THE_TOP}"),
        ]
    );
}

#[test]
fn the_codex_clis_own_keys_are_left_alone() {
    let shared = [
        "model",
        "model_provider",
        "model_providers",
        "openai_base_url",
        "profile",
        "profiles",
        "projects",
        "notify",
        "approval_policy",
        "sandbox_mode",
        "mcp_servers",
        "mcp_oauth_credentials_store",
        "history",
        "tui",
        "otel",
        "features",
        "hide_agent_reasoning",
        "model_reasoning_effort",
        "chatgpt_account",
        "web_search",
        "forced",
    ];
    let requirements = [
        "allowed_approval_policies",
        "allowed_sandbox_modes",
        "allowed_web_search_modes",
        "enforce_residency",
        "mcp_servers",
        "features",
        "rules",
        "network",
        "model_provider",
        "model_providers",
    ];
    let content =
        |keys: &[&str]| keys.iter().map(|key| [*key, " = 1\n"].concat()).collect::<Vec<_>>().concat();

    assert_eq!(warnings_of(FileKind::Shared, &content(&shared)), [""; 0]);
    assert_eq!(warnings_of(FileKind::Requirements, &content(&requirements)), [""; 0]);
}

#[test]
fn a_key_that_its_parser_does_not_know_there_is_sent_to_where_it_belongs() {
    let of = |layer, name: &str| help(layer, &format!("unknown field `{name}`, expected `issuer`"));

    assert_eq!(of(Layer::Requirements, "allowed_login_methods").as_deref(), Some(TO_THE_TOP));
    assert_eq!(of(Layer::Own, "default_login").as_deref(), Some(TO_THE_TOP));
    let shared = Some("it is a key of the Codex CLI's config.toml");
    assert_eq!(of(Layer::Own, "forced_login_method").as_deref(), shared);
    assert_eq!(of(Layer::Own, "isuer").as_deref(), Some("did you mean `issuer`?"));
    assert_eq!(of(Layer::Own, "zz"), None);
}

//! Which file of the configuration decides.

use super::File::{Managed, OfHome, OfProject, Requirements, System, User};
use super::requirements::{KEY, NOT_READ, STATUS, USE};
use super::{
    File, NAMED, NOT_BELIEVED, NOTHING_TO_USE, Ours, Play, REPOSITORY, Row, SIX, Section, Stored, THEIRS,
};
use anyhow::Result;
use keyfob_e2e::Peculiar;

pub(crate) const API: &str = "forced_login_method = \"api\"\n";
pub(crate) const CHATGPT: &str = "forced_login_method = \"chatgpt\"\n";
const ONE: &str = "forced_chatgpt_workspace_id = \"acct-1\"\n";
const OTHER: &str = "forced_chatgpt_workspace_id = \"acct-other\"\n";
const EPHEMERAL: &str = "cli_auth_credentials_store = \"ephemeral\"\n";
const FILE: &str = "cli_auth_credentials_store = \"file\"\n";
const ACCOUNTS_ALONE: &str = "allowed_login_methods = [\"chatgpt\"]\n";
const TRUSTED: &str = "[projects.\"PROJECT\"]\ntrust_level = \"trusted\"\n";
const PROJECT: File = OfProject("config.toml");

const KEPT_TO: &str = "what an administrator's file restricts, no other file and no flag takes back (S-18)";
const NO_EFFECT: &str = "what is meant as a restriction and would restrict nothing is an error";
const PROFILES: &str = "a profile is chosen for a run of the Codex CLI, and `keyfob` has none";

const fn key(name: &'static str, files: &'static [(File, &'static str)], ours: Ours) -> Row {
    row(name, "a key is to be kept", Play { files, ..KEY }, ours)
}

const fn used(name: &'static str, files: &'static [(File, &'static str)], ours: Ours) -> Row {
    row(name, "an account is to be used", Play { files, ..USE }, ours)
}

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

const fn peculiar(how: Peculiar) -> Play {
    Play { files: &[(Requirements, ACCOUNTS_ALONE)], peculiar: Some((Requirements, how)), ..KEY }
}

#[tokio::test]
async fn s_18_the_file_decides_that_decides_for_the_codex_cli_or_another_for_a_reason() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "layers",
    title: "Which file of the configuration decides",
    test: "s_18_the_file_decides_that_decides_for_the_codex_cli_or_another_for_a_reason",
    rows: &[
        key("method_system", &[(System, CHATGPT)], Ours::SameCode(NOT_READ)),
        key("method_system_user", &[(System, CHATGPT), (User, API)], Ours::Differs(KEPT_TO)),
        key("method_system_user_chatgpt", &[(System, API), (User, CHATGPT)], Ours::SameCode(NAMED)),
        key("method_managed_user", &[(Managed, CHATGPT), (User, API)], Ours::SameCode(NAMED)),
        key("method_managed_user_chatgpt", &[(Managed, API), (User, CHATGPT)], Ours::Differs(KEPT_TO)),
        row(
            "method_flag_user",
            "a key is to be kept, and `-c forced_login_method=api`",
            Play {
                files: &[(User, CHATGPT)],
                codex: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                keyfob: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                ..KEY
            },
            Ours::Same,
        ),
        row(
            "method_flag_managed",
            "a key is to be kept, and `-c forced_login_method=api`",
            Play {
                files: &[(Managed, CHATGPT)],
                codex: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                keyfob: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                ..KEY
            },
            Ours::SameCode(NAMED),
        ),
        row(
            "method_flag_system",
            "a key is to be kept, and `-c forced_login_method=api`",
            Play {
                files: &[(System, CHATGPT)],
                codex: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                keyfob: &["-c", "forced_login_method=api", "login", "--with-api-key"],
                ..KEY
            },
            Ours::Differs(KEPT_TO),
        ),
        key("method_requirements", &[(Requirements, CHATGPT)], Ours::Differs(NO_EFFECT)),
        key("methods_managed", &[(Managed, ACCOUNTS_ALONE)], Ours::Same),
        key("methods_user", &[(User, ACCOUNTS_ALONE)], Ours::Same),
        key("managed_at_home", &[(OfHome("managed_config.toml"), CHATGPT)], Ours::Same),
        key("requirements_at_home", &[(OfHome("requirements.toml"), ACCOUNTS_ALONE)], Ours::Same),
        key(
            "requirements_of_project",
            &[(User, TRUSTED), (OfProject("requirements.toml"), ACCOUNTS_ALONE)],
            Ours::Same,
        ),
        key("method_project", &[(PROJECT, CHATGPT)], Ours::Same),
        key("method_project_trusted", &[(User, TRUSTED), (PROJECT, CHATGPT)], Ours::Differs(REPOSITORY)),
        key(
            "method_project_trusted_by_system",
            &[(System, TRUSTED), (PROJECT, CHATGPT)],
            Ours::Differs(REPOSITORY),
        ),
        key(
            "method_project_trusted_user",
            &[
                (
                    User,
                    "forced_login_method = \"chatgpt\"\n[projects.\"PROJECT\"]\ntrust_level = \"trusted\"\n",
                ),
                (PROJECT, API),
            ],
            Ours::Differs(REPOSITORY),
        ),
        key("store_project_trusted", &[(User, TRUSTED), (PROJECT, EPHEMERAL)], Ours::Differs(REPOSITORY)),
        row(
            "profile_flag",
            "an account is to be used, and `-p work`",
            Play {
                files: &[(OfHome("work.config.toml"), API)],
                codex: &[
                    "exec",
                    "-p",
                    "work",
                    "-c",
                    "openai_base_url=\"ISSUER/v1\"",
                    "-c",
                    "chatgpt_base_url=\"ISSUER/backend-api/\"",
                    "--skip-git-repo-check",
                    "hi",
                ],
                ..USE
            },
            Ours::Differs(PROFILES),
        ),
        key("profile_key", &[(User, "profile = \"work\"\n")], Ours::Differs(THEIRS)),
        key("profile_table", &[(User, "[profiles.work]\nforced_login_method = \"chatgpt\"\n")], Ours::Same),
        used("workspace_system_user", &[(System, OTHER), (User, ONE)], Ours::Differs(KEPT_TO)),
        used("workspace_managed_user", &[(Managed, OTHER), (User, ONE)], Ours::SameDecision(SIX)),
        used(
            "workspace_lists",
            &[
                (System, "forced_chatgpt_workspace_id = [\"acct-1\"]\n"),
                (User, "forced_chatgpt_workspace_id = [\"acct-other\"]\n"),
            ],
            Ours::SameDecision(SIX),
        ),
        key("store_user", &[(User, EPHEMERAL)], Ours::Same),
        key("store_system_user", &[(System, EPHEMERAL), (User, FILE)], Ours::Same),
        key("store_managed_user", &[(Managed, EPHEMERAL), (User, FILE)], Ours::Same),
        key("store_pinned", &[(Requirements, EPHEMERAL), (User, FILE)], Ours::Same),
        key("store_pinned_managed", &[(Requirements, FILE), (Managed, EPHEMERAL)], Ours::Same),
        used("store_pinned_used", &[(Requirements, EPHEMERAL), (User, FILE)], Ours::Differs(NOTHING_TO_USE)),
        row(
            "writable",
            "a key is to be kept; everybody may write to the file",
            peculiar(Peculiar::Writable),
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "in_writable_folder",
            "a key is to be kept; everybody may put files into its folder",
            peculiar(Peculiar::InWritableFolder),
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "of_another",
            "a key is to be kept; the file belongs to somebody else than root",
            peculiar(Peculiar::Anothers),
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "link",
            "a key is to be kept; the file is a link",
            peculiar(Peculiar::Link),
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "link_to_nothing",
            "a key is to be kept; the file is a link to nothing",
            peculiar(Peculiar::DanglingLink),
            Ours::Differs(NOT_BELIEVED),
        ),
        row(
            "folder",
            "a key is to be kept; the file is a folder",
            peculiar(Peculiar::Folder),
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "whole",
            "a configuration with everything that the Codex CLI documents about sign-in",
            Play { files: &[(User, WHOLE)], stored: Stored::Account, ..STATUS },
            Ours::Same,
        ),
    ],
    unplayed: &[],
};

const WHOLE: &str = r#"# ours
model = "gpt-6.1-sol"
model_provider = "proxy"
approval_policy = "on-request"
sandbox_mode = "workspace-write"
forced_login_method = "chatgpt"
forced_chatgpt_workspace_id = ["acct-1", "acct-2"]
cli_auth_credentials_store = "file"
chatgpt_base_url = "ISSUER"
openai_base_url = "ISSUER/v1"

[model_providers.proxy]
name = "Our proxy"
base_url = "https://llm.example.org/v1"
env_key = "PROXY_KEY"
env_key_instructions = "Ask the platform team."
wire_api = "responses"
query_params = { api-version = "1" }
http_headers = { "X-Team" = "a" }
env_http_headers = { "X-Trace" = "TRACE" }
request_max_retries = 4
stream_max_retries = 5
stream_idle_timeout_ms = 300000

[model_providers.command]
name = "By a command"
base_url = "https://llm.example.org/v1"

[model_providers.command.auth]
command = "keyfob"
args = ["token"]
timeout_ms = 5000
refresh_interval_ms = 300000

[model_providers.account]
name = "With the account"
base_url = "https://llm.example.org/v1"
requires_openai_auth = true

[mcp_servers.docs]
command = "docs-server"
env = { DOCS_TOKEN = "x" }

[projects."/src/a"]
trust_level = "trusted"

[tui]
notifications = true
"#;

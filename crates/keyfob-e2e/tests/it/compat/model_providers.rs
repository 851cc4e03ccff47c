//! What the `model_providers` of a configuration may say.

use super::File::{System, User};
use super::requirements::{STATUS, USE};
use super::{File, NOT_USED, Ours, Play, Row, Section, Stored, THREE_PARTS, WHERE_AND_WHAT};
use anyhow::Result;

const fn status(name: &'static str, files: &'static [(File, &'static str)], ours: Ours) -> Row {
    let play = Play { files, stored: Stored::ApiKey, ..STATUS };
    Row { name, scenario: "`login status` with a key", play, ours, tests: &[] }
}

const fn used(
    name: &'static str,
    scenario: &'static str,
    files: &'static [(File, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    ours: Ours,
) -> Row {
    let keyfob = &["exec", "--", "sh", "-c", "echo $OPENAI_BASE_URL $OPENAI_API_KEY"];
    let play = Play { files, variables, keyfob, ..USE };
    Row { name, scenario, play, ours, tests: &[] }
}

/// A configuration with a provider `p` that is chosen, and these lines.
macro_rules! provider {
    ($lines:literal) => {
        &[(
            User,
            concat!(
                "model_provider = \"p\"\n\n[model_providers.p]\nname = \"P\"\nbase_url = \"ISSUER/p\"\n",
                $lines
            ),
        )]
    };
}

const AMAZON: &str = "entries of Amazon's are the Codex CLI's to check";
const FAILS: &str = "a command that fails is an error, and nobody is asked without a credential";
const DOCUMENTED: &str =
    "`env_key` is ignored where `requires_openai_auth` is set, as the documentation says (design D2)";

const KEY: &[(&str, &str)] = &[("MY_KEY", "k-0123456789")];

#[tokio::test]
async fn s_22_a_model_provider_is_read_as_by_the_codex_cli_or_otherwise_for_a_reason() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "model_providers",
    title: "What `model_providers` may say",
    test: "s_22_a_model_provider_is_read_as_by_the_codex_cli_or_otherwise_for_a_reason",
    rows: &[
        status(
            "openai",
            &[(User, "[model_providers.openai]\nname = \"P\"\nbase_url = \"https://llm.example.org\"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "openai_of_system",
            &[(System, "[model_providers.openai]\nname = \"P\"\nbase_url = \"https://llm.example.org\"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "ollama",
            &[(User, "[model_providers.ollama]\nname = \"P\"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "amazon_bedrock",
            &[(User, "[model_providers.amazon-bedrock]\nname = \"P\"\n")],
            Ours::Differs(AMAZON),
        ),
        status(
            "unnamed",
            &[(User, "[model_providers.p]\nbase_url = \"https://llm.example.org\"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status("not_found", &[(User, "model_provider = \"none\"\n")], Ours::Differs(NOT_USED)),
        status("unknown_key", provider!("new_key = 1\n"), Ours::Same),
        status("wire_chat", provider!("wire_api = \"chat\"\n"), Ours::SameCode(WHERE_AND_WHAT)),
        status("wire_unknown", provider!("wire_api = \"x\"\n"), Ours::SameCode(WHERE_AND_WHAT)),
        status("account_text", provider!("requires_openai_auth = \"yes\"\n"), Ours::SameCode(WHERE_AND_WHAT)),
        status("header_number", provider!("http_headers = { X-A = 1 }\n"), Ours::SameCode(WHERE_AND_WHAT)),
        status("retries_negative", provider!("request_max_retries = -1\n"), Ours::SameCode(WHERE_AND_WHAT)),
        status("not_a_table", &[(User, "[model_providers]\np = 1\n")], Ours::SameCode(WHERE_AND_WHAT)),
        status(
            "command_blank",
            provider!("[model_providers.p.auth]\ncommand = \" \"\n"),
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "command_missing",
            provider!("[model_providers.p.auth]\nargs = []\n"),
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "command_and_key",
            provider!("env_key = \"MY_KEY\"\n[model_providers.p.auth]\ncommand = \"keyfob\"\n"),
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "command_at_once",
            provider!("[model_providers.p.auth]\ncommand = \"keyfob\"\ntimeout_ms = 0\n"),
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status(
            "gateway_incomplete",
            provider!("[model_providers.p.gateway_oauth]\nclient_id = \"x\"\n"),
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        used("nothing", "an account is stored", provider!(""), &[], Ours::Same),
        used("account", "an account is stored", provider!("requires_openai_auth = true\n"), &[], Ours::Same),
        used(
            "key",
            "an account is stored, and `MY_KEY` is set",
            provider!("env_key = \"MY_KEY\"\n"),
            KEY,
            Ours::Same,
        ),
        used(
            "key_missing",
            "an account is stored, and `MY_KEY` is not set",
            provider!("env_key = \"MY_KEY\"\nenv_key_instructions = \"Ask Bob.\"\n"),
            &[],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        used(
            "key_blank",
            "an account is stored, and `MY_KEY` is blank",
            provider!("env_key = \"MY_KEY\"\n"),
            &[("MY_KEY", " ")],
            Ours::SameCode(THREE_PARTS),
        ),
        used(
            "key_and_account",
            "an account is stored, and `MY_KEY` is set",
            provider!("env_key = \"MY_KEY\"\nrequires_openai_auth = true\n"),
            KEY,
            Ours::Differs(DOCUMENTED),
        ),
        used(
            "key_missing_and_account",
            "an account is stored, and `MY_KEY` is not set",
            provider!("env_key = \"MY_KEY\"\nrequires_openai_auth = true\n"),
            &[],
            Ours::Differs(DOCUMENTED),
        ),
        used(
            "bearer",
            "an account is stored",
            provider!("experimental_bearer_token = \"k-in-file\"\n"),
            &[],
            Ours::Same,
        ),
        used(
            "command",
            "an account is stored",
            provider!("[model_providers.p.auth]\ncommand = \"echo\"\nargs = [\"k-printed\"]\n"),
            &[],
            Ours::Same,
        ),
        used(
            "command_fails",
            "an account is stored",
            provider!("[model_providers.p.auth]\ncommand = \"false\"\n"),
            &[],
            Ours::Differs(FAILS),
        ),
    ],
    unplayed: &[],
};

use super::*;
use crate::config::Config;

/// The message of the first entry that is wrong, and its key; or what the parser says.
fn judged(entry: &str) -> Option<(Key, String)> {
    judged_as("p", entry)
}

fn judged_as(id: &str, entry: &str) -> Option<(Key, String)> {
    let table = ProviderTable::parse(entry).unwrap();
    check(id, &table).err().map(|error| (error.key, error.message))
}

fn parsed(entry: &str) -> String {
    ProviderTable::parse(entry).unwrap_err().message
}

#[test]
fn s_22_an_entry_is_judged_in_words_close_to_the_codex_clis() {
    let p = |key, words: &str| Some((key, format!("model_providers.p: {words}")));

    assert_eq!(judged("name = 'P'\n"), None);
    assert_eq!(judged("name = 'P'\nlater = 1\n[auth]\ncommand = 'x'\nlater = 2\n"), None);
    assert_eq!(judged("base_url = 'https://p.test'\n"), p(Key::Entry, "provider name must not be empty"));
    assert_eq!(judged("name = ' '\n"), p(Key::Name, "provider name must not be empty"));
    for command in ["", "command = ' '"] {
        let words = "provider auth.command must not be empty";
        assert_eq!(judged(&format!("name = 'P'\n[auth]\n{command}\n")), p(Key::Auth, words));
    }
    assert_eq!(
        judged("name = 'P'\nenv_key = 'K'\n[auth]\ncommand = 'x'\n"),
        p(Key::Auth, "provider auth cannot be combined with env_key")
    );
    assert_eq!(
        judged(
            "name = 'P'\nexperimental_bearer_token = 's'\nrequires_openai_auth = true\n[auth]\ncommand = 'x'\n"
        ),
        p(Key::Auth, "provider auth cannot be combined with experimental_bearer_token, requires_openai_auth")
    );
    assert_eq!(judged("name = 'P'\nrequires_openai_auth = false\n[auth]\ncommand = 'x'\n"), None);
    assert_eq!(
        judged("name = 'P'\n[aws]\nregion = 'x'\n"),
        p(Key::Aws, "provider aws is only supported for `amazon-bedrock` or `amazon-bedrock-runtime`")
    );
}

#[test]
fn s_22_a_gateway_has_one_source_of_its_credential() {
    let source = "choose one gateway credential source: credential_export or OAuth settings \
                  (authorization_url, token_url, and client_id)";
    let gateway =
        |rest: &str| judged(&format!("name = 'P'\nbase_url = 'https://p.test'\n[gateway_oauth]\n{rest}"));
    let all = "authorization_url = 'https://a'\ntoken_url = 'https://t'\nclient_id = 'c'\n";

    assert_eq!(gateway(all), None);
    assert_eq!(gateway("credential_export = { command = 'keyfob', args = ['token'] }\n"), None);
    for wrong in [
        "",
        "client_id = 'c'\n",
        &format!("credential_export = {{ command = 'k' }}\n{all}"),
        "credential_export = { command = '' }\n",
    ] {
        let expected = Some((Key::GatewayOauth, format!("model_providers.p: {source}")));
        assert_eq!(gateway(wrong), expected, "{wrong}");
    }
}

#[test]
fn s_22_reserved_ids_are_refused_and_others_are_not() {
    for id in ["openai", "ollama", "lmstudio"] {
        let (key, message) = judged_as(id, "name = 'P'\n").unwrap();
        let reserved = format!("model_providers contains reserved built-in provider IDs: `{id}`.");
        assert!(key == Key::Entry && message.starts_with(&reserved), "{message}");
    }
    for id in ["ollama-chat", "oss", "OpenAI"] {
        assert_eq!(judged_as(id, "name = 'P'\n"), None, "{id}");
    }
    for id in AMAZON {
        assert_eq!(judged_as(id, "[aws]\nregion = 'x'\n"), None, "{id}");
    }
}

#[test]
fn s_22_wrong_types_are_told_as_the_codex_cli_tells_them() {
    assert_eq!(parsed("wire_api = 'x'"), "unknown variant `x`, expected `responses`");
    assert!(parsed("wire_api = 'chat'").starts_with("`wire_api = \"chat\"` is no longer supported"));
    assert_eq!(parsed("requires_openai_auth = 'yes'"), "invalid type: string \"yes\", expected a boolean");
    assert_eq!(parsed("http_headers = { X = 1 }"), "invalid type: integer `1`, expected a string");
    assert_eq!(parsed("http_headers = 1"), "invalid type: integer `1`, expected a map");
    assert_eq!(parsed("request_max_retries = -1"), "invalid value: integer `-1`, expected u64");
    let zero = "invalid value: integer `0`, expected a nonzero u64";
    assert_eq!(parsed("[auth]\ncommand = 'x'\ntimeout_ms = 0"), zero);
}

#[test]
fn c_46_a_token_in_the_file_cannot_be_printed() {
    let table = ProviderTable::parse(
        "experimental_bearer_token = 'sk-1'\nhttp_headers = { X = 'sk-2' }\nquery_params = { k = 'sk-3' }\n",
    )
    .unwrap();

    let shown = format!("{table:?}");

    assert!(!shown.contains("sk-"), "{shown}");
}

#[test]
fn s_22_tables_of_several_layers_are_one_key_by_key() {
    let mut strong =
        ProviderTable::parse("name = 'P'\nhttp_headers = { A = 'strong' }\n[auth]\nargs = ['--strong']\n")
            .unwrap();
    let weak = ProviderTable::parse(
        "name = 'weak'\nbase_url = 'https://p.test'\nhttp_headers = { A = 'weak', B = 'weak' }\n\
         [auth]\ncommand = 'x'\nargs = ['--weak']\n",
    )
    .unwrap();

    strong.fill_from(&weak);

    let header = |name: &str| strong.http_headers.get(name).map(|value| value.get_ref().0.expose());
    assert_eq!((header("A"), header("B")), (Some("strong"), Some("weak")));
    assert_eq!(strong.name.as_ref().map(|name| name.get_ref().as_str()), Some("P"));
    assert_eq!(strong.base_url.as_ref().map(|url| url.get_ref().as_str()), Some("https://p.test"));
    let auth = strong.auth.unwrap().into_inner();
    assert_eq!((auth.command.as_deref(), auth.args), (Some("x"), Some(vec!["--strong".into()])));
}

#[test]
fn s_22_the_configuration_names_a_provider_and_holds_entries() {
    let config = Config::parse(
        "model_provider = 'p'\nopenai_base_url = 'https://o.test/v1'\n\n[model_providers.p]\nname = 'P'\n",
    )
    .unwrap();

    assert_eq!(config.model_provider.unwrap().into_inner(), "p");
    assert_eq!(config.openai_base_url.unwrap().into_inner(), "https://o.test/v1");
    assert_eq!(config.model_providers.keys().collect::<Vec<_>>(), ["p"]);
    assert_eq!(
        Config::parse("[model_providers]\np = 1\n").unwrap_err().message,
        "invalid type: integer `1`, expected the table of a provider"
    );
}

use super::*;
use crate::settings::Places;
use std::fs;

/// Loads files of these names and texts; errors name the folder `M`.
fn load(files: &[(&str, &str)], flags: &[&str]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("etc")).unwrap();
    for (name, text) in files {
        crate::on_disk::put(&at(name), text);
    }
    let places = Places {
        system: at("etc"),
        shared: at("config.toml"),
        own: at("own.toml"),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ..Places::default()
    };
    let path = folder.path().display().to_string();
    Settings::load(&places).map_err(|error| error.to_string().replace(&path, "M"))
}

fn user(text: &str) -> Settings {
    load(&[("config.toml", text)], &[]).unwrap()
}

fn line(origin: &Origin) -> (String, usize) {
    (origin.file.file_name().unwrap_or_default().to_string_lossy().into_owned(), origin.line)
}

const GATEWAY: &str = "model_provider = 'gw'\n\n[model_providers.gw]\nname = 'Gateway'\n\
                       base_url = 'https://gw.test/v1'\nrequires_openai_auth = true\n";

#[test]
fn s_22_without_a_choice_it_is_openai_and_the_command_comes_before_the_configuration() {
    let plain = Settings::default().provider(None).unwrap();
    assert_eq!((plain.id.as_str(), plain.chosen, plain.login), ("openai", None, Some(None)));

    let settings = user(GATEWAY);
    let configured = settings.provider(None).unwrap();
    assert_eq!(configured.id, "gw");
    assert_eq!(configured.chosen.as_ref().map(line), Some(("config.toml".into(), 1)));
    let named = settings.provider(Some("ollama")).unwrap();
    assert_eq!((named.id.as_str(), named.chosen, named.login), ("ollama", None, None));
}

#[test]
fn s_22_each_piece_knows_where_it_was_read() {
    let provider = load(
        &[
            ("config.toml", "[model_providers.gw]\nname = 'Gateway'\nhttp_headers = { X-A = 'a' }\n"),
            (
                "etc/config.toml",
                "\n[model_providers.gw]\nbase_url = 'https://gw.test/v1'\nenv_key = 'GW_KEY'\nname = 'weak'\n",
            ),
        ],
        &[],
    )
    .unwrap()
    .provider(Some("gw"))
    .unwrap();

    assert_eq!(provider.name, "Gateway");
    assert_eq!(
        provider.base_url.map(|url| (url.value, url.origin.line)),
        Some(("https://gw.test/v1".into(), 3))
    );
    assert_eq!(provider.env_key.map(|key| (key.value, key.origin.line)), Some(("GW_KEY".into(), 4)));
    let (name, value) = provider.headers.first_key_value().unwrap();
    assert_eq!((name.as_str(), value.value.expose(), value.origin.line), ("X-A", "a", 3));
}

#[test]
fn s_22_an_administrator_pins_the_provider_and_what_it_is() {
    let settings = load(
        &[
            ("config.toml", GATEWAY),
            (
                "etc/requirements.toml",
                "model_provider = 'gw'\n[model_providers.gw]\nbase_url = 'https://pinned.test/v1'\n",
            ),
        ],
        &["model_provider=\"ollama\""],
    )
    .unwrap();

    let provider = settings.provider(None).unwrap();

    assert_eq!(provider.chosen.as_ref().map(line), Some(("requirements.toml".into(), 1)));
    assert_eq!(provider.base_url.map(|url| url.value), Some("https://pinned.test/v1".into()));
    assert_eq!(provider.name, "Gateway");
}

#[test]
fn s_22_an_unknown_provider_is_refused_with_the_nearest_one() {
    let settings = user("[model_providers.gateway]\nname = 'G'\n");

    let unknown = settings.provider(Some("gatway")).unwrap_err();

    let nearest = Some("gateway".into());
    assert_eq!(unknown, ProviderError::NotFound { id: "gatway".into(), chosen: None, nearest });
    let chosen = user("model_provider = 'x9'\n").provider(None).unwrap_err().to_string();
    assert!(chosen.starts_with("model provider `x9` not found (`model_provider` in /"), "{chosen}");
    assert!(matches!(
        settings.provider(Some("amazon-bedrock")),
        Err(ProviderError::Amazon(id)) if id == "amazon-bedrock"
    ));
}

#[test]
fn s_22_an_entry_that_is_wrong_is_an_error_with_its_place_whoever_is_used() {
    let wrong = |text: &str| load(&[("config.toml", text)], &[]).map(drop).unwrap_err();

    assert_eq!(
        wrong("[model_providers.p]\nname = 'P'\nenv_key = 'K'\n[model_providers.p.auth]\ncommand = 'x'\n"),
        "M/config.toml:4:1: model_providers.p: provider auth cannot be combined with env_key\n  |\n\
         4 | [model_providers.p.auth]\n  | ^^^^^^^^^^^^^^^^^^^^^^^^"
    );
    let first = |text: &str| wrong(text).lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        first("\n[model_providers.p]\nbase_url = 'https://p.test'\n"),
        "M/config.toml:2:1: model_providers.p: provider name must not be empty"
    );
    assert!(first("[model_providers.openai]\nname = 'P'\n").starts_with(
        "M/config.toml:1:1: model_providers contains reserved built-in provider IDs: `openai`."
    ));
    let typed = first("[model_providers.p]\nname = 'P'\nexperimental_bearer_token = ['sk-1']\n");
    assert!(typed.starts_with("M/config.toml:3:29: invalid type: sequence, expected a string"), "{typed}");
}

#[test]
fn s_22_a_command_has_a_limit_and_its_token_is_used_for_a_while() {
    let command = |auth: &str| {
        let text =
            format!("[model_providers.p]\nname = 'P'\n[model_providers.p.auth]\ncommand = 'x'\n{auth}");
        user(&text).provider(Some("p")).unwrap().command.unwrap().value
    };

    let usual = command("");
    assert!(usual.folder.as_ref().is_some_and(|folder| folder.is_absolute()), "{usual:?}");
    let below = command("cwd = 'w'\n").folder.unwrap();
    assert!(below.is_absolute() && below.ends_with("w"), "{below:?}");
    assert_eq!(
        TokenCommand { folder: None, ..usual },
        TokenCommand {
            program: "x".into(),
            arguments: vec![],
            folder: None,
            limit: Duration::from_secs(5),
            used_for: Duration::from_mins(5),
        }
    );
    assert_eq!(
        command("args = ['a']\ncwd = '/w'\ntimeout_ms = 7\nrefresh_interval_ms = 0\n"),
        TokenCommand {
            program: "x".into(),
            arguments: vec!["a".into()],
            folder: Some("/w".into()),
            limit: Duration::from_millis(7),
            used_for: Duration::ZERO,
        }
    );
}

#[test]
fn c_23_servers_that_get_the_login_are_named_by_scheme_host_and_port_alone() {
    let own = |text: &str| load(&[("own.toml", text)], &[]);

    let settings = own("login_origins = ['https://gw.test', \"http://127.0.0.1:8401\"]\n").unwrap();
    let urls: Vec<&str> = settings.own().login_origins.iter().map(|url| url.value.as_str()).collect();
    assert_eq!(urls, ["https://gw.test/", "http://127.0.0.1:8401/"]);
    for wrong in [
        "gw.test",
        "http://gw.test",
        "https://u@gw.test",
        "https://gw.test/v1",
        "https://gw.test/?q",
        "*",
        "",
    ] {
        let problem = own(&format!("login_origins = ['{wrong}']\n")).map(drop).unwrap_err();
        assert!(problem.starts_with("M/own.toml:1:18: a server is `https://HOST`"), "{wrong}: {problem}");
    }
}

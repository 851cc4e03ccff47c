use super::*;
use keyfob_issuer_core::device_grant::{Elsewhere, NumberMatch};
use keyfob_issuer_core::user::DeviceCodes;
use std::num::NonZeroU32;

const LOGOUT: &str = "url = \"http://localhost:1\"
[post_logout_redirect_uris]
app_EMoamEEZ73f0CkXaXp7hrann = [\"https://portal.example/bye\", \"http://localhost:3000/\"]";

const BACK_CHANNEL: &str = "url = \"http://localhost:1\"
[backchannel_logout]
allow_private_addresses = true
uris.app_EMoamEEZ73f0CkXaXp7hrann = \"http://127.0.0.1:3000/ended\"";

const ANOMALIES: &str = "url = \"http://localhost:1\"
[anomalies]
webhook = \"http://127.0.0.1:1/hook\"
secret_file = \"webhook.secret\"
allow_private_addresses = true
logins_per_hour = 3";

#[test]
fn settings_come_back_from_their_text() {
    let listen = Some("127.0.0.1:8400".parse().unwrap());
    let config = Config::new("https://id.example.org/", Some("https://api.example.org".into())).unwrap();
    let grace = Grace::new(Duration::from_secs(3), Duration::from_secs(20)).unwrap();
    let database = DatabaseSettings {
        url: DatabaseUrl::parse("postgres://keyfob@db.example/keyfob").unwrap(),
        password_file: Some("database.password".into()),
        connections: 40,
    };
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    let breached_passwords = Some("/srv/breaches".into());
    let devices = DeviceSettings {
        gateway: DeviceCodes::Off,
        number: NumberMatch::On,
        elsewhere: Elsewhere::Refuse,
        most_an_hour: NonZeroU32::new(7).unwrap(),
        ..DeviceSettings::USUAL
    };
    let config = Config {
        listen,
        operations: Some("127.0.0.1:9400".parse().unwrap()),
        administration: Some("127.0.0.1:9401".parse().unwrap()),
        grace,
        database,
        trusted_proxies,
        breached_passwords,
        api_key_exchange: ApiKeyExchange::Allowed,
        devices,
        workloads: Some("workloads.toml".into()),
        outbound_proxy: Some("http://proxy.example:3128".parse().unwrap()),
        browser_sessions: SessionTimes::new(
            Duration::from_mins(90),
            Duration::from_mins(10),
            Duration::from_hours(24),
        )
        .unwrap(),
        anomalies: Config::from_text(ANOMALIES, "issuer.toml").unwrap().anomalies,
        logout_listeners: Config::from_text(BACK_CHANNEL, "issuer.toml").unwrap().logout_listeners,
        logout_targets: Config::from_text(LOGOUT, "issuer.toml").unwrap().logout_targets,
        ..config
    };

    assert_eq!(Config::from_text(&config.to_text(), "issuer.toml").unwrap(), config);
    let bare = Config::from_text("url = \"http://localhost:1\"", "issuer.toml").unwrap();
    assert_eq!(bare.audience.as_str(), "http://localhost:1");
    assert_eq!((bare.database, bare.devices), (DatabaseSettings::default(), DeviceSettings::USUAL));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let refused = |text: &str| Config::from_text(text, "issuer.toml").unwrap_err().to_string();

    assert_eq!(
        refused("url = \"http://localhost:1\"\nlisen = \"127.0.0.1:1\""),
        "issuer.toml holds the unknown key `lisen`; the nearest known one is `listen`"
    );
    assert_eq!(
        refused("url = \"https://a.example/base\""),
        "`url` is https://a.example/base, which must have no path: give the issuer a host name of its own"
    );
    assert_eq!(
        refused("url = \"http://localhost:1\"\ndatabase = \"postgres://u:secret@h/d\""),
        "`database` cannot be used: the address of the database holds a password"
    );
    assert_eq!(
        refused("url = \"http://localhost:1\"\ndatabase_connections = 0"),
        "`database_connections` must be between 1 and 1000"
    );
}

#[test]
fn the_windows_of_spent_refresh_tokens_can_be_narrowed_and_not_widened() {
    let grace = |lines: &str| {
        let text = format!("url = \"http://localhost:1\"\n[refresh]\n{lines}");
        Config::from_text(&text, "issuer.toml").map(|config| config.grace).map_err(|error| error.to_string())
    };
    let chosen = |anonymous, shared| {
        Ok(Grace::new(Duration::from_secs(anonymous), Duration::from_secs(shared)).unwrap())
    };
    let refused = "`refresh` cannot be used: the windows must be at most 10 and 60 seconds, the second no shorter than the first";

    assert_eq!(grace(""), chosen(10, 60));
    assert_eq!(grace("anonymous_grace_seconds = 3\nshared_grace_seconds = 20"), chosen(3, 20));
    assert_eq!(grace("strict = true"), Ok(Grace::STRICT));
    assert_eq!(grace("anonymous_grace_seconds = 11"), Err(refused.into()));
    assert_eq!(grace("shared_grace_seconds = 61"), Err(refused.into()));
    assert_eq!(grace("shared_grace_seconds = 9"), Err(refused.into()));
    assert_eq!(
        grace("strikt = true"),
        Err("issuer.toml holds the unknown key `refresh.strikt`; the nearest known one is `strict`".into())
    );
}

#[test]
fn i_79_a_program_is_told_of_logouts_at_an_https_address_and_there_are_two_programs() {
    let told = |lines: &str| {
        let text = format!("url = \"http://localhost:1\"\n[backchannel_logout]\n{lines}");
        Config::from_text(&text, "issuer.toml").map(|_| ()).map_err(|error| error.to_string())
    };
    let at = |uri: &str| told(&format!("uris.app_EMoamEEZ73f0CkXaXp7hrann = \"{uri}\""));

    assert_eq!(at("https://portal.example/ended?from=keyfob"), Ok(()));
    let wrong = [
        "http://portal.example/",
        "http://127.0.0.1:1/",
        "https://u:p@portal.example/",
        "https://portal.example/#x",
        "x",
    ];
    for wrong in wrong {
        let refused = at(wrong).unwrap_err();
        assert!(refused.starts_with(&format!("`backchannel_logout.uris` holds {wrong}: ")), "{refused}");
    }
    assert_eq!(
        told("uris.nobody = \"https://portal.example/\"").unwrap_err().split(';').next(),
        Some("`backchannel_logout.uris` holds the program `nobody`")
    );
}

#[test]
fn i_67_a_proxy_is_an_address_without_a_path_or_a_password() {
    let proxy = |text: &str| {
        let text = format!("url = \"http://localhost:1\"\noutbound_proxy = \"{text}\"");
        Config::from_text(&text, "issuer.toml").is_ok()
    };

    assert!(proxy("http://proxy.example:3128") && proxy("https://proxy.example/"));
    let wrong =
        ["proxy.example:3128", "socks5://proxy.example", "http://u:p@proxy.example", "http://p/x", "x"];
    assert!(!wrong.into_iter().any(proxy));
}

//! `gateway.toml`: what it takes, and how a wrong one is told.

use keyfob_gateway::config::{ConfigError, EdgeConfig};
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

const START: &str = "listen = '127.0.0.1:0'\nissuer = 'https://id.test'\n";
const DEMO: &str = "[upstream.demo]\nurl = 'demo'\n";

fn read(folder: &Path, text: &str) -> Result<EdgeConfig, ConfigError> {
    let path = folder.join("gateway.toml");
    put(&path, text);
    EdgeConfig::read(&path)
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(crate) fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Returns everything that is said of a wrong file, without the folder that it is in.
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = read(folder.path(), text).unwrap_err();
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    said.join(": ").replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_file_says_what_is_served_and_the_rest_is_as_usual() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("gateway.secret"), "gateway:kfs_1\n");
    put(&folder.path().join("model.key"), "sk-1\n");

    let least = read(folder.path(), &format!("{START}{DEMO}")).unwrap();
    let most = format!(
        "{START}audience = 'https://gateway.test'\nresource_server = 'gateway.secret'\n\
         [revocations]\ngrace = '24h'\n[admin]\nlisten = '127.0.0.1:1'\n\
         [delivery]\nheader = 'X-Gateway-Auth'\ncookie = 'gateway_session'\n[streams]\nlongest = '90s'\n\
         [upstream.models]\nurl = 'https://models.test/v1'\nkey_file = 'model.key'\n"
    );
    let most = read(folder.path(), &most).unwrap();

    let (gateway, usual) = (least.gateway, (Duration::from_hours(1), None));
    assert_eq!((gateway.longest_stream, gateway.feed.map(|feed| feed.grace)), usual);
    assert_eq!((gateway.audience.as_str(), least.admin), ("https://id.test", None));
    let gateway = most.gateway;
    let chosen = (Duration::from_secs(90), Some(Duration::from_hours(24)));
    assert_eq!((gateway.longest_stream, gateway.feed.map(|feed| feed.grace)), chosen);
    assert_eq!(gateway.audience.as_str(), "https://gateway.test");
    assert_eq!(gateway.upstreams[0].upstream().to_string(), "https://models.test/v1");
    assert_eq!(most.admin, Some("127.0.0.1:1".parse().unwrap()));
}

#[test]
fn what_nobody_knows_stops_the_start_with_its_place_and_the_nearest_word() {
    let unknown = [
        (
            "listne = '127.0.0.1:0'",
            "gateway.toml:1:1: `listne` is no key here; the nearest known one is `listen`",
        ),
        (
            "[upstream.a]\nurl = 'demo'\nkeyfile = 'k'",
            "gateway.toml:3:1: `keyfile` is no key here; the nearest known one is `key_file`",
        ),
        (
            "[limits]\nbudgets = '5/day'",
            "gateway.toml:2:1: `budgets` is no key here; the nearest known one is `budget`",
        ),
        (
            "[delivery]\nheaders = 'x'",
            "gateway.toml:2:1: `headers` is no key here; the nearest known one is `header`",
        ),
    ];
    for (text, said) in unknown {
        assert_eq!(refusal(text), said);
    }
}

#[test]
fn g_11_g_15_a_value_that_cannot_be_used_is_named_with_what_is_wanted() {
    let wrong = [
        (String::new(), "gateway.toml:1:1: missing field `listen`"),
        (START.to_owned(), "there is no `[upstream.NAME]`"),
        (
            format!("{START}[upstream.a]\nurl = 'http://10.0.0.1/v1'"),
            "`url` of the upstream `a`: the upstream must use https; http is allowed only on loopback",
        ),
        (format!("{START}[upstream.a]\nurl = 'demo'\nkey_file = 'k'"), "the demo takes no `key_file`"),
        (
            format!("{START}[upstream.a]\nurl = 'https://a.test'\nkey_file = 'k'"),
            "`key_file` of the upstream `a`: cannot read k: No such file or directory (os error 2)",
        ),
        (
            format!("{START}{DEMO}[delivery]\nheader = 'Cookie'"),
            "`delivery`: \"Cookie\" cannot be the header of a credential; choose a name such as X-Gateway-Auth",
        ),
        (
            format!("{START}{DEMO}[revocations]\ngrace = '5m'"),
            "`revocations` needs `resource_server`, the file with this gateway's NAME:SECRET at the issuer",
        ),
        (
            format!("{START}{DEMO}[streams]\nlongest = '25h'"),
            "`streams.longest` must be a time such as \"1h\", at least a second and at most a day",
        ),
    ];
    for (text, said) in wrong {
        assert_eq!(refusal(&text), said, "{text}");
    }
}

#[test]
fn limits_want_what_they_count_with() {
    let data = "data = 'kept'\n";
    let prices = "prices = 'prices.toml'\n";

    for (top, limits, reason) in [
        ("", "streams = 1", "`limits` needs `data`, the folder of the ledger"),
        (
            data,
            "budget = '5/day'",
            "`budget` in `limits` needs `prices`, the file that says what models cost",
        ),
        (
            data,
            "[limits.workspace]\nbudget = '5/day'",
            "`budget` in `limits` needs `prices`, the file that says what models cost",
        ),
        (data, "budget = '5/week'", "a budget is written like \"5.00/day\", with `hour`, `day` or `month`"),
        (data, "[limits.workspace]\nstreams = 0", "expected a nonzero u64"),
    ] {
        let said = refusal(&format!("{START}{top}[limits]\n{limits}\n{DEMO}"));
        assert!(said.contains(reason), "{limits}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("prices.toml"), "currency = 'USD'\n");
    let text = format!("{START}{data}{prices}[limits]\nbudget = '5/day'\n{DEMO}");
    assert!(read(folder.path(), &text).unwrap().gateway.limits.unwrap().has_budget());
}

//! The environment: keyring, credentials, proxies, certificates, ports.

use super::Finding;
use crate::commands::{Acting, Used};
use crate::environment::{Environment, variable};
use crate::output::with_causes;
use crate::settings::{self, Fallback};
use keyfob_client::why::{Found, Source};
use keyfob_codex::client::CALLBACK_PORTS;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// Whether the keyring takes a login, if the configuration asks for it; else only whether there might be one.
pub(super) fn keyring(acting: &Acting, environment: &Environment) -> Finding {
    const CHECK: &str = "keyring";
    let unlock = "unlock the keyring, or set `cli_auth_credentials_store = \"file\"`";
    // That the configuration cannot be read is a finding of its own.
    match settings::keyring(environment, acting.logins.home(), &acting.settings) {
        None => session_bus(),
        Some(keyring) => match (keyring.store.prepare(), keyring.fallback) {
            (Ok(()), _) => Finding::ok(CHECK, "the keyring takes a login"),
            (Err(error), Fallback::None) => Finding::fail(CHECK, with_causes(&error), unlock),
            (Err(error), Fallback::File) => {
                Finding::warn(CHECK, format!("{}; a login goes into the file", with_causes(&error)), unlock)
            }
        },
    }
}

/// Whether there is a session bus, over which a keyring is reached.
fn session_bus() -> Finding {
    const CHECK: &str = "keyring";
    let named = variable("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    let usual = variable("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
    Finding::ok(
        CHECK,
        if named || usual {
            "there is a session bus, over which a keyring can be reached"
        } else {
            "there is no session bus, so only a file can keep the login"
        },
    )
}

/// Whether a variable that comes before the stored login can be used, and what is set to no effect.
pub(super) fn credentials(acting: &Acting) -> Vec<Finding> {
    const CHECK: &str = "credentials";
    let used = Used::find(acting);
    let mut findings = Vec::new();
    for source in [Source::CodexApiKey, Source::CodexAccessToken] {
        let name = source.as_str();
        match used.places.found(source) {
            Found::Absent => {}
            Found::Present => findings.push(Finding::warn(
                CHECK,
                format!("`{name}` is set and comes before the stored login"),
                "`keyfob why` tells what is used; unset it to use the login",
            )),
            Found::Flawed(flaw) => {
                findings.push(Finding::fail(
                    CHECK,
                    format!("`{name}` cannot be used: {flaw}"),
                    "correct or unset it",
                ));
            }
        }
    }
    // Variables by which the real client can be sent elsewhere with a refresh token (security C-21).
    for name in ["CODEX_REFRESH_TOKEN_URL_OVERRIDE", "CODEX_REVOKE_TOKEN_URL_OVERRIDE"] {
        if variable(name).is_some() {
            findings.push(Finding::warn(
                CHECK,
                format!("`{name}` is set; Keyfob ignores it, the Codex CLI sends the refresh token there"),
                "unset it, unless you set it",
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no variable comes before the stored login"));
    }
    findings
}

/// Which proxies are set, by name: an address may hold a password.
pub(super) fn proxies() -> Vec<Finding> {
    const NAMES: [&str; 8] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    let set: Vec<String> =
        NAMES.iter().filter(|name| variable(name).is_some()).map(|name| format!("`{name}`")).collect();
    let what = if set.is_empty() { "none is set".to_owned() } else { format!("set: {}", set.join(", ")) };
    vec![Finding::ok("proxy", what)]
}

/// Whether the file of certificates that is named, if one is, can be opened.
pub(super) fn certificates() -> Vec<Finding> {
    const CHECK: &str = "certificates";
    let named = |name| Some((name, variable(name).filter(|path| !path.is_empty())?));
    let Some((name, path)) = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"].into_iter().find_map(named) else {
        return vec![Finding::ok(CHECK, "those of the system are used")];
    };
    vec![match File::open(&path) {
        Ok(_) => Finding::ok(CHECK, format!("the file that `{name}` names can be opened")),
        Err(error) => Finding::fail(
            CHECK,
            format!("the file that `{name}` names cannot be opened ({})", error.kind()),
            "correct the path, or unset the variable",
        ),
    }]
}

/// Whether a sign-in with the browser can listen where its issuer expects it.
pub(super) fn callback_ports() -> Finding {
    const CHECK: &str = "callback_ports";
    let taken: Vec<String> = CALLBACK_PORTS
        .into_iter()
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err())
        .map(|port| port.to_string())
        .collect();
    if taken.is_empty() {
        let [first, second] = CALLBACK_PORTS;
        return Finding::ok(CHECK, format!("{first} and {second} are free"));
    }
    Finding::warn(
        CHECK,
        format!("in use by another program: {}", taken.join(", ")),
        "a sign-in takes another port; if its issuer refuses that, end the other program",
    )
}

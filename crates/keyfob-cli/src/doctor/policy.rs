//! What restricts sign-in, by whose word, and whether that can be known.

use super::Finding;
use keyfob_settings::{Layer, Restrictions, Settings, SettingsError};

const CHECK: &str = "policy";
const ASK: &str = "ask whoever administers this computer";

/// Names each restriction with its place; what it allows is not told.
pub(super) fn findings(loaded: &Result<Settings, SettingsError>) -> Vec<Finding> {
    match loaded {
        Ok(settings) => restrictions(settings.restrictions()),
        Err(error) if error.is_about_restrictions() => vec![Finding::fail(CHECK, unknown(error), ASK)],
        Err(_) => vec![Finding::warn(
            CHECK,
            "what restricts sign-in is not known, since the configuration cannot be read",
            "`keyfob config check` shows what is wrong there",
        )],
    }
}

fn restrictions(restrictions: &Restrictions) -> Vec<Finding> {
    let pins = [
        restrictions.store().map(|pin| ("cli_auth_credentials_store", &pin.origin, "where logins are kept")),
        restrictions.issuer().map(|pin| ("keyfob.issuer", &pin.origin, "where accounts sign in")),
        restrictions
            .base_url()
            .map(|pin| ("chatgpt_base_url", &pin.origin, "where the Codex CLI sends an account's login")),
    ];
    let methods = restrictions.methods().iter().map(|one| (one.key, &one.origin, "how people sign in"));
    let workspaces =
        restrictions.workspaces().iter().map(|one| (one.key, &one.origin, "which workspaces are used"));
    let all = methods.chain(workspaces).chain(pins.into_iter().flatten());
    let mut findings: Vec<_> = all
        .map(|(key, origin, what)| {
            Finding::ok(CHECK, format!("{} restricts {what}: `{key}` in {origin}", who(origin.layer)))
        })
        .collect();
    if let Some(origin) = restrictions.passed_by_keys() {
        findings.push(Finding::warn(
            CHECK,
            format!("an API key passes the restriction of workspaces in {origin}, since it is of none"),
            "`allowed_login_methods = [\"chatgpt\"]` in requirements.toml keeps keys out",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "nothing restricts sign-in"));
    }
    findings
}

const fn who(layer: Layer) -> &'static str {
    if layer.is_administrators() { "an administrator" } else { "the user" }
}

/// Names the place; nothing of what stands there is told.
fn unknown(error: &SettingsError) -> String {
    match error {
        SettingsError::Invalid { problem, .. } => {
            format!("cannot understand {} from line {} on", problem.file.display(), problem.line)
        }
        SettingsError::Read { .. } | SettingsError::Untrusted { .. } | SettingsError::Conflict(_) => {
            error.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use keyfob_settings::Places;
    use std::{fs, io};

    fn told(files: &[(&str, &str)]) -> Vec<(Verdict, String)> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("etc")).unwrap();
        for (name, text) in files {
            let mut file = fs::File::create(at(name)).unwrap();
            io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
        let places = Places { system: at("etc"), shared: at("user.toml"), ..Places::default() };
        let found = findings(&Settings::load(&places));
        let shown = folder.path().display().to_string();
        found.into_iter().map(|finding| (finding.verdict, finding.what.replace(&shown, "M"))).collect()
    }

    #[test]
    fn s_18_what_restricts_sign_in_is_named_with_its_place_and_without_its_value() {
        let requirements = "allowed_login_methods = [\"chatgpt\", \"api\"]\nallowed_chatgpt_workspaces = [\"w-1\"]\n\
                            cli_auth_credentials_store = \"file\"\n[keyfob]\nissuer = \"https://id.test\"\n";

        let told = told(&[
            ("etc/requirements.toml", requirements),
            ("user.toml", "\nforced_login_method = \"api\"\n"),
        ]);

        let ok = |what: &str| (Verdict::Ok, what.to_owned());
        assert_eq!(
            told,
            [
                ok("an administrator restricts how people sign in: `allowed_login_methods` in M/etc/requirements.toml:1"),
                ok("the user restricts how people sign in: `forced_login_method` in M/user.toml:2"),
                ok("an administrator restricts which workspaces are used: `allowed_chatgpt_workspaces` in \
                    M/etc/requirements.toml:2"),
                ok("an administrator restricts where logins are kept: `cli_auth_credentials_store` in \
                    M/etc/requirements.toml:3"),
                ok("an administrator restricts where accounts sign in: `keyfob.issuer` in M/etc/requirements.toml:5"),
                (
                    Verdict::Warn,
                    "an API key passes the restriction of workspaces in M/etc/requirements.toml:2, since it is of none"
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn c_53_restrictions_that_cannot_be_known_are_a_failure_and_nothing_of_them_is_told() {
        let secret = "allowed_login_methods = [\"canary\"]";
        let unknown = "cannot understand M/etc/requirements.toml from line 1 on";
        assert_eq!(told(&[("etc/requirements.toml", secret)]), [(Verdict::Fail, unknown.to_owned())]);
        let user = "what restricts sign-in is not known, since the configuration cannot be read";
        assert_eq!(told(&[("user.toml", "=")]), [(Verdict::Warn, user.to_owned())]);
        assert_eq!(told(&[]), [(Verdict::Ok, "nothing restricts sign-in".to_owned())]);
    }
}

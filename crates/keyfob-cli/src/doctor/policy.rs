//! The administrator's rules: whether there are any, and whether they can be read.

use super::Finding;
use std::fs;
use std::io;

/// Where the Codex CLI looks for them on this system.
pub(super) const PLACES: [&str; 2] = ["/etc/codex/requirements.toml", "/etc/codex/managed_config.toml"];

/// Looks at each place; what a rule says is not told.
pub(super) fn findings(places: &[&str]) -> Vec<Finding> {
    const CHECK: &str = "policy";
    let mut findings = Vec::new();
    for place in places {
        match fs::read_to_string(place).map(|text| text.parse::<toml::Table>().is_ok()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => findings.push(Finding::fail(
                CHECK,
                format!("{place} cannot be read ({})", error.kind()),
                "ask whoever administers this computer",
            )),
            Ok(false) => findings.push(Finding::fail(
                CHECK,
                format!("{place} is not TOML"),
                "ask whoever administers this computer",
            )),
            Ok(true) => findings.push(Finding::warn(
                CHECK,
                format!("{place} holds an administrator's rules, which Keyfob does not enforce yet"),
                "the Codex CLI does; keep to them",
            )),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no administrator's rules on this computer"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_18_rules_that_are_there_are_named_and_not_said_to_be_enforced() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = folder.path().join(name).display().to_string();
            fs::File::create(&path)
                .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
                .unwrap();
            path
        };
        let good = place("good.toml", "forced_login_method = \"chatgpt\"\n");
        let bad = place("bad.toml", "=");
        let none = format!("{good}.none");

        let found = findings(&[&good, &bad, &none]);

        let expected = [
            ("warn", format!("{good} holds an administrator's rules, which Keyfob does not enforce yet")),
            ("fail", format!("{bad} is not TOML")),
        ];
        let told: Vec<_> =
            found.iter().map(|finding| (finding.verdict.as_str(), finding.what.clone())).collect();
        assert_eq!(told, expected);
        assert_eq!(findings(&[&none]), [Finding::ok("policy", "no administrator's rules on this computer")]);
    }
}

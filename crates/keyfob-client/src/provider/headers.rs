//! The headers that go with each request to a provider, beside its credential.

use keyfob_oauth::Secret;
use keyfob_settings::Provider;
use std::ffi::OsString;

const AUTHORIZATION: &str = "authorization";

/// Returns the headers of `provider`, as the Codex CLI sends them: those from variables in the place of fixed ones, none for
/// a variable that is not set or blank, and none with a name or value that no header has.
///
/// `Authorization` is left out where there `is_authorized` a credential, which goes in it.
pub fn headers(
    provider: &Provider,
    variable: &dyn Fn(&str) -> Option<OsString>,
    is_authorized: bool,
) -> Vec<(String, Secret)> {
    let mut all: Vec<(String, Secret)> = Vec::new();
    let fixed = provider.headers.iter().map(|(name, value)| (name, value.value.clone()));
    let named = provider.variable_headers.iter().filter_map(|(name, from)| {
        let value = variable(from)?.into_string().ok().filter(|value| !value.trim().is_empty())?;
        Some((name, Secret::new(value)))
    });
    for (name, value) in fixed.chain(named) {
        let takes_its_place = is_authorized && name.eq_ignore_ascii_case(AUTHORIZATION);
        if takes_its_place || !is_name(name) || !is_value(value.expose()) {
            continue;
        }
        all.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        all.push((name.clone(), value));
    }
    all
}

/// RFC 9110 §5.6.2.
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// RFC 9110 §5.5, in ASCII.
fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_settings::{Places, Settings};

    fn told(is_authorized: bool) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("config.toml");
        let text = "[model_providers.p]\nname = 'P'\n[model_providers.p.http_headers]\nX-A = 'fixed'\n\
                    Authorization = 'Basic x'\nX-B = 'fixed'\n\"X Y\" = 'no name'\nX-C = \"no\\nvalue\"\n\
                    [model_providers.p.env_http_headers]\nx-b = 'B'\nX-D = 'UNSET'\nX-E = 'BLANK'\n";
        std::fs::File::create(&shared)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
        let settings =
            Settings::load(&Places { system: "/nowhere".into(), shared, ..Places::default() }).unwrap();
        let variable = |name: &str| match name {
            "B" => Some("of the variable".into()),
            "BLANK" => Some(" ".into()),
            _ => None,
        };
        headers(&settings.provider(Some("p")).unwrap(), &variable, is_authorized)
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned()))
            .collect()
    }

    #[test]
    fn s_22_headers_come_from_the_file_and_from_variables_and_what_is_no_header_is_left_out() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());

        let both = [pair("X-A", "fixed"), pair("x-b", "of the variable")];
        assert_eq!(told(true), both);
        assert_eq!(told(false), [&[pair("Authorization", "Basic x")], &both[..]].concat());
    }
}

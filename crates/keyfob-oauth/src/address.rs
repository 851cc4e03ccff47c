//! Addresses that may be handed to a browser, or asked, whoever wrote them.

use crate::id::is_secure_or_loopback;
use url::Url;

/// No sign-in needs a longer one.
const LONGEST: usize = 8 * 1024;

/// Reads an address that is https, or http on loopback, and means nothing else to any program (security C-16).
///
/// A user, a fragment, spaces, quotes and whatever a shell would take for its own make it nothing.
pub fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(is_secure_or_loopback)?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // The parser drops line breaks and tabs, and encodes some of the rest, so what was written is looked at too.
    let is_plain =
        text.len() <= LONGEST && [text, url.as_str()].iter().all(|text| text.chars().all(is_harmless));
    (is_bare && is_plain).then_some(url)
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?&=%+*[]".contains(c)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn c_16_only_a_plain_address_goes_to_a_browser() {
        for good in [
            "https://id.test/oauth/authorize?p=sign-in&x=a%20b",
            "http://127.0.0.1:8400/oauth/authorize",
            "http://[::1]:8400/",
            "http://localhost:8400/",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for hostile in [
            "https://id.test/$(calc)",
            "https://id.test/`calc`",
            "https://id.test\" & calc",
            "https://id.test/a b",
            "https://id.test/a\nb",
            "https://id.test/a\tb",
            "https://id.test/a;calc",
            "https://id.test/a|calc",
            "https://id.test/'a",
            "https://id.test/a\\b",
            "https://id.test/\u{202e}a",
            "https://mia@id.test/",
            "https://id.test/#a",
            "http://id.test/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,a",
            "-profile",
            "--app=https://id.test",
            "",
        ] {
            assert!(parse(hostile).is_none(), "{hostile}");
        }
        assert!(parse(&format!("https://id.test/{}", "a".repeat(super::LONGEST))).is_none());
    }
}

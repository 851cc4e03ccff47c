//! The addresses in a browser's history.

use url::Url;

/// Returns the addresses that a history database holds, in its main file or elsewhere; each may have text after it that
/// belongs to the next.
pub(crate) fn addresses(database: &[u8]) -> Vec<Url> {
    let text = String::from_utf8_lossy(database);
    let is_outside = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\u{fffd}');
    text.split(is_outside)
        .filter_map(|run| {
            let (_before, address) = run.split_once("http://")?;
            Url::parse(&format!("http://{address}")).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_between_other_bytes() {
        let database = b"SQLite\x00\x03http://127.0.0.1:1455/auth/callback?code=c&state=s\xff\xfeno\x01xhttp://localhost/";

        let found: Vec<String> = addresses(database).iter().map(Url::to_string).collect();

        assert_eq!(found, ["http://127.0.0.1:1455/auth/callback?code=c&state=s", "http://localhost/"]);
    }
}

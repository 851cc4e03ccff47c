use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::path::PathBuf;

const VALUE: &str = "q\"7/Zk+2 mVb~0xTt/9é-the-rest-of-it";

fn findings(kind: Kind, value: &str, place: &Place, bytes: &[u8]) -> Vec<Finding> {
    let secrets = HashSet::from([Secret::new(kind, value.as_bytes()).unwrap()]);
    let mut findings = Vec::new();
    Search::new(&secrets).unwrap().look_at(place, bytes, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

fn log() -> Place {
    Place::File(PathBuf::from("issuer/server.log"))
}

fn forms_found(bytes: impl AsRef<[u8]>) -> Vec<&'static str> {
    let around = [b"noise ".as_slice(), bytes.as_ref(), b" noise"].concat();
    findings(Kind::Password, VALUE, &log(), &around).into_iter().map(|finding| finding.form).collect()
}

#[test]
fn a_planted_secret_is_found_in_every_form() {
    let hex = "7122372f5a6b2b32206d56627e307854742f39c3a92d";
    let utf_16: Vec<u8> = VALUE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let percent: String = url::form_urlencoded::byte_serialize(VALUE.as_bytes()).collect();

    assert_eq!(forms_found(VALUE), ["as it is"]);
    assert_eq!(forms_found(hex), ["hex"]);
    assert_eq!(forms_found(hex.to_uppercase()), ["hex, upper case"]);
    assert_eq!(forms_found(percent.replace('+', "%20").replace("%7E", "~")), ["percent-encoded"]);
    assert_eq!(forms_found(serde_json::to_string(VALUE).unwrap()), ["escaped in JSON"]);
    assert_eq!(forms_found(utf_16), ["UTF-16"]);
    assert_eq!(forms_found(STANDARD.encode(VALUE)), ["base64"]);
    assert_eq!(forms_found(STANDARD.encode(format!("u:{VALUE}"))), ["base64"]);
    let unusual = "~?~?~?~?~?~?~?~?";
    let encoded = URL_SAFE.encode(format!("u{unusual}"));
    let found = findings(Kind::Password, unusual, &log(), encoded.as_bytes());
    assert_eq!(found.into_iter().map(|finding| finding.form).collect::<Vec<_>>(), ["base64url"]);
}

#[test]
fn a_planted_secret_is_found_when_it_was_cut_short() {
    let shortened: String = VALUE.chars().take(16).collect();

    assert_eq!(forms_found(format!("{shortened}…")), ["as it is"]);
    assert_eq!(forms_found("q\"7/Zk+2 mVb~0x"), [""; 0]);
}

#[test]
fn a_token_is_known_by_its_signature_and_not_by_what_all_tokens_share() {
    let leaked = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.SIGNATURE-0123456789abcdef";
    let other = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIyIn0.ANOTHER-9876543210-signature";

    assert_eq!(findings(Kind::IdToken, leaked, &log(), other.as_bytes()), []);
    assert_eq!(findings(Kind::IdToken, leaked, &log(), leaked.as_bytes()).len(), 1);
}

#[test]
fn a_secret_may_be_in_its_own_place_and_nowhere_else() {
    let own = Place::File(PathBuf::from("homes/mia/codex/auth.json"));
    let leftover = Place::File(PathBuf::from("homes/mia/codex/.auth-Xy12ab"));
    let value = "kf_rt_0123456789abcdef";

    assert_eq!(findings(Kind::RefreshToken, value, &own, value.as_bytes()), []);
    assert_eq!(findings(Kind::Password, value, &own, value.as_bytes()).len(), 1);
    assert_eq!(
        findings(Kind::RefreshToken, value, &leftover, value.as_bytes()),
        [Finding { kind: Kind::RefreshToken, form: "as it is", place: leftover.clone() }]
    );
}

#[test]
fn a_token_may_be_printed_by_the_one_command_that_is_asked_for_it() {
    let output = |program: &str, stream| Place::Output { program: program.into(), stream };
    let value = "0123456789abcdef";
    let found = |place: &Place| findings(Kind::AccessToken, value, place, value.as_bytes()).len();

    assert_eq!(found(&output("keyfob token", Stream::Stdout)), 0);
    assert_eq!(found(&output("keyfob token", Stream::Stderr)), 1);
    assert_eq!(found(&output("keyfob status", Stream::Stdout)), 1);
}

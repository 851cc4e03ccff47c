//! What is told to programs keeps to `docs/schemas/`, in every state.

use crate::signed_in::{FAR, signed_in, signed_in_at};
use crate::stub::Stub;
use crate::{Home, Ran};
use serde_json::Value;

const STATUS: &str = include_str!("../../../../docs/schemas/status-1.json");
const LOGINS: &str = include_str!("../../../../docs/schemas/logins-1.json");

#[expect(clippy::panic, reason = "a test stops at the first surprise")]
/// The part of JSON Schema that the file uses; a keyword beyond it is a failure.
fn check(value: &Value, schema: &Value, place: &str) {
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "title" | "description" => {}
            "const" => assert_eq!(value, rule, "{place}"),
            "enum" => assert!(rule.as_array().unwrap().contains(value), "{place} is {value}"),
            "type" => {
                let allowed = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                assert!(allowed.contains(&Value::from(kind(value))), "{place} is {value}");
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let has = value.is_null() || value.get(name.as_str().unwrap()).is_some();
                    assert!(has, "{place} has no {name}");
                }
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    let rule =
                        rule.get(name).unwrap_or_else(|| panic!("{place}.{name} is not in the schema"));
                    check(member, rule, &format!("{place}.{name}"));
                }
            }
            "items" => {
                for item in value.as_array().unwrap() {
                    check(item, rule, &format!("{place}[]"));
                }
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn checked(told: &Ran) -> Value {
    checked_by(STATUS, told)
}

/// Returns what was told, if it keeps to the schema of `keyfob logins list`.
pub(crate) fn checked_list(told: &Ran) -> Value {
    checked_by(LOGINS, told)
}

fn checked_by(schema: &str, told: &Ran) -> Value {
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    check(&document, &serde_json::from_str(schema).unwrap(), "it");
    document
}

#[test]
fn every_kind_of_login_is_told_by_the_schema() {
    let (account, _) = signed_in(FAR, "rt-secret");
    let key = Home::holding(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret"}"#);
    for (home, state) in [
        (&account, "active"),
        (&key, "active"),
        (&Home::empty(), "signed_out"),
        (&Home::holding("{"), "store_unavailable"),
    ] {
        assert_eq!(checked(&home.run(&["status", "--json"]))["state"], state);
    }
}

#[test]
fn check_finds_out_that_a_session_was_revoked_which_looks_good_offline() {
    let stub = Stub::open();
    let (home, _) = signed_in_at(&stub.issuer(), FAR, "rt-secret");
    let body = r#"{"error":{"code":"refresh_token_invalidated","message":"m"}}"#;
    let offline = home.run(&["status", "--json"]);
    let before = home.stored();

    let told = stub.answering("401 Unauthorized", body.into(), || home.run(&["status", "--check", "--json"]));

    assert_eq!((offline.code, checked(&offline)["state"].clone()), (Some(0), "active".into()));
    let document = checked(&told);
    assert_eq!(told.code, Some(5));
    assert_eq!(
        (document["state"].clone(), document["reason"].clone()),
        ("session_ended".into(), "revoked".into())
    );
    assert_eq!(home.stored(), before, "a login that has ended stays until a new one is stored");
}

#[test]
fn check_says_that_the_issuer_is_down_and_status_remembers_it() {
    let (home, _) = signed_in(1_000, "rt-secret");

    let told = home.run(&["status", "--check", "--json"]);
    let later = home.run(&["status", "--json"]);

    assert_eq!((told.code, checked(&told)["state"].clone()), (Some(8), "offline".into()));
    assert_eq!(later.code, Some(0));
    assert!(checked(&later)["last_error"]["what"].is_string(), "{later:?}");
}

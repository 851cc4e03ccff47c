//! `store: false` in a request's body, and not another byte changed.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Returns `body` with its member `store` set to `false`; nothing if it is no JSON object.
///
/// Everything else stays as it is, its order and its numbers included. A `store` that stands there twice is set twice,
/// so that it does not matter which of them is read.
pub(crate) fn forbid_store(body: &[u8]) -> Option<Vec<u8>> {
    let Members(members) = serde_json::from_slice(body).ok()?;
    let stores: Vec<Range<usize>> = members
        .iter()
        .filter(|(name, _)| name == "store")
        .filter_map(|(_, value)| body.subslice_of(value.get().as_bytes()))
        .collect();
    let mut written = Vec::with_capacity(body.len() + 16);
    if stores.is_empty() {
        let start = body.iter().position(|byte| *byte == b'{')? + 1;
        let (before, after) = body.split_at_checked(start)?;
        written.extend_from_slice(before);
        written.extend_from_slice(if members.is_empty() { b"\"store\":false" } else { b"\"store\":false," });
        written.extend_from_slice(after);
        return Some(written);
    }
    let mut from = 0;
    for Range { start, end } in stores {
        written.extend_from_slice(body.get(from..start)?);
        written.extend_from_slice(b"false");
        from = end;
    }
    written.extend_from_slice(body.get(from..)?);
    Some(written)
}

/// Where a part of a text lies in it.
trait Within {
    fn subslice_of(&self, part: &Self) -> Option<Range<usize>>;
}

impl Within for [u8] {
    fn subslice_of(&self, part: &Self) -> Option<Range<usize>> {
        let start = part.as_ptr().addr().checked_sub(self.as_ptr().addr())?;
        let end = start.checked_add(part.len())?;
        (end <= self.len()).then_some(start..end)
    }
}

/// The members of an object in their order, repeated ones included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A name, borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_04_storing_is_forbidden_and_nothing_else_is_touched() {
        let forbidden =
            |body: &str| forbid_store(body.as_bytes()).map(|body| String::from_utf8(body).unwrap());

        for (asked, sent) in [
            (r#"{"b":1.50,"a":2}"#, r#"{"store":false,"b":1.50,"a":2}"#),
            (
                r#" { "z" : 1e400 , "store" : true , "a":[{"store":true}] } "#,
                r#" { "z" : 1e400 , "store" : false , "a":[{"store":true}] } "#,
            ),
            (r#"{"store":false}"#, r#"{"store":false}"#),
            (r#"{"store":null,"x":1,"store":true}"#, r#"{"store":false,"x":1,"store":false}"#),
            (r#"{"st\u006fre":true}"#, r#"{"st\u006fre":false}"#),
            ("{}", r#"{"store":false}"#),
            ("{ }", r#"{"store":false }"#),
        ] {
            assert_eq!(forbidden(asked).as_deref(), Some(sent), "{asked}");
        }
        for other in ["", "[]", "\"store\"", "{", "{\"a\":1}x", "\u{1f}"] {
            assert_eq!(forbidden(other), None, "{other}");
        }
    }
}

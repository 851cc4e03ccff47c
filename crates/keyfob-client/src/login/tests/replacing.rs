//! What a new login does with the one in its place.

use super::*;
use crate::store::Location;

/// A stored login of `subject` with members that nobody knows, as a document.
fn stored(issuer: &str, subject: &str) -> String {
    let key = SigningKey::generate().unwrap();
    let claims = json!({ "sub": subject, "https://api.openai.com/auth": { "chatgpt_account_id": "ws" } });
    let id_token = key.sign(TokenType::IdToken, &claims).unwrap();
    format!(
        r#"{{"first":1.50,"auth_mode":"chatgpt","OPENAI_API_KEY":null,"tokens":{{"id_token":"{id_token}",
        "access_token":"a","refresh_token":"old","oauth_provenance":{{"issuer":"{issuer}","client_id":"app",
        "key":null}},"login_owner_id":"old owner","later":[1e400]}},"last":{{"b":1,"a":2}}}}"#
    )
}

/// A sign-in that has verified its tokens, holds the lock and has read `slot`.
fn comparing(slot: Slot, replace: Replace) -> (World, Effect) {
    let (mut world, _) = World::begin(replace);
    world.go_on_to_waiting(slot.clone());
    let claims = world.claims(|_| {});
    world.login.step(called());
    let response = world.response(&claims);
    world.login.step(Event::Answered(Ok(response)));
    assert!(matches!(world.login.step(world.keys()), Effect::Lock));
    assert!(matches!(world.login.step(Event::Locked(Ok(()))), Effect::Load));
    let effect = match world.login.step(Event::Loaded(Ok(slot))) {
        Effect::Note(_) => world.login.step(Event::Noted),
        other => other,
    };
    (world, effect)
}

/// The text that is saved, without the values that are new.
fn saved(effect: Effect) -> String {
    let Effect::Save(_, record) = effect else { panic!("a save, not {effect:?}") };
    let StoredLogin::Account(tokens) = record.login() else { panic!("an account") };
    let owner = record.login_owner_id().unwrap();
    record.to_line().replace(tokens.id_token.expose(), "ID").replace(&owner, "OWNER")
}

const NEW: &str = r#"{"auth_mode":"chatgpt","OPENAI_API_KEY":null,"tokens":{"id_token":"ID","access_token":"at","refresh_token":"rt","oauth_provenance":{"issuer":"https://id.test","client_id":"app"},"login_owner_id":"OWNER","account_id":"ws"},"last_refresh":"1970-01-01T02:46:40Z"}"#;

#[test]
fn c_39_a_new_login_of_the_same_account_keeps_what_it_does_not_know() {
    let slot = holds(&stored("https://id.test", "mia"));

    let (_, effect) = comparing(slot, Replace::SameIssuer);

    let expected = NEW
        .replace("{\"auth_mode\"", "{\"first\":1.50,\"auth_mode\"")
        .replace("\"app\"}", "\"app\",\"key\":null}")
        .replace("\"OWNER\",", "\"OWNER\",\"later\":[1e400],")
        .replace(",\"last_refresh\"", ",\"last\":{\"b\":1,\"a\":2},\"last_refresh\"");
    assert_eq!(saved(effect), expected);
}

#[test]
fn c_39_what_is_not_known_of_another_account_or_kind_is_not_taken_over() {
    let key = r#"{"first":1,"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#.to_owned();
    for document in [stored("https://id.test", "ada"), stored("https://other.test", "mia"), key] {
        let (_, effect) = comparing(holds(&document), Replace::Anything);

        assert_eq!(saved(effect), NEW, "{document}");
    }
}

fn damaged(bytes: &[u8]) -> Slot {
    let slot = Slot::of(bytes, Location::File("auth.json".into()));
    assert!(matches!(slot, Slot::Corrupt { .. }), "{}", String::from_utf8_lossy(bytes));
    slot
}

#[test]
fn c_38_r_34_a_damaged_login_is_set_aside_before_the_new_one_takes_its_place() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let kinds: [&[u8]; 7] = [
        b"",
        &[0; 512],
        b"{\"auth_mode\":",
        b"\xef\xbb\xbf{}",
        b"{\"auth_mode\":\"apikey\",\"auth_mode\":\"apikey\"}",
        deep.as_bytes(),
        b"{\"a\":\"\xff\"}",
    ];
    for bytes in kinds {
        let slot = damaged(bytes);
        let Slot::Corrupt { bytes: before, .. } = &slot else { panic!("damage") };
        let (mut world, effect) = comparing(slot.clone(), Replace::SameIssuer);
        assert!(matches!(effect, Effect::SetAside(damaged) if damaged == *before));

        let effect = world.login.step(Event::SetAside(Ok("there".into())));
        assert!(matches!(effect, Effect::Save(expected, _) if expected == Some(Digest::of(bytes))));
        assert_eq!(saved(effect), NEW);
        world.login.step(Event::Saved(Ok(Digest::of(b"new"))));

        let Effect::Done(Ok(signed_in)) = world.login.step(Event::Told) else { panic!("a login") };
        assert_eq!((signed_in.superseded, signed_in.set_aside), (Superseded::Nothing, Some("there".into())));
    }
}

#[test]
fn c_38_damage_that_cannot_be_set_aside_is_not_overwritten() {
    let (mut world, _) = comparing(damaged(b"{"), Replace::SameIssuer);

    let full = StoreError::Write { path: "auth.json".into(), source: std::io::ErrorKind::StorageFull.into() };
    let told = world.login.step(Event::SetAside(Err(full)));

    assert!(matches!(told, Effect::Tell(Page::Failed(_))));
    assert!(matches!(world.login.step(Event::Told), Effect::Done(Err(LoginError::Store(_)))));
}

#[test]
fn d_04_what_a_later_release_may_have_written_is_replaced_only_when_asked_to_and_then_set_aside() {
    let later = br#"{"auth_mode":"aModeOfALaterRelease"}"#;
    let (mut careful, _) = World::begin(Replace::SameIssuer);

    let refused = careful.login.step(Event::Loaded(Ok(damaged(later))));
    let (_, effect) = comparing(damaged(later), Replace::Anything);

    let Effect::Done(Err(LoginError::Occupied(Occupied::NotUnderstood(_)))) = refused else {
        panic!("a refusal")
    };
    assert!(matches!(effect, Effect::SetAside(_)));
}

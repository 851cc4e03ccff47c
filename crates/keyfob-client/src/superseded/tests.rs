//! When an old session is ended, and when it is the login itself.

use super::*;
use crate::store::Location;

const THEN: Timestamp = Timestamp::from_unix(1_000_000);

fn old(login: Option<&str>) -> OldSession {
    OldSession {
        issuer: IssuerUrl::parse("https://id.test").unwrap(),
        client_id: ClientId::new("app"),
        refresh_token: RefreshToken::new("old"),
        login: login.map(str::to_owned),
        replaced_by: "new".into(),
    }
}

fn slot(document: &str) -> Slot {
    Slot::of(document.as_bytes(), Location::File("auth.json".into()))
}

fn holding(refresh_token: &str, login: Option<&str>) -> Slot {
    let owner = login.map_or(String::new(), |login| format!(r#","login_owner_id":"{login}""#));
    slot(&format!(
        r#"{{"tokens":{{"id_token":"i","access_token":"a","refresh_token":"{refresh_token}"{owner}}}}}"#
    ))
}

#[test]
fn c_64_an_old_session_is_ended_only_if_it_is_not_the_login_any_more() {
    let key = slot(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#);
    let cases = [
        ("the new login", holding("rt", Some("new")), Fate::End),
        ("yet another login", holding("rt", Some("third")), Fate::End),
        ("nothing: signed out meanwhile", Slot::Empty, Fate::End),
        ("an API key", key, Fate::End),
        ("the old login: the new one was never stored", holding("old", Some("old login")), Fate::Forget),
        ("the old login, rotated by another program", holding("rt", Some("old login")), Fate::Forget),
        ("a login without a name", holding("rt", None), Fate::Forget),
        ("damage", slot("{"), Fate::Wait),
    ];
    for (stored, slot, fate) in cases {
        assert_eq!(old(Some("old login")).fate(THEN, &slot, THEN), fate, "{stored}");
    }
    assert_eq!(old(None).fate(THEN, &holding("rt", Some("new")), THEN), Fate::End);
    // It may be the old one, to which a newer Codex CLI gave a name.
    assert_eq!(old(None).fate(THEN, &holding("rt", Some("third")), THEN), Fate::Forget);
}

#[test]
fn c_64_after_a_week_nobody_asks_any_more() {
    let days = |days: u64| THEN.plus(Duration::from_hours(24 * days));
    let fate = |now| old(None).fate(THEN, &Slot::Empty, now);

    assert_eq!((fate(days(7)), fate(days(8))), (Fate::End, Fate::Forget));
    assert_eq!(fate(Timestamp::from_unix(0)), Fate::End, "a clock that was set back");
}

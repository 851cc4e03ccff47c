//! A sign-in whose place is taken (design D14).

use super::*;

/// A sign-in over `stored` that has verified who signed in, and knows under the lock what is stored.
fn comparing(replace: Replace, stored: &str) -> (World, Effect) {
    let mut world = World::waiting_to(replace, holds(stored));
    let claims = world.claims(|_| {});
    world.login.step(called());
    let response = world.response(&claims);
    world.login.step(Event::Answered(Ok(response)));
    assert!(matches!(world.login.step(world.keys()), Effect::Lock));
    assert!(matches!(world.login.step(Event::Locked(Ok(()))), Effect::Load));
    let effect = world.login.step(Event::Loaded(Ok(holds(stored))));
    (world, effect)
}

#[test]
fn d_14_a_login_whose_place_is_taken_goes_beside_and_nothing_is_revoked() {
    for stored in [&account_of("https://other.test"), r#"{"personal_access_token":"at-1"}"#] {
        let (mut world, effect) = comparing(Replace::ElseBeside, stored);
        assert!(world.login.place_is_taken);

        let Effect::GoBeside(account) = effect else { panic!("another place for {stored}") };
        assert_eq!(account.email.as_deref(), Some("mia@example.org"));
        let name = LoginName::parse("mia").unwrap();
        assert!(matches!(world.login.step(Event::WentBeside(Ok(name.clone()))), Effect::Lock));
        assert!(matches!(world.login.step(Event::Locked(Ok(()))), Effect::Load));
        let Effect::Save(None, _) = world.login.step(Event::Loaded(Ok(Slot::Empty))) else {
            panic!("a save")
        };
        world.login.step(Event::Saved(Ok(Digest::of(b"new"))));

        let Effect::Done(Ok(signed_in)) = world.login.step(Event::Told) else { panic!("a login") };
        assert_eq!((signed_in.beside, signed_in.superseded), (Some(name), Superseded::Nothing));
    }
}

#[test]
fn d_14_a_kind_of_a_later_release_keeps_its_place_and_damage_does_not() {
    for (text, taken) in [(r#"{"auth_mode":"later"}"#, true), ("{", false)] {
        let (mut world, _) = World::begin(Replace::ElseBeside);
        let slot = Slot::of(text.as_bytes(), crate::Location::File("auth.json".into()));

        let effect = world.login.step(Event::Loaded(Ok(slot)));

        assert!(matches!(effect, Effect::Prepare), "{effect:?}");
        assert_eq!(world.login.place_is_taken, taken, "{text}");
    }
}

#[test]
fn d_14_the_place_beside_is_not_taken_from_another_login_either() {
    let other = account_of("https://other.test");
    let (mut world, _) = comparing(Replace::ElseBeside, &other);
    world.login.step(Event::WentBeside(Ok(LoginName::parse("mia").unwrap())));
    world.login.step(Event::Locked(Ok(())));

    let told = world.login.step(Event::Loaded(Ok(holds(&other))));

    assert!(matches!(told, Effect::Tell(Page::Failed(_))), "{told:?}");
}

#[test]
fn c_17_somebody_elses_login_is_not_put_beside_in_silence() {
    let key = SigningKey::generate().unwrap();
    let ada = key.sign(TokenType::IdToken, &json!({ "sub": "ada", "email": "ada@example.org" })).unwrap();
    let stored = account_of("https://id.test").replace("\"i\"", &format!("\"{ada}\""));

    let (_, effect) = comparing(Replace::ElseBeside, &stored);

    assert!(matches!(effect, Effect::Tell(Page::Failed(_))), "{effect:?}");
}

#[test]
fn a_login_that_took_its_place_is_not_beside() {
    let (mut world, effect) = comparing(Replace::ElseBeside, &account_of("https://id.test"));

    assert!(matches!(effect, Effect::Note(_)), "{effect:?}");
    assert!(matches!(world.login.step(Event::Noted), Effect::Save(Some(_), _)));
    world.login.step(Event::Saved(Ok(Digest::of(b"new"))));
    world.login.step(Event::Told);
    let done = world.login.step(Event::Revoked(Ok(())));
    assert!(matches!(done, Effect::Done(Ok(SignedIn { beside: None, superseded: Superseded::Revoked, .. }))));
}

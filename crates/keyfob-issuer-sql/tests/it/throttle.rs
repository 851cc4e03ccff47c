//! Tries that are counted for the whole issuer.

use crate::fixture::{Database, on_both};
use crate::world::World;
use keyfob_issuer_core::operation::{TryError, TryOrigin};
use std::time::Duration;

fn from(place: usize, world: Option<&World>) -> TryOrigin {
    let mark = world.map(|world| world.issuer.mark(&world.zoe).unwrap());
    TryOrigin { network: Some(format!("network {place}")), mark }
}

on_both!(i_54_after_a_thousand_tries_from_everywhere_at_everything_only_known_browsers_do_not_wait);
async fn i_54_after_a_thousand_tries_from_everywhere_at_everything_only_known_browsers_do_not_wait(
    database: Database,
) {
    let world = World::start(database).await;
    let attack = async |place: usize| {
        let email = format!("user{place}@example.org");
        world.issuer.candidate(&email, &from(place, None)).await
    };
    // The sign-in of the fixture runs still, and counts.
    for place in 1..1_000 {
        assert!(attack(place).await.is_ok(), "{place}");
    }

    let refused = attack(1_000).await.unwrap_err();
    let TryError::Throttled(throttled) = refused else { panic!("{refused:?}") };
    assert_eq!(throttled.wait, Duration::from_secs(1));
    let unknown = world.issuer.candidate("zoe@example.org", &from(1_001, None)).await;
    assert!(unknown.is_err(), "a browser that nobody has signed in at");
    let known = world.issuer.candidate("zoe@example.org", &from(1_002, Some(&world))).await;
    assert!(known.is_ok(), "one that its person has signed in at");
    world.clock.advance(Duration::from_secs(1));
    assert!(attack(1_003).await.is_ok());
    assert!(attack(1_004).await.is_err(), "one a second");
}

//! Recoverable rotation, every interleaving of it: the real `judge` between two honest processes, a bad network, and a
//! thief (security §7.5).
//!
//! It can fail. Each of these changes alone makes it find a way in which an honest login ends: a limit of 24 h for the
//! same attempt; a successor that counts as confirmed when its answer arrives (as if by use of the access token); ids
//! that differ between the processes; the minute for late duplicates counted from the supersession; an acknowledgement
//! that closes the windows; an id other than the recorded one refused where none is not. Taking an absent id for the
//! recorded one lets the thief in.

mod issuer;
mod world;

use issuer::{Arrival, Attempt};
use stateright::{Checker as _, Model, Property};
use world::{Action, Kind, Lock, Message, Phase, Scenario, Thief, World};

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(self, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.act(self, action);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties =
            vec![Property::always("nothing forbidden happens", |_, world: &World| world.violation.is_none())];
        if self.thief == Thief::Nobody {
            properties.push(Property::always("the login lives", |_, world: &World| world.issuer.is_live));
            properties.push(Property::always("whoever reads the store is served", is_served));
        } else {
            properties
                .push(Property::sometimes("a thief is found out", |_, world: &World| !world.issuer.is_live));
        }
        if !self.is_shared() {
            properties.push(Property::sometimes(
                "an answer lost for days is repeated",
                |_, world: &World| {
                    world.issuer.rows.iter().filter_map(|row| row.spent.as_ref()).any(|spent| {
                    matches!(spent.arrival, Arrival::Acknowledged(at) if at - spent.at > 24 * 3600)
                })
                },
            ));
            properties.push(Property::sometimes("a late duplicate is refused softly", is_superseded));
        }
        properties
    }
}

/// With a stock client, only once all is quiet: what it holds in memory it has still to store.
fn is_served(scenario: &Scenario, world: &World) -> bool {
    let is_quiet = world.processes.iter().all(|process| process.phase == Phase::Idle);
    if scenario.is_shared() {
        !is_quiet || world.issuer.leaf() == world.store
    } else {
        world.issuer.serves(world.store, Attempt::OfDevice, world.now)
    }
}

fn is_superseded(scenario: &Scenario, world: &World) -> bool {
    world.network.iter().any(|message| match *message {
        Message::Refresh { from, token, .. } => {
            let mut issuer = world.issuer.clone();
            let attempt = scenario.attempt(from);
            issuer.present(token, attempt, issuer::Party::Honest, world.now) == issuer::Outcome::Superseded
        }
        Message::Acknowledge { .. } => false,
    })
}

const OURS: Scenario = Scenario {
    processes: [Kind::Ours, Kind::Ours],
    lock: Lock::Works,
    thief: Thief::Nobody,
    rotations: 2,
    steps: 2,
};

fn check(scenario: Scenario) {
    scenario.checker().spawn_bfs().join().assert_properties();
}

#[test]
fn i_27_with_a_working_lock_no_crash_no_loss_and_no_duplicate_ends_a_login() {
    check(OURS);
}

#[test]
fn i_27_with_a_broken_lock_nothing_ends_a_login_either() {
    check(Scenario { lock: Lock::Broken, ..OURS });
}

#[test]
fn i_27_a_stock_client_beside_ours_ends_nothing_by_a_race() {
    check(Scenario { processes: [Kind::Ours, Kind::Stock], ..OURS });
}

#[test]
fn i_27_two_stock_clients_end_nothing_by_a_race() {
    check(Scenario { processes: [Kind::Stock, Kind::Stock], ..OURS });
}

#[test]
fn i_26_a_thief_of_the_token_gets_nothing_after_the_window_and_is_found_out() {
    check(Scenario { thief: Thief::WithoutKey, steps: 1, ..OURS });
}

#[test]
fn i_26_a_thief_beside_a_stock_client_gets_nothing_after_the_wider_window() {
    check(Scenario { processes: [Kind::Ours, Kind::Stock], thief: Thief::WithoutKey, ..OURS });
}

#[test]
fn i_26_a_thief_of_token_and_key_gets_nothing_once_the_owner_confirmed() {
    check(Scenario { thief: Thief::WithKey, steps: 1, ..OURS });
}

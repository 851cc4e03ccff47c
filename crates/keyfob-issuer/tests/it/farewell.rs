//! An issuer that is asked to end while it redeems tokens: what runs is finished or undone, and the logins live.

use crate::crash::{LIMIT, NEVER, TERM, refreshing, serve_until};
use crate::load::{Refreshed, assert_one_leaf_each, logins};
use crate::pressure::{Fault, has_waiting};
use crate::world::{Kept, World};
use keyfob_issuer_core::failpoint::Failpoint;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::task::yield_now;
use tokio::time::timeout;

/// At each point, as the first of many and in the middle of them.
const ROUNDS: usize = 4;
/// By then it has ended, whatever ran.
const FAREWELL: Duration = Duration::from_secs(10);

#[tokio::test]
async fn r_43_who_is_asked_to_end_in_a_token_transaction_ends_in_order_and_no_login_is_lost_on_sqlite() {
    farewells(Kept::InFile).await;
}

#[tokio::test]
async fn r_43_who_is_asked_to_end_in_a_token_transaction_ends_in_order_and_no_login_is_lost_on_postgresql() {
    farewells(Kept::OnServer).await;
}

async fn farewells(kept: Kept) {
    let world = World::keeping(kept).await;
    let host = world.base.strip_prefix("http://").unwrap().to_owned();
    let mut logins = logins(&world).await;

    for round in 0..ROUNDS {
        for point in Failpoint::TOKEN {
            let time = 1 + round * 11;
            let (mut issuer, address) = serve_until(world.data.path(), (TERM, point, time)).await;
            let running = refreshing(logins, &address, &host);
            let ended = timeout(LIMIT, issuer.wait()).await;
            let status = ended.unwrap_or_else(|_| panic!("it was not at {point:?} {time} times")).unwrap();
            assert!(status.success(), "{point:?}: {status}");
            logins = running.join_all().await;
        }
    }

    let (mut issuer, address) = serve_until(world.data.path(), NEVER).await;
    for login in &mut logins {
        assert!(matches!(login.refresh(&address, &host).await, Refreshed::Yes));
    }
    issuer.kill().await.unwrap();
    assert_one_leaf_each(&world).await;
}

#[tokio::test]
async fn r_43_a_token_transaction_that_the_database_keeps_is_undone_and_the_issuer_ends_in_ten_seconds() {
    let world = World::keeping(Kept::OnServer).await;
    let host = world.base.strip_prefix("http://").unwrap().to_owned();
    let mut logins = logins(&world).await;
    let login = &mut logins[0];
    let (mut issuer, address) = serve_until(world.data.path(), NEVER).await;
    let postgres = world.postgres.as_ref().unwrap();
    let fault = Fault::install(postgres, "PERFORM pg_sleep(60);");

    let (refreshed, took) = tokio::join!(login.refresh(&address, &host), async {
        while !has_waiting(postgres, "PgSleep", 1) {
            yield_now().await;
        }
        let asked = Instant::now();
        kill_process(pid(&issuer), Signal::TERM).unwrap();
        let status = timeout(LIMIT, issuer.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
        asked.elapsed()
    });

    assert!(took < FAREWELL, "{took:?}");
    assert!(matches!(refreshed, Refreshed::Perhaps), "nobody was told anything");
    fault.remove();
    let (mut issuer, address) = serve_until(world.data.path(), NEVER).await;
    assert!(matches!(login.refresh(&address, &host).await, Refreshed::Yes), "the token is as it was");
    issuer.kill().await.unwrap();
    assert_one_leaf_each(&world).await;
}

fn pid(issuer: &Child) -> Pid {
    Pid::from_raw(issuer.id().unwrap().try_into().unwrap()).unwrap()
}

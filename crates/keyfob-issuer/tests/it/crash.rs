//! `kill -9` of the issuer at every point of its token transaction, and restarts of its database, all under load.

use crate::load::{Login, Refreshed, assert_one_leaf_each, logins};
use crate::world::{Kept, World};
use keyfob_issuer_core::failpoint::Failpoint;
use keyfob_testing::postgres::Stop;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

const KILLS: usize = 100;
const RESTARTS: usize = 10;
/// Between two restarts, so many refreshes.
const REFRESHES_BETWEEN: usize = 10;
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// What tells the program which signal it is to send itself.
pub(crate) const KILL: &str = "KEYFOB_KILL_AT";
pub(crate) const TERM: &str = "KEYFOB_TERM_AT";
pub(crate) const NEVER: (&str, Failpoint, usize) = (KILL, Failpoint::Begun, usize::MAX);
pub(crate) const SIGKILL: i32 = 9;

#[tokio::test]
async fn r_25_r_26_r_28_no_login_is_lost_by_100_kills_of_the_issuer_in_its_token_transaction_on_sqlite() {
    kills(Kept::InFile).await;
}

#[tokio::test]
async fn r_25_r_26_no_login_is_lost_by_100_kills_of_the_issuer_in_its_token_transaction_on_postgresql() {
    kills(Kept::OnServer).await;
}

async fn kills(kept: Kept) {
    let world = World::keeping(kept).await;
    let host = world.base.strip_prefix("http://").unwrap().to_owned();
    let mut logins = logins(&world).await;

    for kill in 0..KILLS {
        let point = Failpoint::TOKEN[kill % Failpoint::TOKEN.len()];
        // Now one of the first to come is in the middle of it, now one of many.
        let time = 1 + kill * 7 % 40;
        let (mut issuer, address) = serve_until(world.data.path(), (KILL, point, time)).await;
        let running = refreshing(logins, &address, &host);
        let ended = timeout(LIMIT, issuer.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it was not at {point:?} {time} times")).unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "{point:?}: {status}");
        logins = running.join_all().await;
    }

    let (mut issuer, address) = serve_until(world.data.path(), NEVER).await;
    for login in &mut logins {
        assert!(matches!(login.refresh(&address, &host).await, Refreshed::Yes));
    }
    issuer.kill().await.unwrap();
    assert_one_leaf_each(&world).await;
    match kept {
        Kept::InFile => assert_eq!(world.query("PRAGMA integrity_check").await, ["ok"]),
        Kept::OnServer | Kept::OnOwnServer => {}
    }
}

/// Lets each login refresh until it gets no answer.
pub(crate) fn refreshing(logins: Vec<Login>, address: &str, host: &str) -> JoinSet<Login> {
    let mut running = JoinSet::new();
    for mut login in logins {
        let (address, host) = (address.to_owned(), host.to_owned());
        running.spawn(async move {
            while let Refreshed::Yes = login.refresh(&address, &host).await {}
            login
        });
    }
    running
}

/// Starts the program, to send itself a signal when it is at a point for the so-manieth time; returns where it listens.
pub(crate) async fn serve_until(
    data: &Path,
    (signal, point, time): (&str, Failpoint, usize),
) -> (Child, String) {
    let mut issuer = Command::new(env!("CARGO_BIN_EXE_keyfob-issuer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env(signal, format!("{}:{time}", point.name()))
        .env("KEYFOB_LOG", "off")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(issuer.stderr.take().unwrap()).lines();
    let line = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
    let (_, address) = line.rsplit_once(" on ").unwrap_or_else(|| panic!("it does not serve: {line}"));
    (issuer, address.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn r_26_no_login_is_lost_by_restarts_of_postgresql() {
    let world = World::keeping(Kept::OnOwnServer).await;
    let address = world.base.strip_prefix("http://").unwrap().to_owned();
    let mut logins = logins(&world).await;

    for restart in 0..RESTARTS {
        let stop = if restart % 2 == 0 { Stop::Immediate } else { Stop::Fast };
        let mut running = JoinSet::new();
        for login in logins {
            running.spawn(refresh_often(login, address.clone()));
        }
        let postgres = world.postgres.as_ref().unwrap();
        tokio::task::block_in_place(|| postgres.restart(stop)).unwrap();
        logins = timeout(LIMIT, running.join_all()).await.expect("a login waits without end");
    }

    assert_one_leaf_each(&world).await;
}

/// Refreshes so often, and for as long as it takes.
async fn refresh_often(mut login: Login, address: String) -> Login {
    let mut done = 0;
    while done < REFRESHES_BETWEEN {
        match login.refresh(&address, &address).await {
            Refreshed::Yes => done += 1,
            Refreshed::Perhaps => {}
        }
    }
    login
}

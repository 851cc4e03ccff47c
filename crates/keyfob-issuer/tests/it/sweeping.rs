//! What has ended is swept away beside the logins that live, and a sweeper that is killed leaves nothing half.

use crate::crash::{KILL, LIMIT, NEVER, SIGKILL, refreshing, serve_until};
use crate::load::{Refreshed, assert_one_leaf_each, logins};
use crate::world::{Kept, World, on_both};
use keyfob_issuer_core::failpoint::Failpoint;
use std::os::unix::process::ExitStatusExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// More than one transaction of the sweeper takes.
const OLD_FAMILIES: &str = "WITH RECURSIVE numbers(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM numbers WHERE n < 69)
    INSERT INTO refresh_families (id, client_id, subject, workspace_id, scope, auth_time, created_at, generation, status)
    SELECT '00000000-0000-7000-8000-0000000000' || n, 'app_EMoamEEZ73f0CkXaXp7hrann', 'somebody', 'w', 'openid', n, n, 0,
    'live' FROM numbers";
const OLD_TOKENS_IN_FILE: &str = "INSERT INTO refresh_tokens (digest, family_id, generation, issued_at)
    SELECT CAST('token of ' || id AS BLOB), id, 0, created_at FROM refresh_families WHERE subject = 'somebody'";
const OLD_TOKENS_ON_SERVER: &str = "INSERT INTO refresh_tokens (digest, family_id, generation, issued_at)
    SELECT CAST('token of ' || id AS BYTEA), id, 0, created_at FROM refresh_families WHERE subject = 'somebody'";
const OLD_GRANTS: &str = "WITH RECURSIVE numbers(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM numbers WHERE n < 599)
    INSERT INTO authorization_grants (id, client_id, redirect_uri, scope, code_challenge, expires_at, progress)
    SELECT '00000000-0000-7000-8000-000000000' || n, 'app_EMoamEEZ73f0CkXaXp7hrann', 'http://127.0.0.1:1/', 'openid',
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', n, 'denied' FROM numbers";
/// Families, and tokens and grants, that ended long ago; then tokens without a family, or families without one.
const LEFT: &str = "SELECT (SELECT count(*) FROM refresh_families WHERE subject = 'somebody') || ' '
    || (SELECT count(*) FROM refresh_tokens WHERE issued_at < 1000) || ' '
    || (SELECT count(*) FROM authorization_grants WHERE expires_at < 1000) || ' '
    || (SELECT count(*) FROM refresh_tokens WHERE family_id NOT IN (SELECT id FROM refresh_families)) || ' '
    || (SELECT count(*) FROM refresh_families WHERE id NOT IN (SELECT family_id FROM refresh_tokens))";

async fn bury(world: &World) {
    let old_tokens = if world.postgres.is_some() { OLD_TOKENS_ON_SERVER } else { OLD_TOKENS_IN_FILE };
    for sql in [OLD_FAMILIES, old_tokens, OLD_GRANTS] {
        world.query(sql).await;
    }
}

on_both!(r_42_nodes_that_sweep_without_end_take_nothing_from_the_logins_that_refresh);
async fn r_42_nodes_that_sweep_without_end_take_nothing_from_the_logins_that_refresh(kept: Kept) {
    let world = World::keeping(kept).await;
    let address = world.base.strip_prefix("http://").unwrap().to_owned();
    let logins = logins(&world).await;
    bury(&world).await;
    // A file has one node.
    let other = match kept {
        Kept::InFile => None,
        Kept::OnServer | Kept::OnOwnServer => Some(world.reopen().await.unwrap()),
    };

    let mut running = JoinSet::new();
    for mut login in logins {
        let address = address.clone();
        running.spawn(async move {
            for _ in 0..20 {
                assert!(matches!(login.refresh(&address, &address).await, Refreshed::Yes));
            }
        });
    }
    let refreshing = async { while running.join_next().await.transpose().unwrap().is_some() {} };
    let sweeping = async {
        loop {
            match &other {
                Some(other) => drop(tokio::join!(world.sweep(), keyfob_issuer::sweep::once(other))),
                None => world.sweep().await,
            }
        }
    };
    tokio::select! {
        () = refreshing => {}
        () = sweeping => {}
    }

    while world.query(LEFT).await != ["0 0 0 0 0"] {
        world.sweep().await;
    }
    assert_one_leaf_each(&world).await;
}

on_both!(r_42_a_sweeper_that_is_killed_leaves_everything_or_takes_it_whole);
async fn r_42_a_sweeper_that_is_killed_leaves_everything_or_takes_it_whole(kept: Kept) {
    let world = World::keeping(kept).await;
    let host = world.base.strip_prefix("http://").unwrap().to_owned();
    let mut logins = logins(&world).await;
    bury(&world).await;

    for (kill, left) in [(1, "60 60 500 0 0"), (1, "60 60 500 0 0"), (2, "50 50 300 0 0"), (3, "30 30 0 0 0")]
    {
        let (mut issuer, address) = serve_until(world.data.path(), (KILL, Failpoint::Swept, kill)).await;
        let running = refreshing(logins, &address, &host);
        let status = timeout(LIMIT, issuer.wait()).await.unwrap().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "{status}");
        logins = running.join_all().await;
        assert_eq!(world.query(LEFT).await, [left]);
    }

    let (mut issuer, address) = serve_until(world.data.path(), NEVER).await;
    while world.query(LEFT).await != ["0 0 0 0 0"] {
        for login in &mut logins {
            assert!(matches!(login.refresh(&address, &host).await, Refreshed::Yes));
        }
    }
    issuer.kill().await.unwrap();
    assert_one_leaf_each(&world).await;
    match kept {
        Kept::InFile => assert_eq!(world.query("PRAGMA integrity_check").await, ["ok"]),
        Kept::OnServer | Kept::OnOwnServer => {}
    }
}

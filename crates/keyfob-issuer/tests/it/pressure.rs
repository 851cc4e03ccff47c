//! A database under pressure: the issuer tries again inside, or says at once when to come again, and nothing is half done.

use crate::browser::Answer;
use crate::world::{Kept, Tokens, World, codex_request, exchange};
use futures_util::future::join_all;
use keyfob_testing::postgres::Database;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::time::{Duration, Instant};

/// What is told at once is told within a second; the other second is for a machine that does much else.
const AT_ONCE: Duration = Duration::from_secs(2);
/// After a fault, everything is as it was before.
const RECOVERED: Duration = Duration::from_secs(10);

/// Something that goes wrong in the server whenever a refresh family is changed.
pub(crate) struct Fault<'a>(&'a Database);

impl<'a> Fault<'a> {
    /// `what` is a statement of PL/pgSQL.
    pub(crate) fn install(database: &'a Database, what: &str) -> Self {
        let function = format!(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what} RETURN NULL; END $$"
        );
        let trigger = "CREATE TRIGGER fault BEFORE UPDATE ON refresh_families FOR EACH STATEMENT EXECUTE FUNCTION fault()";
        database.query(&format!("{function}; {trigger}")).unwrap();
        Self(database)
    }

    pub(crate) fn remove(self) {
        self.0.query("DROP TRIGGER fault ON refresh_families; DROP FUNCTION fault()").unwrap();
    }
}

/// Whether so many of the server's connections to this database wait for `what`.
pub(crate) fn has_waiting(database: &Database, what: &str, connections: usize) -> bool {
    let counted = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = '{what}'"
    );
    database.query(&counted).unwrap().trim().parse::<usize>().unwrap() >= connections
}

async fn refresh(world: &World, tokens: &Tokens) -> (Answer, Duration) {
    let asked = Instant::now();
    (world.refresh(&tokens.refresh).await, asked.elapsed())
}

fn assert_told_to_come_again(answer: &Answer) {
    let retry_after = answer.headers.get("retry-after").map(|seconds| seconds.to_str().unwrap());
    assert_eq!((answer.status, retry_after), (503, Some("1")), "{}", answer.body);
}

/// Asserts that the login goes on with the token that it had, and that no other one was left behind.
async fn assert_unharmed(world: &World, tokens: &Tokens) {
    let began = Instant::now();
    let (answer, _) = refresh(world, tokens).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(began.elapsed() < RECOVERED, "{:?}", began.elapsed());
    let family = world.query("SELECT id FROM refresh_families ORDER BY id").await.len();
    let leaves = world.query("SELECT family_id FROM refresh_tokens WHERE superseded_at IS NULL").await;
    assert_eq!(leaves.len(), family);
}

#[tokio::test]
async fn r_27_serialization_failures_and_deadlocks_are_tried_again_inside_and_not_without_end() {
    let world = World::keeping(Kept::OnServer).await;
    let postgres = world.postgres.as_ref().unwrap();
    postgres.query("CREATE SEQUENCE faults").unwrap();
    let mut tokens = world.tokens().await;

    for code in ["40001", "40P01"] {
        let raise = format!("RAISE EXCEPTION 'as asked' USING ERRCODE = '{code}';");
        // What a sequence counts stays counted when the transaction is undone.
        postgres.query("ALTER SEQUENCE faults RESTART").unwrap();
        let some = Fault::install(postgres, &format!("IF nextval('faults') <= 7 THEN {raise} END IF;"));
        let (answer, _) = refresh(&world, &tokens).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.body);
        tokens = Tokens::read(&answer);
        some.remove();

        let all = Fault::install(postgres, &raise);
        let (answer, took) = refresh(&world, &tokens).await;
        assert_told_to_come_again(&answer);
        assert!(took < AT_ONCE, "{code}: {took:?}");
        all.remove();
        let (answer, _) = refresh(&world, &tokens).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.body);
        tokens = Tokens::read(&answer);
    }
    assert_unharmed(&world, &tokens).await;
}

#[tokio::test]
async fn r_27_a_row_that_somebody_keeps_is_not_waited_for() {
    let world = World::keeping(Kept::OnServer).await;
    let (kept, free) = (world.tokens().await, world.tokens().await);
    let mut keeper = PgConnection::connect(&world.postgres.as_ref().unwrap().url()).await.unwrap();
    keeper.execute("BEGIN; SELECT id FROM refresh_families ORDER BY id LIMIT 1 FOR UPDATE").await.unwrap();

    let mut answers = [refresh(&world, &kept).await, refresh(&world, &free).await];

    // Names of one moment sort by chance: one of the two is the one that is kept.
    answers.sort_by_key(|(answer, _)| answer.status);
    let [(goes_on, _), (waits, took)] = &answers[..] else { panic!("two answers") };
    assert_eq!(goes_on.status, 200, "{}", goes_on.body);
    assert_told_to_come_again(waits);
    assert!(*took < AT_ONCE, "{took:?}");
    keeper.execute("ROLLBACK").await.unwrap();
    assert_unharmed(&world, &kept).await;
}

#[tokio::test]
async fn r_27_who_finds_every_connection_taken_is_told_so_and_those_who_hold_them_are_served() {
    // One, which is open from the start: however busy this machine is, nobody waits for another to be opened.
    let world = World::start_with_on("database_connections = 1\n", Kept::OnServer).await;
    let postgres = world.postgres.as_ref().unwrap();
    let (first, second) = (world.tokens().await, world.tokens().await);
    let fault = Fault::install(postgres, "PERFORM pg_sleep(0.6);");
    // Three statements, none of which is long by itself.
    let too = "CREATE TRIGGER fault_too BEFORE INSERT OR UPDATE ON refresh_tokens FOR EACH STATEMENT EXECUTE FUNCTION fault()";
    postgres.query(too).unwrap();

    let ((held, _), (answer, took)) = tokio::join!(refresh(&world, &first), async {
        while !has_waiting(postgres, "PgSleep", 1) {
            tokio::task::yield_now().await;
        }
        refresh(&world, &second).await
    });

    assert_told_to_come_again(&answer);
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(held.status, 200, "{}", held.body);
    postgres.query("DROP TRIGGER fault_too ON refresh_tokens").unwrap();
    fault.remove();
    assert_unharmed(&world, &second).await;
}

#[tokio::test]
async fn r_27_a_statement_that_goes_on_for_long_is_ended_within_a_second_and_undone() {
    let world = World::keeping(Kept::OnServer).await;
    let tokens = world.tokens().await;
    let fault = Fault::install(world.postgres.as_ref().unwrap(), "PERFORM pg_sleep(60);");

    let (answer, took) = refresh(&world, &tokens).await;

    assert_told_to_come_again(&answer);
    assert!(took < AT_ONCE, "{took:?}");
    fault.remove();
    assert_unharmed(&world, &tokens).await;
}

#[tokio::test]
async fn r_27_of_a_hundred_refreshes_after_a_fault_ninety_nine_are_served_in_time() {
    let world = World::keeping(Kept::OnServer).await;
    let mut logins = Vec::new();
    for _ in 0..10 {
        logins.push(world.tokens().await);
    }
    let fault = Fault::install(world.postgres.as_ref().unwrap(), "PERFORM pg_sleep(60);");
    let refused = join_all(logins.iter().map(|tokens| refresh(&world, tokens))).await;
    for (answer, _) in &refused {
        assert_told_to_come_again(answer);
    }

    fault.remove();
    let mut times = Vec::new();
    for _ in 0..10 {
        for tokens in &mut logins {
            let (answer, took) = refresh(&world, tokens).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            *tokens = Tokens::read(&answer);
            times.push(took);
        }
    }

    times.sort();
    println!("after the fault: median {:?}, 99th percentile {:?}", times[50], times[98]);
    assert!(times[98] < RECOVERED, "{times:?}");
    assert_unharmed(&world, &logins[0]).await;
}

#[tokio::test]
async fn r_27_while_another_process_keeps_the_file_everybody_is_told_at_once() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let file = SqliteConnectOptions::new().filename(world.data.path().join("issuer.db"));
    let mut keeper = SqliteConnection::connect_with(&file).await.unwrap();
    keeper.execute("BEGIN IMMEDIATE").await.unwrap();

    let answers = join_all((0..20).map(|_| refresh(&world, &tokens))).await;

    for (answer, took) in &answers {
        assert_told_to_come_again(answer);
        // Who waits behind the one that waits for the file may have come a moment later.
        assert!(*took < AT_ONCE * 2, "{took:?}");
    }
    keeper.execute("ROLLBACK").await.unwrap();
    assert_unharmed(&world, &tokens).await;
}

#[tokio::test]
async fn r_28_a_refresh_that_the_file_refuses_costs_nobody_a_login_who_shares_its_commit() {
    let world = World::start().await;
    let mut logins = Vec::new();
    for _ in 0..16 {
        logins.push(world.tokens().await);
    }
    let refused = "CREATE TRIGGER refused BEFORE INSERT ON refresh_tokens
                   WHEN NEW.family_id = (SELECT max(id) FROM refresh_families)
                   BEGIN SELECT RAISE(ABORT, 'as asked'); END";
    world.query(refused).await;

    for _ in 0..20 {
        let answers = join_all(logins.iter().map(|tokens| refresh(&world, tokens))).await;
        for (tokens, (answer, _)) in logins.iter_mut().zip(&answers) {
            match answer.status {
                200 => *tokens = Tokens::read(answer),
                _ => assert_told_to_come_again(answer),
            }
        }
    }

    let mut refused = 0;
    for tokens in &mut logins {
        let (answer, _) = refresh(&world, tokens).await;
        if answer.status == 200 {
            *tokens = Tokens::read(&answer);
        } else {
            assert_told_to_come_again(&answer);
            refused += 1;
        }
    }
    assert_eq!(refused, 1, "who comes without that one is served");
    world.query("DROP TRIGGER refused").await;
    for tokens in &logins {
        assert_unharmed(&world, tokens).await;
    }
}

#[tokio::test]
async fn r_28_a_code_that_the_file_refuses_costs_nobody_a_login_who_shares_its_commit() {
    let world = World::start().await;
    let mut codes = Vec::new();
    for _ in 0..8 {
        codes.push(world.code(&codex_request()).await);
    }
    let refused = "CREATE TRIGGER refused BEFORE UPDATE ON authorization_grants
                   WHEN NEW.id = (SELECT max(id) FROM authorization_grants)
                   BEGIN SELECT RAISE(ABORT, 'as asked'); END";
    world.query(refused).await;
    let redeem = async |code: &String| world.browser().post("/oauth/token", &exchange(code)).await;

    let mut logins = Vec::new();
    for _ in 0..10 {
        let answers = join_all(codes.iter().map(&redeem)).await;
        let mut left = Vec::new();
        for (code, answer) in codes.into_iter().zip(&answers) {
            if answer.status == 200 {
                logins.push(Tokens::read(answer));
            } else {
                assert_told_to_come_again(answer);
                left.push(code);
            }
        }
        codes = left;
    }

    let mut refused = Vec::new();
    for code in codes {
        let answer = redeem(&code).await;
        if answer.status == 200 {
            logins.push(Tokens::read(&answer));
        } else {
            assert_told_to_come_again(&answer);
            refused.push(code);
        }
    }
    let [refused] = &refused[..] else { panic!("{} are refused that come without that one", refused.len()) };
    world.query("DROP TRIGGER refused").await;
    logins.push(Tokens::read(&redeem(refused).await));
    assert_eq!(world.query("SELECT id FROM refresh_families").await.len(), 8);
    for tokens in &logins {
        assert_unharmed(&world, tokens).await;
    }
}

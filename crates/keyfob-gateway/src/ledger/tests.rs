use super::usage::{UsageError, Whose, report, report_within};
use super::{Ledger, Reserved, Settled, Spent, State};
use crate::tokens::Tokens;
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Money;
use keyfob_usage::{By, Report};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// 2027-01-15 08:00:00 UTC.
const NOW: i64 = 1_800_000_000;

fn reserved(id: &str, subject: &str, key: Option<&str>) -> Reserved {
    Reserved {
        request_id: id.into(),
        at: Timestamp::from_unix(NOW),
        subject: subject.into(),
        workspace: "w-1".into(),
        credential: "access_token",
        key_id: key.map(str::to_owned),
        route: "responses",
        model: Some("small".into()),
        upstream: "demo".into(),
        tokens: Tokens { input: 10, output: 1_000, ..Tokens::default() },
        price: Some(Money::from_nano(5_000)),
    }
}

fn settled(id: &str, state: State) -> Settled {
    Settled {
        request_id: id.into(),
        state,
        tokens: Tokens { input: 8, cached: 2, output: 20, reasoning: 5 },
        is_estimate: false,
        price: Some(Money::from_nano(700)),
        status: Some(200),
        took: Duration::from_millis(12),
        bytes: 99,
    }
}

fn everything(folder: &tempfile::TempDir, by: By) -> Report {
    report(folder.path(), by, Timestamp::from_unix(0), &Whose::Everybody).unwrap()
}

#[tokio::test]
async fn a_request_counts_its_reservation_until_it_has_ended_and_what_it_used_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    for id in ["r-1", "r-2", "r-3"] {
        ledger.reserve(reserved(id, "u-1", None)).await.unwrap();
    }
    ledger.settle(settled("r-1", State::Settled));
    ledger.settle(settled("r-2", State::Aborted));
    drop(ledger);

    let ledger = Ledger::open(folder.path()).unwrap();
    let spent = ledger.spent_since(Timestamp::from_unix(NOW)).await.unwrap();
    let of = |tokens, nano| Spent {
        at: Timestamp::from_unix(NOW),
        subject: "u-1".into(),
        workspace: "w-1".into(),
        key_id: None,
        tokens,
        price: Money::from_nano(nano),
    };
    assert_eq!(spent, [of(28, 700), of(28, 700), of(1_010, 5_000)]);
    assert_eq!(ledger.spent_since(Timestamp::from_unix(NOW + 1)).await.unwrap(), []);
    let mode = std::fs::metadata(folder.path().join(super::FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_request_stands_in_the_ledger_once_and_one_that_cannot_be_written_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    ledger.reserve(reserved("r-1", "u-1", None)).await.unwrap();

    let (twice, other) = tokio::join!(
        ledger.reserve(reserved("r-1", "u-1", None)),
        ledger.reserve(reserved("r-2", "u-2", None))
    );
    ledger.settle(settled("r-9", State::Settled));
    ledger.settle(settled("r-2", State::Settled));
    ledger.settle(settled("r-2", State::Aborted));
    drop(ledger);

    assert!(twice.is_err() && other.is_ok());
    let lines = everything(&folder, By::Workspace).lines;
    assert_eq!(
        lines.iter().map(|all| (all.requests, all.reserved, all.aborted)).collect::<Vec<_>>(),
        [(2, 1, 0)]
    );
}

#[test]
fn what_stands_in_the_ledger_is_neither_changed_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join(super::FILE)).unwrap();
    let row = "INSERT INTO reserved (request_id, at, subject, workspace, credential, route, upstream, input, output) \
               VALUES ('r', 1, 'u', 'w', 'k', 'r', 'd', 1, 1)";
    connection.execute(row, []).unwrap();
    let end = "INSERT INTO ended VALUES ('r', 'settled', 1, 1, 1, 1, 0, NULL, 200, 1, 1)";
    connection.execute(end, []).unwrap();

    for change in [
        "UPDATE reserved SET input = 0",
        "DELETE FROM reserved",
        "UPDATE ended SET input = 0",
        "DELETE FROM ended",
    ] {
        let refused = connection.execute(change, []).unwrap_err().to_string();
        assert!(refused.starts_with("what stands in the ledger is not "), "{refused}");
    }
}

#[tokio::test]
async fn use_is_added_up_by_caller_workspace_model_and_day_and_written_in_three_ways() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    ledger.reserve(reserved("r-1", "u-1", None)).await.unwrap();
    ledger.reserve(reserved("r-2", "=u-2", Some("k-1"))).await.unwrap();
    ledger.reserve(Reserved { model: None, price: None, ..reserved("r-3", "u-1", None) }).await.unwrap();
    ledger.settle(settled("r-1", State::Settled));
    ledger.settle(settled("r-2", State::Aborted));
    drop(ledger);

    let names = |by| everything(&folder, by).lines.into_iter().map(|line| line.name).collect::<Vec<_>>();
    assert_eq!(names(By::Caller), ["=u-2 in w-1 by key k-1", "u-1 in w-1"]);
    assert_eq!((names(By::Workspace), names(By::Day)), (vec!["w-1".into()], vec!["2027-01-15".into()]));
    assert_eq!(names(By::Model), ["none", "small"]);

    let usage = everything(&folder, By::Caller);
    let text = "caller                  requests  aborted  input  cached  output                             price\n\
                =u-2 in w-1 by key k-1         1        1      8       2      20                        0.0000007\n\
                u-1 in w-1                     2        0     18       2    1020  0.0000007 + 1 without a price\n";
    assert_eq!(
        usage.to_text().split_whitespace().collect::<Vec<_>>(),
        text.split_whitespace().collect::<Vec<_>>()
    );
    let csv = usage.to_csv();
    let line = csv.lines().nth(1).unwrap();
    assert_eq!(line, "\"'=u-2 in w-1 by key k-1\",1,1,0,8,2,20,5,0.0000007,0");
    let json = usage.to_json();
    assert_eq!(
        json["usage"][1],
        serde_json::json!({
            "caller": "u-1 in w-1", "requests": 2, "aborted": 0, "reserved": 1, "input_tokens": 18, "cached_tokens": 2,
            "output_tokens": 1020, "reasoning_tokens": 5, "price": "0.0000007", "unpriced_requests": 1,
        })
    );
    let missing = report(&folder.path().join("x"), By::Day, Timestamp::from_unix(0), &Whose::Everybody);
    assert!(missing.unwrap_err().to_string().contains("holds no ledger"));
}

#[tokio::test]
async fn s_07_a_person_is_told_of_their_keys_too_and_a_key_of_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    for (id, subject, key, workspace) in [
        ("r-1", "u-1", None, "w-1"),
        ("r-2", "u-1", Some("k-1"), "w-1"),
        ("r-3", "u-1", None, "w-2"),
        ("r-4", "u-2", Some("k-2"), "w-1"),
        ("r-5", "u-2", None, "w-1"),
    ] {
        let row = Reserved { workspace: workspace.into(), ..reserved(id, subject, key) };
        ledger.reserve(row).await.unwrap();
    }
    drop(ledger);

    let told = |whose: &Whose, since: i64| {
        let limit = Duration::from_mins(1);
        let report =
            report_within(limit, folder.path(), By::Caller, Timestamp::from_unix(since), whose).unwrap();
        report.lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
    };
    let person = Whose::Person { subject: "u-1".into(), workspace: "w-1".into() };
    assert_eq!(told(&person, NOW), ["u-1 in w-1", "u-1 in w-1 by key k-1"]);
    assert_eq!(told(&Whose::Key("k-1".into()), NOW), ["u-1 in w-1 by key k-1"]);
    assert!(told(&person, NOW + 1).is_empty() && told(&Whose::Key("u-1".into()), NOW).is_empty());
}

#[test]
fn what_is_told_to_one_caller_has_an_end_in_lines_names_and_time() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join(super::FILE)).unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                INSERT INTO reserved (request_id, at, subject, workspace, credential, route, model, upstream, input, output) \
                SELECT 'r' || i, i, 'u', 'w', 'k', 'r', i || printf('%.300c', 'm'), 'd', 1, 1 FROM n";
    connection.execute(rows, [501]).unwrap();
    let whose = Whose::Person { subject: "u".into(), workspace: "w".into() };
    let told =
        |by, since, limit| report_within(limit, folder.path(), by, Timestamp::from_unix(since), &whose);
    let long = Duration::from_mins(1);

    let most = told(By::Model, 2, long).unwrap();

    assert_eq!((most.lines.len(), most.lines[0].name.len()), (500, 200));
    assert!(matches!(told(By::Model, 1, long), Err(UsageError::TooMuch)));
    assert_eq!(told(By::Day, 1, long).unwrap().lines[0].requests, 501);
    assert!(matches!(told(By::Day, 1, Duration::ZERO), Err(UsageError::TooMuch)));
    let steps: String = connection
        .query_row(
            "EXPLAIN QUERY PLAN SELECT 1 FROM reserved WHERE at >= 1 AND subject = 'u' AND workspace = 'w'",
            [],
            |row| row.get("detail"),
        )
        .unwrap();
    assert!(steps.contains("reserved_by_person"), "{steps}");
}

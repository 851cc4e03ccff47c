use super::usage::{Whose, report};
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
    let own = Whose::Person { subject: "u-1".into(), workspace: "w-1".into() };
    let own = report(folder.path(), By::Day, Timestamp::from_unix(0), &own).unwrap();
    assert_eq!(own.lines.iter().map(|line| line.requests).collect::<Vec<_>>(), [2]);
    let missing = report(&folder.path().join("x"), By::Day, Timestamp::from_unix(0), &Whose::Everybody);
    assert!(missing.unwrap_err().to_string().contains("holds no ledger"));
}

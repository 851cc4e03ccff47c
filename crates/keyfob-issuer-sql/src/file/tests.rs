use super::*;
use rusqlite::types::Value;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

fn file() -> (tempfile::TempDir, File) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE things (thing BLOB NOT NULL)").unwrap();
    (directory, File::open(&path, Urgency::Commands).unwrap())
}

fn values(values: &[Value]) -> Cells {
    let mut cells = Cells::default();
    for value in values {
        cells.push(value.into());
    }
    cells
}

const ADD: &str = "INSERT INTO things (thing) VALUES ($1)";

/// How many things are durable.
async fn things(file: &File) -> usize {
    let mut transaction = file.begin(Company::Alone).await.unwrap();
    transaction.query("SELECT thing FROM things", &values(&[]), 9).unwrap().len()
}

/// One transaction that has added a thing and waits for its commit, and one that shares it.
async fn one_waits_and_the_next_has_begun(
    file: &File,
) -> (Pin<Box<impl Future<Output = Result<(), StorageError>> + use<>>>, FileTransaction) {
    let mut first = file.begin(Company::Shared).await.unwrap();
    first.execute(ADD, &values(&[Value::Integer(1)])).unwrap();
    let mut next = Box::pin(file.begin(Company::Shared));
    assert!(poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await);
    let mut committing = Box::pin(first.commit());
    assert!(poll_fn(|context| Poll::Ready(committing.as_mut().poll(context).is_pending())).await);
    let next = next.await.unwrap();
    (committing, next)
}

#[tokio::test]
async fn r_28_when_an_error_undoes_everything_nobody_who_shared_is_told_that_it_is_durable() {
    let (_directory, file) = file();
    let (committing, mut next) = one_waits_and_the_next_has_begun(&file).await;

    next.turn.writer.connection().unwrap().pragma_update(None, "max_page_count", 3).unwrap();
    let full = next.execute(ADD, &values(&[Value::Blob(vec![0; 1 << 20])]));
    assert!(matches!(full, Err(StorageError::Unavailable(_))), "{full:?}");
    assert!(next.roll_back().await.is_ok());

    let failed = committing.await;
    assert!(matches!(failed, Err(StorageError::Unavailable(_))), "{failed:?}");
    assert_eq!(things(&file).await, 0);
}

#[tokio::test]
async fn r_28_nor_when_not_even_undoing_goes_well() {
    let (_directory, file) = file();
    let (committing, next) = one_waits_and_the_next_has_begun(&file).await;

    // As SQLite does by itself after an error of the disk.
    next.turn.writer.connection().unwrap().execute_batch("ROLLBACK").unwrap();
    drop(next);
    let after = file.begin(Company::Shared).await.unwrap();

    assert!(after.commit().await.is_ok());
    let failed = committing.await;
    assert!(matches!(failed, Err(StorageError::Unavailable(_))), "{failed:?}");
}

#[tokio::test]
async fn r_28_one_that_has_decided_is_durable_with_the_others() {
    let (_directory, file) = file();
    let (committing, mut next) = one_waits_and_the_next_has_begun(&file).await;

    next.decided();
    next.execute(ADD, &values(&[Value::Integer(2)])).unwrap();
    next.commit().await.unwrap();

    committing.await.unwrap();
    assert_eq!(things(&file).await, 2);
}

/// How a transaction that has decided, and written, comes to nothing.
const FAILURES: [fn(FileTransaction) -> Option<FileTransaction>; 3] = [
    |mut failing| {
        assert!(failing.execute(ADD, &values(&[Value::Null])).is_err());
        Some(failing)
    },
    |failing| {
        // As SQLite does by itself after an error of the disk.
        failing.turn.writer.connection().unwrap().execute_batch("ROLLBACK").unwrap();
        Some(failing)
    },
    |failing| {
        drop(failing);
        None
    },
];

#[tokio::test]
async fn r_28_when_one_that_has_decided_fails_all_are_told_and_nothing_of_any_is_durable() {
    for (number, fail) in FAILURES.into_iter().enumerate() {
        let (_directory, file) = file();
        let (committing, mut next) = one_waits_and_the_next_has_begun(&file).await;

        next.decided();
        next.execute(ADD, &values(&[Value::Integer(2)])).unwrap();
        if let Some(failed) = fail(next) {
            failed.roll_back().await.unwrap();
        }

        let told = committing.await;
        assert!(matches!(told, Err(StorageError::Unavailable(_))), "{number}: {told:?}");
        assert_eq!(things(&file).await, 0, "{number}");
        let mut again = file.begin(Company::Shared).await.unwrap();
        again.execute(ADD, &values(&[Value::Integer(1)])).unwrap();
        again.commit().await.unwrap();
        assert_eq!(things(&file).await, 1, "{number}: the same, begun anew");
    }
}

#[tokio::test]
async fn r_28_what_an_error_has_undone_is_not_durable_with_what_others_write_after_it() {
    let (_directory, file) = file();
    let (committing, mut next) = one_waits_and_the_next_has_begun(&file).await;
    next.decided();
    next.execute(ADD, &values(&[Value::Integer(2)])).unwrap();
    let mut after = Box::pin(file.begin(Company::Shared));
    assert!(poll_fn(|context| Poll::Ready(after.as_mut().poll(context).is_pending())).await);

    next.turn.writer.connection().unwrap().execute_batch("ROLLBACK").unwrap();
    let undone = next.commit().await;

    let mut after = after.await.unwrap();
    after.execute(ADD, &values(&[Value::Integer(3)])).unwrap();
    after.commit().await.unwrap();
    for told in [undone, committing.await] {
        assert!(matches!(told, Err(StorageError::Unavailable(_))), "{told:?}");
    }
    assert_eq!(things(&file).await, 1);
}

#[tokio::test]
async fn r_28_who_has_only_read_takes_nobody_along_though_a_statement_failed() {
    let (_directory, file) = file();
    let (committing, mut next) = one_waits_and_the_next_has_begun(&file).await;

    assert_eq!(next.query("SELECT thing FROM things", &values(&[]), 9).unwrap().len(), 1);
    assert!(next.query("SELECT abs(-9223372036854775807 - 1)", &values(&[]), 9).is_err());
    assert_eq!(next.turn.reach, Reach::Nothing);
    next.roll_back().await.unwrap();

    committing.await.unwrap();
    assert_eq!(things(&file).await, 1);
}

#[tokio::test]
async fn nothing_is_durable_of_what_an_error_has_undone() {
    let (_directory, file) = file();
    let mut alone = file.begin(Company::Alone).await.unwrap();
    alone.execute(ADD, &values(&[Value::Integer(1)])).unwrap();
    alone.turn.writer.connection().unwrap().execute_batch("ROLLBACK").unwrap();

    assert!(matches!(alone.commit().await, Err(StorageError::Unavailable(_))));
}

#[tokio::test]
async fn a_parameter_has_its_value_wherever_it_stands() {
    let (_directory, file) = file();
    let mut transaction = file.begin(Company::Alone).await.unwrap();
    let values = values(&[Value::Text("a".into()), Value::Text("b".into())]);

    let rows = transaction.query("SELECT $2 || $1 || $2 AS text", &values, 1).unwrap();

    assert_eq!(rows.first().unwrap().read("text"), Some("bab"));
    assert!(transaction.query("SELECT $3", &values, 1).is_err());
}

#[tokio::test]
async fn r_28_a_transaction_begins_when_another_process_lets_go() {
    let (directory, file) = file();
    let other = Connection::open(directory.path().join("file.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = Box::pin(file.begin(Company::Shared));
    assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);

    other.execute_batch("COMMIT").unwrap();

    waiting.await.unwrap();
}

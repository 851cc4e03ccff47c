//! What is logged, for a test to read.

use std::convert::Infallible;
use std::io::{Read as _, Seek as _};
use std::time::Duration;

/// Returns the lines that are logged while `work` goes on for so much `time`.
pub(crate) async fn during(work: impl Future<Output = Infallible>, time: Duration) -> Vec<String> {
    let mut file = tempfile::tempfile().unwrap();
    let log =
        tracing_subscriber::fmt().with_writer(file.try_clone().unwrap()).without_time().with_ansi(false);
    let until_here = tracing::subscriber::set_default(log.finish());
    tokio::time::timeout(time, work).await.unwrap_err();
    drop(until_here);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

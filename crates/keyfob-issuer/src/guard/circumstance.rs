//! Which request is being answered: known to everything that its task does, and to the audit trail above all (I-77).

use keyfob_issuer_core::audit::{Circumstance, Circumstances};

tokio::task_local! {
    static PRESENT: Circumstance;
}

/// The request of the running task.
#[derive(Debug)]
pub(crate) struct OfTask;

impl Circumstances for OfTask {
    fn present(&self) -> Circumstance {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }
}

/// Runs `answering` as the answer to the request that `circumstance` tells of.
pub(crate) async fn within<T>(circumstance: Circumstance, answering: impl Future<Output = T>) -> T {
    PRESENT.scope(circumstance, answering).await
}

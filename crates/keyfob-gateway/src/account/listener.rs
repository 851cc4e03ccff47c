//! What is told on a WebSocket, written down: a row for each answer, beside that of the request that opened it.

use super::Accounts;
use crate::authenticate::Caller;
use crate::ledger::{Receiving, Reserved, Settled, State};
use crate::meter::Answer;
use crate::policy::Route;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot::error::TryRecvError;

/// Writes down the answers on one WebSocket.
#[derive(Debug)]
pub(crate) struct Listener {
    accounts: Arc<Accounts>,
    /// What each row says but for its answer.
    row: Reserved,
    /// What is asked for, in the words of OpenTelemetry's conventions.
    operation: &'static str,
    told: u64,
    /// Rows of which nobody knows yet whether they are durable.
    writing: VecDeque<Receiving>,
}

/// An answer could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be written")]
pub(crate) struct Unwritten;

/// How many rows may wait for the disk.
const MOST_UNWRITTEN: usize = 64;

impl Listener {
    /// Listens to what `upstream` tells `caller`; `model` answers where nobody says another.
    pub(crate) fn new(
        accounts: &Arc<Accounts>,
        request_id: &str,
        caller: &Caller,
        route: Route,
        upstream: &str,
        model: Option<String>,
    ) -> Self {
        let row = Reserved { model, ..accounts.row(request_id, caller, route, upstream) };
        Self {
            accounts: Arc::clone(accounts),
            row,
            operation: route.operation(),
            told: 0,
            writing: VecDeque::new(),
        }
    }

    /// Writes down an answer, without waiting; fails if one before it could not be, or too many are not yet.
    pub(crate) fn note(&mut self, answer: Answer) -> Result<(), Unwritten> {
        let Answer { model, tokens, is_estimate, is_whole } = answer;
        self.told = self.told.saturating_add(1);
        let accounts = &self.accounts;
        let model = model.or_else(|| self.row.model.clone());
        let price = model.as_deref().and_then(|model| accounts.prices.as_ref()?.of(model));
        let price = price.map(|price| price.of(&tokens));
        // The request that opened the WebSocket has the name itself.
        let request_id = format!("{}.{}", self.row.request_id, self.told);
        let row = Reserved {
            request_id: request_id.clone(),
            at: accounts.clock.now(),
            model,
            tokens,
            price,
            ..self.row.clone()
        };
        self.writing.push_back(accounts.ledger.begin(row).map_err(|_| Unwritten)?);
        accounts.metrics.count_tokens(self.operation, &tokens);
        accounts.ledger.settle(Settled {
            request_id,
            state: if is_whole { State::Settled } else { State::Aborted },
            tokens,
            is_estimate,
            price,
            status: None,
            took: Duration::ZERO,
            bytes: 0,
        });
        self.look()
    }

    /// Looks what became of the rows so far.
    fn look(&mut self) -> Result<(), Unwritten> {
        while let Some(first) = self.writing.front_mut() {
            match first.try_recv() {
                Ok(Ok(())) => drop(self.writing.pop_front()),
                Ok(Err(_)) | Err(TryRecvError::Closed) => return Err(Unwritten),
                Err(TryRecvError::Empty) => break,
            }
        }
        if self.writing.len() > MOST_UNWRITTEN { Err(Unwritten) } else { Ok(()) }
    }
}

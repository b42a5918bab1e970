//! Waiting until something is in the log. A `tail` only wakes; what counts is what is read.

use std::time::Duration;

use tenure_api::ErrorCode;
use tenure_event::{Event, SessionId};
use tenure_log::EventLog;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::problem::{Answer, Failure};
use crate::past::{self, parse};

/// What to wait for.
pub(super) struct Wait<'a, L> {
    pub(super) log: &'a L,
    pub(super) session: &'a SessionId,
    /// What is waited for comes after this position.
    pub(super) after: u64,
    /// Kinds that are looked at.
    pub(super) types: &'a [&'a str],
    /// For how long at most; none waits as long as the caller does.
    pub(super) at_most: Option<Duration>,
    /// Set when the daemon is to end.
    pub(super) stopping: &'a CancellationToken,
}

impl<L: EventLog> Wait<'_, L> {
    /// Reads on until `found` makes something of an event; none when time is up.
    pub(super) async fn until<T>(self, mut found: impl FnMut(&Event) -> Option<T>) -> Answer<Option<T>> {
        let deadline = self.at_most.map(|time| Instant::now() + time);
        let mut tail = self.log.tail(self.session);
        let mut after = self.after;
        loop {
            tail.borrow_and_update();
            let (events, scanned_to, last) = self.page(after).await?;
            for event in &events {
                if let Some(it) = found(event) {
                    return Ok(Some(it));
                }
            }
            after = scanned_to;
            if after < last {
                continue;
            }
            let changed = async {
                match deadline {
                    Some(deadline) => timeout_at(deadline, tail.changed()).await.is_ok(),
                    None => tail.changed().await.is_ok(),
                }
            };
            tokio::select! {
                more = changed => if !more { return Ok(None) },
                () = self.stopping.cancelled() => return Err(stopping()),
            }
        }
    }

    async fn page(&self, after: u64) -> Answer<(Vec<Event>, u64, u64)> {
        let page = past::page(self.log, self.session, after, self.types).await?;
        let events = page.events.iter().filter_map(|event| parse(&event.bytes)).collect();
        Ok((events, page.scanned_to, page.last))
    }
}

/// For those who wait when the daemon ends.
pub(super) fn stopping() -> Failure {
    let detail = "the daemon is stopping; ask again with the same id or Idempotency-Key when it is back";
    Failure::new(ErrorCode::NotReady, detail)
}

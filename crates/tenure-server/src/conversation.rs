//! Messages and results read from the log, whole.

use tenure_api::TurnResult;
use tenure_core::projection::{
    EpochChoice, Flow, MessageFold, MessagePage, Position, Span, TurnFold, text_of, turn_result,
};
use tenure_event::{SessionId, TurnId};
use tenure_log::{EventLog, LogError};

pub(crate) mod whole;

use crate::past::{self, parse};

/// About how many bytes of messages a page may have before it ends early.
pub(crate) const PAGE_BYTES: usize = 8 << 20;

/// Which messages.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Of which epochs.
    pub epoch: EpochChoice,
    /// What was taken back, to be left out.
    pub taken_back: Vec<Span>,
}

/// A page of messages from a position on.
pub(crate) async fn page(
    log: &impl EventLog,
    id: &SessionId,
    start: Position,
    wanted: &Wanted,
    limit: usize,
) -> Result<MessagePage, LogError> {
    let mut fold =
        MessageFold::new(start, wanted.epoch, limit, PAGE_BYTES).without(wanted.taken_back.clone());
    let mut after = start.after;
    'read: loop {
        let page = past::page(log, id, after, MessageFold::TYPES).await?;
        for rendered in &page.events {
            let Some(mut event) = parse(&rendered.bytes) else { continue };
            whole::uncut(log, &mut event).await?;
            if fold.event(&event, rendered.bytes.len()) == Flow::Done {
                break 'read;
            }
        }
        after = page.scanned_to;
        if after >= page.last {
            break;
        }
    }
    let mut page = fold.finish();
    for message in &mut page.items {
        whole::parts(log, id, &mut message.parts).await?;
        message.text = text_of(&message.parts);
    }
    Ok(page)
}

/// The result of a turn that ended, read from `after` on.
pub(crate) async fn result(
    log: &impl EventLog,
    id: &SessionId,
    turn: &TurnId,
    mut after: u64,
) -> Result<Option<TurnResult>, LogError> {
    let mut fold = TurnFold::new(turn.clone());
    'read: loop {
        let page = past::page(log, id, after, TurnFold::TYPES).await?;
        for rendered in &page.events {
            let Some(mut event) = parse(&rendered.bytes) else { continue };
            whole::uncut(log, &mut event).await?;
            if fold.event(&event) {
                break 'read;
            }
        }
        after = page.scanned_to;
        if after >= page.last {
            break;
        }
    }
    let Some((end, mut messages)) = fold.finish() else { return Ok(None) };
    for message in &mut messages {
        whole::parts(log, id, &mut message.parts).await?;
    }
    Ok(Some(turn_result(end, messages)))
}

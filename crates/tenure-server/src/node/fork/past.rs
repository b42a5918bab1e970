//! What was said in the session that is forked, as the new one shows it: whole messages, told to be from before it.

use std::collections::VecDeque;

use tenure_api::Problem;
use tenure_core::projection::{EpochChoice, Position, Span};
use tenure_event::{Message, MessageCompleted, MessageOrigin, Seq, SessionId};
use tenure_log::SqliteLog;

use crate::conversation::{self, Wanted};
use crate::problem;

/// Messages of one page.
const PAGE: usize = 500;
/// Messages that are shared at most, the last ones; those before them stand in the session that was forked.
pub(in crate::node) const MESSAGES: usize = 10_000;
/// About how many bytes of them.
pub(in crate::node) const BYTES: usize = 32 << 20;

/// The last of what was said, oldest first.
pub(super) struct Past {
    pub messages: Vec<MessageCompleted>,
    /// How many before them are not among them.
    pub left_out: u64,
}

impl Past {
    /// The same, for those who are told only if there are any.
    pub(super) fn told_left_out(&self) -> Option<u64> {
        (self.left_out > 0).then_some(self.left_out)
    }
}

/// The messages up to an event, without those that were taken back.
pub(super) async fn read(
    log: &SqliteLog,
    id: &SessionId,
    epoch: u32,
    taken_back: Vec<Span>,
    upto: Seq,
) -> Result<Past, Problem> {
    let wanted = Wanted { epoch: EpochChoice::One(epoch), taken_back };
    let mut last = Last::new(MESSAGES, BYTES);
    let mut at = Some(Position::default());
    while let Some(position) = at {
        let page = conversation::page(log, id, position, &wanted, PAGE).await;
        let page = page.map_err(|e| problem::from_log(&e))?;
        at = page.next;
        for message in page.items {
            // What was said before the session has no place in its log.
            if message.seq.is_some_and(|seq| seq > upto) {
                return Ok(last.past());
            }
            last.push(size_of(&message), shared(message));
        }
    }
    Ok(last.past())
}

/// As much of the end as may be kept.
struct Last<T> {
    kept: VecDeque<(usize, T)>,
    bytes: usize,
    left_out: u64,
    most: usize,
    most_bytes: usize,
}

impl<T> Last<T> {
    fn new(most: usize, most_bytes: usize) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, left_out: 0, most, most_bytes }
    }

    fn push(&mut self, size: usize, one: T) {
        self.bytes += size;
        self.kept.push_back((size, one));
        while self.kept.len() > self.most || self.bytes > self.most_bytes {
            let Some((size, _)) = self.kept.pop_front() else { break };
            self.bytes -= size;
            self.left_out += 1;
        }
    }
}

impl Last<MessageCompleted> {
    fn past(self) -> Past {
        Past {
            messages: self.kept.into_iter().map(|(_, message)| message).collect(),
            left_out: self.left_out,
        }
    }
}

/// About how many bytes of an event a message takes.
pub(in crate::node) fn size_of(message: &Message) -> usize {
    serde_json::to_vec(&message.parts).map_or(0, |text| text.len())
}

/// A message as it is told to be from before the session.
pub(in crate::node) fn shared(message: Message) -> MessageCompleted {
    let mut parts = message.parts;
    for part in &mut parts {
        // They are whole: what must not stand in an event is cut off again where they are stored.
        (part.blob, part.bytes) = (None, None);
    }
    MessageCompleted {
        message_id: message.id,
        native_ids: message.native_ids,
        role: message.role,
        parts,
        model: message.model,
        usage: message.usage,
        partial: message.partial,
        origin: Some(MessageOrigin::Native),
        said_at: Some(message.ts),
        parent_tool_id: message.parent_tool_id,
        epoch: 0,
        whole: None,
    }
}

#[cfg(test)]
mod tests {
    use super::Last;

    fn kept(most: usize, most_bytes: usize, sizes: &[usize]) -> (Vec<usize>, u64) {
        let mut last = Last::new(most, most_bytes);
        for (at, size) in sizes.iter().enumerate() {
            last.push(*size, at);
        }
        (last.kept.into_iter().map(|(_, at)| at).collect(), last.left_out)
    }

    #[test]
    fn the_last_ones_are_kept_and_the_others_counted() {
        assert_eq!(kept(3, 100, &[]), (vec![], 0));
        assert_eq!(kept(3, 100, &[1, 1, 1]), (vec![0, 1, 2], 0));
        assert_eq!(kept(3, 100, &[1, 1, 1, 1]), (vec![1, 2, 3], 1));
        assert_eq!(kept(9, 10, &[4, 4, 4, 4]), (vec![2, 3], 2));
        assert_eq!(kept(9, 10, &[4, 40, 4]), (vec![2], 2), "one that is too large by itself");
        assert_eq!(kept(9, 10, &[4, 40]), (vec![], 2));
    }
}

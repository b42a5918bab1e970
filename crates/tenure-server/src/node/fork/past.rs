//! What was said in the session that is forked, as the new one shows it: whole messages, told to be from before it.

use std::collections::VecDeque;

use tenure_api::Problem;
use tenure_core::projection::{EpochChoice, Position};
use tenure_event::{Message, MessageCompleted, MessageOrigin, Seq, SessionId};
use tenure_log::SqliteLog;

use crate::conversation::{self, Wanted};
use crate::{problem, story};

/// Messages of one page.
const PAGE: usize = 500;
/// Messages that are shared at most, the last ones; those before them stand in the session that was forked.
const MESSAGES: usize = 10_000;
/// About how many bytes of them.
const BYTES: usize = 32 << 20;

/// The messages up to an event, oldest first.
pub(super) async fn read(
    log: &SqliteLog,
    id: &SessionId,
    epoch: u32,
    upto: Seq,
) -> Result<Vec<MessageCompleted>, Problem> {
    let taken_back = story::taken_back(log, id).await.map_err(|e| problem::from_log(&e))?;
    let wanted = Wanted { epoch: EpochChoice::One(epoch), taken_back };
    let (mut past, mut bytes) = (VecDeque::new(), 0);
    let mut at = Some(Position::default());
    while let Some(position) = at {
        let page = conversation::page(log, id, position, &wanted, PAGE).await;
        let page = page.map_err(|e| problem::from_log(&e))?;
        at = page.next;
        for message in page.items {
            // What was said before the session has no place in its log.
            if message.seq.is_some_and(|seq| seq > upto) {
                return Ok(past.into_iter().map(|(_, message)| message).collect());
            }
            let size = size_of(&message);
            bytes += size;
            past.push_back((size, shared(message)));
            while past.len() > MESSAGES || bytes > BYTES {
                let Some((size, _)) = past.pop_front() else { break };
                bytes -= size;
            }
        }
    }
    Ok(past.into_iter().map(|(_, message)| message).collect())
}

fn size_of(message: &Message) -> usize {
    serde_json::to_vec(&message.parts).map_or(0, |text| text.len())
}

fn shared(message: Message) -> MessageCompleted {
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
        parent_tool_id: message.parent_tool_id,
        epoch: 0,
        whole: None,
    }
}

//! The result of a turn: what `turn.completed` says, with what was said in the turn.

use tenure_api::TurnResult;
use tenure_event::{Event, Kind, Message, Role, TurnCompleted, TurnId};

use super::{EpochChoice, MessageFold, Position, text_of};

/// Gathers the events of one turn. Events of other turns are passed over.
pub struct TurnFold {
    turn_id: TurnId,
    fold: MessageFold,
    end: Option<TurnCompleted>,
}

impl TurnFold {
    /// Names of the events that the fold looks at.
    pub const TYPES: &'static [&'static str] =
        &["message.completed", "tool.started", "tool.completed", "turn.completed"];

    /// For one turn.
    #[must_use]
    pub fn new(turn_id: TurnId) -> Self {
        let fold = MessageFold::new(Position::default(), EpochChoice::All, usize::MAX, usize::MAX);
        Self { turn_id, fold, end: None }
    }

    /// Takes an event; true once the turn's end was seen.
    pub fn event(&mut self, event: &Event) -> bool {
        match &event.kind {
            Kind::TurnCompleted(data) if data.turn_id == self.turn_id => self.end = Some(data.clone()),
            _ if event.turn_id.as_ref() == Some(&self.turn_id) => {
                self.fold.event(event, 0);
            }
            _ => {}
        }
        self.end.is_some()
    }

    /// The turn's end and what the agent itself said and did in it; none when the end was not among the
    /// events. What subagents said is part of their tool calls and not repeated here.
    #[must_use]
    pub fn finish(self) -> Option<(TurnCompleted, Vec<Message>)> {
        let said = |message: &Message| message.role == Role::Assistant && message.parent_tool_id.is_none();
        let messages = self.fold.finish().items.into_iter().filter(said).collect();
        Some((self.end?, messages))
    }
}

/// Puts a turn's end and its messages together. Parts are taken as they are: a caller that wants them
/// whole fills them before.
#[must_use]
pub fn turn_result(end: TurnCompleted, messages: Vec<Message>) -> TurnResult {
    let texts = messages.iter().rev().map(|message| (&message.id, text_of(&message.parts)));
    let last = texts.into_iter().find(|(_, text)| !text.is_empty());
    let (message_id, text) = match last {
        Some((id, text)) => (Some(id.clone()), text),
        None => (end.message_id, String::new()),
    };
    TurnResult {
        turn_id: end.turn_id,
        message_id,
        outcome: end.outcome,
        stop_reason: end.stop_reason,
        limit: end.limit,
        text,
        parts: messages.into_iter().flat_map(|message| message.parts).collect(),
        usage: end.usage,
        cost_usd: end.cost_usd,
        error: end.error,
    }
}

//! One input and the turn that serves it: sent once (its id makes it so over any loss), followed to the turn's end, and
//! told in a few words. The pieces of text add up to what was said, also when some were missed.
//!
//! It keeps nothing but how far each part was told. Dropping it leaves the turn running.

use std::collections::{HashMap, VecDeque};

use futures_util::Stream;
use serde_json::Value;
use tenure_api::{Receipt, SendInput, TurnResult};
use tenure_event::{
    Ask, EphemeralKind, Event, InputId, Kind, MessageDelta, MessageId, Part, PartBody, Role, SessionId,
    TextKind, ToolCompleted, ToolStarted, TurnId,
};

use crate::{Client, ClientError, Follow, FollowOptions, Followed};

/// Why an input can end without a turn, where its result tells the reason better.
const TOLD_BY_RESULT: [&str; 3] = ["failed", "closed", "destroyed"];

/// What a turn does, in the order in which it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEvent {
    /// A piece of what the agent says, or thinks.
    Text {
        /// Said, or thought.
        kind: TextKind,
        /// The piece. All pieces of a part are the part.
        text: String,
        /// The message it belongs to.
        message_id: MessageId,
        /// The part of it.
        part_id: String,
    },
    /// A tool call began.
    ToolStarted(Box<ToolStarted>),
    /// A tool call ended.
    ToolCompleted(Box<ToolCompleted>),
    /// The agent asks; [`Client::answer`] answers, from here or anywhere.
    Ask(Box<Ask>),
    /// A numbered event of the turn, also where one of the above tells of it.
    Event(Box<Event>),
    /// The connection broke, or is back. Nothing is lost.
    Connection {
        /// Why it broke; none when it is back.
        lost: Option<String>,
    },
    /// The end: how it went. The last item.
    Result(Box<TurnResult>),
}

/// A turn that is followed. See [`Client::stream`].
#[derive(Debug)]
pub struct Turn {
    client: Client,
    session: SessionId,
    input: SendInput,
    receipt: Receipt,
    follow: Follow,
    turn: Option<TurnId>,
    said: Said,
    told: VecDeque<TurnEvent>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Its result is to be asked for.
    Ended,
    Over,
}

impl Client {
    /// Sends an input and gives what its turn does, to the result. Restarts of the daemon are not noticed. The
    /// input gets an id if it has none; the same id again follows the same turn.
    ///
    /// # Errors
    /// As [`Self::send`]. Must be called in a tokio runtime.
    pub async fn stream(&self, session: &SessionId, mut input: SendInput) -> Result<Turn, ClientError> {
        input.id.get_or_insert_with(|| InputId::from_uuid(uuid::Uuid::now_v7()).to_string());
        let receipt = self.send(session, input.clone()).await?;
        // What a running turn has said before a steered input came is not ours.
        let options = FollowOptions { after: receipt.seq.0, deltas: true, ..FollowOptions::default() };
        let follow = self.follow(session, options);
        Ok(Turn {
            client: self.clone(),
            session: session.clone(),
            input,
            receipt,
            follow,
            turn: None,
            said: Said::default(),
            told: VecDeque::new(),
            state: State::Running,
        })
    }
}

impl Turn {
    /// The input as it was admitted.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The next thing that happens; none after the result or an error.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, ClientError>> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Some(Ok(event));
            }
            let step = match self.state {
                State::Running => self.read().await,
                State::Ended => {
                    self.state = State::Over;
                    let asked = self.client.send_and_wait(&self.session, self.input.clone()).await;
                    asked.map(|result| self.told.push_back(TurnEvent::Result(Box::new(result))))
                }
                State::Over => return None,
            };
            if let Err(error) = step {
                self.state = State::Over;
                return Some(Err(error));
            }
        }
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<TurnEvent, ClientError>> {
        futures_util::stream::unfold(self, |mut turn| async { turn.next().await.map(|item| (item, turn)) })
    }

    /// Waits for the end, and gives how it went.
    ///
    /// # Errors
    /// [`ClientError::Cancelled`] if the input was taken back, and those of any request.
    pub async fn result(mut self) -> Result<TurnResult, ClientError> {
        while let Some(event) = self.next().await {
            if let TurnEvent::Result(result) = event? {
                return Ok(*result);
            }
        }
        Err(ClientError::unintelligible("a turn without a result"))
    }

    /// Takes what comes next, and tells of it what is ours.
    async fn read(&mut self) -> Result<(), ClientError> {
        match self.follow.next().await {
            Some(Ok(Followed::Event(event))) => self.event(event.event).await,
            Some(Ok(Followed::Ephemeral(event))) => {
                if let EphemeralKind::MessageDelta(delta) = event.kind
                    && self.is_ours(event.turn_id.as_ref())
                {
                    self.piece(delta);
                }
                Ok(())
            }
            Some(Ok(Followed::Lost { why })) => self.tell(TurnEvent::Connection { lost: Some(why) }),
            Some(Ok(Followed::Back)) => self.tell(TurnEvent::Connection { lost: None }),
            Some(Ok(Followed::Gap { .. })) => Ok(()),
            Some(Err(error)) => Err(error),
            // The session was destroyed: whoever asks how the turn ended is told.
            None => {
                self.state = State::Ended;
                Ok(())
            }
        }
    }

    fn tell(&mut self, event: TurnEvent) -> Result<(), ClientError> {
        self.told.push_back(event);
        Ok(())
    }

    fn is_ours(&self, turn: Option<&TurnId>) -> bool {
        turn.is_some() && turn == self.turn.as_ref()
    }

    async fn event(&mut self, event: Event) -> Result<(), ClientError> {
        let input = self.receipt.input_id.clone();
        match &event.kind {
            Kind::InputStarted(data) if data.input_id == input => self.turn = Some(data.turn_id.clone()),
            Kind::InputCancelled(data) if data.input_id == input => {
                if TOLD_BY_RESULT.contains(&data.reason.as_str()) {
                    self.state = State::Ended;
                    return Ok(());
                }
                return Err(ClientError::Cancelled { reason: data.reason.clone() });
            }
            // What a later daemon tells in another way still tells whose it is.
            Kind::Unknown { name, data } => self.unreadable(name, data, event.turn_id.as_ref()),
            _ => {}
        }
        let ours = self.is_ours(event.turn_id.as_ref());
        if let Kind::TurnCompleted(data) = &event.kind
            && (data.input_ids.contains(&input) || ours && data.input_ids.is_empty())
        {
            self.state = State::Ended;
        }
        if ours {
            self.told.push_back(TurnEvent::Event(Box::new(event.clone())));
            self.of_turn(event.kind).await?;
        }
        Ok(())
    }

    /// Takes from an event that cannot be read whole what there must be: where the turn begins and ends.
    fn unreadable(&mut self, name: &str, data: &Value, turn: Option<&TurnId>) {
        let input = self.receipt.input_id.as_str();
        let of_input = data["input_id"] == input;
        let serves = || data["input_ids"].as_array().is_some_and(|all| all.iter().any(|id| id == input));
        match name {
            "input.started" if of_input => {
                let told = data["turn_id"].as_str().and_then(|id| id.parse().ok());
                self.turn = told.or_else(|| turn.cloned());
            }
            "input.cancelled" if of_input => self.state = State::Ended,
            "turn.completed" if serves() || self.is_ours(turn) => self.state = State::Ended,
            _ => {}
        }
    }

    async fn of_turn(&mut self, kind: Kind) -> Result<(), ClientError> {
        match kind {
            Kind::MessageCompleted(data) if data.role == Role::Assistant && data.parent_tool_id.is_none() => {
                for part in data.parts {
                    self.rest(&data.message_id, part).await?;
                }
            }
            Kind::ToolStarted(data) => self.told.push_back(TurnEvent::ToolStarted(Box::new(data))),
            Kind::ToolCompleted(data) => self.told.push_back(TurnEvent::ToolCompleted(Box::new(data))),
            Kind::AskOpened(data) => self.told.push_back(TurnEvent::Ask(Box::new(data.ask))),
            _ => {}
        }
        Ok(())
    }

    fn piece(&mut self, delta: MessageDelta) {
        // What a subagent says is in its tool's output.
        if delta.parent_tool_id.is_some() {
            return;
        }
        let text = self.said.piece(&delta.part_id, delta.offset, &delta.text);
        self.text(delta.kind, text, delta.message_id, delta.part_id);
    }

    /// What of a part was not told yet.
    async fn rest(&mut self, message_id: &MessageId, part: Part) -> Result<(), ClientError> {
        let (kind, mut whole) = match part.body {
            PartBody::Text { text } => (TextKind::Text, text),
            PartBody::Thought { text } => (TextKind::Thought, text),
            _ => return Ok(()),
        };
        if let Some(hash) = &part.blob {
            let bytes = self.client.blob(&self.session, hash).await?;
            whole = String::from_utf8(bytes).map_err(ClientError::unintelligible)?;
        }
        let text = self.said.rest(&part.id, &whole);
        self.text(kind, text, message_id.clone(), part.id);
        Ok(())
    }

    fn text(&mut self, kind: TextKind, text: String, message_id: MessageId, part_id: String) {
        if !text.is_empty() {
            self.told.push_back(TurnEvent::Text { kind, text, message_id, part_id });
        }
    }
}

/// How much of each part was told, in characters.
#[derive(Debug, Default)]
struct Said(HashMap<String, u64>);

impl Said {
    /// What is new in a piece; nothing if one before it was missed: the end of the message brings both.
    fn piece(&mut self, part: &str, offset: u64, text: &str) -> String {
        let had = self.0.entry(part.to_owned()).or_default();
        let Some(known) = had.checked_sub(offset) else { return String::new() };
        let new: String = text.chars().skip(usize::try_from(known).unwrap_or(usize::MAX)).collect();
        *had += new.chars().count() as u64;
        new
    }

    /// What is left of a part that is whole.
    fn rest(&mut self, part: &str, whole: &str) -> String {
        self.piece(part, 0, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_whatever_comes_twice_or_not_at_all() {
        let mut said = Said::default();
        assert_eq!(said.piece("a", 0, "däne "), "däne ");
        assert_eq!(said.piece("a", 0, "däne 🦀"), "🦀", "told again from the beginning, after a break");
        assert_eq!(said.piece("a", 9, "later"), "", "something is missing before it");
        assert_eq!(said.piece("b", 0, "other"), "other");
        assert_eq!(said.rest("a", "däne 🦀 and later"), " and later");
        assert_eq!(said.rest("a", "däne 🦀 and later"), "");
    }
}
